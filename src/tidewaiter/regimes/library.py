"""From files to a regime: the lawbooks of a jurisdiction and its parents, as of one day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.assessment import Citation
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.regimes import exchange
from tidewaiter.regimes.checking import check
from tidewaiter.regimes.documents import (
    AddOnDocument,
    AnyDocument,
    ChargeDocument,
    CounterDocument,
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
    RuleDocument,
    SchemeDocument,
    Source,
    TableDocument,
    TariffDocument,
    TimeLimitDocument,
    ValuationDocument,
)
from tidewaiter.regimes.law import (
    AddOn,
    Charge,
    Content,
    Counter,
    Dataset,
    Election,
    Exchange,
    Figure,
    Obligation,
    PriceShare,
    Refund,
    Rounding,
    Scheme,
    TariffLaw,
    TimeLimit,
)
from tidewaiter.regimes.reading import Lawbook, codes, lawbook, read_table
from tidewaiter.regimes.regime import EXCHANGE, Regime
from tidewaiter.regimes.time_limits import in_order, time_limit_of
from tidewaiter.tariff.tariff import Tariff

T = TypeVar("T", bound=Struct)

DAYS_KEPT = 64
NOTHING_ADDED = "nothing"
EDITION_CITED = "tariff.edition"  # what duty worked out by a tariff cites
CODE_LENGTH_SHOWN = 20  # characters of what a sender took for a code


@lru_cache(maxsize=DAYS_KEPT)
def load_regime(jurisdiction_code: str, on: date, tariff: Tariff | None = None) -> Regime:
    """The law of a jurisdiction on a day, with an imported tariff beside it where one is given.

    Raises NotInForceError for a jurisdiction or day that is not modelled, and
    LawDataError, naming file and key, where the files are malformed.
    """
    books = lineage(jurisdiction_code)
    since = max(book.jurisdiction.modelled_since for book in books)
    if on < since:
        raise NotInForceError(
            f"the law of {jurisdiction_code} is modelled since {since}, not on {on}",
            hint="docs/LAW.md lists what is modelled and since when",
        )
    content = _content(books, on)
    return Regime.of(content if tariff is None else _with_tariff(content, books, tariff), tariff)


def jurisdictions() -> dict[str, str]:
    """Code and title of every jurisdiction whose law is modelled."""
    books = ((code, lawbook(code)) for code in codes())
    return {code: book.jurisdiction.title for code, book in books if book and not book.jurisdiction.is_basis}


@cache
def lineage(jurisdiction_code: str) -> tuple[Lawbook, ...]:
    """The lawbooks that make a jurisdiction's law, the remotest parent first. Raises NotInForceError, LawDataError."""
    book = lawbook(jurisdiction_code)
    if book is None:
        raise NotInForceError(
            f"no law is modelled for {jurisdiction_code[:CODE_LENGTH_SHOWN]!r}",
            hint=f"modelled: {', '.join(jurisdictions())} (ISO 3166-1 alpha-2, or a union's own code)",
        )
    parent = book.jurisdiction.parent
    if parent and lawbook(parent) is None:
        raise LawDataError(f"{jurisdiction_code}: its parent {parent!r} has no files", place=jurisdiction_code)
    books = (*lineage(parent), book) if parent else (book,)
    check(books, merged(books))
    return books


def merged(books: tuple[Lawbook, ...]) -> dict[str, tuple[str, AnyDocument]]:
    """Each measure with the jurisdiction it is written in; the nearer one's word counts."""
    return {measure_id: (book.code, document) for book in books for measure_id, document in book.documents.items()}


def as_of(values: dict[date, str | Dated], on: date) -> tuple[date, Dated] | None:
    """Start day and value in force on `on`; None before the first. What is only expected is passed over."""
    best: date | None = None
    for day, value in values.items():
        if day <= on and (best is None or day > best) and (isinstance(value, str) or value.status != "expected"):
            best = day
    if best is None:
        return None
    value = values[best]
    return best, (Dated(value=value) if isinstance(value, str) else value)


def next_change(jurisdiction_code: str, after: date) -> date | None:
    """The first later day on which the law of a jurisdiction, as it is known now, has another value; None without one.

    Rates of exchange are not law of a day in this sense, and change more often.
    """
    days = [
        day
        for _, document in merged(lineage(jurisdiction_code)).values()
        for day, value in document.values.items()
        if day > after and (isinstance(value, str) or value.status != "expected")
    ]
    return min(days, default=None)


class _Pages:
    """The parts of a regime's content as they are collected, measure by measure."""

    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}
        self.ended: dict[str, str] = {}
        self.goods: dict[str, tuple[str, ...]] = {}
        self.gaps: dict[str, tuple[str, ...]] = {}
        self.gap_origins: dict[str, tuple[str, ...]] = {}
        self.gap_schemes: dict[str, tuple[str, ...]] = {}
        self.roundings: dict[str, Rounding] = {}
        self.valuations: dict[str, tuple[str, ...]] = {}
        self.charges: dict[str, Charge] = {}
        self.schemes: list[tuple[int, Scheme]] = []
        self.addons: list[tuple[int, AddOn]] = []
        self.counters: dict[str, Counter] = {}
        self.elections: dict[str, Election] = {}
        self.price_shares: dict[str, PriceShare] = {}
        self.obligations: dict[str, Obligation] = {}
        self.refunds: dict[str, Refund] = {}
        self.time_limits: list[tuple[int, TimeLimit]] = []
        self.tables: dict[str, dict[str, str]] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.rules: dict[str, str] = {}
        self.citations: dict[str, Citation] = {}
        self.titles: dict[str, str] = {}


def _content(books: tuple[Lawbook, ...], on: date) -> Content:
    own = books[-1]
    pages = _Pages()
    for measure_id, (code, document) in merged(books).items():
        found = as_of(document.values, on)
        if found is None or isinstance(document, TariffDocument):
            continue  # how a tariff joins is law where there is one
        since, dated = found
        if dated.value is None:
            pages.ended[measure_id] = dated.act
            continue
        pages.titles[measure_id] = document.title
        pages.citations[measure_id] = _citation(document.sources, document.is_confirmed)
        place = f"{code}/{measure_id.replace('.', '/')}.yaml"
        _add(pages, document, _Entry(measure_id, dated.value, since, place), own.jurisdiction.currency, on)
    if EXCHANGE not in pages.exchanges:
        raise LawDataError(f"{own.code}: {EXCHANGE} is missing on {on}", place=own.code)
    return Content(
        jurisdiction_code=own.code,
        title=own.jurisdiction.title,
        legal_day=on,
        currency=own.jurisdiction.currency,
        figures=pages.figures,
        ended=pages.ended,
        goods=pages.goods,
        gaps=pages.gaps,
        roundings=pages.roundings,
        valuations=pages.valuations,
        charges=pages.charges,
        schemes=tuple(scheme for _, scheme in sorted(pages.schemes, key=lambda each: each[0])),
        datasets=_datasets(books),
        tables=pages.tables,
        exchanges=pages.exchanges,
        rules=pages.rules,
        citations=pages.citations,
        titles=pages.titles,
        gap_origins=pages.gap_origins,
        gap_schemes=pages.gap_schemes,
        addons=tuple(addon for _, addon in sorted(pages.addons, key=lambda each: each[0])),
        counters=pages.counters,
        elections=pages.elections,
        price_shares=pages.price_shares,
        obligations=pages.obligations,
        refunds=pages.refunds,
        time_limits=in_order(pages.time_limits),
        time_zone=own.jurisdiction.time_zone if pages.time_limits else "",
    )


def joins_tariffs(jurisdiction_code: str, on: date) -> bool:
    """Whether the law of a jurisdiction says on a day how an imported tariff joins it. Raises NotInForceError, LawDataError."""
    return _joining(lineage(jurisdiction_code), on) is not None


def _joining(books: tuple[Lawbook, ...], on: date) -> tuple[str, TariffDocument] | None:
    """The measure by which an imported tariff joins the law on a day."""
    for measure_id, (_, document) in merged(books).items():
        found = as_of(document.values, on)
        if isinstance(document, TariffDocument) and found is not None and found[1].value is not None:
            return measure_id, document
    return None


def _with_tariff(content: Content, books: tuple[Lawbook, ...], tariff: Tariff) -> Content:
    """The same law with a tariff beside it, cited with its edition.

    Duty rests on it where it states any and a measure of the law says how tariffs join; else codes alone are looked up.
    """
    edition = f"tariff of {tariff.jurisdiction_code} in force from {tariff.in_force_from}"
    cited = Citation(title=f"{edition[0].upper()}{edition[1:]}, as imported, SHA-256 {tariff.digest}")
    citations = {**content.citations, EDITION_CITED: cited}
    titles = {**content.titles, EDITION_CITED: cited.title}
    law = TariffLaw(measure_id=EDITION_CITED, digest=tariff.digest, edition=edition)
    joining = _joining(books, content.legal_day) if tariff.states_duty else None
    if joining is not None:
        measure_id, document = joining
        law = _same(document, TariffLaw, measure_id=measure_id, digest=tariff.digest, edition=edition)
        citations[measure_id] = _citation(document.sources, document.is_confirmed)
        titles[measure_id] = document.title
    return replace(content, tariff=law, citations=citations, titles=titles)


class _Entry:
    """One measure on the day: id, value, since when, and the file it stands in."""

    def __init__(self, measure_id: str, value: str, since: date, place: str) -> None:
        self.measure_id = measure_id
        self.value = value
        self.since = since
        self.place = place


def _add(pages: _Pages, document: AnyDocument, entry: _Entry, currency: str, on: date) -> None:
    """One measure to its place among the pages: values here, what is built of them in `_add_structure`."""
    measure_id, value = entry.measure_id, entry.value
    match document:
        case FigureDocument():
            number = _decimal(value, entry.place)
            pages.figures[measure_id] = Figure(measure_id, document.title, number, document.unit, entry.since)
        case RuleDocument():
            pages.rules[measure_id] = value
        case GoodsDocument():
            pages.goods[measure_id] = tuple(value.split())
        case GapDocument():
            pages.gaps[measure_id] = tuple(value.split())
            if document.only_origins:
                pages.gap_origins[measure_id] = document.only_origins
            if document.only_schemes:
                pages.gap_schemes[measure_id] = document.only_schemes
        case RoundingDocument():
            if value not in ("down", "half up", "half even", "up"):
                raise LawDataError(f"{entry.place}: {value!r} is no way of rounding", place=entry.place)
            quantum = _decimal(document.quantum, entry.place)
            pages.roundings[measure_id] = Rounding(value, quantum)  # type: ignore[arg-type]
        case ValuationDocument():
            pages.valuations[measure_id] = tuple(value.split())
        case PriceShareDocument():
            adds = () if value == NOTHING_ADDED else tuple(value.split())
            pages.price_shares[measure_id] = PriceShare(document.title, document.share, adds, document.when)
        case TableDocument():
            pages.tables[measure_id] = _table(value)
        case TimeLimitDocument():
            pages.time_limits.append((document.order, time_limit_of(measure_id, document, value)))
        case ExchangeDocument():
            published = exchange.by_month(document.published, on) if document.published else None
            if published is not None:
                pages.citations[measure_id] = _citation(document.published_sources, is_confirmed=True)
            pages.exchanges[measure_id] = published or _rates(measure_id, value, currency, on)
        case _:
            _add_structure(pages, document, measure_id)


def _add_structure(pages: _Pages, document: AnyDocument, measure_id: str) -> None:
    """What is built of figures: charges, schemes and what goes with them. Fields of one name mean the same."""
    match document:
        case ChargeDocument():
            pages.charges[measure_id] = _same(document, Charge)
        case SchemeDocument():
            pages.schemes.append((document.order, _same(document, Scheme, measure_id=measure_id)))
        case AddOnDocument():
            is_before = document.position == "before"
            pages.addons.append((document.order, _same(document, AddOn, measure_id=measure_id, is_before=is_before)))
        case CounterDocument():
            pages.counters[measure_id] = _same(document, Counter)
        case ElectionDocument():
            pages.elections[measure_id] = _same(document, Election)
        case ObligationDocument():
            pages.obligations[measure_id] = _same(document, Obligation)
        case RefundDocument():
            pages.refunds[measure_id] = _same(document, Refund)


def _same(document: Struct, record: type[T], **more: Any) -> T:
    """A record of the law with the document's fields of the same names."""
    names = (field for field in record.__struct_fields__ if field not in more)
    return record(**{name: getattr(document, name) for name in names}, **more)


def _rates(measure_id: str, rule: str, currency: str, on: date) -> Exchange:
    """The rates by the ECB's calendar. Without them, law in another currency cannot be read, but prices in our own can."""
    try:
        return exchange.by_rule(rule, currency, on)
    except NotInForceError as error:
        if measure_id != EXCHANGE:
            raise
        return Exchange(words=f"No rates are known: {error.detail}. {error.hint}", published_on=on, rates={})


def _datasets(books: tuple[Lawbook, ...]) -> tuple[Dataset, ...]:
    """Claims and what is filed everywhere, wherever they stand, then those of the nearest lawbook that has any."""
    found = [book.datasets.datasets for book in reversed(books) if book.datasets is not None]
    if not found:
        raise LawDataError(f"{books[-1].code}: there is no datasets.yaml", place=books[-1].code)
    everywhere = [each for datasets in found for each in datasets if each.claim is not None or each.is_everywhere]
    wanted = (*everywhere, *(each for each in found[0] if each not in everywhere))
    return tuple(Dataset(**{name: getattr(each, name) for name in Dataset.__struct_fields__}) for each in wanted)


@cache
def _table(name: str) -> dict[str, str]:
    return read_table(name)


def _citation(sources: tuple[Source, ...], is_confirmed: bool) -> Citation:  # noqa: FBT001 (a fact of the data)
    first = sources[0]
    return Citation(title=first.title, address=first.address, read_on=first.read_on, confirmed=is_confirmed)


def _decimal(text: str, place: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise LawDataError(f"{place}: {text!r} is not a decimal number", place=place) from None
