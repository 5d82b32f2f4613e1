"""Outcomes of examinations and links between parcels, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.outcome import ExaminationOutcome
from tidewaiter.risk.links import LinkKey, LinkKind
from tidewaiter.risk.links.expanding import DEGREE_MAX
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.outcome_records import Alert, AlertKind, KeptOutcome, OutcomeAnswerError, Telling, ToExamine

KEYS_AT_ONCE: Final = 1_000
_LOCK = 0x7469_6465_0026  # held while keys of a block are kept
_OUTCOME = (
    "SELECT o.outcome_id, o.content, o.recorded_at, o.recorded_by, o.corrects, m.declaration_id, m.version, a.is_approved,"
    " coalesce(a.answered_by, ''), {corrected} FROM examination_outcome o LEFT JOIN outcome_match m USING (outcome_id)"
    " LEFT JOIN outcome_answer a USING (outcome_id)"
)
# A correction takes effect as any other: what it corrects stands until it is approved.
_CORRECTED = (
    "EXISTS (SELECT FROM examination_outcome c LEFT JOIN outcome_answer ca USING (outcome_id) WHERE c.corrects ="
    " o.outcome_id AND coalesce(ca.is_approved, c.is_in_order))"
)
_SELECT = _OUTCOME.format(corrected=_CORRECTED)
_IN_EFFECT = f"m.declaration_id IS NOT NULL AND coalesce(a.is_approved, o.is_in_order) AND NOT {_CORRECTED}"
# What waits for approval was examined: it is not sent to be examined again.
_TO_EXAMINE = f"""
SELECT d.declaration_id, d.functional_reference_id, d.registered_id, d.description, coalesce(d.block_id, b.block_id),
       coalesce(d.block_index, d.position - b.first_position), d.count
FROM (SELECT d.*, count(*) OVER () AS count FROM declaration d
      WHERE d.state = 'under_control' AND NOT EXISTS (
        SELECT FROM outcome_match m JOIN examination_outcome o USING (outcome_id) LEFT JOIN outcome_answer a USING (outcome_id)
        WHERE m.declaration_id = d.declaration_id AND a.is_approved IS NULL AND NOT o.is_in_order AND NOT {_CORRECTED})
      ORDER BY d.declaration_id LIMIT %s) d
LEFT JOIN LATERAL (SELECT block_id, first_position FROM evidence_block
                   WHERE message_id = d.message_id AND first_position <= d.position
                   ORDER BY first_position DESC LIMIT 1) b ON d.block_id IS NULL
ORDER BY d.declaration_id
"""
_ALERT = "SELECT outcome_id, declaration_id, strength, words, done, done_words, told_at FROM link_alert"

Lend = Callable[[], AbstractContextManager[psycopg.Connection]]


class PostgresOutcomes:
    """See `workflow.outcome_records.OutcomeBook`."""

    def __init__(self, lend: Lend) -> None:
        self._lend = lend

    def keep(self, telling: Telling) -> tuple[int, bool]:
        """Its number, and whether it is new; what is not approved yet waits."""
        outcome, content = telling.outcome, canonical_bytes(telling.outcome)
        with self._lend() as connection:
            known = bytes.fromhex(digest(content))
            if telling.corrects is not None:
                _refuse_corrected(connection, telling.corrects, known)
            row = connection.execute(
                "INSERT INTO examination_outcome (digest, content, reference, is_in_order, is_seized, examined_at,"
                " recorded_at, recorded_by, corrects) VALUES (%b, %b, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (digest) DO NOTHING RETURNING outcome_id",
                [
                    known, content, outcome.reference.replace("\x00", ""), outcome.is_in_order, outcome.is_seized, outcome.examined_at,
                    telling.at, telling.by, telling.corrects,
                ],
            ).fetchone()  # fmt: skip
            if row is not None:
                return int(row[0]), True
            row = connection.execute("SELECT outcome_id FROM examination_outcome WHERE digest = %b", [known]).fetchone()
        assert row is not None
        return int(row[0]), False

    def match(self, outcome_id: int, declaration_id: int, version: int, at: datetime) -> None:
        """It is of this declaration. What is matched already stays so."""
        with self._lend() as connection:
            connection.execute(
                "INSERT INTO outcome_match VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [outcome_id, declaration_id, version, at],
            )

    def answer(self, outcome_id: int, by: str, at: datetime, words: str, *, is_approved: bool) -> None:
        """Keep the answer. Raises OutcomeAnswerError where there is one."""
        with self._lend() as connection:
            done = connection.execute(
                "INSERT INTO outcome_answer VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [outcome_id, is_approved, by, at, words.replace("\x00", "")],
            )
        if done.rowcount != 1:
            before = self.one(outcome_id)
            what = "approved" if before.is_approved else "refused"
            raise OutcomeAnswerError(f"outcome {outcome_id} was {what} by {before.answered_by} before")

    def one(self, outcome_id: int) -> KeptOutcome:
        """One outcome. Raises NotFoundError."""
        for found in self._read("WHERE o.outcome_id = %s", [outcome_id]):
            return found
        raise NotFoundError(f"no outcome {outcome_id} is kept", hint="tidewaiter outcome list")

    def of(self, declaration_id: int) -> list[KeptOutcome]:
        """Those of one declaration, the first told first."""
        return self._read("WHERE m.declaration_id = %s ORDER BY o.outcome_id", [declaration_id])

    def latest(self, limit: int) -> list[KeptOutcome]:
        """The last told first."""
        return self._read("ORDER BY o.outcome_id DESC LIMIT %s", [limit])

    def unmatched(self, limit: int) -> list[KeptOutcome]:
        """Those whose declaration has not come, the first told first."""
        return self._read("WHERE m.outcome_id IS NULL ORDER BY o.outcome_id LIMIT %s", [limit])

    def to_examine(self, limit: int) -> tuple[list[ToExamine], int]:
        """Under control and without an outcome that waits for approval, the longest there first; and how many there are."""
        with self._lend() as connection:
            found = connection.execute(_TO_EXAMINE.encode(), [limit]).fetchall()
        told = [
            ToExamine(
                declaration_id=row[0], functional_reference_id=row[1], registered_id=row[2], description=row[3],
                place=(row[4], row[5]),
            )
            for row in found
        ]  # fmt: skip
        return told, found[0][6] if found else 0

    def between(self, since: datetime, until: datetime) -> list[KeptOutcome]:
        """Those in effect of examinations of a time, the last one told of each declaration, by declaration."""
        return self._read(
            f"JOIN (SELECT max(o.outcome_id) AS last FROM examination_outcome o LEFT JOIN outcome_match m USING (outcome_id)"
            f" LEFT JOIN outcome_answer a USING (outcome_id) WHERE {_IN_EFFECT} AND o.examined_at >= %s"
            " AND o.examined_at < %s GROUP BY m.declaration_id) l ON l.last = o.outcome_id ORDER BY m.declaration_id",
            [since, until],
        )

    def seizures_to_follow(self) -> list[KeptOutcome]:
        """Seizures in effect whose links were not followed yet, the first told first."""
        return self._read(
            f"WHERE o.is_seized AND {_IN_EFFECT} AND NOT EXISTS (SELECT FROM seizure_followed f WHERE f.outcome_id ="
            " o.outcome_id) ORDER BY o.outcome_id",
            [],
        )

    def seizures(self, since: datetime) -> list[KeptOutcome]:
        """Seizures in effect, examined from then on."""
        return self._read(f"WHERE o.is_seized AND {_IN_EFFECT} AND o.examined_at >= %s ORDER BY o.outcome_id", [since])

    def version_at(self, declaration_id: int, at: datetime) -> int:
        """The version of a declaration that stood then; the latest where none was replaced since."""
        with self._lend() as connection:
            row = connection.execute(
                "SELECT coalesce((SELECT min(version) FROM declaration_version WHERE declaration_id = %s AND"
                " superseded_at > %s), (SELECT version FROM declaration WHERE declaration_id = %s), 1)",
                [declaration_id, at, declaration_id],
            ).fetchone()
        return int(row[0]) if row else 1

    def __call__(self, declaration_ids: Sequence[int], /) -> Mapping[int, bool]:
        """Of these declarations those with an outcome in effect: True where something was not in order."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT DISTINCT ON (m.declaration_id) m.declaration_id, NOT o.is_in_order FROM outcome_match m"
                " JOIN examination_outcome o USING (outcome_id) LEFT JOIN outcome_answer a USING (outcome_id)"
                f" WHERE m.declaration_id = ANY(%s) AND {_IN_EFFECT} ORDER BY m.declaration_id, o.outcome_id DESC".encode(),
                [list(declaration_ids)],
            ).fetchall()
        return dict(found)

    def _read(self, condition: str, values: list[Any]) -> list[KeptOutcome]:
        with self._lend() as connection:
            found = connection.execute(f"{_SELECT} {condition}".encode(), values).fetchall()
        return [
            KeptOutcome(
                outcome_id=row[0], outcome=msgspec.json.decode(row[1], type=ExaminationOutcome), recorded_at=row[2],
                recorded_by=row[3], corrects=row[4], declaration_id=row[5], version=row[6], is_approved=row[7],
                answered_by=row[8], is_corrected=row[9],
            )
            for row in found
        ]  # fmt: skip


class PostgresLinks:
    """See `workflow.outcome_records.LinkBook`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def position(self) -> int:
        """The last block of evidence whose keys are kept."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT block_id FROM link_position").fetchone()
        return int(row[0]) if row else 0

    def keep(self, block_id: int, keys: Iterable[tuple[int, Sequence[LinkKey]]]) -> None:
        """Keep the keys of a block's declarations in place of those before, and move the position to it."""
        told = list(keys)
        with self._connections.lend() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            connection.execute("DELETE FROM link_key WHERE declaration_id = ANY(%s)", [[number for number, _ in told]])
            rows = sorted({(key.number, key.kind.value, number) for number, each in told for key in each})
            with (
                connection.cursor() as cursor,
                cursor.copy("COPY link_key (number, kind, declaration_id) FROM STDIN") as copy,
            ):
                for row in rows:
                    copy.write_row(row)
            connection.execute("UPDATE link_position SET block_id = greatest(block_id, %s)", [block_id])

    def keys_of(self, declaration_ids: Sequence[int]) -> Mapping[int, Sequence[LinkKey]]:
        """The keys of these declarations."""
        found: dict[int, list[LinkKey]] = {}
        with self._connections.lend() as connection:
            for number, kind, declaration_id in connection.execute(
                "SELECT number, kind, declaration_id FROM link_key WHERE declaration_id = ANY(%s) ORDER BY 1, 2",
                [list(declaration_ids)],
            ):
                found.setdefault(declaration_id, []).append(LinkKey(LinkKind(kind), number))
        return found

    def sharing(self, keys: Sequence[LinkKey]) -> Mapping[LinkKey, Sequence[int]]:
        """The declarations of each key; of one that very many share, one more than are followed."""
        found: dict[LinkKey, list[int]] = {}
        with self._connections.lend() as connection:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                part = keys[start : start + KEYS_AT_ONCE]
                for number, kind, declaration_id in connection.execute(
                    "SELECT w.number, w.kind, l.declaration_id FROM unnest(%s::bigint[], %s::text[]) AS w (number, kind),"
                    " LATERAL (SELECT declaration_id FROM link_key k WHERE k.number = w.number AND k.kind = w.kind"
                    " ORDER BY declaration_id LIMIT %s) l",
                    [[key.number for key in part], [key.kind.value for key in part], DEGREE_MAX + 1],
                ):
                    found.setdefault(LinkKey(LinkKind(kind), number), []).append(declaration_id)
        return found

    def alert(self, alert: Alert) -> None:
        """Keep an alert, in place of one before of the same seizure and declaration."""
        with self._connections.lend() as connection:
            connection.execute(
                "INSERT INTO link_alert VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (outcome_id, declaration_id)"
                " DO UPDATE SET strength = EXCLUDED.strength, words = EXCLUDED.words, done = EXCLUDED.done,"
                " done_words = EXCLUDED.done_words, told_at = EXCLUDED.told_at",
                [
                    alert.outcome_id, alert.declaration_id, alert.strength, alert.words, alert.done.value,
                    alert.done_words, alert.told_at,
                ],
            )  # fmt: skip

    def followed(self, outcome_id: int, at: datetime) -> None:
        """The links of this seizure were followed."""
        with self._connections.lend() as connection:
            connection.execute("INSERT INTO seizure_followed VALUES (%s, %s) ON CONFLICT DO NOTHING", [outcome_id, at])

    def alerts(self, limit: int) -> list[Alert]:
        """The last first."""
        return self._alerts("ORDER BY outcome_id DESC, strength DESC, declaration_id LIMIT %s", limit)

    def alerts_of(self, declaration_id: int) -> list[Alert]:
        """Those of one declaration."""
        return self._alerts("WHERE declaration_id = %s ORDER BY outcome_id", declaration_id)

    def _alerts(self, condition: str, value: int) -> list[Alert]:
        with self._connections.lend() as connection:
            found = connection.execute(f"{_ALERT} {condition}".encode(), [value]).fetchall()
        return [
            Alert(
                outcome_id=row[0], declaration_id=row[1], strength=row[2], words=row[3], done=AlertKind(row[4]),
                done_words=row[5], told_at=row[6],
            )
            for row in found
        ]  # fmt: skip


def _refuse_corrected(connection: psycopg.Connection, outcome_id: int, own: bytes) -> None:
    """Raises NotFoundError where there is none of this number, ConflictError where another corrects it already."""
    if connection.execute("SELECT FROM examination_outcome WHERE outcome_id = %s", [outcome_id]).fetchone() is None:
        raise NotFoundError(f"no outcome {outcome_id} is kept to be corrected", hint="tidewaiter outcome list")
    other = connection.execute(
        "SELECT outcome_id FROM examination_outcome WHERE corrects = %s AND digest <> %b", [outcome_id, own]
    ).fetchone()
    if other is not None:
        raise ConflictError(f"outcome {outcome_id} is corrected by {other[0]}", hint="correct that one")
