"""Many changes of state at once: what one change writes, in few statements whatever their number."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from tidewaiter.model.errors import TransitionError
from tidewaiter.store import rows
from tidewaiter.store.record import PostgresRecord
from tidewaiter.workflow.recording import change_recording
from tidewaiter.workflow.records import ChangeOfState


def change_together(connection: psycopg.Connection, record: PostgresRecord, changes: Sequence[ChangeOfState]) -> None:
    """Write changes of different declarations with transitions, notices and entries, as `change_state` writes one.

    Each says where its declaration stands then. Raises TransitionError where one does not stand as it did.
    """
    standings = [each.standing for each in changes]
    assert None not in standings
    found = connection.execute(
        "UPDATE declaration SET state = given.to_state::state, standing = given.standing"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given (id, from_state, to_state, standing)"
        " WHERE declaration_id = given.id AND state = given.from_state::state RETURNING declaration_id, sender_id, version, due",
        [
            [each.declaration_id for each in changes],
            [each.from_state.value for each in changes],
            [each.passed[-1][1].value for each in changes],
            [rows.written_standing(each) for each in standings if each is not None],
        ],
    ).fetchall()
    kept = {row[0]: row[1:] for row in found}
    gone = [each for each in changes if each.declaration_id not in kept]
    if gone:
        raise TransitionError(
            f"declaration {gone[0].declaration_id} is no longer {gone[0].from_state}", hint="look at it again"
        )
    transitions = _add_transitions(connection, changes)
    recordings = []
    for each in changes:
        assert each.standing is not None
        _, version, due = kept[each.declaration_id]
        recordings.append(change_recording(each, transitions[each.declaration_id], version, due, each.standing))
    record.append(recordings)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO notice ({rows.NOTICE_COLUMNS}) VALUES (%s, %s, %s, %s, %s::notice_kind[])",
            [
                (
                    each.declaration_id, each.recorded_at, *kept[each.declaration_id][:2],
                    [kind.value for kind in each.notices],
                )
                for each in changes
                if each.notices
            ],
        )  # fmt: skip


def _add_transitions(connection: psycopg.Connection, changes: Sequence[ChangeOfState]) -> dict[int, int]:
    """The number of the last transition of each declaration."""
    lines = []
    for each in changes:
        state = each.from_state
        for trigger, to_state in each.passed:
            lines.append(
                (each.declaration_id, state.value, to_state.value, trigger, each.actor, each.recorded_at, each.words)
            )
            state = to_state
    columns = [list(column) for column in zip(*lines, strict=True)]
    found = connection.execute(
        "INSERT INTO transition (declaration_id, from_state, to_state, trigger, actor, recorded_at, words)"
        " SELECT id, from_state::state, to_state::state, trigger, actor, at, words FROM unnest("
        "%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[]) WITH ORDINALITY"
        " AS given (id, from_state, to_state, trigger, actor, at, words, place) ORDER BY place"
        " RETURNING declaration_id, transition_id",
        columns,
    ).fetchall()
    last: dict[int, int] = {}
    for declaration_id, transition_id in found:
        last[declaration_id] = max(transition_id, last.get(declaration_id, 0))
    return last
