"""From decisions to accounts: what was decided is posted in order, once, and what was posted is proved against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.revenue.obligations import Obligation, obligations
from tidewaiter.revenue.postings import Posting, brought_up_to_date, charged, generation, shown
from tidewaiter.revenue.statements import CHARGED, MEMO, OWED, Row, Statement
from tidewaiter.workflow.set_aside import NOTHING, Change, SetAside

ZERO = Decimal(0)

Key = tuple[str, str, str]  # what is charged: "revenue" or "memo", type of charge, currency
Totals = dict[Key, Decimal]


class Statements(Protocol):
    """What proving needs of the statements."""

    def rows(self) -> AbstractContextManager[Iterator[Row]]:
        """Every entry that statements show, account by account."""

    def all(self) -> AbstractContextManager[Iterator[Statement]]:
        """Every issued statement by account and period."""


class Guarantees(Protocol):
    """What proving needs of the guarantees."""

    def untrue(self) -> list[str]:
        """Where what is taken is not what the postings say."""


class SetAsides(Protocol):
    """What proving needs of what is set aside."""

    def open(self, limit: int | None = None) -> list[SetAside]:
        """What is set aside now."""


class Books(Protocol):
    """What posting and proving need of the accounts."""

    @property
    def statements(self) -> Statements:
        """Statements and their entries."""

    @property
    def guarantees(self) -> Guarantees:
        """Guarantees and what is taken of them."""

    @property
    def set_asides(self) -> SetAsides:
        """What could not be taken in."""

    def post(self, postings: Sequence[Posting], *, source: str = "", position: int = 0, aside: Change = NOTHING) -> int:
        """Book postings, how far their source is posted, and what of it is set aside, all or none."""

    def position(self, source: str) -> int:
        """How far a source is posted."""

    def of_subjects(self, subjects: Sequence[str]) -> dict[str, list[Posting]]:
        """Every posting on these subjects."""

    def totals(self, subject_prefix: str) -> Totals:
        """What is charged by all postings on subjects that begin so."""

    def untrue(self) -> list[str]:
        """Where what is kept of an account or debt is not what its entries come to, in words."""


class Happening(Struct, frozen=True, kw_only=True):
    """An assessment as it stands after something happened; None where nothing is owed any more.

    `follows` are its obligations where they were worked out before.
    """

    subject: str
    on: date
    declaration: Declaration
    assessment: Assessment | None
    regime: Regime
    why: str = "amended"
    follows: tuple[Obligation, ...] | None = None


class Ending(Struct, frozen=True, kw_only=True):
    """What was charged on a subject is owed no more: it was refused, withdrawn, came to nothing."""

    subject: str
    on: date
    why: str


class Reconciliation(Struct, frozen=True, kw_only=True):
    """Three sums that must be one: of assessments, of postings, of statements. `difference` is the largest gap.

    `problems` are statements that do not add up or do not follow on one another, balances and guarantees that are not
    what was booked, and decisions that cannot be read again, in words. While something is `set_aside`, nothing is
    proved.
    """

    assessed: Totals
    posted: Totals
    stated: Totals
    difference: Decimal
    accounts: int = 0
    statements: int = 0
    problems: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()

    @property
    def is_exact(self) -> bool:
        """True when nothing differs by anything, and nothing is set aside."""
        return self.difference == 0 and not self.problems and not self.set_aside


def post(
    happenings: Iterable[Happening | Ending],
    books: Books,
    *,
    others: Sequence[Posting] = (),
    source: str = "",
    position: int = 0,
) -> int:
    """Bring the charges of each subject up to date, with other postings, in one transaction; how many were new."""
    postings = [*due(list(happenings), books), *others]
    return books.post(postings, source=source, position=position) if postings or source else 0


def due(happenings: Sequence[Happening | Ending], books: Books) -> list[Posting]:
    """The postings that bring the charges of each subject up to date, in order."""
    concerned = list(dict.fromkeys(each.subject for each in happenings))
    standing = books.of_subjects(concerned) if concerned else {}
    postings: list[Posting] = []
    for each in happenings:
        of_subject = standing[each.subject]
        wanted = charged(each.subject, generation(of_subject), each.on, owed(each))
        new = brought_up_to_date(of_subject, wanted, each.on, each.why)
        of_subject += new
        postings += new
    return postings


def owed(happening: Happening | Ending) -> Sequence[Obligation]:
    """The obligations that follow; none where nothing is owed."""
    if isinstance(happening, Ending) or happening.assessment is None:
        return ()
    if happening.follows is not None:
        return happening.follows
    return obligations(happening.assessment, happening.declaration, happening.regime)


def sum_of(assessment: Assessment, into: Totals) -> None:
    """Add what an assessment charges to totals."""
    for charge in assessment.charges:
        if charge.collection is not Collection.NONE:
            group = "memo" if charge.collection is Collection.SALE else "revenue"
            _add(into, (group, charge.type_code, charge.result.currency), charge.result.amount)


def reconcile(assessed: Totals, books: Books, subject_prefix: str) -> Reconciliation:
    """Hold the sum of assessments, less what was given back, against postings and statements, to the cent.

    Entries are read once, account by account, and never held: memory does not grow with them.
    """
    posted = books.totals(subject_prefix)
    proof = _Proof(subject_prefix)
    with books.statements.rows() as rows, books.statements.all() as issued:
        proof.read(rows, issued)
    keys = {*assessed, *posted, *proof.stated}
    gaps = [
        max(values) - min(values)
        for key in keys
        if (values := [totals.get(key, ZERO) for totals in (assessed, posted, proof.stated)])
    ]
    return Reconciliation(
        assessed=assessed, posted=posted, stated=proof.stated, difference=max(gaps, default=ZERO),
        accounts=proof.accounts, statements=proof.statements,
        problems=(*proof.problems, *books.untrue(), *books.guarantees.untrue()),
        set_aside=tuple(books.set_asides.open()),
    )  # fmt: skip


class _Proof:
    """Goes through the ledger and the issued statements side by side, one account at a time."""

    def __init__(self, subject_prefix: str) -> None:
        self._prefix = subject_prefix
        self.stated: Totals = {}
        self.accounts = 0
        self.statements = 0
        self.problems: list[str] = []

    def read(self, rows: Iterator[Row], issued: Iterator[Statement]) -> None:
        """Both are in the order of party, scheme and currency."""
        waiting = next(issued, None)
        for whose, entries in groupby(rows, key=lambda row: (row.party, row.scheme, row.currency)):
            mine: list[Statement] = []
            while waiting is not None and _whose(waiting) <= whose:
                if _whose(waiting) == whose:
                    mine.append(waiting)
                else:
                    self.problems.append(f"{waiting.number} is of an account without entries")
                waiting = next(issued, None)
            self._account(mine, entries)
        if waiting is not None:
            self.problems.append(f"{waiting.number} is of an account without entries")

    def _account(self, mine: Sequence[Statement], entries: Iterable[Row]) -> None:
        """What each statement covers must be what it says moved, and each must open where the one before closed."""
        self.accounts += 1
        self.statements += len(mine)
        moved = [ZERO] * (len(mine) + 1)  # the last: what no statement covers yet
        charged_by: dict[int, dict[str, Decimal]] = {}
        for row in entries:
            place = next((at for at, each in enumerate(mine) if _covers(each, row)), len(mine))
            if row.account in OWED:
                moved[place] += row.amount
            elif row.account in CHARGED:
                by_type = charged_by.setdefault(place, {})
                by_type[row.type_code] = by_type.get(row.type_code, ZERO) - row.amount
                if row.subject.startswith(self._prefix):
                    group = "memo" if row.account in MEMO else "revenue"
                    _add(self.stated, (group, row.type_code, row.currency), -row.amount)
        closing = ZERO
        for place, each in enumerate(mine):
            opening = ZERO if each.is_return else closing
            if each.moved != moved[place] or each.totals != charged_by.get(place, {}):
                self.problems.append(
                    f"{each.number} says {shown(each.moved)} moved, its postings come to {shown(moved[place])}"
                )
            if (each.opening, each.closing) != (opening, opening + each.moved):
                self.problems.append(
                    f"{each.number} runs from {shown(each.opening)} to {shown(each.closing)}, not from {shown(opening)}"
                )
            closing = each.closing


def _whose(statement: Statement) -> tuple[str, str, str]:
    return (statement.party, statement.scheme, statement.currency)


def _covers(statement: Statement, row: Row) -> bool:
    return row.period <= statement.period and row.posting_id <= statement.until_posting


def _add(totals: Totals, key: Key, amount: Decimal) -> None:
    totals[key] = totals.get(key, ZERO) + amount
