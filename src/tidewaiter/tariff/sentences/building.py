"""From the pieces a grammar finds to duty expressions: the callbacks of the two parsers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from lark import Token, Transformer, v_args
from msgspec.structs import replace

from tidewaiter.model.identifiers import CurrencyCode
from tidewaiter.tariff.sentences.errors import SentenceError
from tidewaiter.tariff.sentences.expression import (
    Component,
    DutyExpression,
    LegalRule,
    Period,
    RuleKind,
    Season,
    canonical,
)
from tidewaiter.tariff.sentences.expression import DutyExpressionId as Id
from tidewaiter.tariff.sentences.rules import rule_of
from tidewaiter.tariff.sentences.units import Unit, unit_table

CENTS = Decimal("0.01")
LAST_DAY = 31
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SYMBOLS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY"}
OPERATIONS = {"PLUS": Id.PLUS, "MINUS": Id.MINUS, "MINIMUM": Id.MINIMUM, "MAXIMUM": Id.MAXIMUM}
MEURSING = {"E": (Id.AGRICULTURAL, Id.AGRICULTURAL_REDUCED), "S": (Id.SUGAR, Id.SUGAR_REDUCED), "F": (Id.FLOUR, Id.FLOUR_REDUCED)}  # fmt: skip


class Per(NamedTuple):
    """What an amount is for: a unit, perhaps of a part of the goods, above a number, or for each degree below one."""

    unit: Unit
    of: str = ""
    over: Decimal | None = None
    under_degrees: Decimal | None = None


@v_args(inline=True)
class Builder(Transformer[Token, DutyExpression]):
    """What both styles share."""

    style = ""

    def start(self, found: DutyExpression) -> DutyExpression:
        """The whole text."""
        return canonical(found)

    def nothing(self) -> DutyExpression:
        """An empty text states no rate."""
        return DutyExpression()

    def expression(self, first: Component, *more: Component) -> DutyExpression:
        """Components in order."""
        return DutyExpression(components=(first, *more))

    def more(self, operation: Token, component: Component) -> Component:
        """A component that is added, taken off, or a limit; a Meursing component bears its own id."""
        if component.expression_id in (Id.RATE, Id.NIHIL):
            return replace(component, expression_id=OPERATIONS[operation.type])
        return component

    def percent(self, number: Token, *_: Token) -> Component:
        """Per cent of the value."""
        return Component(Id.RATE, number_of(number))

    def percent_of_unit(self, number: Token, _: Token, unit: Token) -> Component:
        """Per cent of something that is measured in money, such as the retail price."""
        found = self.unit(unit)
        return Component(Id.RATE, number_of(number), unit=found.unit, qualifier=found.qualifier)

    def nihil(self, *_: Token) -> Component:
        """Free."""
        return Component(Id.NIHIL)

    def rule(self, words: Token) -> Component:
        """A rate named by the law's own words."""
        return Component(Id.RATE, rule=rule_of(str(words)))

    def unit(self, text: Token) -> Unit:
        """The unit that a text spells."""
        return unit_table().spelled(str(text), self.style)


@v_args(inline=True)
class TaricBuilder(Builder):
    """The EU's and the UK's manner."""

    style = "taric"

    def unit_only(self, unit: Token) -> DutyExpression:
        """A supplementary unit: nothing is charged, the quantity must be declared."""
        found = self.unit(unit)
        component = Component(Id.SUPPLEMENTARY_UNIT, unit=found.unit, qualifier=found.qualifier)
        return DutyExpression(components=(component,))

    def seasons(self, *seasons: Season) -> DutyExpression:
        """Rates of several parts of the year; one without a period is the rate of all of it, or of the rest."""
        if len(seasons) == 1 and not seasons[0].periods:
            return DutyExpression(components=seasons[0].components)
        return DutyExpression(seasons=seasons)

    def season(self, expression: DutyExpression, periods: tuple[Period, ...] = ()) -> Season:
        """Components with the periods they hold in."""
        return Season(periods, expression.components)

    def periods(self, *periods: Period) -> tuple[Period, ...]:
        """The periods of one season."""
        return periods

    def period(self, *tokens: Token) -> Period:
        """From one day of the year to another; "1-31 DEC" has one month for both."""
        days = [token for token in tokens if token.type == "DAY"]
        months = [token for token in tokens if token.type == "MONTH"]
        begins, ends = _month(months[0]), _month(months[-1])
        return Period((begins, _day(days[0])), (ends, _day(days[1])))

    def meursing(self, token: Token) -> Component:
        """An agricultural, sugar or flour component: looked up by additional code."""
        text = re.sub(r"[\s/()]", "", str(token)).upper()
        letter = "E" if text[0] in "EA" and not text.startswith("AD") else text[2] if text.startswith("AD") else text[0]
        whole, reduced = MEURSING[letter]
        return Component(reduced if text.endswith(("R", "REDUCED")) else whole)

    def amount(self, number: Token, currency: Token, unit: Token | None = None) -> Component:
        """Money for each unit, or for the goods as a whole."""
        return self._money(number_of(number), currency, unit)

    def amount_after(self, currency: Token, number: Token, unit: Token | None = None) -> Component:
        """The same with the currency in front."""
        return self._money(number_of(number), currency, unit)

    def _money(self, amount: Decimal, currency: Token, text: Token | None) -> Component:
        code = SYMBOLS.get(str(currency), str(currency).upper())
        if CurrencyCode.shape_problem(code):
            raise SentenceError(
                f"{code} is no currency",
                hint="ISO 4217: EUR, GBP",
                line=currency.line or 1,
                column=currency.column or 1,
            )
        unit = self.unit(text) if text is not None else None
        return Component(
            Id.RATE, amount, code, unit=unit.unit if unit else "", qualifier=unit.qualifier if unit else ""
        )


@v_args(inline=True)
class UsBuilder(Builder):
    """The manner of the Harmonized Tariff Schedule."""

    style = "us"

    def first(self, component: Component) -> Component:
        """The component that a text begins with."""
        return component

    def more_rule(self, operation: Token, words: Token) -> Component:
        """A rate named in words beside one that is stated."""
        return Component(OPERATIONS[operation.type], rule=rule_of(str(words)))

    def cap(self, words: Token) -> Component:
        """A limit that stands in another provision."""
        text = " ".join(str(words).lstrip(", ").split())
        return Component(Id.MAXIMUM, rule=LegalRule(RuleKind.CAP_ELSEWHERE, text))

    def percent_of(self, number: Token, _: Token, part: Token) -> Component:
        """Per cent of the value of a part."""
        return Component(Id.RATE, number_of(number), of=_part(part))

    def dollars(self, _: Token, number: Token) -> Decimal:
        """Dollars."""
        return number_of(number)

    def dollars_after(self, number: Token) -> Decimal:
        """Dollars, with the currency behind."""
        return number_of(number)

    def cents(self, number: Token) -> Decimal:
        """Cents, as dollars."""
        return number_of(number) * CENTS

    def amount(self, money: Decimal, per: Per | None = None) -> Component:
        """Dollars for each unit, or for the goods as a whole."""
        if per is None:
            return Component(Id.RATE, money, "USD")
        return Component(
            Id.RATE, money, "USD", per.unit.unit, per.unit.qualifier, per.of, per.over, per.under_degrees
        )  # fmt: skip

    def per_unit(self, unit: Token, over: Decimal | None = None) -> Per:
        """For each unit, or each above a number."""
        return Per(self.unit(unit), over=over)

    def per_unit_of(self, unit: Token, part: Token) -> Per:
        """For each unit of a part of the goods."""
        return Per(self.unit(unit), of=_part(part))

    def per_degree(self, unit: Token, degrees: Token) -> Per:
        """For each unit and each degree of polarisation below a number."""
        return Per(self.unit(unit), under_degrees=number_of(degrees))

    def each(self, _: Token) -> Per:
        """For each article."""
        return Per(unit_table().units["NAR"])

    def over(self, number: Token) -> Decimal:
        """The number above which units count."""
        return number_of(number)


def number_of(token: Token) -> Decimal:
    """The number a token writes: 1,024.00, .5 or, with a decimal comma, 7,5."""
    text = str(token)
    if re.fullmatch(r"\d+,\d{1,2}", text):
        text = text.replace(",", ".")
    return Decimal(text.replace(",", ""))


def _part(token: Token) -> str:
    words = " ".join(str(token).split())
    return re.sub(r"^(?:on|of|upon)\s+(?:the\s+)?(?:value\s+of\s+(?:the\s+)?)?", "", words, flags=re.IGNORECASE)


def _month(token: Token) -> int:
    return MONTHS.index(str(token)[:3].upper()) + 1


def _day(token: Token) -> int:
    day = int(token)
    if not 1 <= day <= LAST_DAY:  # "31 APR" has been published: it is read as printed, and compares as meant
        raise SentenceError(
            f"{day} is no day of a month", hint="days of the year as 1 JAN", line=token.line or 1,
            column=token.column or 1,
        )  # fmt: skip
    return day
