"""What is known of a declaration beside itself when its risk is judged: looked up or worked out once, and kept.

Evidence keeps these values with the decision. A decision run again takes them from there, and asks neither the
history, which has gone on meanwhile, nor a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from tidewaiter.model.money import Money
from tidewaiter.risk.budgets import Spent
from tidewaiter.risk.history.definitions import definitions
from tidewaiter.risk.rules.catalogue import Value
from tidewaiter.risk.rules.syntax import Kind

AEO: Final = "aeo"  # the text that tells a trader's status as authorised economic operator
AEO_UNVOUCHED: Final = "aeo_unvouched"  # a status that was stated by a sender who may not speak for the trader


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one model says: a probability from 0 to 1, what is expected to be owed, and the words behind it.

    `name` is that of the score in rules (`score.NAME`), `model_digest` that of the model's canonical bytes. One on
    trial (`is_shadow`) decides nothing.
    """

    name: str
    model_digest: str
    probability: Decimal
    expected: Money | None = None
    words: tuple[str, ...] = ()
    is_shadow: bool = False


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Features by name (numbers, or texts such as the lists somebody is on) and scores; what is absent is missing."""

    numbers: dict[str, Decimal] = {}
    texts: dict[str, tuple[str, ...]] = {}
    scores: tuple[Score, ...] = ()
    history: int = 0  # the number of the last change of history when it was looked up; 0 where it was not
    spent: Spent | None = None  # what was counted of the office's day; None where the policy has no budget for it

    def features(self) -> Mapping[str, Value]:
        """The features as rules ask for them."""
        return {**self.numbers, **self.texts} if self.texts else self.numbers

    def probabilities(self) -> Mapping[str, Value]:
        """The scores as rules ask for them."""
        return {score.name: score.probability for score in self.scores}


NO_FACTS: Final = Facts()


def feature_kinds() -> Mapping[str, Kind]:
    """Every feature that a rule may name, with its kind."""
    return dict.fromkeys(definitions(), Kind.NUMBER)
