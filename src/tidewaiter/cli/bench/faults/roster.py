"""Who is who in a simulated network: members' names and keys, those that lie, and the policies that are safe among them."""

from __future__ import annotations

from tidewaiter.cli.bench.faults.plans import Plan
from tidewaiter.ledger.keys import KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.policies import Group, Party, Policy


def key(name: str, key_type: KeyType = KeyType.COSIGNATURE_ED25519, serial: int = 0) -> SignerKey:
    """A key whose seed follows from its name, and from how many it followed."""
    return SignerKey(name, key_type, key_number(f"{name}{serial or ''}".encode()).encode())


class Roster:
    """All members that there ever were, with all their keys."""

    def __init__(self, plan: Plan, quorum: int | None) -> None:
        self._quorum = quorum
        self.tolerated = (plan.mirrors - 1) // 3
        self.names = [f"m{number}" for number in range(plan.mirrors)]
        self.liars = set(self.names[: plan.liars])
        self.cosigners = {name: [key(f"{name}.example")] for name in self.names}
        """The keys with which members cosign, the last of which counts, or will."""
        self.speakers = {name: [_speaker(name, 0)] for name in self.names}
        """The keys with which members sign statements, and what they hand in."""
        self.signers = {_number(each): each for (each,) in self.speakers.values()}
        self.statements: dict[str, bytes] = {}
        """Statements by their commitment, as an honest member took them."""

    @property
    def honest(self) -> list[str]:
        """Those that do not lie."""
        return [name for name in self.names if name not in self.liars]

    def keys_of_liars(self) -> set[VerifierKey]:
        """All keys that liars can cosign with."""
        return {each.verifier for name in self.liars for each in self.cosigners[name]}

    def joined(self) -> str:
        """One member more, which does not lie: its name."""
        name = f"m{len(self.names)}"
        self.names.append(name)
        self.cosigners[name] = [key(f"{name}.example")]
        self.speakers[name] = []
        self.next_speaker(name)
        return name

    def next_speaker(self, name: str) -> SignerKey:
        """The next key of a member to sign statements with."""
        made = _speaker(name, len(self.speakers[name]))
        self.speakers[name].append(made)
        self.signers[_number(made)] = made
        return made

    def next_cosigner(self, name: str) -> SignerKey:
        """The next key of a member to cosign with."""
        made = key(f"{name}.example", serial=len(self.cosigners[name]))
        self.cosigners[name].append(made)
        return made

    def policy(self, names: list[str], more: int = 0) -> Policy:
        """A policy of these members: as many suffice as it takes so that two quorums share one that does not lie, and `more`."""
        quorum = self._quorum or (len(names) + self.tolerated) // 2 + 1 + more
        witnesses = {name: Party(self.cosigners[name][-1].verifier) for name in names}
        return Policy((), witnesses, {"quorum": Group(quorum, tuple(names))}, "quorum")


def _speaker(name: str, serial: int) -> SignerKey:
    return key(f"{name}.speaks", KeyType.ED25519, serial)


def _number(each: SignerKey) -> str:
    return key_number(each.verifier.public)
