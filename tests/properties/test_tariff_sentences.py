"""Any expression that can be written is read back the same; a limit limits."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.tariff.sentences import (
    Basis,
    Component,
    Duty,
    DutyExpression,
    DutyExpressionId,
    Style,
    canonical,
    evaluate,
    parse,
    write,
)
from tidewaiter.tariff.sentences.units import unit_table

AMOUNTS = st.decimals(min_value=0, max_value=9999, places=3, allow_nan=False)
PERCENT = st.builds(lambda amount: Component(DutyExpressionId.RATE, amount), AMOUNTS)
UNITS = [
    unit for unit in unit_table().units.values() if unit.texts["taric"] and not unit.code.startswith(("ASV", "RET"))
]
SPECIFIC = st.builds(
    lambda amount, unit: Component(DutyExpressionId.RATE, amount, "EUR", unit.unit, unit.qualifier),
    AMOUNTS,
    st.sampled_from(UNITS),
)
JOINTS = st.sampled_from(
    [DutyExpressionId.PLUS, DutyExpressionId.MINUS, DutyExpressionId.MINIMUM, DutyExpressionId.MAXIMUM]
)


@st.composite
def expressions(draw: st.DrawFn) -> DutyExpression:
    first = draw(PERCENT | SPECIFIC)
    more = draw(st.lists(st.tuples(JOINTS, PERCENT | SPECIFIC), max_size=4))
    rest = (Component(joint, each.amount, each.monetary_unit, each.unit, each.qualifier) for joint, each in more)
    return canonical(DutyExpression(components=(first, *rest)))


@given(expressions())
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back(expression: DutyExpression) -> None:
    assert parse(write(expression, Style.TARIC), Style.TARIC) == expression


@given(AMOUNTS, AMOUNTS, AMOUNTS)
@settings(max_examples=100, deadline=None)
def test_a_minimum_and_a_maximum_hold(percent: Decimal, low: Decimal, high: Decimal) -> None:
    low, high = sorted((low, high))
    text = f"{percent} % MIN {low} EUR / item MAX {high} EUR / item"
    found = evaluate(
        parse(text, Style.TARIC), Basis(value=Decimal(100), currency="EUR", quantities={"NAR": Decimal(1)})
    )
    assert isinstance(found, Duty)
    assert low <= found.amount <= high
