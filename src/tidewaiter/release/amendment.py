"""Applying an amendment: the declaration as it stands, with what the amendment message changes.

An amendment that points at what it changes is applied as the WCO Data Model has it. Without
pointers, what it states replaces what stood there, element by element; goods items are matched
by line number, and nothing is deleted.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from tidewaiter.messages.wco_dm import apply_amendment
from tidewaiter.model.declaration import Declaration, GoodsItem

_OF_THE_MESSAGE = frozenset(
    [
        "function",
        "function_code",
        "functional_reference_id",
        "registered_id",
        "type_code",
        "issued_at",
        "submitter",
        "additional_information",
        "amendments",
        "extras",
        "goods_items",
    ]
)


def amended(declaration: Declaration, amendment: Declaration) -> Declaration:
    """`declaration` with the changes of `amendment`; its own function, reference and number stay."""
    if any(change.pointers for change in amendment.amendments):
        return apply_amendment(declaration, amendment)
    stated = _stated(amendment, _OF_THE_MESSAGE)
    items = _items(declaration.goods_items, amendment)
    changed = {name: _merged(getattr(declaration, name), value) for name, value in stated.items()}
    return replace(declaration, **changed, goods_items=items)


def _stated(record: Struct, ignored: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of a record that differ from their defaults."""
    return {
        name: value
        for name, default in _defaults(type(record))
        if name not in ignored and (value := getattr(record, name)) != default
    }


@cache
def _defaults(record: type[Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(record))


@cache
def _is_vocabulary(record: type[Struct]) -> bool:
    """Records of optional elements are completed; a pair such as an amount with its currency is one value."""
    return all(not field.required for field in fields(record))


def _merged(old: Any, new: Any) -> Any:
    """`new`, completed by what only `old` has where both are records of one kind."""
    if not isinstance(new, Struct) or type(old) is not type(new) or not _is_vocabulary(type(new)):
        return new
    return replace(old, **{name: _merged(getattr(old, name), value) for name, value in _stated(new).items()})


def _items(items: tuple[GoodsItem, ...], amendment: Declaration) -> tuple[GoodsItem, ...]:
    by_line = {item.line_no: item for item in items}
    for item in amendment.goods_items:
        old = by_line.get(item.line_no)
        by_line[item.line_no] = item if old is None else _merged_item(old, item)
    return tuple(by_line[line_no] for line_no in sorted(by_line))


def _merged_item(old: GoodsItem, new: GoodsItem) -> GoodsItem:
    changed = {name: _merged(getattr(old, name), value) for name, value in _stated(new).items()}
    return replace(old, **changed)
