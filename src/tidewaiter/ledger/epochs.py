"""The end of an origin: its last checkpoint with two more lines, cosigned by the members that mirror it.

No machine elects a sequencer. When one stops or has lied, people agree on the next, and their members say so:

1. each mirror freezes (`Mirror.freeze`): it cosigns nothing more, and tells what it holds;
2. the largest checkpoint that is held is brought to the others, by blocks or tiles;
3. each cosigns the end at just this checkpoint (`Mirror.close`); with a quorum it counts (`is_closed`);
4. the next origin begins with the state and the running numbers that the last one led to.

No mirror or witness cosigns a checkpoint with such lines because a log has signed it: a sequencer cannot end its own origin.
A quorum for the end is one of mirrors, since witnesses hold nothing that they could vouch for.

Whoever cosigned a final checkpoint holds it, and any two quorums share an honest member: that member's size is no smaller, so
no end that a quorum has cosigned leaves out anything final. What was promised and is in no block of the end is handed in
again by its submitter, under the same number, signed for the next origin.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError, Verdict

CLOSED: Final = "tidewaiter/closed/v1"
_NEXT: Final = "next "


class Closing(Struct, frozen=True):
    """With which checkpoint an origin ends, and the key of the next: the key's name is the next origin."""

    last: Checkpoint
    following: VerifierKey

    @property
    def checkpoint(self) -> Checkpoint:
        """What is cosigned: the last checkpoint with two lines more."""
        last = self.last
        return Checkpoint(last.origin, last.size, last.root, (CLOSED, f"{_NEXT}{self.following.text}"))

    @classmethod
    def parse(cls, text: str) -> Closing:
        """The closing that a checkpoint's text is. Raises LedgerError where it is none."""
        read = Checkpoint.parse(text)
        match read.extensions:
            case (first, second) if first == CLOSED and second.startswith(_NEXT):
                following = VerifierKey.parse(second.removeprefix(_NEXT))
            case _:
                raise LedgerError("this checkpoint does not end an origin")
        if following.name == read.origin:
            raise LedgerError("an origin is not followed by itself")
        return cls(Checkpoint(read.origin, read.size, read.root), following)


def is_closed(data: bytes, policy: Policy) -> Verdict:
    """Whether a note ends its origin: a closing, cosigned by the quorum of the policy. Never raises for what it is given.

    The log's own signature is not asked for: its sequencer may be gone.
    """
    try:
        note = SignedNote.parse(data)
        Closing.parse(note.text)
    except LedgerError as error:
        return Verdict(error.detail)
    checked = check(note, [party.key for party in policy.witnesses.values()])
    if not checked.verdict:
        return checked.verdict
    return policy.is_met_by({signed.key for signed in checked.signed})
