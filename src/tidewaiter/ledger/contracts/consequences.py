"""What an entry that was taken changes in its scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.contracts.records import DEBTS, SEAL, Debt, Flag, Key, Mark, Scope
from tidewaiter.ledger.contracts.vocabulary import ANY_CUSTOMS_BITS, CUSTOMS_BIT, WHOLE_SHARE
from tidewaiter.ledger.leaves import Leaf

COVERED: Final = -1
"""The position of what was not paid here, but told as covered."""
STEPS: Final = {"loaded": 1, "departed": 2, "arrived": 3, "presented": 4, "exited": 5, "delivered": 6, "returned": 6}
_OPENING: Final = Flag.CONTROLLED | Flag.RELEASED
_DECIDED: Final = Flag.CONTROLLED | Flag.RELEASED | Flag.REFUSED | Flag.ENDED


class Taking(Struct, gc=False):
    """An entry that is taken: the copy of its scope that is changed, the key it is by, and its position."""

    scope: Scope
    leaf: Leaf
    key: Key
    position: int


Consequence = Callable[[Taking], int]
"""Changes the scope; says what was irregular, as marks."""


def _decided(to: Taking) -> int:
    facts, state = to.leaf.facts, to.leaf.facts["state"]
    to.scope.customs = to.scope.customs or to.key.party
    flags = to.scope.flags & ~_DECIDED
    if facts.get("assessed"):
        flags |= Flag.ASSESSED
    debt = facts.get("debt")
    if debt is not None:
        to.scope.debt = DEBTS[str(debt)]
        _cover(to.scope)
    match state:
        case "released" | "cleared":
            flags |= Flag.RELEASED | (to.scope.flags & Flag.ENDED)
        case "refused" | "rejected" | "invalidated":
            flags |= Flag.REFUSED | Flag.ENDED
        case "under_control":
            flags |= Flag.CONTROLLED
    to.scope.flags = int(flags)
    return 0


def _assessed(to: Taking) -> int:
    to.scope.customs = to.scope.customs or to.key.party
    to.scope.flags |= Flag.ASSESSED
    to.scope.debt = DEBTS[str(to.leaf.facts.get("debt", "open"))]
    _cover(to.scope)
    return 0


def _guaranteed(to: Taking) -> int:
    to.scope.debt = int(Debt.GUARANTEED)
    _cover(to.scope)
    return 0


def _cover(scope: Scope) -> None:
    """A debt that is told, without a payment here, is what refunds are shares of; of one that is open it is remitted."""
    if scope.debt in (Debt.OPEN, Debt.GUARANTEED, Debt.PAID) and not scope.payments:
        scope.payments = ((COVERED, 0),)


def _paid(to: Taking) -> int:
    to.scope.debt = int(Debt.PAID)
    before = tuple(each for each in to.scope.payments if each != (COVERED, 0))
    to.scope.payments = (*before, (to.position, 0))
    return 0


def _refunded(to: Taking) -> int:
    chosen = to.leaf.facts.get("payment", to.scope.payments[-1][0])
    share = int(to.leaf.facts["share"])
    to.scope.payments = tuple((paid, back + share if paid == chosen else back) for paid, back in to.scope.payments)
    if share and not to.key.roles & CUSTOMS_BIT and not to.scope.flags & Flag.RELEASED:
        to.scope.debt = int(Debt.OPEN)
    return 0


def _held(to: Taking) -> int:
    hold(to.scope, to.key.party)
    return 0


def hold(scope: Scope, party: str) -> None:
    """From now on this party holds what has the scope."""
    scope.holds = tuple(sorted({*scope.holds, party}))


def _lifted(to: Taking) -> int:
    """Customs that decide here lift all holds, and take the goods from the device that reported an alarm; others lift their own,
    and customs that of a seal where nobody decides yet."""
    scope, key = to.scope, to.key
    if key.roles & CUSTOMS_BIT and scope.customs == key.party:
        scope.holds, scope.device = (), ""
        return 0
    lifted = {key.party, SEAL} if key.roles & CUSTOMS_BIT and not scope.customs else {key.party}
    scope.holds = tuple(each for each in scope.holds if each not in lifted)
    return 0


def _examined(to: Taking) -> int:
    to.scope.flags |= Flag.EXAMINED
    return 0


def _released(to: Taking) -> int:
    to.scope.flags |= Flag.RELEASED
    return 0


def _refused(to: Taking) -> int:
    to.scope.flags = to.scope.flags & ~Flag.RELEASED | Flag.REFUSED | Flag.ENDED
    return 0


def _moved(to: Taking) -> int:
    """A step of the movement is always taken; what is out of order is marked."""
    step, marks = STEPS.get(to.leaf.type, 0), 0
    if to.scope.step >= 5:
        marks |= Mark.AFTER_END
    elif 0 < step < to.scope.step:
        marks |= Mark.BACKWARDS
    if "irregular" in to.leaf.facts:
        marks |= Mark.TOLD
        if to.leaf.type in ("delivered", "exited") and (to.scope.holds or not to.scope.flags & Flag.RELEASED):
            marks |= Mark.UNRELEASED
            hold(to.scope, SEAL)
    to.scope.step = max(step, to.scope.step)
    if step >= 5:
        to.scope.flags |= Flag.ENDED
    to.scope.marks |= marks
    return int(marks)


def _bound(to: Taking) -> int:
    to.scope.flags |= Flag.SEALED
    to.scope.device = str(to.leaf.facts.get("device", to.scope.device))
    return 0


def _opened(to: Taking) -> int:
    """Customs may open a seal, and anybody once customs control the goods or have released them; otherwise it holds them."""
    if not to.key.roles & ANY_CUSTOMS_BITS and not to.scope.flags & _OPENING:
        hold(to.scope, SEAL)
    return 0


def _alarm(to: Taking) -> int:
    hold(to.scope, SEAL)
    return 0


def _nothing(_: Taking) -> int:
    return 0


def _stored(to: Taking) -> int:
    came = int(to.leaf.facts.get("share", WHOLE_SHARE))
    to.scope.left = min(WHOLE_SHARE, to.scope.left + came)
    to.scope.flags = (to.scope.flags | Flag.STORED) & ~Flag.ENDED
    return 0


def _taken(to: Taking) -> int:
    """Without a share nothing is counted: what went out is told apart by other means than the record."""
    to.scope.left = max(0, to.scope.left - int(to.leaf.facts.get("share", 0)))
    if to.scope.flags & Flag.STORED and to.scope.left == 0:
        to.scope.flags |= Flag.ENDED
    if "irregular" not in to.leaf.facts:
        return 0
    to.scope.marks |= Mark.TOLD
    return int(Mark.TOLD)


def _issued(to: Taking) -> int:
    to.scope.flags |= Flag.PERMIT
    to.scope.left, to.scope.until = WHOLE_SHARE, int(to.leaf.facts["until"])
    return 0


def _granted(to: Taking) -> int:
    to.scope.flags = (to.scope.flags | Flag.STATUS) & ~Flag.SUSPENDED
    to.scope.customs, to.scope.until = to.key.party, int(to.leaf.facts["until"])
    return 0


def _suspended(to: Taking) -> int:
    to.scope.flags |= Flag.SUSPENDED
    return 0


CONSEQUENCES: Final[dict[str, Consequence]] = {
    "decided": _decided, "assessed": _assessed, "guaranteed": _guaranteed, "paid": _paid, "refunded": _refunded,
    "held": _held, "hold_lifted": _lifted, "examined": _examined, "released": _released, "refused": _refused,
    "permit_drawn": _nothing, **dict.fromkeys((*STEPS, "moved", "handed_over"), _moved),
    "seal_bound": _bound, "seal_opened": _opened, "seal_closed": _nothing, "seal_alarm": _alarm,
    "stock_in": _stored, "stock_out": _taken, "stock_destroyed": _taken, "permit_issued": _issued,
    "credential_granted": _granted, "credential_suspended": _suspended, "benefit_claimed": _nothing,
}  # fmt: skip
