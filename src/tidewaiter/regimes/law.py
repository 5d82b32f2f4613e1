"""The law of one day as records: what `Regime.content` holds and everything is decided from.

Nothing here is read from files any more: values are those of the day, ended
and expected ones are gone, each measure carries its citation.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from tidewaiter.model.assessment import Citation
from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.finding import Severity
from tidewaiter.model.returned import EvidenceKind, ReturnReason
from tidewaiter.model.timing import FilingMoment
from tidewaiter.regimes.documents import Base, ChargeUse, Condition, Due, RateDocument, Waiver

Anchor = Literal["loading", "departure", "arrival"]


class Figure(Struct, frozen=True, gc=False):
    """A number of the law on the legal day; `unit` is a currency code or `%`."""

    measure_id: str
    title: str
    value: Decimal
    unit: str
    since: date


class Rounding(Struct, frozen=True):
    """How an amount is rounded to multiples of `quantum`."""

    mode: Literal["down", "half up", "half even", "up"]
    quantum: Decimal

    @property
    def words(self) -> str:
        """As shown beside a charge: "down to 0.01"."""
        return f"{self.mode} to {self.quantum}"


class Charge(Struct, frozen=True, omit_defaults=True):
    """A duty, tax or fee as it is when nothing relieves it."""

    title: str
    charge: Literal["duty", "tax", "fee"]
    type_code: str
    base: Base
    rate: RateDocument
    rounding: str
    level: Literal["line", "consignment"] = "line"
    base_rounding: str = ""
    counted_rounding: str = ""
    total_rounding: str = ""


class Scheme(Struct, frozen=True, omit_defaults=True):
    """Circumstances and the charges they lead to; tried in order."""

    measure_id: str
    title: str
    when: Condition
    charges: tuple[ChargeUse, ...]
    unresolved: str = ""
    waivers: tuple[Waiver, ...] = ()
    counts: tuple[str, ...] = ()
    allowance: str = ""


class AddOn(Struct, frozen=True, omit_defaults=True):
    """Charges beside those of any scheme, where the conditions hold."""

    measure_id: str
    title: str
    when: Condition
    charges: tuple[ChargeUse, ...]
    is_before: bool = False


class PriceShare(Struct, frozen=True, omit_defaults=True):
    """Circumstances in which a part of the price (a figure in %) is the value of the goods, and what is added to it."""

    title: str
    share: str
    adds: tuple[str, ...] = ()
    when: Condition = {}


class Counter(Struct, frozen=True, omit_defaults=True):
    """An amount that one person (the key's role) may bring in over a period."""

    title: str
    key: str
    period: str
    limit: str
    counts: str = "intrinsic_value"


class Election(Struct, frozen=True, omit_defaults=True):
    """Alternatives of which an operator (the key's role) elects one for a time."""

    title: str
    key: str
    options: tuple[str, ...]
    minimum_days: str


class Obligation(Struct, frozen=True, omit_defaults=True):
    """Who owes a charge, who collects it, at which moment, to which account and when it is due."""

    title: str
    liable: str
    collector: str
    moment: str
    due: Due
    account: str = ""
    jointly_liable: tuple[str, ...] = ()
    is_guaranteed: bool = False
    beneficiary: str = ""


class Refund(Struct, frozen=True, omit_defaults=True):
    """What is given back, for which reason, on which evidence and until when; see `RefundDocument`."""

    title: str
    reason: ReturnReason
    refunds: tuple[str, ...]
    evidence: tuple[EvidenceKind, ...]
    refunded_by: str
    window: str = ""
    when: Condition = {}
    counted_from: Literal["import", "release", "exit"] = "import"
    exit_window: str = ""
    minimum: str = ""
    share: str = ""


class TimeLimit(Struct, frozen=True, omit_defaults=True):
    """Until when data of these datasets must be with customs (`lead_minutes` before what `counted_from` names), and what
    they must hold by then; see `TimeLimitDocument`. The length of a journey is in minutes, None where any will do."""

    measure_id: str
    title: str
    article: str
    moment: FilingMoment
    datasets: tuple[str, ...]
    words: str
    lead_minutes: int
    counted_from: Anchor
    when: Condition = {}
    journey_under_minutes: int | None = None
    journey_from_minutes: int | None = None
    severity: Severity = Severity.WARNING
    required: tuple[str, ...] = ()
    required_article: str = ""
    required_severity: Severity = Severity.WARNING
    is_confirmed: bool = True


class Dataset(Struct, frozen=True, omit_defaults=True):
    """A set of data required for one kind of declaration.

    `required` are canonical pointers, alternatives separated by `|`.
    `is_assessed`: customs works out and notifies duty and tax on it.
    `is_advance`: a filing ahead of the goods, on safety and security, that is
    never accepted as a declaration; an amendment of it is answered at once.
    `irg_hint`: the Immediate Release Guidelines category such declarations
    usually fall into ("" where the value decides).
    `claim`: it is no declaration but what a third party says of a parcel;
    `claims`: what third parties must have said of goods declared so;
    `heard`: what is compared with it where third parties have said it.
    `is_refiled`: filed again under its reference, it replaces what was filed.
    """

    code: str
    title: str
    is_assessed: bool
    required: tuple[str, ...]
    when: Condition = {}
    irg_hint: str = ""
    claim: ClaimKind | None = None
    claims: tuple[ClaimKind, ...] = ()
    is_advance: bool = False
    heard: tuple[ClaimKind, ...] = ()
    is_refiled: bool = False

    @property
    def is_compared(self) -> bool:
        """True where claims of third parties are looked up for it."""
        return bool(self.claims or self.heard)


class Exchange(Struct, frozen=True):
    """Exchange rates into the regime's currency: amount x multiplier / divisor."""

    words: str
    published_on: date
    rates: dict[str, tuple[Decimal, Decimal]]


class TariffLaw(Struct, frozen=True, omit_defaults=True):
    """An imported tariff beside the law, named by digest, and how its measures join.

    `replaces` is the table of rates in whose place duty rests on it; "" where codes and controls alone are looked up.
    """

    measure_id: str
    digest: str
    edition: str  # in words: whose, from when
    replaces: str = ""
    claims: dict[str, tuple[str, ...]] = {}
    stacked: dict[str, str] = {}
    without_duty: tuple[str, ...] = ()


class Content(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Everything one regime is; its canonical bytes are kept and give the same regime back."""

    edition: int = 1  # of this layout
    jurisdiction_code: str
    title: str
    legal_day: date
    currency: str
    figures: dict[str, Figure]
    ended: dict[str, str]  # measure id → the act that ended it, or why there is none
    goods: dict[str, tuple[str, ...]]  # prefixes of commodity codes
    gaps: dict[str, tuple[str, ...]]
    roundings: dict[str, Rounding]
    valuations: dict[str, tuple[str, ...]]
    charges: dict[str, Charge]
    schemes: tuple[Scheme, ...]
    datasets: tuple[Dataset, ...]
    tables: dict[str, dict[str, str]]
    exchanges: dict[str, Exchange]
    rules: dict[str, str]
    citations: dict[str, Citation]
    titles: dict[str, str]
    gap_origins: dict[str, tuple[str, ...]] = {}  # where a gap is one on goods of some countries alone
    gap_schemes: dict[str, tuple[str, ...]] = {}  # where it is one under some schemes alone
    addons: tuple[AddOn, ...] = ()
    counters: dict[str, Counter] = {}
    elections: dict[str, Election] = {}
    price_shares: dict[str, PriceShare] = {}
    obligations: dict[str, Obligation] = {}
    refunds: dict[str, Refund] = {}
    time_limits: tuple[TimeLimit, ...] = ()  # in the order they are tried
    time_zone: str = ""  # of the administration's clocks; only where something is counted by them
    tariff: TariffLaw | None = None  # only where one is imported: without it, the law is what it was before
