"""The charging law of a regime, compiled once for each regime: what every declaration then only looks up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeVar

from tidewaiter.assessment.valuation import Rounder, rounder
from tidewaiter.model.assessment import ChargeKind, Collection, Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes import Regime
from tidewaiter.regimes.conditions import Predicate
from tidewaiter.regimes.documents import ChargeUse
from tidewaiter.regimes.law import Charge, Scheme
from tidewaiter.regimes.regime import EXCHANGE_OF_THE_LAW

T = TypeVar("T")

REGIMES_KEPT = 64
CODE_LENGTHS = (10, 8, 6, 4)  # a rate stands at the most particular of these


class Percentage(NamedTuple):
    """A rate in % as the law has it, with the measure it rests on."""

    percent: Decimal
    words: str
    measure_id: str


class Unknown(NamedTuple):
    """Why a rate is not known; "{line}" in the words is the line's number."""

    words: str


Rate = Callable[[GoodsItem], Percentage | Unknown]


class FixedAmount(NamedTuple):
    """An amount for each group of lines, in the regime's currency, unrounded."""

    amount: Decimal
    words: str
    measure_id: str
    group_of: Mapping[str, tuple[str, ...]]  # dataset code → the fields that make lines one group
    exchange_id: str = ""  # measure id of the exchange rate, where one was needed


class CompiledCharge(NamedTuple):
    """A charge as one scheme uses it."""

    measure_id: str
    kind: ChargeKind
    type_code: str
    base: str
    rate: Rate | FixedAmount
    rounding: Rounder
    rounding_id: str
    collection: Collection
    relief: str  # title
    relief_id: str
    is_relieved: bool
    items_up_to: Decimal | None
    excluded: tuple[str, ...]  # prefixes of codes the relief does not extend to
    otherwise: CompiledCharge | None


class CompiledScheme(NamedTuple):
    """A scheme with its predicate and charges."""

    measure_id: str
    step: Step
    holds: Predicate
    charges: tuple[CompiledCharge, ...]
    unresolved: str


class ChargingLaw(NamedTuple):
    """All of it."""

    schemes: tuple[CompiledScheme, ...]
    value_rounding: Rounder
    adds: tuple[str, ...]
    gaps: tuple[tuple[tuple[str, ...], str, str], ...]  # prefixes, title, measure id
    gap_chapters: frozenset[str]  # first two digits that any gap concerns, for a quick no


@lru_cache(maxsize=REGIMES_KEPT)
def charging_law(regime: Regime) -> ChargingLaw:
    """The compiled law of a regime. Raises LawDataError where a measure refers to one that is not there."""
    law = regime.law
    gaps = tuple((prefixes, law.titles[gap], gap) for gap, prefixes in law.gaps.items())
    return ChargingLaw(
        schemes=tuple(_scheme(each, regime) for each in law.schemes),
        value_rounding=rounder(_there(law.roundings, "rounding.value", "the law")),
        adds=_there(law.valuations, "valuation.customs_value", "the law"),
        gaps=gaps,
        gap_chapters=frozenset(prefix[:2] for prefixes, _, _ in gaps for prefix in prefixes),
    )


def _scheme(scheme: Scheme, regime: Regime) -> CompiledScheme:
    charges = tuple(_charge(use, regime, scheme.measure_id) for use in scheme.charges)
    holds = regime.predicate(scheme.when, scheme.measure_id)
    step = Step("scheme", scheme.title, scheme.measure_id)
    return CompiledScheme(scheme.measure_id, step, holds, charges, scheme.unresolved)


def _charge(use: ChargeUse, regime: Regime, place: str) -> CompiledCharge:
    law = regime.law
    charge = _there(law.charges, use.charge, place)
    rounding = _there(law.roundings, charge.rounding, use.charge)
    limit = _there(law.figures, use.items_up_to, place).value if use.items_up_to else None
    return CompiledCharge(
        measure_id=use.charge,
        kind=ChargeKind(charge.charge),
        type_code=charge.type_code,
        base=use.base or charge.base,
        rate=_rate(charge, regime, use.charge),
        rounding=rounder(rounding),
        rounding_id=charge.rounding,
        collection=Collection(use.collection),
        relief=_there(law.titles, use.relief, place) if use.relief else "",
        relief_id=use.relief,
        is_relieved=use.is_relieved,
        items_up_to=limit,
        excluded=_there(law.goods, use.except_goods, place) if use.except_goods else (),
        otherwise=_charge(ChargeUse(charge=use.otherwise), regime, place) if use.otherwise else None,
    )


def _rate(charge: Charge, regime: Regime, place: str) -> Rate | FixedAmount:
    rate = charge.rate
    if rate.amount:
        return _fixed(charge, regime, place)
    if rate.tariff:
        by_tariff = _tariff(charge, regime, place)
        return _unless_free(by_tariff, _percent(rate.percent, regime)) if rate.is_free_with_tariff else by_tariff
    standard = _percent(rate.percent, regime)
    special = [
        (_there(regime.law.goods, goods, place), _percent(percent, regime)) for goods, percent in rate.special.items()
    ]
    if not special:
        return lambda _: standard

    def rate_of(item: GoodsItem) -> Percentage | Unknown:
        for prefixes, percentage in special:
            if item.commodity_code.startswith(prefixes):
                return percentage
        return standard

    return rate_of


def _percent(measure_id: str, regime: Regime) -> Percentage | Unknown:
    figure = regime.law.figures.get(measure_id)
    if figure is None:
        why = regime.law.ended.get(measure_id)
        if why is None:
            raise LawDataError(f"{measure_id} is needed and is not part of the law", place=regime.jurisdiction_code)
        return Unknown(f"line {{line}}: {measure_id} is not known: {why}")
    return Percentage(figure.value, f"{figure.value} %", measure_id)


def _tariff(charge: Charge, regime: Regime, place: str) -> Rate:
    rates = _percentages(regime, charge.rate.tariff, place)
    claimable = frozenset(charge.rate.duty_regime_codes)

    def rate_of(item: GoodsItem) -> Percentage | Unknown:
        if item.duty_regime_code not in claimable:
            return Unknown(
                f"line {{line}}: claim {item.duty_regime_code[:8]!r} is not modelled; its duty rate is not known"
            )
        code = item.commodity_code
        if not code:
            return Unknown("line {line}: there is no commodity code, so the duty rate is not known")
        for length in CODE_LENGTHS:
            if length <= len(code):
                found = rates.get(code[:length])
                if found is not None:
                    return found
        return Unknown(f"line {{line}}: no duty rate is known for commodity code {code[:16]}")

    return rate_of


@lru_cache(maxsize=2 * REGIMES_KEPT)
def _percentages(regime: Regime, measure_id: str, place: str) -> dict[str, Percentage]:
    """A table of rates, ready to look up; made once, however many schemes use it."""
    table = _there(regime.law.tables, measure_id, place)
    return {code: Percentage(Decimal(percent), f"{percent} %", measure_id) for code, percent in table.items()}


def _unless_free(by_tariff: Rate, flat: Percentage | Unknown) -> Rate:
    """The flat rate, but nothing where the tariff says free; not known where the tariff is not."""

    def rate_of(item: GoodsItem) -> Percentage | Unknown:
        tariff = by_tariff(item)
        return flat if isinstance(tariff, Percentage) and tariff.percent else tariff

    return rate_of


def _fixed(charge: Charge, regime: Regime, place: str) -> FixedAmount:
    figure = _there(regime.law.figures, charge.rate.amount, place)
    amount, words, exchange_id = figure.value, f"{figure.value} {figure.unit} for each line", ""
    if figure.unit != regime.currency:
        exchange = _there(regime.law.exchanges, EXCHANGE_OF_THE_LAW, place)
        multiplier, divisor = _there(exchange.rates, figure.unit, EXCHANGE_OF_THE_LAW)
        amount, exchange_id = amount * multiplier / divisor, EXCHANGE_OF_THE_LAW
        words += f" at {multiplier} {regime.currency} = {divisor} {figure.unit} ({exchange.words})"
    return FixedAmount(amount, words, charge.rate.amount, charge.rate.group_by, exchange_id)


def _there(found: Mapping[str, T], key: str, place: str) -> T:
    if key not in found:
        raise LawDataError(f"{place} needs {key}, which is not part of the law", place=place)
    return found[key]
