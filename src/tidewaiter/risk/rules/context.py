"""What the rules of one day are compiled with: lists by name, the kinds of features, the scores there are, rates."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from msgspec import Struct

from tidewaiter.risk.rules.checking import Names
from tidewaiter.risk.rules.syntax import Kind


class Context(Struct, frozen=True, kw_only=True, dict=True):
    """Lists, features, scores and rates that rules may use.

    `lists` are texts by the list's name; `features` the kind of each; `scores` the names of scores; `rates` what one
    unit of each currency is in one common currency, whichever it is, for comparing amounts of different currencies:
    the regime's rates of the day. Without a rate such a comparison is missing.
    """

    lists: Mapping[str, tuple[str, ...]] = {}
    features: Mapping[str, Kind] = {}
    scores: frozenset[str] = frozenset()
    rates: Mapping[str, Decimal] = {}

    @cached_property
    def names(self) -> Names:
        """What rules are checked against."""
        return Names(lists=frozenset(self.lists), features=self.features, scores=self.scores)

    def rate(self, of: str, into: str) -> Fraction | None:
        """What one unit of a currency is in another, exactly; None where it is not known."""
        if of == into:
            return Fraction(1)
        one, other = self.rates.get(of), self.rates.get(into)
        return Fraction(one) / Fraction(other) if one and other else None
