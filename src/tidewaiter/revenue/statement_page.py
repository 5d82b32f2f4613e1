"""A statement as one printable page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from html import escape

from tidewaiter.revenue.postings import shown
from tidewaiter.revenue.statements import MOVEMENTS, Line, Statement

STYLE = (
    "body{font:14px system-ui;margin:2em}table{border-collapse:collapse;width:100%;margin:1em 0}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:right}"
    "th:nth-child(-n+4),td:nth-child(-n+4){text-align:left}.sums td:first-child{text-align:left}"
    "thead{display:table-header-group}tr{break-inside:avoid}@page{margin:15mm}"
)


def as_page(statement: Statement, of: Iterable[Line]) -> Iterator[str]:
    """The page, piece by piece: sums by kind of movement, what was charged by type and rate, every posting."""
    title = f"{'Return' if statement.is_return else 'Statement'} {statement.number}"
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(statement.party)}, "
        f"{escape(statement.scheme)}, {escape(statement.period)}, issued on {statement.issued_on or 'no day yet'}. {escape(_asked(statement))}</p>"
    )
    yield '<table class="sums"><tbody>'
    yield _sum("Opening balance", statement.opening, statement)
    for name in MOVEMENTS:
        if name in statement.movements:
            yield _sum(name.capitalize(), statement.movements[name], statement)
    yield _sum("Closing balance", statement.closing, statement)
    yield "</tbody></table><table><thead><tr><th>Period</th><th>Type</th><th>Rate</th><th></th><th>Base</th>"
    yield f"<th>Charged {escape(statement.currency)}</th></tr></thead><tbody>"
    for part in statement.parts:
        mark = "correction" if part.period != statement.period else ""
        yield (
            f"<tr><td>{escape(part.period)}</td><td>{escape(part.type_code)}</td><td>{escape(part.words)}</td>"
            f"<td>{mark}</td><td>{_figure(part.base) if part.rate else ''}</td><td>{_figure(part.amount)}</td></tr>"
        )
    yield "</tbody></table><table><thead><tr><th>Day</th><th>What</th><th>About</th><th>Period</th>"
    yield f"<th>Amount {escape(statement.currency)}</th></tr></thead><tbody>"
    for line in of:
        yield (
            f"<tr><td>{line.booked_on}</td><td>{escape(line.kind.capitalize())}</td><td>{escape(line.subject)}</td>"
            f"<td>{escape(line.period)}</td><td>{_figure(line.amount)}</td></tr>"
        )
    yield "</tbody></table></body></html>\n"


def _asked(statement: Statement) -> str:
    """What the party is to do, in words."""
    amount = f"{_figure(abs(statement.closing))} {statement.currency}"
    if statement.is_return:
        return "To be returned under the scheme; nothing of it is owed here."
    if statement.closing > 0:
        by = f" by {statement.pay_by}" if statement.pay_by else ""
        return f"{amount} is to be paid{by}; name {statement.number} when you pay."
    if statement.closing < 0:
        return f"{amount} in the operator's favour: nothing is to be paid, and the next statement opens with it."
    return "Nothing is to be paid."


def _sum(words: str, amount: Decimal, statement: Statement) -> str:
    return f"<tr><td>{words}</td><td>{_figure(amount)} {escape(statement.currency)}</td></tr>"


def _figure(amount: Decimal) -> str:
    return f"{shown(amount):,f}"
