"""A small network of machines for tests, driven by hand: journals in memory, synced when the test says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ledgers import signer
from tidewaiter.cli.bench.faults.rules import Founding, contract, founded
from tidewaiter.ledger import mirroring, sequencing
from tidewaiter.ledger.batches import Batch, write_batch
from tidewaiter.ledger.effects import (
    Block,
    Durable,
    Effect,
    FinalCheckpoint,
    Keep,
    Persist,
    Reply,
    Send,
)
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.policies import Group, Party, Policy
from tidewaiter.ledger.sequencing import Limits, Sequencer

ORIGIN: Final = "record.example/2026"
NOW: Final = 1_800_000_000_000
LOG: Final = signer(ORIGIN, KeyType.ED25519)
SUBMITTER: Final = signer("submitter", KeyType.ED25519)
ACTOR: Final = key_number(SUBMITTER.verifier.public)
OTHER: Final = signer("other", KeyType.ED25519)
KEYS: Final = {key_number(key.verifier.public): key.verifier.public for key in (SUBMITTER, OTHER)}
NAMES: Final = ("m0", "m1", "m2", "m3")
MEMBERS: Final = {name: signer(f"{name}.example") for name in NAMES}
POLICY: Final = Policy(
    (), {name: Party(key.verifier) for name, key in MEMBERS.items()}, {"quorum": Group(3, NAMES)}, "quorum"
)
NEXT: Final = signer("record.example/2027", KeyType.ED25519)
SPEAKERS: Final = {name: signer(f"{name}.speaks", KeyType.ED25519) for name in NAMES}
BEGINNING: Final = founded(Founding(SPEAKERS, {"one": SUBMITTER, "two": OTHER}, POLICY, LOG))


def leaf(salt: str, *, word: str = "arrived", scope: str = "scope", by: SignerKey = SUBMITTER, at: int = NOW) -> bytes:
    """An entry that differs with its salt."""
    return Leaf(
        actor=key_number(by.verifier.public),
        at=at // 1000 // 900 * 900,
        commitment=hashlib.sha256(salt.encode()).hexdigest(),
        facts={},
        scope=hashlib.sha256(scope.encode()).hexdigest()[:32],
        type=word,
    ).entry()


def batch(number: int, *entries: bytes, by: SignerKey = SUBMITTER, origin: str = ORIGIN) -> Batch:
    """A signed batch; of one entry where none is given."""
    return write_batch(origin, by, number, entries or (leaf(f"{number}"),))


class Driven:
    """A machine with its journal. `effects` are those that went out; nothing is synced before `sync`."""

    def __init__(self, machine: Durable) -> None:
        self.machine: Any = machine
        self.journal = b""
        self.synced = 0
        self.upto = 0
        self.out: list[Effect] = []

    def did(self, effects: Iterable[Effect]) -> list[Effect]:
        """Carry out what a machine asked for; gives what goes out at once."""
        out = []
        for effect in effects:
            if isinstance(effect, Persist | Keep):
                self.journal += effect.data
                self.upto = effect.upto if isinstance(effect, Persist) else self.upto
            else:
                out.append(effect)
        self.out += out
        return out

    def sync(self) -> list[Effect]:
        """The journal is synced; gives what goes out then."""
        self.synced = len(self.journal)
        return self.did(self.machine.synced(self.upto))

    def messages(self) -> list[Any]:
        """What was sent or answered so far."""
        return [effect.message for effect in self.out if isinstance(effect, Send | Reply)]

    def left(self) -> list[bytes]:
        """The records that are left when the power goes now."""
        return whole_records(self.journal[: self.synced])[0]


def sequencer(records: Sequence[bytes] = (), limits: Limits = Limits()) -> Driven:  # noqa: B008 (frozen)
    """A sequencer as its records have it."""
    setup = sequencing.Setup(ORIGIN, LOG, POLICY, NAMES, dict(KEYS), limits)
    return Driven(Sequencer.recovered(setup, contract(BEGINNING), records))


def mirror(name: str = "m0", records: Sequence[bytes] = ()) -> Driven:
    """A mirror as its records have it."""
    setup = mirroring.Setup(ORIGIN, LOG.verifier, MEMBERS[name], dict(KEYS))
    return Driven(Mirror.recovered(setup, contract(BEGINNING), records))


def blocks(driven: Driven) -> list[Block]:
    """The blocks that a sequencer has sent, each once."""
    return list({message.first: message for message in driven.messages() if isinstance(message, Block)}.values())


def sealed(*batches: Batch, driven: Driven | None = None) -> list[Block]:
    """The blocks that a sequencer makes of batches, one of each."""
    driven = driven or sequencer()
    for number, each in enumerate(batches):
        driven.did(driven.machine.submit(each, "submitter", NOW + 1_000 * number))
        driven.did(driven.machine.tick(NOW + 1_000 * number + 300))
        driven.sync()
    return blocks(driven)


def final(driven: Driven, block: Block, names: Sequence[str] = NAMES[:3]) -> Any:
    """The final checkpoint that mirrors' answers to a block, and all before it, lead a sequencer to; None without one."""
    for name in names:
        follower = mirror(name)
        for each in blocks(driven):
            if each.first <= block.first:
                follower.did(follower.machine.receive(each, "sequencer", NOW))
        follower.sync()
        driven.did(driven.machine.receive(name, follower.messages()[-1], NOW))
    found = [effect for effect in driven.out if isinstance(effect, FinalCheckpoint)]
    return found[-1] if found else None
