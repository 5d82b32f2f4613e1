"""From settings to a store that is ready."""

from __future__ import annotations

import psycopg
from psycopg import sql

from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.postgres import PostgresStore
from tidewaiter.store.settings import Settings

DATABASE = "tidewaiter"


def open_store(settings: Settings | None = None) -> PostgresStore:
    """The store these settings (else the environment) name, migrated and ready.

    Raises EmbeddedServerError, DatabaseError or MigrationError.
    """
    settings = settings or Settings.from_environment()
    if settings.database_url:
        return PostgresStore(settings.database_url)
    server = EmbeddedServer(settings.data_folder)
    server.open()
    try:
        ensure_database(server, DATABASE)
        return PostgresStore(server.url(DATABASE), server)
    except BaseException:
        server.close()
        raise


def is_at_hand(settings: Settings | None = None) -> bool:
    """Whether there is a store to open already: a server is named, or the embedded one was run here before."""
    settings = settings or Settings.from_environment()
    return bool(settings.database_url) or EmbeddedServer(settings.data_folder).cluster.is_dir()


def ensure_database(server: EmbeddedServer, name: str, template: str = "template1") -> None:
    """Make a database of the embedded server unless it is there."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return  # another process was faster
