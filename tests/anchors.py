"""Anchors for tests: a file, and a contract on a chain of its own; and logs in folders to be anchored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx

from evm_chain import chain, fund, key
from ledgers import ORIGIN, signer
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.signing import cosign, sign
from tidewaiter.network.adapters.anchor_file import FileAnchor
from tidewaiter.network.adapters.anchors import Anchor
from tidewaiter.network.adapters.evm import Chain, EvmAnchor
from tidewaiter.network.adapters.evm_wire import Address

LOG = signer(ORIGIN, KeyType.ED25519)
MEMBERS = [signer(f"member.example/{number}") for number in range(4)]
POLICY_TEXT = "\n".join(
    [
        f"log {LOG.verifier.text}",
        *(f"witness m{number} {member.verifier.text}" for number, member in enumerate(MEMBERS)),
        "group members 3 m0 m1 m2 m3",
        "quorum members",
    ]
).encode()
POLICY = Policy.parse(POLICY_TEXT)


class GrowingLog:
    """A log of ours in a folder; `word` makes its entries others than those of another log."""

    def __init__(self, folder: Path, word: str = "entry", writer: TileWriter | None = None) -> None:
        self.folder, self._word, self._writer = folder, word, writer or TileWriter()
        folder.mkdir(exist_ok=True)

    def grown(self, size: int, members: int = 3) -> bytes:
        """Its checkpoint at a size, cosigned by so many members and served beside its tiles."""
        added = [f"{self._word} {number}".encode() for number in range(self._writer.size, size)]
        for tile, data in [*self._writer.add(added), *self._writer.edge()]:
            path = self.folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        text = Checkpoint(ORIGIN, size, self._writer.frontier.root).text
        lines = [sign(text, LOG), *(cosign(text, member, 1_800_000_000) for member in MEMBERS[:members])]
        note = SignedNote(text, tuple(lines)).data
        (self.folder / "checkpoint").write_bytes(note)
        return note

    def read(self, path: str) -> bytes | None:
        file = self.folder / path
        return file.read_bytes() if file.is_file() else None


class Place(Protocol):
    """Where anchors are kept, and what can happen there."""

    def opened(self) -> Anchor:
        """One who may anchor; another one at each call, where there can be several."""

    def restarted(self) -> Anchor:
        """The anchor once all that keeps it has ended and been started again."""


class FilePlace:
    """A file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: FileAnchor | None = None

    def opened(self) -> Anchor:
        self._open = self._open or FileAnchor(self._path)
        return self._open

    def restarted(self) -> Anchor:
        self.close()
        return self.opened()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class ContractPlace:
    """A contract with two owners who decide together and two anchorers."""

    def __init__(self, folder: Path) -> None:
        self.owners = [key("owner 1"), key("owner 2")]
        self.anchorers = [key("anchorer 1"), key("anchorer 2")]
        self.stranger = key("stranger")
        self._folder = folder
        self._chains: list[Chain] = []
        self._running = chain(folder)
        self.url = self._running.__enter__()
        fund(self.url, *self.owners, *self.anchorers, self.stranger)
        anchor, self.deployment = EvmAnchor.deployed(
            self.chain(), self.owners[0], [each.address for each in self.owners], 2,
            [each.address for each in self.anchorers],
        )  # fmt: skip
        self.address: Address = anchor.address
        self._opened = 0

    def opened(self) -> EvmAnchor:
        self._opened += 1
        return self.by(self._opened % 2)

    def by(self, number: int, client: httpx.Client | None = None) -> EvmAnchor:
        """One of the two anchorers."""
        return EvmAnchor(self.chain(client), self.address, self.anchorers[number])

    def chain(self, client: httpx.Client | None = None, confirmations: int = 0, number: int | None = None) -> Chain:
        """The node, asked over a connection that is closed at the end."""
        self._chains.append(Chain(self.url, client=client, confirmations=confirmations, number=number))
        return self._chains[-1]

    def restarted(self) -> EvmAnchor:
        self.close()
        self._running = chain(self._folder)
        self.url = self._running.__enter__()
        return self.opened()

    def close(self) -> None:
        while self._chains:
            self._chains.pop().close()
        self._running.__exit__(None, None, None)


@contextmanager
def place(kind: str, folder: Path) -> Iterator[FilePlace | ContractPlace]:
    """A place of this kind, until it is left."""
    makers: dict[str, Callable[[], FilePlace | ContractPlace]] = {
        "file": lambda: FilePlace(folder / "anchors"),
        "evm": lambda: ContractPlace(folder),
    }
    made = makers[kind]()
    try:
        yield made
    finally:
        made.close()
