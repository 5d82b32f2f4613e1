"""Where the data lives: an embedded server's folder, or the address of a server somebody else runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

DATA_VARIABLE: Final = "TIDEWAITER_DATA"
DATABASE_URL_VARIABLE: Final = "TIDEWAITER_DATABASE_URL"
QUOTES_KEY_VARIABLE: Final = "TIDEWAITER_QUOTES_KEY"
RECORD_KEY_VARIABLE: Final = "TIDEWAITER_RECORD_KEY"
RECORD_NAME_VARIABLE: Final = "TIDEWAITER_RECORD_NAME"

VARIABLES: Final[Mapping[str, str]] = {
    DATA_VARIABLE: "Folder of the embedded PostgreSQL; `var/postgres` below the current folder where unset.",
    DATABASE_URL_VARIABLE: (
        "Address of a PostgreSQL (16 or newer) that somebody else runs, as a URL or a connection string; "
        "no embedded one is then started."
    ),
    QUOTES_KEY_VARIABLE: (
        "Secret that quotes are numbered and signed with; where unset, one is made once and kept in the database. "
        "With another secret, quotes given before are no longer known as ours."
    ),
    RECORD_KEY_VARIABLE: (
        "Secret of the key that checkpoints of the record are signed with; where unset, one is made once and kept in the "
        "database. With another secret, whoever verifies must be told the new key."
    ),
    RECORD_NAME_VARIABLE: (
        "Name of the record, an address without its scheme (`record.customs.example`); the log of a year is called that, "
        "`/` and the year. A made-up one where unset. A change takes effect with the next year's log."
    ),
}


class Settings(Struct, frozen=True, kw_only=True):
    """`database_url` names a PostgreSQL server and database; when empty, one is run in `data_folder`."""

    data_folder: Path = Path("var/postgres")
    database_url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings in TIDEWAITER_DATA and TIDEWAITER_DATABASE_URL, with the defaults where unset."""
        values = os.environ if environment is None else environment
        return cls(
            data_folder=Path(values.get(DATA_VARIABLE) or "var/postgres").expanduser(),
            database_url=values.get(DATABASE_URL_VARIABLE, ""),
        )
