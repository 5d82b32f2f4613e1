"""The shape of the canonical declaration, read off the model's own types.

Everything that walks the declaration without knowing it by heart — CSV columns,
JSON faults, the generated reference — asks here, so that a field added to the
model turns up in all of them.
"""

from __future__ import annotations

import types
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct


class Kind(StrEnum):
    """What an element holds, in words a sender understands."""

    TEXT = "text"
    WHOLE_NUMBER = "whole number"
    DECIMAL = "decimal number"
    DAY = "day (2026-06-15)"
    MOMENT = "moment (2026-06-15T10:00:00Z)"
    CHOICE = "one of a list"
    GROUP = "group"


class Element(Struct, frozen=True):
    """One field of a record of the model.

    `group` is the record type of a GROUP, `choices` the values of a CHOICE;
    `is_list` is true where it may repeat, `is_required` where it has no default, `may_be_zero` where a number may be 0.
    """

    name: str
    kind: Kind
    is_list: bool
    is_required: bool
    group: type[Struct] | None = None
    choices: tuple[str, ...] = ()
    words: str = ""
    wco_id: str = ""
    may_be_zero: bool = False


@cache
def elements(record: type[Struct]) -> dict[str, Element]:
    """The elements of a record type by name, in the model's order."""
    hints = get_type_hints(record, include_extras=True)
    return {field.name: _element(field, hints[field.name]) for field in msgspec.structs.fields(record)}


def _element(field: Any, hint: Any) -> Element:
    words, wco_id, may_be_zero = "", "", False
    if get_origin(hint) is Annotated:
        hint, *metas = get_args(hint)
        for meta in metas:
            if isinstance(meta, Meta):
                words = meta.description or ""
                said = meta.extra_json_schema or {}
                wco_id, may_be_zero = said.get("x-wco-id", ""), said.get("x-may-be-zero", False)
    inner, is_list = _inner(hint)
    return Element(
        name=field.name,
        kind=_kind(inner),
        is_list=is_list,
        is_required=field.required,
        group=inner if issubclass(inner, Struct) else None,
        choices=tuple(str(choice) for choice in inner) if issubclass(inner, StrEnum) else (),
        words=words,
        wco_id=wco_id,
        may_be_zero=may_be_zero,
    )


def _inner(hint: Any) -> tuple[type, bool]:
    """The bare type within `X | None` or `tuple[X, ...]`, and whether it repeats."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (option for option in get_args(hint) if option is not type(None))
    if get_origin(hint) is tuple:
        first = get_args(hint)[0]
        # An extra's attributes are pairs; nothing walks into them.
        return (str if get_origin(first) is tuple else first), True
    return hint, False


def _kind(inner: type) -> Kind:
    if issubclass(inner, Struct):
        return Kind.GROUP
    if issubclass(inner, StrEnum):
        return Kind.CHOICE
    return {
        str: Kind.TEXT,
        int: Kind.WHOLE_NUMBER,
        Decimal: Kind.DECIMAL,
        date: Kind.DAY,
        datetime: Kind.MOMENT,
    }[inner]
