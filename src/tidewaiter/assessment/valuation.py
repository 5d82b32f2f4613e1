"""What the goods are worth: intrinsic value and customs value of each line, in the regime's currency.

Amounts of the whole declaration (freight, insurance, discount) are shared over
the lines by value, in whole cents, the remainder going to the largest fractions,
so that the shares add up to the amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tidewaiter.model.assessment import Step
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.regimes.law import Rounding
from tidewaiter.regimes.prices import is_plausible, price_of
from tidewaiter.regimes.regime import EXCHANGE, Regime

ZERO = Decimal(0)
CUSTOMS_VALUE = "valuation.customs_value"
ONE = Decimal(1)
MODES = {"down": ROUND_DOWN, "half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "up": ROUND_UP}


class Rounder(NamedTuple):
    """A rounding of the law, ready to use."""

    quantum: Decimal
    mode: str
    is_power_of_ten: bool
    words: str


def rounder(rounding: Rounding) -> Rounder:
    """The rounding as it is applied."""
    is_power_of_ten = rounding.quantum.as_tuple().digits == (1,)
    return Rounder(rounding.quantum, MODES[rounding.mode], is_power_of_ten, rounding.words)


class Line(NamedTuple):
    """One goods item with its values, rounded, in the regime's currency."""

    line_no: int
    item: GoodsItem
    intrinsic_value: Decimal
    customs_value: Decimal
    tax_value: Decimal  # what tax is reckoned on before duty; the customs value where the law says nothing else
    steps: tuple[Step, ...]


class Adds(NamedTuple):
    """What is added to the price of the goods for each kind of value, by name: `freight`, `insurance`.

    `price_share` is the part of the price that counts for both, `share_id` the measure it rests on.
    """

    customs: tuple[str, ...]
    tax: tuple[str, ...]
    price_share: Decimal = ONE
    share_id: str = ""


class Valuation(NamedTuple):
    """All lines with their totals. The exact values are those before rounding, which thresholds are held against.

    (A limit in another currency is exact, too: goods priced at just that limit must not be rounded beyond it.)
    """

    lines: tuple[Line, ...]
    exact: Decimal  # intrinsic value
    exact_customs: Decimal
    intrinsic_value: Decimal
    customs_value: Decimal
    steps: list[Step]
    unresolved: tuple[str, ...]


def rounded(amount: Decimal, rounding: Rounder) -> Decimal:
    """`amount` as a multiple of the rounding's quantum."""
    if rounding.is_power_of_ten:
        return amount.quantize(rounding.quantum, rounding.mode)
    # Decimal.quantize looks at the exponent alone: for a quantum such as 0.05 count the multiples.
    return (amount / rounding.quantum).quantize(ONE, rounding.mode) * rounding.quantum


def shares(amount: Decimal, weights: Sequence[Decimal], quantum: Decimal) -> list[Decimal]:
    """`amount` over lines by weight, in multiples of `quantum` (a power of ten), adding up to `amount`.

    What is left over goes to the largest fractions, the earlier line first;
    where no line has a value all count the same.
    """
    if len(weights) == 1:
        return [amount]
    total = sum(weights)
    if total == 0:
        weights, total = [ONE] * len(weights), Decimal(len(weights))
    exact = [amount * weight / total for weight in weights]
    parts = [share.quantize(quantum, ROUND_DOWN) for share in exact]
    left = int((amount - sum(parts)) / quantum)
    if left:
        by_fraction = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
        for place in by_fraction[:left]:
            parts[place] += quantum
    return parts


def value(declaration: Declaration, regime: Regime, rounding: Rounder, adds: Adds) -> Valuation:
    """The values of a declaration. Never raises for bad data: what cannot be told is listed as unresolved."""
    unresolved: list[str] = []
    steps: list[Step] = []
    items = _in_order(declaration.goods_items)
    prices = [_price(item, declaration, regime, unresolved) for item in items]
    if not prices:
        unresolved.append("there are no goods items, so there is nothing to value")
    if unresolved:
        return Valuation((), ZERO, ZERO, ZERO, ZERO, [], tuple(unresolved))
    goods = [rounded(price, rounding) for price in prices]
    total = sum(prices, ZERO)
    _show_rates(items, declaration, regime, steps)
    discount = _whole(declaration.discount, "discount", regime, unresolved)
    if discount:
        total = max(total - discount, ZERO)
        discount = min(rounded(discount, rounding), sum(goods, ZERO))
        goods = [good - part for good, part in zip(goods, shares(discount, goods, rounding.quantum), strict=True)]
        steps.append(Step("discount on the invoice, taken off by value", f"{discount!s} {regime.currency}"))
    intrinsic = sum(goods, ZERO)
    steps.append(Step("intrinsic value of the goods", f"{intrinsic!s} {regime.currency}"))
    costs, parts, exact_costs = _costs(declaration, items, goods, (regime, rounding, adds), unresolved)
    for name, cost in costs.items():
        steps.append(Step(f"{name}, shared over the lines by value", f"{cost!s} {regime.currency}", CUSTOMS_VALUE))
    values = goods if adds.price_share == ONE else [rounded(good * adds.price_share, rounding) for good in goods]
    lines = tuple(
        _line(item, (good, worth), part, (regime.currency, adds))
        for item, good, worth, part in zip(items, goods, values, parts, strict=True)
    )
    customs_value = sum([line.customs_value for line in lines], ZERO)
    exact_customs = total * adds.price_share + exact_costs
    return Valuation(lines, total, exact_customs, intrinsic, customs_value, steps, tuple(unresolved))


def _in_order(items: Sequence[GoodsItem]) -> Sequence[GoodsItem]:
    """Items by line number: in which order a sender lists them makes no difference."""
    numbers = [item.line_no for item in items]
    if all(before < after for before, after in pairwise(numbers)):
        return items
    return sorted(items, key=_number)


def _number(item: GoodsItem) -> int:
    return item.line_no


def _line(
    item: GoodsItem, worth: tuple[Decimal, Decimal], costs: list[tuple[str, Decimal]], law: tuple[str, Adds]
) -> Line:
    """A line by its price and the part of the price that counts."""
    price, good = worth
    currency, adds = law
    steps: tuple[Step, ...] = ()
    if good != price:
        words = f"{adds.price_share * 100} % of the price {price!s}"
        steps = (Step(words, f"{good!s} {currency}", adds.share_id),)
    if not costs:
        return Line(item.line_no, item, price, good, good, steps)
    customs_value, more = _with_costs(good, costs, adds.customs, f" {currency}")
    steps = (*steps, *more) if steps else more
    if adds.tax == adds.customs:
        return Line(item.line_no, item, price, customs_value, customs_value, steps)
    tax_value, more = _with_costs(good, costs, adds.tax, f" {currency}, before duty, for tax")
    return Line(item.line_no, item, price, customs_value, tax_value, (*steps, *more))


def _with_costs(
    good: Decimal, costs: list[tuple[str, Decimal]], names: tuple[str, ...], unit: str
) -> tuple[Decimal, tuple[Step, ...]]:
    total, words = good, f"goods {good!s}"
    for name, cost in costs:
        if name in names:
            total += cost
            words += f" + {name} {cost!s}"
    return total, (Step(words, f"{total!s}{unit}", CUSTOMS_VALUE),) if total != good else ()


def _price(item: GoodsItem, declaration: Declaration, regime: Regime, unresolved: list[str]) -> Decimal:
    """The unrounded price of a line in the regime's currency; where there is none, says so and returns zero."""
    price = price_of(item, declaration)
    if price is None:
        unresolved.append(f"line {item.line_no}: no price is given, so nothing can be worked out")
    elif not is_plausible(price.amount):
        unresolved.append(f"line {item.line_no}: the price {_short(price)} cannot be worked with")
    elif price.currency not in regime.currencies:
        unresolved.append(f"line {item.line_no}: no exchange rate is known for {price.currency[:8]!r}")
    else:
        return regime.amount(price)
    return ZERO


def _whole(money: Money | None, name: str, regime: Regime, unresolved: list[str]) -> Decimal:
    """An amount of the whole declaration in the regime's currency, unrounded; zero where there is none."""
    if money is None:
        return ZERO
    if not is_plausible(money.amount):
        unresolved.append(f"the {name} {_short(money)} cannot be worked with")
    elif money.currency not in regime.currencies:
        unresolved.append(f"no exchange rate is known for {money.currency[:8]!r}, the currency of the {name}")
    else:
        return regime.amount(money)
    return ZERO


Law = tuple[Regime, Rounder, Adds]


def _costs(
    declaration: Declaration, items: Sequence[GoodsItem], goods: Sequence[Decimal], law: Law, unresolved: list[str]
) -> tuple[dict[str, Decimal], list[list[tuple[str, Decimal]]], Decimal]:
    """What is added to the price, in all and for each line, and what of it counts for the customs value, unrounded.

    Freight given by line is not shared again.
    """
    regime, rounding, adds = law
    totals: dict[str, Decimal] = {}
    exact_customs = ZERO
    parts: list[list[tuple[str, Decimal]]] = [[] for _ in items]
    for name in adds.customs if adds.tax == adds.customs else dict.fromkeys(adds.customs + adds.tax):
        if name == "freight" and any(item.freight is not None for item in items):
            for part, item in zip(parts, items, strict=True):
                exact = _whole(item.freight, f"freight of line {item.line_no}", regime, unresolved)
                if name in adds.customs:
                    exact_customs += exact
                cost = rounded(exact, rounding)
                if cost:
                    part.append((name, cost))
            continue
        exact = _whole(getattr(declaration, name), name, regime, unresolved)
        if name in adds.customs:
            exact_customs += exact
        amount = rounded(exact, rounding)
        if amount:
            totals[name] = amount
            for part, share in zip(parts, shares(amount, goods, rounding.quantum), strict=True):
                part.append((name, share))
    return totals, parts, exact_customs


def _show_rates(items: Sequence[GoodsItem], declaration: Declaration, regime: Regime, steps: list[Step]) -> None:
    """One step for each currency that prices are in and the regime is not."""
    seen = {regime.currency}
    for item in items:
        price = price_of(item, declaration)
        if price is not None and price.currency not in seen:
            seen.add(price.currency)
            steps.append(_rate_step(regime, price.currency))


@lru_cache(maxsize=1024)
def _rate_step(regime: Regime, currency: str) -> Step:
    multiplier, divisor = regime.exchange.rates[currency]
    words = f"{multiplier} {regime.currency} = {divisor} {currency}"
    return Step(f"exchange rate, {regime.exchange.words}", words, EXCHANGE)


def _short(money: Money) -> str:
    text = (
        str(money.amount)
        if not money.amount.is_finite() or abs(money.amount.adjusted()) < 40
        else f"{money.amount:.3e}"
    )
    return f"{text[:40]} {money.currency[:8]}"


def above(lines: tuple[Line, ...], allowance: Decimal, rounding: Rounder, step: Step) -> tuple[Line, ...]:
    """The lines with their values lessened by an allowance on the whole, shared by value; nothing falls below zero."""
    allowed = min(rounded(allowance, rounding), sum([line.customs_value for line in lines], ZERO))
    parts = shares(allowed, [line.customs_value for line in lines], rounding.quantum)
    return tuple(
        line._replace(
            customs_value=line.customs_value - part,
            tax_value=max(line.tax_value - part, ZERO),
            steps=(*line.steps, Step(step.words, f"less {part!s}", step.measure_id)),
        )
        for line, part in zip(lines, parts, strict=True)
    )
