"""The rules of version 1. Each is one thing; its docstring is what the party reads that it refuses.

What has happened can always be told: a step of the movement out of order is taken and marked, and one that breaks the law is
taken once it says of itself that it is irregular. What decides, pays or permits is refused where it contradicts what stands.
"""

from __future__ import annotations

from typing import Final

from tidewaiter.ledger.contracts.consequences import COVERED
from tidewaiter.ledger.contracts.governing import FIRST, GOVERNING_RULES
from tidewaiter.ledger.contracts.records import SEAL, SEEN_LENGTH, Debt, Flag, Scope
from tidewaiter.ledger.contracts.ruling import Case, Rule, RuleSet, rule
from tidewaiter.ledger.contracts.vocabulary import AUTHORITIES, CUSTOMS_BIT, WHOLE_SHARE, mask_of

_RECORD: Final = "ADR 37"
_RELEASE: Final = "Revised Kyoto Convention, General Annex, standard 3.40 (named from memory, not read for this rule)"
_RELEASING: Final = frozenset({"released", "cleared"})
_AUTHORITY_BITS: Final = mask_of(AUTHORITIES)
FOR_AUTHORITIES: Final = 64
"""Entries of a scope that only authorities write, where it is nearly full."""
_FREE: Final = frozenset({Debt.NONE, Debt.GUARANTEED, Debt.PAID})


@rule("actor.known", "", "Have the key registered first, and hand in entries once that is final.", _RECORD)
def _known(case: Case) -> str:
    """Every entry is by a key that the record knows."""
    return "" if case.key is not None else f"nobody is known by the key {case.leaf.actor}"


@rule("actor.live", "", "Sign with the key that followed, or have a new one registered.", _RECORD)
def _live(case: Case) -> str:
    """A key counts until it is followed by another one, revoked, its member leaves, or its time is over."""
    key = case.key
    if key is None or key.ended:
        return f"the key {case.leaf.actor} does not count any more"
    if key.until <= case.leaf.at:
        return f"the time of the key {case.leaf.actor} was over at {key.until}"
    return ""


@rule("actor.role", "", "Have a party write it that has the role.", _RECORD)
def _role(case: Case) -> str:
    """Who writes an entry has a role for its type. Only customs assess, release, examine and refuse; they and
    authorities that issue permits hold."""
    if case.key is not None and case.key.roles & case.mask:
        return ""
    return f"the key {case.leaf.actor} has no role to write “{case.kind.name}”: {', '.join(sorted(case.kind.roles))}"


@rule("entry.facts", "", "Tell just the facts of the type, as the reference lists them.", _RECORD)
def _facts(case: Case) -> str:
    """An entry tells in the open just the facts of its type, in the form that the vocabulary gives."""
    return case.kind.fault(case.leaf.facts)


@rule("entry.late", "", "Write a new entry with the present moment, and commit to when it happened.", _RECORD)
def _late(case: Case) -> str:
    """An entry's moment is no more than seven days before the log's own: nobody writes history afterwards."""
    if case.leaf.at >= case.state.realm.clock - case.state.windows.late:
        return ""
    return f"the entry's moment is {case.state.realm.clock - case.leaf.at} seconds before the log's"


@rule("entry.once", "", "It stands in the record; there is nothing to do.", _RECORD)
def _once(case: Case) -> str:
    """A commitment stands once in its scope: the same thing handed in again counts once."""
    seen, begins = case.scope.seen, case.begins
    if begins not in seen or not case.scope.has_seen(begins):
        return ""
    return "an entry with this commitment stands in the scope"


@rule("scope.full", "", "Go on in a new scope, and commit to this one there.", _RECORD)
def _full(case: Case) -> str:
    """A scope has 1,024 entries at most, of which the last 64 are for authorities: nobody keeps customs from deciding by writing."""
    left = case.state.windows.entries - len(case.scope.seen) // SEEN_LENGTH
    if left > FOR_AUTHORITIES:  # as nearly always
        return ""
    is_authority = case.key is not None and case.key.roles & _AUTHORITY_BITS
    return "" if is_authority and left > 0 else "the scope has as many entries as it may have"


def _releases(case: Case) -> bool:
    return case.kind.name == "released" or case.leaf.facts.get("state") in _RELEASING


@rule(
    "customs.same", "decided assessed guaranteed examined released refused credential_granted credential_suspended",
    "Have the customs administration write it that decides here.", _RECORD,
)  # fmt: skip
def _same_customs(case: Case) -> str:
    """Customs of the destination decide on a consignment: whoever decided or assessed first, and no other administration.

    So it is with a status: who granted it suspends it, and grants it again.
    """
    scope, key = case.scope, case.key
    if not scope.customs or key is None or key.party == scope.customs:
        return ""
    return "another customs administration decides here"


@rule(
    "release.assessed", "released decided", "Write the assessment first, or tell it in the decision.",
    _RELEASE,
)  # fmt: skip
def _assessed(case: Case) -> str:
    """Goods are released after their duties and taxes were assessed; that nothing is owed is an assessment too."""
    if not _releases(case) or case.scope.flags & Flag.ASSESSED or case.leaf.facts.get("assessed"):
        return ""
    return "there is no assessment of this consignment"


@rule("release.debt", "released decided", "Have the debt paid or guaranteed first.", _RELEASE)
def _debt(case: Case) -> str:
    """Goods are released once their debt is paid or guaranteed, or there is none. What others than customs pay back before that is
    owed again."""
    if not _releases(case):
        return ""
    told = case.leaf.facts.get("debt")
    owed = told == "open" if told is not None else case.scope.debt not in _FREE
    return "the debt is neither paid nor guaranteed" if owed else ""


@rule("release.held", "released decided", "Have whoever holds the goods, or customs, lift it first.", _RECORD)
def _held(case: Case) -> str:
    """Goods that are held are not released before the hold is lifted; a seal that was tampered with holds them, under another seal too."""
    return _holding(case) if _releases(case) else ""


def _holding(case: Case) -> str:
    if case.scope.holds:
        return f"the consignment is held by {', '.join(case.scope.holds)}"
    device = case.state.scopes.get(case.scope.device)
    if device is not None and device.holds:
        return "the consignment travels under a seal or device that reported an alarm"
    return ""


@rule("release.refused", "released", "Decide anew first.", _RECORD)
def _refused(case: Case) -> str:
    """What was refused is not released unless customs decide anew."""
    return "the consignment was refused" if case.scope.flags & Flag.REFUSED else ""


@rule("hold.exists", "hold_lifted", "Look whom the hold is of.", _RECORD)
def _lifts(case: Case) -> str:
    """Customs lift any hold on what they decide on, and that of a seal where nobody decides yet; another authority lifts its own,
    and nobody lifts what is not held."""
    scope, key = case.scope, case.key
    if key is None or not scope.holds:
        return "nothing is held here"
    if key.party in scope.holds or (_is_customs(case) and (scope.customs or SEAL in scope.holds)):
        return ""
    return f"the hold is not by this authority but by {', '.join(scope.holds)}"


def _is_customs(case: Case) -> bool:
    return bool(case.key is not None and case.key.roles & CUSTOMS_BIT and case.scope.customs in ("", case.key.party))


@rule(
    "movement.released", "delivered exited", "Wait for the release; if it did happen, write it with the fact irregular.",
    _RELEASE,
)  # fmt: skip
def _delivered(case: Case) -> str:
    """Goods are delivered, or leave, after their release and while nobody holds them.

    If it happened otherwise, it is told with `irregular`; the goods are then held.
    """
    if "irregular" in case.leaf.facts:
        return ""
    return _holding(case) if case.scope.flags & Flag.RELEASED else "the consignment is not released"


@rule("refund.within", "refunded", "Refund no more than what is left of the payment.", _RECORD)
def _refund(case: Case) -> str:
    """No more is refunded than was paid: the shares of one payment that are refunded come to no more than the whole.

    Where nothing was paid here, but the debt was told, they are shares of that debt; of one that is open, customs remit.
    """
    payments, named = case.scope.payments, case.leaf.facts.get("payment")
    chosen = [each for each in payments if each[0] == named] if named is not None else payments[-1:]
    if not chosen:
        return "there is no such payment in this scope, and no debt"
    is_open = case.scope.debt == Debt.OPEN and chosen[0][0] == COVERED
    if is_open and not _is_customs(case):
        return "the debt is open: only customs that decide here remit it"
    share = case.leaf.facts["share"]
    left = WHOLE_SHARE - chosen[0][1]
    if isinstance(share, int) and share > left:
        return f"{share} of {WHOLE_SHARE} parts are to be refunded, {left} are left"
    return ""


_OF_PERMITS: Final = frozenset({"permit_drawn", "held", "hold_lifted"})
_OF_STATUSES: Final = frozenset({"credential_granted", "credential_suspended"})
_STANDING: Final = Flag.PERMIT | Flag.STATUS


@rule("scope.kind", "", "Use a scope of its own for each permit and each status.", _RECORD)
def _kind(case: Case) -> str:
    """A permit has a scope of its own, and so has a status: nothing else is written there."""
    flags, name = case.scope.flags & _STANDING, case.kind.name
    if not flags:
        if name == "permit_issued" or name in _OF_STATUSES:
            return "something else stands in this scope" if case.scope.seen else ""
        return ""
    if flags & Flag.PERMIT:
        return "" if name in _OF_PERMITS else "a permit has this scope"
    return "" if name in _OF_STATUSES else "a status has this scope"


@rule("permit.left", "permit_drawn", "Ask for a further permit.", _RECORD)
def _drawn(case: Case) -> str:
    """A permit is drawn down to zero, and not below, while it is valid and not held."""
    permit = case.state.scopes.get(str(case.leaf.facts["permit"]))
    if permit is None or not permit.flags & Flag.PERMIT:
        return "there is no such permit"
    if permit.until <= max(case.leaf.at, case.state.realm.clock):
        return f"the permit was valid until {permit.until}"
    if permit.holds:
        return f"the permit is held by {', '.join(permit.holds)}"
    share = case.leaf.facts["share"]
    if isinstance(share, int) and share > permit.left:
        return f"{share} of {WHOLE_SHARE} parts are to be drawn, {permit.left} are left"
    return ""


@rule("credential.granted", "credential_suspended", "Use the scope of the status.", _RECORD)
def _granted(case: Case) -> str:
    """A status is suspended where it was granted."""
    return "" if case.scope.flags & Flag.STATUS else "no status was granted here"


@rule(
    "benefit.live",
    "benefit_claimed",
    "Claim no benefit until the status counts again.",
    "SAFE Framework of Standards, pillar 2 (named from memory, not read for this rule)",
)
def _benefit(case: Case) -> str:
    """A benefit is claimed on a status that customs granted, that is not suspended and not over."""
    status: Scope | None = case.state.scopes.get(str(case.leaf.facts["credential"]))
    if status is None or not status.flags & Flag.STATUS:
        return "there is no such status"
    if status.flags & Flag.SUSPENDED:
        return "the status is suspended"
    if status.until <= max(case.leaf.at, case.state.realm.clock):
        return f"the status was valid until {status.until}"
    return ""


@rule(
    "stock.there",
    "stock_out stock_destroyed",
    "Write first that it came in; if it did go before that was told, write it with the fact irregular.",
    _RECORD,
)
def _stock(case: Case) -> str:
    """Goods go out of a zone or warehouse, or are destroyed there, only if they came in and are still there.

    If it was told otherwise, it is told with `irregular`, and marked.
    """
    if "irregular" in case.leaf.facts:
        return ""
    if not case.scope.flags & Flag.STORED:
        return "nothing came in under this scope"
    share = case.leaf.facts.get("share")
    if case.scope.left == 0:
        return "all of it went out or was destroyed"
    if isinstance(share, int) and share > case.scope.left:
        return f"{share} of {WHOLE_SHARE} parts are to go, {case.scope.left} are left"
    return ""


@rule(
    "state.root",
    "state",
    "The sequencer's state is another one: compare rule sets, and replay from a snapshot.",
    _RECORD,
)
def _root(case: Case) -> str:
    """The entry that closes a block tells the hash of the state that all entries before it led to."""
    own = case.state.root().hex()
    told = case.leaf.facts["root"]
    return "" if told == own else f"the state's root is told as {told}, and worked out here as {own}"


@rule("state.time", "state", "Set the sequencer's clock.", _RECORD)
def _time(case: Case) -> str:
    """The log's own time, that of the entries that close blocks, does not go back, and no entry is ahead of it by more
    than a quarter of an hour."""
    realm, at = case.state.realm, case.leaf.at
    if at < realm.clock:
        return f"the log's time was {realm.clock} before, and is told as {at}"
    if realm.latest > at + case.state.windows.ahead:
        return f"an entry of the block has the moment {realm.latest}, the block is closed at {at}"
    return ""


BEFORE: Final[tuple[Rule, ...]] = (FIRST, _known, _live, _role, _facts, _late)
WITHIN: Final[tuple[Rule, ...]] = (
    _once, _full, _kind, _same_customs, _assessed, _debt, _held, _refused, _lifts, _delivered, _refund, _drawn, _granted,
    _benefit, _stock, _root, _time, *GOVERNING_RULES,
)  # fmt: skip
VERSION_1: Final = RuleSet(1, BEFORE, WITHIN)
VERSIONS: Final = (VERSION_1,)
