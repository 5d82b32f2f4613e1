"""Movement is watched beside the server: what broke off is finished, silent aircraft are noticed, exits
that returns wait for are handed in, time itself is looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tidewaiter.store import PostgresStore
from tidewaiter.web.house import capturing_on
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.devices import devices_of, flights_of
from tidewaiter.workflow.exits import Exits
from tidewaiter.workflow.following import Following
from tidewaiter.workflow.returning import Returning

LATE: Final = timedelta(seconds=60)
"""How long whoever took a capture in may read it, before it is taken up here."""
LOOK_EVERY: Final = timedelta(hours=1)
TROUBLE: Final = timedelta(minutes=1)  # after which a part that failed is tried again
DAYS: Final = 120  # for which a parcel that nothing is told of is looked at
AT_ONCE: Final = 500


def watching(store: PostgresStore) -> Callable[[], object]:
    """One round: captures and readings that were kept and not read, what follows from events, flights, and each hour the parcels on their way."""
    capturing = capturing_on(store)
    devices, flights, following = (
        devices_of(store, capturing),
        flights_of(store, capturing),
        Following(store, Desk(store)),
    )
    exits = Exits(store.following, Returning(store))
    log = logging.getLogger(__name__)
    resting: dict[str, datetime] = {}  # until when a part is left alone: it failed, or has just been done

    def attempt(name: str, part: Callable[[], object], at: datetime, every: timedelta = timedelta()) -> None:
        if at < resting.get(name, at):
            return
        resting[name] = at + every
        try:
            part()
        except Exception:  # the others go on
            resting[name] = at + TROUBLE
            log.exception("movement is not watched in part: %s", name)

    def one_round() -> None:
        at = now()
        attempt("captures", lambda: capturing.resume(at - LATE), at)
        attempt("followed", following.go_on, at)
        attempt("readings", devices.catch_up, at)
        attempt("flights", flights.watch, at)
        attempt("exits", exits.look, at)
        attempt("parcels", lambda: look_at_all(store, following), at, LOOK_EVERY)

    return one_round


def look_at_all(store: PostgresStore, following: Following, days: int = DAYS) -> int:
    """Hold the courses of parcels that are on their way against the rules as time has passed; how many were looked at."""
    count = after = 0
    while ids := store.following.on_their_way(after, days, AT_ONCE):
        with store.writing() as transaction:
            following.look_again(transaction, ids)
        count, after = count + len(ids), ids[-1]
    return count
