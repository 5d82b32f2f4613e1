"""Sharing an amount over lines: in whole cents, adding up, the largest fractions first."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tidewaiter.assessment.valuation import rounded, rounder, shares
from tidewaiter.regimes.law import Rounding

CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        ("10.00", ["1"], ["10.00"]),
        ("10.00", ["1", "1", "1"], ["3.34", "3.33", "3.33"]),
        ("0.05", ["30", "20", "10"], ["0.02", "0.02", "0.01"]),
        ("10.00", ["0", "0"], ["5.00", "5.00"]),
        ("0.01", ["0", "5"], ["0.00", "0.01"]),
        ("7.77", ["19.99", "0.01"], ["7.77", "0.00"]),
        ("0.00", ["1", "2"], ["0.00", "0.00"]),
    ],
)
def test_shares(amount: str, weights: list[str], expected: list[str]) -> None:
    assert [str(share) for share in shares(Decimal(amount), [Decimal(w) for w in weights], CENT)] == expected


@pytest.mark.parametrize(
    ("amount", "mode", "quantum", "expected"),
    [
        ("28.3760", "down", "0.01", "28.37"),
        ("20.2354", "half up", "0.01", "20.24"),
        ("0.125", "half even", "0.01", "0.12"),
        ("2.5", "half up", "1", "3"),
        ("1.23", "half up", "0.05", "1.25"),
        ("1.22", "half up", "0.05", "1.20"),
        ("1.29", "down", "0.05", "1.25"),
    ],
)
def test_rounding(amount: str, mode: str, quantum: str, expected: str) -> None:
    rounding = rounder(Rounding(mode, Decimal(quantum)))  # type: ignore[arg-type]
    assert str(rounded(Decimal(amount), rounding)) == expected
