"""Guarantees on PostgreSQL: granted by two persons, and how much of each is taken."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import psycopg

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.revenue.guarantees import Cover, Grant, GuaranteeError, Waiting
from tidewaiter.revenue.postings import shown
from tidewaiter.store import proposals
from tidewaiter.store.connections import Connections

_IS_HELD = (  # a declaration without a standing of its own has no open hold
    "standing::jsonb -> 'open_holds' ? 'payment' AND state NOT IN ('rejected', 'refused', 'invalidated', 'cleared')"
)
_NEVER_CHANGES = ("kind", "party", "jurisdiction_code", "currency", "scheme")


class Guarantees:
    """Made by `Accounts`; see its `guarantees`."""

    def __init__(self, connections: Connections, waiting: proposals.Proposals) -> None:
        self._connections = connections
        self._proposals = waiting

    def enter(self, grant: Grant, by: str) -> int:
        """Enter a new guarantee or a change of one; it counts when a second person approves. Raises GuaranteeError."""
        if problem := grant.problem():
            raise GuaranteeError(problem)
        with self._connections.lend() as connection:
            _refuse_other(connection, grant)
        return self._proposals.enter("guarantee", grant.guarantee_id, grant, by)

    def approve(self, proposal_id: int, by: str) -> Grant:
        """Approve what another person entered: from now on it stands so. Raises what `proposals.approve` does."""
        with self._connections.lend() as connection, connection.transaction():
            grant = proposals.approve(connection, proposal_id, by).content
            assert isinstance(grant, Grant)
            _refuse_other(connection, grant)
            connection.execute(
                "INSERT INTO guarantee (guarantee_id, content, party, amount_limit) VALUES (%s, %b, %s, %s)"
                " ON CONFLICT (guarantee_id) DO UPDATE SET content = EXCLUDED.content,"
                " amount_limit = EXCLUDED.amount_limit, changes = guarantee.changes + 1",
                [grant.guarantee_id, canonical_bytes(grant), grant.party, grant.limit],
            )
        return grant

    def of(self, parties: Sequence[str]) -> list[Cover]:
        """The guarantees of these parties as they stand."""
        return self._read("WHERE party = ANY (%s) ORDER BY guarantee_id", [list(parties)])

    def all(self) -> list[Cover]:
        """Every guarantee as it stands."""
        return self._read("ORDER BY guarantee_id", [])

    def named(self, guarantee_ids: Sequence[str]) -> list[Cover]:
        """Those of these guarantees that there are, as they stand."""
        return self._read("WHERE guarantee_id = ANY (%s) ORDER BY guarantee_id", [list(guarantee_ids)])

    def one(self, guarantee_id: str) -> Cover:
        """One guarantee. Raises NotFoundError."""
        for found in self._read("WHERE guarantee_id = %s", [guarantee_id]):
            return found
        raise NotFoundError(f"there is no guarantee {guarantee_id[:60]!r}", hint="tidewaiter accounts guarantees")

    def let_wait(self, waiting: Sequence[Waiting]) -> None:
        """Remember these declarations, in place of their earlier versions, until a guarantee of their parties changes."""
        rows = [(party, each.declaration_id, each.version, each.least) for each in waiting for party in each.parties]
        with self._connections.lend() as connection, connection.transaction():
            _forget(connection, [each.declaration_id for each in waiting])
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY waiting_for_cover (party, declaration_id, version, least) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)

    def no_longer_waiting(self, declaration_ids: Sequence[int]) -> None:
        """Forget that these declarations wait."""
        with self._connections.lend() as connection:
            _forget(connection, declaration_ids)

    def changed(self) -> list[tuple[str, int]]:
        """Guarantees granted, changed or freed since what waits was looked at, with the number of the last such time."""
        with self._connections.lend() as connection:
            return connection.execute(
                "SELECT guarantee_id, changes FROM guarantee WHERE changes > looked_at ORDER BY guarantee_id"
            ).fetchall()

    def waiting_for(self, guarantee_id: str, after: int, limit: int) -> list[tuple[int, int]]:
        """Declarations with a larger number, with their versions, that a guarantee may now be enough for, the oldest first.

        Only those that are still held for payment as they were.
        """
        with self._connections.lend() as connection:
            return connection.execute(
                "SELECT declaration_id, version FROM waiting_for_cover JOIN guarantee USING (party)"
                f" JOIN declaration USING (declaration_id, version) WHERE guarantee_id = %s AND declaration_id > %s"
                f" AND least <= amount_limit - reserved - drawn AND {_IS_HELD} ORDER BY declaration_id LIMIT %s".encode(),
                [guarantee_id, after, limit],
            ).fetchall()

    def looked_at(self, guarantee_id: str, change: int) -> None:
        """All that waits for a guarantee was looked at after it changed so often; what was in the way is forgotten."""
        with self._connections.lend() as connection, connection.transaction():
            connection.execute(
                "DELETE FROM waiting_for_cover USING guarantee WHERE guarantee_id = %s"
                " AND waiting_for_cover.party = guarantee.party AND least <= amount_limit - reserved - drawn"
                " AND NOT EXISTS (SELECT FROM declaration WHERE declaration.declaration_id = waiting_for_cover.declaration_id"
                f" AND declaration.version = waiting_for_cover.version AND {_IS_HELD})".encode(),
                [guarantee_id],
            )
            connection.execute("UPDATE guarantee SET looked_at = %s WHERE guarantee_id = %s", [change, guarantee_id])

    def untrue(self) -> list[str]:
        """Where what is taken of a guarantee is not what the postings say, in words; empty when all is right."""
        with self._connections.lend() as connection:
            rows = connection.execute(
                "SELECT guarantee_id, reserved, drawn, coalesce(booked_reserved, 0), coalesce(booked_drawn, 0) FROM guarantee LEFT JOIN ("
                " SELECT scheme, coalesce(sum(amount) FILTER (WHERE account = 'guarantee.reserved'), 0) AS booked_reserved,"
                " coalesce(sum(amount) FILTER (WHERE account = 'guarantee.drawn'), 0) AS booked_drawn FROM entry"
                " WHERE account IN ('guarantee.reserved', 'guarantee.drawn') GROUP BY scheme) booked"
                " ON scheme = guarantee_id ORDER BY 1"
            ).fetchall()
        return [
            f"guarantee {guarantee_id}: {shown(reserved)} reserved and {shown(drawn)} drawn,"
            f" the postings say {shown(booked_reserved)} and {shown(booked_drawn)}"
            for guarantee_id, reserved, drawn, booked_reserved, booked_drawn in rows
            if (reserved, drawn) != (booked_reserved, booked_drawn)
        ]

    def _read(self, tail: str, values: list[object]) -> list[Cover]:
        with self._connections.lend() as connection:
            rows = connection.execute(
                f"SELECT content, reserved, drawn FROM guarantee {tail}".encode(), values
            ).fetchall()
        return [Cover(grant=msgspec.json.decode(row[0], type=Grant), reserved=row[1], drawn=row[2]) for row in rows]


def _forget(connection: psycopg.Connection, declaration_ids: Sequence[int]) -> None:
    connection.execute("DELETE FROM waiting_for_cover WHERE declaration_id = ANY (%s)", [list(declaration_ids)])


def _refuse_other(connection: psycopg.Connection, grant: Grant) -> None:
    """What is reserved under a guarantee was reserved for one holder, place and currency: they stay."""
    row = connection.execute("SELECT content FROM guarantee WHERE guarantee_id = %s", [grant.guarantee_id]).fetchone()
    if row is None:
        return
    before = msgspec.json.decode(row[0], type=Grant)
    changed = [name for name in _NEVER_CHANGES if getattr(before, name) != getattr(grant, name)]
    if changed:
        raise ConflictError(
            f"guarantee {grant.guarantee_id} was granted with another {' and '.join(changed)}",
            hint="end it and grant a new one",
        )
