"""Law held together before any of it is used: what a measure names must be there, be of its kind, and not contradict.

`check` looks at all days at once; what is wrong is refused whole, with file, line and hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes import conditions, exchange
from tidewaiter.regimes.documents import (
    AddOnDocument,
    AnyDocument,
    ChargeDocument,
    CounterDocument,
    DatasetsDocument,
    Dated,
    ElectionDocument,
    ExchangeDocument,
    FigureDocument,
    GapDocument,
    GoodsDocument,
    ObligationDocument,
    PriceShareDocument,
    RefundDocument,
    RoundingDocument,
    SchemeDocument,
    TableDocument,
    TariffDocument,
    TimeLimitDocument,
)
from tidewaiter.regimes.law import Figure
from tidewaiter.regimes.reading import Lawbook, place_of, read_table
from tidewaiter.regimes.time_limits import lead_of, minutes_of

Named = Iterator[tuple[str, type | None]]  # an id and the kind it must be of; None: any
Documents = Mapping[str, tuple[str, AnyDocument]]

VALUES = ("intrinsic_value", "customs_value", "customs_value_and_duty", "tax_value", "duty", "tax", "fee")
MODES = ("down", "half up", "half even", "up")
PERCENT, TIMES = "%", ("days", "months", "years")
CURRENCY_LETTERS = 3
ASKING: Mapping[str, type[CounterDocument | ElectionDocument]] = {
    "within_counter": CounterDocument,
    "elects": ElectionDocument,
}


def check(books: tuple[Lawbook, ...], documents: Documents) -> None:
    """Raises LawDataError for the first thing that does not hold together. A basis is a frame with holes: not checked."""
    own = books[-1]
    if own.jurisdiction.is_basis:
        return
    framed = {book.code for book in books if book.jurisdiction.is_basis}
    by_code, used = {book.code: book for book in books}, _used(documents)
    for measure_id, (code, document) in documents.items():
        if code in framed and measure_id not in used:
            continue  # what a frame offers and nobody here takes up
        try:
            _check(document, documents)
        except LawDataError as error:
            place = place_of(by_code[code], measure_id, error.place)
            raise LawDataError(f"{place}: {measure_id} {error.detail}", hint=error.hint, place=place) from error
    _check_jurisdiction(own)
    _check_datasets_named(books, documents)
    _check_orders(by_code, documents, own.jurisdiction.modelled_since)
    _check_rest(own, documents)


def _used(documents: Documents) -> set[str]:
    """Schemes and what is charged beside them, and all that they name, however far."""
    waiting = [name for name, (_, each) in documents.items() if isinstance(each, SchemeDocument | AddOnDocument)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in documents and name not in found:
            found.add(name)
            waiting += [each for each, _ in _named(documents[name][1])]
    return found


def _check(document: AnyDocument, documents: Documents) -> None:
    """Raises LawDataError whose `place` is the word to look for in the file."""
    for value in _texts(document):
        _check_value(document, value)
    for name, kind in _named(document):
        found = documents.get(name)
        if found is None:
            raise LawDataError(
                f"names {name!r}, which is no measure of this law", hint=_alike(name, documents), place=name
            )
        if kind is not None and not isinstance(found[1], kind):
            wanted, is_now = _kind(kind), _kind(type(found[1]))
            raise LawDataError(f"needs a {wanted}, and {name} is a {is_now}", hint=f"name a {wanted}", place=name)
    if isinstance(document, TariffDocument) and not document.claims.get(""):
        raise LawDataError(
            "does not say which types of measures hold where nothing is claimed",
            hint='claims: {"": ["103"], …}',
            place="claims",
        )
    if isinstance(document, TimeLimitDocument):
        _check_time_limit(document)
    for name in _percentages(document):
        _check_unit(name, documents, PERCENT)
    figures = _Stub(documents)
    for when in _whens(document):
        _check_condition(when, figures, documents)


def _check_value(document: AnyDocument, value: str) -> None:
    match document:
        case FigureDocument():
            number = _number(value)
            if number is None or not number.is_finite() or number < 0:
                raise LawDataError(
                    f"has the value {value!r}, which is no amount", hint='write it as "12.5", not negative', place=value
                )
            unit = document.unit
            if unit not in (PERCENT, *TIMES) and not (len(unit) == CURRENCY_LETTERS and unit.isupper()):
                raise LawDataError(
                    f"is in {unit!r}",
                    hint=f"a unit is {PERCENT}, {', '.join(TIMES)} or an ISO 4217 currency",
                    place=unit,
                )
        case RoundingDocument():
            quantum = _number(document.quantum)
            if value not in MODES:
                raise LawDataError(f"{value!r} is no way of rounding", hint=f"ways: {', '.join(MODES)}", place=value)
            if quantum is None or not quantum.is_finite() or quantum <= 0:
                raise LawDataError(
                    f"rounds to {document.quantum!r}", hint='write the step as "0.05" or "1"', place=document.quantum
                )
        case TableDocument():
            read_table(value)
        case ExchangeDocument():
            exchange.refuse_unknown(value)
        case TimeLimitDocument():
            lead_of(value)
        case _:
            pass


def _check_datasets_named(books: tuple[Lawbook, ...], documents: Documents) -> None:
    """What a time limit is for must be a dataset of this law or of one it builds on."""
    known = {each.code for book in books if book.datasets is not None for each in book.datasets.datasets}
    by_code = {book.code: book for book in books}
    for measure_id, (code, document) in documents.items():
        unknown = [each for each in getattr(document, "datasets", ()) if each not in known]
        if unknown:
            place = place_of(by_code[code], measure_id, unknown[0])
            raise LawDataError(
                f"{place}: {measure_id} is for the dataset {unknown[0]!r}, which this law does not have",
                hint=f"datasets: {', '.join(sorted(known))}",
                place=place,
            )


def is_element(pointer: str) -> bool:
    """Whether a dotted path, `[]` after a list, leads to an element of the declaration."""
    record: Any = Declaration
    for step in pointer.split("."):
        hint = _hints(record).get(step.removesuffix("[]")) if isinstance(record, type) else None
        if hint is None:
            return False
        inner = [each for each in get_args(hint) if each not in (type(None), Ellipsis)]
        record = inner[0] if inner else hint
    return True


@cache
def _hints(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _check_time_limit(document: TimeLimitDocument) -> None:
    if not document.datasets:
        raise LawDataError("names no dataset", hint="datasets: [ENS]", place="datasets")
    for length in (document.journey_under, document.journey_from):
        minutes_of(length)
    for pointers in document.required:
        for pointer in pointers.split("|"):
            if not is_element(pointer):
                hint = "the elements stand in docs/reference/declaration.md, as consignor.address.line"
                raise LawDataError(f"asks for {pointer!r}, which is no element", hint=hint, place=pointer)


def _named(document: AnyDocument) -> Named:
    """Every measure that a document names, with the kind that belongs there."""
    match document:
        case ChargeDocument():
            yield from _named_by_charge(document)
        case SchemeDocument() | AddOnDocument():
            yield from _named_by_uses(document)
        case CounterDocument():
            yield document.limit, FigureDocument
        case ElectionDocument():
            yield document.minimum_days, FigureDocument
        case PriceShareDocument():
            yield document.share, FigureDocument
        case RefundDocument():
            figures = (document.window, document.exit_window, document.minimum, document.share)
            yield from ((name, FigureDocument) for name in figures if name)
        case TariffDocument():
            yield document.replaces, TableDocument
        case GapDocument():
            yield from ((name, SchemeDocument) for name in document.only_schemes)
        case _:
            return


def _named_by_charge(document: ChargeDocument) -> Named:
    rate = document.rate
    roundings = (document.rounding, document.base_rounding, document.counted_rounding, document.total_rounding)
    yield from ((name, RoundingDocument) for name in roundings if name)
    bands = (each for band in rate.bands for each in (band.up_to, band.percent, band.amount))
    figures = (rate.percent, rate.amount, rate.less, rate.share, *rate.special.values(), *bands)
    yield from ((name, FigureDocument) for name in figures if name)
    yield from ((name, GoodsDocument) for name in rate.special)
    if rate.tariff:
        yield rate.tariff, TableDocument
    terms = (document.base,) if isinstance(document.base, str) else document.base
    yield from ((term, ChargeDocument) for term in terms if term not in VALUES)


def _named_by_uses(document: SchemeDocument | AddOnDocument) -> Named:
    for use in document.charges:
        yield use.charge, ChargeDocument
        if use.otherwise:
            yield use.otherwise, ChargeDocument
        if use.relief:
            yield use.relief, None
        if use.items_up_to:
            yield use.items_up_to, FigureDocument
        if use.obligation:
            yield use.obligation, ObligationDocument
        yield from ((name, GoodsDocument) for name in (use.except_goods, use.only_goods) if name)
        terms = (use.base,) if isinstance(use.base, str) else use.base
        yield from ((term, ChargeDocument) for term in terms if term and term not in VALUES)
    if isinstance(document, SchemeDocument):
        yield from ((name, CounterDocument) for name in document.counts)
        if document.allowance:
            yield document.allowance, FigureDocument
        for waiver in document.waivers:
            yield from ((name, ChargeDocument) for name in waiver.charges)
            yield from ((name, FigureDocument) for name in (waiver.up_to, waiver.below) if name)
            yield waiver.relief, None


def _percentages(document: AnyDocument) -> Iterator[str]:
    """The figures that a document takes as percentages."""
    if isinstance(document, PriceShareDocument):
        yield document.share
    if isinstance(document, ChargeDocument):
        rate = document.rate
        named = (rate.percent, rate.share, *rate.special.values(), *(band.percent for band in rate.bands))
        yield from (name for name in named if name)


def _check_unit(name: str, documents: Documents, unit: str) -> None:
    figure = documents[name][1]
    if isinstance(figure, FigureDocument) and figure.unit != unit:
        raise LawDataError(
            f"takes {name} as {unit}, and it is in {figure.unit}", hint="name another figure", place=name
        )


def _whens(document: AnyDocument) -> Iterator[dict[str, Any]]:
    if isinstance(document, SchemeDocument | AddOnDocument | RefundDocument | PriceShareDocument | TimeLimitDocument):
        yield document.when
    if isinstance(document, SchemeDocument | AddOnDocument):
        yield from (use.when for use in document.charges if use.when)


def _check_condition(when: dict[str, Any], figures: _Stub, documents: Documents) -> None:
    try:
        conditions.compiled(when, figures)
    except LawDataError as error:
        raise LawDataError(f"has a condition that cannot be: {error.detail.lstrip(': ')}", hint=error.hint) from error
    for key, value in conditions.leaves(when):
        if key not in ASKING:
            continue
        kind = ASKING[key]
        ((name, option),) = value.items()
        found = documents.get(name)
        if found is None or not isinstance(found[1], kind):
            raise LawDataError(f"asks {key} of {name!r}, which is no {_kind(kind)}", place=name)
        if isinstance(found[1], ElectionDocument) and option not in found[1].options:
            raise LawDataError(
                f"asks for {option!r} of {name}", hint=f"options: {', '.join(found[1].options)}", place=option
            )


def _check_jurisdiction(book: Lawbook) -> None:
    zone = book.jurisdiction.time_zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        place = f"{book.code}/jurisdiction.yaml"
        raise LawDataError(
            f"{place}: {zone!r} is no time zone", hint="the legal day needs one, as time_zone: Asia/Tokyo", place=place
        ) from error
    if book.datasets is not None:
        _check_datasets(book.code, book.datasets)


def _check_datasets(code: str, document: DatasetsDocument) -> None:
    place = f"{code}/datasets.yaml"
    if not document.datasets or document.datasets[-1].when:
        raise LawDataError(f"{place}: no dataset takes the rest", hint="end it with one without `when`", place=place)


def _check_orders(books: Mapping[str, Lawbook], documents: Documents, since: date) -> None:
    """Of two schemes of one order in force on one day nobody could say which comes first."""
    schemes = [(name, each) for name, (_, each) in documents.items() if isinstance(each, SchemeDocument)]
    for day in _days(documents, since):
        taken: dict[int, str] = {}
        for name, scheme in schemes:
            if not is_in_force(scheme.values, day):
                continue
            other = taken.setdefault(scheme.order, name)
            if other != name:
                place = place_of(books[documents[name][0]], name, "order")
                raise LawDataError(
                    f"{place}: {name} and {other} both have order {scheme.order} on {day}",
                    hint="which of the two is tried first? give one another order",
                    place=place,
                )


def _check_rest(own: Lawbook, documents: Documents) -> None:
    """On every day some scheme takes what no other does."""
    schemes = [each for _, each in documents.values() if isinstance(each, SchemeDocument)]
    for day in _days(documents, own.jurisdiction.modelled_since):
        if not any(not scheme.when and is_in_force(scheme.values, day) for scheme in schemes):
            place = f"{own.code}/"
            raise LawDataError(
                f"{place}: no scheme takes the rest on {day}", hint="give the last scheme no conditions", place=place
            )


def _days(documents: Documents, since: date) -> list[date]:
    """The first day and every day of change after it."""
    return sorted({since, *(day for _, each in documents.values() for day in each.values if day > since)})


def is_in_force(values: Mapping[date, str | Dated], on: date) -> bool:
    """Whether a measure has a value on a day that is law."""
    begun = [day for day, each in values.items() if day <= on and (isinstance(each, str) or each.status != "expected")]
    last = values[max(begun)] if begun else None
    return isinstance(last, str) or (last is not None and last.value is not None)


class _Stub(Mapping[str, Figure]):
    """Every figure of the law, on whatever day, as one: enough to see whether a condition can be compiled."""

    def __init__(self, documents: Documents) -> None:
        self._found = [name for name, (_, each) in documents.items() if isinstance(each, FigureDocument)]

    def __getitem__(self, measure_id: str) -> Figure:
        if measure_id not in self._found:
            raise KeyError(measure_id)
        return Figure(measure_id, "", Decimal(1), PERCENT, date.min)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _texts(document: AnyDocument) -> list[str]:
    found = [each if isinstance(each, str) else each.value for each in document.values.values()]
    return [each for each in found if each is not None]


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _kind(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def _alike(name: str, documents: Documents) -> str:
    """The measures whose ids come nearest, for who mistyped one."""
    import difflib

    near = difflib.get_close_matches(name, documents, n=3)
    return f"did you mean {' or '.join(near)}?" if near else "write it beside the others, or correct the id"
