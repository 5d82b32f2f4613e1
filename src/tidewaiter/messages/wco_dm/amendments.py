"""An amendment applied to the declaration it amends.

HM Revenue & Customs takes amendments (TypeCode COR) that carry only what
changes, with pointers to it (WCO class 97A, by class codes of the WCO Data
Model: 42A declaration, 67A goods shipment, 68A goods item, 02A document …); the
Danish Customs Agency takes the whole declaration again, without pointers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import Amendment, Declaration, Extra, GoodsItem

_IDENTITY: Final = frozenset(
    {
        *("function", "function_code", "type_code", "functional_reference_id", "registered_id", "jurisdiction_code"),
        *("amendments", "extras", "goods_items"),
    }
)
_LISTS: Final = {
    "02A": "documents",
    "03A": "additional_information",
    "17C": "authorisations",
    "55B": "fiscal_references",
    "93A": "packagings",
    "99A": "previous_documents",
}
_ITEM: Final = re.compile(r"(/Declaration/GoodsShipment/GovernmentAgencyGoodsItem)\[(\d+)\]")
_ABOUT_ITSELF: Final = ("/MetaData", "/Declaration/AdditionalInformation", "/Declaration/Amendment")


class Target(Struct, frozen=True):
    """What one pointer leads to: goods item 0 is the header; `field` is "" for the item or header itself."""

    line_no: int
    field: str
    position: int
    is_whole: bool  # the element itself, not one value in it


def apply_amendment(original: Declaration, amendment: Declaration) -> Declaration:
    """The declaration as amended; it keeps the original's references and function, and gains the amendments.

    Without pointers but with goods items, the amendment is the whole declaration
    and replaces every particular. Otherwise it is partial:

    - a value or part of a party that it carries replaces the original's; what it
      does not carry stays;
    - goods items are matched by line number: a new number is added, a known one
      merged, or replaced where a pointer ends at the item itself; an item that a
      pointer ends at and that is not carried is removed, the others keep their
      numbers;
    - in a list (documents, statements, packages …) the first element carried goes
      where the first pointer into that list points, and so on; past the end it
      is added. An element that is pointed to as a whole and not carried is
      removed. A list carried without any pointer into it replaces the list;
    - statements that give the reasons for the amendment (type AES) are not
      particulars of the goods and stay with the amendment.
    """
    targets = list(_targets(amendment.amendments))
    if amendment.goods_items and not any(step.pointers for step in amendment.amendments):
        return _replaced(original, amendment)
    changes = _changes(original, amendment, [target for target in targets if target.line_no == 0])
    items = _items(original, amendment, targets)
    changes |= {
        "goods_items": tuple(items[line_no] for line_no in sorted(items)),
        "amendments": original.amendments + amendment.amendments,
        "registered_id": original.registered_id or amendment.registered_id,
        "extras": _extras(original, amendment, targets, sorted(items)),
    }
    return replace(original, **changes)


def _replaced(original: Declaration, amendment: Declaration) -> Declaration:
    return replace(
        amendment,
        function=original.function,
        function_code=original.function_code,
        type_code=original.type_code,
        functional_reference_id=original.functional_reference_id,
        registered_id=original.registered_id or amendment.registered_id,
        jurisdiction_code=original.jurisdiction_code or amendment.jurisdiction_code,
        amendments=original.amendments + amendment.amendments,
    )


def _targets(amendments: Sequence[Amendment]) -> Iterator[Target]:
    for amendment in amendments:
        line_no, field, position, is_whole = 0, "", 0, False
        for pointer in amendment.pointers:
            is_whole = not pointer.tag_id
            if pointer.section_code == "68A":
                line_no, field, position = pointer.sequence or 1, "", 0
            elif not field and pointer.section_code in _LISTS:
                field, position = _LISTS[pointer.section_code], pointer.sequence or 1
            elif pointer.section_code not in ("42A", "67A"):
                is_whole = False
                if not field:
                    field = pointer.section_code
        if amendment.pointers:
            yield Target(line_no, field, position, is_whole)


def _changes(original: Struct, amendment: Struct, targets: Sequence[Target]) -> dict[str, Any]:
    """The fields of a record that an amendment changes, with their new values."""
    changes: dict[str, Any] = {}
    for name in original.__struct_fields__:
        if isinstance(original, Declaration) and name in _IDENTITY:
            continue
        old, new = getattr(original, name), getattr(amendment, name)
        if isinstance(original, Declaration) and name == "additional_information":
            new = tuple(statement for statement in new if statement.type_code != "AES")
        into = [target for target in targets if target.field == name]
        if isinstance(new, tuple) and (new or into):
            changes[name] = _list(old, new, into)
        elif not isinstance(new, tuple) and new not in (None, ""):
            changes[name] = _merged(old, new)
    return changes


def _merged(old: Any, new: Any) -> Any:
    """A value, or a party or place part by part. An amount is one value."""
    if not isinstance(new, Struct) or type(old) is not type(new) or "currency" in new.__struct_fields__:
        return new
    return replace(old, **_changes(old, new, ()))


def _list(old: tuple[Any, ...], new: tuple[Any, ...], into: Sequence[Target]) -> tuple[Any, ...]:
    if not into:
        return new
    wholes: dict[int, bool] = {}
    for target in into:
        wholes[target.position] = wholes.get(target.position, False) or target.is_whole
    entries = list(old)
    positions = list(wholes)
    removed = [position for position in positions[len(new) :] if wholes[position]]
    for index, entry in enumerate(new):
        position = positions[index] if index < len(positions) else len(entries) + 1
        if position > len(entries):
            entries.append(entry)
        elif wholes.get(position, True):
            entries[position - 1] = entry
        else:
            entries[position - 1] = _merged(entries[position - 1], entry)
    return tuple(entry for position, entry in enumerate(entries, start=1) if position not in removed)


def _items(original: Declaration, amendment: Declaration, targets: Sequence[Target]) -> dict[int, GoodsItem]:
    items = {item.line_no: item for item in original.goods_items}
    carried = {item.line_no: item for item in amendment.goods_items}
    for line_no, item in carried.items():
        known = items.get(line_no)
        if known is None or Target(line_no, "", 0, is_whole=True) in targets:
            items[line_no] = item
        else:
            inner = [target for target in targets if target.line_no == line_no]
            items[line_no] = replace(known, **_changes(known, item, inner))
    for line_no in _removed(carried, targets):
        items.pop(line_no, None)
    return items


def _removed(carried: Mapping[int, GoodsItem], targets: Sequence[Target]) -> list[int]:
    ends = (target for target in targets if target.line_no and not target.field and target.is_whole)
    return [target.line_no for target in ends if target.line_no not in carried]


def _extras(
    original: Declaration, amendment: Declaration, targets: Sequence[Target], lines: Sequence[int]
) -> tuple[Extra, ...]:
    """The extras of both, those of goods items moved to where the items are now; the amendment's win."""
    place = {line_no: position for position, line_no in enumerate(lines, start=1)}
    carried = {item.line_no for item in amendment.goods_items}
    replaced = {target.line_no for target in targets if not target.field and target.is_whole} & carried
    kept: dict[str, Extra] = {}
    for extra in _moved(original, {no: position for no, position in place.items() if no not in replaced}):
        kept[extra.path] = extra
    for extra in _moved(amendment, place):
        if not extra.path.startswith(_ABOUT_ITSELF):
            kept[extra.path] = extra
    return tuple(kept.values())


def _moved(declaration: Declaration, place: Mapping[int, int]) -> Iterator[Extra]:
    for extra in declaration.extras:
        found = _ITEM.match(extra.path)
        if not found:
            yield extra
            continue
        index = int(found[2]) - 1
        line_no = declaration.goods_items[index].line_no if index < len(declaration.goods_items) else 0
        if line_no in place:
            path = f"{found[1]}[{place[line_no]}]{extra.path[found.end() :]}"
            yield Extra(path, extra.value, extra.attributes)
