"""The proof that a log spoke with two tongues: two checkpoints, signed by it, that cannot both be. Anybody can verify it."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.merkle import HASH_BYTES, NodeHash, range_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.proving import prove_consistency, verify_consistency
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError, Verdict


class Proof(Struct, frozen=True):
    """What the longer log was at the shorter one's size: its root there, and the hashes that lead from it to its end."""

    root: bytes
    hashes: tuple[bytes, ...] = ()


class Evidence(Struct, frozen=True):
    """Two signed checkpoints, the shorter first, and what shows that they cannot both be."""

    first: bytes
    second: bytes
    proof: Proof

    @property
    def data(self) -> bytes:
        """The evidence as it is kept and handed on: JSON, with bytes in base 64."""
        return msgspec.json.encode(self)

    @property
    def origin(self) -> str:
        """The origin that it speaks of, as the first checkpoint has it."""
        return self.first.partition(b"\n")[0].decode(errors="replace")

    @classmethod
    def parse(cls, data: bytes) -> Evidence:
        """The evidence in these bytes. Raises LedgerError where they are none."""
        try:
            return _EVIDENCE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LedgerError(f"this is no evidence: {error}") from error


_EVIDENCE: Final = msgspec.json.Decoder(Evidence)


def equivocation(first: bytes, second: bytes, proof: Proof, key: VerifierKey) -> Verdict:
    """Whether two checkpoints, the shorter first, show that the log with this key told two histories.

    Never raises for what it is given. A log that only grew is told so in the reason.
    """
    try:
        shorter, longer = _signed(first, key), _signed(second, key)
    except LedgerError as error:
        return Verdict(error.detail)
    if shorter.origin != longer.origin:
        return Verdict("the checkpoints are of two origins")
    if shorter.size > longer.size:
        return Verdict("the shorter checkpoint is to be the first")
    if len(proof.root) != HASH_BYTES or proof.root == shorter.root:
        return Verdict("the root that the longer log had at that size is the shorter one's: it only grew")
    if shorter.size == 0:
        return Verdict("every log begins as the empty one")
    verdict = verify_consistency((shorter.size, proof.root), (longer.size, longer.root), proof.hashes)
    return verdict or Verdict(f"it is not shown what the longer log was at that size: {verdict.reason}")


def compared(own: bytes, nodes: NodeHash, other: bytes, key: VerifierKey) -> Evidence | None:
    """What a checkpoint shown by somebody proves, beside an own one that is no shorter and whose nodes are at hand.

    None where both can be. Raises LedgerError where either is not signed by the log, or the own one is shorter.
    """
    longer, shorter = _signed(own, key), _signed(other, key)
    if shorter.origin != longer.origin or shorter.size > longer.size:
        raise LedgerError("these checkpoints cannot be compared: another origin, or the own one is the shorter")
    if shorter.size == 0:
        return None
    root = range_hash(nodes, 0, shorter.size)
    if root == shorter.root:
        return None
    return Evidence(other, own, Proof(root, tuple(prove_consistency(nodes, shorter.size, longer.size))))


def _signed(data: bytes, key: VerifierKey) -> Checkpoint:
    note = SignedNote.parse(data)
    checkpoint = Checkpoint.parse(note.text)
    verdict = check(note, [key]).verdict
    if not verdict:
        raise LedgerError(f"a checkpoint is not signed by the log: {verdict.reason}")
    return checkpoint
