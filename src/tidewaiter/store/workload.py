"""Work of offices that have a budget, in PostgreSQL: counted in the transaction that writes the decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta

import psycopg

from tidewaiter.risk.budgets import Usual, Work
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.budgets import USUAL_DAYS, Counted, Where, Worked

_NAMES = ("parcels", "mandatory", "chance", "rules", "score", "rules_wanted", "score_wanted")
_COLUMNS = ", ".join(_NAMES)
_SUMS = ", ".join(f"sum({name})" for name in _NAMES)
_FLIGHTS = """
SELECT office_id, flight, mandatory + chance + rules + score FROM workload
WHERE day = %s AND office_id = ANY(%s) AND flight <> '' AND mandatory + chance + rules + score > 0
"""


class PostgresWorkloads:
    """See `workflow.budgets.Workloads`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def counted(self, day: date, limiting: Collection[str]) -> Counted:
        """What was counted of a day so far, and what is usual: the average of the days before that were counted;
        see `workflow.budgets.Workloads`.
        """
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT office_id, {_SUMS} FROM workload WHERE day = %s GROUP BY office_id".encode(), [day]
            ).fetchall()
            flights = connection.execute(_FLIGHTS, [day, list(limiting)]).fetchall() if limiting else ()
            usual = connection.execute(
                "SELECT office_id, sum(mandatory) / count(DISTINCT day), sum(chance) / count(DISTINCT day),"
                " sum(rules_wanted) / count(DISTINCT day), sum(score_wanted) / count(DISTINCT day) FROM workload WHERE day >= %s AND day < %s GROUP BY office_id",
                [day - timedelta(USUAL_DAYS), day],
            ).fetchall()
        return Counted(
            day,
            {row[0]: _work(row[1:]) for row in found},
            {(office_id, flight): int(looked_at) for office_id, flight, looked_at in flights},
            {
                office_id: Usual(
                    mandatory=int(mandatory), chance=int(chance), rules_wanted=int(rules), score_wanted=int(score)
                )
                for office_id, mandatory, chance, rules, score in usual
            },
        )

    def between(self, since: date, until: date) -> list[Worked]:
        """Work by day, office and flight, both days included, in that order."""
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT day, office_id, flight, {_COLUMNS} FROM workload WHERE day BETWEEN %s AND %s"
                " ORDER BY day, office_id, flight".encode(),
                [since, until],
            ).fetchall()
        return [Worked(Where(*row[:3]), _work(row[3:])) for row in found]

    def by_office(self, since: date, until: date) -> list[Worked]:
        """The same of whatever flight, by day and office: flights may be as many as master documents."""
        with self._connections.lend() as connection:
            found = connection.execute(
                f"SELECT day, office_id, {_SUMS} FROM workload WHERE day BETWEEN %s AND %s"
                " GROUP BY day, office_id ORDER BY day, office_id".encode(),
                [since, until],
            ).fetchall()
        return [Worked(Where(*row[:2]), _work(row[2:])) for row in found]


def count_work(connection: psycopg.Connection, worked: Iterable[Worked]) -> None:
    """Count work, within the transaction that writes what it comes from."""
    added = ", ".join(f"{name} = workload.{name} + EXCLUDED.{name}" for name in _NAMES)
    statement = (
        f"INSERT INTO workload (day, office_id, flight, {_COLUMNS}) VALUES ({', '.join(['%s'] * (3 + len(_NAMES)))})"
        f" ON CONFLICT (day, office_id, flight) DO UPDATE SET {added}"
    ).encode()
    for each in worked:
        where = each.where
        values = [getattr(each.work, name) for name in _NAMES]
        connection.execute(statement, [where.day, where.office_id, where.flight, *values])


def _work(row: Sequence[int]) -> Work:
    return Work(**dict(zip(_NAMES, map(int, row), strict=True)))
