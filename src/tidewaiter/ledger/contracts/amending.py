"""What a statement that was taken changes: members, keys, quorum, rules, origin; and which payments are settled."""

from __future__ import annotations

from typing import Any, Protocol, assert_never

from msgspec import structs

from tidewaiter.ledger.contracts.genesis import FOREVER
from tidewaiter.ledger.contracts.governing import covered, decision_of, payment_name
from tidewaiter.ledger.contracts.records import Key, Member, Payment, Realm
from tidewaiter.ledger.contracts.statements import (
    EpochClosed,
    KeyRegistered,
    KeyRotated,
    MemberJoined,
    MemberLeft,
    QuorumChanged,
    RulesChanged,
    Settled,
    Statement,
    read_key,
)
from tidewaiter.ledger.contracts.vocabulary import AUTHORITIES, Role, mask_of
from tidewaiter.ledger.leaves import key_number


class Amended(Protocol):
    """The state, as far as statements change it."""

    realm: Realm
    keys: dict[str, Key]
    payments: dict[str, Payment]

    def put(self, table: str, name: str, record: Any) -> None:
        """Keep a record, or forget it where it is None."""


def amend(state: Amended, statement: Statement) -> None:
    """Change what a statement says, which the rules have taken."""
    body, realm = statement.said, state.realm
    if decision_of(body):
        realm.decisions = decision_of(body)
    match body:
        case MemberJoined():
            realm.members[body.name] = Member(mask_of(body.roles))
            _put_key(
                state, read_key(body.key), Key(read_key(body.key), body.name, mask_of(body.roles), FOREVER, body.name)
            )
        case MemberLeft():
            realm.members[body.name] = Member(realm.members[body.name].roles, False)
            for number, key in list(state.keys.items()):
                if key.member == body.name:
                    _end(state, number)
        case KeyRotated():
            old = state.keys[body.old]
            _end(state, body.old)
            if body.new:
                _put_key(state, read_key(body.new), structs.replace(old, public=read_key(body.new)))
        case KeyRegistered():
            _register(state, body, statement)
        case QuorumChanged():
            realm.policy = body.policy
        case RulesChanged():
            realm.following, realm.turn = body.rules, body.position
        case EpochClosed():
            _end(state, realm.sequencer)
            public = read_key(body.key)
            realm.sequencer, realm.previous = key_number(public), None
            _put_key(state, public, Key(public, "", mask_of((Role.SEQUENCER,)), FOREVER, realm.sequencer))
        case Settled():
            for position in covered(body.covers):
                state.put("payments", payment_name(position), None)
        case _:
            assert_never(body)


def _register(state: Amended, body: KeyRegistered, statement: Statement) -> None:
    public = read_key(body.key)
    if body.member:
        _put_key(state, public, Key(public, body.member, mask_of(body.roles), body.until, body.member))
        return
    authorities = mask_of(AUTHORITIES)
    vouching = [key.member for number in sorted(statement.signatures) if (key := state.keys.get(number)) is not None
                and key.member and key.roles & authorities]  # fmt: skip
    _put_key(state, public, Key(public, "", mask_of(body.roles), body.until, key_number(public), vouching[0]))


def _put_key(state: Amended, public: bytes, key: Key) -> None:
    state.put("keys", key_number(public), key)


def _end(state: Amended, number: str) -> None:
    state.put("keys", number, structs.replace(state.keys[number], ended=True))
