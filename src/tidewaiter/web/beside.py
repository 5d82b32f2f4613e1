"""Work that goes on beside the server, in a process of its own behind everything else, so that no answer waits for it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.store import PostgresStore

REST_SECONDS: Final = 1.0  # between two rounds
TROUBLE_SECONDS: Final = 10.0  # after something went wrong
NICE: Final = 10  # whoever decides goes first
JOIN_SECONDS: Final = 5

Work = Callable[[PostgresStore], Callable[[], object]]  # made once for a store: one round of it; importable by name


@contextmanager
def kept(url: str, *works: Work, rest: float = REST_SECONDS) -> Iterator[int]:
    """While in the `with`, a process does the works on the database at `url` in turn; its process id.

    Between two rounds it rests so many seconds.
    """
    arguments = (url, os.getpid(), works, rest)
    process = multiprocessing.get_context("spawn").Process(target=keep, args=arguments, daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.terminate()  # whatever it was at is done again by the next: nothing is lost or doubled
        process.join(JOIN_SECONDS)


def keep(url: str, parent: int, works: Sequence[Work], rest: float = REST_SECONDS) -> None:
    """Do them again and again until the parent process is gone. What fails is logged and tried again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, and ends us, too
    os.nice(NICE)
    log = logging.getLogger(works[0].__module__)
    while os.getppid() == parent:
        try:
            with PostgresStore(url) as store:
                rounds = [work(store) for work in works]
                while os.getppid() == parent:
                    for one_round in rounds:
                        one_round()
                    time.sleep(rest)
        except TidewaiterError as error:
            log.warning("it waits: %s", error.detail)
        except Exception:
            log.exception("it waits: something went wrong")
        time.sleep(TROUBLE_SECONDS)
