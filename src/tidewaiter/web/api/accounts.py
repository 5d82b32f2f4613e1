"""The accounts for machines: a declarant those of the operators it stands for, an officer all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from tidewaiter.model.money import Money
from tidewaiter.revenue.postings import shown
from tidewaiter.revenue.statements import Statement, as_csv, lines
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.reading import asked
from tidewaiter.web.api.shapes import Amount
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal
from tidewaiter.web.statements import stream, wanted

AnyRequest = Request[Principal, Any, State]
TAGS: Final = ["Accounts"]
DEBTS_MAX: Final = 500
REFUSED: Final = refusals("request.invalid", "auth.required", "not_found")

Party = Annotated[str, asked("party", "Of one operator, as declarations name it")]
Number = Annotated[
    str, PathParameter(max_length=30, min_length=1, description="The statement's number, as TWS-00000042")
]


class AccountShape(Struct, frozen=True):
    """One account: what an operator owes under one scheme, or has paid too much (below nothing)."""

    party: Annotated[str, Meta(description="The operator, as declarations name it", examples=["GB123456789000"])]
    scheme: Annotated[str, Meta(description="Jurisdiction and account of its law", examples=["GB customs revenue"])]
    balance: Annotated[Amount, Meta(description="What stands on it")]
    last_booked_on: Annotated[date, Meta(description="When it last moved")]


class DebtShape(Struct, frozen=True):
    """What is owed on one account for one period, and not paid."""

    party: Annotated[str, Meta(description="The operator")]
    scheme: Annotated[str, Meta(description="Jurisdiction and account of its law")]
    period: Annotated[str, Meta(description="As the law has it", examples=["2026-07", "2026-Q3"])]
    owed: Annotated[Amount, Meta(description="What is open")]
    due_on: Annotated[date | None, Meta(description="The first day on which something of it is due")]


class GuaranteeShape(Struct, frozen=True):
    """A guarantee or deferment account, and what of it is taken."""

    guarantee_id: Annotated[str, Meta(description="Its number, to be named in declarations")]
    kind: Annotated[str, Meta(description="guarantee or deferment")]
    party: Annotated[str, Meta(description="Whose it is")]
    jurisdiction_code: Annotated[str, Meta(description="Whose customs it is for")]
    scheme: Annotated[str, Meta(description="The account of the law it is for; empty for every one")]
    limit: Annotated[Amount, Meta(description="What was granted")]
    reserved: Annotated[Amount, Meta(description="What stands for debts")]
    drawn: Annotated[Amount, Meta(description="What was drawn and is not made good")]
    free: Annotated[Amount, Meta(description="What may still be reserved")]
    valid_from: Annotated[date, Meta(description="The first day")]
    valid_to: Annotated[date | None, Meta(description="The last day; null while it is open")]


class PartShape(Struct, frozen=True):
    """What was charged of one type at one rate for one period."""

    period: Annotated[str, Meta(description="Another than the statement's: a correction of that period")]
    type_code: Annotated[str, Meta(description="Type of charge", examples=["B00"])]
    rate: Annotated[str, Meta(description="As the law says it; or that it was given back", examples=["20 %"])]
    base: Annotated[Amount | None, Meta(description="Of what; null for what was given back, which goes by no rate")]
    amount: Annotated[Amount, Meta(description="How much")]


class StatementShape(Struct, frozen=True):
    """A statement of account, or the return of a scheme: opening and movements come to closing."""

    number: Annotated[str, Meta(description="Its running number; name it when you pay", examples=["TWS-00000042"])]
    party: Annotated[str, Meta(description="The operator")]
    scheme: Annotated[str, Meta(description="Jurisdiction and account of its law")]
    period: Annotated[str, Meta(description="What it is for")]
    is_return: Annotated[bool, Meta(description="True where a scheme collects it elsewhere")]
    opening: Annotated[Amount, Meta(description="Closing balance of the one before")]
    movements: Annotated[dict[str, str], Meta(description="What moved it by kind, decimal texts in its currency")]
    closing: Annotated[Amount, Meta(description="What stands at its end")]
    due_on: Annotated[
        date | None,
        Meta(
            description="The day by which the closing balance is to be paid; null where nothing is, or it is collected elsewhere"
        ),
    ]
    issued_on: Annotated[date | None, Meta(description="When it was issued")]
    parts: Annotated[list[PartShape], Meta(description="What was charged by period, type and rate")]


class Accounts(Struct, frozen=True):
    """Accounts, the largest debt first."""

    accounts: Annotated[list[AccountShape], Meta(description="At most 200")]


class Debts(Struct, frozen=True):
    """Debts, the oldest due first."""

    debts: Annotated[list[DebtShape], Meta(description="At most 500")]


class Guarantees(Struct, frozen=True):
    """Guarantees and deferment accounts."""

    guarantees: Annotated[list[GuaranteeShape], Meta(description="As they stand")]


class StatementPage(Struct, frozen=True):
    """Statements, the newest first."""

    statements: Annotated[list[StatementShape], Meta(description="At most 200")]


@get("/accounts", sync_to_thread=True, summary="What stands on your accounts", operation_id="listAccounts",
     opt=FOR_THE_KNOWN, tags=TAGS, responses=REFUSED)  # fmt: skip
def accounts(request: AnyRequest, house: NamedDependency[House], party: Party = "") -> Accounts:
    """What is owed under each scheme; nothing but the operators that your sender was granted."""
    found = house.accounts.accounts(parties=_whose(house, request.user, party))
    return Accounts(
        [
            AccountShape(each.party, each.scheme, _amount(each.balance, each.currency), each.last_booked_on)
            for each in found
        ]
    )


@get("/accounts/debts", sync_to_thread=True, summary="What is owed and not paid", operation_id="listDebts",
     opt=FOR_THE_KNOWN, tags=TAGS, responses=REFUSED)  # fmt: skip
def debts(request: AnyRequest, house: NamedDependency[House], party: Party = "") -> Debts:
    """Open debts by scheme and period, with the day they are due."""
    found = house.accounts.open_debts(parties=_whose(house, request.user, party), limit=DEBTS_MAX)
    return Debts(
        [DebtShape(each.party, each.scheme, each.period, _amount(each.owed, each.currency), each.due) for each in found]
    )


@get("/accounts/guarantees", sync_to_thread=True, summary="Guarantees and deferment accounts",
     operation_id="listGuarantees", opt=FOR_THE_KNOWN, tags=TAGS, responses=REFUSED)  # fmt: skip
def guarantees(request: AnyRequest, house: NamedDependency[House], party: Party = "") -> Guarantees:
    """What was granted, what of it stands for debts, and what is free."""
    whose = _whose(house, request.user, party)
    known = house.accounts.guarantees
    found = []
    for cover in known.all() if whose is None else known.of(whose):
        grant = cover.grant
        limit, reserved, drawn, free = (
            _amount(each, grant.currency) for each in (grant.limit, cover.reserved, cover.drawn, cover.free)
        )
        found.append(
            GuaranteeShape(
                guarantee_id=grant.guarantee_id, kind=grant.kind, party=grant.party,
                jurisdiction_code=grant.jurisdiction_code, scheme=grant.scheme, limit=limit, reserved=reserved,
                drawn=drawn, free=free, valid_from=grant.valid_from, valid_to=grant.valid_to,
            )
        )  # fmt: skip
    return Guarantees(found)


@get("/accounts/statements", sync_to_thread=True, summary="Statements and returns", operation_id="listStatements",
     opt=FOR_THE_KNOWN, tags=TAGS, responses=REFUSED)  # fmt: skip
def statements(
    request: AnyRequest,
    house: NamedDependency[House],
    party: Party = "",
    period: Annotated[str, asked("period", "Of one period, as 2026-07 or 2026-Q3")] = "",
) -> StatementPage:
    """Statements as they were issued; what came after stands in the next one."""
    found = house.accounts.statements.find(parties=_whose(house, request.user, party), period=period.replace("\0", ""))
    return StatementPage([_shape(each) for each in found])


@get("/accounts/statements/{number:str}", sync_to_thread=True, summary="One statement", operation_id="readStatement",
     opt=FOR_THE_KNOWN, tags=TAGS, responses=REFUSED)  # fmt: skip
def statement(request: AnyRequest, house: NamedDependency[House], number: Number) -> StatementShape:
    """Its sums; its lines are in its document."""
    return _shape(_own(house, request.user, number))


@get("/accounts/statements/{number:str}/lines", sync_to_thread=True, summary="One statement with its lines, as CSV",
     operation_id="readStatementLines", opt=FOR_THE_KNOWN, tags=TAGS, media_type="text/csv",
     responses=REFUSED)  # fmt: skip
def statement_lines(request: AnyRequest, house: NamedDependency[House], number: Number) -> Response[str] | Stream:
    """Opening balance, each posting with its amounts by type of charge, closing balance; a stream of any length."""
    found = _own(house, request.user, number)
    return stream(house, found, lambda rows: as_csv(found, lines(rows)), "text/csv; charset=utf-8")


def _own(house: House, asking: Principal, number: str) -> Statement:
    """A statement, if it is of somebody the one who asks may see. Raises WebError."""
    return wanted(house, number, _whose(house, asking, ""))


def _whose(house: House, asking: Principal, party: str) -> Sequence[str] | None:
    """The operators whose accounts are asked for: None stands for all. Another's are, to a declarant, not there."""
    party = party.replace("\0", "")
    if asking.is_officer:
        return [party] if party else None
    own = house.accounts.seen_by(asking.sender_id) if asking.sender_id is not None else []
    return [each for each in own if each == party] if party else own


def _amount(amount: Decimal, currency: str) -> Amount:
    found = Amount.of(Money(shown(amount), currency))
    assert found is not None
    return found


def _shape(found: Statement) -> StatementShape:
    return StatementShape(
        number=found.number,
        party=found.party,
        scheme=found.scheme,
        period=found.period,
        is_return=found.is_return,
        opening=_amount(found.opening, found.currency),
        movements={name: f"{shown(amount):f}" for name, amount in found.movements.items()},
        closing=_amount(found.closing, found.currency),
        due_on=found.pay_by,
        issued_on=found.issued_on,
        parts=[
            PartShape(
                each.period, each.type_code, each.words, _amount(each.base, found.currency) if each.rate else None,
                _amount(each.amount, found.currency),
            )
            for each in found.parts
        ],
    )  # fmt: skip
