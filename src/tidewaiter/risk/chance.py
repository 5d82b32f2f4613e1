"""The random draw: exact, and recomputable by anyone who holds the seed.

HMAC-SHA256 (RFC 2104, FIPS 198-1) of the key under the seed; its first 52 bits over
2**52 are the share. Nothing here is random: chance lies in who chose the seed, and when.
"""

from __future__ import annotations

import hmac
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from tidewaiter.model.judgement import Draw

_BITS = 52
_FIVES = 5**_BITS  # n / 2**52 = n * 5**52 / 10**52, hence exact in 52 decimal places


class Chance(Struct, frozen=True, gc=False):
    """What the draws of one declaration are made of: a day's seed and the declaration's key."""

    seed: bytes
    seed_id: str
    key: str

    def drawn(self, name: str, share: Decimal) -> Draw:
        """The draw of this name, independent of every other name's; "" is that of random selection itself."""
        return draw(self.seed, self.seed_id, f"{self.key}/{name}" if name else self.key, share)


def draw(seed: bytes, seed_id: str, key: str, selection_share: Decimal) -> Draw:
    """The draw for `key` under `seed`; selected when its share is below `selection_share` (0 never, 1 always).

    Raises ValueError when `selection_share` is not between 0 and 1.
    """
    threshold, share_text = _threshold(selection_share)
    mac = _keyed(seed).copy()
    mac.update(key.encode())
    number = int.from_bytes(mac.digest()[:7], "big") >> 4
    return Draw(seed_id, key, _decimal_text(number), share_text, number < threshold)


@lru_cache(maxsize=16)
def _keyed(seed: bytes) -> hmac.HMAC:
    """The code as it is before any key goes in: made once, as one seed serves a day's draws."""
    return hmac.new(seed, digestmod="sha256")


def _decimal_text(number: int) -> str:
    if number == 0:
        return "0"
    return f"0.{number * _FIVES:0{_BITS}d}".rstrip("0")


@lru_cache(maxsize=64)
def _threshold(selection_share: Decimal) -> tuple[int, str]:
    """The smallest 52-bit number that is *not* selected, and the share as text."""
    if not 0 <= selection_share <= 1:
        raise ValueError(f"a selection share lies between 0 and 1, not {selection_share}")
    numerator, denominator = selection_share.as_integer_ratio()
    return -(-(numerator << _BITS) // denominator), f"{selection_share:f}"
