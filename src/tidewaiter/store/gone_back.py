"""What went back of imports, by the decisions that gave something back for it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import psycopg

from tidewaiter.revenue.giving_back import GivenBack
from tidewaiter.revenue.returns import RefundDecision
from tidewaiter.workflow.return_records import Earlier


def earlier_of(connection: psycopg.Connection, declaration_id: int, only: Sequence[int] | None = None) -> Earlier:
    """What was given back on an import; with `only`, by the decisions of these numbers."""
    rows = connection.execute(
        "SELECT decision_no, decision FROM return_decision WHERE declaration_id = %s AND is_giving"
        " AND (%s::bigint[] IS NULL OR decision_no = ANY (%s)) ORDER BY decision_no",
        [declaration_id, None if only is None else list(only), None if only is None else list(only)],
    ).fetchall()
    lines: list[GivenBack] = []
    quantities: dict[int, Decimal] = {}
    for _, content in rows:
        decision = msgspec.json.decode(content, type=RefundDecision)
        lines += decision.lines
        for each in decision.quantities:
            quantities[each.line_no] = quantities.get(each.line_no, Decimal(0)) + each.quantity
    return Earlier(decisions=tuple(row[0] for row in rows), lines=tuple(lines), quantities=quantities)
