"""`tidewaiter accounts`: posting what was decided, and what stands on the accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.postings import shown
from tidewaiter.revenue.statements import OWED
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.bookkeeping import Bookkeeper, Caught
from tidewaiter.workflow.set_aside import SetAside

PARTY = Parameter(help="The operator, as declarations name it: its identifier, else its name.")
SCHEME = Parameter(help='The account of the law, the jurisdiction first, as in `accounts list`: "GB customs revenue".')
CURRENCY_LETTERS = 3


def catch_up(store: PostgresStore) -> Caught:
    """Post, secure and settle whatever is not yet, unless another process is at it; what was set aside is said."""
    from tidewaiter.store.accounts import BOOKKEEPING
    from tidewaiter.workflow.desk import Desk

    done = Bookkeeper(store, store.accounts, Desk(store)).catch_up(BOOKKEEPING)
    if done.set_aside:
        output.err().print(f"{done.set_aside} set aside, not in the books: tidewaiter accounts set-aside", markup=False)
    return done


def post(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Post every decision that is not yet posted, secure it, and lift the holds of what is paid.

    `tidewaiter serve` does so by itself. Each decision is posted once, in order, whatever broke off before. One that
    cannot be read or posted is set aside, and the rest goes on: exit 3.
    """
    with opened_store() as store:
        done = catch_up(store)
    output.print_one(_row(done) if done.is_ours else {"another process": "is posting"}, output_as)
    return output.EXIT_FINDINGS if done.set_aside else output.EXIT_OK


def set_aside(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List what could not be read or posted and is not in the books: each with its place, why, since when, how often tried.

    Exit 3 where there is something.
    """
    with opened_store() as store:
        found = store.accounts.set_asides.open()
    output.print_rows([set_aside_row(each) for each in found], output_as, title="set aside, not in the books")
    return output.EXIT_FINDINGS if found else output.EXIT_OK


def retry(
    subjects: Annotated[
        tuple[str, ...], Parameter(help="As in `accounts set-aside`: declaration:42; all if none.")
    ] = (),
    /,
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Try again what is set aside, once its cause is mended: it is posted as if nothing had been, and once.

    What was decided anew since is posted as it stands now. Exit 3 where something stays set aside.
    """
    from tidewaiter.store.accounts import BOOKKEEPING
    from tidewaiter.workflow.desk import Desk

    with opened_store() as store, store.accounts.alone(BOOKKEEPING):
        keeper = Bookkeeper(store, store.accounts, Desk(store))
        done = sum(keeper.rounds(), Caught())
        known = {each.subject for each in store.accounts.set_asides.open()}
        if strangers := [subject for subject in subjects if subject not in known]:
            raise NotFoundError(f"nothing of {strangers[0][:60]} is set aside", hint="tidewaiter accounts set-aside")
        done = sum(keeper.again(subjects), done)
        left = store.accounts.set_asides.open()
    output.print_one(_row(done) | {"still set aside": len(left)}, output_as)
    return output.EXIT_FINDINGS if left else output.EXIT_OK


def set_aside_row(each: SetAside) -> dict[str, object]:
    """What is set aside, as a row."""
    return {
        "subject": each.subject, "place": each.place, "code": each.code, "why": each.words, "hint": each.hint,
        "since": each.first_at.isoformat(" ", "seconds"), "tried last": each.last_at.isoformat(" ", "seconds"),
        "tried": each.tried,
    }  # fmt: skip


def _row(done: Caught) -> dict[str, int]:
    row = {"new postings": done.postings, "secured": done.secured, "holds lifted": done.lifted}
    return row | ({"set aside": done.set_aside} if done.set_aside else {})


def list_(
    *,
    party: Annotated[str, Parameter(help="Of operators whose name begins so.")] = "",
    limit: Annotated[int, Parameter(help="At most so many, the largest debt first.")] = 200,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List the accounts of operators under each scheme, with what stands on them."""
    with opened_store() as store:
        found = store.accounts.accounts(party_like=party, limit=limit)
    rows = [
        {
            "party": each.party, "scheme": each.scheme, "balance": shown(each.balance), "currency": each.currency,
            "postings": each.postings, "last moved": each.last_booked_on,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="accounts")
    return output.EXIT_OK


def entries(
    party: Annotated[str, PARTY],
    scheme: Annotated[str, SCHEME],
    *,
    limit: Annotated[int, Parameter(help="At most so many postings, the newest first.")] = 50,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List the postings of one account, the newest first: each names the decision or payment it comes from."""
    with opened_store() as store:
        known = store.accounts.accounts(parties=[party])
        currencies = [each.currency for each in known if each.scheme == scheme]
        if not currencies:
            raise _no_account(party, scheme, [each.scheme for each in known])
        postings = [
            posting
            for currency in currencies
            for posting in store.accounts.of_account((party, scheme, currency), 0, limit)
        ]
    rows = [
        {
            "booked on": posting.booked_on, "kind": posting.kind, "about": entry.about or posting.subject,
            "account": entry.account.value, "type": entry.type_code, "period": entry.period, "amount": shown(entry.amount),
            "currency": entry.currency,
            "due": (entry.due or posting.due) if entry.account in OWED and entry.amount > 0 else None,
        }
        for posting in postings
        for entry in posting.entries
    ]  # fmt: skip
    output.print_rows(rows, output_as, title=f"{party}, {scheme}")
    return output.EXIT_OK


def balances(*, party: Annotated[str, PARTY] = "", output_as: Output = Output()) -> int:  # noqa: B008
    """List what stands on each ledger account by type of charge and currency; of one party by scheme and period."""
    with opened_store() as store:
        found = store.accounts.balances(by_party=bool(party))
    rows = [
        {
            "account": each.account, "party": each.party, "scheme": each.scheme, "period": each.period,
            "type": each.type_code, "amount": shown(each.amount), "currency": each.currency, "entries": each.count,
        }
        for each in found
        if not party or each.party == party
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="balances")
    return output.EXIT_OK


def debts(
    *,
    party: Annotated[str, PARTY] = "",
    limit: Annotated[int, Parameter(help="At most so many, the oldest due first.")] = 200,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List what is owed and not paid, the oldest due first."""
    with opened_store() as store:
        found = store.accounts.open_debts(party, limit=limit)
    rows = [
        {
            "party": each.party, "scheme": each.scheme, "period": each.period, "owed": shown(each.owed),
            "currency": each.currency, "due": each.due,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as, title="open debts")
    return output.EXIT_OK


def _no_account(party: str, scheme: str, known: Sequence[str]) -> NotFoundError:
    """Nothing was ever booked there; where it was on others of the party's accounts, these are named."""
    others = ", ".join(f'"{each}"' for each in dict.fromkeys(known))
    return NotFoundError(
        f"{party[:60]!r} has no account {scheme[:60]!r}",
        hint=f"it has {others}" if others else "tidewaiter accounts list names operators and their accounts",
    )
