"""An assessment: what is owed, and how each figure came about.

The list of charges *is* the trace: the page, the API and the notice print it,
none of them works anything out.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.money import Money


class Citation(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a rule or figure of law stands."""

    title: str
    address: str = ""
    read_on: date | None = None
    confirmed: bool = True


class ChargeKind(StrEnum):
    """Three kinds of charge."""

    DUTY = "duty"
    TAX = "tax"
    FEE = "fee"


class Collection(StrEnum):
    """When and by whom a charge is collected."""

    BORDER = "border"  # by customs, before or at release
    SALE = "sale"  # by the seller or marketplace, under a scheme; nothing due at the border
    NONE = "none"  # relieved: shown, not owed


class Step(Struct, frozen=True, omit_defaults=True, gc=False):
    """One step on the way to a figure: "freight, share of line 2" → 3.20 GBP.

    `measure_id` is the dotted id of the figure of law it rests on, if any.
    """

    words: str
    result: str
    measure_id: str = ""


class Charge(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One amount of duty, tax or fee on one line (or on the whole, `line_no` 0).

    `base` and `result` are in the regime's currency; `rate` is what the law
    says, in words ("20 %", "EUR 3 per line"); `unrounded` is the exact product
    before `rounding` was applied.
    """

    kind: ChargeKind
    type_code: str
    line_no: int
    base: Money
    rate: str
    unrounded: Decimal
    rounding: str
    result: Money
    collection: Collection
    measure_id: str
    steps: tuple[Step, ...] = ()
    relief: str = ""


class Assessment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The amounts payable on one declaration under one regime.

    `due` is what must be paid or guaranteed at the border, `collected_at_sale`
    what a scheme collects elsewhere; both are sums of `charges`. `citations`
    maps each measure id used in charges and steps to its source. `unresolved`
    says, in words, what could not be worked out (a rate that is not known, a
    missing price): what is owed is then not fully known, and never taken as nothing.
    `counted` is what the goods draw on each counter of the persons concerned.
    """

    jurisdiction_code: str
    legal_day: date
    regime_digest: str
    scheme: str
    intrinsic_value: Money
    customs_value: Money
    steps: tuple[Step, ...]
    charges: tuple[Charge, ...]
    due: Money
    collected_at_sale: Money
    citations: dict[str, Citation] = {}
    unresolved: tuple[str, ...] = ()
    counted: dict[str, Decimal] = {}
