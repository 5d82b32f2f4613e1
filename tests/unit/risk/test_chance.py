"""The draw is exact and can be worked out again by anyone who holds the seed."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from fractions import Fraction

import pytest

from tidewaiter.risk import draw

SEED = bytes(range(32))
NEVER, ALWAYS = Decimal(0), Decimal(1)


def by_hand(seed: bytes, key: str) -> Fraction:
    """The share as the record's own documentation says it, without any code of ours."""
    bits = int(hmac.new(seed, key.encode(), hashlib.sha256).hexdigest()[:13], 16)
    return Fraction(bits, 2**52)


@pytest.mark.parametrize("key", ["", "a", "7|CP123456785DE|1", "钥匙"])
def test_the_share_is_the_first_52_bits_of_the_hmac(key: str) -> None:
    drawn = draw(SEED, "seed-1", key, Decimal("0.02"))
    assert Fraction(drawn.share) == by_hand(SEED, key)
    assert drawn.is_selected is (by_hand(SEED, key) < Fraction(2, 100))
    assert (drawn.seed_id, drawn.key, drawn.selection_share) == ("seed-1", key, "0.02")


def test_a_share_of_nothing_selects_none_and_of_one_selects_all() -> None:
    keys = [str(number) for number in range(200)]
    assert not any(draw(SEED, "s", key, NEVER).is_selected for key in keys)
    assert all(draw(SEED, "s", key, ALWAYS).is_selected for key in keys)


def test_about_the_share_asked_for_is_selected() -> None:
    selected = sum(draw(SEED, "s", str(number), Decimal("0.02")).is_selected for number in range(20_000))
    assert 320 <= selected <= 480  # 400 expected; four standard deviations


def test_the_edge_is_exact() -> None:
    share = Decimal(draw(SEED, "s", "edge", NEVER).share)
    assert draw(SEED, "s", "edge", share).is_selected is False
    assert draw(SEED, "s", "edge", share + Decimal(2) ** -52).is_selected is True


@pytest.mark.parametrize("share", ["-0.01", "1.01"])
def test_a_share_outside_0_to_1_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw(SEED, "s", "k", Decimal(share))
