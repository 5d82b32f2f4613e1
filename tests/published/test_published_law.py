"""Worked examples published by others, one test each. An example is never edited to follow a change of code.

Each YAML file is one source with title, publisher, address and the day it was read; `outside: false` marks amounts made
from the rules by ourselves. `expect` states only what the source says; amounts are those of the source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidewaiter.cli.conformance import regimes

FOLDER = Path(__file__).parent


def vectors() -> list[Any]:
    return [
        pytest.param(vector, id=f"{file.file}: {vector.name}") for file in regimes.read(FOLDER) for vector in file.cases
    ]


@pytest.mark.parametrize("vector", vectors())
def test_published_example(vector: regimes.Vector) -> None:
    assert regimes.problem(vector) == ""


def test_each_source_says_where_it_was_read() -> None:
    for file in regimes.read(FOLDER):
        assert file.address.startswith(("https://", "http://")), file.file
        assert file.title, file.file
        assert file.publisher, file.file


def test_enough_amounts_come_from_outside() -> None:
    outside, own = regimes.counted(FOLDER)
    assert sum(outside.values()) >= 60
    assert sum(own.values()) < sum(outside.values())
