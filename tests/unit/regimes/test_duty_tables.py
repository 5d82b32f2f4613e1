"""The tables of duty rates say what the outside tariff says, for every tariff line under each code."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tidewaiter.regimes.reading import read_table

TABLES = [("GB/duty-2021.csv", "ukgt_duty_rate"), ("EU/duty-2021.csv", "cet_duty_rate")]


@pytest.mark.parametrize(("name", "column"), TABLES)
def test_every_rate_is_that_of_all_tariff_lines_below(samples: Path, name: str, column: str) -> None:
    below: dict[str, set[str]] = defaultdict(set)
    with (samples / "tariff" / "uk" / "ukgt_and_cet_2021.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            code = row["commodity"].zfill(8 if len(row["commodity"]) <= 8 else 10)  # leading zeros were lost
            for length in (4, 6, 8):
                below[code[:length]].add(row[column])
    for code, percent in read_table(name).items():
        assert {Decimal(rate.removesuffix("%")) for rate in below[code]} == {Decimal(percent)}, code


@pytest.mark.parametrize(("name", "_column"), TABLES)
def test_codes_are_headings_subheadings_or_national_lines(name: str, _column: str) -> None:
    table = read_table(name)
    assert len({code[:4] for code in table}) > 200
    assert all(len(code) in (4, 6, 8) and code.isdigit() for code in table)
    nested = [code for code in table for length in (4, 6) if length < len(code) and code[:length] in table]
    assert not nested, "a code under a heading that already has one rate says it twice"
