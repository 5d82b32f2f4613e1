"""Somebody in the network who replays and forges, with a registered key of their own and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from tidewaiter.cli.bench.faults.submitters import Epoch, Submitter
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.batches import Batch, write_batch
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import sign

STRIKE_MS: Final = 120
REMEMBERED: Final = 12


class Attacker(Submitter):
    """Hands in batches of its own in order, and between them what ought to be refused."""

    def __init__(self, world: World, name: str, key: SignerKey, epoch: Epoch) -> None:
        super().__init__(world, name, key, epoch)
        self.batches: list[Batch] = []
        self.blocks: list[tuple[str, Block]] = []
        self.is_plain = self.is_calm = False
        self._stranger = SignerKey("stranger.example", KeyType.ED25519, bytes([7]) * 32)
        world.every(STRIKE_MS, self._strike)

    def overhear(self, sender: str, to: str, message: Any) -> None:
        """Remember what goes by."""
        if sender == self.name:
            return
        if isinstance(message, Stated):
            message = message.carried
        if isinstance(message, Batch):
            self.batches = [*self.batches[1 - REMEMBERED :], message]
        elif isinstance(message, Block):
            self.blocks = [*self.blocks[1 - REMEMBERED :], (to, message)]

    def _strike(self) -> None:
        if self.is_calm:
            return
        strikes: list[Callable[[], None]] = [self._strike_with_own]
        if self.batches:
            strikes += [self._strike_with_batch] * 2
        if self.blocks:
            strikes += [self._strike_with_block] * 2
        self.world.tally["attacks"] += 1
        self.world.chance.one_of(strikes)()

    def _strike_with_batch(self) -> None:
        """What somebody else handed in: again, altered, renumbered, for another origin, by another key."""
        chance = self.world.chance
        batch = chance.one_of(self.batches)
        match chance.below(6):
            case 0:
                forged = structs.replace(batch, entries=(*batch.entries[1:], self.leaf("altered", "arrived", "x")))
            case 1:
                forged = structs.replace(batch, number=batch.number + 1)
            case 2:
                forged = structs.replace(batch, origin="another.example/2026")
            case 3:
                forged = structs.replace(batch, key=self._number_of_stranger())
            case 4:
                forged = structs.replace(batch, entries=())
            case _:
                forged = batch
                self.world.tally["replays"] += 1
        self.world.send(self.name, self.epoch.sequencer, forged)

    def _number_of_stranger(self) -> str:
        return write_batch("", self._stranger, 1, ()).key

    def _strike_with_own(self) -> None:
        """What the own key signs and the record still does not take."""
        chance = self.world.chance
        due, new = self.done + 1, self.leaf("own", "arrived", f"strike {self.world.now}")
        entries: tuple[bytes, ...] = (new,)
        match chance.below(9):
            case 0:
                due += chance.between(1, 5) + len(self.work)
            case 1:
                due = self.done or due + 10
            case 2:
                entries = (self._altered(new, actor="f" * 32),)
            case 3:
                entries = (self._altered(new, at=4_000_000_200 // 900 * 900),)
            case 4:
                entries = (new, b"x" * 65_536)
            case 5:
                entries = (new,) * 1_001
            case 6:
                entries = (new, new)
            case 7:
                entries = (b" " + new,)
            case _:
                entries = (self._altered(new, type="state"),)
        self.world.send(self.name, self.epoch.sequencer, write_batch(self.epoch.origin, self.key, due, entries))

    @staticmethod
    def _altered(entry: bytes, **members: Any) -> bytes:
        return structs.replace(Leaf.parse(entry), **members).entry()

    def _strike_with_block(self) -> None:
        """A block that goes by, again or altered, and a cosignature that nobody gave."""
        chance = self.world.chance
        to, block = chance.one_of(self.blocks)
        match chance.below(6):
            case 0:
                block = structs.replace(
                    block, entries=Entries.of([self.leaf("altered", "arrived", "y"), *block.entries.written[1:]])
                )
            case 1:
                block = structs.replace(block, note=self._forged(block.note))
            case 2:
                block = structs.replace(block, slips=block.slips[1:])
            case 3:
                block = structs.replace(block, note=block.note[:-20])
            case 4:
                checkpoint = Checkpoint.parse(SignedNote.parse(block.note).text)
                line = "— m0.example AAAAAAAAAAAAAAAAAAAAAAAA\n"
                self.world.send(to, self.epoch.sequencer, Cosigned(checkpoint.origin, checkpoint.size, line))
                return
            case _:
                self.world.tally["replays"] += 1
        self.world.send(self.name, to, block)

    def _forged(self, note: bytes) -> bytes:
        read = Checkpoint.parse(SignedNote.parse(note).text)
        text = structs.replace(read, root=bytes(32)).text
        key = SignerKey(read.origin, KeyType.ED25519, bytes([9]) * 32)
        return SignedNote(text, (sign(text, key),)).data
