"""The ways to select that are compared, and one seed gone through with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tidewaiter.cli.experiment.columns import Aim, Prepared
from tidewaiter.cli.experiment.features import features_of
from tidewaiter.cli.experiment.learning import Settings
from tidewaiter.cli.experiment.measuring import Figures, figures
from tidewaiter.cli.experiment.running import Plan, draws_of, run
from tidewaiter.simulation.parameters import Parameters

FULL: Final = "random lane 5 %"
_RARE: Final = Plan(name="rings", aim=Aim.RINGS, curious_first=Decimal("0.5"), settings=Settings(found_min=5))
PLANS: Final = (
    Plan(name=FULL),
    Plan(name="random lane 10 %", random_share=Decimal("0.1")),
    Plan(name="no random lane", random_share=Decimal(0)),
    Plan(name="weighed lane 5 %", is_weighed=True),
    Plan(name="weighed lane 10 %", random_share=Decimal("0.1"), is_weighed=True),
    Plan(name="without optimism", optimism=0.0),
    Plan(name="without links", uses_links=False),
    _RARE,
    replace(_RARE, name="rings, counts alone", uses_links=False),
    replace(_RARE, name="rings without links", uses_links=False, uses_shared=False),
    Plan(name="static from week 8", last_lesson=8),
    Plan(name="random only", uses_score=False),
    Plan(name="harm", aim=Aim.HARM),
    Plan(name="harm without links", aim=Aim.HARM, uses_links=False),
)


def compared(
    seed: int, world: Prepared, parameters: Parameters, plans: Sequence[Plan] = PLANS
) -> Iterator[tuple[str, Figures]]:
    """The figures of each plan on one world, as they come."""
    features = features_of(world.columns)
    draws = draws_of(seed, len(world.columns))
    for plan in plans:
        chosen = run(world.columns["day"], features, world.inspector(plan.aim), draws, plan)
        yield plan.name, figures(world, features, chosen, parameters, plan.aim)
