"""`tidewaiter accounts`: payments, by file or by hand; what waits for a second person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.accounts.booking import PARTY, SCHEME, catch_up
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import shown
from tidewaiter.store.proposals import Proposal
from tidewaiter.workflow.paying import Taken

Person = Annotated[str, Parameter(help="Who does it; the name is kept.")]
LARGEST_FILE = 64 * 1024 * 1024


def bank(
    file: Annotated[Path, Parameter(help="A camt.053 file, of any version.")],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Read a bank statement and book its payments; the same statement or payment twice counts once.

    A payment that names a declaration (MRN) or a statement (TWS-…) pays that, any other the oldest debts of its payer.
    What is left waits in suspense. Holds of what is now paid are lifted.
    """
    from tidewaiter.store.accounts import MATCHING
    from tidewaiter.workflow.paying import take_statements

    body = file.read_bytes()
    with opened_store() as store:
        catch_up(store)
        taken = take_statements(body, hashlib.sha256(body).digest(), store.accounts, MATCHING)
        catch_up(store)
    output.print_rows(taken_rows(taken), output_as, title=file.name)
    return output.EXIT_OK


def enter(
    reference: Annotated[str, Parameter(help="The bank's number of the payment.")],
    amount: Annotated[str, Parameter(help='As "120.50 GBP".')],
    payer: Annotated[str, Parameter(help="The operator who paid.")],
    *,
    by: Person,
    for_: Annotated[str, Parameter(name="--for", help="The MRN or statement number that it pays.")] = "",
    on: Annotated[date | None, Parameter(help="The day it came in; today if not given.")] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Enter a payment by hand; it counts when a second person approves it."""
    from tidewaiter.workflow.paying import draft_of

    draft = draft_of(reference, amount, payer, on or datetime.now(UTC).date(), remittance=for_)
    with opened_store() as store:
        number = store.accounts.proposals.enter("payment", draft.reference, draft, by)
    output.print_one({"to approve": number}, output_as)
    return output.EXIT_OK


def suspense(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List money that no debt was found for: overpaid, in another currency, from an unknown payer."""
    with opened_store() as store:
        found = store.accounts.suspense()
    rows = [
        {
            "payment": each.period.removeprefix("payment:"), "payer": each.party, "amount": shown(each.amount),
            "currency": each.currency,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="in suspense")
    return output.EXIT_OK


def allocate(
    payment: Annotated[str, Parameter(help="The payment's reference, as in `accounts suspense`.")],
    amount: Annotated[str, Parameter(help='As "120.50 GBP".')],
    party: Annotated[str, PARTY],
    scheme: Annotated[str, SCHEME],
    period: Annotated[str, Parameter(help="As 2026-07 or 2026-Q3.")],
    *,
    by: Person,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Say which debt money in suspense belongs to; it counts when a second person approves it."""
    from tidewaiter.workflow.paying import allocation_of, draft_of, open_debt

    given = draft_of(payment, amount, party, datetime.now(UTC).date())
    with opened_store() as store:
        debt = open_debt(party, scheme, period, given.currency, store.accounts)
        content = allocation_of(payment, debt, given.amount, store.accounts)
        number = store.accounts.proposals.enter("allocation", payment, content, by)
    output.print_one({"to approve": number}, output_as)
    return output.EXIT_OK


def waiting(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List what waits for a second person: payments, allocations, guarantees."""
    with opened_store() as store:
        found = store.accounts.proposals.waiting()
    output.print_rows([proposal_row(each) for each in found], output_as, title="waiting for a second person")
    return output.EXIT_OK


def approve(
    number: Annotated[int, Parameter(help="As in `accounts waiting`.")],
    *,
    by: Person,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Approve what another person entered: a payment is booked, a guarantee stands from now on."""
    from tidewaiter.store.accounts import MATCHING
    from tidewaiter.workflow import paying

    with opened_store() as store:
        if store.accounts.proposals.one(number).kind == "guarantee":
            grant = store.accounts.guarantees.approve(number, by)
            row: dict[str, Any] = {
                "guarantee": grant.guarantee_id,
                "limit": shown(grant.limit),
                "currency": grant.currency,
            }
        else:
            (row,) = taken_rows([paying.approve(number, by, store.accounts, MATCHING)])
        catch_up(store)
    output.print_one(row, output_as)
    return output.EXIT_OK


def refuse(
    number: Annotated[int, Parameter(help="As in `accounts waiting`.")],
    *,
    by: Person,
    words: Annotated[str, Parameter(help="Why.")],
) -> int:
    """Refuse what was entered; whoever entered it takes it back so."""
    with opened_store() as store:
        store.accounts.proposals.refuse(number, by, words)
    output.out().print(f"{number} is refused", markup=False)
    return output.EXIT_OK


def taken_rows(taken: Sequence[Taken]) -> list[dict[str, Any]]:
    """What became of payments, as rows."""
    return [
        {
            "payment": each.payment, "payer": each.payer, "amount": shown(each.amount), "currency": each.currency,
            "matched": shown(each.matched), "in suspense": shown(each.suspense), "how": each.words,
        }
        for each in taken
    ]  # fmt: skip


def proposal_row(proposal: Proposal) -> dict[str, Any]:
    """What waits for a second person, as a row."""
    content = proposal.content
    amount = content.limit if isinstance(content, Grant) else content.amount
    party = content.payer if isinstance(content, Draft) else content.party
    return {
        "number": proposal.proposal_id, "what": proposal.kind, "reference": proposal.reference, "party": party,
        "amount": shown(amount), "currency": content.currency, "entered by": proposal.entered_by,
        "at": proposal.entered_at.isoformat(" ", "minutes"),
    }  # fmt: skip
