"""From decisions to accounts: what was decided is posted in order, once, and what was posted is proved against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol

import msgspec
from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotFoundError
from tidewaiter.regimes import Regime
from tidewaiter.revenue.obligations import obligations
from tidewaiter.revenue.postings import Account, Posting, brought_up_to_date, charged, generation
from tidewaiter.revenue.statements import CHARGED, statements
from tidewaiter.workflow.ports import DecisionFile
from tidewaiter.workflow.records import Kept

DECISIONS = "decisions"  # the source whose position is the last block of evidence that is posted
WITHOUT_DEBT = (State.REJECTED, State.REFUSED, State.INVALIDATED)

Key = tuple[str, str, str]  # what is charged: "revenue" or "memo", type of charge, currency
Totals = dict[Key, Decimal]


class Books(Protocol):
    """What posting needs of the accounts."""

    def post(self, postings: Sequence[Posting], *, source: str = "", position: int = 0) -> int:
        """Book postings, all or none."""

    def position(self, source: str) -> int:
        """How far a source is posted."""

    def of_subjects(self, subjects: Sequence[str]) -> dict[str, list[Posting]]:
        """Every posting on these subjects."""

    def periods(self) -> list[tuple[str, str, str]]:
        """Every party, scheme and period there are entries of."""

    def statement(self, party: str, scheme: str, period: str) -> list[Posting]:
        """The postings of one party, scheme and period."""

    def totals(self, source_like: str) -> Totals:
        """What is charged by all postings whose key contains a text."""


class Evidence(Protocol):
    """What posting needs of the store."""

    def last_block(self) -> int:
        """The number of the last block of evidence; 0 where there is none."""

    def block(self, block_id: int) -> tuple[Kept, ...]:
        """The decisions of one block."""

    def decision(self, declaration_id: int) -> DecisionFile:
        """One decision with its declaration."""

    def knowledge(self, digest: str) -> bytes:
        """Law by digest."""


class Happening(Struct, frozen=True, kw_only=True):
    """An assessment as it stands after something happened; None where nothing is owed any more."""

    subject: str
    on: date
    declaration: Declaration
    assessment: Assessment | None
    regime: Regime
    why: str = "amended"


class Reconciliation(Struct, frozen=True, kw_only=True):
    """Three sums that must be one: of assessments, of postings, of statements. `difference` is the largest gap."""

    assessed: Totals
    posted: Totals
    stated: Totals
    difference: Decimal

    @property
    def is_exact(self) -> bool:
        """True when nothing differs by anything."""
        return self.difference == 0


def post(
    happenings: Iterable[Happening],
    books: Books,
    *,
    others: Sequence[Posting] = (),
    source: str = "",
    position: int = 0,
) -> int:
    """Bring the charges of each subject up to date, with other postings, in one transaction; how many were new."""
    found = list(happenings)
    standing = books.of_subjects(list(dict.fromkeys(each.subject for each in found)))
    postings: list[Posting] = []
    for each in found:
        of_subject = standing[each.subject]
        owed = obligations(each.assessment, each.declaration, each.regime) if each.assessment is not None else ()
        wanted = charged(each.subject, generation(of_subject), each.on, owed)
        new = brought_up_to_date(of_subject, wanted, each.on, each.why)
        of_subject += new
        postings += new
    return books.post([*postings, *others], source=source, position=position)


def post_decisions(store: Evidence, books: Books) -> Iterator[int]:
    """Post every decision that is kept and not yet posted, block by block; how many postings each made.

    The position moves in the transaction that posts: after a crash it goes on where it was, and nothing is doubled.
    """
    for block_id in range(books.position(DECISIONS) + 1, store.last_block() + 1):
        yield post(_of_block(store, block_id), books, source=DECISIONS, position=block_id)


def _of_block(store: Evidence, block_id: int) -> Iterator[Happening]:
    for kept in store.block(block_id):
        evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
        if evaluation.assessment is None or not kept.regime_digest:
            continue
        try:
            declaration = store.decision(kept.declaration_id).declaration
        except NotFoundError:
            continue
        if declaration is None:
            continue
        is_owed = evaluation.decision.state not in WITHOUT_DEBT
        yield Happening(
            subject=f"declaration:{kept.declaration_id}",
            on=kept.legal_day,
            declaration=declaration,
            assessment=evaluation.assessment if is_owed else None,
            regime=Regime.from_content(store.knowledge(kept.regime_digest)),
            why="amended" if is_owed else evaluation.decision.state.value,
        )


def sum_of(assessment: Assessment, into: Totals) -> None:
    """Add what an assessment charges to totals."""
    for charge in assessment.charges:
        if charge.collection is Collection.NONE:
            continue
        group = "memo" if charge.collection is Collection.SALE else "revenue"
        key = (group, charge.type_code, charge.result.currency)
        into[key] = into.get(key, Decimal(0)) + charge.result.amount


def reconcile_decisions(store: Evidence, books: Books, given_back: Totals) -> Reconciliation:
    """Hold all that was decided here and posted against postings and statements: the last decision of each counts.

    `given_back` is what decisions on returns gave back, by the decisions themselves.
    """
    last: dict[str, Assessment | None] = {}
    for block_id in range(1, books.position(DECISIONS) + 1):
        for happening in _of_block(store, block_id):
            last[happening.subject] = happening.assessment
    totals: Totals = {}
    for assessment in last.values():
        if assessment is not None:
            sum_of(assessment, totals)
    for key, amount in given_back.items():
        totals[key] = totals.get(key, Decimal(0)) - amount
    return reconcile(totals, books, "declaration:")


def reconcile(assessed: Totals, books: Books, source_like: str) -> Reconciliation:
    """Hold the sum of assessments, less what was given back, against postings and statements, to the cent."""
    posted = books.totals(source_like)
    stated: Totals = {}
    for party, scheme, period in books.periods():
        postings = [each for each in books.statement(party, scheme, period) if source_like in each.key]
        for statement in statements(party, scheme, period, postings):
            for line_code, amount in statement.totals.items():
                _add(stated, (_group(postings), line_code, statement.currency), amount)
    keys = {*assessed, *posted, *stated}
    gaps = [
        max(values) - min(values)
        for key in keys
        if (values := [totals.get(key, Decimal(0)) for totals in (assessed, posted, stated)])
    ]
    return Reconciliation(assessed=assessed, posted=posted, stated=stated, difference=max(gaps, default=Decimal(0)))


def _group(postings: Sequence[Posting]) -> str:
    """Whether a scheme's entries are owed here or collected elsewhere; a scheme is one or the other."""
    accounts = {entry.account for posting in postings for entry in posting.entries if entry.account in CHARGED}
    return "memo" if accounts == {Account.AT_SALE_REVENUE} else "revenue"


def _add(totals: Totals, key: Key, amount: Decimal) -> None:
    totals[key] = totals.get(key, Decimal(0)) + amount
