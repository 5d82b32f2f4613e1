"""The contract that simulated members replay, as their network began with it; and a sequencer's that takes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from tidewaiter.cli.bench.faults.world import BEGINNING
from tidewaiter.ledger.contracts import VERSION_1, Contract, Founder, Genesis, Refusal, Role, RuleSet, State
from tidewaiter.ledger.contracts.ruling import Program
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf

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


def lawless(snapshot: bytes) -> Contract:
    """The contract of a sequencer that breaks the rules."""
    return Lawless(State.restored(snapshot, _RULES), {})
