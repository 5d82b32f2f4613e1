"""Duty expressions: what a rate text says, typed.

The model is TARIC's: ordered components, each with the id of a duty expression
(% or amount, plus, minus, minimum, maximum …), an amount, a monetary unit (none
means per cent), a measurement unit and a qualifier. What a text of another
tariff adds (cents, "on the case", "for each degree under 100 degrees", a rate
that stands in another provision) is said with the few further fields below.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class DutyExpressionId(StrEnum):
    """TARIC's duty-expression ids that this model understands."""

    RATE = "01"  # % or amount
    MINUS = "02"
    PLUS = "04"
    AGRICULTURAL = "12"
    AGRICULTURAL_REDUCED = "14"
    MINIMUM = "15"
    MAXIMUM = "17"
    PLUS_SECOND = "19"
    PLUS_THIRD = "20"
    SUGAR = "21"
    SUGAR_REDUCED = "25"
    FLOUR = "27"
    FLOUR_REDUCED = "29"
    MAXIMUM_SECOND = "35"
    MINUS_SECOND = "36"
    NIHIL = "37"
    SUPPLEMENTARY_UNIT = "99"


PLUSES = (DutyExpressionId.PLUS, DutyExpressionId.PLUS_SECOND, DutyExpressionId.PLUS_THIRD)
MINUSES = (DutyExpressionId.MINUS, DutyExpressionId.MINUS_SECOND)
MAXIMA = (DutyExpressionId.MAXIMUM, DutyExpressionId.MAXIMUM_SECOND)
MEURSING = (
    DutyExpressionId.AGRICULTURAL,
    DutyExpressionId.AGRICULTURAL_REDUCED,
    DutyExpressionId.SUGAR,
    DutyExpressionId.SUGAR_REDUCED,
    DutyExpressionId.FLOUR,
    DutyExpressionId.FLOUR_REDUCED,
)


class RuleKind(StrEnum):
    """Kinds of rate that a text names without stating it. None of them is ever guessed."""

    ENTRY_PRICE = "entry_price"  # depends on the entry price of the consignment that day
    OTHER_PROVISION = "other_provision"  # "the rate applicable to …", "the duty provided in …"
    NOTE = "note"  # "see additional U.S. note 1"
    CONDITIONALLY_FREE = "conditionally_free"  # "free, under bond …", "free if …"
    DUTY_ON_PART = "duty_on_part"  # "a duty upon the value of the repairs …"
    CAP_ELSEWHERE = "cap_elsewhere"  # "… shall not exceed the duty for the complete movement"
    QUOTA_QUANTITY = "quota_quantity"  # not a rate at all: "the quantity specified in such notice"
    NO_ADDITIONAL_DUTY = "no_additional_duty"  # adds nothing to the duty of the other provision
    UNCHANGED = "unchanged"  # "no change"
    SUSPENDED = "suspended"


class LegalRule(Struct, frozen=True, omit_defaults=True, gc=False):
    """A rate named by the law's own words; `figures` are the per cents it states, in order."""

    kind: RuleKind
    words: str
    figures: tuple[Decimal, ...] = ()


class Component(Struct, frozen=True, omit_defaults=True, gc=False):
    """One component of a duty expression.

    `amount` is per cent where `monetary_unit` is empty, else major units of that
    currency for one `unit` (code of data/tariff/units.yaml) with its
    `qualifier`, or for the goods as a whole where `unit` is empty. `of` names
    the part whose value or quantity counts ("case", "lead content"), empty for
    the goods themselves. `over` counts only what is above it ("each jewel over
    7"), `under_degrees` multiplies by the degrees of sugar below it. `rule` is
    set instead of an amount where the text names a rate without stating it.
    """

    expression_id: DutyExpressionId
    amount: Decimal | None = None
    monetary_unit: str = ""
    unit: str = ""
    qualifier: str = ""
    of: str = ""
    over: Decimal | None = None
    under_degrees: Decimal | None = None
    rule: LegalRule | None = None


class Period(Struct, frozen=True, gc=False):
    """Days of any year, both ends included, as (month, day); it may run over New Year. Printed as the law has it."""

    begins: tuple[int, int]
    ends: tuple[int, int]

    def includes(self, day: date) -> bool:
        """Whether `day` falls into it; an end on 28 February includes the 29th."""
        at = (day.month, day.day)
        ends = (2, 29) if self.ends == (2, 28) else self.ends
        if self.begins <= ends:
            return self.begins <= at <= ends
        return at >= self.begins or at <= ends


class Season(Struct, frozen=True, gc=False):
    """Components that hold in some periods of the year."""

    periods: tuple[Period, ...]
    components: tuple[Component, ...]


class DutyExpression(Struct, frozen=True, omit_defaults=True, gc=False):
    """What one rate text says: either `components` or `seasons`; neither where the text is empty (no rate stated)."""

    components: tuple[Component, ...] = ()
    seasons: tuple[Season, ...] = ()

    def rules(self) -> tuple[LegalRule, ...]:
        """The named legal rules it rests on; empty where every figure is stated."""
        every = (*self.components, *(each for season in self.seasons for each in season.components))
        return tuple(each.rule for each in every if each.rule is not None)


def canonical(expression: DutyExpression) -> DutyExpression:
    """The same duty with plus, minus and maximum numbered in order (04 19 20; 02 36; 17 35), as `parse` numbers them."""
    return DutyExpression(
        components=_numbered(expression.components),
        seasons=tuple(replace(season, components=_numbered(season.components)) for season in expression.seasons),
    )


def _numbered(components: tuple[Component, ...]) -> tuple[Component, ...]:
    used = {PLUSES: 0, MINUSES: 0, MAXIMA: 0}
    numbered = []
    for component in components:
        family = next((each for each in used if component.expression_id in each), None)
        if family is not None:
            wanted = family[min(used[family], len(family) - 1)]
            used[family] += 1
            numbered.append(replace(component, expression_id=wanted))
        else:
            numbered.append(component)
    return tuple(numbered)
