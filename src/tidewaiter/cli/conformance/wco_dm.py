"""Conformance with the WCO Data Model: round trips of every declaration sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.round_trip import round_trips
from tidewaiter.messages.h7 import H7Form
from tidewaiter.messages.wco_dm import WcoDmForm

FOLDER = "wco-dm-hmrc-cds"
H7_FOLDER = "eu-h7-denmark"


def round_trip_cases(samples: Path) -> Iterator[Case]:
    """One case for each WCO declaration in a folder of outside samples (or in its part for them)."""
    folder = samples / FOLDER
    yield from round_trips(WcoDmForm(), folder if folder.is_dir() else samples)


def h7_round_trip_cases(samples: Path) -> Iterator[Case]:
    """The same for Danish H7 declarations."""
    folder = samples / H7_FOLDER
    yield from round_trips(H7Form(), folder if folder.is_dir() else samples)
