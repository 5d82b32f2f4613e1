"""The record on PostgreSQL: entries numbered under the writer's lock, and the keys and fields that open them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import psycopg
import zstandard
from msgspec import Struct

from tidewaiter.ledger.appending import frontier_of as edge_of
from tidewaiter.ledger.commitments import KEY_BYTES, entry_seed, root_over, scope_id
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf, bucket, key_number
from tidewaiter.ledger.merkle import Frontier, leaf_hash
from tidewaiter.ledger.tiles import TILE_WIDTH
from tidewaiter.ledger.wire import written_base64
from tidewaiter.store.connections import Connections
from tidewaiter.store.settings import RECORD_KEY_VARIABLE, RECORD_NAME_VARIABLE
from tidewaiter.workflow.recording import HOLD_LABEL, LIFTED_LABEL, Recording, is_releasing, leaf_of, lifted_by

ENTRY_COLUMNS: Final = "origin_id, leaf_index, subject, label, entry"
ENTRY_TEXT_COLUMNS: Final = "subject, label, entry"
KEY_COLUMNS: Final = "subject, key"
COMPRESSION_LEVEL: Final = 3
ENTRIES_READ: Final = 4_096  # at a time, where the edge of a log is worked out
ORIGIN_SUBJECT: Final = "record"
CLOSED_LABEL: Final = "closed"
CLOSED: Final = "epoch_closed"
_LOG_KEY: Final = b"tidewaiter log key v1\n"
NOBODY: Final = "0" * 32

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Identity(Struct, frozen=True):
    """Who keeps the record: its name, the seed of the key that signs its checkpoints, and how entries name that key."""

    name: str
    seed: bytes
    actor: str

    def __repr__(self) -> str:
        return f"Identity({self.name!r}, …)"

    def key(self, origin: str) -> SignerKey:
        """The key that signs the checkpoints of one of its logs: each has its own, as policies ask."""
        return SignerKey(origin, KeyType.ED25519, hmac.digest(self.seed, _LOG_KEY + origin.encode(), "sha256"))

    def origin(self, year: int) -> str:
        """What the log of a year is called."""
        return f"{self.name}/{year}"


class RecordKeeper:
    """Who keeps the record, read once, and which years' logs are known to be open; one for each store, safe in threads."""

    def __init__(self, connections: Connections, environment: Mapping[str, str] | None = None) -> None:
        self._connections = connections
        self._environment = os.environ if environment is None else environment
        self._found: Identity | None = None
        self.latest_year = 0

    @property
    def identity(self) -> Identity:
        """The name and key: the environment's where they are set, else those drawn for the database."""
        if self._found is None:
            with self._connections.lend() as connection:
                row = connection.execute("SELECT name, seed FROM record_secret").fetchone()
            assert row is not None
            secret = self._environment.get(RECORD_KEY_VARIABLE, "")
            seed = hashlib.sha256(secret.encode()).digest() if secret else bytes(row[1])
            name = self._environment.get(RECORD_NAME_VARIABLE, "") or row[0]
            public = SignerKey(name, KeyType.ED25519, seed).verifier.public
            self._found = Identity(name, seed, key_number(public))
        return self._found

    def within(self, connect: Callable[[], psycopg.Connection]) -> PostgresRecord:
        """The record within a transaction on the connection that `connect` gives."""
        return PostgresRecord(connect, self)


class PostgresRecord:
    """See `workflow.recording.Record`; `connect` gives the writer's connection, in its transaction.

    What is appended is written by `flush`, all of it together and when everything else was: from then on nobody else
    numbers entries until commit.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], keeper: RecordKeeper) -> None:
        self._connect = connect
        self._keeper = keeper
        self._opened = 0
        self._waiting: list[Recording | bytes] = []  # recordings, and entries that were made before
        self._keys_made: list[bytes] = []
        self._payloads: list[tuple[str, str, bytes]] = []
        self._at: datetime | None = None

    def append(self, recordings: Sequence[Recording]) -> None:
        """Have an entry written for each with its fields; see `workflow.recording.Record`."""
        self.append_kept(recordings)
        self._payloads += [
            (each.subject, each.label, zstandard.compress(msgspec.json.encode(list(each.fields)), COMPRESSION_LEVEL))
            for each in recordings
        ]

    def append_kept(self, recordings: Sequence[Recording]) -> None:
        """Have an entry written for each, whose fields are found elsewhere."""
        for each in recordings:
            Leaf.parse(leaf_of(each, NOBODY, NOBODY, root_over(bytes(KEY_BYTES), each.fields)).entry())
            self._waiting.append(each)
            self._note(each.at)

    def append_made(self, entries: bytes, keys: bytes, at: datetime) -> None:
        """Have entries written that were made elsewhere under new keys, both as COPY text."""
        if entries:
            self._waiting.append(entries)
            self._keys_made.append(keys)
            self._note(at)

    def open_year(self, at: datetime) -> None:
        """Have the log of the year of this moment open for entries that are written by a statement of their own."""
        if at.astimezone(UTC).year > max(self._keeper.latest_year, self._opened):
            self._end(at)

    def flush(self) -> None:
        """Write what was appended."""
        if not self._waiting or self._at is None:
            return
        self._lift()
        connection, lines = self._connect(), []
        waiting = [each for each in self._waiting if isinstance(each, Recording)]
        with connection.cursor() as cursor:
            if self._keys_made:
                with cursor.copy(f"COPY record_key ({KEY_COLUMNS}) FROM STDIN") as copy:
                    copy.write(b"".join(self._keys_made))
            if self._payloads:
                cursor.executemany(
                    "INSERT INTO record_payload (subject, label, content) VALUES (%s, %s, %b)", self._payloads
                )
        keys = self._keys(list(dict.fromkeys(each.subject for each in waiting))) if waiting else {}
        actor = self._keeper.identity.actor if waiting else ""
        for each in self._waiting:
            if isinstance(each, Recording):
                key = keys[each.subject]
                leaf = leaf_of(each, actor, scope_id(key), root_over(entry_seed(key, each.label), each.fields))
                lines.append(entry_line(each.subject, each.label, leaf.entry()).encode())
            else:
                lines.append(each)
        self._write(*self._end(self._at), b"".join(lines))
        self._waiting, self._keys_made, self._payloads = [], [], []

    def mark(self) -> tuple[int, int, int, int]:
        """How much was appended so far, for `go_back`."""
        return len(self._waiting), len(self._keys_made), len(self._payloads), self._opened

    def go_back(self, mark: tuple[int, int, int, int]) -> None:
        """Forget what was appended since a mark, and that a year was opened: that is undone as well."""
        waiting, keys_made, payloads, self._opened = mark
        del self._waiting[waiting:], self._keys_made[keys_made:], self._payloads[payloads:]

    def held(self, subjects: Sequence[str]) -> set[str]:
        """Which of these are held, as the record has it; see `workflow.recording.Record`."""
        found = self._held_before(subjects) if subjects else set()
        for each in self._waiting:
            if isinstance(each, Recording) and each.subject in subjects:
                if each.label.startswith(HOLD_LABEL):
                    found.add(each.subject)
                elif is_releasing(each):
                    found.discard(each.subject)
        return found

    def _held_before(self, subjects: Sequence[str]) -> set[str]:
        last = (
            "SELECT subject FROM record_entry WHERE subject = ANY(%s) AND (label LIKE %s OR label LIKE %s) GROUP BY subject"
            " HAVING (array_agg(label ORDER BY origin_id DESC, leaf_index DESC))[1] LIKE %s"
        )
        parameters = [list(subjects), f"{HOLD_LABEL}%", f"{LIFTED_LABEL}%", f"{HOLD_LABEL}%"]
        return {row[0] for row in self._connect().execute(last, parameters)}

    def _lift(self) -> None:
        """Where goods that were held are released, the entry before says that the hold is over."""
        waiting = self._waiting
        subjects = [each.subject for each in waiting if isinstance(each, Recording) and is_releasing(each)]
        if not subjects:
            return
        held, self._waiting = self._held_before(subjects), []
        for each in waiting:
            if isinstance(each, Recording) and each.label.startswith(HOLD_LABEL):
                held.add(each.subject)
            elif isinstance(each, Recording) and is_releasing(each) and each.subject in held:
                held.discard(each.subject)
                self.append([lifted_by(each)])
            self._waiting.append(each)

    def committed(self) -> None:
        """The transaction was committed: what it opened is open for all."""
        self._keeper.latest_year = max(self._keeper.latest_year, self._opened)

    def _note(self, at: datetime) -> None:
        self._at = at if self._at is None else max(self._at, at)

    def _write(self, origin_id: int, first: int, lines: bytes) -> None:
        numbered = b"".join(
            b"%d\t%d\t%b" % (origin_id, index, line)
            for index, line in enumerate(lines.splitlines(keepends=True), first)
        )
        with (
            self._connect().cursor() as cursor,
            cursor.copy(f"COPY record_entry ({ENTRY_COLUMNS}) FROM STDIN") as copy,
        ):
            copy.write(numbered)

    def _end(self, at: datetime) -> tuple[int, int]:
        """The log that is open at this moment, and the number of its next entry; nobody else gets it until commit.

        A moment of an earlier year than that of the last log changes nothing: a log that was closed is closed.
        """
        connection, year = self._connect(), at.astimezone(UTC).year
        row = connection.execute("SELECT origin_id, leaf_index FROM record_end()").fetchone()
        assert row is not None
        if year <= max(self._keeper.latest_year, self._opened):
            return row[0], row[1]
        last = connection.execute(
            "SELECT origin_id, origin, year FROM record_origin ORDER BY origin_id DESC LIMIT 1"
        ).fetchone()
        if last is not None and last[2] >= year:
            self._opened = last[2]
            return row[0], row[1]
        self._opened = year
        return self._open(last, at.astimezone(UTC))

    def _open(self, last: tuple[Any, ...] | None, at: datetime) -> tuple[int, int]:
        """Close the last log, and open that of a year with what the last came to."""
        connection, identity = self._connect(), self._keeper.identity
        origin_id = 1 if last is None else last[0] + 1
        connection.execute(
            "INSERT INTO record_origin (origin_id, origin, year, opened_at) VALUES (%s, %s, %s, %s)",
            [origin_id, identity.origin(at.year), at.year, at],
        )
        if last is None:
            return origin_id, 0
        edge = frontier_of(connection, last[0])
        connection.execute(
            "UPDATE record_origin SET size = %s, root = %b WHERE origin_id = %s", [edge.size, edge.root, last[0]]
        )
        (key,) = self._keys([ORIGIN_SUBJECT]).values()
        label = f"{CLOSED_LABEL}:{last[2]}"
        leaf = Leaf(
            actor=identity.actor,
            at=bucket(at),
            commitment=root_over(entry_seed(key, label), ()),
            facts={"origin": last[1], "root": written_base64(edge.root), "size": edge.size},
            scope=scope_id(key),
            type=CLOSED,
        )
        self._write(origin_id, 0, entry_line(ORIGIN_SUBJECT, label, leaf.entry()).encode())
        return origin_id, 1

    def _keys(self, subjects: list[str]) -> dict[str, bytes]:
        """The keys of subjects; made where there is none, and made anew where it was erased."""
        connection = self._connect()
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
    """The right edge of a log: its sealed part out of the tiles, and all entries behind that.

    Whoever closes a log has nobody else write meanwhile, so it reads what came since the last seal, not the year.
    """
    row = connection.execute("SELECT size FROM record_checkpoint WHERE origin_id = %s", [origin_id]).fetchone()
    edge = edge_of(row[0], hashes_at(connection, origin_id, row[0])) if row else Frontier()
    while True:
        found = entries_of(connection, origin_id, edge.size, edge.size + ENTRIES_READ)
        if not found:
            return edge
        edge = edge.extended(leaf_hash(entry) for entry in found)


def entries_of(connection: psycopg.Connection, origin_id: int, first: int, end: int) -> list[bytes]:
    """The entries of a log from one on, up to and without `end`."""
    found = connection.execute(
        "SELECT entry FROM record_entry WHERE origin_id = %s AND leaf_index >= %s AND leaf_index < %s ORDER BY leaf_index",
        [origin_id, first, end],
    ).fetchall()
    return [entry for (entry,) in found]


def hashes_of(connection: psycopg.Connection, origin_id: int, level: int, span: tuple[int, int]) -> list[bytes]:
    """The hashes of nodes at a level of tiles: of entries, or over the full tiles of the level below."""
    if level == 0:
        return [leaf_hash(entry) for entry in entries_of(connection, origin_id, *span)]
    found = connection.execute(
        "SELECT top FROM record_tile WHERE origin_id = %s AND level = %s AND tile_index >= %s AND tile_index < %s"
        " ORDER BY tile_index",
        [origin_id, level - 1, *span],
    ).fetchall()
    return [top for (top,) in found]


def hashes_at(connection: psycopg.Connection, origin_id: int, size: int) -> list[list[bytes]]:
    """The hashes of the partial tiles at the edge of the sealed part of a log, by level."""
    levels, left, level = [], size, 0
    while left:
        levels.append(hashes_of(connection, origin_id, level, (left - left % TILE_WIDTH, left)))
        left, level = left // TILE_WIDTH, level + 1
    return levels


def entry_line(subject: str, label: str, entry: bytes) -> str:
    """An entry as COPY text, but for its number."""
    # Entries are printable ASCII, which bytea reads as it stands but for the backslash; COPY wants that doubled again.
    written = entry.decode("ascii")
    if "\\" in written:
        written = written.replace("\\", "\\\\\\\\")
    return f"{subject.translate(_ESCAPES)}\t{label.translate(_ESCAPES)}\t{written}\n"


def made_under_new_key(recording: Recording, actor: str) -> tuple[str, str]:
    """The entry of a recording on a subject that has no key yet, and the key, both as COPY text.

    Nothing of it needs to be escaped: subject, label and facts are a decision's.
    """
    key = secrets.token_bytes(KEY_BYTES)
    leaf = leaf_of(recording, actor, scope_id(key), root_over(entry_seed(key, recording.label), recording.fields))
    subject = recording.subject
    return f"{subject}\t{recording.label}\t{leaf.entry().decode()}\n", f"{subject}\t\\\\x{key.hex()}\n"
