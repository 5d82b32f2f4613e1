"""Group commit: order, sharing, failures and closing, without a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tidewaiter.workflow.grouping import GROUP_MAX, ClosedError, GroupWriter


class Log:
    """Stands where a store does: remembers what each transaction committed."""

    def __init__(self) -> None:
        self.transactions: list[list[Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    @contextmanager
    def begin(self, _: int) -> Iterator[Any]:
        self.entered.set()
        self.gate.wait(60)
        jobs: list[Any] = []
        yield jobs
        self.transactions.append(jobs)


def noted(value: int) -> Any:
    return lambda transaction: (transaction.append(value), value)[1]


def failing(transaction: Any) -> None:
    transaction.append("never committed")
    raise ValueError("no")


def test_a_lone_job_is_written_at_once_by_its_own_thread() -> None:
    log = Log()
    threads: list[int] = []
    writer = GroupWriter(log.begin)
    assert writer.run(lambda transaction: (threads.append(threading.get_ident()), 7)[1]) == 7
    assert threads == [threading.get_ident()]


def test_those_who_come_while_somebody_writes_share_one_transaction() -> None:
    log = Log()
    writer = GroupWriter(log.begin)
    log.gate.clear()
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(writer.run, noted(0))
        log.entered.wait(60)
        others = [pool.submit(writer.run, noted(number)) for number in range(1, 10)]
        while len(writer._waiting) < 9:
            time.sleep(0.001)
        log.gate.set()
        assert first.result(60) == 0
        assert sorted(other.result(60) for other in others) == list(range(1, 10))
    assert [len(each) for each in log.transactions] == [1, 9]


def test_one_failure_in_a_group_fails_only_its_own_job() -> None:
    log = Log()
    writer = GroupWriter(log.begin)
    log.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(writer.run, noted(0))
        log.entered.wait(60)
        others = [pool.submit(writer.run, job) for job in (noted(1), failing, noted(2))]
        while len(writer._waiting) < 3:
            time.sleep(0.001)
        log.gate.set()
        first.result(60)
        with pytest.raises(ValueError, match="no"):
            others[1].result(60)
        assert (others[0].result(60), others[2].result(60)) == (1, 2)
    assert sorted(value for each in log.transactions for value in each) == [0, 1, 2]


def test_many_threads_lose_and_double_nothing() -> None:
    log = Log()
    writer = GroupWriter(log.begin)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda number: writer.run(noted(number)), range(2_000))) == list(range(2_000))
    assert sorted(value for each in log.transactions for value in each) == list(range(2_000))
    assert max(len(each) for each in log.transactions) <= GROUP_MAX


def test_after_closing_nothing_is_taken() -> None:
    writer = GroupWriter(Log().begin)
    writer.run(noted(1))
    writer.close()
    writer.close()
    with pytest.raises(ClosedError):
        writer.run(noted(2))
