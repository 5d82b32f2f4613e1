"""Officers' pages of the accounts: who owes what, one account entry by entry, what waits for a second person, statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from litestar import get, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream, Template
from msgspec import Struct

from tidewaiter.model.errors import NotFoundError, TidewaiterError
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.revenue.payments import LARGEST_STATEMENT, Draft
from tidewaiter.revenue.postings import Posting
from tidewaiter.revenue.statements import MEMO, OWED, as_csv, lines
from tidewaiter.store.accounts import MATCHING
from tidewaiter.store.proposals import Proposal
from tidewaiter.web import words
from tidewaiter.web.desk.forms import AnyRequest, done, form_page
from tidewaiter.web.house import House, now
from tidewaiter.web.listing import PAGE_ROWS, text
from tidewaiter.web.page import render
from tidewaiter.web.problem import WebError
from tidewaiter.web.statements import stream, wanted
from tidewaiter.workflow import paying
from tidewaiter.workflow.granting import Wanted, grant_of

LINES_SHOWN: Final = 2_000  # of a statement on one page; the file has them all
FORM_BYTES_MAX: Final = 64 * 1024
DAY_DIGITS: Final = 2
FIELDS: Final = ("reference", "amount", "payer", "pays")  # of a payment entered by hand
ALLOCATION: Final = ("payment", "laid", "party", "scheme", "period")
GUARANTEE: Final = (
    "guarantee_id", "kind", "party", "jurisdiction", "limit", "valid_from", "valid_to", "day", "scheme", "words"
)  # fmt: skip


class Movement(Struct, frozen=True):
    """One posting on the page of an account: what it adds to what is owed, when that is due, and where it comes from."""

    posting: Posting
    amount: Decimal
    due: date | None
    about: str
    address: str  # of the decision that says how it was worked out; "" where there is none


@get("/accounts", sync_to_thread=True)
def account_list(request: AnyRequest, house: NamedDependency[House], party: FromQuery[str] = "") -> Template:
    """Accounts with what stands on them, the largest debt first."""
    begins = text("party", party.strip())
    return render(
        request,
        "accounts.html",
        section="accounts",
        title=words.text("accounts.title"),
        party=begins,
        aside=house.accounts.set_asides.open(PAGE_ROWS),
        aside_count=house.accounts.set_asides.count(),
        shown=house.accounts.accounts(party_like=begins, limit=PAGE_ROWS),
        limit=PAGE_ROWS,
        waiting=len(house.accounts.proposals.waiting()),
        suspense=house.accounts.suspense(),
        covers=house.accounts.guarantees.all()[:PAGE_ROWS],
        statements=house.accounts.statements.find(limit=10),
    )


@get("/accounts/entries", sync_to_thread=True)
def account_page(
    request: AnyRequest,
    house: NamedDependency[House],
    party: FromQuery[str],
    scheme: FromQuery[str],
    currency: FromQuery[str],
) -> Template:
    """One account: what is open, every posting with the decision it comes from, its statements."""
    whose = (text("party", party), text("scheme", scheme), text("currency", currency))
    account = next(
        (
            each
            for each in house.accounts.accounts(parties=[whose[0]])
            if (each.scheme, each.currency) == (whose[1], whose[2])
        ),
        None,
    )
    if account is None:
        raise NotFoundError(words.text("accounts.unknown"))
    postings = house.accounts.of_account(whose, 0, PAGE_ROWS)
    issued = house.accounts.statements.find(parties=[whose[0]], scheme=whose[1])
    return render(
        request,
        "account.html",
        section="accounts",
        title=f"{whose[0]}, {whose[1]}",
        account=account,
        is_memo=any(entry.account in MEMO for posting in postings for entry in posting.entries),
        debts=[
            debt for debt in house.accounts.open_debts(whose[0]) if (debt.scheme, debt.currency) == (whose[1], whose[2])
        ],
        movements=[_movement(posting, whose) for posting in postings],
        statements=[each for each in issued if each.currency == whose[2]],
        suspense=[each for each in house.accounts.suspense() if each.currency == whose[2]],
        limit=PAGE_ROWS,
    )


@get("/accounts/waiting", sync_to_thread=True)
def waiting_page(request: AnyRequest, house: NamedDependency[House], done: FromQuery[str] = "") -> Template:
    """What waits for a second person, and the forms to enter a payment or a bank statement."""
    return _waiting(request, house, done=done)


@post("/accounts/payments", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def payment_enter(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a payment entered by hand until a second person approves it."""
    given = await request.form()
    fields = _typed(given, FIELDS)

    def enter() -> None:
        draft = paying.draft_of(
            fields["reference"], fields["amount"], fields["payer"], now().date(), remittance=fields["pays"]
        )
        house.accounts.proposals.enter("payment", draft.reference, draft, request.user.name)

    return await _done(request, house, enter, "entered", fields)


@post("/accounts/allocations", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def allocation_enter(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Lay money in suspense onto a debt, once a second person approves it."""
    given = _typed(await request.form(), ALLOCATION)

    def enter() -> None:
        books, payment = house.accounts, given["payment"]
        laid = paying.draft_of(payment, given["laid"], given["party"], now().date())
        debt = paying.open_debt(given["party"], given["scheme"], given["period"], laid.currency, books)
        content = paying.allocation_of(payment, debt, laid.amount, books)
        books.proposals.enter("allocation", payment, content, request.user.name)

    return await _done(request, house, enter, "entered", {})


@post("/accounts/guarantees", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def guarantee_enter(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Keep a guarantee or deferment account, or a change of one, until a second person approves it."""
    given = _typed(await request.form(), GUARANTEE)

    def enter() -> None:
        house.accounts.guarantees.enter(grant_of(_wanted(given)), request.user.name)

    return await _done(request, house, enter, "entered", {f"g_{name}": value for name, value in given.items()})


@post("/accounts/bank", status_code=200, request_max_body_size=LARGEST_STATEMENT)
async def bank_read(request: AnyRequest, house: NamedDependency[House]) -> Redirect | Template:
    """Read a bank statement and book its payments."""
    given = await request.form()
    file = given.get("file")
    body = await file.read() if isinstance(file, UploadFile) else b""

    def read() -> None:
        if not body:
            raise WebError("request.invalid", words.text("accounts.no_file"), place="file")
        paying.take_statements(body, sha256(body).digest(), house.accounts, MATCHING)

    return await _done(request, house, read, "read", {})


@post("/accounts/waiting/{number:int}", status_code=200, request_max_body_size=FORM_BYTES_MAX)
async def waiting_answer(
    request: AnyRequest, house: NamedDependency[House], number: FromPath[int]
) -> Redirect | Template:
    """Approve what another person entered, or refuse it."""
    given = await request.form()
    by, reason = request.user.name, str(given.get("words", ""))[:500]

    def refuse() -> None:
        house.accounts.proposals.refuse(number, by, reason)

    def approve() -> None:
        if house.accounts.proposals.one(number).kind == "guarantee":
            house.accounts.guarantees.approve(number, by)
        else:
            paying.approve(number, by, house.accounts, MATCHING)

    is_approved = given.get("answer") == "approve"
    return await _done(request, house, approve if is_approved else refuse, "approved" if is_approved else "refused", {})


@get("/accounts/statements/{number:str}", sync_to_thread=True)
def statement_page(request: AnyRequest, house: NamedDependency[House], number: FromPath[str]) -> Template:
    """One statement, to be read and printed; of a very long one the first lines."""
    found = wanted(house, number)
    with house.accounts.statements.rows_of(found) as rows:
        shown = list(islice(lines(rows), LINES_SHOWN + 1))
    return render(
        request,
        "statement.html",
        section="accounts",
        title=words.text("statement.return" if found.is_return else "statement.title", number=found.number),
        statement=found,
        lines=[(line, _address(line.subject)) for line in shown[:LINES_SHOWN]],
        is_cut=len(shown) > LINES_SHOWN,
    )


@get("/accounts/statements/{number:str}/csv", sync_to_thread=True)
def statement_csv(house: NamedDependency[House], number: FromPath[str]) -> Stream:
    """One statement with all its lines as CSV."""
    found = wanted(house, number)
    return stream(house, found, lambda rows: as_csv(found, lines(rows)), "text/csv; charset=utf-8")


def _typed(given: FormMultiDict, names: Sequence[str]) -> dict[str, str]:
    return {name: str(given.get(name, "")).strip() for name in names}


def _wanted(given: dict[str, str]) -> Wanted:
    """What the form of a guarantee says. Raises WebError naming the field that cannot be understood."""
    if given["kind"] not in ("guarantee", "deferment"):
        raise WebError("request.invalid", words.text("accounts.no_kind"), place="kind")
    valid_from = _day("valid_from", given["valid_from"])
    if valid_from is None:
        raise WebError("request.invalid", words.text("accounts.no_from"), place="valid_from")
    day = given["day"]
    return Wanted(
        guarantee_id=given["guarantee_id"], kind="deferment" if given["kind"] == "deferment" else "guarantee", party=given["party"], jurisdiction=given["jurisdiction"],
        limit=given["limit"], valid_from=valid_from, valid_to=_day("valid_to", given["valid_to"]),
        day=int(day) if day.isascii() and day.isdigit() and len(day) <= DAY_DIGITS else 0, scheme=given["scheme"],
        words=given["words"][:500],
    )  # fmt: skip


def _day(field: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        detail = words.text("accounts.no_day", text=text[:40])
        raise WebError("request.invalid", detail, place=field) from error


async def _done(
    request: AnyRequest, house: House, act: Callable[[], Any], what: str, fields: dict[str, str]
) -> Redirect | Template:
    return await done(
        act, "/accounts/waiting", what, lambda refused: _waiting(request, house, refused=refused, fields=fields)
    )


def _waiting(
    request: AnyRequest,
    house: House,
    *,
    done: str = "",
    refused: TidewaiterError | None = None,
    fields: dict[str, str] | None = None,
) -> Template:
    waiting = house.accounts.proposals.waiting()
    return form_page(
        request,
        "accounts_waiting.html",
        refused,
        section="accounts",
        title=words.text("accounts.waiting"),
        waiting=[(each, *_said(each)) for each in waiting],
        suspense=house.accounts.suspense(),
        done=words.texts().get(f"books.{done}", ""),
        fields=dict.fromkeys((*FIELDS, *(f"g_{name}" for name in GUARANTEE)), "") | (fields or {}),
    )


def _said(proposal: Proposal) -> tuple[str, str, Any, str]:
    """Whose a proposal is, what of it is to be known, and its amount."""
    content = proposal.content
    match content:
        case Grant():
            where = f"{content.kind}, {content.jurisdiction_code} {content.scheme}".strip()
            until = f", {content.valid_from} – {content.valid_to or '…'}"
            return content.party, f"{where}{until} {content.words}".strip(), content.limit, content.currency
        case Draft():
            return content.payer, content.remittance, content.amount, content.currency
        case _:
            more = f"{content.party}, {content.scheme}, {content.period}"
            return content.party, more, content.amount, content.currency


def _movement(posting: Posting, whose: tuple[str, str, str]) -> Movement:
    mine = [
        entry
        for entry in posting.entries
        if (entry.party, entry.scheme, entry.currency) == whose and entry.account in OWED
    ]
    about = next((entry.about for entry in mine if entry.about), posting.subject)
    amount = sum((entry.amount for entry in mine), Decimal(0))
    due = next((entry.due for entry in mine if entry.due), posting.due) if amount > 0 else None
    return Movement(posting, amount, due, about, _address(about))


def _address(about: str) -> str:
    """The page that says how it was worked out: the decision's trace."""
    kind, _, number = about.partition(":")
    return f"/parcels/{number}#trace" if kind == "declaration" and number.isdigit() else ""
