"""Whether a batch is one that the sequencer can take: read, counted and verified before anything else looks at it.

And whether the time at which a block was closed is one that a mirror can take.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.batches import BATCH_BYTES_MAX, ENTRIES_MAX, STATE, Batch, Slip, has_signed, signed_root
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.entries import Entries, EntryReader
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.merkle import leaf_hashes
from tidewaiter.ledger.tiles import ENTRY_BYTES_MAX
from tidewaiter.ledger.verdict import LedgerError

AHEAD_SECONDS: Final = BUCKET_SECONDS
"""How far an entry's moment may lie ahead of the sequencer's clock, since clocks differ."""

CLOSED_AHEAD_SECONDS: Final = 3600
"""How far the log's own time may lie ahead of a mirror's clock: it never goes back, and what is over by it is forgotten."""


class Handed(Struct, frozen=True):
    """A batch that was read: its entries as leaves and together, their hashes, and the root that is signed."""

    leaves: list[Leaf]
    entries: Entries
    hashes: list[bytes]
    root: bytes


def read(batch: Batch, origin: str, submitters: Mapping[str, bytes], now: int, reader: EntryReader) -> Handed | Refuse:
    """The batch, verified; or why it is refused as a whole. `now` is in milliseconds."""
    refuse = _too_much(batch) or _of_another(batch, origin, submitters)
    if refuse:
        return refuse
    hashes = leaf_hashes(batch.entries)
    root = signed_root(hashes)
    if not has_signed(submitters, Slip(batch.key, batch.number, len(hashes), batch.signature), origin, root):
        return Refuse(
            "batch.forged",
            f"the signature is not by the key {batch.key} over these entries under the number {batch.number}",
            "Sign the hash over just these entries, with origin, key and number, as the reference has it.",
        )
    taken = _leaves(batch, now, reader)
    if isinstance(taken, Refuse):
        return taken
    if len(set(hashes)) != len(hashes):
        place = next(n for n, each in enumerate(hashes) if hashes.index(each) < n)
        return Refuse("entry.twice", "the entry stands in the batch before", "Hand in each once.", f"entries/{place}")
    return Handed(*taken, hashes, root)


def _too_much(batch: Batch) -> Refuse | None:
    if not batch.entries:
        return Refuse("batch.empty", "the batch has no entries", "Hand in at least one.")
    if len(batch.entries) > ENTRIES_MAX:
        why = f"the batch has {len(batch.entries)} entries; {ENTRIES_MAX} are the most"
        return Refuse("batch.oversized", why, "Split it, and give each part its number.")
    for place, entry in enumerate(batch.entries):
        if len(entry) > ENTRY_BYTES_MAX:
            why = f"the entry has {len(entry)} bytes; {ENTRY_BYTES_MAX} are the most"
            return Refuse("entry.oversized", why, "Commit to the payload and keep it apart.", f"entries/{place}")
    size = sum(map(len, batch.entries))
    if size > BATCH_BYTES_MAX:
        why = f"the batch has {size} bytes; {BATCH_BYTES_MAX} are the most"
        return Refuse("batch.oversized", why, "Split it, and give each part its number.")
    return None


def _of_another(batch: Batch, origin: str, submitters: Mapping[str, bytes]) -> Refuse | None:
    if batch.origin != origin:
        why = f"the batch is for “{batch.origin[:200]}”, this is “{origin}”"
        return Refuse("batch.origin", why, "Sign it again for this origin, or hand it in there.")
    if batch.key not in submitters:
        why = f"nobody is known by the key {batch.key[:40]}"
        return Refuse("batch.key_unknown", why, "Have the key registered by your member first.")
    return None


def _leaves(batch: Batch, now: int, reader: EntryReader) -> tuple[list[Leaf], Entries] | Refuse:
    try:
        leaves, entries = reader.read(batch.entries)
    except LedgerError as error:
        return Refuse(
            "entry.malformed", error.detail, "Write it as RFC 8785 has it, with just the members.", error.place
        )
    latest, key = now // 1000 + AHEAD_SECONDS, batch.key
    told = {(leaf.actor, leaf.type, leaf.at) for leaf in leaves}
    if any(actor != key or kind == STATE or at > latest for actor, kind, at in told):
        for place, leaf in enumerate(leaves):
            if leaf.actor != key or leaf.type == STATE or leaf.at > latest:
                return _unfit(leaf, batch, now, f"entries/{place}")
    return leaves, entries


def _unfit(leaf: Leaf, batch: Batch, now: int, where: str) -> Refuse:
    if leaf.actor != batch.key:
        why = f"the entry is by {leaf.actor}, the batch by {batch.key}"
        return Refuse("entry.actor", why, "Hand in only what the key that signs answers for.", where)
    if leaf.type == STATE:
        return Refuse("entry.type", "only the sequencer closes blocks", "Leave out entries of the type state.", where)
    why = f"the entry's moment {leaf.at} lies ahead of now by {leaf.at - now // 1000} seconds"
    return Refuse("entry.ahead", why, "Set the clock, or hand it in once its time has come.", where)


def ahead_of_clock(closing: Leaf, now: int) -> Refuse | None:
    """Why the entry that closes a block is not taken yet: its time is far ahead of the clock, `now` in milliseconds.

    By a clock that is years ahead every permit, debt and consignment would be over at once, and none could be written of any more.
    """
    ahead = closing.at - now // 1000
    if ahead <= CLOSED_AHEAD_SECONDS:
        return None
    why = f"the log's time lies {ahead} seconds ahead of this member's clock; {CLOSED_AHEAD_SECONDS} are the most"
    return Refuse("block.ahead", why, "Set the clock that is wrong; where it is the log's, end its epoch.")
