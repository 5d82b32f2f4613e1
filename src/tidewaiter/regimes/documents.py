"""What a file of law may say: one record type to a kind of file, unknown keys refused.

A file lies under `data/regimes/<jurisdiction>/`; its path without the ending, slashes
as dots, is the measure's id: `relief/low_value/threshold.yaml` is
`relief.low_value.threshold`. Decimals are quoted texts, days are ISO dates.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from msgspec import Struct

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
    """Law that exists and is not modelled, on goods by prefixes of their codes: never taken as nothing owed."""


class RoundingDocument(Document, frozen=True, tag="rounding", kw_only=True):
    """How an amount is rounded: values are `down`, `half up` or `half even`, to multiples of `quantum`."""

    quantum: str


class ValuationDocument(Document, frozen=True, tag="valuation", kw_only=True):
    """What is added to the price of the goods: the values name `freight` and `insurance`, separated by blanks."""


class ExchangeDocument(Document, frozen=True, tag="exchange", kw_only=True):
    """Whose exchange rate of which day is used. Values are rules known to `regimes.exchange`."""

    published: str = ""  # file of published monthly rates under data/rates; used where it has the month
    published_sources: tuple[Source, ...] = ()


class TableDocument(Document, frozen=True, tag="table", kw_only=True):
    """Duty rates by commodity code: the values are files under data/rates."""


class RateDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The rate of a charge. One of `percent`, `tariff`, `amount`; the rest refines it."""

    percent: str = ""  # id of a figure in %
    special: dict[str, str] = {}  # id of a list of goods → id of the figure in % that applies to them instead
    is_free_with_tariff: bool = False  # nothing is charged where the tariff says free
    tariff: str = ""  # id of a table
    duty_regime_codes: tuple[str, ...] = ()  # what may be claimed (DE 4/17) for the table to be right; "" for nothing
    amount: str = ""  # id of a figure in a currency, charged once per group
    group_by: dict[str, tuple[str, ...]] = {}  # dataset code → what makes lines one group; "other" for the rest


class ChargeDocument(Document, frozen=True, tag="charge", kw_only=True):
    """A duty, tax or fee, as it is when nothing relieves it."""

    charge: Literal["duty", "tax", "fee"]
    type_code: str
    base: Literal["intrinsic_value", "customs_value", "customs_value_and_duty"]
    rate: RateDocument
    rounding: str


class ChargeUse(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How a scheme uses a charge: who collects it, what relieves it and for which goods not."""

    charge: str
    collection: Literal["border", "sale", "none"] = "border"
    relief: str = ""  # id of what relieves it
    is_relieved: bool = False  # nothing is worked out; else a charge not collected still shows its amount
    except_goods: str = ""  # id of a list of goods the relief does not extend to
    otherwise: str = ""  # id of the charge on those goods, collected at the border
    items_up_to: str = ""  # id of a figure: lines are relieved, smallest first, while they fit under it
    base: str = ""


class SchemeDocument(Document, frozen=True, tag="scheme", kw_only=True):
    """Circumstances and the charges they lead to. The first scheme by `order` whose conditions hold applies."""

    order: int
    when: Condition = {}
    charges: tuple[ChargeUse, ...] = ()
    unresolved: str = ""  # why nothing can be worked out in these circumstances


AnyDocument = (
    FigureDocument
    | RuleDocument
    | GoodsDocument
    | GapDocument
    | RoundingDocument
    | ValuationDocument
    | ExchangeDocument
    | TableDocument
    | ChargeDocument
    | SchemeDocument
)


class JurisdictionDocument(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`jurisdiction.yaml`: whose law, in which currency, since which day it is modelled."""

    title: str
    currency: str
    modelled_since: date
    sources: tuple[Source, ...]
    parent: str = ""
    known_gaps: tuple[str, ...] = ()


class DatasetDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One dataset: when it applies and what it requires."""

    code: str
    title: str
    is_assessed: bool
    required: tuple[str, ...]
    when: Condition = {}
    irg_hint: Literal["", "1", "2", "3", "4"] = ""
    note: str = ""


class DatasetsDocument(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`datasets.yaml`: the datasets of a jurisdiction in the order they are tried."""

    title: str
    sources: tuple[Source, ...]
    datasets: tuple[DatasetDocument, ...]
    is_confirmed: bool = True
    note: str = ""
