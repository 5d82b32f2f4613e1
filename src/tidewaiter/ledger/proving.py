"""Proofs that an entry is in a log and that a log only grew: RFC 6962, sections 2.1.1 and 2.1.2, made and verified.

Both also for parts of a log, which may be signed by themselves: draft-ietf-plants-merkle-tree-certs, section 4. A
proof for a whole log is one for the subtree that starts at 0. Making raises LedgerError where what is asked for does
not exist; verifying answers with a verdict, whatever it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.ledger.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    SIZE_MAX,
    NodeHash,
    is_subtree,
    node_hash,
    range_hash,
)
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict


def prove_inclusion(nodes: NodeHash, index: int, size: int) -> list[bytes]:
    """The proof that the leaf `index` is in the log of this size. Raises LedgerError where it cannot be."""
    return prove_subtree_inclusion(nodes, index, (0, size))


def prove_subtree_inclusion(nodes: NodeHash, index: int, subtree: tuple[int, int]) -> list[bytes]:
    """The proof that the leaf `index` is in the subtree from its first leaf up to its end."""
    start, end = subtree
    if not is_subtree(start, end) or not start <= index < end:
        raise LedgerError(f"entry {index} is not in the part of a log from {start} up to {end}")
    beside, _ = _way_down(index - start, index - start + 1, end - start)
    return [range_hash(nodes, start + low, start + high) for low, high in reversed(beside)]


def prove_consistency(nodes: NodeHash, old_size: int, size: int) -> list[bytes]:
    """The proof that the log of this size began as the one of `old_size`, which is not 0."""
    return prove_subtree_consistency(nodes, (0, old_size), size)


def prove_subtree_consistency(nodes: NodeHash, subtree: tuple[int, int], size: int) -> list[bytes]:
    """The proof that the subtree is part of the log of this size."""
    start, end = subtree
    if not is_subtree(start, end) or not end <= size <= SIZE_MAX:
        raise LedgerError(f"the entries from {start} up to {end} are no part of a log of {size}")
    ranges, bottom = _way_down(start, end, size)
    if bottom != (start, end):
        ranges.append(bottom)
    return [range_hash(nodes, *each) for each in reversed(ranges)]


def _way_down(start: int, end: int, size: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """The neighbours met on the way from the top of a tree of this size to a part of it, and where the way ends.

    It ends at the part; or, where the tree does not have the part whole, at the lowest subtree at the part's right edge.
    """
    low, high = 0, size
    beside = []
    while (low, high) != (start, end):
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if end <= middle:
            beside.append((middle, high))
            high = middle
        else:
            beside.append((low, middle))
            low = middle
            start = max(start, middle)
    return beside, (low, high)


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> Verdict:
    """Whether the proof shows that the leaf with this hash stands at `index` in the log of this size and root."""
    return verify_subtree_inclusion(leaf, index, (0, size), root, proof)


def verify_subtree_inclusion(
    leaf: bytes, index: int, subtree: tuple[int, int], root: bytes, proof: Sequence[bytes]
) -> Verdict:
    """Whether the proof shows that the leaf stands at `index` in the subtree with this hash."""
    start, end = subtree
    if not is_subtree(start, end):
        return Verdict(f"there is no part of a log from {start} up to {end}")
    if not start <= index < end:
        return Verdict(f"entry {index} is outside the entries from {start} up to {end}")
    if wrong := _wrong_lengths(leaf, root, *proof):
        return Verdict(wrong)
    position, last, climbed = index - start, end - start - 1, leaf
    for sibling in proof:
        if last == 0:
            return Verdict("the proof has more hashes than the way to the root has steps")
        if position & 1 or position == last:
            climbed = node_hash(sibling, climbed)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            climbed = node_hash(climbed, sibling)
        position >>= 1
        last >>= 1
    if last:
        return Verdict("the proof has fewer hashes than the way to the root has steps")
    return PROVED if climbed == root else Verdict("the proof leads to another root")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> Verdict:
    """Whether the proof shows that the log `new`, a size and a root, began as the log `old`.

    Nothing can be proved of an empty log but that another one is empty too: every log begins so.
    """
    (old_size, old_root), (size, root) = old, new
    if old_size == 0 and size != 0:
        return Verdict("every log begins empty; there is nothing to prove")
    if old_size == size and old_root != root:
        return Verdict("two logs of one size have different roots")
    return verify_subtree_consistency((0, old_size), old_root, size, root, proof)


def verify_subtree_consistency(
    subtree: tuple[int, int], part_hash: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> Verdict:
    """Whether the proof shows that the subtree with this hash is part of the log of this size and root.

    The subtree of no entries is part of every log: its hash is that of the empty log, and the proof is empty.
    """
    start, end = subtree
    if proof and (wrong := _wrong_lengths(part_hash, root, *proof)):
        return Verdict(wrong)
    if not 0 <= start <= end <= size <= SIZE_MAX:
        return Verdict(f"the entries from {start} up to {end} are no part of a log of {size}")
    if start == end:
        return PROVED if part_hash == EMPTY_ROOT and not proof else Verdict("a part without entries has another hash")
    if not is_subtree(start, end):
        return Verdict(f"there is no part of a log from {start} up to {end}")
    return _climbed_both(_Way(start, end - 1, size - 1), part_hash, root, proof)


class _Way:
    """Where the climb stands: the first and last leaf of the part and the last of the log, in nodes of one level."""

    def __init__(self, first: int, last: int, end: int) -> None:
        self.first, self.last, self.end = first, last, end

    def up(self) -> None:
        self.first >>= 1
        self.last >>= 1
        self.end >>= 1


def _climbed_both(way: _Way, part_hash: bytes, root: bytes, proof: Sequence[bytes]) -> Verdict:
    """Climb to the part and to the root at once: section 4.4.3 of the draft, in the manner of RFC 9162, 2.1.4.2."""
    while way.first != way.last and (way.last & 1 or way.last == way.end):
        way.up()
    rest = list(proof)
    if way.first == way.last:
        part = whole = part_hash
    elif rest:
        part = whole = rest.pop(0)
    else:
        return Verdict("the proof is empty")
    for sibling in rest:
        if way.end == 0:
            return Verdict("the proof has more hashes than the way to the root has steps")
        if way.last & 1 or way.last == way.end:
            if way.first < way.last:
                part = node_hash(sibling, part)
            whole = node_hash(sibling, whole)
            while not way.last & 1 and way.last:
                way.up()
        else:
            whole = node_hash(whole, sibling)
        way.up()
    if way.end:
        return Verdict("the proof has fewer hashes than the way to the root has steps")
    if part != part_hash:
        return Verdict("the proof does not lead to the part's own hash")
    return PROVED if whole == root else Verdict("the proof leads to another root")


def _wrong_lengths(*hashes: bytes) -> str:
    wrong = [each for each in hashes if len(each) != HASH_BYTES]
    return f"a hash has {len(wrong[0])} bytes instead of {HASH_BYTES}" if wrong else ""
