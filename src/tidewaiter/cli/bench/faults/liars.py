"""Mirrors that lie."""

from __future__ import annotations

from typing import Any

from tidewaiter.cli.bench.faults.asking import End, Freeze, Report
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned, Declined, Refuse
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import cosign
from tidewaiter.ledger.verdict import LedgerError


class Liar:
    """A mirror that keeps nothing and signs anything, or tells lies about what it holds, or is silent."""

    def __init__(self, world: World, name: str, origin: str, key: SignerKey) -> None:
        self.world, self.name, self.origin, self.key = world, name, origin, key
        self.manner = world.chance.one_of(("signs", "signs", "muddles", "silent"))
        self.note = b""
        world.nodes[name] = self

    def take(self, sender: str, message: Any) -> None:
        """Answer without looking."""
        chance = self.world.chance
        if self.manner == "silent" or (self.manner == "muddles" and chance.happens(300_000)):
            return
        match message:
            case Stated(carried):
                self.take(sender, carried)
            case Block():
                try:
                    note = SignedNote.parse(message.note)
                except LedgerError:
                    return
                self.note = message.note
                self.world.send(self.name, sender, self._answer(note))
            case Freeze() if self.note:
                self.world.send(self.name, sender, Report(self.note, ()))
            case End(text):
                self.world.send(self.name, sender, self._signed(text))

    def _answer(self, note: SignedNote) -> Cosigned | Declined:
        right = self._signed(note.text)
        if self.manner == "signs":
            return right
        match self.world.chance.below(4):
            case 0:
                return Cosigned(right.origin, right.size, right.line[:-9] + "AAAAAAA=\n")
            case 1:
                return Declined(
                    self.origin, 0, Refuse("block.gap", "it is said that nothing is held", "Send it all.", "0")
                )
            case 2:
                return Declined(self.origin, 2**62, Refuse("block.older", "it is said that all is held", "Send less."))
            case _:
                return right

    def _signed(self, text: str) -> Cosigned:
        checkpoint = Checkpoint.parse(text)
        line = cosign(text, self.key, self.world.clock(self.name) // 1000).line
        return Cosigned(checkpoint.origin, checkpoint.size, line)
