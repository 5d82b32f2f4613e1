"""Going on from a block in the middle of a journal, without replaying what is before it (ADR 44).

Just before a block's last entry the state has the root that this entry tells, which the log has signed. So a state that was
kept from there, and the edge of the log before the block, are worth something as far as a block in the journal says the same:

    rules = Contract(State.restored(kept), statements)
    resumed = resumed_at(block, before, rules, Log(origin, key), memory)   # raises LedgerError where it does not
    machine = Mirror.recovered(setup, rules, records_behind_it, resumed)   # or a Sequencer

`memory` is what the machine knew beside both (`Mirror.memory`). The log tells nothing of that; whoever keeps it sees to it that it
is as it was written.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

from tidewaiter.ledger.batches import STATE, Rules, slips_root
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.merkle import Frontier, leaf_hashes
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError

M = TypeVar("M")


class Log(Struct, frozen=True):
    """Whose log it is."""

    origin: str
    key: VerifierKey


class Resumed(Struct, Generic[M], frozen=True):
    """Where a machine goes on: the block, the edge of the log behind it, what the machine knew there, and the moment of its last entry."""

    block: Block
    frontier: Frontier
    memory: M
    closed_at: int


def resumed_at(block: Block, before: Frontier, rules: Rules, log: Log, memory: M) -> Resumed[M]:
    """Where a machine goes on whose rules are in the state before a block's last entry, which they are given.

    Raises LedgerError where that state, the edge of the log before the block and the block are not of one log, signed by its key.
    """
    note = SignedNote.parse(block.note)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.origin or checkpoint.extensions or not check(note, [log.key]).verdict:
        raise LedgerError(f"the block ends in no checkpoint that “{log.origin}” has signed")
    if not block.entries or block.first != before.size:
        raise LedgerError(f"the block begins at {block.first}, the edge of the log is at {before.size}")
    frontier = before.extended(leaf_hashes(block.entries))
    if (frontier.size, frontier.root) != (checkpoint.size, checkpoint.root):
        raise LedgerError("the edge of the log and the block do not lead to the checkpoint that the block ends in")
    closing = Leaf.parse(block.entries.written[-1])
    if closing.type != STATE or closing.actor != key_number(log.key.public):
        raise LedgerError("the block's last entry is not the log's own word on the state")
    if closing.commitment != slips_root(block.slips).hex():
        raise LedgerError("the block's last entry commits to other signatures of submitters than are there")
    if closing.facts.get("root") != rules.root().hex():
        raise LedgerError("the state is not the one that the block's last entry tells")
    if (refusal := rules.apply(closing)) is not None:
        raise LedgerError(f"the contract does not take the entry that closes the block: {refusal.why}")
    return Resumed(block, frontier, memory, closing.at)
