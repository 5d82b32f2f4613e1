"""The types of entries that contracts take, who may write each, and the facts that each tells in the open: all closed lists.

Facts are what a rule has to see, and nothing else. Parts of what was paid, permitted or stored are told as shares of
a thousand million, rounded up, so that no amount stands in the record.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from tidewaiter.ledger.leaves import BUCKET_SECONDS, WHOLE_MAX

WHOLE_SHARE: Final = 1_000_000_000
"""The whole of what shares are parts of."""
STATE: Final = "state"


class Role(StrEnum):
    """What a key may speak for."""

    CUSTOMS = "customs"
    """Customs of the side that decides on the consignment: of the destination, on import."""
    CUSTOMS_ORIGIN = "customs_origin"
    """Customs of the country that the goods left."""
    PERMITS = "permits"
    """An authority that issues permits: for goods, for flights."""
    COLLECTOR = "collector"
    """Whoever takes duties and taxes for an administration."""
    CARRIER = "carrier"
    """Post, courier, carrier, logistics firm."""
    PORT = "port"
    """Port or airport."""
    MARKETPLACE = "marketplace"
    ZONE = "zone"
    """Whoever runs a free zone or warehouse."""
    DEVICE = "device"
    """Whoever answers for smart security devices, sensors and aircraft."""
    SEQUENCER = "sequencer"
    """Whoever puts entries in order."""


AUTHORITIES: Final = frozenset({Role.CUSTOMS, Role.CUSTOMS_ORIGIN, Role.PERMITS})
"""Roles whose members vouch for keys of others, and whose own keys are never pseudonymous."""
COMMERCIAL: Final = frozenset(Role) - AUTHORITIES - {Role.SEQUENCER}
"""Roles that a pseudonymous key may have."""
_BITS: Final = {role: 1 << place for place, role in enumerate(Role)}


def mask_of(roles: frozenset[Role] | tuple[Role, ...]) -> int:
    """The roles as bits of one number."""
    return sum(_BITS[role] for role in set(roles))


CUSTOMS_BIT: Final = _BITS[Role.CUSTOMS]
ANY_CUSTOMS_BITS: Final = _BITS[Role.CUSTOMS] | _BITS[Role.CUSTOMS_ORIGIN]


class Choice(Struct, frozen=True):
    """One of some words."""

    words: frozenset[str]

    def takes(self, value: Any) -> bool:
        """Whether the value is one."""
        return value in self.words

    @property
    def told(self) -> str:
        """What may stand there, in words."""
        return ", ".join(f"`{word}`" for word in sorted(self.words))


class Match(Struct, frozen=True):
    """A text of one form."""

    pattern: str
    told: str

    def takes(self, value: Any) -> bool:
        """Whether the value is one."""
        return type(value) is str and re.fullmatch(self.pattern, value) is not None


class Whole(Struct, frozen=True):
    """A whole number between two others."""

    least: int
    most: int
    step: int
    told: str

    def takes(self, value: Any) -> bool:
        """Whether the value is one."""
        return type(value) is int and self.least <= value <= self.most and value % self.step == 0


FactKind = Choice | Match | Whole
SHARE: Final = Whole(1, WHOLE_SHARE, 1, "parts of 1,000,000,000, rounded up")
PART: Final = Whole(0, WHOLE_SHARE, 1, "parts of 1,000,000,000, rounded up; 0 for nothing")
FLAG: Final = Whole(1, 1, 1, "1")
YES_OR_NO: Final = Whole(0, 1, 1, "1 or 0")
MOMENT: Final = Whole(0, WHOLE_MAX, BUCKET_SECONDS, "seconds since 1970 (UTC), of a quarter hour's beginning")
POSITION: Final = Whole(0, WHOLE_MAX, 1, "position of an entry, counted over all origins of the network")
SCOPE: Final = Match(r"[0-9a-f]{32}", "scope of another entry")
HASH: Final = Match(r"[0-9a-f]{64}", "SHA-256 in hexadecimal")
TEXT: Final = Match(r"[\x20-\x7e]{0,128}", "a text")
WORD: Final = Match(r"[a-z][a-z0-9_]{0,31}", "a word")
DEBT: Final = Choice(frozenset({"none", "open", "guaranteed", "paid"}))
STATES: Final = Choice(
    frozenset(
        [
            "received",
            "rejected",
            "accepted",
            "awaiting_original",
            "applied",
            "under_control",
            "awaiting_documents",
            "awaiting_permit",
            "awaiting_payment",
            "released",
            "cleared",
            "refused",
            "invalidated",
        ]
    )
)
"""The states of a declaration, as `docs/reference/states.md` has them."""


class EntryType(Struct, frozen=True):
    """A type of entry: its word, what it says, whose it is, and its facts (`optional` ones may be missing)."""

    name: str
    says: str
    roles: frozenset[Role]
    facts: dict[str, FactKind] = {}
    optional: dict[str, FactKind] = {}

    def fault(self, facts: dict[str, str | int]) -> str:
        """What is wrong with an entry's facts, in words; empty where nothing is."""
        for name, value in facts.items():
            kind = self.facts.get(name) or self.optional.get(name)
            if kind is None:
                return f"entries of the type {self.name} do not tell “{name}”"
            if not kind.takes(value):
                return f"“{name}” is {value!r:.60}, and has to be {kind.told}"
        missing = [name for name in self.facts if name not in facts]
        return f"entries of the type {self.name} have to tell “{missing[0]}”" if missing else ""


_C: Final = frozenset({Role.CUSTOMS})
_BOTH: Final = frozenset({Role.CUSTOMS, Role.CUSTOMS_ORIGIN})
_MOVERS: Final = _BOTH | {Role.CARRIER, Role.PORT, Role.ZONE, Role.DEVICE, Role.MARKETPLACE}
_SEALS: Final = _BOTH | {Role.CARRIER, Role.PORT, Role.ZONE, Role.DEVICE}
_MONEY: Final = frozenset({Role.CUSTOMS, Role.COLLECTOR})
_ANY: Final = frozenset(Role) - {Role.SEQUENCER}
_STOCK: Final = frozenset({Role.CUSTOMS, Role.ZONE})  # customs where they keep the account of who runs it
_GOING_FACTS: Final[dict[str, FactKind]] = {"irregular": FLAG, "share": SHARE, "why": WORD}
_STEP_FACTS: Final[dict[str, FactKind]] = {"irregular": FLAG, "void": FLAG}

CONSIGNMENT: Final = (
    EntryType("decided", "customs decided; the declaration is in this state now", _C, {"state": STATES},
              {"debt": DEBT, "assessed": YES_OR_NO}),
    EntryType("assessed", "duties and taxes were worked out", _C, {}, {"debt": DEBT}),
    EntryType("guaranteed", "the debt is covered by a guarantee", _C),
    EntryType("paid", "the debt was paid", _MONEY),
    EntryType("refunded", "a share of a payment was paid back", _MONEY, {"share": PART}, {"payment": POSITION}),
    EntryType("held", "the goods may not go on", _C | {Role.PERMITS}, {}, {"why": WORD}),
    EntryType("hold_lifted", "a hold is over", _C | {Role.PERMITS}),
    EntryType("examined", "the goods were examined", _C, {},
              {"result": Choice(frozenset({"satisfactory", "not_satisfactory"}))}),
    EntryType("released", "the goods are at the disposal of the declarant", _C),
    EntryType("refused", "the goods are not released", _C),
    EntryType("permit_drawn", "a share of a permit was used", _C | {Role.PERMITS}, {"permit": SCOPE, "share": SHARE}),
)  # fmt: skip
MOVEMENT: Final = tuple(
    EntryType(name, says, _MOVERS, {}, _STEP_FACTS)
    for name, says in (
        ("loaded", "the goods were loaded"), ("departed", "they left"), ("arrived", "they arrived"),
        ("presented", "they were presented to customs"), ("moved", "they were moved"),
        ("handed_over", "they went into other hands"), ("exited", "they left the customs territory"),
        ("delivered", "the consignee has them"), ("returned", "they went back"),
    )
)  # fmt: skip
DEVICES: Final = (
    EntryType("seal_bound", "a seal or device was put on", _SEALS, {}, {"device": SCOPE}),
    EntryType("seal_opened", "the seal was opened", _SEALS),
    EntryType("seal_closed", "the seal was closed", _SEALS),
    EntryType("seal_alarm", "the seal reports that it was tampered with", _SEALS),
)
STOCK: Final = (
    EntryType("stock_in", "goods came into a zone or warehouse", _STOCK, {}, {"share": SHARE, "why": WORD}),
    EntryType("stock_out", "goods went out of it", _STOCK, {}, _GOING_FACTS),
    EntryType("stock_destroyed", "goods were destroyed there", _STOCK, {}, _GOING_FACTS),
)
STANDING: Final = (
    EntryType("permit_issued", "a permit is valid", frozenset({Role.PERMITS}), {"until": MOMENT}),
    EntryType("credential_granted", "an operator has a status", _C, {"until": MOMENT}),
    EntryType("credential_suspended", "the status does not count for now", _C),
    EntryType("benefit_claimed", "a benefit of the status is made use of", _ANY - {Role.DEVICE}, {"credential": SCOPE}),
)
GOVERNANCE: Final = (
    EntryType("settled", "two parties have settled what they owe each other for some payments", _MONEY),
    EntryType("member_joined", "there is a new member", _ANY),
    EntryType("member_left", "a member is none any more", _ANY),
    EntryType("key_rotated", "a key is followed by another one, or by none", _ANY),
    EntryType("key_registered", "a further key counts", _ANY),
    EntryType("quorum_changed", "other members suffice from now on", _ANY, {"policy": HASH}),
    EntryType("rules_changed", "other rules apply from a position on", _ANY, {"rules": HASH, "position": POSITION}),
    EntryType(
        "epoch_closed",
        "the origin before this one ended, and goes on here",
        _ANY | {Role.SEQUENCER},
        {},
        {"origin": TEXT, "root": TEXT, "size": POSITION},
    ),
)
CLOSING: Final = (
    EntryType(
        STATE, "the hash of the state after all entries before this one", frozenset({Role.SEQUENCER}), {"root": HASH}
    ),
)
ENTRY_TYPES: Final = CONSIGNMENT + MOVEMENT + DEVICES + STOCK + STANDING + GOVERNANCE + CLOSING
GOVERNING: Final = frozenset(each.name for each in GOVERNANCE)
"""Types whose entry is bound to a statement that is public and signed."""
