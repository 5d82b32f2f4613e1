"""Money: a decimal amount that never travels without its currency."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Money(Struct, frozen=True, gc=False):
    """An amount in major units (euros, not cents) of one ISO 4217 currency."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency} without a rate")
        return other


def total(amounts: list[Money], currency: str) -> Money:
    """The sum of `amounts`, all in `currency`; zero for an empty list."""
    return sum(amounts, start=Money(Decimal(0), currency))
