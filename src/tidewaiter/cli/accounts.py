"""`tidewaiter accounts`: what is owed, paid and given back, and the proof that it all adds up."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="accounts")

Person = Annotated[str, Parameter(help="Who does it; the name is kept.")]


@app.command
def post(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Post every decision that is not yet posted: each once, in order, whatever broke off before."""
    from tidewaiter.workflow.accounting import post_decisions

    with opened_store() as store:
        made = sum(post_decisions(store, store.accounts))
    output.print_one({"new postings": made}, output_as)
    return output.EXIT_OK


@app.command
def balances(*, party: str = "", output_as: Output = Output()) -> int:  # noqa: B008
    """List what stands on each account, by type of charge and currency; of one party by scheme and period."""
    with opened_store() as store:
        found = store.accounts.balances(by_party=bool(party))
    rows = [
        {
            "account": each.account, "party": each.party, "scheme": each.scheme, "period": each.period,
            "type": each.type_code, "amount": each.amount, "currency": each.currency, "entries": each.count,
        }
        for each in found
        if not party or each.party == party
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="balances")
    return output.EXIT_OK


@app.command
def debts(*, party: str = "", output_as: Output = Output()) -> int:  # noqa: B008
    """List what is owed and not paid, the oldest due first."""
    with opened_store() as store:
        found = store.accounts.open_debts(party)
    rows = [
        {
            "party": d.party,
            "scheme": d.scheme,
            "period": d.period,
            "owed": d.owed,
            "currency": d.currency,
            "due": d.due_on,
        }
        for d in found
    ]
    output.print_rows(rows, output_as, title="open debts")
    return output.EXIT_OK


@app.command
def statement(
    party: Annotated[str, Parameter(help="The operator.")],
    period: Annotated[str, Parameter(help="As 2026-07 or 2026-Q3.")],
    *,
    scheme: Annotated[str, Parameter(help="The account of the law.")] = "customs revenue",
    form: Annotated[Literal["json", "csv", "page"], Parameter(help="How it is written.")] = "json",
) -> int:
    """Write the statement of one party, scheme and period: JSON, CSV or a printable page."""
    from tidewaiter.revenue.statements import as_csv, as_page, statements

    with opened_store() as store:
        found = statements(party, scheme, period, store.accounts.statement(party, scheme, period))
    for each in found:
        if form == "json":
            output.print_json(each)
        else:
            output.out().print(as_csv(each) if form == "csv" else as_page(each), markup=False, soft_wrap=True)
    return output.EXIT_OK if found else output.EXIT_ERROR


@app.command
def bank(file: Annotated[Path, Parameter(help="A camt.053 file.")], *, output_as: Output = Output()) -> int:  # noqa: B008
    """Read a bank statement: each payment is matched to the oldest debts of its payer, the rest waits in suspense."""
    from tidewaiter.workflow.paying import take_statements

    body = file.read_bytes()
    with opened_store() as store:
        rows = take_statements(body, hashlib.sha256(body).digest(), store.accounts)
    output.print_rows(rows, output_as, title=file.name)
    return output.EXIT_OK


@app.command
def enter(
    reference: Annotated[str, Parameter(help="Number of the payment.")],
    amount: Annotated[str, Parameter(help="As 120.50 GBP.")],
    payer: Annotated[str, Parameter(help="The operator who paid.")],
    *,
    by: Person,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Enter a payment by hand; it counts when a second person approves it."""
    from tidewaiter.workflow.paying import draft_of

    with opened_store() as store:
        number = store.accounts.enter(draft_of(reference, amount, payer), by)
    output.print_one({"payment to approve": number}, output_as)
    return output.EXIT_OK


@app.command
def approve(number: int, *, by: Person, output_as: Output = Output()) -> int:  # noqa: B008
    """Approve a payment that another person entered, and match it."""
    from tidewaiter.workflow.paying import take_payment

    with opened_store() as store:
        row = take_payment(store.accounts.approve(number, by), store.accounts)
    output.print_one(row, output_as)
    return output.EXIT_OK


@app.command(name="reconcile")
def reconcile_(
    *,
    simulate: Annotated[
        int, Parameter(help="Post so many simulated consignments first (0: what was decided here).")
    ] = 0,
    seed: Annotated[int, Parameter(help="Which simulated consignments.")] = 7,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Prove to the cent that assessments, postings and statements come to the same."""
    if simulate:
        from tidewaiter.cli.bench import accounts as measuring

        with opened_store() as store:
            report = measuring.run(store, simulate, seed)
        if output_as.json:
            output.print_json(report)
        else:
            output.print_one(measuring.row(report), output_as, title="reconciliation")
        return output.EXIT_OK if report.reconciliation.is_exact else output.EXIT_ERROR
    from tidewaiter.workflow.accounting import reconcile_decisions

    with opened_store() as store:
        found = reconcile_decisions(store, store.accounts, store.returns.totals())
    rows = [
        {
            "of": group, "type": code, "currency": currency, "assessed": found.assessed.get((group, code, currency), 0),
            "posted": found.posted.get((group, code, currency), 0), "stated": found.stated.get((group, code, currency), 0),
        }
        for group, code, currency in sorted({*found.assessed, *found.posted, *found.stated})
    ]  # fmt: skip
    output.print_rows(rows, output_as, title=f"difference {found.difference:.2f}")
    return output.EXIT_OK if found.is_exact else output.EXIT_ERROR
