"""Numbers that arithmetic can bear: the first thing checked, before any rule compares or adds.

NaN, infinity, 1E+999999 and numbers with more digits than exact arithmetic
carries are taken out of the declaration that the other rules (and nobody else)
see, each leaving one finding of severity error.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.quality.registry import shown

RULE_ID = "number.unusable"
DIGITS_MAX = 28  # what Python's decimal arithmetic carries exactly
SIZE_MAX = 12  # amounts, masses and quantities from 10**12 on are not those of a parcel
COUNT_MAX = 10**9

WORDS = "This is not a number that can be reckoned with: it must be finite, below 10^12 and of at most 28 digits."

AnyStruct = TypeVar("AnyStruct", bound=Struct)

_ITEM_NUMBERS = ("quantity", "gross_mass_kg", "net_mass_kg")
_ITEM_MONEY = ("invoice_price", "unit_price", "customs_value", "statistical_value", "freight")
_MONEY = ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")

_item_numbers_of = attrgetter(*_ITEM_NUMBERS)
_item_money_of = attrgetter(*_ITEM_MONEY)
_money_of = attrgetter(*_MONEY)


def is_sound(number: Decimal) -> bool:
    """True where `number` is finite, below 10**12 in size, and has at most 28 digits."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return False
    return len(digits) <= DIGITS_MAX and exponent >= -DIGITS_MAX and len(digits) + exponent <= SIZE_MAX


class Numbers(NamedTuple):
    """What is true of the numbers in a declaration."""

    are_sound: bool
    are_above_zero: bool  # said of sound ones only


def looked_at(declaration: Declaration) -> Numbers:
    """The numbers of a declaration, all at once."""
    numbers, counts = _numbers(declaration), _counts(declaration)
    if counts and not -COUNT_MAX < min(counts) <= max(counts) < COUNT_MAX:
        return Numbers(are_sound=False, are_above_zero=False)
    texts = list(map(str, numbers))
    together = "".join(texts)
    digits = together.replace(".", "").replace("-", "")
    # Nearly always they have a few digits and no exponent, which is quickly said.
    is_ordinary = not texts or (digits.isdecimal() and max(map(len, texts)) <= SIZE_MAX)
    if not is_ordinary and not all(map(is_sound, numbers)):
        return Numbers(are_sound=False, are_above_zero=False)
    return Numbers(
        are_sound=True, are_above_zero="-" not in together and all(numbers) and (not counts or min(counts) > 0)
    )


def is_all_sound(declaration: Declaration) -> bool:
    """True where every number in the declaration is sound."""
    return looked_at(declaration).are_sound


def _numbers(declaration: Declaration) -> list[Decimal]:
    numbers = [declaration.consignment.gross_mass_kg]
    money = [*_money_of(declaration)]
    for item in declaration.goods_items:
        numbers += _item_numbers_of(item)
        money += _item_money_of(item)
    return [number for number in numbers if number is not None] + [each.amount for each in money if each is not None]


def _counts(declaration: Declaration) -> list[int]:
    counts = [declaration.consignment.package_count, declaration.goods_item_count]
    for item in declaration.goods_items:
        for packaging in item.packagings:
            counts.append(packaging.count)
    return [count for count in counts if count is not None]


def sound(declaration: Declaration) -> tuple[Declaration, list[Finding]]:
    """The declaration without numbers that cannot be reckoned with, and a finding for each of them."""
    findings: list[Finding] = []
    items = tuple(
        _without(
            item,
            f"goods_items[{place}].",
            (*_ITEM_NUMBERS, *_ITEM_MONEY),
            findings,
            packagings=tuple(
                _without(packaging, f"goods_items[{place}].packagings[{at}].", ("count",), findings)
                for at, packaging in enumerate(item.packagings, 1)
            ),
        )
        for place, item in enumerate(declaration.goods_items, 1)
    )
    consignment = _without(declaration.consignment, "consignment.", ("gross_mass_kg", "package_count"), findings)
    cleaned = _without(
        declaration, "", (*_MONEY, "goods_item_count"), findings, goods_items=items, consignment=consignment
    )
    return cleaned, findings


def _without(
    record: AnyStruct, prefix: str, names: tuple[str, ...], findings: list[Finding], **others: Any
) -> AnyStruct:
    changes = dict(others)
    for name in names:
        value = getattr(record, name)
        if value is None or _is_usable(value):
            continue
        changes[name] = None
        findings.append(
            Finding(RULE_ID, Severity.ERROR, prefix + name, WORDS, _shown(value), "Send the figure as plain digits.")
        )
    return msgspec.structs.replace(record, **changes) if changes else record


def _is_usable(value: Decimal | Money | int) -> bool:
    if isinstance(value, int):
        return -COUNT_MAX < value < COUNT_MAX
    return is_sound(value.amount if isinstance(value, Money) else value)


def _shown(value: Decimal | Money | int) -> str:
    # Python refuses to write out integers beyond 4,300 digits.
    return f"{value.bit_length()}-bit whole number" if isinstance(value, int) else shown(value)
