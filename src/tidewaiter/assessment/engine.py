"""The assessment of one declaration: value it, find the scheme that applies, reckon its charges, show every step.

Nothing here knows a country: datasets, schemes, charges, rates, thresholds and
roundings are the regime's. A function of its arguments; it never raises for bad data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from typing import Final

from tidewaiter.assessment.charging import Circumstances, Tally, charge_all, waive
from tidewaiter.assessment.compiled import ALL_GOODS, ChargingLaw, CompiledCharge, CompiledScheme, charging_law
from tidewaiter.assessment.valuation import ZERO, Adds, Line, Valuation, above, value
from tidewaiter.model.assessment import Assessment, Charge, Citation, Collection, Step
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.model.standing import NOTHING_KNOWN, PersonalStanding
from tidewaiter.regimes import Regime
from tidewaiter.regimes.conditions import Facts
from tidewaiter.regimes.prices import settled

NOT_ASSESSED = "not assessed"
UNDETERMINED = "undetermined"
# Enough digits, no surprise from exponents, errors where a number is none. Copied for each use.
ARITHMETIC: Final = Context(prec=34, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[DivisionByZero, InvalidOperation, Overflow])
CITATIONS_KEPT = 4096  # combinations of measures


def assess(declaration: Declaration, regime: Regime, standing: PersonalStanding = NOTHING_KNOWN) -> Assessment:
    """What is owed on a declaration under a regime, with the trace: amounts in the regime's currency.

    `standing` is what is known of the persons: counters they drew on, alternatives they elected. What cannot be
    worked out is listed as `unresolved`, never taken as nothing owed.
    """
    with localcontext(ARITHMETIC):
        dataset = regime.dataset_of(declaration)
        if not dataset.is_assessed:
            return _not_assessed(regime, f"customs works out no duty or tax on this dataset: {dataset.title}")
        law = charging_law(regime)
        adds = law.adds if not law.price_shares else _adds(declaration, regime, law, dataset.code)
        valuation = value(declaration, regime, law.value_rounding, adds)
        if not valuation.lines and declaration.function is not MessageFunction.ORIGINAL:
            return _not_assessed(regime, "the message states only what changes, not the goods with their prices")
        if not valuation.lines:
            return _finished(regime, UNDETERMINED, valuation, Tally(0))
        facts = Facts(declaration, lambda _: valuation.exact, dataset.code)
        facts.customs_value, facts.standing = settled(valuation.exact_customs), standing
        facts.counted = _counted(regime, valuation)
        scheme = _scheme(facts, law)
        if scheme.unresolved:
            tally = Tally(0)
            tally.unresolved[scheme.unresolved] = None
        else:
            lines = valuation.lines
            if scheme.allowance:
                step = Step(f"allowance of {scheme.allowance!s}, shared by value", "", scheme.allowance_id)
                lines = above(lines, scheme.allowance, law.value_rounding, step)
            documents = _documents(declaration) if regime.law.tariff is not None else frozenset()
            circumstances = Circumstances(lines, dataset.code, regime.currency, documents)
            tally = charge_all(_charges(scheme, law, facts), circumstances, law.terms)
            if scheme.allowance:
                tally.used.add(scheme.allowance_id)
            for waiver in scheme.waivers:
                waive(waiver, tally)
        _name_gaps(valuation.lines, law, scheme.measure_id, tally)
        tally.used.add(scheme.measure_id)
        valuation.steps.append(scheme.step)
        if regime.law.counters:
            _show_counters(facts, regime, valuation, tally)
        counted = {counter: facts.counted[counter] for counter in scheme.counts}
        return _finished(regime, scheme.measure_id, valuation, tally, counted)


def _adds(declaration: Declaration, regime: Regime, law: ChargingLaw, dataset_code: str) -> Adds:
    """How these goods are valued: in some circumstances only a part of the price counts."""
    facts = Facts(declaration, regime.worth, dataset_code)
    return next((adds for holds, adds in law.price_shares if holds(facts)), law.adds)


def _documents(declaration: Declaration) -> frozenset[str]:
    """The documents declared for the whole: conditions of a tariff's measures ask for them."""
    return frozenset(document.type_code for document in declaration.documents)


def _scheme(facts: Facts, law: ChargingLaw) -> CompiledScheme:
    for scheme in law.schemes:
        if scheme.holds(facts):
            return scheme
    raise LawDataError("no scheme takes the rest", hint="give the last scheme no conditions")


def _counted(regime: Regime, valuation: Valuation) -> dict[str, Decimal]:
    """What the goods would draw on each counter of the law."""
    counters = regime.law.counters
    return {name: getattr(valuation, counter.counts) for name, counter in counters.items()} if counters else {}


def _show_counters(facts: Facts, regime: Regime, valuation: Valuation, tally: Tally) -> None:
    """How each counter stood before these goods, where that is known; what cannot be told without a name is unresolved."""
    for counter_id, counter in regime.law.counters.items():
        if counter_id in facts.standing.unnamed:
            tally.unresolved[
                f"the {counter.key} is not named, so what is left of this is not known: {counter.title}"
            ] = None
            tally.used.add(counter_id)
        elif counter_id in facts.standing.used:
            limit = regime.figures[counter.limit].value
            words = f"{counter.title}: {facts.standing.used[counter_id]!s} used before, of {limit!s}"
            now = f"{facts.counted[counter_id]!s} {regime.currency} in these goods"
            valuation.steps.append(Step(words, now, counter_id))


def _charges(scheme: CompiledScheme, law: ChargingLaw, facts: Facts) -> Sequence[CompiledCharge]:
    """The scheme's charges with what is charged beside any scheme, in the order they are worked out."""
    own: Sequence[CompiledCharge] = scheme.charges
    if scheme.is_conditional:
        own = _holding(own, facts)
    if not law.addons:
        return own
    added = [addon for addon in law.addons if addon.holds(facts)]
    before = [charge for addon in added if addon.is_before for charge in _holding(addon.charges, facts)]
    after = [charge for addon in added if not addon.is_before for charge in _holding(addon.charges, facts)]
    return (*before, *own, *after)


def _holding(charges: Iterable[CompiledCharge], facts: Facts) -> list[CompiledCharge]:
    """Those that are charged in these circumstances at all."""
    return [charge for charge in charges if charge.holds is None or charge.holds(facts)]


def _name_gaps(lines: Iterable[Line], law: ChargingLaw, scheme: str, tally: Tally) -> None:
    """Goods on which something is owed that is not modelled."""
    chapters = law.gap_chapters
    if not chapters:
        return
    for line in lines:
        code = line.item.commodity_code
        if code[:2] not in chapters and ALL_GOODS not in chapters:
            continue
        for gap in law.gaps:
            if gap.concerns(line.item, scheme):
                tally.unresolved[f"line {line.line_no}: {gap.title} (commodity code {code[:16]})"] = None
                tally.used.add(gap.measure_id)


def _finished(
    regime: Regime, scheme: str, valuation: Valuation, tally: Tally, counted: dict[str, Decimal] | None = None
) -> Assessment:
    currency = regime.currency
    used = tally.used
    for step in valuation.steps:
        used.add(step.measure_id)
    for line in valuation.lines:
        for step in line.steps:
            used.add(step.measure_id)
    return Assessment(
        jurisdiction_code=regime.jurisdiction_code,
        legal_day=regime.legal_day,
        regime_digest=regime.digest,
        scheme=scheme,
        intrinsic_value=Money(valuation.intrinsic_value, currency),
        customs_value=Money(valuation.customs_value, currency),
        steps=tuple(valuation.steps),
        charges=tuple(tally.charges),
        due=_sum(tally.charges, Collection.BORDER, currency),
        collected_at_sale=_sum(tally.charges, Collection.SALE, currency),
        citations=_citations(regime, frozenset(used)),
        unresolved=(*valuation.unresolved, *tally.unresolved),
        counted=counted or {},
    )


@lru_cache(maxsize=CITATIONS_KEPT)
def _citations(regime: Regime, used: frozenset[str]) -> dict[str, Citation]:
    """Source of each measure used; shared between assessments, so nobody may change it."""
    citations = regime.law.citations
    return {measure_id: citations[measure_id] for measure_id in sorted(used) if measure_id in citations}


def _not_assessed(regime: Regime, words: str) -> Assessment:
    nothing = Money(ZERO, regime.currency)
    return Assessment(
        jurisdiction_code=regime.jurisdiction_code,
        legal_day=regime.legal_day,
        regime_digest=regime.digest,
        scheme=NOT_ASSESSED,
        intrinsic_value=nothing,
        customs_value=nothing,
        steps=(Step(words, NOT_ASSESSED),),
        charges=(),
        due=nothing,
        collected_at_sale=nothing,
    )


def _sum(charges: Iterable[Charge], collection: Collection, currency: str) -> Money:
    total = ZERO
    for charge in charges:
        if charge.collection is collection:
            total += charge.result.amount
    return Money(total, currency)
