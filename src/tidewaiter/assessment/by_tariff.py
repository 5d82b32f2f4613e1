"""Duty by an imported tariff: which option holds, what is charged on top, each worked out from its sentence.

The options for one line (third-country duty, suspension, preference, quota) are each worked out whole. What is
applied is the lowest of those that the claim made opens; without a claim, third-country duty. Others that the
goods could have are shown. Anti-dumping, countervailing, safeguard and additional duties come on top. Whatever
cannot be told (a quota's balance, an entry price, a quantity that is not declared) is left open in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from tidewaiter.regimes.library import EDITION_CITED
from tidewaiter.tariff.codes import DIGITS as TEN
from tidewaiter.tariff.codes import stem
from tidewaiter.tariff.records import ERGA_OMNES, Direction, Kind, Measure
from tidewaiter.tariff.sentences import Basis, Duty, DutyExpression, DutyExpressionId, Needs, evaluate
from tidewaiter.tariff.sentences.units import unit_table
from tidewaiter.tariff.tariff import Tariff

GROUP_LETTERS = 2  # a country has two; what is longer is a group
OTHERS_SHOWN = 6
BELOW_LOOKED_AT = 500  # declarable codes below one that is not
CODES_KEPT = 65_536


class TariffDuty(NamedTuple):
    """One duty on one line, exact, in the regime's currency."""

    type_code: str  # "" for that of the charge itself
    amount: Decimal
    words: str
    steps: tuple[Step, ...]


class Goods(NamedTuple):
    """One line as a tariff looks at it."""

    item: GoodsItem
    value: Decimal
    documents: frozenset[str]  # declared on the line or for the whole


class Worked(NamedTuple):
    """What is charged on a line, and what could not be told."""

    duties: tuple[TariffDuty, ...]
    unresolved: tuple[str, ...]


class ByTariff:
    """The duty of a regime that rests on an imported tariff."""

    __slots__ = ("_codes", "_edition", "_law", "_regime", "tariff")

    def __init__(self, regime: Regime, law: TariffLaw, tariff: Tariff) -> None:
        self._regime = regime
        self._law = law
        self._codes: dict[tuple[str, str, str], str | Open] = {}
        self._edition = Step(law.edition, f"SHA-256 {law.digest[:12]}…", EDITION_CITED)
        self.tariff = tariff

    @property
    def measure_ids(self) -> tuple[str, ...]:
        """What its duties cite."""
        return (self._law.measure_id, EDITION_CITED)

    def worked_out(self, goods: Goods) -> Worked:
        """Every duty on a line. Never raises for bad data."""
        item = goods.item
        claim = item.duty_regime_code
        if claim not in self._law.claims:
            return _open(f"claim {claim[:8]!r} is not modelled; its duty rate is not known")
        code = self._code(item)
        if isinstance(code, Open):
            return _open(code.words)
        measures = self._measures(code, item)
        found = [*self._chosen(measures, goods, code), *self._stacked(measures, goods, code)]
        duties = [each for each in found if isinstance(each, TariffDuty)]
        return Worked(tuple(duties), tuple(dict.fromkeys(each.words for each in found if isinstance(each, Open))))

    def is_free(self, item: GoodsItem) -> bool | Open:
        """Whether the tariff has no third-country duty on these goods at all."""
        code = self._code(item)
        if isinstance(code, Open):
            return code
        types = self._law.claims.get("", ())
        rates = [each for each in self._measures(code, item) if each.type_code in types and each.kind in OPTIONS]
        if not rates:
            return Open("the tariff states no third-country duty")
        return all(_is_nothing(self._expression(each.duty)) for each in rates)

    # --- the goods -------------------------------------------------------------------------------------------

    def _code(self, item: GoodsItem) -> str | Open:
        """A declarable code: the one declared, or any below it where all below bear the same duties."""
        key = (item.commodity_code, item.origin_country_code, item.preferential_origin_code)
        found = self._codes.get(key)
        if found is None:
            if len(self._codes) >= CODES_KEPT:
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
        """What the duties on a code are, apart from where they stand."""
        found = (*self._measures(code, item), *self._unmatched(code))
        return frozenset(
            (m.type_code, m.duty, m.area, m.excluded, m.additional_code, m.order_number, m.conditions)
            for m in found
            if m.kind in OPTIONS or m.kind in STACKED
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

    # --- one of several --------------------------------------------------------------------------------------

    def _chosen(self, measures: Sequence[Measure], goods: Goods, code: str) -> Iterator[TariffDuty | Open]:
        """The duty by the claim made; third-country duty where what is claimed does not hold."""
        claims, claim = self._law.claims, goods.item.duty_regime_code
        options = [each for each in measures if each.kind in OPTIONS]
        wanted, ordinary = claims[claim], claims.get("", ())
        found = list(self._worked([each for each in options if each.type_code in wanted], goods))
        note = ""
        if not found and set(wanted) != set(ordinary):
            unknown = [each for each in self._unmatched(code) if each.type_code in wanted]
            if unknown:
                yield Open(
                    f"who belongs to {unknown[0].area} is not known here, so {named(unknown[0])} cannot be applied"
                )
                return
            note = f"claim {claim} does not hold for these goods: third-country duty"
            found = list(self._worked([each for each in options if each.type_code in ordinary], goods))
        if not found:
            yield Open(
                f"the tariff states no duty on {code} for goods of {goods.item.origin_country_code or 'any origin'}"
            )
            return
        opened = [each for each in found if isinstance(each, Open)]
        duties = [each for each in found if isinstance(each, TariffDuty)]
        if opened:
            yield from opened
            return
        is_ordinary = bool(note) or set(wanted) == set(ordinary)
        if is_ordinary and len({each.amount for each in duties}) > 1:
            yield Open(f"the tariff states several third-country duties on {code} that differ")
            return
        lowest = min(duties, key=lambda each: each.amount)
        notes = (Step(note, "", self._law.measure_id),) if note else ()
        applied = {*wanted, *ordinary} if note else set(wanted)
        shown = tuple(self._others([each for each in options if each.type_code not in applied], goods))
        yield lowest._replace(steps=(*lowest.steps, *notes, *shown, self._edition))

    def _others(self, measures: Sequence[Measure], goods: Goods) -> Iterator[Step]:
        """What the goods could have had and was not claimed: shown, never applied."""
        for measure in measures[:OTHERS_SHOWN]:
            if measure.kind in QUOTAS:
                yield Step(
                    f"not claimed: {named(measure)}, {measure.duty}", "depends on the quota", self._law.measure_id
                )
                continue
            found = next(self._worked([measure], goods), None)
            if isinstance(found, TariffDuty):
                result = f"{found.amount.normalize():f} {self._regime.currency}"
                yield Step(f"not claimed: {found.words}", result, self._law.measure_id)
            elif isinstance(found, Open):
                yield Step(f"not claimed: {named(measure)}", found.words, self._law.measure_id)

    # --- on top ----------------------------------------------------------------------------------------------

    def _stacked(self, measures: Sequence[Measure], goods: Goods, code: str) -> Iterator[TariffDuty | Open]:
        law = self._law
        on_top = [each for each in measures if each.kind in STACKED and each.type_code not in law.without_duty]
        for duty in self._worked(on_top, goods):
            yield duty._replace(steps=(*duty.steps, self._edition)) if isinstance(duty, TariffDuty) else duty
        for measure in self._unmatched(code):
            if measure.kind in STACKED and measure.type_code not in law.without_duty:
                yield Open(
                    f"who belongs to {measure.area} is not known here, and {named(measure)} is on goods from there"
                )
        for measure in measures:
            if measure.kind is Kind.OTHER and measure.duty:
                yield Open(
                    f"a measure of type {measure.type_code} states a duty of {measure.duty[:60]} and is not modelled"
                )
        if not goods.item.origin_country_code:
            for measure in self.tariff.all_measures(code, self._regime.legal_day):
                if measure.kind in STACKED and measure.area != ERGA_OMNES and measure.direction is Direction.IMPORT:
                    yield Open(f"no country of origin is declared, and {named(measure)} depends on it")

    # --- one measure -----------------------------------------------------------------------------------------

    def _worked(self, measures: Iterable[Measure], goods: Goods) -> Iterator[TariffDuty | Open]:
        """The duty of each measure that holds for these goods."""
        for alike in of_type(measures).values():
            held, opened = by_additional_code(alike, goods.item.additional_codes)
            yield from opened
            for measure in held:
                applied = by_conditions(measure, goods.documents)
                if isinstance(applied, Open):
                    yield applied
                elif measure.kind in QUOTAS:
                    yield Open(f"{named(measure)}: whether the quota is still open is not known here")
                elif applied is not None:
                    yield self._amount(applied, goods)

    def _amount(self, applied: Applied, goods: Goods) -> TariffDuty | Open:
        measure, law = applied.measure, self._law
        type_code = law.stacked.get(measure.type_code, "")
        if measure.kind in STACKED and not type_code:
            return Open(f"{named(measure)} is owed and how it is accounted for is not modelled")
        try:
            expression = self.tariff.expression(applied.duty) if applied.duty else DutyExpression()
        except NotInForceError as error:
            return Open(f"{named(measure)}: {error.detail}")
        found = evaluate(expression, self._basis(expression, goods))
        if isinstance(found, Needs):
            return Open(f"{named(measure)}, {applied.duty or 'no rate stated'}, {found.words}")
        assert isinstance(found, Duty)
        area = "" if measure.area == ERGA_OMNES else f" for {measure.area}"
        words = f"{applied.duty}, {named(measure)}{area}"
        currency = self._regime.currency
        steps = tuple(Step(each.words, f"{each.result:f} {currency}", law.measure_id) for each in found.steps)
        if applied.why:
            steps = (Step(applied.why, applied.duty, law.measure_id), *steps)
        return TariffDuty(type_code, found.amount, words, steps)

    def _basis(self, expression: DutyExpression, goods: Goods) -> Basis:
        regime = self._regime
        exchange = {}
        for currency in _currencies(expression):
            if currency != regime.currency:
                try:
                    multiplier, divisor, _ = regime.law_rate(currency)
                except NotInForceError:
                    continue
                exchange[currency] = multiplier / divisor
        return Basis(
            value=goods.value,
            currency=regime.currency,
            quantities=_quantities(goods.item, self._unit(goods.item)),
            on=regime.legal_day,
            exchange=exchange,
        )

    def _unit(self, item: GoodsItem) -> str:
        """The unit of the declared quantity: the one declared, else the tariff's supplementary unit of the goods."""
        if item.quantity is None or item.quantity_unit:
            return unit_table().declared(item.quantity_unit)
        code = self._code(item)
        for measure in self._measures(code, item) if isinstance(code, str) else ():
            if measure.kind is Kind.SUPPLEMENTARY_UNIT and (expression := self._expression(measure.duty)) is not None:
                for each in expression.components:
                    if each.expression_id is DutyExpressionId.SUPPLEMENTARY_UNIT:
                        return each.unit + each.qualifier
        return ""

    def _expression(self, duty: str) -> DutyExpression | None:
        return self.tariff.held.duties.get(duty)

    def _unmatched(self, code: str) -> tuple[Measure, ...]:
        found = self.tariff.unmatched(code, self._regime.legal_day)
        return tuple(each for each in found if each.direction is Direction.IMPORT)


def _digits(code: str) -> str:
    """The digits of a code that stand for something: pairs of zeros at the end of a whole one do not."""
    digits = code.replace(".", "").replace(" ", "")
    return stem(digits) if len(digits) == TEN else digits


def _open(words: str) -> Worked:
    return Worked((), (words,))


def _is_nothing(expression: DutyExpression | None) -> bool:
    """Whether a sentence says that nothing is owed, whatever the goods."""
    if expression is None or expression.seasons or not expression.components:
        return False
    free = DutyExpressionId.NIHIL
    return all(each.rule is None and (each.expression_id is free or each.amount == 0) for each in expression.components)


def _currencies(expression: DutyExpression) -> set[str]:
    every = (*expression.components, *(each for season in expression.seasons for each in season.components))
    return {each.monetary_unit for each in every if each.monetary_unit}


def _quantities(item: GoodsItem, unit: str) -> dict[str, Decimal]:
    """What the line says of mass and of quantity in `unit`. What is no number or below zero is not said."""
    found: dict[str, Decimal] = {}
    for code, quantity in (("KGM", item.net_mass_kg), ("KGMG", item.gross_mass_kg), (unit, item.quantity)):
        if code and quantity is not None and quantity.is_finite() and quantity >= 0:
            found[code] = quantity
    return found
