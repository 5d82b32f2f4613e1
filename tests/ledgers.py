"""Logs for tests: the recursive definitions of RFC 6962 and of the draft on subtrees, written down as they stand there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import cosign, sign

ORIGIN: Final = "record.example/2026"


def entries(size: int) -> list[bytes]:
    """So many entries, all different."""
    return [b"entry %d" % number for number in range(size)]


def split(size: int) -> int:
    """The largest power of two below `size`."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]), RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(start: int, end: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:  # noqa: FBT001
    """SUBTREE_SUBPROOF(start, end, D_n, b); with a start of 0 it is SUBPROOF of RFC 6962, section 2.1.2."""
    n = len(leaves)
    if (start, end) == (0, n):
        return [] if known else [naive_root(leaves)]
    k = split(n)
    if end <= k:
        return [*naive_subproof(start, end, leaves[:k], known), naive_root(leaves[k:])]
    if k <= start:
        return [*naive_subproof(start - k, end - k, leaves[k:], known), naive_root(leaves[:k])]
    return [*naive_subproof(0, end - k, leaves[k:], False), naive_root(leaves[:k])]


def signer(name: str, key_type: KeyType = KeyType.COSIGNATURE_ED25519) -> SignerKey:
    """A key whose seed follows from its name: for tests, and for nothing else."""
    return SignerKey(name, key_type, hashlib.sha256(name.encode()).digest())


def signed_log(size: int, *witnesses: SignerKey, at: int = 1_700_000_000) -> tuple[MemoryLog, SignedNote]:
    """A log of `ORIGIN` with so many entries, and its checkpoint, signed by it and cosigned by the witnesses."""
    log = MemoryLog(leaf_hash(entry) for entry in entries(size))
    text = Checkpoint(ORIGIN, size, log.root).text
    cosignatures = [cosign(text, witness, at) for witness in witnesses]
    return log, SignedNote(text, (sign(text, signer(ORIGIN, KeyType.ED25519)), *cosignatures))
