"""Working a duty out: an exact amount with its steps, or everything that is missing, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.tariff.sentences.expression import MAXIMA, MEURSING, MINUSES, Component, DutyExpression, RuleKind
from tidewaiter.tariff.sentences.expression import DutyExpressionId as Id
from tidewaiter.tariff.sentences.rules import ASKS
from tidewaiter.tariff.sentences.units import unit_table

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
MEURSING_UNIT = "DTN"  # agricultural components are stated for 100 kg net (Combined Nomenclature, Annex 1)


class NeedKind(StrEnum):
    """What kind of thing is missing."""

    RATE = "rate"
    QUANTITY = "quantity"
    PART_VALUE = "part_value"
    EXCHANGE = "exchange"
    MEURSING = "meursing"
    DAY = "day"
    RULE = "rule"


class Need(Struct, frozen=True, gc=False):
    """One thing that is missing: `key` is what `Basis` would have it under, `words` what to ask for."""

    kind: NeedKind
    key: str
    words: str


class Needs(Struct, frozen=True):
    """All that is missing; nothing was guessed."""

    needs: tuple[Need, ...]

    @property
    def words(self) -> str:
        """ "needs: net weight in kilograms; entry price of the day"."""
        return "needs: " + "; ".join(need.words for need in self.needs)


class Working(Struct, frozen=True, gc=False):
    """One step: what was worked out and what came of it."""

    words: str
    result: Decimal


class Duty(Struct, frozen=True):
    """An amount in the basis's currency, exact, with the steps to it."""

    amount: Decimal
    steps: tuple[Working, ...] = ()


class Basis(Struct, frozen=True, kw_only=True):
    """What is known of the goods.

    `quantities` by unit code with qualifier ("KGM", "DTNE", "KGM of lead
    content"); any unit of the same measure will do. `parts` are values of named
    parts of the goods, `meursing` the components of the goods' additional code
    by duty-expression id in `meursing_currency` for 100 kg, `exchange` what one
    unit of another currency is in `currency`, `rules` amounts of legal rules
    worked out elsewhere.
    """

    value: Decimal
    currency: str
    quantities: dict[str, Decimal] = {}
    on: date | None = None
    parts: dict[str, Decimal] = {}
    meursing: dict[str, Decimal] = {}
    meursing_currency: str = "EUR"
    exchange: dict[str, Decimal] = {}
    rules: dict[RuleKind, Decimal] = {}


class _Found(NamedTuple):
    amount: Decimal
    steps: tuple[Working, ...]
    needs: tuple[Need, ...]


def evaluate(expression: DutyExpression, basis: Basis) -> Duty | Needs:
    """The duty on goods, unrounded. A MAX or MIN limits all that stands before it: the last one is applied last."""
    components = _of_the_day(expression, basis.on)
    if isinstance(components, Need):
        return Needs((components,))
    if not components:
        return Needs((Need(NeedKind.RATE, "", "the rate: none is stated"),))
    found = _limited(components, basis)
    if found.needs:
        return Needs(tuple(dict.fromkeys(found.needs)))
    return Duty(found.amount, found.steps)


def _of_the_day(expression: DutyExpression, on: date | None) -> tuple[Component, ...] | Need:
    if not expression.seasons:
        return expression.components
    if on is None:
        return Need(NeedKind.DAY, "", "the day: the rate depends on the season")
    rest: tuple[Component, ...] = ()
    for season in expression.seasons:
        if any(period.includes(on) for period in season.periods):
            return season.components
        if not season.periods:
            rest = season.components
    return rest or Need(NeedKind.RATE, "", f"the rate on {on}: the text gives none for that part of the year")


def _limited(components: Sequence[Component], basis: Basis) -> _Found:
    for place in range(len(components) - 1, 0, -1):
        limit = components[place].expression_id
        if limit in MAXIMA or limit is Id.MINIMUM:
            before = _limited(components[:place], basis)
            bound = _sum((replace(components[place], expression_id=Id.RATE), *components[place + 1 :]), basis)
            return _bounded(before, bound, limit)
    return _sum(components, basis)


def _bounded(before: _Found, bound: _Found, limit: Id) -> _Found:
    amount = max(before.amount, bound.amount) if limit is Id.MINIMUM else min(before.amount, bound.amount)
    words = "at least" if limit is Id.MINIMUM else "at most"
    step = Working(f"{before.amount}, {words} {bound.amount}", amount)
    return _Found(amount, (*before.steps, *bound.steps, step), before.needs + bound.needs)


def _sum(components: Sequence[Component], basis: Basis) -> _Found:
    total, steps, needs = ZERO, [], []
    for component in components:
        if component.expression_id is Id.SUPPLEMENTARY_UNIT:
            continue
        found = _amount(component, basis)
        if isinstance(found, Need):
            needs.append(found)
            continue
        steps.append(found)
        total += -found.result if component.expression_id in MINUSES else found.result
    return _Found(total, tuple(steps), tuple(needs))


def _amount(component: Component, basis: Basis) -> Working | Need:
    if component.rule is not None:
        return _by_rule(component, basis)
    if component.expression_id in MEURSING:
        return _by_meursing(component, basis)
    if component.amount is None:
        return Working("free", ZERO)
    if not component.monetary_unit:
        return _percentage(component, component.amount, basis)
    return _money(component, component.amount, basis)


def _money(component: Component, amount: Decimal, basis: Basis) -> Working | Need:
    quantity = _quantity(component, basis)
    if isinstance(quantity, Need):
        return quantity
    rate = _rate(component.monetary_unit, basis)
    if isinstance(rate, Need):
        return rate
    per = f" × {quantity} {component.unit}{component.qualifier}".rstrip()
    of = f" of {component.of}" if component.of else ""
    return Working(f"{amount} {component.monetary_unit}{per}{of}", amount * quantity * rate)


def _percentage(component: Component, percent: Decimal, basis: Basis) -> Working | Need:
    base, words = basis.value, f"value {basis.value}"
    if component.of:
        part = basis.parts.get(component.of)
        words = f"value of the {component.of}"
        if part is None:
            return Need(NeedKind.PART_VALUE, component.of, f"the {words}")
        base = part
    elif component.unit:
        found = _quantity(component, basis)
        if isinstance(found, Need):
            return found
        base, words = found, f"{component.unit} {found}"
    return Working(f"{percent} % of {words}", base * percent / HUNDRED)


def _by_rule(component: Component, basis: Basis) -> Working | Need:
    rule = component.rule
    assert rule is not None
    if rule.kind is RuleKind.NO_ADDITIONAL_DUTY:
        return Working(rule.words, ZERO)
    amount = basis.rules.get(rule.kind)
    if amount is None:
        return Need(NeedKind.RULE, rule.kind, f"{ASKS[rule.kind]} ({rule.words})" if rule.words else ASKS[rule.kind])
    return Working(rule.words, amount)


def _by_meursing(component: Component, basis: Basis) -> Working | Need:
    amount = basis.meursing.get(component.expression_id)
    if amount is None:
        kind = component.expression_id.name.lower().replace("_", " ")
        return Need(
            NeedKind.MEURSING, component.expression_id, f"the Meursing additional code, for the {kind} component"
        )
    per = replace(component, amount=amount, monetary_unit=basis.meursing_currency, unit=MEURSING_UNIT)
    return _amount(replace(per, expression_id=Id.RATE), basis)


def _rate(currency: str, basis: Basis) -> Decimal | Need:
    if currency == basis.currency:
        return ONE
    rate = basis.exchange.get(currency)
    return Need(NeedKind.EXCHANGE, currency, f"the exchange rate of {currency}") if rate is None else rate


def _quantity(component: Component, basis: Basis) -> Decimal | Need:
    """How many of the component's unit there are, counted as the component counts."""
    if not component.unit:
        return ONE
    quantity = _measured(component.unit + component.qualifier, component.of, basis)
    if isinstance(quantity, Need):
        return quantity
    if component.over is not None:
        quantity = max(quantity - component.over, ZERO)
    if component.under_degrees is not None:
        degrees = basis.quantities.get("DEG")
        if degrees is None:
            return Need(NeedKind.QUANTITY, "DEG", unit_table().units["DEG"].asked)
        quantity *= max(component.under_degrees - degrees, ZERO)
    return quantity


def _measured(code: str, of: str, basis: Basis) -> Decimal | Need:
    table = unit_table()
    unit = table.units[code]
    suffix = f" of {of}" if of else ""
    for sibling, size in table.siblings(code):
        found = basis.quantities.get(sibling + suffix)
        if found is not None:
            return found * size / unit.size
    if unit.product_of:
        product = ONE
        for factor in unit.product_of:
            part = _measured(factor, of, basis)
            if isinstance(part, Need):
                return part
            product *= part
        return product
    return Need(NeedKind.QUANTITY, code + suffix, f"{unit.asked}{suffix}")
