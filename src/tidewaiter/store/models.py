"""Versions of models in PostgreSQL: how they stand and what is in use change in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
import zstandard

from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.risk import PartKind
from tidewaiter.store.connections import Connections
from tidewaiter.store.parts import change_parts, hold_parts
from tidewaiter.workflow.model_records import (
    Act,
    KeptDrift,
    ModelEvent,
    ModelState,
    ModelStep,
    ModelVersion,
    Move,
    Registering,
)
from tidewaiter.workflow.targeting import Change

DRIFTS_READ: Final = 50
_COLUMNS: Final = "version_id, name, jurisdiction_code, encode(digest, 'hex'), state, is_on_trial, registered_by, registered_at, words"
_HINT: Final = "tidewaiter score list shows them"


class PostgresModels:
    """See `workflow.model_records.ModelBook`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def register(self, model: Registering, act: Act) -> ModelVersion:
        """Keep a model with its card."""
        digest = bytes.fromhex(model.digest)
        with self._connections.lend() as connection, connection.transaction():
            connection.execute(
                "INSERT INTO knowledge (digest, kind, content, first_used_at) VALUES (%s, %s, %b, %s)"
                " ON CONFLICT DO NOTHING",
                [digest, PartKind.MODEL, zstandard.compress(model.content, 9), act.at],
            )
            row = connection.execute(
                "INSERT INTO model_version (name, jurisdiction_code, digest, card, state, registered_by, registered_at,"
                f" words) VALUES (%s, %s, %s, %b, 'registered', %s, %s, %s) RETURNING {_COLUMNS}".encode(),
                [model.name, model.jurisdiction_code, digest, model.card or None, act.actor, act.at, act.words],
            ).fetchone()
            assert row is not None
            found = _version(row)
            _tell(connection, found.version_id, ModelStep.REGISTER, act)
        return found

    def versions(self) -> list[ModelVersion]:
        """Every version, the latest first."""
        with self._connections.lend() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM model_version ORDER BY version_id DESC".encode())
            return [_version(row) for row in found]

    def card(self, version_id: int) -> bytes:
        """Its card as JSON; empty where it came without."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT card FROM model_version WHERE version_id = %s", [version_id]).fetchone()
        if row is None:
            raise NotFoundError(f"there is no model {version_id}", hint=_HINT)
        return bytes(row[0] or b"")

    def events(self, version_id: int) -> list[ModelEvent]:
        """What was done with a version, the oldest first."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT version_id, step, actor, words, recorded_at FROM model_event WHERE version_id = %s ORDER BY event_id",
                [version_id],
            ).fetchall()
        return [ModelEvent(number, ModelStep(step), actor, words, at) for number, step, actor, words, at in found]

    def move(
        self, moves: Sequence[Move], changes: Sequence[Change], act: Act, refuse: Callable[[], None] | None = None
    ) -> None:
        """Take these steps, and change what is in use, together; see `workflow.model_records.ModelBook`."""
        with self._connections.lend() as connection, connection.transaction():
            if refuse is not None:
                hold_parts(connection)
                refuse()
            if changes:
                change_parts(connection, changes, (act.actor, act.words, act.at))
            for each in moves:
                _move(connection, each)
                _tell(connection, each.seen.version_id, each.step, act)

    def keep_drift(self, version_id: int, figures: bytes, act: Act) -> int:
        """Keep a look at a version's drift; its number."""
        with self._connections.lend() as connection:
            row = connection.execute(
                "INSERT INTO model_drift (version_id, actor, recorded_at, figures) VALUES (%s, %s, %s, %b)"
                " RETURNING drift_id",
                [version_id, act.actor, act.at, figures],
            ).fetchone()
        assert row is not None
        return int(row[0])

    def drifts(self, version_id: int) -> list[KeptDrift]:
        """The looks at a version's drift, the latest first, at most 50."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT drift_id, version_id, actor, recorded_at, figures FROM model_drift WHERE version_id = %s"
                " ORDER BY drift_id DESC LIMIT %s",
                [version_id, DRIFTS_READ],
            ).fetchall()
        return [KeptDrift(number, version, actor, at, bytes(figures)) for number, version, actor, at, figures in found]


def _move(connection: psycopg.Connection, move: Move) -> None:
    seen = move.seen
    try:
        done = connection.execute(
            "UPDATE model_version SET state = %s, is_on_trial = %s WHERE version_id = %s AND state = %s"
            " AND is_on_trial = %s",
            [move.state, move.is_on_trial, seen.version_id, seen.state, seen.is_on_trial],
        )
    except psycopg.errors.UniqueViolation as error:
        raise ConflictError(f"another took the place of {seen} meanwhile", hint="look at them again") from error
    if done.rowcount != 1:
        raise ConflictError(f"{seen} stands otherwise by now", hint="look at it again")


def _tell(connection: psycopg.Connection, version_id: int, step: ModelStep, act: Act) -> None:
    connection.execute(
        "INSERT INTO model_event (version_id, step, actor, words, recorded_at) VALUES (%s, %s, %s, %s, %s)",
        [version_id, step, act.actor, act.words, act.at],
    )


def _version(row: tuple[Any, ...]) -> ModelVersion:
    number, name, code, digest, state, is_on_trial, by, at, words = row
    return ModelVersion(
        version_id=number, name=name, jurisdiction_code=code, digest=digest, state=ModelState(state),
        is_on_trial=is_on_trial, registered_by=by, registered_at=at, words=words,
    )  # fmt: skip
