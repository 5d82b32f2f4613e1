"""Members that hand in batches until each is final, and one that also hands in what it should not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from tidewaiter.cli.bench.faults.world import World
from tidewaiter.ledger.batches import Promise, write_batch
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, key_number

UNDER_WAY: Final = 2
RETRY_MS: Final = 350


class Epoch(Struct, frozen=True):
    """Where batches are handed in, whose promises count, and how far the log before went with this submitter."""

    origin: str
    sequencer: str
    log: VerifierKey
    numbers: Mapping[str, int]


class Submitter:
    """Hands in its batches in order, two under way at once; remembers what was promised."""

    def __init__(self, world: World, name: str, key: SignerKey, epoch: Epoch) -> None:
        self.world, self.name, self.key, self.epoch = world, name, key, epoch
        self.actor = key_number(key.verifier.public)
        self.work: list[list[tuple[str, str]]] = []
        self.handed: dict[int, tuple[bytes, ...]] = {}
        self.promises: dict[tuple[str, int], Promise] = {}
        self.done = 0
        self.is_plain = True
        world.nodes[name] = self
        world.every(RETRY_MS, self.hand_in)

    def begin(self, epoch: Epoch) -> None:
        """Another origin: what is not in the one before is handed in there."""
        self.epoch, self.done = epoch, epoch.numbers.get(self.actor, 0)
        self.hand_in()

    def hand_in(self) -> None:
        """Send the next batches that nothing was promised of."""
        for number in range(self.done + 1, min(self.done + UNDER_WAY, len(self.work)) + 1):
            entries = self.handed.get(number) or self._entries(number)
            self.handed[number] = entries
            batch = write_batch(self.epoch.origin, self.key, number, entries)
            self.world.send(self.name, self.epoch.sequencer, batch)

    def _entries(self, number: int) -> tuple[bytes, ...]:
        return tuple(
            self.leaf(scope, word, f"{number}/{place}") for place, (scope, word) in enumerate(self.work[number - 1])
        )

    def leaf(self, scope: str, word: str, salt: str) -> bytes:
        """An entry of this submitter's."""
        at = self.world.clock(self.name) // 1000
        commitment = self._commitment(salt)
        named = hashlib.sha256(scope.encode()).hexdigest()[:32]
        bucket = at - at % BUCKET_SECONDS
        return Leaf(actor=self.actor, at=bucket, commitment=commitment, facts={}, scope=named, type=word).entry()

    def all_entries(self) -> list[tuple[str, str]]:
        """Kinds and commitments of all that it has to say, in order."""
        return [each for number in range(1, len(self.work) + 1) for each in self.entries_of(number)]

    def entries_of(self, number: int) -> list[tuple[str, str]]:
        """Kinds and commitments of a batch."""
        return [(word, self._commitment(f"{number}/{place}")) for place, (_, word) in enumerate(self.work[number - 1])]

    def _commitment(self, salt: str) -> str:
        return hashlib.sha256(f"{self.name}/{salt}".encode()).hexdigest()

    def take(self, sender: str, message: Any) -> None:
        """A promise is remembered; what a refusal hints at is done."""
        match message:
            case Promise(origin, key) if (origin, key) == (self.epoch.origin, self.actor):
                if not message.is_by(self.epoch.log):
                    return
                self.promises[(message.origin, message.number)] = message
                if message.number == self.done + 1:
                    self.done = message.number
                    self.hand_in()
            case Refuse("batch.replayed", _, _, place) if self.is_plain:
                self.done = max(self.done, int(place) - 1)
            case Refuse("entry.ahead"):
                self.world.skew[self.name] = 0
                self.handed = {number: kept for number, kept in self.handed.items() if number <= self.done}
