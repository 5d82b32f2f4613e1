"""Duty expressions from rows of TARIC's model, as the tariffs' APIs give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tidewaiter.tariff.sentences.errors import SentenceError
from tidewaiter.tariff.sentences.expression import Component, DutyExpression, DutyExpressionId
from tidewaiter.tariff.sentences.units import unit_table


def from_components(rows: Iterable[Mapping[str, Any]]) -> DutyExpression:
    """The expression of rows with duty_expression_id, duty_amount, monetary_unit_code, measurement_unit_code and
    measurement_unit_qualifier_code, in their order. Raises SentenceError for an id or unit that is not known."""
    return DutyExpression(components=tuple(_component(row) for row in rows))


def _component(row: Mapping[str, Any]) -> Component:
    code = str(row.get("duty_expression_id") or "")
    if code not in set(DutyExpressionId):
        raise SentenceError(f"duty expression {code!r} is not known", hint=f"known: {', '.join(DutyExpressionId)}")
    unit = str(row.get("measurement_unit_code") or "")
    qualifier = str(row.get("measurement_unit_qualifier_code") or "")
    if unit and unit + qualifier not in unit_table().units:
        raise SentenceError(f"measurement unit {unit} {qualifier} is not known", hint="see data/tariff/units.yaml")
    amount = row.get("duty_amount")
    try:
        number = None if amount is None else Decimal(str(amount))
    except InvalidOperation:
        raise SentenceError(f"{amount!r} is no amount") from None
    return Component(DutyExpressionId(code), number, str(row.get("monetary_unit_code") or ""), unit, qualifier)
