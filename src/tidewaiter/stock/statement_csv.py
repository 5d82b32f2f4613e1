"""Statements and movements of stock as CSV, for whoever works on with them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from tidewaiter.stock.account import Movement
from tidewaiter.stock.facts import INS, OUTS, Kind
from tidewaiter.stock.statements import Figures, LotStatement, Statement

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would work out instead of showing
MOVEMENT_COLUMNS: Final = (
    "effective_at", "recorded_at", "kind", "lot", "goods", "quantity", "balance", "value", "suspended", "currency",
    "document", "source",
)  # fmt: skip
STATEMENT_COLUMNS: Final = (
    "lot", "goods", "description", "unit", "entry_document", "line", "quantity", "value", "suspended", "currency",
)  # fmt: skip


def statement_csv(statement: Statement) -> str:
    """The statement, a line for opening, each kind of movement and closing; what left has a minus."""
    rows = (row for lot in statement.lots for row in _lot_rows(lot))
    return _written(STATEMENT_COLUMNS, rows)


def movements_csv(movements: Iterable[Movement]) -> str:
    """Movements in the order they took effect."""
    rows = (
        (
            each.effective_at.isoformat(), each.recorded_at.isoformat(), each.kind.value, each.lot_id, each.goods_id,
            plain(each.quantity), plain(each.balance), plain(each.value.amount), plain(each.suspended.amount),
            each.value.currency, each.document, each.source,
        )
        for each in movements
    )  # fmt: skip
    return _written(MOVEMENT_COLUMNS, rows)


def plain(number: Decimal) -> str:
    """A number as text, without noughts behind the point that say nothing."""
    return f"{number.normalize():f}" if number else "0"


def _lot_rows(lot: LotStatement) -> Iterator[Sequence[str]]:
    yield _row(lot, "opening", lot.opening, 1)
    for kind in Kind:
        if kind in lot.by_kind:
            yield _row(lot, kind.value, lot.by_kind[kind], 1 if kind in INS else -1 if kind in OUTS else 0)
    yield _row(lot, "closing", lot.closing, 1)


def _row(lot: LotStatement, line: str, figures: Figures, sign: int) -> Sequence[str]:
    return (
        lot.lot_id, lot.goods_id, lot.description, lot.unit, lot.entry_document, line, plain(figures.quantity * sign),
        plain(figures.value.amount * sign), plain(figures.suspended.amount * sign), figures.value.currency,
    )  # fmt: skip


def _written(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_shown(value) for value in row] for row in rows)
    return target.getvalue()


def _shown(value: str) -> str:
    is_number = value[:1] == "-" and value[1:].replace(".", "", 1).isdigit()
    return f"'{value}" if value.startswith(FORMULA) and not is_number else value
