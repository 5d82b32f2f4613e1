"""Checks on the values of a declaration that no form should let pass, whatever the wire format.

A number that is none (NaN), a moment without its time zone, a NUL or a
million characters in a text: each would go wrong far from where it came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages.characters import FORBIDDEN, named
from tidewaiter.messages.faults import Fault, fault
from tidewaiter.messages.limits import (
    FRACTION_DIGITS_MAX,
    GOODS_ITEMS_MAX,
    NUMBER_DIGITS_MAX,
    TEXT_LENGTH_MAX,
    WHOLE_NUMBER_MAX,
)
from tidewaiter.messages.pointers import Path, canonical, steps
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money

ORDINARY_LENGTH_MAX = min(NUMBER_DIGITS_MAX, FRACTION_DIGITS_MAX)  # so short, a number without exponent is sane


def leaves(record: Struct, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every single value in a record that is not empty, with its path; positions count from 0."""
    for element in elements(type(record)).values():
        value = getattr(record, element.name)
        if value is None or value == "" or value == ():
            continue
        here = (*path, element.name)
        for at, one in enumerate(value) if element.is_list else ((None, value),):
            there = here if at is None else (*here, at)
            if element.kind is Kind.GROUP:
                yield from leaves(one, there)
            else:
                yield there, one


def findings_on_values(declaration: Declaration, place: Callable[[Path], str]) -> list[Finding]:
    """What is wrong with single values; `place` says where a path lies in the sender's own terms."""
    found = []
    count = len(declaration.goods_items)
    if count > GOODS_ITEMS_MAX:
        words = f"{count:,} goods items in one declaration; at most {GOODS_ITEMS_MAX:,} can be read"
        hint = "Split it into several declarations."
        found.append(fault(Fault.LIMIT, "goods_items", words, hint=hint, place=place(("goods_items",))))
    for path, value in leaves(declaration):
        if isinstance(value, str):
            one = _on_text(path, value, place)
        elif isinstance(value, Decimal):
            one = _on_number(path, value, place)
        elif isinstance(value, int):
            one = _on_count(path, value, place)
        elif isinstance(value, datetime):
            one = _on_moment(path, value, place)
        else:
            continue
        if one is not None:
            found.append(one)
    return found


def without(declaration: Declaration, faulty: Iterable[Finding]) -> Declaration | None:
    """The declaration without the values that are faulty, so that it can be answered; None where it is too large."""
    tree = _with_lists(msgspec.to_builtins(declaration))
    for finding in faulty:
        if finding.severity is Severity.ERROR:
            if finding.pointer == "goods_items":
                return None
            drop(tree, steps(finding.pointer))
    return msgspec.convert(tree, Declaration)


def drop(tree: dict[str, Any], path: Path) -> None:
    """Takes one value out of a declaration in plain types, with the group that cannot be without it.

    A line number is counted instead; a member of a list leaves an empty one, so that the others keep their places.
    """
    record: type[Struct] | None = Declaration
    holder: Any = tree
    element: Element | None = None
    for at, step in enumerate(path):
        if isinstance(step, str) and record is not None:
            owner, element = record, elements(record).get(step)
            record = element.group if element else None
        if at < len(path) - 1:
            holder = holder[step]
    name = path[-1]
    if element is None:
        return
    if isinstance(name, int):
        holder[name] = _emptied(element, name)
    elif not element.is_required:
        holder.pop(name, None)
    elif owner is GoodsItem:
        holder[name] = int(path[-2]) + 1
    else:
        drop(tree, path[:-1])


def _emptied(element: Element, at: int) -> Any:
    if element.group is GoodsItem:
        return {"line_no": at + 1}
    return {each.name: "" for each in elements(element.group).values() if each.is_required} if element.group else ""


def _with_lists(tree: Any) -> Any:
    """The same with a list for each tuple, so that members can be taken out."""
    if isinstance(tree, dict):
        return {name: _with_lists(value) for name, value in tree.items()}
    return [_with_lists(each) for each in tree] if isinstance(tree, list | tuple) else tree


def is_sane(number: Decimal) -> bool:
    """True for a finite number of a size and fineness that an amount, mass or quantity can have."""
    if not number.is_finite() or number.adjusted() >= NUMBER_DIGITS_MAX:
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and -FRACTION_DIGITS_MAX <= exponent <= NUMBER_DIGITS_MAX


def numbers_are_sane(declaration: Declaration) -> bool:
    """True when every number in the goods items and the totals is sane. Cheap: it is asked of every declaration."""
    amounts, measures = list(_totals()(declaration)), [declaration.consignment.gross_mass_kg]
    counts = [declaration.goods_item_count or 0, declaration.consignment.package_count or 0]
    amounts_of, measures_of = _item_amounts(), _item_measures()
    for item in declaration.goods_items:
        amounts += amounts_of(item)
        measures += measures_of(item)
        counts.append(item.line_no)
        for packaging in item.packagings:
            counts.append(packaging.count or 0)
    numbers = [number for number in measures if number is not None]
    numbers += [money.amount for money in amounts if money is not None]
    if max(counts) > WHOLE_NUMBER_MAX or min(counts) < -WHOLE_NUMBER_MAX:
        return False
    return not numbers or _are_ordinary(numbers) or all(map(is_sane, numbers))


def _are_ordinary(numbers: list[Decimal]) -> bool:
    """A quick yes for numbers as they nearly always are: a few digits, no exponent; no says nothing."""
    texts = list(map(str, numbers))
    digits = "".join(texts).replace(".", "").replace("-", "")
    return digits.isdecimal() and max(map(len, texts)) <= ORDINARY_LENGTH_MAX


@cache
def _totals() -> Callable[[Declaration], tuple[Money | None, ...]]:
    return attrgetter(*(each.name for each in elements(Declaration).values() if each.group is Money))


@cache
def _item_amounts() -> Callable[[GoodsItem], tuple[Money | None, ...]]:
    return attrgetter(*(each.name for each in elements(GoodsItem).values() if each.group is Money))


@cache
def _item_measures() -> Callable[[GoodsItem], tuple[Decimal | None, ...]]:
    return attrgetter(*(each.name for each in elements(GoodsItem).values() if each.kind is Kind.DECIMAL))


def _on_text(path: Path, value: str, place: Callable[[Path], str]) -> Finding | None:
    name = canonical(path)
    if len(value) > TEXT_LENGTH_MAX:
        words = f"the text has {len(value):,} characters; at most {TEXT_LENGTH_MAX:,} can be read"
        return fault(Fault.LIMIT, name, words, value=value, hint="Shorten it.", place=place(path))
    if found := FORBIDDEN.search(value):
        words = f"the text holds the control character {named(found[0])}, which cannot be kept or shown"
        return fault(Fault.CHARACTER, name, words, value=value, hint="Remove it.", place=place(path))
    return None


def _on_number(path: Path, value: Decimal, place: Callable[[Path], str]) -> Finding | None:
    if is_sane(value):
        return None
    name = path[-1]
    words = f"“{name}” is not a number" if value.is_nan() else f"“{name}” is too large or too fine to be true"
    hint = f"At most {NUMBER_DIGITS_MAX} digits before the point and {FRACTION_DIGITS_MAX} after it."
    return fault(Fault.NUMBER, canonical(path), words, value=str(value), hint=hint, place=place(path))


def _on_count(path: Path, value: int, place: Callable[[Path], str]) -> Finding | None:
    if abs(value) <= WHOLE_NUMBER_MAX:
        return None
    words = f"“{path[-1]}” is larger than anything that can be counted"
    hint = f"At most {WHOLE_NUMBER_MAX:,}."
    return fault(Fault.NUMBER, canonical(path), words, value=str(value), hint=hint, place=place(path))


def _on_moment(path: Path, value: datetime, place: Callable[[Path], str]) -> Finding | None:
    if value.tzinfo is not None:
        return None
    words, hint = "the moment lacks its time zone", "Write 2026-06-15T10:00:00Z or 2026-06-15T12:00:00+02:00."
    return fault(Fault.DATE, canonical(path), words, value=value.isoformat(), hint=hint, place=place(path))


def moments_of(declaration: Declaration) -> tuple[datetime | None, ...]:
    """Every moment that a declaration can state; None for each that it does not."""
    consignment = declaration.consignment
    return (
        declaration.issued_at,
        declaration.acceptance_at,
        consignment.loading_at,
        consignment.departure_at,
        consignment.arrival_at,
    )
