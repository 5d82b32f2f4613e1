"""Code lists that one jurisdiction's customs publish: codes as data, with their source."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from tidewaiter.model.errors import LawDataError


@cache
def code_list(jurisdiction_code: str, name: str) -> frozenset[str]:
    """The codes of a list by its name here. Raises LawDataError where there is no such list."""
    try:
        codes = _file(jurisdiction_code)["lists"][name]["codes"]
    except KeyError as error:
        raise LawDataError(f"{jurisdiction_code} has no code list {name}") from error
    return frozenset(str(codes).split())


@cache
def _file(jurisdiction_code: str) -> dict[str, Any]:
    place = resources.files("tidewaiter.data.quality").joinpath(jurisdiction_code, "codelists.yaml")
    try:
        content: dict[str, Any] = YAML(typ="safe", pure=True).load(place.read_text("utf-8"))
    except FileNotFoundError as error:
        raise LawDataError(f"no code lists are held for {jurisdiction_code}") from error
    return content
