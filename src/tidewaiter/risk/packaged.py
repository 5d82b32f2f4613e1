"""Reading the YAML that ships with the package, strictly: no unknown or duplicate key passes."""

from __future__ import annotations

import io
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.model.errors import LawDataError

Record = TypeVar("Record")


def folder(*parts: str) -> Traversable:
    """A folder of the package's data; it need not exist."""
    place: Traversable = files("tidewaiter.data")
    for part in parts:
        place = place / part
    return place


def read_yaml(content: bytes, place: str, record: type[Record]) -> Record:
    """`content` as one `record`. Raises LawDataError naming `place` and the offending key."""
    try:
        plain = YAML(typ="safe", pure=True).load(io.StringIO(content.decode()))
        return msgspec.convert(plain, type=record, strict=True)
    except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        detail = " ".join(str(error).split())
        raise LawDataError(f"{place}: {detail}", hint="correct the file; see the others beside it") from error
