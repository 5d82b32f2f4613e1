"""Worker processes: in order, each with its own handler, faults handed back, and quick to start."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tidewaiter.workflow.crew import Crew


def add(amount: int) -> Callable[[int], int]:
    """A handler that adds; 0 is more than it can bear."""

    def handle(part: int) -> int:
        if part == 0:
            raise ValueError("nothing to add to")
        return part + amount

    return handle


def test_parts_come_back_in_order_with_what_came_of_them() -> None:
    with Crew[int, int](2, add) as crew:
        crew.begin(10)
        assert list(crew.results(range(1, 9))) == [(number, number + 10) for number in range(1, 9)]


def test_a_fault_is_raised_where_the_part_was_given() -> None:
    with Crew[int, int](1, add) as crew:
        crew.begin(10)
        with pytest.raises(ValueError, match="nothing to add to"):
            list(crew.results([1, 0]))


def test_workers_of_all_crews_are_forked_from_one_process() -> None:
    with Crew[int, int](2, add) as one, Crew[int, int](1, add) as other:
        parents = {parent(pid) for pid in (*one.pids, *other.pids)}
        assert len(parents) == 1
        assert os.getpid() not in parents


def parent(pid: int) -> int:
    """The process that a process was started by."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
