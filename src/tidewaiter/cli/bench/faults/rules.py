"""The contract that simulated members replay, as their network began with it; and sequencers that do not keep to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct, structs

from tidewaiter.cli.bench.faults.world import BEGINNING
from tidewaiter.ledger.batches import Slip
from tidewaiter.ledger.contracts import VERSION_1, Contract, Founder, Genesis, Refusal, Role, RuleSet, State
from tidewaiter.ledger.contracts.ruling import Program
from tidewaiter.ledger.contracts.statements import EpochClosed, Statement
from tidewaiter.ledger.effects import Effect
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, key_number
from tidewaiter.ledger.merkle import leaf_hash
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.sequencing import Admitted, Sequencer
from tidewaiter.ledger.wire import written_base64

MakeRules = Callable[[Mapping[str, bytes]], Contract]
"""The contract as an origin begins with it, with the statements that somebody has."""
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


_RULES: Final = (Remembered(VERSION_1.version, VERSION_1.before, VERSION_1.within, VERSION_1.windows, VERSION_1.types),)


class Founding(Struct, frozen=True):
    """What a simulated network begins with: members that mirror, submitters that are customs, its policy, the log's key."""

    members: Mapping[str, SignerKey]
    customs: Mapping[str, SignerKey]
    policy: Policy
    log: SignerKey


def founded(founding: Founding) -> bytes:
    """The state of an empty log, as a snapshot."""
    founders = [
        Founder(name, key.verifier.public, (role,))
        for keys, role in ((founding.members, Role.PORT), (founding.customs, Role.CUSTOMS))
        for name, key in keys.items()
    ]
    at, log = BEGINNING // 1000 - _BEFORE, founding.log
    at -= at % BUCKET_SECONDS
    policy = founding.policy.text.decode()
    return State.begin(Genesis(log.name, at, tuple(founders), log.verifier.public, policy, _hash()), _RULES).snapshot()


def contract(snapshot: bytes, statements: Mapping[str, bytes] = MappingProxyType({})) -> Contract:
    """The contract in a state, with statements at hand."""
    return Contract(State.restored(snapshot, _RULES), statements)


def again(begun: Contract, snapshot: bytes) -> Contract:
    """A contract of the same kind, with the same statements at hand, in another state."""
    return type(begun)(State.restored(snapshot, _RULES), begun.statements)


class Opened(Struct, frozen=True):
    """How an origin begins that follows another one: the state, and the first entry with its statement."""

    snapshot: bytes
    entry: bytes
    statements: Mapping[str, bytes]


def opened(ended: Contract, last: bytes, log: SignerKey, signers: Sequence[SignerKey]) -> Opened:
    """The origin with this log's key, which follows one that ended with a root; these members sign that it did."""
    state = ended.state.following(log.name, last)
    before = state.realm.previous
    assert before is not None
    body = EpochClosed(
        origin=log.name, decision=state.realm.decisions + 1, closed=before.closed, size=before.size, root=before.root,
        state=before.state, key=written_base64(log.verifier.public),
    )  # fmt: skip
    statement = Statement.of(body)
    for each in (*signers, log):
        statement = statement.signed(each)
    actor = key_number(signers[0].verifier.public)
    entry = Leaf(
        actor=actor, at=state.realm.clock, commitment=statement.commitment, facts={}, scope=actor, type="epoch_closed"
    ).entry()
    return Opened(state.snapshot(), entry, {statement.commitment: statement.data})


class Lawless(Contract):
    """What a sequencer has that takes anything, and says that it was lawful."""

    def take(self, leaves: Sequence[Leaf]) -> list[tuple[int, Refusal]]:
        """Take anything."""
        super().take(leaves)
        return []


class Inventor(Sequencer):
    """A sequencer that puts an entry into its blocks, in somebody's name, that nobody handed in."""

    def _seal(self) -> list[Effect]:
        return [*(self._invented() if self._count else []), *super()._seal()]

    def _invented(self) -> list[Effect]:
        (*_, last), slip = (entry for part in self._entries for entry in part), self._slips[-1]
        leaf = Leaf.parse(last)
        commitment = hashlib.sha256(leaf.commitment.encode()).hexdigest()
        leaf = structs.replace(leaf, commitment=commitment, type="arrived", facts={})
        if self.rules.apply(leaf) is not None:
            return []
        entry = leaf.entry()
        made_up = Admitted(Slip(slip.key, slip.number + 1, 1, bytes(64)), self.size, bytes(32), Entries.of([entry]), ())
        self._hashes.append(leaf_hash(entry))
        self._take(made_up)
        return [self._persist(made_up)]


def lawless(snapshot: bytes, statements: Mapping[str, bytes] = MappingProxyType({})) -> Contract:
    """The contract of a sequencer that breaks the rules."""
    return Lawless(State.restored(snapshot, _RULES), statements)
