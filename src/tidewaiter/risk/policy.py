"""How much is looked at for no reason but chance, and what bad data costs: the office's choice, kept as data."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from msgspec import Struct

from tidewaiter.model.errors import LawDataError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk import packaged


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shares and lanes of one policy version.

    `selection_share` is the share of all declarations drawn at random (0.02 is
    2 %); `quality_rules` are ids of rules whose warnings send a declaration to
    `quality_lane`, a trailing `*` standing for any ending. Where third parties
    say otherwise of a parcel, or nothing of what they must, it goes to `claims_lane`;
    where another declaration of the same parcel stands, to `duplicates_lane`.
    """

    title: str
    selection_share: Decimal
    selection_lane: Lane
    quality_lane: Lane
    quality_rules: tuple[str, ...]
    claims_lane: Lane = Lane.YELLOW
    duplicates_lane: Lane = Lane.YELLOW

    def heeds(self, rule_id: str) -> bool:
        """True when a warning of this rule raises the lane."""
        return any(
            rule_id.startswith(wanted[:-1]) if wanted.endswith("*") else rule_id == wanted
            for wanted in self.quality_rules
        )


def load_policy() -> Policy:
    """The policy that ships with the package."""
    return read_policy(_content(), "risk/policy.yaml")


def read_policy(content: bytes, place: str) -> Policy:
    """A policy file. Raises LawDataError for an unknown key or a share outside 0 to 1."""
    policy = packaged.read_yaml(content, place, Policy)
    if not 0 <= policy.selection_share <= 1:
        raise LawDataError(f"{place}: selection_share {policy.selection_share} is not between 0 and 1")
    return policy


def policy_version() -> str:
    """SHA-256 of the shipped policy file."""
    return hashlib.sha256(_content()).hexdigest()


def _content() -> bytes:
    return packaged.folder("risk", "policy.yaml").read_bytes()
