"""What is too fast, too late or too far, kept as data: `data/movement/limits.yaml`."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.model.errors import LawDataError

PLACE: Final = "movement/limits.yaml"


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure, what it says, and whose it is."""

    value: int
    words: str
    source: str


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All figures that rules of movement hold against; the unit is in each name (m_s: metres a second)."""

    temporary_storage_days: Limit
    quiet_days: Limit
    clock_seconds: Limit
    speed_m_s: Limit
    same_place_m: Limit
    same_time_seconds: Limit
    contact_seconds: Limit
    drop_m: Limit


def read_limits(content: bytes) -> Limits:
    """The limits a file holds. Raises LawDataError where a figure is missing, unknown, told twice or below zero."""
    try:
        plain = YAML(typ="safe", pure=True).load(io.StringIO(content.decode()))
        found = msgspec.convert(plain, type=Limits, strict=True)
    except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise LawDataError(f"{PLACE}: {' '.join(str(error).split())}", hint="correct the file") from error
    for name in Limits.__struct_fields__:
        each: Limit = getattr(found, name)
        if each.value < 0 or not each.source.strip():
            raise LawDataError(f"{PLACE}: {name} is below zero, or has no source", hint="correct the file")
    return found


@cache
def limits() -> Limits:
    """The limits that ship with the package."""
    return read_limits((files("tidewaiter.data") / "movement" / "limits.yaml").read_bytes())
