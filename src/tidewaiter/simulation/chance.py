"""Chance that anybody can recompute: SplitMix64 streams, each keyed by words and numbers.

A stream begins at the first eight bytes (big-endian) of the BLAKE2b-64 digest of
its key, the parts joined by `/` as UTF-8. Each draw adds the odd constant
0x9E3779B97F4A7C15 modulo 2^64 and mixes, as Steele, Lea and Flood give it in
"Fast splittable pseudorandom number generators" (OOPSLA 2014). Only whole
numbers are used, so that no machine's arithmetic shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

Value = TypeVar("Value")
MILLION: Final = 1_000_000
_MASK: Final = 2**64 - 1
_GAMMA: Final = 0x9E3779B97F4A7C15


class Chance:
    """One stream of draws."""

    __slots__ = ("_state",)

    def __init__(self, *key: str | int) -> None:
        text = "/".join(map(str, key)).encode()
        self._state = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1: the high word of draw x bound (its bias is under bound / 2^64)."""
        self._state = word = (self._state + _GAMMA) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((word ^ (word >> 31)) * bound) >> 64

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def happens(self, per_million: int) -> bool:
        """True in `per_million` of a million draws."""
        return self.below(MILLION) < per_million

    def one_of(self, values: Sequence[Value]) -> Value:
        """One of the values, each as likely."""
        return values[self.below(len(values))]

    def weighed(self, weights: Sequence[int]) -> int:
        """The index of one of the weights (whole numbers, not all 0), as likely as its weight says."""
        rest = self.below(sum(weights))
        for index, weight in enumerate(weights):
            rest -= weight
            if rest < 0:
                return index
        raise AssertionError("the draw is below the sum")
