"""The chain over the blocks of evidence: each digest covers what came before."""

from __future__ import annotations

import hashlib

from tidewaiter.store.connections import Connections

GENESIS = bytes(32)  # what the first block names as the one before


def content_digest(content: bytes, bodies: bytes | None) -> bytes:
    """SHA-256 over the block's evidence as stored, and the records' bytes where they are kept beside it."""
    return hashlib.sha256(content + (bodies or b"")).digest()


def link(previous: bytes, block_id: int, message_id: int | None, span: tuple[int, int], content: bytes) -> bytes:
    """SHA-256 over the previous digest, the block's place and its content digest."""
    return hashlib.sha256(previous + f"{block_id}{place(message_id, *span)}".encode() + content).digest()


def place(message_id: int | None, first_position: int, last_position: int) -> str:
    """Which records a block is on, as its digest covers it; stands behind the block's number."""
    return f":{message_id or 'desk'}:{first_position}-{last_position}"


Block = tuple[int, int | None, int, int, bytes, bytes | None, bytes, bytes, bytes]


def problems(row: Block, expected_id: int, previous: bytes) -> list[str]:
    """What is wrong with one block, given the number and digest that should come before it."""
    block_id, message_id, first, last, content, bodies, content_seen, previous_seen, digest = row
    found = []
    if block_id != expected_id:
        found.append(f"block {expected_id} is missing")
    if previous_seen != previous:
        found.append(f"block {block_id} does not follow the block before it")
    if content_digest(content, bodies) != content_seen:
        found.append(f"the content of block {block_id} was altered")
    if link(previous_seen, block_id, message_id, (first, last), content_seen) != digest:
        found.append(f"the digest of block {block_id} is not that of its place and content")
    return found


def broken_links(connections: Connections) -> list[str]:
    """What is wrong with the chain as it is kept, block by block; empty when it is whole."""
    problems_found: list[str] = []
    block_id, previous = 1, GENESIS
    while True:
        with connections.lend() as connection:
            found = connection.execute(
                "SELECT block_id, message_id, first_position, last_position, content, bodies, content_digest,"
                " previous_digest, digest FROM evidence_block WHERE block_id >= %s ORDER BY block_id LIMIT 16",
                [block_id],
            ).fetchall()
        if not found:
            return problems_found
        for row in found:
            problems_found += problems(row, block_id, previous)
            block_id, previous = row[0] + 1, row[8]
