"""Which rows of a published table of rules are covered here, by which rule, and why the others are not."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML

from tidewaiter.quality.registry import by_id


class Coverage(StrEnum):
    """How much of a published rule one message and published lists can decide."""

    FULL = "full"
    PART = "part"
    NONE = "none"


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published row: its number, its validation rule, its error code, and what covers it."""

    row: int
    vr: int
    code: str
    rule: str
    coverage: Coverage
    why: str

    @property
    def is_implemented(self) -> bool:
        """True where some rule here answers to this row."""
        return self.coverage is not Coverage.NONE


@cache
def rows(jurisdiction_code: str, table: str) -> tuple[Row, ...]:
    """The rows of a published table by its name here ("h7_rules"), in the publisher's order."""
    place = resources.files("tidewaiter.data.quality").joinpath(jurisdiction_code, f"{table}.yaml")
    content = YAML(typ="safe", pure=True).load(place.read_text("utf-8"))
    return msgspec.convert(content["rows"], tuple[Row, ...])


def contradictions(table: tuple[Row, ...]) -> list[str]:
    """What a table claims that is not so: rules that do not exist, rows without a reason."""
    found = [
        f"row {row.row}: there is no rule {row.rule}" for row in table if row.is_implemented and not by_id(row.rule)
    ]
    found += [f"row {row.row}: not covered, and no reason" for row in table if not row.is_implemented and not row.why]
    found += [
        f"row {row.row}: said to be uncovered, yet has a rule" for row in table if not row.is_implemented and row.rule
    ]
    return found
