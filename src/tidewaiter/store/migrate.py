"""Forward-only migrations: numbered SQL files, each run once, in order, and never changed afterwards."""

from __future__ import annotations

import hashlib
from importlib import resources

import psycopg
from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError

_LOCK = 0x7469_6465_0001  # any number nobody else uses; held while migrating


class MigrationError(TidewaiterError):
    """The database was made by other migrations than those that ship here."""

    code = "store.migration"


class Migration(Struct, frozen=True):
    """One file: its number, name, SQL and the SHA-256 of that."""

    number: int
    name: str
    sql: str
    checksum: str


def migrations() -> list[Migration]:
    """The migrations that ship, in order."""
    folder = resources.files("tidewaiter.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    found = []
    for file in files:
        data = file.read_bytes()
        number = int(file.name.split("_", 1)[0])
        found.append(Migration(number, file.name, data.decode(), hashlib.sha256(data).hexdigest()))
    return found


def migrate(connection: psycopg.Connection) -> int:
    """Bring the database up to date; the number of its last migration. Raises MigrationError.

    Safe to be called by several processes at once: the second waits and finds nothing left to do.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (number int PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        rows = connection.execute("SELECT number, checksum FROM migration").fetchall()
        applied: dict[int, str] = dict(rows)
        shipped = migrations()
        _refuse_strangers(applied, shipped)
        for migration in shipped:
            if migration.number not in applied:
                connection.execute(migration.sql.encode())
                connection.execute(
                    "INSERT INTO migration (number, name, checksum) VALUES (%s, %s, %s)",
                    [migration.number, migration.name, migration.checksum],
                )
    return shipped[-1].number


def _refuse_strangers(applied: dict[int, str], shipped: list[Migration]) -> None:
    known = {migration.number: migration.checksum for migration in shipped}
    for number, checksum in applied.items():
        if number not in known:
            raise MigrationError(
                f"the database has migration {number}, which this version of Tidewaiter does not know",
                hint="run the newer version that made it",
            )
        if known[number] != checksum:
            raise MigrationError(
                f"migration {number} was changed after this database had run it",
                hint="restore the file as it was and put the change into a new migration",
            )
