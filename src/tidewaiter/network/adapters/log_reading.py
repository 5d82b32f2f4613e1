"""A log of others, read where it is served: a folder, or an address on the web (c2sp.org/tlog-tiles)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from tidewaiter.ledger.tiles import ENTRY_BYTES_MAX, TILE_WIDTH
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError

FILE_BYTES_MAX: Final = TILE_WIDTH * (ENTRY_BYTES_MAX + 2)
"""Bytes of the largest file a log can have: a bundle of the largest entries."""
ANSWERS_WITHIN_SECONDS: Final = 30.0


@contextmanager
def served(log: str) -> Iterator[Callable[[str], bytes | None]]:
    """The bytes at each path below a log's folder or address; None where there is nothing.

    Raises UnavailableError where an address does not answer, LedgerError for what no file of a log can be.
    """
    if not log.startswith(("http://", "https://")):
        yield lambda path: _in_folder(Path(log), path)
        return
    with httpx.Client(timeout=ANSWERS_WITHIN_SECONDS) as client:
        yield lambda path: _at_address(client, f"{log.rstrip('/')}/{path}")


def _in_folder(folder: Path, path: str) -> bytes | None:
    file = folder / path
    if not file.is_file():
        return None
    if file.stat().st_size > FILE_BYTES_MAX:
        raise LedgerError(f"{path} is larger than any file of a log")
    return file.read_bytes()


def _at_address(client: httpx.Client, address: str) -> bytes | None:
    try:
        with client.stream("GET", address) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code != httpx.codes.OK:
                raise UnavailableError(f"{address} answers {answer.status_code}")
            data = bytearray()
            for part in answer.iter_bytes():
                data += part
                if len(data) > FILE_BYTES_MAX:
                    raise LedgerError(f"{address} is larger than any file of a log")
            return bytes(data)
    except httpx.HTTPError as error:
        raise UnavailableError(f"{address} does not answer: {error!r}") from error
