"""What senders told of places and elements in their documents' headers, on PostgreSQL, and whose word counts for whom.

A sender's queries go by what it told itself and by what customs and this system told; officers' go by all that was told.
So nobody changes by its own word what a query of somebody else finds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final

import psycopg

from tidewaiter.messages.epcis.conditions import Condition, Within, wanted_terms
from tidewaiter.messages.epcis.keys import one_form
from tidewaiter.messages.epcis.master_data import MasterData
from tidewaiter.store.connections import Connections
from tidewaiter.workflow.event_ports import Scope

REMEMBERED_MAX: Final = 10_000  # elements, or attributes of elements, of one query
TERMS_MAX: Final = 1_000  # elements by which the index of events is asked
_VERBS: Final = ("HASATTR", "EQATTR")
_PLACES: Final = ("readPoint", "bizLocation")  # told as URIs: an event's term has one as it is told, or in its one form
_COUNTS: Final = "(%(sender)s::int IS NULL OR {table}.sender_id IS NULL OR {table}.sender_id = %(sender)s)"
_AROUND: Final = (
    'WITH RECURSIVE around(location) AS (SELECT %(location)s::text COLLATE "C" UNION SELECT lies_in FROM event_location'
    f" JOIN around USING (location) WHERE {_COUNTS.format(table='event_location')}) SELECT location FROM around"
)
_TOLD: Final = (
    f"SELECT name, value FROM event_attribute WHERE element = %(element)s AND {_COUNTS.format(table='event_attribute')}"
)
_NAMED: Final = (
    "SELECT element, name, value FROM event_attribute"
    f" WHERE name = ANY(%(names)s) AND {_COUNTS.format(table='event_attribute')}"
)
_EQUAL: Final = " AND left(value, 200) = ANY(%(begin)s) AND value = ANY(%(values)s)"


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


class AttributesTold:
    """The attributes of an element by name, as far as the conditions of a query ask for them; `conditions.Attributes`.

    They are read at once where it is of no more than `REMEMBERED_MAX` that these are told, else element by element.
    """

    def __init__(self, connections: Connections, scope: Scope, conditions: Sequence[Condition]) -> None:
        self._connections = connections
        self._scope = scope
        self._conditions = [each for each in conditions if each.verb in _VERBS]
        self._one = lru_cache(REMEMBERED_MAX)(self._of_one)

    def __call__(self, element: str) -> Mapping[str, Collection[str | None]]:
        """The attributes of one element."""
        form = one_form(element).replace("\x00", "")
        return self._one(form) if self._all is None else self._all.get(form, {})

    def terms(self, condition: Condition) -> list[str] | None:
        """The terms of which an event has one if it meets the condition; None where the index cannot tell."""
        if condition.verb not in _VERBS:
            return wanted_terms(condition)
        if condition.field not in _PLACES or self._all is None:
            return None
        had = {
            element
            for element, told in self._all.items()
            if (
                any(name in told for name in condition.values)
                if condition.verb == "HASATTR"
                else any(value in told.get(condition.names[-1], ()) for value in condition.values)
            )
        }
        if len(had) > TERMS_MAX:
            return None
        return sorted(f"{condition.field}{sign}{element}" for element in had for sign in "=~")

    @cached_property
    def _all(self) -> Mapping[str, Mapping[str, Collection[str | None]]] | None:
        """What is told of every element under the names that the conditions ask for; None where it is too much."""
        rows: list[tuple[str, str, str | None]] = []
        for each in self._conditions:
            is_any = each.verb == "HASATTR"
            names = [name for name in (each.values if is_any else each.names[-1:]) if "\x00" not in name]
            values = [value for value in each.values if "\x00" not in value]
            given = {"names": names, "sender": self._scope.sender_id, "limit": REMEMBERED_MAX + 1}
            equal = {} if is_any else {"values": values, "begin": [value[:200] for value in values]}
            with self._connections.lend() as connection:
                rows += connection.execute(
                    f"{_NAMED}{'' if is_any else _EQUAL} LIMIT %(limit)s".encode(), given | equal
                ).fetchall()
            if len(rows) > REMEMBERED_MAX:
                return None
        found: dict[str, dict[str, set[str | None]]] = {}
        for element, name, value in rows:
            found.setdefault(element, {}).setdefault(name, set()).add(value)
        return found

    def _of_one(self, element: str) -> Mapping[str, Collection[str | None]]:
        found: dict[str, set[str | None]] = {}
        with self._connections.lend() as connection:
            rows = connection.execute(_TOLD.encode(), {"element": element, "sender": self._scope.sender_id}).fetchall()
        for name, value in rows:
            found.setdefault(name, set()).add(value)
        return found
