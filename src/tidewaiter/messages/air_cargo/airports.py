"""Airport and city codes (IATA Resolution 763) and the country each lies in.

The table is that of the package airportsdata, which is kept by hand from public sources and lacks some closed or very
small places.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

PACKAGE = "airportsdata"


def country_of(code: str) -> str:
    """The ISO 3166-1 alpha-2 country of an airport or of a city of several airports; "" where it is not known."""
    return _countries().get(code.strip().upper(), "") if len(code) <= 10 else ""


@cache
def _countries() -> Mapping[str, str]:
    found = dict(_table("iata_macs.csv", "City Code", "Country"))
    found.update(_table("airports.csv", "iata", "country"))
    return found


def _table(name: str, code: str, country: str) -> list[tuple[str, str]]:
    text = (resources.files(PACKAGE) / name).read_text("utf-8")
    return [(row[code], row[country]) for row in csv.DictReader(text.splitlines()) if row[code]]
