"""A quote in plain words: what applies, what each charge is and why, who pays what and when, what is not sure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tidewaiter.data.nomenclature import NATIONAL_CHAPTERS, edition_on
from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.quotes.quote import Admission, Entry
from tidewaiter.regimes import Regime
from tidewaiter.revenue.obligations import Obligation

WHERE: Final = {Collection.BORDER: "to be paid at the border", Collection.SALE: "charged by the seller with the price"}
HS_DIGITS: Final = 6
MOMENTS: Final = {
    "sale": "at the sale",
    "before arrival": "before the goods arrive",
    "release": "when the goods are released",
    "delivery": "on delivery",
    "period": "for each period",
}


def sentences(
    declaration: Declaration,
    assessment: Assessment,
    obligations: tuple[Obligation, ...],
    admission: Admission,
    regime: Regime,
) -> tuple[str, ...]:
    """The trace as sentences, each of which stands by itself."""
    return (
        *_ground(assessment, regime),
        *(_charge(charge, regime.law.titles) for charge in assessment.charges),
        *(f"Not known: {words}." for words in assessment.unresolved),
        *_counted(assessment, regime),
        *map(_obligation, obligations),
        *_looked_up(declaration, regime),
        *_entry(admission),
        *_unconfirmed(assessment, regime.law.titles),
    )


def _ground(assessment: Assessment, regime: Regime) -> Iterator[str]:
    titles = regime.law.titles
    yield f"The law of {regime.law.title} on {assessment.legal_day:%Y-%m-%d} applies."
    for step in assessment.steps:
        if step.measure_id != assessment.scheme and step.result:
            yield f"{step.words[:1].upper()}{step.words[1:]}: {step.result}."
    if assessment.customs_value != assessment.intrinsic_value:
        yield f"With what the law adds they count as {assessment.customs_value}."
    yield f"The rule that applies: {titles.get(assessment.scheme, assessment.scheme)}."


def _charge(charge: Charge, titles: Mapping[str, str]) -> str:
    title = titles.get(charge.measure_id) or charge.kind.value
    where = f"Line {charge.line_no}" if charge.line_no else "The whole"
    if charge.collection is Collection.NONE:
        why = f": {charge.relief}" if charge.relief else ""
        return f"{where}: {title}, nothing is owed{why}."
    base = f" on {charge.base}" if "%" in charge.rate else ""  # an amount is not reckoned on a value
    if not charge.result.amount:
        return f"{where}: {title}, {charge.rate}{base}: nothing is owed."
    rounding = f", rounded {charge.rounding}" if charge.unrounded != charge.result.amount else ""
    return f"{where}: {title}, {charge.rate}{base}{rounding}: {charge.result}, {WHERE[charge.collection]}."


def _obligation(obligation: Obligation) -> str:
    joint = f" (with the {' and the '.join(obligation.jointly_liable)})" if obligation.jointly_liable else ""
    collector = "" if obligation.collector == obligation.liable else f" to the {obligation.collector}"
    collector = collector.replace("the customs", "customs")
    return (
        f"The {obligation.liable}{joint} owes {obligation.amount}{collector}, {MOMENTS[obligation.moment]}; "
        f"due {obligation.due:%Y-%m-%d}."
    )


def _counted(assessment: Assessment, regime: Regime) -> Iterator[str]:
    """A limit on what one person may bring in: what they already did is not known to a quote."""
    for counter_id, amount in assessment.counted.items():
        counter = regime.law.counters[counter_id]
        yield (
            f"{amount} {regime.currency} count towards a limit of one {counter.key} in a {counter.period} "
            f"({counter.title}); the quote takes it that nothing else did yet."
        )


def _entry(admission: Admission) -> Iterator[str]:
    match admission.entry:
        case Entry.UNKNOWN:
            yield "Whether the goods may come in is not known: the country's own prohibitions and restrictions are not entered here."
        case Entry.FREE:
            yield "Nothing among the prohibitions and restrictions known here stands against these goods."
        case Entry.PERMIT | Entry.PROHIBITED:
            for reason in admission.controls:
                permit = f" Needed: {reason.permit_words} ({reason.permit_code})." if reason.permit_code else ""
                yield f"{reason.words}{permit}"


def _looked_up(declaration: Declaration, regime: Regime) -> Iterator[str]:
    """Where the commodity codes were looked up, and how much of them was not."""
    system, tariff = edition_on(regime.legal_day), regime.law.tariff
    codes = [item.commodity_code for item in declaration.goods_items if item.commodity_code]
    in_system = [code for code in codes if code[:2] not in NATIONAL_CHAPTERS]
    if tariff is not None and codes:
        first = f", their first six digits in the {system.title} too" if system is not None else ""
        yield f"The commodity codes were looked up in the {tariff.edition}{first}."
    elif system is not None and in_system:
        is_longer = any(len(code) > HS_DIGITS for code in in_system)
        rest = "; the digits after them were not, as no tariff is imported" if is_longer else ""
        yield f"The first six digits of the commodity codes were looked up in the {system.title}{rest}."


def _unconfirmed(assessment: Assessment, titles: Mapping[str, str]) -> Iterator[str]:
    named = [titles.get(measure_id, measure_id) for measure_id, cited in assessment.citations.items() if not cited.confirmed]  # fmt: skip
    if named:
        yield f"Not confirmed against the official text: {'; '.join(named)}."
