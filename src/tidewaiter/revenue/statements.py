"""Periodic statements and returns: what one party owes under one scheme for one period, from its postings alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from html import escape

from msgspec import Struct

from tidewaiter.revenue.postings import Account, Posting

ZERO = Decimal(0)
OWED = (Account.RECEIVABLE, Account.AT_SALE)
CHARGED = (Account.REVENUE, Account.AT_SALE_REVENUE)


class StatementLine(Struct, frozen=True, kw_only=True):
    """One posting as the party sees it; `amount` is what it adds to what the party owes."""

    booked_on: date
    kind: str
    subject: str
    amount: Decimal
    amounts: dict[str, Decimal]  # charged by type, above zero


class Statement(Struct, frozen=True, kw_only=True):
    """A statement of account, or the return of a scheme: lines, totals by type of charge, what is due and when."""

    number: str
    party: str
    scheme: str
    period: str
    currency: str
    lines: tuple[StatementLine, ...]
    totals: dict[str, Decimal]
    charged: Decimal
    paid: Decimal
    balance: Decimal
    due: date | None


def statements(party: str, scheme: str, period: str, postings: Sequence[Posting]) -> tuple[Statement, ...]:
    """One statement for each currency of the postings of a party, scheme and period."""
    currencies = sorted({entry.currency for posting in postings for entry in posting.entries})
    return tuple(_statement((party, scheme, period), postings, currency) for currency in currencies)


def _statement(whose: tuple[str, str, str], postings: Sequence[Posting], currency: str) -> Statement:
    party, scheme, period = whose
    lines = [line for posting in postings if (line := _line(posting, currency)) is not None]
    totals: dict[str, Decimal] = {}
    for line in lines:
        for code, amount in line.amounts.items():
            totals[code] = totals.get(code, ZERO) + amount
    balance = sum((line.amount for line in lines), ZERO)
    charged = sum(totals.values(), ZERO)
    dues = [posting.due for posting in postings if posting.due is not None]
    return Statement(
        number=f"TWS-{period}-{scheme}-{party}-{currency}".upper().replace(" ", "-"),
        party=party,
        scheme=scheme,
        period=period,
        currency=currency,
        lines=tuple(lines),
        totals=totals,
        charged=charged,
        paid=charged - balance,
        balance=balance,
        due=max(dues) if dues else None,
    )


def _line(posting: Posting, currency: str) -> StatementLine | None:
    mine = [entry for entry in posting.entries if entry.currency == currency]
    owed = sum((entry.amount for entry in mine if entry.account in OWED), ZERO)
    amounts: dict[str, Decimal] = {}
    for entry in mine:
        if entry.account in CHARGED:
            amounts[entry.type_code] = amounts.get(entry.type_code, ZERO) - entry.amount
    refund = sum((entry.amount for entry in mine if entry.account is Account.REFUND), ZERO)
    if not owed and not amounts and not refund:
        return None
    return StatementLine(
        booked_on=posting.booked_on, kind=posting.kind, subject=posting.subject, amount=owed + refund, amounts=amounts
    )


def as_csv(statement: Statement) -> str:
    """The lines of a statement as CSV, its totals at the end."""
    types = sorted(statement.totals)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["booked_on", "kind", "subject", *types, "amount", "currency"])
    for line in statement.lines:
        row = [line.booked_on.isoformat(), line.kind, line.subject]
        writer.writerow([*row, *(line.amounts.get(code, ZERO) for code in types), line.amount, statement.currency])
    writer.writerow(
        ["", "total", "", *(statement.totals[code] for code in types), statement.balance, statement.currency]
    )
    return out.getvalue()


def as_page(statement: Statement) -> str:
    """The statement as one printable page of HTML that needs nothing else."""
    types = sorted(statement.totals)
    head = "".join(f"<th>{escape(code)}</th>" for code in types)
    rows = "".join(
        f"<tr><td>{line.booked_on}</td><td>{escape(line.kind)}</td><td>{escape(line.subject)}</td>"
        + "".join(f"<td>{line.amounts.get(code, ZERO):,f}</td>" for code in types)
        + f"<td>{line.amount:,f}</td></tr>"
        for line in statement.lines
    )
    foot = "".join(f"<td>{statement.totals[code]:,f}</td>" for code in types)
    due = f"Due on {statement.due}." if statement.due else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Statement '
        f"{escape(statement.number)}</title><style>body{{font:14px system-ui;margin:2em}}table{{border-collapse:collapse;"
        "width:100%}th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:right}th:nth-child(-n+3),"
        "td:nth-child(-n+3){text-align:left}@page{margin:15mm}</style></head><body>"
        f"<h1>Statement {escape(statement.number)}</h1><p>{escape(statement.party)}, {escape(statement.scheme)}, "
        f"{escape(statement.period)}. {due}</p><table><thead><tr><th>Day</th><th>What</th><th>About</th>{head}"
        f"<th>Amount {escape(statement.currency)}</th></tr></thead><tbody>{rows}</tbody><tfoot><tr><td></td><td>Total</td>"
        f"<td></td>{foot}<td>{statement.balance:,f}</td></tr></tfoot></table><p>Charged {statement.charged:,f}, paid or "
        f"refunded {statement.paid:,f}, balance {statement.balance:,f} {escape(statement.currency)}.</p></body></html>"
    )
