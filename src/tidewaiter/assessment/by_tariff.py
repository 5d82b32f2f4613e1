"""Duty by an imported tariff: which option holds, what is charged on top, each worked out from its sentence.

The options for one line (third-country duty, suspension, preference, quota) are each worked out whole. What is
applied is the lowest of those that the claim made opens; without a claim, third-country duty. Others that the
goods could have are shown. Anti-dumping, countervailing, safeguard and additional duties come on top. Whatever
cannot be told (a quota's balance, an entry price, a quantity that is not declared) is left open in words.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tidewaiter.assessment.applicable import Open
from tidewaiter.assessment.tariff_plan import Plan, Planner, Ready
from tidewaiter.model.assessment import Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.regimes import Regime
from tidewaiter.regimes.law import TariffLaw
from tidewaiter.regimes.library import EDITION_CITED
from tidewaiter.tariff.sentences import Basis, Needs, evaluate
from tidewaiter.tariff.sentences.units import unit_table
from tidewaiter.tariff.tariff import Tariff


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

    __slots__ = ("_currency", "_edition", "_law", "_on", "_planner")

    def __init__(self, regime: Regime, law: TariffLaw, tariff: Tariff) -> None:
        self._law = law
        self._currency = regime.currency
        self._on = regime.legal_day
        self._edition = Step(law.edition, f"SHA-256 {law.digest[:12]}…", EDITION_CITED)
        self._planner = Planner(regime, law, tariff)

    @property
    def measure_ids(self) -> tuple[str, ...]:
        """What its duties cite."""
        return (self._law.measure_id, EDITION_CITED)

    def is_free(self, item: GoodsItem) -> bool | Open:
        """Whether the tariff has no third-country duty on these goods at all."""
        return self._planner.is_free(item)

    def worked_out(self, goods: Goods) -> Worked:
        """Every duty on a line. Never raises for bad data."""
        plan = self._planner.plan(goods.item, goods.documents)
        if isinstance(plan, Open):
            return Worked((), (plan.words,))
        chosen = [self._amount(each, goods, plan) for each in plan.chosen]
        on_top = [self._amount(each, goods, plan) for each in plan.stacked]
        duties = [each for each in chosen if isinstance(each, TariffDuty)]
        opened = [each.words for each in (*chosen, *on_top) if isinstance(each, Open)]
        if plan.is_ordinary and len({each.amount for each in duties}) > 1:
            opened.insert(0, f"the tariff states several third-country duties on {plan.code} that differ")
            duties = []
        if len(duties) < len(chosen):
            duties = []  # one of them is open, so the lowest is not known
        lowest = min(duties, key=lambda each: each.amount, default=None)
        found = [each._replace(steps=(*each.steps, self._edition)) for each in on_top if isinstance(each, TariffDuty)]
        if lowest is not None:
            steps = (*lowest.steps, *plan.note, *self._others(plan, goods), self._edition)
            found.insert(0, lowest._replace(steps=steps))
        return Worked(tuple(found), tuple(dict.fromkeys(opened)))

    def _others(self, plan: Plan, goods: Goods) -> tuple[Step, ...]:
        """What was not claimed, with what it would have come to."""
        steps = []
        for each in plan.others:
            if isinstance(each, Step):
                steps.append(each)
                continue
            found = self._amount(each, goods, plan)
            if isinstance(found, Open):
                steps.append(Step(f"not claimed: {each.name}", found.words, self._law.measure_id))
            else:
                amount = f"{found.amount.normalize():f} {self._currency}"
                steps.append(Step(f"not claimed: {found.words}", amount, self._law.measure_id))
        return tuple(steps)

    def _amount(self, ready: Ready | Open, goods: Goods, plan: Plan) -> TariffDuty | Open:
        if isinstance(ready, Open):
            return ready
        basis = Basis(
            value=goods.value,
            currency=self._currency,
            quantities=_quantities(goods.item, plan.unit),
            on=self._on,
            exchange=dict(ready.exchange),
        )
        found = evaluate(ready.expression, basis)
        if isinstance(found, Needs):
            return Open(f"{ready.name}, {ready.duty}, {found.words}")
        steps = tuple(
            Step(each.words, f"{each.result:f} {self._currency}", self._law.measure_id) for each in found.steps
        )
        return TariffDuty(
            ready.type_code, found.amount, ready.words, steps if ready.why is None else (ready.why, *steps)
        )


def _quantities(item: GoodsItem, unit: str) -> dict[str, Decimal]:
    """What the line says of mass and quantity; the latter in the unit declared, else in `unit`. No number, no quantity."""
    found: dict[str, Decimal] = {}
    declared = unit_table().declared(item.quantity_unit) if item.quantity_unit else unit
    for code, quantity in (("KGM", item.net_mass_kg), ("KGMG", item.gross_mass_kg), (declared, item.quantity)):
        if code and quantity is not None and quantity.is_finite() and quantity >= 0:
            found[code] = quantity
    return found
