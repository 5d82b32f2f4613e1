"""Writing duty expressions back as a tariff does: `parse(write(x, style), style) == x`."""

from __future__ import annotations

from decimal import Decimal

from tidewaiter.tariff.sentences.building import MONTHS
from tidewaiter.tariff.sentences.errors import SentenceError
from tidewaiter.tariff.sentences.expression import MAXIMA, MINUSES, Component, DutyExpression, Period, RuleKind
from tidewaiter.tariff.sentences.expression import DutyExpressionId as Id
from tidewaiter.tariff.sentences.reading import Style
from tidewaiter.tariff.sentences.units import unit_table

DOLLAR = Decimal(1)
MEURSING = {
    Id.AGRICULTURAL: "EA", Id.AGRICULTURAL_REDUCED: "EA R", Id.SUGAR: "ADSZ", Id.SUGAR_REDUCED: "ADSZ R",
    Id.FLOUR: "ADFM", Id.FLOUR_REDUCED: "ADFM R",
}  # fmt: skip
WORDS = {
    Style.TARIC: {"plus": "+", "minus": "-", "minimum": "MIN", "maximum": "MAX"},
    Style.US: {"plus": "+", "minus": "less", "minimum": "but not less than", "maximum": "but not more than"},
}


def write(expression: DutyExpression, style: Style) -> str:
    """The text of an expression; "" where it states no rate. Raises SentenceError where the style has no words for it."""
    if expression.seasons:
        if style is Style.US:
            raise SentenceError("the US style has no seasons", hint="write it in TARIC's style")
        return ", ".join(
            _components(season.components, style)
            + (f" ({', '.join(map(_period, season.periods))})" if season.periods else "")
            for season in expression.seasons
        )
    return _components(expression.components, style)


def _components(components: tuple[Component, ...], style: Style) -> str:
    words = []
    for place, component in enumerate(components):
        joint = _joint(component, style) if place else ""
        text = _component(component, style)
        words.append(f"{joint} {text}" if joint else text)
    return " ".join(words).replace(" ,", ",")


def _joint(component: Component, style: Style) -> str:
    words = WORDS[style]
    if component.rule is not None and component.rule.kind is RuleKind.CAP_ELSEWHERE:
        return ","
    if component.expression_id in MINUSES:
        return words["minus"]
    if component.expression_id is Id.MINIMUM:
        return words["minimum"]
    if component.expression_id in MAXIMA:
        return words["maximum"]
    return words["plus"]


def _component(component: Component, style: Style) -> str:
    if component.rule is not None:
        return component.rule.words
    if component.expression_id in MEURSING:
        if style is Style.US:
            raise SentenceError("the US style has no agricultural components", hint="write it in TARIC's style")
        return MEURSING[component.expression_id]
    if component.expression_id is Id.SUPPLEMENTARY_UNIT:
        return _unit(component, style)
    if component.amount is None:
        return "NIHIL" if style is Style.TARIC else "Free"
    return _taric(component) if style is Style.TARIC else _us(component)


def _taric(component: Component) -> str:
    if component.of or component.over is not None or component.under_degrees is not None:
        raise SentenceError("TARIC's style has no words for a part of the goods", hint="write it in the US style")
    if not component.monetary_unit:
        return f"{component.amount:f} %" + (f" / {_unit(component, Style.TARIC)}" if component.unit else "")
    text = f"{component.amount:f} {component.monetary_unit}"
    return f"{text} / {_unit(component, Style.TARIC)}" if component.unit else text


def _us(component: Component) -> str:
    assert component.amount is not None
    of = f" on the {component.of}" if component.of else ""
    if not component.monetary_unit:
        return f"{component.amount:f}%" + (f" of the {_unit(component, Style.US)}" if component.unit else of)
    if component.monetary_unit != "USD":
        raise SentenceError(
            f"the US style has dollars, not {component.monetary_unit}", hint="write it in TARIC's style"
        )
    cents = component.amount * 100
    money = f"${component.amount:f}" if component.amount >= DOLLAR else f"{_plain(cents)} cents"
    if not component.unit:
        return money
    if component.unit + component.qualifier == "NAR" and component.over is None and not of:
        return f"{money} each"
    text = f"{money}/{_unit(component, Style.US)}{of}"
    if component.over is not None:
        text += f" over {component.over:f}"
    if component.under_degrees is not None:
        text += f" for each degree under {component.under_degrees:f} degrees"
    return text


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit(component: Component, style: Style) -> str:
    unit = unit_table().units[component.unit + component.qualifier]
    texts = unit.texts[style]
    if not texts:
        raise SentenceError(
            f"the {style} style has no spelling of {unit.code}", hint="add one to data/tariff/units.yaml"
        )
    return texts[0].replace(" .", ".").replace(" / ", "/")


def _period(period: Period) -> str:
    (first_month, first), (last_month, last) = period.begins, period.ends
    return f"{first} {MONTHS[first_month - 1]}-{last} {MONTHS[last_month - 1]}"
