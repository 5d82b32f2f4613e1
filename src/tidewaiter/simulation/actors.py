"""Who does wrong, and when: actors that begin, adapt and end."""

from __future__ import annotations

from msgspec import Struct

from tidewaiter.simulation.chance import Chance
from tidewaiter.simulation.parameters import Kind, Parameters


class Actor(Struct, frozen=True):
    """One actor of one scheme, at work from `begins` to `ends` (weeks from 0, both included)."""

    kind: Kind
    slot: int
    generation: int
    begins: int
    ends: int
    adapts_after: int

    @property
    def actor_id(self) -> str:
        """As it stands in the truth: scheme, slot and generation."""
        return f"{self.kind}-{self.slot}-{self.generation}"

    def phase(self, week: int) -> int:
        """How often it has changed its ways by then."""
        return max(0, week - self.begins) // self.adapts_after if self.adapts_after else 0


def actors(seed: int, parameters: Parameters, weeks: int) -> list[Actor]:
    """Every actor that is at work in one of the weeks, by scheme, slot and generation."""
    found = []
    for kind in Kind:
        scheme = parameters.schemes[kind]
        for slot in range(scheme.slots):
            chance = Chance(seed, "actors", kind, slot)
            # Where the scheme was there before the world begins, its first actors are somewhere in their lives.
            begins = scheme.from_week - (0 if scheme.from_week else chance.below(scheme.lives[0]))
            generation = 0
            while begins < weeks:
                ends = begins + chance.between(*scheme.lives) - 1
                if ends >= 0:
                    found.append(Actor(kind, slot, generation, begins, ends, scheme.adapts_after))
                begins = ends + 1 + chance.below(scheme.rests + 1)
                generation += 1
    return found
