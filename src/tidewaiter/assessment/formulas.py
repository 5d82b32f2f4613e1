"""Rates with more to them than a percentage, worked out on one base."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tidewaiter.assessment.compiled import HUNDRED, CompiledBand, Formula, Percentage, Unknown
from tidewaiter.assessment.valuation import ZERO
from tidewaiter.model.assessment import Step
from tidewaiter.model.declaration import GoodsItem


class Outcome(NamedTuple):
    """What a formula comes to before the share and rounding, in words and steps."""

    full: Decimal
    words: str
    steps: tuple[Step, ...]
    measure_ids: tuple[str, ...]


def amount_of(rate: Formula, base: Decimal, items: Sequence[GoodsItem], currency: str) -> Outcome | Unknown:
    """The formula on a base made of these items. Unknown where the goods do not say what it needs."""
    started = _started(rate, base, items, currency)
    if isinstance(started, Unknown):
        return started
    full, steps = started.full, started.steps
    if rate.less:
        full = max(full - rate.less, ZERO)
        steps = (*steps, Step(f"less {rate.less!s}", f"{full!s} {currency}"))
    words = ", ".join(filter(None, (started.words, rate.words)))
    return Outcome(full, words, steps, started.measure_ids)


def _started(rate: Formula, base: Decimal, items: Sequence[GoodsItem], currency: str) -> Outcome | Unknown:
    if rate.bands:
        return _by_slice(rate.bands, base, currency) if rate.is_by_slice else _by_band(rate.bands, base)
    if rate.percent is None:
        return _by_unit(rate, items, currency)
    found = {rate.percent(item) for item in items}
    unknown = next((each for each in found if isinstance(each, Unknown)), None)
    if unknown is not None:
        return unknown
    (percentage, *others) = found
    if others or not isinstance(percentage, Percentage):
        return Unknown("the goods bear different rates, and the charge is one on the whole consignment")
    full = base * percentage.percent / (HUNDRED - percentage.percent if rate.is_grossed_up else HUNDRED)
    return Outcome(full, percentage.words, (), (percentage.measure_id,))


def _by_unit(rate: Formula, items: Sequence[GoodsItem], currency: str) -> Outcome | Unknown:
    if not rate.per:
        return Outcome(rate.unit_amount, "", (), ())
    quantities = [getattr(item, rate.per) for item in items]
    if any(quantity is None or not quantity.is_finite() or quantity < 0 for quantity in quantities):
        return Unknown(f"line {{line}}: needs {rate.per.replace('_', ' ')}, on which the charge depends")
    quantity = sum(quantities, ZERO)
    full = quantity * rate.unit_amount
    return Outcome(full, "", (Step(f"{quantity!s} × {rate.unit_amount!s}", f"{full!s} {currency}"),), ())


def _by_band(bands: Sequence[CompiledBand], base: Decimal) -> Outcome:
    """All of it at the rate of the band that the base falls into."""
    band = next((each for each in bands if each.up_to is None or base <= each.up_to), bands[-1])
    return Outcome(base * band.percent / HUNDRED + band.amount, band.words, (), ())


def _by_slice(bands: Sequence[CompiledBand], base: Decimal, currency: str) -> Outcome:
    """Each part of the base at the rate of its own band."""
    total, begins, steps, words = ZERO, ZERO, [], []
    for band in bands:
        end = base if band.up_to is None else min(base, band.up_to)
        if end <= begins and begins:
            break
        part = (end - begins) * band.percent / HUNDRED + band.amount
        steps.append(Step(f"{band.words} on {end - begins!s}", f"{part!s} {currency}"))
        words.append(f"{band.words} up to {band.up_to!s}" if band.up_to is not None else f"{band.words} above")
        total, begins = total + part, end
        if begins == base:
            break
    return Outcome(total, "; ".join(words), tuple(steps), ())
