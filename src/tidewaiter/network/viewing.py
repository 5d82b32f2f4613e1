"""One consignment as one member sees it: the same entries for all, opened where the member has what opens them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from tidewaiter.ledger.commitments import commit, entry_seed
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import TileReader, verify_log
from tidewaiter.ledger.receipts import Receipt, issue, verify_receipt
from tidewaiter.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, entries_in, tiles_of
from tidewaiter.ledger.verdict import LedgerError, Verdict
from tidewaiter.network.client import Peer, PeerError
from tidewaiter.network.holding import checkpoint_of

Read = Callable[[str], bytes | None]


class Seen(Struct, frozen=True, kw_only=True):
    """One entry: where it stands, what it says in the open, and what it was bound to where this member can open it.

    `receipt_bytes` and `verdict` are of a receipt that was made and verified offline, against the policy.
    """

    index: int
    leaf: Leaf
    label: str = ""
    fields: tuple[tuple[str, str], ...] | None = None
    receipt_bytes: int = 0
    verdict: str = ""


class Copy:
    """A log of one size, read through `read`: the member's own files, or a mirror's over HTTP."""

    def __init__(self, read: Read, note: bytes, policy: Policy) -> None:
        believed = policy.believed(note)
        if not believed.verdict or believed.checkpoint is None:
            raise LedgerError(f"the checkpoint is not to be believed: {believed.verdict.reason}")
        self._read, self._policy = read, policy
        self.note, self.checkpoint = note, believed.checkpoint
        self._nodes = TileReader(read, self.checkpoint.size).node

    def verified(self) -> Verdict:
        """Whether the whole log is what the quorum has cosigned: every entry read, every tile worked out anew."""
        return verify_log(self._read, self.checkpoint.size, self.checkpoint.root)

    def entries(self, scope: str) -> Iterator[tuple[int, bytes]]:
        """All entries of a scope, with their index."""
        sought = b'"scope":"%b"' % scope.encode()
        size = self.checkpoint.size
        for place in range(-(-size // TILE_WIDTH)):
            tile = Tile(ENTRIES, place, min(TILE_WIDTH, size - place * TILE_WIDTH))
            data = self._read(tile.path) or b""
            if sought in data:
                for row, entry in enumerate(entries_in(data, tile.width)):
                    if sought in entry:
                        yield place * TILE_WIDTH + row, entry

    def receipt(self, index: int) -> Receipt:
        """The receipt of an entry."""
        return issue(self._nodes, index, SignedNote.parse(self.note), self.checkpoint.size)

    def seen(self, scope: str, opened: dict[bytes, tuple[str, tuple[tuple[str, str], ...]]]) -> list[Seen]:
        """The entries of a scope; `opened` are label and fields by entry, as far as the member has them."""
        found = []
        for index, entry in self.entries(scope):
            receipt = self.receipt(index).text
            believed = verify_receipt(receipt, entry, self._policy)
            label, fields = opened.get(entry, ("", None))
            found.append(
                Seen(
                    index=index,
                    leaf=Leaf.parse(entry),
                    label=label,
                    fields=fields,
                    receipt_bytes=len(receipt),
                    verdict=believed.verdict.reason or "verified",
                )
            )
        return found


def opens(key: bytes, label: str, fields: tuple[tuple[str, str], ...], entry: bytes) -> Verdict:
    """Whether an entry was bound to just these fields under a consignment's key."""
    root = commit(entry_seed(key, label), fields).root
    return Verdict("" if Leaf.parse(entry).commitment == root else "the entry was bound to something else")


async def fetched(peer: Peer, origin: str, note: bytes) -> Read:
    """All files of a log of a checkpoint's size, from a member that mirrors it. Raises PeerError."""
    below = f"/{hashlib.sha256(origin.encode()).hexdigest()}/"
    files: dict[str, bytes] = {}
    for tile in tiles_of(checkpoint_of(note).size):
        answer = await peer.get(below + tile.path)
        if answer.status != 200:
            raise PeerError(f"{peer.url} does not serve {tile.path}")
        files[tile.path] = answer.body
    return files.get


def fields_of(text: bytes) -> tuple[tuple[str, str], ...]:
    """Fields as they are kept and sent. Raises LedgerError."""
    try:
        return msgspec.json.decode(text, type=tuple[tuple[str, str], ...])
    except msgspec.DecodeError as error:
        raise LedgerError(f"these are no fields: {error}") from error
