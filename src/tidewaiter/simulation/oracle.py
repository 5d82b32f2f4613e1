"""What an examination finds. It is imperfect, the same each time it is asked, and answers for what is examined alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from tidewaiter.model.errors import NotFoundError
from tidewaiter.simulation.chance import Chance
from tidewaiter.simulation.parameters import Kind, Parameters

_PARCEL = re.compile(r"SW([0-9]{9,})", re.ASCII)


class Outcome(Struct, frozen=True):
    """Outcome of one examination: A1 satisfactory, B1 not satisfactory. `finding` is the scheme seen; "" with B1 is a
    false alarm.
    """

    parcel: str
    outcome: str
    finding: str = ""


class Oracle:
    """Examines parcels of one world. `truth` has the scheme of each parcel that is wrong."""

    def __init__(self, seed: int, parcels: int, parameters: Parameters, truth: Mapping[str, Kind]) -> None:
        self._seed = seed
        self._parcels = parcels
        self._parameters = parameters
        self._truth = truth

    def inspect(self, parcel_ids: Iterable[str]) -> list[Outcome]:
        """One outcome for each parcel, in the order given. Raises NotFoundError for what is no parcel of this world."""
        return [self._outcome(parcel_id) for parcel_id in parcel_ids]

    def _outcome(self, parcel_id: str) -> Outcome:
        match = _PARCEL.fullmatch(parcel_id)
        if match is None or not 1 <= int(match[1]) <= self._parcels:
            raise NotFoundError(
                f"there is no parcel “{parcel_id[:40]}” in this world",
                hint=f"Parcels are SW000000001 to SW{self._parcels:09d}.",
            )
        chance = Chance(self._seed, "examination", parcel_id)
        scheme = self._truth.get(parcel_id)
        if scheme is None:
            return Outcome(parcel_id, "B1" if chance.happens(self._parameters.false_alarms) else "A1")
        is_found = chance.happens(self._parameters.schemes[scheme].detected)
        return Outcome(parcel_id, "B1", scheme) if is_found else Outcome(parcel_id, "A1")
