"""The record on PostgreSQL: entries numbered under the writer's lock, and the keys and fields that open them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg
import zstandard
from msgspec import Struct

from tidewaiter.ledger.commitments import KEY_BYTES, entry_seed, root_over, scope_id
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf, bucket, key_number
from tidewaiter.ledger.merkle import Frontier, leaf_hash
from tidewaiter.ledger.wire import written_base64
from tidewaiter.store.connections import Connections
from tidewaiter.store.settings import RECORD_KEY_VARIABLE, RECORD_NAME_VARIABLE
from tidewaiter.workflow.recording import Recording, leaf_of

ENTRY_COLUMNS: Final = "origin_id, leaf_index, subject, label, entry"
KEY_COLUMNS: Final = "subject, key"
COMPRESSION_LEVEL: Final = 3
ENTRIES_READ: Final = 4_096  # at a time, where a whole log is gone through
ORIGIN_SUBJECT: Final = "record"
CLOSED_LABEL: Final = "closed"

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_PAYLOAD: Final = msgspec.json.Decoder(tuple[tuple[str, str], ...])


class Identity(Struct, frozen=True):
    """Who keeps the record: its name, and the seed of the key that signs its checkpoints and answers for its entries."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, …)"

    def key(self, origin: str) -> SignerKey:
        """The key that signs the checkpoints of one of its logs."""
        return SignerKey(origin, KeyType.ED25519, self.seed)

    @property
    def actor(self) -> str:
        """How entries name the key."""
        return key_number(self.key(self.name).verifier.public)

    def origin(self, year: int) -> str:
        """What the log of a year is called."""
        return f"{self.name}/{year}"


class Years:
    """Which years' logs are known to be open; one for each store, shared by its writers."""

    def __init__(self) -> None:
        self.latest = 0


class RecordIdentity:
    """Reads who keeps the record, once."""

    def __init__(self, connections: Connections, environment: Mapping[str, str] | None = None) -> None:
        self._connections = connections
        self._environment = os.environ if environment is None else environment
        self._found: Identity | None = None

    def __call__(self) -> Identity:
        """The name and key: the environment's where they are set, else those drawn for the database."""
        if self._found is None:
            with self._connections.lend() as connection:
                row = connection.execute("SELECT name, seed FROM record_secret").fetchone()
            assert row is not None
            secret = self._environment.get(RECORD_KEY_VARIABLE, "")
            seed = hashlib.sha256(secret.encode()).digest() if secret else bytes(row[1])
            self._found = Identity(self._environment.get(RECORD_NAME_VARIABLE, "") or row[0], seed)
        return self._found


class PostgresRecord:
    """See `workflow.recording.Record`; `connect` gives the writer's connection, in its transaction."""

    def __init__(self, connect: Callable[[], psycopg.Connection], identity: RecordIdentity, years: Years) -> None:
        self._connect = connect
        self._identity = identity
        self._years = years

    def append(self, recordings: Sequence[Recording]) -> None:
        """Write an entry for each with its fields; see `workflow.recording.Record`."""
        if not recordings:
            return
        self.append_bare(recordings)
        contents = [
            (each.subject, each.label, zstandard.compress(msgspec.json.encode(list(each.fields)), COMPRESSION_LEVEL))
            for each in recordings
        ]
        with self._connect().cursor() as cursor:
            cursor.executemany("INSERT INTO record_payload (subject, label, content) VALUES (%s, %s, %b)", contents)

    def append_bare(self, recordings: Sequence[Recording]) -> None:
        """Write an entry for each, whose fields are found elsewhere."""
        if not recordings:
            return
        connection = self._connect()
        self.open_year(connection, max(each.at for each in recordings))
        keys = self._keys(connection, list(dict.fromkeys(each.subject for each in recordings)))
        actor = self._identity().actor
        lines = []
        for each in recordings:
            key = keys[each.subject]
            leaf = leaf_of(each, actor, scope_id(key), root_over(entry_seed(key, each.label), each.fields))
            lines.append(entry_line(each.subject, each.label, Leaf.parse(leaf.entry()).entry()))
        self.write("".join(lines).encode())

    def write(self, lines: bytes) -> None:
        """Number entries that were made before, as `entry_line` writes them, and write them."""
        connection = self._connect()
        row = connection.execute("SELECT origin_id, leaf_index FROM record_end()").fetchone()
        assert row is not None
        origin_id, first = row
        numbered = b"".join(
            b"%d\t%d\t%b" % (origin_id, index, line)
            for index, line in enumerate(lines.splitlines(keepends=True), first)
        )
        with connection.cursor() as cursor, cursor.copy(f"COPY record_entry ({ENTRY_COLUMNS}) FROM STDIN") as copy:
            copy.write(numbered)

    def open_year(self, connection: psycopg.Connection, at: datetime) -> None:
        """Have the log of the year of this moment open, in the writer's transaction; the last one is closed then.

        A moment of an earlier year changes nothing: a log that was closed is closed.
        """
        year = at.astimezone(UTC).year
        if year <= self._years.latest:
            return
        row = connection.execute(
            "SELECT origin_id, origin, year FROM record_origin ORDER BY origin_id DESC LIMIT 1"
        ).fetchone()
        if row is None or row[2] < year:
            self._open(connection, row, at.astimezone(UTC))
        self._years.latest = max(year, row[2] if row else 0)

    def _open(self, connection: psycopg.Connection, last: tuple[Any, ...] | None, at: datetime) -> None:
        identity = self._identity()
        origin_id, facts = 1, dict[str, str | int]()
        if last is not None:
            edge = frontier_of(connection, last[0])
            connection.execute(
                "UPDATE record_origin SET size = %s, root = %b WHERE origin_id = %s", [edge.size, edge.root, last[0]]
            )
            origin_id = last[0] + 1
            facts = {"origin": last[1], "root": written_base64(edge.root), "size": edge.size}
        connection.execute(
            "INSERT INTO record_origin (origin_id, origin, year, opened_at) VALUES (%s, %s, %s, %s)",
            [origin_id, identity.origin(at.year), at.year, at],
        )
        if last is not None:
            (key,) = self._keys(connection, [ORIGIN_SUBJECT]).values()
            label = f"{CLOSED_LABEL}:{last[2]}"
            leaf = Leaf(
                actor=identity.actor, at=bucket(at), commitment=root_over(entry_seed(key, label), ()), facts=facts,
                scope=scope_id(key), type="epoch_closed",
            )  # fmt: skip
            self.write(entry_line(ORIGIN_SUBJECT, label, leaf.entry()).encode())

    def _keys(self, connection: psycopg.Connection, subjects: list[str]) -> dict[str, bytes]:
        """The keys of subjects; made where there is none, and made anew where it was erased."""
        found: dict[str, bytes] = dict(
            connection.execute(
                "SELECT subject, key FROM record_key WHERE subject = ANY (%s) AND key IS NOT NULL", [subjects]
            ).fetchall()
        )
        missing = {subject: secrets.token_bytes(KEY_BYTES) for subject in subjects if subject not in found}
        if missing:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO record_key (subject, key) VALUES (%s, %b)"
                    " ON CONFLICT (subject) DO UPDATE SET key = excluded.key",
                    list(missing.items()),
                )
        return {**found, **missing}


def frontier_of(connection: psycopg.Connection, origin_id: int) -> Frontier:
    """The right edge of a log, worked out from all its entries."""
    edge = Frontier()
    while True:
        found = connection.execute(
            "SELECT entry FROM record_entry WHERE origin_id = %s AND leaf_index >= %s ORDER BY leaf_index LIMIT %s",
            [origin_id, edge.size, ENTRIES_READ],
        ).fetchall()
        if not found:
            return edge
        edge = edge.extended(leaf_hash(entry) for (entry,) in found)


def entry_line(subject: str, label: str, entry: bytes) -> str:
    """An entry as COPY text, but for its number."""
    # Entries are printable ASCII, which bytea reads as it stands but for the backslash; COPY wants that doubled again.
    written = entry.decode("ascii")
    if "\\" in written:
        written = written.replace("\\", "\\\\\\\\")
    return f"{subject.translate(_ESCAPES)}\t{label.translate(_ESCAPES)}\t{written}\n"
