"""The charging law of a regime, compiled once for each regime: what every declaration then only looks up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeVar

from tidewaiter.assessment.applicable import Open
from tidewaiter.assessment.by_tariff import ByTariff
from tidewaiter.assessment.valuation import CUSTOMS_VALUE, ONE, ZERO, Adds, Rounder, rounder
from tidewaiter.model.assessment import ChargeKind, Collection, Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes import Regime
from tidewaiter.regimes.conditions import Predicate
from tidewaiter.regimes.documents import Band, ChargeUse, Waiver
from tidewaiter.regimes.law import AddOn, Charge, PriceShare, Scheme

T = TypeVar("T")

REGIMES_KEPT = 64
TAX_VALUE = "valuation.tax_value"
DUTY_BASE = "customs_value_and_duty"
SIMPLE_BASES = ("intrinsic_value", "customs_value", DUTY_BASE)
KNOWN_TERMS = (*SIMPLE_BASES, "tax_value", "duty")
HUNDRED = Decimal(100)
ALL_GOODS = "*"
NO_GOODS = ("none",)  # what no commodity code begins with
PER_WORDS = {
    "": "for the whole",
    "net_mass_kg": "for each kg net",
    "gross_mass_kg": "for each kg gross",
    "quantity": "for each unit of quantity",
}
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


class CompiledBand(NamedTuple):
    """One band of a rate: up to `up_to` (None: the rest), a percentage or an amount."""

    up_to: Decimal | None
    percent: Decimal
    amount: Decimal
    words: str


class Formula(NamedTuple):
    """A rate with more to it than a percentage: bands, amounts for each unit, a deduction, a share, grossed up.

    `percent` or `unit_amount` or `bands` is what it starts from. Amounts are in the regime's currency.
    """

    percent: Rate | None
    bands: tuple[CompiledBand, ...]
    is_by_slice: bool
    unit_amount: Decimal
    per: str  # field of the goods item
    less: Decimal
    is_grossed_up: bool
    share: Decimal  # of what is worked out, from 0 to 1
    words: str  # of amount for each unit, deduction and share
    measure_ids: tuple[str, ...]
    is_whole: bool  # worked out on the consignment, not on each line
    base_rounding: Rounder | None
    counted_rounding: Rounder | None
    total_rounding: Rounder | None


class CompiledWaiver(NamedTuple):
    """Charges that are not collected where together they come to little."""

    charges: frozenset[str]
    limit: Decimal
    is_included: bool
    relief: str
    relief_id: str


class CompiledCharge(NamedTuple):
    """A charge as one scheme uses it."""

    measure_id: str
    kind: ChargeKind
    type_code: str
    base: str  # "" where it is a sum of `terms`
    terms: tuple[str, ...]
    rate: Rate | FixedAmount | Formula | ByTariff
    rounding: Rounder
    rounding_id: str
    collection: Collection
    relief: str  # title
    relief_id: str
    is_relieved: bool
    items_up_to: Decimal | None
    excluded: tuple[str, ...]  # prefixes of codes the relief does not extend to
    otherwise: CompiledCharge | None
    only: tuple[str, ...]  # prefixes of the codes it is charged on; empty for all
    origins: frozenset[str]  # countries of origin it is charged on; empty for all
    holds: Predicate | None  # when it is part of its scheme, where not always


class CompiledScheme(NamedTuple):
    """A scheme with its predicate and charges."""

    measure_id: str
    step: Step
    holds: Predicate
    charges: tuple[CompiledCharge, ...]
    unresolved: str
    waivers: tuple[CompiledWaiver, ...]
    counts: tuple[str, ...]
    is_conditional: bool  # some of its charges are
    allowance: Decimal  # what the goods may be worth free; only the rest is charged
    allowance_id: str


class CompiledAddOn(NamedTuple):
    """Charges beside the scheme's own."""

    holds: Predicate
    charges: tuple[CompiledCharge, ...]
    is_before: bool


class Gap(NamedTuple):
    """Law that is not modelled, by prefixes of codes, countries of origin and schemes (none: all)."""

    prefixes: tuple[str, ...]
    origins: frozenset[str]
    schemes: frozenset[str]
    title: str
    measure_id: str

    def concerns(self, item: GoodsItem, scheme: str) -> bool:
        """Whether it is on these goods, which a scheme takes."""
        if self.origins and item.origin_country_code not in self.origins:
            return False
        if self.schemes and scheme not in self.schemes:
            return False
        return not self.prefixes or item.commodity_code.startswith(self.prefixes)


class ChargingLaw(NamedTuple):
    """All of it. `terms`: what is kept of charges, beside the duty, for others to be reckoned on."""

    schemes: tuple[CompiledScheme, ...]
    addons: tuple[CompiledAddOn, ...]
    terms: tuple[str, ...]
    value_rounding: Rounder
    adds: Adds
    price_shares: tuple[tuple[Predicate, Adds], ...]  # the first whose circumstances hold values the goods instead
    gaps: tuple[Gap, ...]
    gap_chapters: frozenset[str]  # first two digits that any gap concerns, for a quick no; "*" where one is on all


@lru_cache(maxsize=REGIMES_KEPT)
def charging_law(regime: Regime) -> ChargingLaw:
    """The compiled law of a regime. Raises LawDataError where a measure refers to one that is not there."""
    law = regime.law
    gaps = tuple(
        Gap(
            prefixes=() if ALL_GOODS in prefixes else prefixes,
            origins=frozenset(law.gap_origins.get(gap, ())),
            schemes=frozenset(law.gap_schemes.get(gap, ())),
            title=law.titles[gap],
            measure_id=gap,
        )
        for gap, prefixes in law.gaps.items()
    )
    schemes = tuple(_scheme(each, regime) for each in law.schemes)
    addons = tuple(_addon(each, regime) for each in law.addons)
    customs = _there(law.valuations, CUSTOMS_VALUE, "the law")
    charges = [charge for scheme in schemes for charge in scheme.charges]
    charges += [charge for addon in addons for charge in addon.charges]
    return ChargingLaw(
        schemes=schemes,
        addons=addons,
        terms=tuple(dict.fromkeys(term for charge in charges for term in charge.terms if term not in KNOWN_TERMS)),
        value_rounding=rounder(_there(law.roundings, "rounding.value", "the law")),
        adds=Adds(customs, law.valuations.get(TAX_VALUE, customs)),
        price_shares=tuple(_price_share(measure_id, each, regime) for measure_id, each in law.price_shares.items()),
        gaps=gaps,
        gap_chapters=frozenset(prefix[:2] for gap in gaps for prefix in gap.prefixes or (ALL_GOODS,)),
    )


def _price_share(measure_id: str, share: PriceShare, regime: Regime) -> tuple[Predicate, Adds]:
    """The circumstances in which only a part of the price counts, and how goods are then valued."""
    part = _there(regime.figures, share.share, measure_id).value / HUNDRED
    return regime.predicate(share.when, measure_id), Adds(share.adds, share.adds, part, measure_id)


def _scheme(scheme: Scheme, regime: Regime) -> CompiledScheme:
    charges = tuple(_charge(use, regime, scheme.measure_id) for use in scheme.charges)
    return CompiledScheme(
        measure_id=scheme.measure_id,
        step=Step("scheme", scheme.title, scheme.measure_id),
        holds=regime.predicate(scheme.when, scheme.measure_id),
        charges=charges,
        unresolved=scheme.unresolved,
        waivers=tuple(_waiver(each, regime, scheme.measure_id) for each in scheme.waivers),
        counts=tuple(scheme.counts),
        is_conditional=any(charge.holds is not None for charge in charges),
        allowance=_there(regime.figures, scheme.allowance, scheme.measure_id).value if scheme.allowance else ZERO,
        allowance_id=scheme.allowance,
    )


def _addon(addon: AddOn, regime: Regime) -> CompiledAddOn:
    charges = tuple(_charge(use, regime, addon.measure_id) for use in addon.charges)
    return CompiledAddOn(regime.predicate(addon.when, addon.measure_id), charges, addon.is_before)


def _waiver(waiver: Waiver, regime: Regime, place: str) -> CompiledWaiver:
    if bool(waiver.up_to) == bool(waiver.below):
        raise LawDataError(f"{place}: a waiver says either up_to or below", place=place)
    limit = _there(regime.figures, waiver.up_to or waiver.below, place).value
    relief = _there(regime.law.titles, waiver.relief, place)
    return CompiledWaiver(frozenset(waiver.charges), limit, bool(waiver.up_to), relief, waiver.relief)


def _charge(use: ChargeUse, regime: Regime, place: str) -> CompiledCharge:
    law = regime.law
    charge = _there(law.charges, use.charge, place)
    rounding = _there(law.roundings, charge.rounding, use.charge)
    limit = _there(regime.figures, use.items_up_to, place).value if use.items_up_to else None
    base = use.base or charge.base
    terms = (base,) if isinstance(base, str) else base
    known = {*KNOWN_TERMS, *ChargeKind, *law.charges}
    if unknown := [term for term in terms if term not in known]:
        raise LawDataError(
            f"{use.charge}: {unknown[0]!r} is no base", hint=f"bases: {', '.join(KNOWN_TERMS)}", place=place
        )
    return CompiledCharge(
        measure_id=use.charge,
        kind=ChargeKind(charge.charge),
        type_code=charge.type_code,
        base=base if isinstance(base, str) and base in SIMPLE_BASES else "",
        terms=terms,
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
        only=_there(law.goods, use.only_goods, place) or NO_GOODS if use.only_goods else (),
        origins=frozenset(use.only_origins),
        holds=regime.predicate(use.when, place) if use.when else None,
    )


def _rate(charge: Charge, regime: Regime, place: str) -> Rate | FixedAmount | Formula | ByTariff:
    rate = charge.rate
    roundings = charge.base_rounding or charge.counted_rounding or charge.total_rounding
    refined = rate.bands or rate.per or rate.less or rate.is_grossed_up or rate.share
    if refined or roundings or charge.level == "consignment":
        return _formula(charge, regime, place)
    by_tariff = _imported(charge, regime) if not rate.percent else None
    if by_tariff is not None:
        return by_tariff
    return _fixed(charge, regime, place) if rate.amount else _percentage(charge, regime, place)


def _imported(charge: Charge, regime: Regime) -> ByTariff | None:
    """The imported tariff in place of the charge's table of rates, where the law rests on one."""
    law = regime.law.tariff
    return _by_tariff(regime) if law is not None and law.replaces and law.replaces == charge.rate.tariff else None


@lru_cache(maxsize=REGIMES_KEPT)
def _by_tariff(regime: Regime) -> ByTariff | None:
    """One for all schemes of a regime, so that what is planned for one serves the others."""
    law, tariff = regime.law.tariff, regime.tariff
    return ByTariff(regime, law, tariff) if law is not None and tariff is not None else None


def _percentage(charge: Charge, regime: Regime, place: str) -> Rate:
    rate = charge.rate
    if rate.tariff:
        imported = _imported(charge, regime)
        by_tariff = _tariff(charge, regime, place) if imported is None else _freedom(imported)
        if imported is not None and not rate.is_free_with_tariff:
            return lambda _: Unknown("line {line}: duty by an imported tariff is not modelled in a formula")
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


def _formula(charge: Charge, regime: Regime, place: str) -> Formula:
    rate, figures = charge.rate, regime.figures
    named = (rate.amount, rate.less, rate.share, *(part for band in rate.bands for part in (band.percent, band.amount)))
    unit_amount = _there(figures, rate.amount, place).value if rate.amount else ZERO
    less = _there(figures, rate.less, place).value if rate.less else ZERO
    share = _there(figures, rate.share, place).value / HUNDRED if rate.share else ONE
    unit = regime.currency
    words = [f"{unit_amount} {unit} {PER_WORDS[rate.per]}"] if rate.amount else []
    words += [f"less {less} {unit}"] if less else []
    words += ["on the price with the charge in it"] if rate.is_grossed_up else []
    words += [f"of it {share * HUNDRED} %"] if rate.share else []
    return Formula(
        percent=_percentage(charge, regime, place) if rate.percent or rate.tariff else None,
        bands=tuple(_band(each, regime, place) for each in rate.bands),
        is_by_slice=rate.banding == "slice",
        unit_amount=unit_amount,
        per=rate.per,
        less=less,
        is_grossed_up=rate.is_grossed_up,
        share=share,
        words=", ".join(words),
        measure_ids=(*filter(None, named), *filter(None, _roundings(charge))),
        is_whole=charge.level == "consignment",
        base_rounding=_rounder(charge.base_rounding, regime, place),
        counted_rounding=_rounder(charge.counted_rounding, regime, place),
        total_rounding=_rounder(charge.total_rounding, regime, place),
    )


def _roundings(charge: Charge) -> tuple[str, ...]:
    return (charge.base_rounding, charge.counted_rounding, charge.total_rounding)


def _rounder(measure_id: str, regime: Regime, place: str) -> Rounder | None:
    return rounder(_there(regime.law.roundings, measure_id, place)) if measure_id else None


def _band(band: Band, regime: Regime, place: str) -> CompiledBand:
    figures = regime.figures
    up_to = _there(figures, band.up_to, place).value if band.up_to else None
    percent = _there(figures, band.percent, place).value if band.percent else ZERO
    amount = _there(figures, band.amount, place).value if band.amount else ZERO
    words = f"{amount} {regime.currency}" if band.amount else f"{percent} %"
    return CompiledBand(up_to, percent, amount, words)


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


def _freedom(imported: ByTariff) -> Rate:
    """Free or not, by an imported tariff: all that a rate in the tariff's place is asked for. Never a rate itself."""

    def rate_of(item: GoodsItem) -> Percentage | Unknown:
        free = imported.is_free(item)
        if isinstance(free, Open):
            return Unknown(f"line {{line}}: {free.words.replace('{', '').replace('}', '')}")
        return Percentage(ZERO if free else HUNDRED, "free" if free else "", imported.measure_ids[0])

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
    groups = charge.rate.group_by
    each = "line" if any(groups.values()) else "consignment"
    amount, words, exchange_id = figure.value, f"{figure.value} {figure.unit} for each {each}", ""
    if figure.unit != regime.currency:
        multiplier, divisor, exchange_id = regime.law_rate(figure.unit)
        amount = amount * multiplier / divisor
        source = regime.law.exchanges[exchange_id].words
        words += f" at {multiplier} {regime.currency} = {divisor} {figure.unit} ({source})"
    return FixedAmount(amount, words, charge.rate.amount, groups, exchange_id)


def _there(found: Mapping[str, T], key: str, place: str) -> T:
    if key not in found:
        raise LawDataError(f"{place} needs {key}, which is not part of the law", place=place)
    return found[key]
