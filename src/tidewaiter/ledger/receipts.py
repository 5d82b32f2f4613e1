"""Receipts: c2sp.org/tlog-proof, a text that shows offline that an entry is in a log that others have cosigned."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidewaiter.ledger.merkle import NodeHash, leaf_hash
from tidewaiter.ledger.notes import NOTE_BYTES_MAX, SignedNote
from tidewaiter.ledger.policies import Believed, Policy
from tidewaiter.ledger.proving import prove_inclusion, verify_inclusion
from tidewaiter.ledger.verdict import LedgerError, Verdict
from tidewaiter.ledger.wire import read_base64, read_decimal, read_hash, written_base64

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
RECEIPT_BYTES_MAX: Final = NOTE_BYTES_MAX + 100_000
HASHES_MAX: Final = 63
"""Hashes on the way from a leaf to the root of the largest log."""
_EXTRA: Final = "extra "
_INDEX: Final = "index "


class Receipt(Struct, frozen=True):
    """Where an entry stands, the hashes up to the root, and the checkpoint as it was served.

    `extra` is what the issuer put beside it; nothing vouches for it.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes = b""

    @property
    def text(self) -> bytes:
        """The receipt as it is handed out."""
        extra = [_EXTRA + written_base64(self.extra)] if self.extra else []
        lines = [FIRST_LINE, *extra, f"{_INDEX}{self.index}", *map(written_base64, self.hashes), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """The receipt in these bytes. Raises LedgerError where they are none."""
        if len(data) > RECEIPT_BYTES_MAX:
            raise LedgerError(f"a receipt has {len(data)} bytes; {RECEIPT_BYTES_MAX} are the most")
        head, blank, note = data.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise LedgerError("the head of a receipt is not ASCII") from error
        if first != FIRST_LINE or not blank:
            raise LedgerError(f"a receipt begins with the line “{FIRST_LINE}”, and an empty line ends its head")
        extra = b""
        if lines and lines[0].startswith(_EXTRA):
            extra = read_base64(lines.pop(0).removeprefix(_EXTRA), "what is extra to a receipt")
            if not extra:
                raise LedgerError("a receipt without anything extra has no line for it")
        if not lines or not lines[0].startswith(_INDEX):
            raise LedgerError("a receipt has no line “index”")
        index = read_decimal(lines.pop(0).removeprefix(_INDEX), "the index of a receipt")
        if len(lines) > HASHES_MAX:
            raise LedgerError(f"a receipt has {len(lines)} hashes; {HASHES_MAX} are the most")
        SignedNote.parse(note)
        return cls(index, tuple(read_hash(line, "a hash of a receipt") for line in lines), note, extra)


def issue(nodes: NodeHash, index: int, note: SignedNote, size: int, extra: bytes = b"") -> Receipt:
    """The receipt of the entry at `index`, from a log's nodes and its signed checkpoint of that size.

    Raises LedgerError where the log does not have the entry.
    """
    return Receipt(index, tuple(prove_inclusion(nodes, index, size)), note.data, extra)


def verify_receipt(data: bytes, entry: bytes, policy: Policy) -> Believed:
    """Whether the receipt shows that this entry is in a log which the policy believes. Never raises for a receipt."""
    try:
        receipt = Receipt.parse(data)
    except LedgerError as error:
        return Believed(Verdict(error.detail))
    believed = policy.believed(receipt.note)
    checkpoint = believed.checkpoint
    if not believed.verdict or checkpoint is None:
        return believed
    verdict = verify_inclusion(leaf_hash(entry), receipt.index, checkpoint.size, checkpoint.root, receipt.hashes)
    return Believed(verdict, checkpoint, believed.signed)
