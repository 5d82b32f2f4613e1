"""The contract that a network begins with, and the statements of governance that its entries stand for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tidewaiter.ledger.contracts import Contract, State
from tidewaiter.network.charter import Charter
from tidewaiter.network.files import write_durably

STATEMENT_BYTES_MAX: Final = 1_000_000


def first_contract(charter: Charter, statements: Mapping[str, bytes]) -> Contract:
    """The contract as it stands before the first entry of a network, from the charter of its first origin."""
    return Contract(State.begin(charter.genesis), statements)


class Shelf(Mapping[str, bytes]):
    """Statements by the commitment of their entry, each in a file of its own; on disk before an entry may need it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}

    def put(self, statement: bytes) -> str:
        """Keep a statement; the commitment that an entry names it by. Raises DiskError."""
        commitment = hashlib.sha256(statement).hexdigest()
        if commitment not in self._kept:
            write_durably(self._folder / commitment, statement)
            self._kept[commitment] = statement
        return commitment

    def __getitem__(self, commitment: str) -> bytes:
        return self._kept[commitment]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
