"""The fields that rules may speak of: the declaration's own, each with its kind, WCO id and words, and what was assessed.

field_of("consignee.address.country_code")   the receiver's country
field_of("item.invoice_price")               of each goods line
field_of("documents.type_code")              a list: the types of all documents
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.risk.rules.syntax import Kind

Value = str | Decimal | int | Money | date | datetime | bool | tuple[str, ...] | None
Getter = Callable[["Record", Any], Any]

LEFT_OUT = frozenset(("extras", "amendments", "goods_items"))  # what has no fixed meaning, and the lines themselves
DIGITS_MAX = 24  # digits of a value before and after the point; one with more counts as missing
WHOLE_MAX = 10**DIGITS_MAX
DEPTH_MAX = 4  # a party's address is the deepest that rules ask for
_KINDS: dict[object, Kind] = {
    str: Kind.TEXT,
    Decimal: Kind.NUMBER,
    int: Kind.NUMBER,
    Money: Kind.MONEY,
    date: Kind.DATE,
    datetime: Kind.MOMENT,
    bool: Kind.TRUTH,
}
EXPECTED: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NUMBER: (Decimal, int),
    Kind.MONEY: (Money,),
    Kind.DATE: (date,),
    Kind.MOMENT: (datetime,),
    Kind.TRUTH: (bool,),
    Kind.LIST: (tuple,),
}
_ASSESSED = {
    "assessment.intrinsic_value": "Price of the goods alone, as assessed",
    "assessment.customs_value": "Value for duty, as assessed",
    "assessment.due": "What must be paid or guaranteed at the border",
    "assessment.collected_at_sale": "What a scheme collects elsewhere",
    "assessment.scheme": "Scheme of the law the goods fall under",
}


class Record(Struct, frozen=True, kw_only=True):
    """What rules are evaluated on: a declaration, what was assessed, and what was worked out elsewhere.

    `features` and `scores` are texts, Decimals or integers, days, moments, Money, truths or tuples of texts by name;
    a value of another kind than the context declares counts as missing. `legal_day` is the day of the law.
    """

    declaration: Declaration
    legal_day: date
    assessment: Assessment | None = None
    features: Mapping[str, Value] = {}
    scores: Mapping[str, Value] = {}


class FieldOf(Struct, frozen=True, gc=False):
    """One field: its name in rules, its kind, its words and WCO Data Model id ("" where it has none)."""

    name: str
    kind: Kind
    words: str
    wco_id: str = ""


@cache
def catalogue() -> Mapping[str, FieldOf]:
    """Every field by its name, in the order of the declaration."""
    fields = [*_fields(Declaration, "", is_many=False), *_fields(GoodsItem, "item.", is_many=False)]
    fields.append(FieldOf("item.hs_code", Kind.TEXT, "The six-digit HS subheading, or what there is of it"))
    fields.append(
        FieldOf("prices_of_lines", Kind.MONEY, "Prices of all lines together, where each has one, in one currency")
    )
    fields.append(FieldOf("legal_day", Kind.DATE, "The day of the law that is applied"))
    for name, words in _ASSESSED.items():
        if name == "assessment.scheme":
            fields.append(FieldOf(name, Kind.TEXT, words))
        else:
            fields.append(FieldOf(name, Kind.MONEY, words))
            fields += _of_money(name, words)
    return {field.name: field for field in fields}


def field_of(name: str) -> FieldOf | None:
    """The field of that name; None where there is none."""
    return catalogue().get(name)


def getter(name: str) -> Getter:
    """How to read a field from a record and one of its lines (None for fields of the whole).

    Gives None for what is missing: absent, an empty text, a number that is none. A list is never missing, only empty.
    """
    path = path_of(name)
    if catalogue()[name].kind is Kind.LIST:
        holder, steps = _holder(path[0]), path[1:]
        return lambda record, line: tuple(_members(holder(record, line), steps))
    raw = raw_getter(path)
    return lambda record, line: clean(raw(record, line))


def path_of(name: str) -> tuple[str, ...]:
    """Where a field stands: first "record", "declaration", "assessment" or "line", then the attributes."""
    if name == "legal_day":
        return ("record", name)
    root, _, rest = name.partition(".")
    if root == "item":
        return ("line", *rest.split("."))
    if root == "assessment":
        return ("assessment", *rest.split("."))
    return ("declaration", *name.split("."))


def raw_getter(path: tuple[str, ...]) -> Getter:
    """How to read what stands at a path, as it stands there; None where something on the way is absent."""
    holder, steps = _holder(path[0]), path[1:]

    def read(record: Record, line: Any) -> Any:
        found = holder(record, line)
        for step in steps:
            if found is None:
                return None
            found = getattr(found, step)
        return found

    return read


def _holder(root: str) -> Getter:
    match root:
        case "line":
            return lambda _, line: line
        case "record":
            return lambda record, _: record
        case "assessment":
            return lambda record, _: record.assessment
        case _:
            return lambda record, _: record.declaration


def external(source: str, name: str, kind: Kind) -> Getter:
    """How to read a feature or score from a record; a value of another kind counts as missing."""
    expected = EXPECTED[kind]

    def read(record: Record, _: Any) -> Any:
        value = (record.scores if source == "score" else record.features).get(name)
        if value.__class__ not in expected:
            return () if kind is Kind.LIST else None
        return value if kind is Kind.LIST else clean(value)

    return read


def clean(value: Any) -> Any:
    """The value as rules see it: None for what is missing, a moment with its offset."""
    if value.__class__ is str:
        return value or None
    if value.__class__ is Decimal:
        return value if _is_counted(value) else None
    if value.__class__ is Money:
        return value if value.currency and _is_counted(value.amount) else None
    if value.__class__ is datetime and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if value.__class__ is int:
        return value if abs(value) < WHOLE_MAX else None
    return value or None if isinstance(value, str) else value


def _is_counted(number: Decimal) -> bool:
    """Whether a number is one that rules compare: finite, below 10^24, with at most 24 decimals."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -DIGITS_MAX and number.adjusted() < DIGITS_MAX


def _members(holder: Any, steps: tuple[str, ...]) -> Iterator[str]:
    if not steps:
        if holder:
            yield str(holder)
        return
    found = getattr(holder, steps[0], None)
    if isinstance(found, tuple):
        for each in found:
            yield from _members(each, steps[1:])
    elif found is not None:
        yield from _members(found, steps[1:])


def _fields(struct: type[Struct], prefix: str, *, is_many: bool) -> Iterator[FieldOf]:
    if prefix.count(".") >= DEPTH_MAX:
        return
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if name not in LEFT_OUT:
            yield from _of_hint(hint, prefix + name, is_many=is_many)


def _of_hint(hint: Any, name: str, *, is_many: bool) -> Iterator[FieldOf]:
    words = wco_id = ""
    if get_origin(hint) is Annotated:
        hint, *metas = get_args(hint)
        for meta in metas:
            if isinstance(meta, Meta):
                words = meta.description or ""
                wco_id = str((meta.extra_json_schema or {}).get("x-wco-id", ""))
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is tuple:
        hint, is_many = get_args(hint)[0], True
    if hint is Money and not is_many:
        yield FieldOf(name, Kind.MONEY, words, wco_id)
        yield from _of_money(name, words)
    elif isinstance(hint, type) and issubclass(hint, Struct):
        if hint is not Money:
            yield from _fields(hint, f"{name}.", is_many=is_many)
    elif isinstance(hint, type):
        kind = _KINDS.get(hint, Kind.TEXT if issubclass(hint, str) else None)
        if is_many and kind is Kind.TEXT:
            yield FieldOf(name, Kind.LIST, words, wco_id)
        elif not is_many and kind is not None:
            yield FieldOf(name, kind, words, wco_id)


def _of_money(name: str, words: str) -> list[FieldOf]:
    return [
        FieldOf(f"{name}.amount", Kind.NUMBER, f"{words}: the amount, whatever its currency"),
        FieldOf(f"{name}.currency", Kind.TEXT, f"{words}: its currency, ISO 4217"),
    ]
