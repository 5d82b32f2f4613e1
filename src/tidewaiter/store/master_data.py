"""What senders told of places and elements in their documents' headers, on PostgreSQL, and whose word counts for whom.

A sender's queries go by what it told itself and by what customs and this system told; officers' go by all that was told.
So nobody changes by its own word what a query of somebody else finds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Final

import psycopg

from tidewaiter.messages.epcis.conditions import Attributes, Within
from tidewaiter.messages.epcis.keys import one_form
from tidewaiter.messages.epcis.master_data import MasterData
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.event_ports import Scope

REMEMBERED_MAX: Final = 10_000  # elements of one query
_COUNTS: Final = "(%(sender)s::int IS NULL OR {table}.sender_id IS NULL OR {table}.sender_id = %(sender)s)"
_AROUND: Final = (
    'WITH RECURSIVE around(location) AS (SELECT %(location)s::text COLLATE "C" UNION SELECT lies_in FROM event_location'
    f" JOIN around USING (location) WHERE {_COUNTS.format(table='event_location')}) SELECT location FROM around"
)
_TOLD: Final = (
    f"SELECT name, value FROM event_attribute WHERE element = %(element)s AND {_COUNTS.format(table='event_attribute')}"
)


def keep_master_data(connection: psycopg.Connection, told: MasterData, sender_id: int | None) -> None:
    """Keep what a sender (None: customs, or this system) tells: of an element its last word counts."""
    if not told.within and not told.elements:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO event_location (location, lies_in, sender_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(one_form(one), one_form(other), sender_id) for one, other in sorted(set(told.within))],
        )
        cursor.execute(
            "DELETE FROM event_attribute WHERE element = ANY(%s) AND sender_id IS NOT DISTINCT FROM %s",
            [[one_form(each.id) for each in told.elements], sender_id],
        )
        rows = [(one_form(each.id), *attribute, sender_id) for each in told.elements for attribute in each.attributes]
        with cursor.copy("COPY event_attribute (element, name, value, sender_id) FROM STDIN") as copy:
            for row in dict.fromkeys(rows):
                copy.write_row(row)


def index_places_again(connection: psycopg.Connection) -> None:
    """Keep where places lie also by the one form of their keys, by which an earlier release did not."""
    found = connection.execute("SELECT location, lies_in, sender_id FROM event_location").fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO event_location (location, lies_in, sender_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(one_form(one), one_form(other), sender_id) for one, other, sender_id in found],
        )


def within_of(connections: Connections, scope: Scope) -> Within:
    """Whether the first location is the second, or lies in it, however many steps away."""

    @lru_cache(REMEMBERED_MAX)
    def around(location: str) -> frozenset[str]:
        with connections.lend() as connection:
            rows = connection.execute(_AROUND.encode(), {"location": location, "sender": scope.sender_id}).fetchall()
        return frozenset(row[0] for row in rows)

    return lambda location, wanted: one_form(wanted) in around(one_form(location))


def attributes_of(connections: Connections, scope: Scope) -> Attributes:
    """The attributes of an element by name."""

    @lru_cache(REMEMBERED_MAX)
    def told(element: str) -> Mapping[str, Collection[str | None]]:
        found: dict[str, set[str | None]] = {}
        with connections.lend() as connection:
            rows = connection.execute(
                _TOLD.encode(), {"element": one_form(element).replace("\x00", ""), "sender": scope.sender_id}
            ).fetchall()
        for name, value in rows:
            found.setdefault(name, set()).add(value)
        return found

    asked: Callable[[str], Mapping[str, Collection[str | None]]] = told
    return asked
