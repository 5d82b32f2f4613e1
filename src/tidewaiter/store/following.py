"""What is kept of movements, on PostgreSQL: within the writer's transaction, and read outside of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, Protocol

import psycopg
from psycopg.rows import dict_row

from tidewaiter.model.decision import State
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.model.event import Event
from tidewaiter.model.event_words import STEP
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement import Moved, Point, Step
from tidewaiter.movement.telling import Contained, country_of
from tidewaiter.regimes import jurisdictions
from tidewaiter.revenue.returns import Outcome
from tidewaiter.store.changing import change_together
from tidewaiter.store.movements import event_in
from tidewaiter.store.record import PostgresRecord
from tidewaiter.workflow.event_ports import OF_DEVICE
from tidewaiter.workflow.exits import ToldExit
from tidewaiter.workflow.following_ports import (
    Alarming,
    Concerned,
    Done,
    Followed,
    MovementFinding,
    Teller,
    Telling,
    Waiting,
    Within,
)
from tidewaiter.workflow.records import ChangeOfState, Prior

CONCERNED_MAX: Final = 50_000  # declarations of one event
DEPTH_MAX: Final = 6  # things in things
LATER_MAX: Final = 1_000  # events told before of what something was in, as is told now
_NO_DECLARATION: Final = "('rejected', 'awaiting_original', 'applied')"
_MONTHS: Final = 12  # after which a number may stand for another parcel
_MAY_MOVE: Final = (  # what no sender told, this system or an officer did
    "NOT EXISTS (SELECT FROM event JOIN sender teller USING (sender_id) WHERE event.event_id = %(event_id)s"
    " AND NOT teller.tells_of_all AND event.sender_id <> declaration.sender_id)"
)
_STANDING: Final = (
    "SELECT declaration_id, sender_id, state, is_arrived, jurisdiction_code, transport_document_id, legal_day,"
    " CASE WHEN state IN ('released', 'cleared') THEN coalesce((SELECT min(recorded_at) FROM transition"
    "   WHERE transition.declaration_id = declaration.declaration_id AND to_state IN ('released', 'cleared')), decided_at)"
    " END AS released_at,"
    " coalesce((SELECT min(recorded_at) FROM transition WHERE transition.declaration_id = declaration.declaration_id"
    "   AND to_state = 'under_control'), CASE WHEN state = 'under_control' THEN decided_at END) AS controlled_at"
    " FROM declaration"
)
_STEPS: Final = "declaration_id, event_id, is_void, step, happened_at, recorded_at, place, point, device_id, words"  # as `_row` writes and `_moved` reads them
_LAST_WORDS: Final = (
    "SELECT DISTINCT ON (child) child, is_in FROM movement_contained WHERE kind = {kind} AND parent = {parent}"
    " AND at <= {at} ORDER BY child, at DESC, is_in"
)  # what was said last by a moment of each thing in a parent
_IN_PARENT: Final = _LAST_WORDS.format(kind="%s", parent="%s", at="%s")
_SPOKEN: Final = (
    "SELECT DISTINCT ON (word.parent, word.child, heard.only_for) word.parent, word.child, heard.only_for, word.is_in"
    " FROM movement_word word CROSS JOIN LATERAL (SELECT word.only_for UNION SELECT other.only_for FROM movement_word other"
    "  WHERE word.only_for IS NULL AND other.only_for IS NOT NULL AND other.at <= %(at)s AND other.kind = word.kind"
    "  AND other.parent = word.parent AND other.child = word.child) AS heard"
    " WHERE word.kind = {kind} AND {of} AND word.at <= %(at)s"
    " ORDER BY word.parent, word.child, heard.only_for, word.at DESC, word.is_in"
)  # what was said last by a moment: by those whose word counts for all, and by these and one other sender, for that sender
_ON: Final = _SPOKEN.format(kind="'on'", of="word.child = ANY(%(things)s)")
_INSIDE: Final = _SPOKEN.format(kind="'in'", of="word.parent = inside.thing")
_FINDINGS: Final = ", ".join(MovementFinding.__struct_fields__)
_WAITING: Final = ", ".join(Waiting.__struct_fields__)


class ChangingWriting(Protocol):
    """What changes of state need of the writer's transaction."""

    @property
    def record(self) -> PostgresRecord:
        """The record that entries are written to."""

    def priors_of(self, declaration_ids: Sequence[int]) -> list[Prior]:
        """Declarations as they stand, by their ids."""


class PostgresFollowing:
    """See `workflow.following_ports.FollowingBook`; read outside a transaction it is the same."""

    def __init__(
        self, lend: Callable[[], AbstractContextManager[psycopg.Connection]], writing: ChangingWriting | None = None
    ) -> None:
        self._lend = lend
        self._writing = writing

    # --- what is in what ---------------------------------------------------------------------------------------

    def contain(self, kind: str, event_id: str, told: Sequence[Contained]) -> None:
        """Keep what is in ("in") or on ("on") what; taken out whole, each thing that was in it is taken out."""
        with self._lend() as connection, connection.cursor() as cursor:
            for each in told:
                if not each.child:
                    cursor.execute(
                        f"INSERT INTO movement_contained SELECT %s, %s, child, %s, false, %s FROM ({_IN_PARENT})"
                        " AS now WHERE is_in ON CONFLICT DO NOTHING",
                        [kind, each.parent, each.at, event_id, kind, each.parent, each.at],
                    )
            cursor.executemany(
                "INSERT INTO movement_contained VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(kind, each.parent, each.child, each.at, each.is_in, event_id) for each in told if each.child],
            )

    def take_back(self, event_id: str) -> None:
        """Forget what an event said of what is in or on what."""
        with self._lend() as connection:
            connection.execute("DELETE FROM movement_contained WHERE event_id = %s", [event_id])

    def within(self, things: Sequence[str], at: datetime) -> list[Within]:
        """These things, what each of them is on, and all that is in those at a moment, as far as whose word goes that says so."""
        with self._lend() as connection:
            found = connection.execute(
                "WITH RECURSIVE carrying AS ("
                "  SELECT thing, NULL::int AS only_for FROM unnest(%(things)s::text[]) AS thing"
                f"  UNION SELECT on_it.parent, on_it.only_for FROM ({_ON}) AS on_it WHERE is_in"
                "), inside AS ("
                "  SELECT thing, only_for, 0 AS depth FROM carrying UNION"
                "  SELECT held.child, coalesce(inside.only_for, held.only_for), depth + 1 FROM inside CROSS JOIN LATERAL"
                f" ({_INSIDE}) AS held WHERE held.is_in AND depth < {DEPTH_MAX}"
                "  AND (inside.only_for IS NULL OR held.only_for IS NULL OR inside.only_for = held.only_for)"
                f") SELECT DISTINCT thing, only_for FROM inside ORDER BY thing, only_for LIMIT {CONCERNED_MAX}".encode(),
                {"things": list(things), "at": at},
            ).fetchall()
        return [Within(str(thing), only_for) for thing, only_for in found]

    def happened_to(self, told: Sequence[Contained], kind: str, but: str) -> list[Event]:
        """What was told before, of later moments, of what things are in or on by these words, and of devices on it: in order.

        `but` is the id of the event whose words these are.
        """
        if not told:
            return []
        started = "parent" if kind == "in" else "child"
        with self._lend() as connection:
            found = connection.execute(
                "WITH RECURSIVE above AS ("
                '  SELECT thing COLLATE "C" AS thing, 0 AS depth FROM unnest(%(things)s::text[]) AS thing UNION'
                "  SELECT parent, depth + 1 FROM above JOIN movement_contained ON child = thing AND kind = 'in' AND is_in"
                f"  WHERE depth < {DEPTH_MAX}"
                "), concerned AS ("
                "  SELECT thing FROM above UNION"
                "  SELECT child FROM above JOIN movement_contained ON parent = thing AND kind = 'on' AND is_in"
                ") SELECT content FROM event WHERE things && (SELECT array_agg(thing) FROM concerned)"
                "  AND event_time >= %(at)s AND event_id <> %(but)s AND NOT is_void AND NOT EXISTS"
                "  (SELECT FROM event void WHERE void.event_id = event.event_id AND void.is_void)"
                f" ORDER BY event_time, event_no LIMIT {LATER_MAX}".encode(),
                {"things": sorted({getattr(each, started) for each in told}), "at": told[0].at, "but": but},
            ).fetchall()
        return [event_in(row[0]) for row in found]

    # --- declarations ------------------------------------------------------------------------------------------

    def concerned(self, numbers: Sequence[str], event_id: str = "", only_for: int | None = None) -> list[Concerned]:
        """The declarations known by one of these numbers that are a parcel's, by their ids, as far as the event may move them.

        Who tells of it moves its own parcels; others' only where the administration said that it tells of all. Without an
        event it is this system that asks. With `only_for`, those of this sender alone.
        """
        wanted = [each for each in numbers if each and "\x00" not in each]
        if not wanted:
            return []
        ways = " OR ".join(
            f"({column} = ANY(%(wanted)s) AND {column} <> '')" for column in ("registered_id", "transport_document_id")
        )
        return self._standing(
            f"({ways}) AND state NOT IN {_NO_DECLARATION} AND received_at > now() - interval '{_MONTHS} months'"
            f" AND {_MAY_MOVE} AND (%(only_for)s::int IS NULL OR sender_id = %(only_for)s)",
            {"wanted": wanted, "event_id": event_id, "only_for": only_for},
        )

    def standing(self, declaration_ids: Sequence[int]) -> list[Concerned]:
        """How declarations stand now, by their ids."""
        return self._standing("declaration_id = ANY(%(ids)s)", {"ids": list(declaration_ids)})

    def _standing(self, condition: str, parameters: dict[str, Any]) -> list[Concerned]:
        with self._lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"{_STANDING} WHERE {condition} ORDER BY declaration_id LIMIT {CONCERNED_MAX}".encode(), parameters
            ).fetchall()
        return [Concerned(**{**columns, "state": State(columns["state"])}) for columns in found]

    # --- what was told -----------------------------------------------------------------------------------------

    def add(self, declaration_ids: Sequence[int], moved: Moved) -> list[int]:
        """Keep that something was told of declarations; those it was not told of before. Told before, it stays as it was."""
        with self._lend() as connection:
            found = connection.execute(
                f"INSERT INTO movement_step ({_STEPS}) SELECT declaration_id, %s, %s, %s, %s, %s, %s, %s, %s, %s"
                " FROM unnest(%s::bigint[]) AS declaration_id ON CONFLICT DO NOTHING RETURNING declaration_id",
                [
                    moved.event_id, moved.is_void, moved.step.value, moved.happened_at, moved.recorded_at, moved.place,
                    moved.point.uri if moved.point else "", moved.device_id, moved.words, list(declaration_ids),
                ],
            ).fetchall()  # fmt: skip
        return sorted(int(row[0]) for row in found)

    def wait(self, moved: Moved, declaration_ids: Sequence[int], new: Sequence[int], cause: Moved) -> None:
        """Keep that an event is still to be carried out on declarations; see `workflow.following_ports.FollowingBook`."""
        with self._lend() as connection:
            connection.execute(
                "INSERT INTO movement_waiting (declaration_id, event_id, is_void, is_new, capture_id)"
                " SELECT declaration_id, %s, %s, declaration_id = ANY(%s::bigint[]),"
                " (SELECT capture_id FROM event WHERE event_id = %s AND is_void = %s)"
                " FROM unnest(%s::bigint[]) AS declaration_id ORDER BY declaration_id",
                [
                    moved.event_id, moved.is_void, list(new), cause.event_id, cause.is_void,
                    list(declaration_ids),
                ],
            )  # fmt: skip

    def waiting_among(self, declaration_ids: Sequence[int]) -> set[int]:
        """Those of the declarations on which something told earlier is still to be carried out."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT DISTINCT declaration_id FROM movement_waiting WHERE declaration_id = ANY(%s)",
                [list(declaration_ids)],
            ).fetchall()
        return {int(row[0]) for row in found}

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """What is still to be carried out, in the order told, behind a number."""
        with self._lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"SELECT {_WAITING} FROM movement_waiting WHERE waiting_no > %s ORDER BY waiting_no LIMIT %s".encode(),
                [after, limit],
            ).fetchall()
        return [Waiting(**columns) for columns in found]

    def take(self, waiting: Sequence[Waiting], at: datetime) -> list[Waiting]:
        """Those that nobody carried out meanwhile, which wait no more; a capture of which none is left ends at this moment."""
        with self._lend() as connection:
            found = connection.execute(
                "DELETE FROM movement_waiting WHERE waiting_no = ANY(%s) RETURNING waiting_no, capture_id",
                [[each.waiting_no for each in waiting]],
            ).fetchall()
            connection.execute(
                "UPDATE event_capture SET finished_at = greatest(finished_at, %s) WHERE capture_id = ANY(%s)"
                " AND NOT EXISTS (SELECT FROM movement_waiting WHERE capture_id = event_capture.capture_id)",
                [at, sorted({row[1] for row in found if row[1] is not None})],
            )
        taken = {row[0] for row in found}
        return [each for each in waiting if each.waiting_no in taken]

    def told(self, declaration_ids: Sequence[int]) -> Mapping[int, list[Moved]]:
        """All that was told of each."""
        found: dict[int, list[Moved]] = {each: [] for each in declaration_ids}
        with self._lend() as connection:
            for row in connection.execute(
                f"SELECT {_STEPS} FROM movement_step WHERE declaration_id = ANY(%s)", [list(declaration_ids)]
            ):
                found[row[0]].append(_moved(row))
        return found

    def told_of(self, event_id: str) -> list[int]:
        """The declarations that an event was found to concern."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT DISTINCT declaration_id FROM movement_step WHERE event_id = %s ORDER BY declaration_id",
                [event_id],
            ).fetchall()
        return [int(row[0]) for row in found]

    def tellers(self, event_ids: Sequence[str]) -> dict[str, Teller]:
        """Who told each of these events; the later one's word, where somebody took it back."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT event_id, captor, sender.name, coalesce(tells_of_all, false) FROM event"
                " JOIN event_capture USING (capture_id) LEFT JOIN sender ON sender.sender_id = event.sender_id"
                " WHERE event_id = ANY(%s) ORDER BY event_no",
                [list(event_ids)],
            ).fetchall()
        return {str(row[0]): _teller(*row[1:]) for row in found}

    def told_exits(self, limit: int) -> list[ToldExit]:
        """See `workflow.exits.ExitBook`."""
        with self._lend() as connection:
            rows = connection.execute(
                "SELECT DISTINCT event.event_id, event.content, r.return_waybill, teller.name, event.sender_id, r.sender_id"
                " FROM return_case c JOIN goods_return r USING (return_no)"
                " JOIN event ON event.things && ARRAY[r.return_waybill] AND NOT event.is_void AND event.terms && ARRAY[%s]"
                " LEFT JOIN sender teller ON teller.sender_id = event.sender_id"
                " WHERE c.outcome = %s AND r.return_waybill <> '' AND (event.sender_id IS NULL OR teller.tells_of_all)"
                " AND NOT EXISTS (SELECT FROM event void WHERE void.event_id = event.event_id AND void.is_void)"
                " AND NOT EXISTS (SELECT FROM exit_event known WHERE known.waybill = r.return_waybill"
                "  AND known.event_id = event.event_id || ' ' || r.return_waybill)"
                " ORDER BY event.event_id, r.return_waybill LIMIT %s",
                [f"bizStep={STEP['exiting']}", Outcome.WAITING.value, limit],
            ).fetchall()
        found = []
        for event_id, content, waybill, carrier, carrier_id, claimant_id in rows:
            event = event_in(content)
            found.append(
                ToldExit(
                    event_id=event_id, happened_at=event.event_time, place=event.read_point or event.biz_location,
                    waybill=waybill, carrier=carrier or "", carrier_id=carrier_id, claimant_id=claimant_id,
                )
            )  # fmt: skip
        return found

    def on_their_way(self, after: int, days: int, limit: int) -> list[int]:
        """Declarations with larger numbers of which something happened within so many days, in order."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT DISTINCT declaration_id FROM movement_step WHERE declaration_id > %s"
                " AND happened_at > now() - make_interval(days => %s) ORDER BY declaration_id LIMIT %s",
                [after, days, limit],
            ).fetchall()
        return [int(row[0]) for row in found]

    def acts(self, declaration_ids: Sequence[int]) -> Mapping[int, dict[str, str]]:
        """What was done on which event, with words."""
        found: dict[int, dict[str, str]] = {each: {} for each in declaration_ids}
        with self._lend() as connection:
            for declaration_id, event_id, words in connection.execute(
                "SELECT declaration_id, event_id, words FROM movement_act WHERE declaration_id = ANY(%s)",
                [list(declaration_ids)],
            ):
                found[declaration_id][event_id] = words
        return found

    def act(self, done: Sequence[tuple[int, str, str]], at: datetime) -> None:
        """Keep what was done on which event (declaration, event, words)."""
        with self._lend() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO movement_act VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [(*each, at) for each in done],
            )

    def priors(self, declaration_ids: Sequence[int]) -> list[Prior]:
        """Declarations as they stand, by their ids."""
        assert self._writing is not None
        return self._writing.priors_of(declaration_ids)

    def change_together(self, changes: Sequence[ChangeOfState]) -> None:
        """Write changes of state in few statements; see `workflow.following_ports.FollowingBook`."""
        assert self._writing is not None
        with self._lend() as connection:
            change_together(connection, self._writing.record, changes)

    # --- what rules see ----------------------------------------------------------------------------------------

    def keep(self, found: Mapping[int, Sequence[Finding]], at: datetime) -> tuple[list[tuple[int, Finding]], set[int]]:
        """Keep what rules see of each declaration now: those that are new; and whose alarm has changed, as one is seen no more or again."""
        ids = list(found)
        now = {(each, one.rule_id, one.pointer): one for each in ids for one in found[each]}
        with self._lend() as connection, connection.cursor() as cursor:
            before = {
                (row[0], row[1], row[2]): (row[3], row[4])
                for row in cursor.execute(
                    "SELECT declaration_id, rule_id, event_id, ended_at, done FROM movement_finding"
                    " WHERE declaration_id = ANY(%s)",
                    [ids],
                )
            }
            new = [key for key in now if key not in before]
            cursor.executemany(
                "INSERT INTO movement_finding (declaration_id, rule_id, event_id, severity, words, value, hint, found_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [(*key, now[key].severity.value, now[key].words, now[key].value, now[key].hint, at) for key in new],
            )
            ended = [key for key, (ended_at, _) in before.items() if key not in now and ended_at is None]
            again = [key for key, (ended_at, _) in before.items() if key in now and ended_at is not None]
            set_end = (
                "UPDATE movement_finding SET ended_at = %s WHERE declaration_id = %s AND rule_id = %s AND event_id = %s"
            )
            cursor.executemany(set_end, [(at, *key) for key in ended] + [(None, *key) for key in again])
        off = {key[0] for key in (*ended, *again) if before[key][1] == Done.ON_ALARM}
        return [(key[0], now[key]) for key in new], off

    def done(self, followed: Sequence[Followed]) -> None:
        """Keep what followed from findings."""
        with self._lend() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE movement_finding SET done = %s, done_words = %s"
                " WHERE declaration_id = %s AND rule_id = %s AND event_id = %s",
                [(each.done.value, each.words, each.declaration_id, each.rule_id, each.event_id) for each in followed],
            )

    def alarming(self, jurisdiction_code: str) -> list[Alarming]:
        """The open findings for whose sake parcels of a jurisdiction are on the alarm."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT declaration_id, jurisdiction_code, transport_document_id, rule_id, words, found_at"
                " FROM movement_finding JOIN declaration USING (declaration_id)"
                " WHERE done = 'on_alarm' AND answered_at IS NULL AND ended_at IS NULL AND jurisdiction_code = %s"
                " ORDER BY declaration_id, rule_id, event_id",
                [jurisdiction_code],
            ).fetchall()
        return [Alarming(**dict(zip(Alarming.__struct_fields__, row, strict=True))) for row in found]

    def findings(self, declaration_id: int) -> list[MovementFinding]:
        """All findings on a declaration, the oldest first."""
        return self._findings("declaration_id = %s ORDER BY found_at, rule_id, event_id", [declaration_id])

    def open_findings(self, limit: int) -> list[MovementFinding]:
        """What somebody is still to look at, what holds goods first, then the oldest."""
        condition = (
            "answered_at IS NULL AND ended_at IS NULL ORDER BY severity <> 'error', found_at, declaration_id LIMIT %s"
        )
        return self._findings(condition, [limit])

    def answer(self, of: tuple[int, str, str], by: str, answer: str, at: datetime) -> MovementFinding:
        """Close a case by an officer's word. Raises NotFoundError, TransitionError where it is closed."""
        with self._lend() as connection:
            done = connection.execute(
                "UPDATE movement_finding SET answered_at = %s, answered_by = %s, answer = %s"
                " WHERE declaration_id = %s AND rule_id = %s AND event_id = %s AND answered_at IS NULL",
                [at, by, answer, *of],
            )
        found = self._findings("declaration_id = %s AND rule_id = %s AND event_id = %s", [*of])
        if not found:
            raise NotFoundError(
                f"nothing was found on {of[0]} by {of[1]}", hint="tidewaiter movement course shows what was"
            )
        if not done.rowcount:
            raise TransitionError("this was answered before", hint=f"by {found[0].answered_by}: {found[0].answer}")
        return found[0]

    def _findings(self, condition: str, parameters: Sequence[Any]) -> list[MovementFinding]:
        with self._lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                f"SELECT {_FINDINGS} FROM movement_finding WHERE {condition}".encode(), parameters
            ).fetchall()
        return [
            MovementFinding(**{**columns, "severity": Severity(columns["severity"]), "done": Done(columns["done"])})
            for columns in found
        ]

    # --- places ------------------------------------------------------------------------------------------------

    def jurisdiction_of(self, place: str) -> str:
        """Before whose customs goods arrive at a place; "" where it is not known."""
        with self._lend() as connection:
            row = connection.execute(
                "SELECT jurisdiction_code FROM movement_place WHERE place = %s", [place.replace("\x00", "")]
            ).fetchone()
        country = country_of(place)
        return str(row[0]) if row else country if country in jurisdictions() else ""

    def add_place(self, place: str, jurisdiction_code: str, name: str, said: tuple[str, datetime]) -> None:
        """Say before whose customs goods arrive at a place; `said` is who and when. Said again it is changed."""
        with self._lend() as connection:
            connection.execute(
                "INSERT INTO movement_place VALUES (%s, %s, %s, %s, %s) ON CONFLICT (place) DO UPDATE SET"
                " jurisdiction_code = EXCLUDED.jurisdiction_code, name = EXCLUDED.name, actor = EXCLUDED.actor,"
                " added_at = EXCLUDED.added_at",
                [place, jurisdiction_code, name, *said],
            )

    def places(self) -> list[tuple[str, str, str]]:
        """Each place, its jurisdiction and its name."""
        with self._lend() as connection:
            found = connection.execute(
                "SELECT place, jurisdiction_code, name FROM movement_place ORDER BY place"
            ).fetchall()
        return [(str(row[0]), str(row[1]), str(row[2])) for row in found]


def _teller(captor: str, sender: str | None, tells_of_all: bool) -> Teller:  # noqa: FBT001
    if sender is None:
        return Teller(Telling.DEVICE if captor.startswith(OF_DEVICE) else Telling.CUSTOMS)
    return Teller(Telling.CARRIER, sender) if tells_of_all else Teller(Telling.DECLARANT)


def _moved(row: Sequence[Any]) -> Moved:
    _, event_id, is_void, step, happened_at, recorded_at, place, point, device_id, words = row
    return Moved(
        event_id=event_id, is_void=is_void, step=Step(step), happened_at=happened_at, recorded_at=recorded_at,
        place=place, point=Point.parse(point) if point else None, device_id=device_id, words=words,
    )  # fmt: skip
