"""A regime: the law of one jurisdiction on one day, immutable, and the same again from its kept bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.assessment import Citation, Step
from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.regimes.conditions import Facts, Predicate, compiled
from tidewaiter.regimes.law import Content, Dataset, Exchange, Figure, TimeLimit
from tidewaiter.regimes.prices import is_plausible, price_of
from tidewaiter.tariff.tariff import Tariff

EDITION = 1
EXCHANGE = "exchange.valuation"  # for prices; `exchange.law` for amounts that the law fixes in another currency
EXCHANGE_OF_THE_LAW = "exchange.law"
CURRENCY_LETTERS = 3


class Conversion(Struct, frozen=True):
    """Money in another currency, unrounded, with the step that shows the rate."""

    money: Money
    step: Step


class Regime:
    """The law of one jurisdiction on one legal day. Equal to every regime of the same digest."""

    __slots__ = (
        "_datasets",
        "_last",
        "_limits",
        "_rates",
        "_tariff",
        "_with_limits",
        "content",
        "currency",
        "digest",
        "figures",
        "jurisdiction_code",
        "law",
        "legal_day",
    )

    jurisdiction_code: str
    legal_day: date
    currency: str
    content: bytes
    digest: str
    law: Content
    figures: Mapping[str, Figure]  # amounts of the law in the regime's own currency
    _datasets: tuple[tuple[Predicate, Dataset], ...]
    _rates: Mapping[str, object]
    _last: tuple[Declaration | None, Dataset]
    _limits: tuple[tuple[Predicate, TimeLimit], ...]
    _with_limits: frozenset[str]  # datasets that the law sets a time
    _tariff: Tariff | None

    def __init__(self, content: bytes, tariff: Tariff | None = None) -> None:
        try:
            law = msgspec.json.decode(content, type=Content)
        except msgspec.DecodeError as error:
            raise LawDataError(f"the kept law cannot be read: {error}", hint="was it altered?") from error
        if law.edition != EDITION:
            raise LawDataError(f"the kept law is of edition {law.edition}; this software reads {EDITION}")
        figures = _FiguresHere(law)
        datasets = tuple((compiled(each.when, figures, each.code), each) for each in law.datasets)
        limits = tuple((compiled(each.when, figures, each.measure_id), each) for each in law.time_limits)
        fields: dict[str, Any] = {
            "jurisdiction_code": law.jurisdiction_code,
            "legal_day": law.legal_day,
            "currency": law.currency,
            "content": content,
            "digest": digest(content),
            "law": law,
            "figures": figures,
            "_datasets": datasets,
            "_rates": MappingProxyType({law.currency: None, **law.exchanges[EXCHANGE].rates}),
            "_last": (None, law.datasets[-1]),
            "_limits": limits,
            "_with_limits": frozenset(code for each in law.time_limits for code in each.datasets),
            "_tariff": tariff,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_content(cls, content: bytes, tariff_of: Callable[[str], Tariff] | None = None) -> Regime:
        """The regime whose `content` was kept. Raises LawDataError where the bytes are not one.

        `tariff_of` gives the tariff of a digest; without it, a law that rests on one can be read and not assessed by.
        """
        regime = cls(content)
        law = regime.law.tariff
        return regime if law is None or tariff_of is None else cls(content, tariff_of(law.digest))

    @classmethod
    def of(cls, law: Content, tariff: Tariff | None = None) -> Regime:
        """The regime of this law, by way of its bytes: there is one way to make one."""
        return cls(canonical_bytes(law), tariff)

    @property
    def tariff(self) -> Tariff | None:
        """The tariff this law rests on; None where it rests on none. Raises LawDataError where it is not at hand."""
        law, tariff = self.law.tariff, self._tariff
        if law is not None and (tariff is None or tariff.digest != law.digest):
            raise LawDataError(
                f"the law of {self.jurisdiction_code} on {self.legal_day} rests on the tariff {law.digest[:12]}, "
                "which is not at hand",
                hint="it is kept beside the law, under its digest",
            )
        return tariff if law is not None else None

    def figure(self, measure_id: str) -> Figure:
        """A figure in force. Raises NotInForceError where it is not, saying why if the law does."""
        found = self.law.figures.get(measure_id)
        if found is None:
            act = self.law.ended.get(measure_id, "")
            raise NotInForceError(
                f"{measure_id} is not in force in {self.jurisdiction_code} on {self.legal_day}{act and f': {act}'}",
                hint="docs/LAW.md lists what is modelled and since when",
            )
        return found

    def citation(self, measure_id: str) -> Citation:
        """Where a measure stands. Raises NotInForceError for one that is not part of this regime."""
        found = self.law.citations.get(measure_id)
        if found is None:
            raise NotInForceError(
                f"{measure_id} is not part of the law of {self.jurisdiction_code} on {self.legal_day}"
            )
        return found

    def dataset_of(self, declaration: Declaration) -> Dataset:
        """The dataset that applies to a declaration: the first whose conditions hold."""
        # Quality, assessment and release all ask, one after the other: the last answer is at hand.
        last, dataset = self._last
        if last is declaration:
            return dataset
        facts = Facts(declaration, self.worth)
        for holds, dataset in self._datasets:
            if holds(facts):
                object.__setattr__(self, "_last", (declaration, dataset))
                return dataset
        raise LawDataError(
            f"{self.jurisdiction_code}: no dataset takes the rest", hint="end datasets.yaml without `when`"
        )

    def has_time_limits(self, dataset: Dataset) -> bool:
        """Whether the law says until when data of this dataset must be there."""
        return dataset.code in self._with_limits

    def time_limits_on(self, declaration: Declaration) -> tuple[TimeLimit, ...]:
        """The time limits on a declaration, in the order they are tried; whatever the length of the journey."""
        code = self.dataset_of(declaration).code
        facts = Facts(declaration, self.worth, code)
        return tuple(limit for holds, limit in self._limits if code in limit.datasets and holds(facts))

    @property
    def clocks(self) -> tzinfo:
        """The zone of the administration's clocks, UTC where the law counts nothing by them."""
        return ZoneInfo(self.law.time_zone) if self.law.time_zone else UTC

    def convert(self, money: Money, currency: str) -> Money:
        """`money` in `currency` at the rates of the legal day, unrounded. Raises NotInForceError without a rate."""
        if money.currency == currency:
            return money
        amount = self.amount(money)
        if currency != self.currency:
            multiplier, divisor = self._rate(currency)
            amount = amount * divisor / multiplier
        return Money(amount, currency)

    def conversion(self, money: Money, currency: str) -> Conversion:
        """The same, with the step that shows rate and source."""
        converted = self.convert(money, currency)
        words = f"{money} converted at {self.exchange.words}"
        return Conversion(converted, Step(words, str(converted), EXCHANGE))

    def amount(self, money: Money) -> Decimal:
        """The amount in the regime's own currency, unrounded. Raises NotInForceError without a rate."""
        if money.currency == self.currency:
            return money.amount
        multiplier, divisor = self._rate(money.currency)
        if not is_plausible(abs(money.amount)):
            raise NotInForceError(f"{money.currency[:8]} {str(money.amount)[:40]} is no amount that can be converted")
        return money.amount * multiplier / divisor

    def worth(self, declaration: Declaration) -> Decimal | None:
        """The intrinsic value of all goods in the regime's currency, unrounded; None where it cannot be told."""
        total = Decimal(0)
        for item in declaration.goods_items:
            price = price_of(item, declaration)
            if price is None or not is_plausible(price.amount) or price.currency not in self._rates:
                return None
            total += self.amount(price)
        if declaration.discount is not None:
            discount = declaration.discount
            if not is_plausible(discount.amount) or discount.currency not in self._rates:
                return None
            total = max(total - self.amount(discount), Decimal(0))
        return total

    @property
    def looks_at_persons(self) -> bool:
        """Whether what is owed depends on what persons brought in before, or elected."""
        return bool(self.law.counters or self.law.elections)

    @property
    def exchange(self) -> Exchange:
        """The exchange rates for prices."""
        return self.law.exchanges[EXCHANGE]

    @property
    def currencies(self) -> Mapping[str, object]:
        """The currencies there is a rate for, its own included, as keys."""
        return self._rates

    @property
    def unit_rates(self) -> Mapping[str, Decimal]:
        """What one unit of each currency is in the regime's own, to 28 digits: for comparing, never for charging."""
        rates = {code: multiplier / divisor for code, (multiplier, divisor) in self.exchange.rates.items() if divisor}
        return {**rates, self.currency: Decimal(1)}

    def predicate(self, condition: Mapping[str, Any], place: str) -> Predicate:
        """A condition of this regime, compiled."""
        return compiled(dict(condition), self.figures, place)

    def law_rate(self, currency: str) -> tuple[Decimal, Decimal, str]:
        """Multiplier, divisor and measure id of the exchange rate for amounts that the law fixes in another currency.

        Raises NotInForceError where none is known.
        """
        return _law_rate(currency, self.law)

    def _rate(self, currency: str) -> tuple[Decimal, Decimal]:
        rate = self.exchange.rates.get(currency)
        if rate is None:
            raise NotInForceError(
                f"no rate for {currency} is known in {self.jurisdiction_code} on {self.legal_day}",
                hint=f"{self.exchange.words} do not have it; is it an ISO 4217 code in use?"
                if self.exchange.rates
                else self.exchange.words,
            )
        return rate

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a regime does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regime) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Callable[..., Regime], tuple[bytes, Tariff | None]]:
        return Regime, (self.content, self._tariff)

    def __repr__(self) -> str:
        return f"<Regime {self.jurisdiction_code} {self.legal_day} {self.digest[:12]}>"


class _FiguresHere(Mapping[str, Figure]):
    """The figures of a law with amounts in the regime's own currency, unrounded.

    Without an exchange rate for one, asking for that one raises NotInForceError: the rest of the law can be used.
    """

    def __init__(self, law: Content) -> None:
        self._law = law
        self._found: dict[str, Figure] = {}

    def __getitem__(self, measure_id: str) -> Figure:
        found = self._found.get(measure_id)
        if found is None:
            found = self._found[measure_id] = self._own(self._law.figures[measure_id])
        return found

    def __contains__(self, measure_id: object) -> bool:
        return measure_id in self._law.figures

    def __iter__(self) -> Iterator[str]:
        return iter(self._law.figures)

    def __len__(self) -> int:
        return len(self._law.figures)

    def _own(self, figure: Figure) -> Figure:
        law = self._law
        is_amount = len(figure.unit) == CURRENCY_LETTERS and figure.unit.isupper()
        if not is_amount or figure.unit == law.currency:
            return figure
        multiplier, divisor, _ = _law_rate(figure.unit, law)
        return replace(figure, value=figure.value * multiplier / divisor, unit=law.currency)


def _law_rate(currency: str, law: Content) -> tuple[Decimal, Decimal, str]:
    measure_id = EXCHANGE_OF_THE_LAW if EXCHANGE_OF_THE_LAW in law.exchanges else EXCHANGE
    exchange = law.exchanges[measure_id]
    rate = exchange.rates.get(currency)
    if rate is None:
        raise NotInForceError(
            f"{law.jurisdiction_code}: the law has amounts in {currency}, and no rate is known on {law.legal_day}",
            hint=exchange.words,
        )
    return (*rate, measure_id)
