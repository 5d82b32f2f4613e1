"""What a file of law may say: one record type to a kind of file, unknown keys refused.

A file lies under `data/regimes/<jurisdiction>/`; its path without the ending, slashes
as dots, is the measure's id: `relief/low_value/threshold.yaml` is
`relief.low_value.threshold`. Decimals are quoted texts, days are ISO dates.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from msgspec import Struct

from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.finding import Severity
from tidewaiter.model.returned import EvidenceKind, ReturnReason
from tidewaiter.model.timing import FilingMoment

Condition = dict[str, Any]  # checked when compiled: `regimes.conditions`


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a rule or figure can be read, and when it was read there."""

    title: str
    read_on: date
    address: str = ""


class Dated(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds from one day on: a value, or null for an end, with the act that made it so.

    `expected` is announced and not law: it is shown and never assessed.
    """

    value: str | None
    act: str = ""
    status: Literal["in force", "expected"] = "in force"


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every file says of itself."""

    title: str
    scope: str
    sources: tuple[Source, ...]
    values: dict[date, str | Dated]
    is_confirmed: bool = True
    note: str = ""


class FigureDocument(Document, frozen=True, tag="figure", kw_only=True):
    """A number of the law: a threshold, a rate, an amount. `unit` is a currency code or `%`."""

    unit: str


class RuleDocument(Document, frozen=True, tag="rule", kw_only=True):
    """A rule without a figure, in words: what a charge or relief rests on."""


class GoodsDocument(Document, frozen=True, tag="goods", kw_only=True):
    """A list of goods: the values are prefixes of commodity codes, separated by blanks."""


class GapDocument(Document, frozen=True, tag="gap", kw_only=True):
    """Law that exists and is not modelled, on goods by prefixes of their codes: never taken as nothing owed.

    The value `*` stands for all goods; `only_origins` narrows it to goods of some countries of origin, `only_schemes`
    to goods that those schemes take.
    """

    only_origins: tuple[str, ...] = ()
    only_schemes: tuple[str, ...] = ()


class RoundingDocument(Document, frozen=True, tag="rounding", kw_only=True):
    """How an amount is rounded: values are `down`, `half up` or `half even`, to multiples of `quantum`."""

    quantum: str


class ValuationDocument(Document, frozen=True, tag="valuation", kw_only=True):
    """What is added to the price of the goods: the values name `freight` and `insurance`, separated by blanks."""


class PriceShareDocument(Document, frozen=True, tag="price_share", kw_only=True):
    """Where only a part of the price is the value of the goods: the values name what is then added, or `nothing`."""

    share: str  # id of a figure in %
    when: Condition = {}


class ExchangeDocument(Document, frozen=True, tag="exchange", kw_only=True):
    """Whose exchange rate of which day is used. Values are rules known to `regimes.exchange`."""

    published: str = ""  # file of published monthly rates under data/rates; used where it has the month
    published_sources: tuple[Source, ...] = ()


class TableDocument(Document, frozen=True, tag="table", kw_only=True):
    """Duty rates by commodity code: the values are files under data/rates."""


class Band(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One band of a rate, in rising order: up to a figure, the last without one. A percentage, an amount, or nothing."""

    up_to: str = ""  # id of a figure in a currency, included
    percent: str = ""
    amount: str = ""


class RateDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The rate of a charge. One of `percent`, `tariff`, `amount`, `bands`; the rest refines it.

    An amount is charged once for each group of lines, or with `per` for each
    kilogram or article. Bands hold `whole` (the band that the base falls into
    is the rate of all of it) or by `slice` (each part of the base at its own
    rate). `less` is taken off the result. `is_grossed_up`: the rate is one on
    the price with the charge in it, r/(1 - r) of the base. `share`: only this
    part is charged, while what is reckoned on the charge counts all of it.
    """

    percent: str = ""  # id of a figure in %
    special: dict[str, str] = {}  # id of a list of goods → id of the figure in % that applies to them instead
    is_free_with_tariff: bool = False  # nothing is charged where the tariff says free
    tariff: str = ""  # id of a table
    duty_regime_codes: tuple[str, ...] = ()  # what may be claimed (DE 4/17) for the table to be right; "" for nothing
    amount: str = ""  # id of a figure in a currency, charged once per group
    group_by: dict[str, tuple[str, ...]] = {}  # dataset code → what makes lines one group; "other" for the rest
    per: Literal["", "net_mass_kg", "gross_mass_kg", "quantity"] = ""
    bands: tuple[Band, ...] = ()
    banding: Literal["whole", "slice"] = "whole"
    less: str = ""  # id of a figure in a currency
    is_grossed_up: bool = False
    share: str = ""  # id of a figure in %


Base = str | tuple[str, ...]  # one term or their sum: `intrinsic_value`, `customs_value`, `tax_value`, kinds, charges


class ChargeDocument(Document, frozen=True, tag="charge", kw_only=True):
    """A duty, tax or fee, as it is when nothing relieves it.

    `base` is a sum of terms: a value (`intrinsic_value`, `customs_value`,
    `tax_value`), everything charged before of a kind (`duty`, `tax`, `fee`), or
    a charge by its id. `customs_value_and_duty` stands for the two. Roundings
    are ids: of the base, of the amount, of what others count of it, and of the
    sum over the consignment.
    """

    charge: Literal["duty", "tax", "fee"]
    type_code: str
    base: Base
    rate: RateDocument
    rounding: str
    level: Literal["line", "consignment"] = "line"
    base_rounding: str = ""
    counted_rounding: str = ""
    total_rounding: str = ""


class TariffDocument(Document, frozen=True, tag="tariff", kw_only=True):
    """How an imported tariff joins the law: what its measures mean where one is in force, in place of a table of rates.

    Measure types are TARIC's. `claims`: the preference claimed (DE 4/17; "" where
    none is) → the types that may then be applied, of which the lowest is. `stacked`:
    the types charged beside that → the type of tax they are accounted under.
    `without_duty`: types that tell of proceedings and never state a duty.
    """

    replaces: str  # id of the table of rates
    claims: dict[str, tuple[str, ...]]
    stacked: dict[str, str]
    without_duty: tuple[str, ...] = ()


class ChargeUse(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How a scheme uses a charge: who collects it, what relieves it and for which goods not."""

    charge: str
    collection: Literal["border", "sale", "none"] = "border"
    relief: str = ""  # id of what relieves it
    is_relieved: bool = False  # nothing is worked out; else a charge not collected still shows its amount
    except_goods: str = ""  # id of a list of goods the relief does not extend to
    otherwise: str = ""  # id of the charge on those goods, collected at the border
    items_up_to: str = ""  # id of a figure: lines are relieved, smallest first, while they fit under it
    base: Base = ""
    obligation: str = ""  # id of who owes it, who collects it and when; else that of the moment of collection
    only_goods: str = ""  # id of a list of goods: the charge is on these lines alone
    only_origins: tuple[str, ...] = ()  # the charge is on lines of these countries of origin alone
    when: Condition = {}  # the charge is part of the scheme where this holds too


class Waiver(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Charges that are not collected where together they come to no more than a figure, or stay below it."""

    charges: tuple[str, ...]
    up_to: str = ""
    below: str = ""
    relief: str


class SchemeDocument(Document, frozen=True, tag="scheme", kw_only=True):
    """Circumstances and the charges they lead to. The first scheme by `order` whose conditions hold applies."""

    order: int
    when: Condition = {}
    charges: tuple[ChargeUse, ...] = ()
    unresolved: str = ""  # why nothing can be worked out in these circumstances
    waivers: tuple[Waiver, ...] = ()
    counts: tuple[str, ...] = ()  # ids of the counters that goods under this scheme draw on
    allowance: str = ""  # id of a figure: only what the goods are worth above it is charged


class AddOnDocument(Document, frozen=True, tag="addon", kw_only=True):
    """Charges beside those of any scheme, where the conditions hold: national fees on parcels.

    Those `before` are worked out first, so that the scheme's own charges can count them into their base.
    """

    order: int
    position: Literal["before", "after"] = "after"
    when: Condition = {}
    charges: tuple[ChargeUse, ...]


class CounterDocument(Document, frozen=True, tag="counter", kw_only=True):
    """An amount that a person may bring in over a time, counted over all their parcels. `limit` is a figure's id.

    `counts` is which value of a parcel is counted, `key` whose parcels they are.
    """

    key: Literal["importer", "seller"]
    period: Literal["day", "month", "year"]
    limit: str
    counts: Literal["intrinsic_value", "customs_value"] = "intrinsic_value"


class ElectionDocument(Document, frozen=True, tag="election", kw_only=True):
    """Alternatives of which an operator elects one, for all their parcels and for a time.

    `options` are the words that conditions ask for (`elects`); `minimum_days` is the id of a figure in days: so
    long an option holds before another can begin.
    """

    key: Literal["declarant", "seller"]
    options: tuple[str, ...]
    minimum_days: str


Role = Literal["buyer", "importer", "seller", "marketplace", "declarant", "carrier", "post", "customs", "recipient"]
Moment = Literal["sale", "before arrival", "release", "delivery", "period"]


class Due(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """When an obligation is due: at once, some days after, or on a day after a period of so many months ends.

    `day` is the day of the month that begins after the period (0: the month's
    last day); with `counts_business_days` the n-th working day of it.
    """

    days_after: int | None = None
    months: int = 0
    day: int = 0
    counts_business_days: bool = False


class ObligationDocument(Document, frozen=True, tag="obligation", kw_only=True):
    """Who owes a charge, who collects it, at which moment, to which account and when it is due."""

    liable: Role
    collector: Role
    moment: Moment
    due: Due
    account: str = ""
    jointly_liable: tuple[Role, ...] = ()
    is_guaranteed: bool = False
    beneficiary: str = ""


class RefundDocument(Document, frozen=True, tag="refund", kw_only=True):
    """What is given back, for which reason, on which evidence and within which time.

    `window` is the time to claim, counted from the day named by `counted_from`; `exit_window` the time within which
    the goods must have left, counted from the import. `minimum` is the amount below which nothing is given back, `share`
    the part of the charges that is: all of them where none is named.
    """

    reason: ReturnReason
    refunds: tuple[Literal["duty", "tax", "fee"], ...]
    evidence: tuple[EvidenceKind, ...]
    window: str = ""  # id of a figure in days, months or years; "" where none is known: then an officer looks
    counted_from: Literal["import", "release", "exit"] = "import"
    exit_window: str = ""  # id of a figure in days, months or years
    minimum: str = ""  # id of a figure
    share: str = ""  # id of a figure in %
    refunded_by: Role = "customs"
    when: Condition = {}


class TimeLimitDocument(Document, frozen=True, tag="time_limit", kw_only=True):
    """Until when data of some datasets must be with customs, and what they must hold by then.

    A value is `4 hours before arrival`, `before loading`, `at departure`: counted back from the expected loading,
    departure or arrival at the first place here. Of one `moment` the first by `order` that applies counts; `journey_under`
    and `journey_from` ("4 hours") narrow it to journeys of that length. `severity` is that of what comes too late (an
    error: it is not accepted), `required_severity` that of what is missing by then.
    """

    moment: FilingMoment
    datasets: tuple[str, ...]
    article: str
    order: int = 0
    when: Condition = {}
    journey_under: str = ""
    journey_from: str = ""
    severity: Severity = Severity.WARNING
    required: tuple[str, ...] = ()
    required_article: str = ""  # where the minimum of data stands, if not beside the time limit; says so if unconfirmed
    required_severity: Severity = Severity.WARNING


AnyDocument = (
    FigureDocument
    | RuleDocument
    | GoodsDocument
    | GapDocument
    | RoundingDocument
    | ValuationDocument
    | PriceShareDocument
    | ExchangeDocument
    | TableDocument
    | TariffDocument
    | ChargeDocument
    | SchemeDocument
    | AddOnDocument
    | CounterDocument
    | ElectionDocument
    | ObligationDocument
    | RefundDocument
    | TimeLimitDocument
)


class LawPage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`law.yaml`, `refunds.yaml` or `deadlines.yaml`: many measures on one page. `sources` are named once, and measures name them by key."""

    sources: dict[str, Source]
    measures: dict[str, dict[str, Any]]


class JurisdictionDocument(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`jurisdiction.yaml`: whose law, in which currency, since which day it is modelled.

    `time_zone` (IANA) is that of the administration's seat: there the legal day begins.
    """

    title: str
    currency: str
    modelled_since: date
    sources: tuple[Source, ...]
    parent: str = ""
    known_gaps: tuple[str, ...] = ()
    time_zone: str = ""
    is_basis: bool = False  # nobody's law: what several jurisdictions build on


class DatasetDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One dataset: when it applies and what it requires."""

    code: str
    title: str
    is_assessed: bool
    required: tuple[str, ...]
    when: Condition = {}
    irg_hint: Literal["", "1", "2", "3", "4"] = ""
    claim: ClaimKind | None = None
    claims: tuple[ClaimKind, ...] = ()
    heard: tuple[ClaimKind, ...] = ()
    is_refiled: bool = False
    is_everywhere: bool = False  # also where a jurisdiction that builds on this one has datasets of its own
    note: str = ""
    is_advance: bool = False


class DatasetsDocument(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`datasets.yaml`: the datasets of a jurisdiction in the order they are tried."""

    title: str
    sources: tuple[Source, ...]
    datasets: tuple[DatasetDocument, ...]
    is_confirmed: bool = True
    note: str = ""
