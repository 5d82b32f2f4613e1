"""The rules on statements: whose signature it takes to change members, keys, quorum, rules and origins, and to settle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from tidewaiter.ledger.contracts.genesis import check_member
from tidewaiter.ledger.contracts.records import Key, Payment
from tidewaiter.ledger.contracts.ruling import Case, Rule, rule
from tidewaiter.ledger.contracts.statements import (
    POSITIONS_MAX,
    Body,
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
from tidewaiter.ledger.contracts.vocabulary import AUTHORITIES, COMMERCIAL, GOVERNING, Role, mask_of
from tidewaiter.ledger.leaves import BUCKET_SECONDS, key_number
from tidewaiter.ledger.merkle import root_of
from tidewaiter.ledger.policies import NONE, Policy
from tidewaiter.ledger.verdict import LedgerError

_GOVERNING: Final = " ".join(sorted(GOVERNING))
_DECIDED: Final = "member_joined member_left quorum_changed rules_changed epoch_closed key_rotated"
_BRINGING: Final = "member_joined key_rotated key_registered epoch_closed"
_RECORD: Final = "ADR 37"


def payment_name(position: int) -> str:
    """Under which name a payment at a position is kept."""
    return f"{position:016x}"


def decision_of(body: Body) -> int:
    """The running number of what the quorum decides; 0 for what it need not decide."""
    match body:
        case KeyRegistered() | Settled():
            return 0
        case _:
            return body.decision


def brought(body: Body) -> bytes:
    """The public key that a statement brings in; empty where it brings none. Raises LedgerError for what is no key."""
    match body:
        case MemberJoined() | KeyRegistered() | EpochClosed():
            return read_key(body.key)
        case KeyRotated():
            return read_key(body.new) if body.new else b""
        case _:
            return b""


@rule("epoch.first", "", "Write first how the origin before ended.", _RECORD)
def _first(case: Case) -> str:
    """An origin that follows another one begins with the statement on how that one ended, and has no other of the kind."""
    due = case.state.realm.previous is not None
    if due and case.kind.name != "epoch_closed":
        return "the end of the origin before is not told yet"
    return "no origin before this one is to be closed" if case.kind.name == "epoch_closed" and not due else ""


@rule("statement.bound", _GOVERNING, "Hand in the statement beside the entry, as the reference writes it.", _RECORD)
def _bound(case: Case) -> str:
    """An entry of governance is bound to a statement of its type that is at hand, and made for this origin."""
    statement = case.statement
    if statement is None:
        return "the entry's statement is not at hand, or cannot be read"
    if statement.commitment != case.leaf.commitment:
        return "the entry is bound to another statement"
    body = statement.said
    if body.__struct_config__.tag != case.kind.name:
        return f"the statement is one of the type “{body.__struct_config__.tag}”"
    if body.origin != case.state.realm.origin:
        return f"the statement is made for “{body.origin[:200]}”"
    return ""


@rule("key.new", _BRINGING, "Make a new key.", _RECORD)
def _new(case: Case) -> str:
    """A key that is brought in is one of Ed25519 that the record never knew, and signs the statement itself."""
    try:
        public = brought(_body(case))
    except LedgerError as error:
        return error.detail
    if not public:
        return ""
    number = key_number(public)
    if number in case.state.keys:
        return f"the key {number} is known already"
    signed = _statement(case).signatures
    return "" if number in signed else f"the key {number} has not signed, which shows that somebody has it"


@rule("statement.signed", _GOVERNING, "Leave out signatures that are not by live keys over just this body.", _RECORD)
def _signed(case: Case) -> str:
    """Every signature under a statement holds, and is by a key that counts, or by the one that is brought in."""
    state, at = case.state, case.leaf.at
    keys = {
        number: key.public
        for number in _statement(case).signatures
        if (key := state.keys.get(number)) is not None and not key.ended and key.until > at
    }
    public = brought(_body(case))
    if public:
        keys[key_number(public)] = public
    wrong = _statement(case).unproven(keys)
    return f"the signature by {wrong} does not hold, or the key does not count" if wrong else ""


@rule("statement.quorum", _DECIDED, "Have more members sign.", _RECORD)
def _quorum(case: Case) -> str:
    """What concerns all is decided by the quorum: the policy's witnesses, named as the members whose keys have signed."""
    if not decision_of(_body(case)):
        return "" if isinstance(_body(case), KeyRotated) else "a decision of the quorum has a number from 1 on"
    names = {key.member for key in _signers(case) if key.member}
    return _unmet(case.state.realm.policy, names)


@rule("statement.decision", _DECIDED, "Decide on what stands now: give it the next number.", _RECORD)
def _decision(case: Case) -> str:
    """Decisions of the quorum have running numbers: none counts twice, and none after what it did not know of."""
    number, due = decision_of(_body(case)), case.state.realm.decisions + 1
    return f"the decision has the number {number}, the next is {due}" if number not in (0, due) else ""


@rule("member.joins", "member_joined", "Use a name and roles that a member may have.", _RECORD)
def _joins(case: Case) -> str:
    """A member joins under a name of its own, with at least one role, and while it is none. The sequencer is no member's role."""
    body = _body(case)
    if not isinstance(body, MemberJoined):
        return ""
    try:
        check_member(body.name)
    except LedgerError as error:
        return error.detail
    member = case.state.realm.members.get(body.name)
    if member is not None and member.is_in:
        return f"“{body.name}” is a member already"
    if Role.SEQUENCER in body.roles:
        return "the sequencer is no member's role"
    return "" if body.roles else "a member has at least one role"


@rule("member.leaves", "member_left", "Name a member.", _RECORD)
def _leaves(case: Case) -> str:
    """Who leaves is a member."""
    body = _body(case)
    member = case.state.realm.members.get(body.name) if isinstance(body, MemberLeft) else None
    return "" if member is not None and member.is_in else "there is no such member"


@rule("quorum.reachable", "member_left quorum_changed", "Change the quorum to one that the members reach.", _RECORD)
def _reachable(case: Case) -> str:
    """The members that are left can decide, and only they: no change leaves a quorum that they cannot reach, or that takes nobody,
    or counts on somebody new who is no member."""
    body, realm = _body(case), case.state.realm
    names = {name for name, member in realm.members.items() if member.is_in}
    match body:
        case MemberLeft():
            return _unmet(realm.policy, names - {body.name})
        case QuorumChanged():
            if hashlib.sha256(body.policy.encode()).hexdigest() != case.leaf.facts["policy"]:
                return "the entry tells the hash of another policy"
            if _is_open(body.policy):
                return "by this policy nobody has to sign, and anybody could decide"
            return _unmet(body.policy, names) or _strangers(body.policy, names, realm.policy)
        case _:
            return ""


@rule("key.rotated", "key_rotated", "Have the old key sign, who vouched for it, or the quorum.", _RECORD)
def _rotated(case: Case) -> str:
    """A key that counts is followed by another one, or ended, by its own signature, by that of the authority that vouched for
    it, or, where it was stolen or lost, by the quorum."""
    body = _body(case)
    if not isinstance(body, KeyRotated):
        return ""
    old = case.state.keys.get(body.old)
    if old is None or old.ended:
        return f"the key {body.old} is not known, or has ended"
    if body.old == case.state.realm.sequencer:
        return "the sequencer's key ends with its origin"
    vouched = old.by and any(key.member == old.by for key in _signers(case))
    if body.decision or body.old in _statement(case).signatures or vouched:
        return ""
    return f"neither the key {body.old} has signed, nor who vouched for it"


@rule("key.vouched", "key_registered", "Have the member sign, or an authority for whoever is not to be named.", _RECORD)
def _vouched(case: Case) -> str:
    """A further key is vouched for: by a member for itself, within its roles; by an authority for somebody who is not named, and
    then only for what is not an authority's own."""
    body = _body(case)
    if not isinstance(body, KeyRegistered):
        return ""
    if body.until % BUCKET_SECONDS or not body.roles:
        return "a key counts until a quarter hour, and has a role"
    if body.until <= case.leaf.at:
        return f"the key would count until {body.until} only"
    roles = mask_of(body.roles)
    members = case.state.realm.members
    signers = [key for key in _signers(case) if key.member]
    if body.member:
        member = members.get(body.member)
        if member is None or not any(key.member == body.member for key in signers):
            return f"no key of “{body.member[:63]}” has signed"
        return "" if roles & member.roles == roles else "the key would have roles that the member has not"
    if roles & mask_of(COMMERCIAL) != roles:
        return "a key of an authority is not pseudonymous"
    vouching = any(key.roles & mask_of(AUTHORITIES) for key in signers)
    return "" if vouching else "no authority has signed"


@rule("rules.ahead", "rules_changed", "Name a position that is still to come.", _RECORD)
def _ahead(case: Case) -> str:
    """Other rules apply from a position that is still to come; the entry tells their hash and the position in the open."""
    body = _body(case)
    if not isinstance(body, RulesChanged):
        return ""
    if case.leaf.facts != {"rules": body.rules, "position": body.position}:
        return "the entry tells something else than the statement"
    now = case.state.realm.position
    return f"the record is at {now}, the rules would change at {body.position}" if body.position <= now + 1 else ""


@rule("epoch.follows", "epoch_closed", "State how the origin before did end.", _RECORD)
def _follows(case: Case) -> str:
    """What is said of the end of the origin before is what its entries led to: size, root and state."""
    body, previous = _body(case), case.state.realm.previous
    if not isinstance(body, EpochClosed) or previous is None:
        return ""
    told = (body.closed, body.size, body.root, body.state)
    return "" if told == (previous.closed, previous.size, previous.root, previous.state) else "it ended otherwise"


@rule("settled.once", "settled", "Cover payments that nobody has settled, each once, and state their root.", _RECORD)
def _settled(case: Case) -> str:
    """A payment or refund is settled once, between two parties that both sign, one of which recorded it; the entry is bound to
    just those that it covers. A party is a member by its name, or a key that names nobody by its number."""
    body = _body(case)
    if not isinstance(body, Settled):
        return ""
    signers = {key.party for key in _signers(case)}
    if len(set(body.sides)) != 2 or not signers.issuperset(body.sides):
        return "both sides of a settlement sign"
    positions = covered(body.covers)
    if not positions:
        return f"a settlement covers 1 to {POSITIONS_MAX} payments, in order and each once"
    payments: list[Payment] = []
    for position in positions:
        payment = case.state.payments.get(payment_name(position))
        if payment is None:
            return f"there is no payment at {position} that is still to be settled"
        if payment.party not in body.sides:
            return f"neither side recorded the payment at {position}"
        payments.append(payment)
    return "" if root_of(each.commitment for each in payments).hex() == body.root else "it is bound to other payments"


def covered(covers: Iterable[tuple[int, int]]) -> list[int]:
    """The positions from each first to last; none where they are not in order, or too many."""
    positions: list[int] = []
    last = -1
    for first, end in covers:
        if first <= last or end < first or len(positions) + end - first + 1 > POSITIONS_MAX:
            return []
        positions += range(first, end + 1)
        last = end
    return positions


def _is_open(policy: str) -> bool:
    """Whether a policy asks for nobody; what cannot be read is told elsewhere."""
    try:
        return Policy.parse(policy.encode()).quorum == NONE
    except LedgerError:
        return False


def _unmet(policy: str, names: set[str]) -> str:
    """What these members lack to be the quorum of a policy; empty where they are."""
    try:
        read = Policy.parse(policy.encode())
    except LedgerError as error:
        return f"the policy cannot be read: {error.detail}"
    if not names:
        return "no member has signed"
    return read.is_met_by({each.key for name, each in read.witnesses.items() if name in names}).reason


def _strangers(policy: str, names: set[str], before: str) -> str:
    """Whom a policy counts on though they are no members, nor counted before; both can be read."""
    known = names | Policy.parse(before.encode()).counted
    strangers = Policy.parse(policy.encode()).counted - known
    return f"the policy counts on {', '.join(sorted(strangers))[:200]}, who is no member" if strangers else ""


def _signers(case: Case) -> list[Key]:
    keys = case.state.keys
    return [keys[number] for number in _statement(case).signatures if number in keys]


def _statement(case: Case) -> Statement:
    assert case.statement is not None  # `statement.bound` stands before
    return case.statement


def _body(case: Case) -> Body:
    return _statement(case).said


GOVERNING_RULES: Final[tuple[Rule, ...]] = (
    _bound, _new, _signed, _quorum, _decision, _joins, _leaves, _reachable, _rotated, _vouched, _ahead, _follows, _settled,
)  # fmt: skip
FIRST: Final = _first
