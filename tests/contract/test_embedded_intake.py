"""The embedded intake in a process that is killed while it works: what it told is there, once, and in order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

from conftest import ROOT
from intakes import KNOWN, everything
from tidewaiter.network.adapters.batches import check_for
from tidewaiter.network.adapters.embedded import EmbeddedIntake

ORIGIN = "killed.example/2026"
PROGRAM = """
import asyncio, sys
from pathlib import Path
from intakes import ANNA, KNOWN, batch, number_of
from tidewaiter.network.adapters.batches import check_for
from tidewaiter.network.adapters.embedded import EmbeddedIntake

async def run():
    intake = EmbeddedIntake(Path(sys.argv[1]), check_for(sys.argv[2], KNOWN))
    number = await intake.next_number(number_of(ANNA))
    while True:
        stored = await intake.offer(batch(sys.argv[2], ANNA, number))
        print(number, stored.position, flush=True)
        number += 1

asyncio.run(run())
"""


async def look(path: Path) -> list[tuple[int, int]]:
    """The numbers and positions that are stored."""
    intake = EmbeddedIntake(path, check_for(ORIGIN, KNOWN))
    found = await everything(intake)
    await intake.close()
    return [(number, position) for position, _, number in found]


def test_what_was_told_before_the_kill_is_there(tmp_path: Path) -> None:
    path, told = tmp_path / "intake", list[tuple[int, int]]()
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "PATH": "/usr/bin:/bin"}
    for wanted in (5, 1, 23, 60):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path, ORIGIN], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        for _ in range(wanted):
            number, position = process.stdout.readline().split()
            told.append((int(number), int(position)))
        process.kill()
        rest = process.stdout.read().rpartition("\n")[0]
        told += [(int(a), int(b)) for a, b in map(str.split, rest.splitlines())]
        process.stdout.close()
        process.wait()

        found = asyncio.run(look(path))
        assert [position for _, position in found] == [number for number, _ in found] == list(range(1, len(found) + 1))
        # One may be stored that was not told any more; its submitter hands it in again, and it is there once.
        assert set(found) >= set(told)
        assert len(found) - len(told) <= 1
        told = found
    assert len(told) >= 89
