"""`tidewaiter accounts`: guarantees and deferment, what is drawn on them, interest on what is late."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.accounts.booking import PARTY, catch_up
from tidewaiter.cli.accounts.paying import Person
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.revenue.postings import shown


def grant(
    guarantee_id: Annotated[str, Parameter(help="Its number; one that stands is changed.")],
    limit: Annotated[str, Parameter(help='As "50000.00 GBP".')],
    party: Annotated[str, PARTY],
    jurisdiction: Annotated[str, Parameter(help="Whose customs it is for, as GB.")],
    *,
    by: Person,
    from_: Annotated[date, Parameter(name="--from", help="Valid from this day on.")],
    to: Annotated[date | None, Parameter(help="The last day it is valid; open if not given.")] = None,
    kind: Annotated[
        Literal["guarantee", "deferment"],
        Parameter(help="A guarantee stands for the debt; a deferment account takes it over until it is settled."),
    ] = "guarantee",
    day: Annotated[int, Parameter(help="Deferment: the day of the next month on which it is settled.")] = 0,
    scheme: Annotated[str, Parameter(help='For one account of the law only, as "customs revenue".')] = "",
    words: Annotated[str, Parameter(help="Authorisation, guarantor: what the second person must know.")] = "",
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Enter a guarantee or deferment account, or a change of one; it counts when a second person approves it."""
    from tidewaiter.workflow.granting import Wanted, grant_of

    wanted = grant_of(
        Wanted(guarantee_id=guarantee_id, kind=kind, party=party, jurisdiction=jurisdiction, limit=limit,
               valid_from=from_, valid_to=to, day=day, scheme=scheme, words=words)
    )  # fmt: skip
    with opened_store() as store:
        number = store.accounts.guarantees.enter(wanted, by)
    output.print_one({"to approve": number}, output_as)
    return output.EXIT_OK


def guarantees(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List guarantees and deferment accounts, with what is reserved, drawn and free."""
    with opened_store() as store:
        found = store.accounts.guarantees.all()
    rows = [
        {
            "guarantee": each.grant.guarantee_id, "kind": each.grant.kind, "party": each.grant.party,
            "for": f"{each.grant.jurisdiction_code} {each.grant.scheme}".strip(), "limit": shown(each.grant.limit),
            "reserved": shown(each.reserved), "drawn": shown(each.drawn), "free": shown(each.free), "currency": each.grant.currency,
            "from": each.grant.valid_from, "to": each.grant.valid_to,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="guarantees")
    return output.EXIT_OK


def draw(
    *,
    on: Annotated[date, Parameter(help="Of debts that were due before this day.")],
    party: Annotated[str, PARTY] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Draw the guarantees that stand for overdue debts: the debt is paid by them, and the guarantor owes it."""
    from tidewaiter.store.accounts import BOOKKEEPING
    from tidewaiter.workflow.securing import draw_overdue

    with opened_store() as store:
        catch_up(store)
        drawn = draw_overdue(store.accounts, on, BOOKKEEPING, party)
    rows = [
        {
            "guarantee": posting.entries[0].scheme, "about": posting.subject, "drawn": shown(posting.entries[0].amount),
            "currency": posting.entries[0].currency,
        }
        for posting in drawn
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="drawn")
    return output.EXIT_OK


def interest(
    *,
    on: Annotated[date, Parameter(help="Up to and with this day.")],
    party: Annotated[str, PARTY] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Charge interest on what is overdue, once for each debt and day, by the law's confirmed rates only.

    Each overdue debt is listed, with the reason where none is charged.
    """
    from tidewaiter.regimes import load_regime
    from tidewaiter.workflow.interest import charge_interest

    with opened_store() as store:
        catch_up(store)
        found = charge_interest(store.accounts, load_regime, on, party)
    rows = [
        {
            "party": each.party, "scheme": each.scheme, "period": each.period, "interest": shown(each.interest),
            "currency": each.currency, "from": each.since, "to": each.until, "how": each.words,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="interest")
    return output.EXIT_OK
