"""A few open connections, lent out one at a time."""

from __future__ import annotations

import contextlib
import queue
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import psycopg.errors

from tidewaiter.model.errors import UnavailableError

IDLE_MAX = 48  # as many as threads that ask at once: opening one costs the server a process


# Faults of what was to be written. All others are the server's, the network's or our own queries'.
_OF_VALUES = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)


class DatabaseError(UnavailableError):
    """The database cannot be reached, broke off, or cannot do now what was asked."""

    code = "store.database"


class Connections:
    """Lends connections to one database; `lend` is safe in threads.

    `revive` is called when the server does not answer, before the second try.
    """

    def __init__(self, url: str, revive: Callable[[], None] | None = None) -> None:
        self._url = url
        self._revive = revive
        self._idle: queue.LifoQueue[psycopg.Connection] = queue.LifoQueue(IDLE_MAX)
        self._is_closed = False

    def open(self) -> psycopg.Connection:
        """A new connection, each statement a transaction of its own unless one is begun. Raises DatabaseError."""
        try:
            return self._connect()
        except psycopg.OperationalError as error:
            if self._revive is None:
                raise _unanswered(error) from error
        self._revive()
        try:
            return self._connect()
        except psycopg.OperationalError as error:
            raise _unanswered(error) from error

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, application_name="tidewaiter")

    @contextmanager
    def lend(self) -> Iterator[psycopg.Connection]:
        """A connection for one transaction.

        Raises DatabaseError where the server is gone or cannot do it now. What it refuses of the values themselves
        (a constraint, a number out of range, a text too long for an index) is raised as psycopg has it.
        """
        connection = self._take()
        try:
            yield connection
        except psycopg.Error as error:
            if isinstance(error, _OF_VALUES):
                raise
            connection.close()
            has_gone = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
            what = "broke off" if has_gone else "cannot do it"
            raise DatabaseError(f"the database {what}: {error}", hint="try again") from error
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close those not lent out; others close when they come back."""
        self._is_closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def _take(self) -> psycopg.Connection:
        """An idle connection that still answers, or a new one: a server that was restarted goes unnoticed."""
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                return self.open()
            if not connection.closed and _is_alive(connection):
                return connection
            connection.close()

    def _give_back(self, connection: psycopg.Connection) -> None:
        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.close()
            return
        try:
            if self._is_closed:
                raise queue.Full
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()


def _unanswered(error: psycopg.Error) -> DatabaseError:
    return DatabaseError(f"the database does not answer: {error}", hint="tidewaiter database status says more")


def _is_alive(connection: psycopg.Connection) -> bool:
    """False when the server has closed the connection's socket; asks the operating system, not the server."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)  # an idle connection has nothing to say unless it was cut
