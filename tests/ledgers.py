"""Logs for tests: the recursive definitions of RFC 6962 and of the draft on subtrees, written down as they stand there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


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
