"""The contract that simulated members replay, as their network began with it; and sequencers that do not keep to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import msgspec
from msgspec import structs

from tidewaiter.cli.bench.faults.world import BEGINNING
from tidewaiter.ledger.batches import Slip
from tidewaiter.ledger.contracts import VERSION_1, Contract, Founder, Genesis, Refusal, Role, RuleSet, State
from tidewaiter.ledger.contracts.ruling import Program
from tidewaiter.ledger.effects import Effect
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.merkle import leaf_hash
from tidewaiter.ledger.sequencing import Admitted, Sequencer

MakeRules = Callable[[], Contract]
_POLICY: Final = "quorum none\n"
_BEFORE: Final = 3_600
"""How long before the simulation begins its network was founded: clocks may be slow."""


class Remembered(RuleSet, frozen=True):
    """The rules, whose hash and programs are worked out once: a simulated member restarts in no time."""

    @property
    def hash(self) -> str:
        """As rule sets have it."""
        return _hash()

    def compiled(self) -> dict[str, Program]:
        """As rule sets have it."""
        return _compiled()


@cache
def _hash() -> str:
    return VERSION_1.hash


@cache
def _compiled() -> dict[str, Program]:
    return VERSION_1.compiled()


_RULES: Final = (Remembered(VERSION_1.version, VERSION_1.rules, VERSION_1.windows, VERSION_1.types),)


def founded(customs: Mapping[str, SignerKey], logs: list[SignerKey]) -> bytes:
    """The state of an empty log, as a snapshot: members that are customs, and the keys of the sequencers of both origins."""
    first, following = logs
    founders = [Founder(name, key.verifier.public, (Role.CUSTOMS,)) for name, key in customs.items()]
    founders.append(Founder("next", following.verifier.public, (Role.SEQUENCER,)))
    at = BEGINNING // 1000 - _BEFORE
    genesis = Genesis(first.name, at - at % BUCKET_SECONDS, tuple(founders), first.verifier.public, _POLICY, _hash())
    return State.begin(genesis, _RULES).snapshot()


def contract(snapshot: bytes) -> Contract:
    """The contract in a state."""
    return Contract(State.restored(snapshot, _RULES), {})


class Lawless(Contract):
    """What a sequencer has that takes anything, and says that it was lawful."""

    def apply(self, leaf: Leaf) -> Refusal | None:
        """Take anything."""
        super().apply(leaf)
        return None


class Inventor(Sequencer):
    """A sequencer that puts an entry into its blocks, in somebody's name, that nobody handed in."""

    def _seal(self) -> list[Effect]:
        return [*self._invented(), *super()._seal()] if self._entries else []

    def _invented(self) -> list[Effect]:
        leaf, slip = Leaf.parse(self._entries[-1]), self._slips[-1]
        commitment = hashlib.sha256(leaf.commitment.encode()).hexdigest()
        leaf = structs.replace(leaf, commitment=commitment, type="arrived", facts={})
        if self._rules.apply(leaf) is not None:
            return []
        entry = leaf.entry()
        made_up = Admitted(Slip(slip.key, slip.number + 1, 1, bytes(64)), self.size, bytes(32), (entry,), ())
        self._hashes.append(leaf_hash(entry))
        self._take(made_up)
        return [self._persist(msgspec.msgpack.encode(made_up))]


def lawless(snapshot: bytes) -> Contract:
    """The contract of a sequencer that breaks the rules."""
    return Lawless(State.restored(snapshot, _RULES), {})
