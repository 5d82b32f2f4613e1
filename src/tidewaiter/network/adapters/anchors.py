"""What every anchor promises: a place outside the network that keeps which checkpoints were final.

Members could agree to sign another past. A checkpoint that is anchored where they cannot rewrite it shows that they did.

- *It only grows.* An anchor of a log is larger than the one before; none is changed or taken away.
- *One root a size.* The same checkpoint again is told as it stands; another root at that size is refused.
- *Final ones only.* `publish_final` asks the policy, and has the log show that it grew from what is anchored.

An anchor holds a hash of the origin, a size and a root, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.merkle import range_hash
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.proving import prove_consistency, verify_consistency
from tidewaiter.ledger.reading import Read, TileReader
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict
from tidewaiter.model.errors import TidewaiterError


class Anchored(Struct, frozen=True):
    """A size and root of a log as an anchor holds them; who wrote it and where, as that anchor tells it."""

    size: int
    root: bytes
    by: str = ""
    where: str = ""


class Why(Enum):
    """Why a checkpoint is not anchored."""

    CONFLICTING = "conflicting"
    NOT_GROWN = "not_grown"
    NOT_FINAL = "not_final"
    NOT_CONSISTENT = "not_consistent"
    NOT_ALLOWED = "not_allowed"
    EMPTY = "empty"


class AnchorRefusedError(TidewaiterError):
    """A checkpoint is not anchored, and will not be; `why` for machines."""

    code = "ledger.anchor_refused"

    def __init__(self, why: Why, detail: str, *, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.why = why


class Anchor(Protocol):
    """A place that keeps anchors; `place` is what it is called."""

    place: str

    def latest(self, origin: str) -> Anchored | None:
        """The largest anchor of a log. Raises UnavailableError."""
        ...

    def find(self, origin: str, size: int) -> Anchored | None:
        """The anchor of a log at a size. Raises UnavailableError."""
        ...

    def history(self, origin: str) -> Sequence[Anchored]:
        """All anchors of a log, in order. Raises UnavailableError."""
        ...

    def publish(self, checkpoint: Checkpoint) -> Anchored:
        """The anchor of this checkpoint, once it is kept. Raises AnchorRefusedError, or UnavailableError: then again."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


def origin_hash(origin: str) -> bytes:
    """How anchors name a log: the SHA-256 of its origin."""
    return hashlib.sha256(origin.encode()).digest()


def refuse_unfit(checkpoint: Checkpoint, latest: Anchored | None, at_size: Anchored | None) -> Anchored | None:
    """The anchor that is this checkpoint already; None where it may be written. Raises AnchorRefusedError where not."""
    if at_size is not None:
        if at_size.root == checkpoint.root:
            return at_size
        raise AnchorRefusedError(
            Why.CONFLICTING,
            f"another root is anchored for {checkpoint.size} entries of “{checkpoint.origin}”",
            hint="two checkpoints of one size are proof that somebody signed two pasts: keep both",
        )
    if checkpoint.size == 0:
        raise AnchorRefusedError(Why.EMPTY, "an empty log has nothing to anchor")
    if latest is not None and checkpoint.size <= latest.size:
        raise AnchorRefusedError(
            Why.NOT_GROWN, f"{latest.size} entries are anchored already; {checkpoint.size} come too late"
        )
    return None


def publish_final(anchor: Anchor, note: bytes, policy: Policy, read: Read) -> Anchored:
    """The anchor of a signed checkpoint, once the policy believes it and the log's tiles show that it only grew.

    Raises AnchorRefusedError, or UnavailableError where the anchor or the tiles cannot be had.
    """
    believed = policy.believed(note)
    if not believed.verdict or believed.checkpoint is None:
        raise AnchorRefusedError(
            Why.NOT_FINAL, f"the checkpoint is not final: {believed.verdict.reason}", hint="wait for the quorum"
        )
    checkpoint = believed.checkpoint
    latest = anchor.latest(checkpoint.origin)
    if latest is not None and latest.size < checkpoint.size:
        verdict = _grown(latest, checkpoint, read)
        if not verdict:
            raise AnchorRefusedError(
                Why.NOT_CONSISTENT,
                f"the log did not grow from what is anchored at {latest.size} entries: {verdict.reason}",
                hint="keep the checkpoint and the anchor: one of them is of another past",
            )
    return anchor.publish(checkpoint)


def _grown(anchored: Anchored, checkpoint: Checkpoint, read: Read) -> Verdict:
    try:
        proof = prove_consistency(TileReader(read, checkpoint.size).node, anchored.size, checkpoint.size)
    except LedgerError as error:
        return Verdict(error.detail)
    return verify_consistency((anchored.size, anchored.root), (checkpoint.size, checkpoint.root), proof)


class Compared(Struct, frozen=True):
    """An anchor beside a log that one believes."""

    anchored: Anchored
    verdict: Verdict


def compared(anchor: Anchor, checkpoint: Checkpoint, read: Read) -> Iterator[Compared]:
    """Each anchor of a log beside its believed checkpoint: whether the log has that root at that size.

    What the tiles give is verified against the checkpoint. Raises UnavailableError.
    """
    reader = TileReader(read, checkpoint.size)
    for anchored in anchor.history(checkpoint.origin):
        yield Compared(anchored, _agrees(anchored, checkpoint, reader))


def _agrees(anchored: Anchored, checkpoint: Checkpoint, reader: TileReader) -> Verdict:
    if anchored.size > checkpoint.size:
        return Verdict(f"the log is shown with {checkpoint.size} entries only")
    if anchored.size == checkpoint.size:
        return PROVED if anchored.root == checkpoint.root else Verdict("the log has another root at this size")
    try:
        proof = prove_consistency(reader.node, anchored.size, checkpoint.size)
        root = range_hash(reader.node, 0, anchored.size)
    except LedgerError as error:
        return Verdict(error.detail)
    verdict = verify_consistency((anchored.size, anchored.root), (checkpoint.size, checkpoint.root), proof)
    if verdict or root == anchored.root:
        return verdict
    return Verdict("the log has another root at this size")
