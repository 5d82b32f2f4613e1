"""What a log says of itself: c2sp.org/tlog-checkpoint, the text of a note that is signed and cosigned."""

from __future__ import annotations

from msgspec import Struct

from tidewaiter.ledger.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_decimal, read_hash, written_base64


class Checkpoint(Struct, frozen=True):
    """Which log, how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any(each < " " or "\ud800" <= each <= "\udfff" for line in lines for each in line):
            raise LedgerError("an origin or extension of a checkpoint is empty or holds a control character")
        if not 0 <= self.size <= SIZE_MAX or len(self.root) != HASH_BYTES:
            raise LedgerError(f"no log has {self.size} entries and a root of {len(self.root)} bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise LedgerError("the checkpoint of an empty log has another root than the empty log")

    @property
    def text(self) -> str:
        """The checkpoint as the text of a note."""
        lines = (self.origin, str(self.size), written_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint of a note's text. Raises LedgerError where it is none."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():
            raise LedgerError("a checkpoint is an origin, a size and a root, each on a line")
        origin, size, root, *extensions = lines
        return cls(
            origin,
            read_decimal(size, "the size of a checkpoint"),
            read_hash(root, "the root of a checkpoint"),
            tuple(extensions),
        )
