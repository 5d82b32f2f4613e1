"""What a tariff says of one kind of goods, worked out once: which code, which options, what on top, what is open.

A plan depends on code, origin, claim, additional codes and documents; value and quantities come later. Parcels of a
day share few of them, so plans are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from tidewaiter.assessment.applicable import (
    OPTIONS,
    QUOTAS,
    STACKED,
    Applied,
    Open,
    by_additional_code,
    by_conditions,
    named,
    of_type,
)
from tidewaiter.model.assessment import Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.model.errors import InvalidIdentifierError, NotInForceError
from tidewaiter.regimes import Regime
from tidewaiter.regimes.law import TariffLaw
from tidewaiter.tariff.codes import DIGITS as TEN
from tidewaiter.tariff.codes import stem
from tidewaiter.tariff.records import ERGA_OMNES, Direction, Kind, Measure
from tidewaiter.tariff.sentences import DutyExpression, DutyExpressionId
from tidewaiter.tariff.tariff import Tariff

GROUP_LETTERS = 2  # a country has two; what is longer is a group
OTHERS_SHOWN = 6
BELOW_LOOKED_AT = 500  # declarable codes below one that is not
KEPT = 16_384


class Ready(NamedTuple):
    """A measure that holds, with all that does not depend on value and quantity."""

    type_code: str  # "" for that of the charge itself
    name: str
    duty: str
    words: str
    expression: DutyExpression
    exchange: Mapping[str, Decimal]
    why: Step | None


class Plan(NamedTuple):
    """What is worked out for such goods. `chosen`: one of these, the lowest, or none where any of them is open."""

    code: str
    chosen: tuple[Ready | Open, ...]
    is_ordinary: bool  # third-country duty, of which there can be only one
    note: tuple[Step, ...]
    others: tuple[Ready | Step, ...]  # not claimed: shown
    stacked: tuple[Ready | Open, ...]
    unit: str  # of a quantity that is declared without one


class Planner:
    """Makes plans for a regime that rests on an imported tariff, and keeps them."""

    __slots__ = ("_codes", "_law", "_plans", "_regime", "tariff")

    def __init__(self, regime: Regime, law: TariffLaw, tariff: Tariff) -> None:
        self._regime = regime
        self._law = law
        self._codes: dict[tuple[str, str, str, str], str | Open] = {}
        self._plans: dict[tuple[object, ...], Plan | Open] = {}
        self.tariff = tariff

    def plan(self, item: GoodsItem, documents: frozenset[str]) -> Plan | Open:
        """The plan for a line; open where it is not even known which measures are on the goods."""
        key = (
            item.commodity_code,
            item.origin_country_code,
            item.preferential_origin_code,
            item.duty_regime_code,
            item.additional_codes,
            documents,
        )
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= KEPT:
                self._plans.clear()
            found = self._plans[key] = self._made(item, documents)
        return found

    def is_free(self, item: GoodsItem) -> bool | Open:
        """Whether the tariff has no third-country duty on these goods at all."""
        code = self._code(item)
        if isinstance(code, Open):
            return code
        types = self._law.claims.get("", ())
        rates = [each for each in self._measures(code, item) if each.type_code in types and each.kind in OPTIONS]
        if not rates:
            return Open("the tariff states no third-country duty")
        return all(_is_nothing(self.tariff.held.duties.get(each.duty)) for each in rates)

    def _made(self, item: GoodsItem, documents: frozenset[str]) -> Plan | Open:
        if item.duty_regime_code not in self._law.claims:
            return Open(f"claim {item.duty_regime_code[:8]!r} is not modelled; its duty rate is not known")
        code = self._code(item)
        if isinstance(code, Open):
            return code
        measures = self._measures(code, item)
        options = [each for each in measures if each.kind in OPTIONS]
        claim, ordinary = item.duty_regime_code, self._law.claims.get("", ())
        wanted = self._law.claims[claim]
        chosen = self._held([each for each in options if each.type_code in wanted], item, documents)
        is_ordinary, note, applied = set(wanted) == set(ordinary), tuple[Step, ...](), {*wanted}
        if not chosen and not is_ordinary:
            unknown = [each for each in self._unmatched(code) if each.type_code in wanted]
            if unknown:
                chosen = (
                    Open(
                        f"who belongs to {unknown[0].area} is not known here, so {named(unknown[0])} cannot be applied"
                    ),
                )
            else:
                words = f"claim {claim} does not hold for these goods: third-country duty"
                is_ordinary, note, applied = True, (Step(words, "", self._law.measure_id),), {*wanted, *ordinary}
                chosen = self._held([each for each in options if each.type_code in ordinary], item, documents)
        if not chosen:
            origin = item.origin_country_code or "any origin"
            chosen = (Open(f"the tariff states no duty on {code} for goods of {origin}"),)
        is_exact = _digits(item.commodity_code) == _digits(code)  # else other codes below may offer other things
        others = [each for each in options if each.type_code not in applied][:OTHERS_SHOWN] if is_exact else []
        return Plan(
            code=code,
            chosen=chosen,
            is_ordinary=is_ordinary,
            note=note,
            others=tuple(self._shown(others, item, documents)),
            stacked=tuple(self._on_top(measures, item, documents, code)),
            unit=self._unit(measures),
        )

    # --- the goods -------------------------------------------------------------------------------------------

    def _code(self, item: GoodsItem) -> str | Open:
        """A declarable code: the one declared, or any below it where all below bear the same duties."""
        claim = item.duty_regime_code
        key = (item.commodity_code, item.origin_country_code, item.preferential_origin_code, claim)
        found = self._codes.get(key)
        if found is None:
            if len(self._codes) >= KEPT:
                self._codes.clear()
            found = self._codes[key] = self._looked_up(item)
        return found

    def _looked_up(self, item: GoodsItem) -> str | Open:
        code, on = item.commodity_code, self._regime.legal_day
        if not code:
            return Open("there is no commodity code, so the duty rate is not known")
        try:
            if self.tariff.is_declarable(code, on):
                return self.tariff.describe(code, on).line.code
            below = self.tariff.declarable(_digits(code), on)
            if not below:
                self.tariff.describe(code, on)  # says why it cannot be declared
        except (NotInForceError, InvalidIdentifierError) as error:
            return Open(f"{error.detail}{f' ({error.hint})' if error.hint else ''}; the duty is not known")
        alike = {self._likeness(line.code, item) for line in below[:BELOW_LOOKED_AT]}
        if len(alike) == 1 and len(below) <= BELOW_LOOKED_AT:
            return below[0].code
        return Open(
            f"goods cannot be declared under {code[:16]}: the {len(below)} codes below it bear different duties; "
            "the duty is not known"
        )

    def _likeness(self, code: str, item: GoodsItem) -> frozenset[tuple[object, ...]]:
        """What the duties on a code are that the claim can lead to, apart from where they stand."""
        claims = self._law.claims
        types = {*claims.get("", ()), *claims.get(item.duty_regime_code, ())}
        found = (*self._measures(code, item), *self._unmatched(code))
        return frozenset(
            (m.type_code, m.duty, m.area, m.excluded, m.additional_code, m.order_number, m.conditions)
            for m in found
            if m.type_code in types or m.kind in STACKED or m.kind is Kind.EXCISE or (m.kind is Kind.OTHER and m.duty)
        )

    def _measures(self, code: str, item: GoodsItem) -> tuple[Measure, ...]:
        """Those for goods of the country of origin; preferences by the preferential origin where one is declared."""
        on, origin, preferential = self._regime.legal_day, item.origin_country_code, item.preferential_origin_code
        measures = self.tariff.measures(code, origin, on)
        if not preferential or preferential == origin:
            return measures
        if len(preferential) == GROUP_LETTERS:
            theirs = self.tariff.measures(code, preferential, on)
        else:
            theirs = tuple(each for each in self.tariff.all_measures(code, on) if each.area == preferential)
        kept = tuple(each for each in measures if each.kind is not Kind.PREFERENCE)
        return (*kept, *(each for each in theirs if each.kind is Kind.PREFERENCE))

    def _unmatched(self, code: str) -> tuple[Measure, ...]:
        found = self.tariff.unmatched(code, self._regime.legal_day)
        return tuple(each for each in found if each.direction is Direction.IMPORT)

    def _unit(self, measures: Sequence[Measure]) -> str:
        """The tariff's supplementary unit of the goods; "" where it has none."""
        for measure in measures:
            expression = self.tariff.held.duties.get(measure.duty) if measure.kind is Kind.SUPPLEMENTARY_UNIT else None
            for each in expression.components if expression is not None else ():
                if each.expression_id is DutyExpressionId.SUPPLEMENTARY_UNIT:
                    return each.unit + each.qualifier
        return ""

    # --- the measures ----------------------------------------------------------------------------------------

    def _held(
        self, measures: Iterable[Measure], item: GoodsItem, documents: frozenset[str]
    ) -> tuple[Ready | Open, ...]:
        """The measures that hold for these goods, by additional code and conditions."""
        found: list[Ready | Open] = []
        for alike in of_type(measures).values():
            held, opened = by_additional_code(alike, item.additional_codes)
            found += opened
            for measure in held:
                applied = by_conditions(measure, documents)
                if isinstance(applied, Open):
                    found.append(applied)
                elif measure.kind in QUOTAS:
                    found.append(Open(f"{named(measure)}: whether the quota is still open is not known here"))
                elif applied is not None:
                    found.append(self._ready(applied))
        return tuple(found)

    def _ready(self, applied: Applied) -> Ready | Open:
        measure, law = applied.measure, self._law
        type_code, name = law.stacked.get(measure.type_code, ""), named(measure)
        if measure.kind in STACKED and not type_code:
            return Open(f"{name} is owed and how it is accounted for is not modelled")
        try:
            expression = self.tariff.expression(applied.duty) if applied.duty else DutyExpression()
        except NotInForceError as error:
            return Open(f"{name}: {error.detail}")
        area = "" if measure.area == ERGA_OMNES else f" for {measure.area}"
        return Ready(
            type_code=type_code,
            name=name,
            duty=applied.duty or "no rate stated",
            words=f"{applied.duty}, {name}{area}",
            expression=expression,
            exchange=self._exchange(expression),
            why=Step(applied.why, applied.duty, law.measure_id) if applied.why else None,
        )

    def _exchange(self, expression: DutyExpression) -> dict[str, Decimal]:
        """What one unit of each currency of a sentence is in the regime's own, at the law's rate; none where unknown."""
        regime, found = self._regime, {}
        every = (*expression.components, *(each for season in expression.seasons for each in season.components))
        for currency in {each.monetary_unit for each in every} - {"", regime.currency}:
            try:
                multiplier, divisor, _ = regime.law_rate(currency)
            except NotInForceError:
                continue
            found[currency] = multiplier / divisor
        return found

    def _shown(self, measures: Iterable[Measure], item: GoodsItem, documents: frozenset[str]) -> Iterator[Ready | Step]:
        """What the goods could have had and was not claimed."""
        measure_id = self._law.measure_id
        for measure in measures:
            if measure.kind in QUOTAS:
                yield Step(f"not claimed: {named(measure)}, {measure.duty}", "depends on the quota", measure_id)
                continue
            for found in self._held([measure], item, documents)[:1]:
                words = f"not claimed: {named(measure)}"
                yield Step(words, found.words, measure_id) if isinstance(found, Open) else found

    def _on_top(
        self, measures: Sequence[Measure], item: GoodsItem, documents: frozenset[str], code: str
    ) -> Iterator[Ready | Open]:
        """What is charged beside, whatever is claimed."""
        without_duty = self._law.without_duty
        stacked = [each for each in measures if each.kind in STACKED and each.type_code not in without_duty]
        yield from self._held(stacked, item, documents)
        for measure in self._unmatched(code):
            if measure.kind in STACKED and measure.type_code not in without_duty:
                yield Open(
                    f"who belongs to {measure.area} is not known here, and {named(measure)} is on goods from there"
                )
        if any(each.kind is Kind.EXCISE for each in measures):
            yield Open("the tariff states excise on goods of this code, which is not modelled")
        for measure in measures:
            if measure.kind is Kind.OTHER and measure.duty:
                yield Open(
                    f"a measure of type {measure.type_code} states a duty of {measure.duty[:60]} and is not modelled"
                )
        if not item.origin_country_code:
            for measure in self.tariff.all_measures(code, self._regime.legal_day):
                if measure.kind in STACKED and measure.area != ERGA_OMNES and measure.direction is Direction.IMPORT:
                    yield Open(f"no country of origin is declared, and {named(measure)} depends on it")


def _digits(code: str) -> str:
    """The digits of a code that stand for something: pairs of zeros at the end of a whole one do not."""
    digits = code.replace(".", "").replace(" ", "")
    return stem(digits) if len(digits) == TEN else digits


def _is_nothing(expression: DutyExpression | None) -> bool:
    """Whether a sentence says that nothing is owed, whatever the goods."""
    if expression is None or expression.seasons or not expression.components:
        return False
    free = DutyExpressionId.NIHIL
    return all(each.rule is None and (each.expression_id is free or each.amount == 0) for each in expression.components)
