"""What one person enters and a second one answers: payments, allocations, guarantees. Nothing of it is ever changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import psycopg
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.revenue.payments import Allocation, Draft, booked_before
from tidewaiter.revenue.postings import PostingError
from tidewaiter.store import ledger
from tidewaiter.store.connections import Connections

Content = Draft | Allocation | Grant
KINDS: dict[str, type[Draft] | type[Allocation] | type[Grant]] = {
    "payment": Draft,
    "allocation": Allocation,
    "guarantee": Grant,
}


class Proposal(Struct, frozen=True, kw_only=True):
    """Something entered: what, by whom, and what was answered. `is_approved` is None while it waits."""

    proposal_id: int
    kind: str
    reference: str
    content: Draft | Allocation | Grant
    entered_by: str
    entered_at: datetime
    is_approved: bool | None = None
    answered_by: str = ""
    words: str = ""


class Proposals:
    """Made by `Accounts`; see its `proposals`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def enter(self, kind: str, reference: str, content: Draft | Allocation | Grant, by: str) -> int:
        """Keep it until a second person answers; its number. Raises ConflictError where the same waits or is booked."""
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("LOCK TABLE proposal IN SHARE ROW EXCLUSIVE MODE")
            _refuse_known(connection, kind, reference, content)
            row = connection.execute(
                "INSERT INTO proposal (kind, reference, content, entered_by) VALUES (%s, %s, %b, %s)"
                " RETURNING proposal_id",
                [kind, reference, canonical_bytes(content), by],
            ).fetchone()
        assert row is not None
        return int(row[0])

    def waiting(self) -> list[Proposal]:
        """What nobody has answered yet, the oldest first."""
        with self._connections.lend() as connection:
            return _read(connection, "is_approved IS NULL ORDER BY proposal_id", [])

    def one(self, proposal_id: int) -> Proposal:
        """One proposal. Raises NotFoundError."""
        with self._connections.lend() as connection:
            for found in _read(connection, "proposal_id = %s", [proposal_id]):
                return found
        raise NotFoundError(f"nothing was entered under {proposal_id}", hint="tidewaiter accounts waiting")

    def changes(self, guarantee_id: str) -> list[Proposal]:
        """Every change that was entered for a guarantee, the oldest first."""
        with self._connections.lend() as connection:
            return _read(connection, "kind = 'guarantee' AND reference = %s ORDER BY proposal_id", [guarantee_id])

    def refuse(self, proposal_id: int, by: str, words: str) -> None:
        """Answer no; whoever entered it may take it back so. Raises NotFoundError or ConflictError."""
        self.one(proposal_id)
        with self._connections.lend() as connection, connection.transaction():
            answer(connection, proposal_id, by, words=words, is_approved=False)


def approve(connection: psycopg.Connection, proposal_id: int, by: str) -> Proposal:
    """Answer yes, in the caller's transaction. Raises NotFoundError, ConflictError, PostingError for the same person."""
    connection.execute("SELECT 1 FROM proposal WHERE proposal_id = %s FOR UPDATE", [proposal_id])
    found = _read(connection, "proposal_id = %s", [proposal_id])
    if not found:
        raise NotFoundError(f"nothing was entered under {proposal_id}", hint="tidewaiter accounts waiting")
    if found[0].is_approved is None and found[0].entered_by == by:
        raise PostingError(f"{by} entered this {found[0].kind}", hint="a second person approves it")
    answer(connection, proposal_id, by, words="", is_approved=True)
    return found[0]


def answer(connection: psycopg.Connection, proposal_id: int, by: str, *, words: str, is_approved: bool) -> None:
    """Write down the answer. Raises ConflictError where there is one."""
    done = connection.execute(
        "INSERT INTO proposal_answer (proposal_id, is_approved, answered_by, words) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [proposal_id, is_approved, by, words],
    )
    if done.rowcount != 1:
        before = _read(connection, "proposal_id = %s", [proposal_id])[0]
        what = "approved" if before.is_approved else "refused"
        raise ConflictError(f"{before.kind} {proposal_id} was {what} by {before.answered_by} before")


def _refuse_known(connection: psycopg.Connection, kind: str, reference: str, content: Content) -> None:
    waiting = _read(connection, "kind = %s AND reference = %s AND is_approved IS NULL", [kind, reference])
    if waiting:
        raise ConflictError(
            f"a {kind} {reference!r} waits already, entered by {waiting[0].entered_by}",
            hint=f"approve or refuse {waiting[0].proposal_id} first",
        )
    if isinstance(content, Draft) and booked_before(content, ledger.payments(connection, content.reference)):
        raise ConflictError(f"a payment {reference!r} was booked before", hint="the same payment counts once")


def _read(connection: psycopg.Connection, condition: str, values: list[Any]) -> list[Proposal]:
    rows = connection.execute(
        "SELECT proposal_id, kind, reference, content, entered_by, entered_at, is_approved, coalesce(answered_by, ''),"
        f" coalesce(words, '') FROM proposal LEFT JOIN proposal_answer USING (proposal_id) WHERE {condition}".encode(),
        values,
    ).fetchall()
    return [
        Proposal(
            proposal_id=row[0], kind=row[1], reference=row[2], content=msgspec.json.decode(row[3], type=KINDS[row[1]]),
            entered_by=row[4], entered_at=row[5], is_approved=row[6], answered_by=row[7], words=row[8],
        )
        for row in rows
    ]  # fmt: skip
