"""Data quality over time in PostgreSQL: what `workflow.quality_record` counts, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta

from tidewaiter.model.finding import Severity
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.quality_record import (
    RULES_SHOWN,
    Asked,
    Counted,
    Counts,
    Key,
    QualityRecord,
    Received,
    RuleCount,
)

_WANTED = (
    "(%(sender_id)s::bigint IS NULL OR sender_id = %(sender_id)s::bigint) AND (%(form)s = '' OR form = %(form)s)"
    " AND day BETWEEN %(since)s AND %(until)s"
)


class PostgresQuality:
    """Made by `PostgresStore`; see its `quality`. Every method is one transaction."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def position(self) -> int:
        """The last block of evidence that is counted."""
        with self._connections.lend() as connection:
            row = connection.execute("SELECT block_id FROM quality_position").fetchone()
        assert row is not None
        return int(row[0])

    def received(self, message_ids: Sequence[int]) -> dict[int, Received]:
        """Who handed these messages in."""
        with self._connections.lend() as connection:
            found = connection.execute(
                "SELECT message_id, sender_id, received_at FROM message WHERE message_id = ANY(%s)", [list(message_ids)]
            ).fetchall()
        return {message_id: Received(sender_id, at.astimezone(UTC).date()) for message_id, sender_id, at in found}

    def count(self, counted: Counted, before: int, position: int) -> bool:
        """Add counts and move the position on; False, with nothing added, where it stood elsewhere."""
        counts = [
            (key.sender_id, key.form, key.day, each.records, each.incomplete, each.invalid, each.implausible, each.late)
            for key, each in sorted(counted.counts.items(), key=lambda pair: _order(pair[0]))
        ]
        rules = [
            (key.sender_id, key.form, key.day, rule_id, severity.value, records)
            for (key, rule_id, severity), records in sorted(
                counted.rules.items(), key=lambda pair: (*_order(pair[0][0]), pair[0][1])
            )
        ]
        with self._connections.lend() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute("UPDATE quality_position SET block_id = %s WHERE block_id = %s", [position, before])
            if cursor.rowcount != 1:
                return False
            cursor.executemany(
                "INSERT INTO quality_count VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (sender_id, form, day)"
                " DO UPDATE SET records = quality_count.records + excluded.records,"
                " incomplete = quality_count.incomplete + excluded.incomplete,"
                " invalid = quality_count.invalid + excluded.invalid,"
                " implausible = quality_count.implausible + excluded.implausible,"
                " late = quality_count.late + excluded.late",
                counts,
            )
            cursor.executemany(
                "INSERT INTO quality_rule_count VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (sender_id, form, day, rule_id, severity)"
                " DO UPDATE SET records = quality_rule_count.records + excluded.records",
                rules,
            )
        return True

    def records(self, asked: Asked) -> list[QualityRecord]:
        """What was counted, one record for each sender and form, by the senders' names."""
        values = {name: getattr(asked, name) for name in asked.__struct_fields__}
        with self._connections.lend() as connection:
            days = connection.execute(
                "SELECT sender_id, sender.name, form, day, records, incomplete, invalid, implausible, late"
                f" FROM quality_count JOIN sender USING (sender_id) WHERE {_WANTED} ORDER BY sender.name, form, day".encode(),
                values,
            ).fetchall()
            rules = connection.execute(
                "SELECT sender_id, form, rule_id, severity, sum(records)::bigint FROM quality_rule_count"
                f" WHERE {_WANTED} GROUP BY sender_id, form, rule_id, severity ORDER BY 5 DESC, rule_id".encode(),
                values,
            ).fetchall()
        worst: dict[tuple[int, str], list[RuleCount]] = {}
        for sender_id, form, rule_id, severity, count in rules:
            worst.setdefault((sender_id, form), []).append(RuleCount(rule_id, Severity(severity), count))
        weeks: dict[tuple[int, str, str], dict[date, Counts]] = {}
        for sender_id, name, form, day, *numbers in days:
            counts = Counts(**dict(zip(Counts.__struct_fields__, numbers, strict=True)))
            of_sender = weeks.setdefault((sender_id, name, form), {})
            monday = day - timedelta(days=day.weekday())
            of_sender[monday] = of_sender.get(monday, Counts()) + counts
        return [
            QualityRecord(
                sender_id=sender_id,
                sender_name=name,
                form=form,
                total=sum(by_week.values(), Counts()),
                weeks=tuple(sorted(by_week.items())),
                worst=tuple(worst.get((sender_id, form), ())[:RULES_SHOWN]),
            )
            for (sender_id, name, form), by_week in weeks.items()
        ]


def _order(key: Key) -> tuple[int, str, date]:
    """All processes take rows in one order, so that none waits for another in a ring."""
    return key.sender_id, key.form, key.day
