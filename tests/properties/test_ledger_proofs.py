"""Proofs of the record: made as the recursive definition has them, verified, and refused once anything is altered."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers import entries, naive_path, naive_root, naive_subproof
from tidewaiter.ledger.merkle import Frontier, MemoryLog, is_subtree, leaf_hash, root_of
from tidewaiter.ledger.proving import (
    prove_consistency,
    prove_inclusion,
    prove_subtree_consistency,
    prove_subtree_inclusion,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from tidewaiter.ledger.verdict import LedgerError

SIZE_MAX = 70
LEAVES = entries(SIZE_MAX)
HASHES = [leaf_hash(entry) for entry in LEAVES]
LOG = MemoryLog(HASHES)
ROOTS = [naive_root(LEAVES[:size]) for size in range(SIZE_MAX + 1)]
SUBTREES = [(s, e) for s in range(SIZE_MAX) for e in range(s + 1, SIZE_MAX + 1) if is_subtree(s, e)]


def test_roots_and_edges_are_those_of_the_definition_at_every_size() -> None:
    for size in range(SIZE_MAX + 1):
        assert root_of(HASHES[:size]) == ROOTS[size]
        assert MemoryLog(HASHES[:size]).root == ROOTS[size]


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_log_may_grow_by_any_steps(steps: list[int]) -> None:
    frontier = Frontier()
    for step in steps:
        frontier = frontier.extended(leaf_hash(entry) for entry in entries(step))
    leaves = [entry for step in steps for entry in entries(step)]
    assert (frontier.size, frontier.root) == (len(leaves), naive_root(leaves))


def test_every_inclusion_proof_is_the_defined_one_and_holds() -> None:
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            proof = prove_inclusion(LOG.node, index, size)
            assert proof == naive_path(index, LEAVES[:size])
            assert verify_inclusion(HASHES[index], index, size, ROOTS[size], proof)


def test_every_consistency_proof_is_the_defined_one_and_holds() -> None:
    for size in range(1, SIZE_MAX + 1):
        for old_size in range(1, size + 1):
            proof = prove_consistency(LOG.node, old_size, size)
            assert proof == naive_subproof(0, old_size, LEAVES[:size])
            assert verify_consistency((old_size, ROOTS[old_size]), (size, ROOTS[size]), proof)


@given(st.sampled_from(SUBTREES), st.data())
def test_parts_of_a_log_are_proved_like_logs(subtree: tuple[int, int], data: st.DataObject) -> None:
    start, end = subtree
    size = data.draw(st.integers(end, SIZE_MAX))
    part = naive_root(LEAVES[start:end])
    proof = prove_subtree_consistency(LOG.node, subtree, size)
    assert proof == naive_subproof(start, end, LEAVES[:size])
    assert verify_subtree_consistency(subtree, part, size, ROOTS[size], proof)
    index = data.draw(st.integers(start, end - 1))
    inside = prove_subtree_inclusion(LOG.node, index, subtree)
    assert inside == naive_path(index - start, LEAVES[start:end])
    assert verify_subtree_inclusion(HASHES[index], index, subtree, part, inside)


def spoilt(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof with one thing altered."""
    manner = data.draw(st.sampled_from(["bit", "longer", "shorter", "order", "cut"] if proof else ["longer"]))
    place = data.draw(st.integers(0, max(0, len(proof) - 1)))
    match manner:
        case "bit":
            byte = data.draw(st.integers(0, 31))
            altered = bytearray(proof[place])
            altered[byte] ^= 1 << data.draw(st.integers(0, 7))
            return [*proof[:place], bytes(altered), *proof[place + 1 :]]
        case "longer":
            return [*proof[:place], data.draw(st.binary(min_size=32, max_size=32)), *proof[place:]]
        case "shorter":
            return [*proof[:place], *proof[place + 1 :]]
        case "order":
            return proof[::-1] if len(proof) > 1 else []
        case _:
            return [*proof[:place], proof[place][:-1], *proof[place + 1 :]]


@settings(max_examples=300)
@given(st.integers(1, SIZE_MAX), st.data())
def test_an_altered_inclusion_proof_is_refused_with_a_reason(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(LOG.node, index, size)
    verdict = verify_inclusion(HASHES[index], index, size, ROOTS[size], spoilt(proof, data))
    assert not verdict
    assert verdict.reason
    other = data.draw(st.integers(-3, SIZE_MAX + 3).filter(lambda each: each != index))
    assert not verify_inclusion(HASHES[index], other, size, ROOTS[size], proof)
    assert not verify_inclusion(leaf_hash(b"another entry"), index, size, ROOTS[size], proof)


@settings(max_examples=300)
@given(st.sampled_from(SUBTREES), st.data())
def test_an_altered_consistency_proof_is_refused_with_a_reason(subtree: tuple[int, int], data: st.DataObject) -> None:
    start, end = subtree
    size = data.draw(st.integers(end, SIZE_MAX))
    part = naive_root(LEAVES[start:end])
    proof = prove_subtree_consistency(LOG.node, subtree, size)
    verdict = verify_subtree_consistency(subtree, part, size, ROOTS[size], spoilt(proof, data))
    assert not verdict
    assert verdict.reason
    assert not verify_subtree_consistency(subtree, leaf_hash(b"x"), size, ROOTS[size], proof)
    assert not verify_subtree_consistency(subtree, part, size, leaf_hash(b"x"), proof)


@given(
    st.integers(-2, 2**65),
    st.integers(-2, 2**65),
    st.integers(-2, 2**65),
    st.lists(st.binary(max_size=40), max_size=70),
)
def test_nothing_that_is_sent_raises(start: int, end: int, size: int, proof: list[bytes]) -> None:
    root = ROOTS[3]
    assert not verify_inclusion(root, start, end, root, proof) or (start, end, proof) == (0, 1, [])
    assert verify_subtree_inclusion(root, size, (start, end), root, proof).reason or end - start == 1
    assert verify_subtree_consistency((start, end), root, size, root, proof).reason or (start, end) == (0, size)
    assert verify_consistency((start, root), (end, root), proof).reason or start == end


def test_bytes_cannot_be_moved_from_one_hash_to_its_neighbour() -> None:
    """Left and right are hashed one after the other: 33 and 31 bytes would lead to the same root as 32 and 32."""
    left, right = HASHES[:2]
    assert verify_inclusion(left, 0, 2, ROOTS[2], [right])
    verdict = verify_inclusion(left + right[:1], 0, 2, ROOTS[2], [right[1:]])
    assert verdict.reason == "a hash has 33 bytes instead of 32"
    assert verify_consistency((1, left), (2, ROOTS[2]), [right])
    assert not verify_consistency((1, left + right[:1]), (2, ROOTS[2]), [right[1:]])


def test_too_many_and_too_few_hashes_are_told_as_that() -> None:
    way, grown = prove_inclusion(LOG.node, 2, 5), prove_consistency(LOG.node, 3, 5)
    for proof, reason in ((way + way, "more hashes than"), (way[:-1], "fewer hashes than")):
        assert reason in verify_inclusion(HASHES[2], 2, 5, ROOTS[5], proof).reason
    for proof, reason in ((grown + grown, "more hashes than"), (grown[:-1], "fewer hashes than"), ([], "is empty")):
        assert reason in verify_consistency((3, ROOTS[3]), (5, ROOTS[5]), proof).reason


def test_what_does_not_exist_is_not_proved() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3), (0, SIZE_MAX + 1)):
        with pytest.raises(LedgerError):
            prove_inclusion(LOG.node, index, size)
    for old_size, size in ((0, 3), (4, 3), (2, 2 * SIZE_MAX)):
        with pytest.raises(LedgerError):
            prove_consistency(LOG.node, old_size, size)
    with pytest.raises(LedgerError, match="no part"):
        prove_subtree_consistency(LOG.node, (2, 6), 8)
    with pytest.raises(LedgerError, match="cannot be the edge"):
        Frontier(3, (ROOTS[1],))
    with pytest.raises(LedgerError, match="32 bytes"):
        Frontier(1, (b"short",))
