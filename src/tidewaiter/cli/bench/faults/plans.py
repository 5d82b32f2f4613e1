"""What a seed stands for: how many members, which of them lie, what the sequencer does, and how bad the weather is."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from tidewaiter.cli.bench.faults.world import Weather
from tidewaiter.simulation.chance import Chance

ORIGINS: Final = ("record.example/2026", "record.example/2026-2")
Manner = Literal["honest", "hands over", "dies", "two tongues", "breaks the rules", "makes entries up"]
MANNERS: Final[tuple[Manner, ...]] = (
    "honest", "hands over", "dies", "two tongues", "breaks the rules", "makes entries up",
)  # fmt: skip
WEIGHTS: Final = (44, 16, 12, 16, 7, 5)
"""What sequencers do, and how often in a hundred."""


class Plan(Struct, frozen=True):
    """One run's plan."""

    seed: int
    mirrors: int
    quorum: int
    liars: int
    gone: int
    manner: Manner
    weather: Weather
    submitters: int
    batches: int
    changes: int
    """How often members decide to change something, some of which take two decisions."""


def drawn(seed: int) -> Plan:
    """The plan of a seed: 3f + 1 mirrors with a quorum of 2f + 1, of which up to f lie or are gone."""
    chance = Chance("ledger-simulate", seed)
    tolerated = 2 if chance.happens(250_000) else 1
    faulty = chance.between(0, tolerated)
    liars = chance.between(0, faulty)
    manner: Manner = MANNERS[chance.weighed(WEIGHTS)]
    return Plan(
        seed=seed,
        mirrors=3 * tolerated + 1,
        quorum=2 * tolerated + 1,
        liars=liars,
        gone=faulty - liars,
        manner=manner,
        weather=Weather(
            drop=chance.one_of((0, 20_000, 100_000)),
            double=chance.one_of((0, 50_000, 150_000)),
            delay=chance.one_of((5, 40, 120)),
        ),
        submitters=chance.between(2, 3),
        batches=chance.between(10, 16) if manner in ("two tongues", "hands over") else chance.between(3, 8),
        changes=chance.one_of((0, 2, 3, 5)),
    )
