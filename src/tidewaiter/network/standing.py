"""What the members of a network have decided so far, as anybody may see it who is to decide with them."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, structs

from tidewaiter.ledger.contracts import State
from tidewaiter.ledger.contracts.governing import decision_of
from tidewaiter.ledger.contracts.statements import Body, MemberLeft, QuorumChanged, Statement
from tidewaiter.ledger.policies import Policy

DECISIONS_PATH: Final = "/record/decisions"


class Known(Struct, frozen=True):
    """Whose key it is, whether it counts, and the key itself."""

    member: str
    is_live: bool
    public: bytes


class Standing(Struct, frozen=True, kw_only=True):
    """What members have decided so far: how often, on which quorum, who is in, and their keys by number. All of it is public."""

    origin: str
    decisions: int
    policy: str
    members: tuple[str, ...]
    keys: dict[str, Known]
    is_to_begin: bool = False
    """Whether it is still to be told how the origin before ended."""

    def signed_by(self, statement: Statement) -> tuple[str, ...]:
        """The members that have signed a statement with a key that counts."""
        found = {self.keys[number].member for number in statement.signatures if number in self.keys}
        return tuple(sorted(found & set(self.members)))

    def lacking(self, statement: Statement) -> str:
        """What a statement that the quorum decides lacks; empty where it is decided."""
        policy = Policy.parse(self.policy.encode())
        names = self.signed_by(statement)
        return policy.is_met_by({each.key for name, each in policy.witnesses.items() if name in names}).reason

    def after(self, body: Body) -> Standing:
        """What will stand once this is decided: a later decision is one of the members and quorum as they are then."""
        match body:
            case QuorumChanged(decision=decision, policy=policy):
                return structs.replace(self, decisions=decision, policy=policy)
            case MemberLeft(decision=decision, name=name):
                members = tuple(each for each in self.members if each != name)
                return structs.replace(self, decisions=decision, members=members)
            case _:
                return structs.replace(self, decisions=max(self.decisions, decision_of(body)))

    def could_sign(self, statement: Statement) -> tuple[str, ...]:
        """The members whose signature would count towards the quorum, and is not there."""
        names = Policy.parse(self.policy.encode()).counted
        return tuple(name for name in self.members if name in names and name not in self.signed_by(statement))


def standing_of(state: State, now: int) -> Standing:
    """What members have decided by what the contract has come to."""
    realm = state.realm
    return Standing(
        origin=realm.origin, decisions=realm.decisions, policy=realm.policy,
        members=tuple(sorted(name for name, each in realm.members.items() if each.is_in)),
        keys={
            number: Known(key.member, not key.ended and key.until > now, key.public)
            for number, key in state.keys.items()
            if key.member
        },
        is_to_begin=realm.previous is not None,
    )  # fmt: skip
