"""Posting happens by itself: a process beside the server keeps the books, and whoever kills it loses nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import date

from contract.test_bookkeeping import IMPORTER, due, proved, shoes, submit
from tidewaiter.store import PostgresStore
from tidewaiter.web import beside
from tidewaiter.web.bookkeeping import posting
from tidewaiter.workflow.intake import Intake

SECONDS = 60


def waited(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return is_so()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_is_decided_is_posted_without_anybody_asking(store: PostgresStore) -> None:
    with Intake(store, workers=0) as intake:
        with beside.kept(store.url, posting) as pid:
            (first,) = submit(store, intake, shoes("A"))
            assert waited(lambda: store.accounts.position("decisions") == store.last_block())
            os.kill(pid, signal.SIGKILL)
        assert waited(lambda: gone(pid))
        (second,) = submit(store, intake, shoes("B"))
        with beside.kept(store.url, posting) as pid:
            assert waited(lambda: store.accounts.position("decisions") == store.last_block())
        assert waited(lambda: gone(pid))
    (debt,) = store.accounts.open_debts(IMPORTER)
    assert debt.owed == due(store, first) + due(store, second)
    assert debt.period == f"{date(2026, 7, 14):%Y-%m}"
    proved(store)
