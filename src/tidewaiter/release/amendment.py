"""Applying an amendment: the declaration as it stands, with what the amendment message changes.

An amendment carries only what changes. What it states replaces what stood there, element
by element; goods items are matched by line number; a line that the amendment points at
without stating anything of it is deleted, and the remaining lines keep their numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from tidewaiter.model.declaration import Amendment, Declaration, GoodsItem

_ITEM_SECTION = "68A"  # WCO class of the goods item
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
    stated = {item.line_no for item in amendment.goods_items}
    for line_no in _deleted(amendment.amendments, stated):
        by_line.pop(line_no, None)
    return tuple(by_line[line_no] for line_no in sorted(by_line))


def _merged_item(old: GoodsItem, new: GoodsItem) -> GoodsItem:
    changed = {name: _merged(getattr(old, name), value) for name, value in _stated(new).items()}
    return replace(old, **changed)


def _deleted(amendments: tuple[Amendment, ...], stated: set[int]) -> list[int]:
    """Lines whose pointer ends at the goods item itself and of which the message states nothing."""
    return [
        last.sequence
        for change in amendments
        if change.pointers
        and (last := change.pointers[-1]).section_code == _ITEM_SECTION
        and not last.tag_id
        and last.sequence is not None
        and last.sequence not in stated
    ]
