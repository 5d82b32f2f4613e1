"""Outside messages: every one is read, every valid one is written validly and reads back the same."""

from __future__ import annotations

from pathlib import Path

from tidewaiter.cli.conformance.wco_dm import h7_round_trip_cases, round_trip_cases


def test_every_wco_declaration_makes_the_round(samples: Path) -> None:
    cases = list(round_trip_cases(samples))
    assert len(cases) >= 100
    assert [case for case in cases if not case.passed] == []


def test_every_danish_declaration_makes_the_round(samples: Path) -> None:
    cases = list(h7_round_trip_cases(samples))
    assert len(cases) >= 5
    assert [case for case in cases if not case.passed] == []
