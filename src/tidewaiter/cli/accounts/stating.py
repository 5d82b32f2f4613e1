"""`tidewaiter accounts`: periodic statements and the returns of schemes."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.accounts.booking import PARTY, SCHEME, catch_up
from tidewaiter.cli.accounts.paying import Person
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.postings import shown
from tidewaiter.revenue.statements import NUMBER_PREFIX, Overtaken, Statement

Form = Annotated[Literal["json", "csv", "page"], Parameter(help="How it is written; a page can be printed.")]
_PERIOD = re.compile(r"\d{4}(-(0[1-9]|1[0-2])|-Q[1-4])?", re.ASCII)
PERIOD = Parameter(help="As 2026-07, 2026-Q3 or 2026.")


def issue(
    period: Annotated[str, PERIOD],
    *,
    party: Annotated[str, PARTY] = "",
    scheme: Annotated[str, SCHEME] = "",
    on: Annotated[date | None, Parameter(help="The day of issue; today if not given.")] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Issue the statements of a period, each with a running number; one that was issued stays as it is.

    What is booked afterwards, for this period or an earlier one, stands in the next statement. An account that has a
    statement of a later period gets none of this one: it is named, with the reason, and the exit is 3.
    """
    if not _PERIOD.fullmatch(period):
        raise UsageError(
            f"{period[:40]!r} is no period", hint="write a month 2026-07, a quarter 2026-Q3 or a year 2026"
        )
    with opened_store() as store:
        catch_up(store)
        day = on or datetime.now(UTC).date()
        cut = store.accounts.last_posting()
        issued = list(store.accounts.statements.issue(period, cut, day, party=party, scheme=scheme))
    output.print_rows(
        [_row(each) for each in issued if isinstance(each, Statement)], output_as, title=f"statements of {period}"
    )
    overtaken = [each for each in issued if isinstance(each, Overtaken)]
    for each in overtaken:
        output.say("not issued", each.detail, hint=each.hint, place=each.place, code=each.code)
    return output.EXIT_FINDINGS if overtaken else output.EXIT_OK


def statements(
    *,
    party: Annotated[str, PARTY] = "",
    scheme: Annotated[str, SCHEME] = "",
    period: Annotated[str, PERIOD] = "",
    limit: Annotated[int, Parameter(help="At most so many, the newest first.")] = 200,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List the statements that were issued."""
    with opened_store() as store:
        found = store.accounts.statements.find(
            parties=[party] if party else None, scheme=scheme, period=period, limit=limit
        )
    output.print_rows([_row(each) for each in found], output_as, title="statements")
    return output.EXIT_OK


def statement(number: Annotated[str, Parameter(help="As TWS-00000042.")], *, form: Form = "json") -> int:
    """Write one statement with its lines: JSON, CSV or a page to print."""
    from tidewaiter.revenue.statement_page import as_page
    from tidewaiter.revenue.statements import as_csv, lines

    with opened_store() as store:
        found = store.accounts.statements.one(statement_no(number))
        with store.accounts.statements.rows_of(found) as rows:
            if form == "json":
                output.print_json({"statement": found, "lines": list(lines(rows))})
            else:
                write = as_csv if form == "csv" else as_page
                sys.stdout.writelines(write(found, lines(rows)))
    return output.EXIT_OK


def return_(
    party: Annotated[str, PARTY],
    account: Annotated[str, Parameter(help="The scheme, without a jurisdiction: IOSS, VOEC.")],
    period: Annotated[str, PERIOD],
    *,
    form: Annotated[Literal["json", "csv", "table"], Parameter(help="How it is written.")] = "table",
) -> int:
    """Write what an operator has to return to a scheme for a period: by jurisdiction, type, rate, and period corrected.

    It is made of the statements issued for the period (`accounts issue`), one for each jurisdiction.
    """
    from tidewaiter.revenue.statements import parts_as_csv

    with opened_store() as store:
        issued = store.accounts.statements.find(parties=[party], period=period)
    found = [each for each in issued if each.scheme.partition(" ")[2] == account]
    if not found:
        raise NotFoundError(
            f"no statement of {account} was issued to {party} for {period}",
            hint=f"tidewaiter accounts issue {period}",
        )
    found.sort(key=lambda each: each.scheme)
    if form == "csv":
        sys.stdout.writelines(parts_as_csv(found))
        return output.EXIT_OK
    rows = [
        {
            "jurisdiction": each.jurisdiction_code, "period": part.period,
            "correction": part.period != each.period, "type": part.type_code, "rate": part.rate, "base": shown(part.base),
            "amount": shown(part.amount), "currency": each.currency, "statement": each.number,
        }
        for each in found
        for part in each.parts
    ]  # fmt: skip
    output.print_rows(rows, Output(json=form == "json"), title=f"{account}, {party}, {period}")
    return output.EXIT_OK


def operator(
    sender: Annotated[str, Parameter(help="The sender's name, as in `sender list`.")],
    party: Annotated[str, PARTY],
    *,
    by: Person,
) -> int:
    """Let a sender see an operator's accounts as its own, by its API key."""
    with opened_store() as store:
        store.accounts.let_see(store.senders.by_name(sender).sender_id, party, by)
    output.out().print(f"{sender} sees the accounts of {party}", markup=False)
    return output.EXIT_OK


def statement_no(number: str) -> int:
    """The running number in "TWS-00000042". Raises NotFoundError for what is none."""
    digits = number.upper().removeprefix(NUMBER_PREFIX)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise NotFoundError(f"{number[:40]!r} is no number of a statement", hint="tidewaiter accounts statements")
    return int(digits)


def _row(each: Statement) -> dict[str, object]:
    return {
        "number": each.number, "party": each.party, "scheme": each.scheme, "period": each.period,
        "opening": shown(each.opening), "moved": shown(each.moved), "closing": shown(each.closing), "currency": each.currency,
        "pay by": each.pay_by, "issued on": each.issued_on,
    }  # fmt: skip
