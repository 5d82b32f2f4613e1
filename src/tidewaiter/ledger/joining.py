"""Catching up from tiles: a log that others have cosigned, taken in by parts.

Whoever joins a network, or has lagged too far behind, reads entries out of anybody's tiles. With each part comes the proof
that the log up to its end is how the cosigned one began (RFC 6962, section 2.1.2), so that nothing is kept that is
not in it, and nobody goes on who holds another beginning. It does what the entry packages of c2sp.org/tlog-mirror
do, with the proof from the whole log so far instead of from one bundle.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.merkle import Frontier, leaf_hash
from tidewaiter.ledger.proving import prove_consistency, verify_consistency
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.tiles import TILE_WIDTH


class Part(Struct, frozen=True, tag="part"):
    """Entries from `first` on; the proof from their end on; and the cosigned checkpoint that they lead to."""

    first: int
    entries: tuple[bytes, ...]
    proof: tuple[bytes, ...]
    note: bytes


def parts(reader: TileReader, first: int, note: bytes) -> Iterator[Part]:
    """What a mirror that holds `first` entries lacks of the log that is read, up to its end, which `note` is about.

    One bundle's entries at a time. Raises LedgerError where a tile is missing or not as it should be.
    """
    while first < reader.size:
        end = min(first - first % TILE_WIDTH + TILE_WIDTH, reader.size)
        entries = tuple(reader.entry(index) for index in range(first, end))
        yield Part(first, entries, tuple(prove_consistency(reader.node, end, reader.size)), note)
        first = end


def followed(frontier: Frontier, part: Part, checkpoint: Checkpoint) -> Frontier | Refuse:
    """The edge of the log after a part, where that is how the checkpoint's log began; else why it is not taken."""
    if part.first != frontier.size or not part.entries:
        why = f"the part has {len(part.entries)} entries from {part.first} on, held are {frontier.size}"
        return Refuse("part.gap", why, "Send the parts from there on.", str(frontier.size))
    after = frontier.extended(map(leaf_hash, part.entries))
    verdict = verify_consistency((after.size, after.root), (checkpoint.size, checkpoint.root), part.proof)
    if not verdict:
        why = f"what is held and the part are not how the checkpoint's log began: {verdict.reason}"
        return Refuse("part.root", why, "Read it from tiles again; where it stays so, compare checkpoints.")
    return after
