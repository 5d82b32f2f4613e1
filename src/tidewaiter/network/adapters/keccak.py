"""Keccak-256 as EVM chains use it: the permutation of FIPS 202, with the padding of the submission before it.

Not SHA3-256, which pads otherwise, and which is why no library of ours has it. A few hundred bytes are hashed for a
transaction, so that plain Python will do. https://keccak.team/keccak_specs_summary.html
"""

from __future__ import annotations

from typing import Final

_RATE: Final = 136
_MASK: Final = 2**64 - 1
_ROUNDS: Final = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_OFFSETS: Final = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56), (27, 20, 39, 8, 14),
)  # fmt: skip


def keccak256(data: bytes) -> bytes:
    """The hash of these bytes."""
    padded = bytearray(data + bytes(_RATE - len(data) % _RATE))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            word = int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
            state[lane % 5][lane // 5] ^= word
        state = _permuted(state)
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def _permuted(a: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600] of a state of 5 × 5 lanes."""
    for constant in _ROUNDS:
        columns = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        mixed = [columns[x - 1] ^ _turned(columns[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _turned(a[x][y] ^ mixed[x], _OFFSETS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y] & _MASK) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return a


def _turned(word: int, by: int) -> int:
    return ((word << by) | (word >> (64 - by))) & _MASK
