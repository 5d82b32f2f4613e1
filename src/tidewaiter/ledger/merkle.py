"""The hashes of a log: RFC 6962, section 2.1, over SHA-256; and its right edge, from which it grows.

A *node* is a whole subtree: level 0 is a leaf, node (level, index) stands for the 2**level leaves from index * 2**level on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.verdict import LedgerError

HASH_BYTES: Final = 32
SIZE_MAX: Final = 2**63 - 1
"""Leaves a log can have: what a signed number of 64 bits holds, as in every implementation we know."""
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

NodeHash = Callable[[int, int], bytes]
"""The hash of the node (level, index) of some log; raises LedgerError for one that the log does not have."""

_sha256: Final = hashlib.sha256
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return hashlib.sha256(_LEAF + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many entries as leaves."""
    return [_sha256(_LEAF + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two neighbours."""
    return hashlib.sha256(_NODE + left + right).digest()


def is_subtree(start: int, end: int) -> bool:
    """Whether the leaves from `start` up to `end` are a subtree of every log that holds them all.

    That is draft-ietf-plants-merkle-tree-certs, section 4.1: `start` is a multiple of the least power of two that
    is not below `end - start`.
    """
    return 0 <= start < end <= SIZE_MAX and start % (1 << (end - start - 1).bit_length()) == 0


def parts(start: int, end: int) -> Iterable[tuple[int, int]]:
    """The nodes that make up the subtree from `start` up to `end`, from left to right, largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over the nodes of `parts`; that of the empty log where there are none."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = node_hash(left, root)
    return root


def range_hash(nodes: NodeHash, start: int, end: int) -> bytes:
    """The hash of the subtree from `start` up to `end`, out of the nodes of a log."""
    return folded([nodes(level, index) for level, index in parts(start, end)])


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over all leaves of a log."""
    return Frontier().extended(leaf_hashes).root


def row_above(row: Iterable[bytes]) -> list[bytes]:
    """The hashes over neighbours, two by two, of hashes whose number is even."""
    pairs = iter(row)
    return [_sha256(_NODE + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]


class Frontier(Struct, frozen=True):
    """The right edge of a log: its size and the hashes of the nodes of `parts(0, size)`, all that growing needs."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= SIZE_MAX or len(self.hashes) != self.size.bit_count():
            raise LedgerError(f"{len(self.hashes)} hashes cannot be the edge of a log of {self.size} entries")
        if any(len(each) != HASH_BYTES for each in self.hashes):
            raise LedgerError("a hash at the edge of a log is not 32 bytes long")

    @property
    def root(self) -> bytes:
        """The root of the log that ends here."""
        return folded(self.hashes)

    def extended(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """The edge after these leaves were added."""
        return self.grown(leaf_hashes, 0)[0]

    def grown(self, leaf_hashes: Iterable[bytes], of_level: int) -> tuple[Frontier, list[bytes]]:
        """The edge after these leaves were added, and the nodes of a level that they completed."""
        row, size, level = list(leaf_hashes), self.size, 0
        added, completed = len(row), list[bytes]()
        kept: list[bytes] = []  # of the new edge, from the lowest node up
        edge = list(self.hashes)
        while row:  # a whole level at a time: most leaves come by the thousand
            if level == of_level:
                completed = row.copy()
            if size >> level & 1:
                row.insert(0, edge.pop())
            if len(row) % 2:
                kept.append(row.pop())
            row = row_above(row)
            level += 1
        kept.reverse()
        return Frontier(size + added, (*edge, *kept)), completed


class MemoryLog:
    """All nodes of a log, in memory; for logs that fit there, and for tests."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        self.extend(leaf_hashes)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return range_hash(self.node, 0, self.size)

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaves."""
        for leaf in leaf_hashes:
            added, level = leaf, 0
            self._levels[0].append(added)
            while len(self._levels[level]) % 2 == 0:
                added = node_hash(*self._levels[level][-2:])
                level += 1
                if level == len(self._levels):
                    self._levels.append([])
                self._levels[level].append(added)

    def node(self, level: int, index: int) -> bytes:
        """The hash of a node. Raises LedgerError where there is none."""
        if not 0 <= level < len(self._levels) or not 0 <= index < len(self._levels[level]):
            raise LedgerError(f"the log has no node {index} at level {level}")
        return self._levels[level][index]
