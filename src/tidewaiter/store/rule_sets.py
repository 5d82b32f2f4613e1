"""Rule sets in PostgreSQL: versions, every step, back-tests. A step and what it puts in use are one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.knowledge import PartKind
from tidewaiter.store.connections import Connections
from tidewaiter.store.parts import change_parts, hold_parts
from tidewaiter.workflow.rule_set_records import (
    Event,
    KeptBackTest,
    KeptHit,
    Key,
    Said,
    Step,
    Version,
    VersionState,
)
from tidewaiter.workflow.targeting import Change

BACK_TESTS_SHOWN = 100
_VERSION = (
    "SELECT s.name, s.jurisdiction_code, s.kind, v.version, v.state, v.revision, v.content, encode(v.digest, 'hex'), v.is_on_trial"
    " FROM rule_set_version v JOIN rule_set s USING (rule_set_id)"
)
_EVENT = (
    "SELECT e.event_id, e.version, e.step, e.state, e.revision, e.actor, e.words, e.recorded_at, e.content"
    " FROM rule_set_event e JOIN rule_set s USING (rule_set_id)"
)
_BACK_TEST = (
    "SELECT b.back_test_id, s.name, s.jurisdiction_code, s.kind, b.version, b.revision, encode(b.digest, 'hex'), b.since, b.until,"
    " b.actor, b.recorded_at, b.figures FROM back_test b JOIN rule_set s USING (rule_set_id)"
)
_OF_KEY = " WHERE s.name = %s AND s.jurisdiction_code = %s AND s.kind = %s"


class RuleSetTables:
    """`workflow.rule_set_records.RuleSetStore` in PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def all(self, kind: PartKind) -> list[tuple[Version, Event]]:
        """Every version of every one of a kind with its last step, these by name, their newest version first."""
        with self._connections.lend() as connection:
            versions = [_version(row) for row in connection.execute(
                _VERSION + " WHERE s.kind = %s ORDER BY s.name, s.jurisdiction_code, v.version DESC", [kind.value]
            )]  # fmt: skip
            last = {
                (row[0], row[1], row[3]): _event(row[2:])
                for row in connection.execute(
                    "SELECT DISTINCT ON (e.rule_set_id, e.version) s.name, s.jurisdiction_code, e.event_id, e.version, e.step,"
                    " e.state, e.revision, e.actor, e.words, e.recorded_at, NULL FROM rule_set_event e JOIN rule_set s"
                    " USING (rule_set_id) WHERE s.kind = %s ORDER BY e.rule_set_id, e.version, e.event_id DESC",
                    [kind.value],
                )
            }
        found = ((each, last.get((each.key.name, each.key.jurisdiction_code, each.version))) for each in versions)
        return [(each, event) for each, event in found if event is not None]

    def versions(self, key: Key) -> list[Version]:
        """The versions of one, the newest first; none where there is no such set."""
        with self._connections.lend() as connection:
            return _versions(connection, key)

    def events(self, key: Key) -> list[Event]:
        """What was done with a rule set, the oldest first."""
        with self._connections.lend() as connection:
            found = connection.execute(f"{_EVENT}{_OF_KEY} ORDER BY e.event_id", _values(key))
            return [_event(row) for row in found]

    @contextmanager
    def changing(self, key: Key) -> Iterator[ChangingRows]:
        """The rule set under change, made where there is none; kept where the block ends without error."""
        with self._connections.lend() as connection, connection.transaction():
            hold_parts(connection)
            connection.execute(
                "INSERT INTO rule_set (name, jurisdiction_code, kind) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                _values(key),
            )
            row = connection.execute(
                f"SELECT s.rule_set_id FROM rule_set s{_OF_KEY} FOR UPDATE", _values(key)
            ).fetchone()
            assert row is not None
            yield ChangingRows(connection, int(row[0]), key)

    def keep_back_test(self, done: KeptBackTest, hits: Sequence[KeptHit]) -> int:
        """Keep what a back-test found; its number (that of `done` is not looked at)."""
        with self._connections.lend() as connection, connection.transaction():
            row = connection.execute(
                "INSERT INTO back_test (rule_set_id, version, revision, digest, since, until, actor, recorded_at, figures)"
                f" SELECT s.rule_set_id, %s, %s, %s, %s, %s, %s, %s, %b FROM rule_set s{_OF_KEY} RETURNING back_test_id",
                [
                    done.version, done.revision, bytes.fromhex(done.digest), done.since, done.until, done.actor, done.at,
                    done.figures, *_values(done.key),
                ],
            ).fetchone()  # fmt: skip
            if row is None:
                raise NotFoundError(f"there is no rule set {done.key}")
            columns = "back_test_id, declaration_id, lane_before, lane_after, rule_ids"
            with connection.cursor().copy(f"COPY back_test_hit ({columns}) FROM STDIN") as copy:
                for hit in hits:
                    values = [row[0], hit.declaration_id, hit.lane_before.value, hit.lane_after.value, [*hit.rule_ids]]
                    copy.write_row(values)
        return int(row[0])

    def back_test(self, number: int) -> KeptBackTest:
        """One back-test. Raises NotFoundError."""
        with self._connections.lend() as connection:
            row = connection.execute(f"{_BACK_TEST} WHERE b.back_test_id = %s", [number]).fetchone()
        if row is None:
            raise NotFoundError(f"there is no back-test {number}", hint="tidewaiter risk set backtests NAME lists them")
        return _back_test(row)

    def back_tests(self, key: Key) -> list[KeptBackTest]:
        """Those of a rule set, the newest first, at most 100."""
        with self._connections.lend() as connection:
            found = connection.execute(
                f"{_BACK_TEST}{_OF_KEY} ORDER BY b.back_test_id DESC LIMIT {BACK_TESTS_SHOWN}", _values(key)
            )
            return [_back_test(row) for row in found]

    def hits(self, number: int, rule_id: str, after: int, limit: int) -> list[KeptHit]:
        """Parcels that a back-test hit, by number from `after` on; of one rule alone where `rule_id` is not empty."""
        of_rule = " AND %s = ANY (rule_ids)" if rule_id else ""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT declaration_id, lane_before, lane_after, rule_ids FROM back_test_hit WHERE back_test_id = %s"
                f" AND declaration_id > %s{of_rule} ORDER BY declaration_id LIMIT %s",
                [number, after, *([rule_id] if rule_id else []), limit],
            ).fetchall()
        return [
            KeptHit(declaration_id, Lane(old), Lane(new), tuple(rules)) for declaration_id, old, new, rules in found
        ]


class ChangingRows:
    """A rule set within a transaction that holds its row; made by `RuleSetTables.changing`."""

    def __init__(self, connection: psycopg.Connection, rule_set_id: int, key: Key) -> None:
        self._connection = connection
        self._rule_set_id = rule_set_id
        self._key = key

    def versions(self) -> list[Version]:
        """Every version, the newest first."""
        return _versions(self._connection, self._key)

    def version(self, number: int) -> Version:
        """One version. Raises NotFoundError."""
        for found in self.versions():
            if found.version == number:
                return found
        raise NotFoundError(f"there is no version {number} of {self._key}", hint="tidewaiter risk set list shows them")

    def events(self, number: int) -> list[Event]:
        """What was done with a version, the oldest first."""
        found = self._connection.execute(
            f"{_EVENT} WHERE e.rule_set_id = %s AND e.version = %s ORDER BY e.event_id", [self._rule_set_id, number]
        )
        return [_event(row) for row in found]

    def add(self, text: str, said: Said) -> Version:
        """Begin a new version, as a draft."""
        number = max((each.version for each in self.versions()), default=0) + 1
        self._connection.execute(
            "INSERT INTO rule_set_version (rule_set_id, version, state, revision, content) VALUES (%s, %s, 'draft', 1, %s)",
            [self._rule_set_id, number, text],
        )
        added = Version(key=self._key, version=number, state=VersionState.DRAFT, revision=1, text=text)
        self._tell(added, Step.WRITE, said)
        return added

    def step(self, anew: Version, step: Step, said: Said) -> Version:
        """Keep a version as it stands now, and the step that brought it there."""
        self._connection.execute(
            "UPDATE rule_set_version SET state = %s, is_on_trial = %s, revision = %s, content = %s, digest = %s"
            " WHERE rule_set_id = %s AND version = %s",
            [
                anew.state.value, anew.is_on_trial, anew.revision, anew.text,
                bytes.fromhex(anew.digest) if anew.digest else None, self._rule_set_id, anew.version,
            ],
        )  # fmt: skip
        self._tell(anew, step, said)
        return anew

    def use(self, changes: Sequence[Change], said: Said) -> None:
        """Put contents in use, or take them out. Raises NotFoundError for a content that is not kept."""
        change_parts(self._connection, changes, (said.actor, said.words, said.at))

    def _tell(self, anew: Version, step: Step, said: Said) -> None:
        self._connection.execute(
            "INSERT INTO rule_set_event (rule_set_id, version, step, state, revision, actor, words, recorded_at, content)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self._rule_set_id, anew.version, step.value, anew.state.value, anew.revision, said.actor, said.words,
                said.at, anew.text if step is Step.WRITE else None,
            ],
        )  # fmt: skip


def _values(key: Key) -> list[Any]:
    return [key.name, key.jurisdiction_code, key.kind.value]


def _versions(connection: psycopg.Connection, key: Key) -> list[Version]:
    found = connection.execute(f"{_VERSION}{_OF_KEY} ORDER BY v.version DESC", _values(key))
    return [_version(row) for row in found]


def _version(row: Sequence[Any]) -> Version:
    name, code, kind, number, state, revision, text, digest, is_on_trial = row
    return Version(
        key=Key(name, code, PartKind(kind)), version=number, state=VersionState(state), revision=revision, text=text, digest=digest or "",
        is_on_trial=is_on_trial,
    )  # fmt: skip


def _event(row: Sequence[Any]) -> Event:
    number, version, step, state, revision, actor, words, at, text = row
    return Event(
        event_id=number, version=version, step=Step(step), state=VersionState(state), revision=revision, actor=actor,
        words=words, at=at, text=text,
    )  # fmt: skip


def _back_test(row: Sequence[Any]) -> KeptBackTest:
    number, name, code, kind, version, revision, digest, since, until, actor, at, figures = row
    return KeptBackTest(
        back_test_id=number, key=Key(name, code, PartKind(kind)), version=version, revision=revision, digest=digest, since=since,
        until=until, actor=actor, at=at, figures=bytes(figures),
    )  # fmt: skip
