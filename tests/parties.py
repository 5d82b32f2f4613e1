"""A small network for tests of the contracts: its members, their keys, and a hand that writes entries for them."""

from __future__ import annotations

import hashlib

from tidewaiter.ledger.contracts import VERSION_1, Applied, Founder, Genesis, Refusal, Role, State
from tidewaiter.ledger.contracts.statements import Body, Statement
from tidewaiter.ledger.keys import KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.leaves import Leaf, key_number

BEGAN = 1_800_000_000 - 1_800_000_000 % 900
ORIGIN = "network.example/2027"
ROLES: dict[str, tuple[Role, ...]] = {
    "customs.north": (Role.CUSTOMS, Role.CUSTOMS_ORIGIN),
    "customs.south": (Role.CUSTOMS, Role.CUSTOMS_ORIGIN),
    "permits.north": (Role.PERMITS,),
    "courier": (Role.CARRIER, Role.COLLECTOR),
    "market": (Role.MARKETPLACE,),
    "zone": (Role.ZONE,),
    "port": (Role.PORT, Role.DEVICE),
}
QUORUM = ("customs.north", "customs.south", "courier")


def signer(name: str) -> SignerKey:
    """The key that a name signs with in these tests."""
    return SignerKey("key", KeyType.ED25519, hashlib.sha256(name.encode()).digest())


def public(name: str) -> bytes:
    return signer(name).verifier.public


def number(name: str) -> str:
    """The number of a name's key."""
    return key_number(public(name))


def scope(name: str) -> str:
    return hashlib.sha256(b"scope " + name.encode()).hexdigest()[:32]


def policy(*names: str, threshold: int = 2) -> str:
    """A policy by which so many of these members suffice."""
    keys = {n: VerifierKey(n, KeyType.COSIGNATURE_ED25519, signer(f"{n} cosigns").verifier.public) for n in names}
    lines = [f"witness {n} {key.text}\n" for n, key in keys.items()]
    return "".join(lines) + f"group members {threshold} {' '.join(names)}\nquorum members\n"


def genesis(rules: str = VERSION_1.hash) -> Genesis:
    founders = tuple(Founder(name, public(name), roles) for name, roles in ROLES.items())
    return Genesis(ORIGIN, BEGAN, founders, public("sequencer"), policy(*QUORUM), rules)


class Network:
    """A state and a hand that writes for any party; `at` moves with the test."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State.begin(genesis())
        self.at = BEGAN
        self.log: list[tuple[Leaf, bytes | None]] = []
        self._count = 0

    def leaf(self, kind: str, by: str, on: str = "parcel", **facts: str | int) -> Leaf:
        """An entry with a commitment that no other has."""
        self._count += 1
        commitment = hashlib.sha256(f"{self._count} {kind} {on}".encode()).hexdigest()
        return Leaf(actor=number(by), at=self.at, commitment=commitment, facts=facts, scope=scope(on), type=kind)

    def apply(self, leaf: Leaf, statement: bytes | None = None) -> Applied | Refusal:
        answer = self.state.apply(leaf, statement)
        if isinstance(answer, Applied):
            self.log.append((leaf, statement))
        return answer

    def write(self, kind: str, by: str, on: str = "parcel", **facts: str | int) -> Applied | Refusal:
        return self.apply(self.leaf(kind, by, on, **facts))

    def take(self, kind: str, by: str, on: str = "parcel", **facts: str | int) -> int:
        """Write what has to be taken; gives its position."""
        position = self.state.realm.position
        answer = self.write(kind, by, on, **facts)
        assert isinstance(answer, Applied), answer
        return position

    def refused(self, kind: str, by: str, on: str = "parcel", **facts: str | int) -> str:
        """Write what has to be refused, and changes nothing; gives the rule's id."""
        before = self.state.root(), self.state.snapshot()
        answer = self.write(kind, by, on, **facts)
        assert isinstance(answer, Refusal), "it was taken"
        assert answer.why
        assert answer.hint
        assert (self.state.root(), self.state.snapshot()) == before
        return answer.code

    def close(self, later: int = 0) -> Applied | Refusal:
        """Close a block, some seconds later."""
        self.at += later
        root = self.state.root().hex()
        leaf = self.leaf("state", "sequencer", "sequencer", root=root)
        return self.apply(leaf)

    def say(self, body: Body, *signers: str, by: str = "courier", **facts: str | int) -> Applied | Refusal:
        """Write a statement with the signatures of these."""
        statement = Statement.of(body)
        for name in signers:
            statement = statement.signed(signer(name))
        return self.state_it(statement, by, **facts)

    def state_it(self, statement: Statement, by: str = "courier", **facts: str | int) -> Applied | Refusal:
        leaf = Leaf(
            actor=number(by), at=self.at, commitment=statement.commitment, facts=facts, scope=scope("governance"),
            type=str(statement.said.__struct_config__.tag),
        )  # fmt: skip
        return self.apply(leaf, statement.data)

    def replayed(self) -> State:
        """What another mirror comes to that is given the same log; for logs from the beginning."""
        state = State.begin(genesis())
        for leaf, statement in self.log:
            assert isinstance(state.apply(Leaf.parse(leaf.entry()), statement), Applied)
        return state
