"""The books are kept beside the server: a process of its own, behind everything else, so that no answer waits for it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk

REST_SECONDS: Final = 1.0  # between looking for something to post
TROUBLE_SECONDS: Final = 10.0  # after something went wrong
NICE: Final = 10  # whoever decides goes first
JOIN_SECONDS: Final = 5


@contextmanager
def kept(url: str) -> Iterator[int]:
    """While in the `with`, a process posts what is decided in the database at `url`; its process id."""
    process = multiprocessing.get_context("spawn").Process(target=keep, args=(url, os.getpid()), daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.terminate()  # whatever it was at is done again by the next: nothing is lost or doubled
        process.join(JOIN_SECONDS)


def keep(url: str, parent: int) -> None:
    """Catch up again and again until the parent process is gone.

    What cannot be read or posted is set aside and logged, and the rest goes on. Where all of it fails (a database that
    does not answer) that is logged and tried again.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, and ends us, too
    os.nice(NICE)
    log = logging.getLogger("tidewaiter.bookkeeping")
    while os.getppid() == parent:
        try:
            with PostgresStore(url) as store:
                bookkeeper = Bookkeeper(store, store.accounts, Desk(store))
                while os.getppid() == parent:
                    done = bookkeeper.catch_up(BOOKKEEPING)
                    if done.set_aside:
                        log.error("%d set aside, not in the books: tidewaiter accounts set-aside", done.set_aside)
                    time.sleep(REST_SECONDS)
        except TidewaiterError as error:
            log.warning("the books wait: %s", error.detail)
        except Exception:
            log.exception("the books wait: something went wrong")
        time.sleep(TROUBLE_SECONDS)
