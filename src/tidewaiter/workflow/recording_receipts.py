"""A parcel's receipt: entries of the record with their proofs and fields, as one text that is verified with no help.

JSON, so that a page can verify it, too. Each proof is the text of `c2sp.org/tlog-proof`, which any tool for it reads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.commitments import Disclosure, verify_disclosure
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.receipts import Receipt, verify_receipt
from tidewaiter.ledger.verdict import LedgerError, Verdict

FORM: Final = "tidewaiter receipt v1"
RECEIPT_BYTES_MAX: Final = 4 * 1024 * 1024
ENTRIES_MAX: Final = 1_000


class ReceiptEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry as it stands in the log, the proof that it does, and fields of it that are told."""

    entry: str
    proof: str
    fields: tuple[Disclosure, ...] = ()


class ParcelReceipt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entries on one parcel, the oldest first. Nothing vouches for what it says it is about but the fields told."""

    receipt: str = FORM
    about: str = ""
    entries: tuple[ReceiptEntry, ...]

    @property
    def text(self) -> bytes:
        """The receipt as it is handed out."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> ParcelReceipt:
        """The receipt in these bytes. Raises LedgerError where they are none."""
        if len(data) > RECEIPT_BYTES_MAX:
            raise LedgerError(f"a receipt has {len(data)} bytes; {RECEIPT_BYTES_MAX} are the most")
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LedgerError(f"this is no receipt of a parcel: {error}") from error
        if found.receipt != FORM or not 0 < len(found.entries) <= ENTRIES_MAX:
            raise LedgerError(f"this is no “{FORM}” with 1 to {ENTRIES_MAX} entries")
        return found


class Shown(Struct, frozen=True, kw_only=True):
    """What one entry of a receipt shows. Where the verdict refuses, nothing else of it counts."""

    verdict: Verdict
    log: str = ""
    index: int = 0
    size: int = 0
    leaf: Leaf | None = None
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        """What is shown, as a sentence."""
        if not self.verdict or self.leaf is None:
            return f"Not shown: {self.verdict.reason}."
        begins = datetime.fromtimestamp(self.leaf.at, UTC)
        facts = ", ".join(f"{name} {value}" for name, value in self.leaf.facts.items())
        return (
            f"Entry {self.index} of {self.log}, which had {self.size} entries when it was signed, says"
            f" “{self.leaf.type}”{f' ({facts})' if facts else ''}, recorded within {BUCKET_SECONDS // 60} minutes from"
            f" {begins:%Y-%m-%d %H:%M} UTC."
        )


def verify(data: bytes, policy: Policy) -> list[Shown]:
    """What a receipt shows, entry by entry. Raises LedgerError for what is no receipt, and for nothing else."""
    return [_shown(each, policy) for each in ParcelReceipt.parse(data).entries]


def _shown(each: ReceiptEntry, policy: Policy) -> Shown:
    entry = each.entry.encode(errors="surrogatepass")
    believed = verify_receipt(each.proof.encode(errors="surrogatepass"), entry, policy)
    if not believed.verdict or believed.checkpoint is None:
        return Shown(verdict=believed.verdict)
    try:
        leaf = Leaf.parse(entry)
    except LedgerError as error:
        return Shown(verdict=Verdict(error.detail))
    for disclosure in each.fields:
        if not (verdict := verify_disclosure(disclosure, leaf.commitment)):
            return Shown(
                verdict=Verdict(f"the field “{disclosure.name[:40]}” is not what it was bound to: {verdict.reason}")
            )
    return Shown(
        verdict=believed.verdict,
        log=believed.checkpoint.origin,
        index=Receipt.parse(each.proof.encode()).index,
        size=believed.checkpoint.size,
        leaf=leaf,
        fields=tuple((disclosure.name, disclosure.value) for disclosure in each.fields),
    )
