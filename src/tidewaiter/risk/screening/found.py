"""What screening says: how alike two names are, and the entry that a name is like, each with the words that speak for it."""

from __future__ import annotations

from msgspec import Struct


class Comparison(Struct, frozen=True, gc=False):
    """How alike, from 0 to 1, and the words that were taken for one another, in the order of the list's name."""

    score: float
    pairs: tuple[tuple[str, str, float], ...]


class Match(Struct, frozen=True, gc=False):
    """One entry that a name is like."""

    entry_id: str
    listed: str
    score: float
    pairs: tuple[tuple[str, str, float], ...]

    @property
    def words(self) -> str:
        """What speaks for it, in words."""
        told = ", ".join(
            f"“{one}” ~ “{other}” {alike:.2f}" if one != other else f"“{one}”" for one, other, alike in self.pairs
        )
        return f"alike to {self.score:.2f} with “{self.listed}”: {told}"
