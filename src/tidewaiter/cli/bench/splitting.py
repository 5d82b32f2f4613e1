"""`bench splitting`: how many parcels of split orders the history features find in the simulator's world, and how purely.

A parcel is pointed at when it, below the threshold itself, comes to more than the threshold together with others from the
same sender to the same address or phone within seven days: what the features say when it comes in. The first parcels of
an order cannot be known then; pointing at one opens the case of all that belong to it, and both are counted.
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.risk.history.identities import Keys
from tidewaiter.simulation.parameters import Kind, Parameters
from tidewaiter.simulation.world import Parcel, Size, World
from tidewaiter.store.happenings import Row, features

WEEKS: Final = 8
PARCELS: Final = 60_000
DAYS: Final = 7
SECRET: Final = b"bench"
_HEADER: Final = (
    "message_id",
    "position",
    "day",
    "household",
    "person",
    "phone",
    "consignor",
    "cents",
    "known",
    "ended",
)
_ASKED: Final = ("household_consignor", "phone_consignor")


class Report(Struct, frozen=True, kw_only=True):
    """One world. Shares of 1: of parcels pointed at as they come in, and of those in the cases so opened."""

    seed: int
    identities: str
    split_parcels: int
    precision_at_once: float
    recall_at_once: float
    precision: float
    recall: float


class _Seen(Struct, frozen=True):
    day: int
    keys: Keys
    cents: int
    is_split: bool


def run(seed: int, parameters: Parameters, *, is_noisy: bool, parcels: int = PARCELS) -> Report:
    """Make a world and look for split orders in it. Raises NoDuckDBError."""
    seen = [
        _Seen(day.toordinal(), Keys(parcel.declaration, SECRET), _cents(parcel), _is_split(parcel))
        for day, of_day in World(Size(seed, WEEKS, parcels), parameters, is_noisy=is_noisy).days()
        for parcel in of_day
    ]
    pointed = {
        place
        for place, row in enumerate(_rows(seen))
        if seen[place].cents <= parameters.threshold and _exceeds(seen[place].cents, row, parameters.threshold)
    }
    opened = _opened(seen, pointed, parameters.threshold)
    true = {place for place, each in enumerate(seen) if each.is_split}
    return Report(
        seed=seed,
        identities="noisy" if is_noisy else "clean",
        split_parcels=len(true),
        precision_at_once=_share(pointed & true, pointed),
        recall_at_once=_share(pointed & true, true),
        precision=_share(opened & true, opened),
        recall=_share(opened & true, true),
    )


def _exceeds(cents: int, row: Row, threshold: int) -> bool:
    return any(
        row.numbers.get(f"{asked}_parcels_7d", Decimal(0)) >= 1
        and cents + int(row.numbers[f"{asked}_value_7d"] * 100) > threshold
        for asked in _ASKED
    )


def _rows(seen: Sequence[_Seen]) -> Iterator[Row]:
    """The features of each, by the executor for whole periods."""
    with tempfile.TemporaryDirectory(prefix="tw-bench-") as folder:
        file = Path(folder) / "happenings.csv"
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(_HEADER)
            for position, each in enumerate(seen, 1):
                keys, day = each.keys, date.fromordinal(each.day)
                writer.writerow(
                    (1, position, day, keys.household, keys.person, keys.phone, keys.consignor, each.cents, 1, "")
                )
        yield from features(file)


def _opened(seen: Sequence[_Seen], pointed: set[int], threshold: int) -> set[int]:
    """Those pointed at, and the others from their senders to their addresses or phones in the days around."""
    together: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for place, each in enumerate(seen):
        for name in _pairs(each.keys):
            together[name].append(place)
    found = set(pointed)
    for place in pointed:
        for name in _pairs(seen[place].keys):
            found.update(
                other
                for other in together[name]
                if abs(seen[other].day - seen[place].day) < DAYS and seen[other].cents <= threshold
            )
    return found


def _pairs(keys: Keys) -> list[tuple[str, int, int]]:
    if keys.consignor is None:
        return []
    found = (("household", keys.household), ("phone", keys.phone))
    return [(name, key, keys.consignor) for name, key in found if key is not None]


def _cents(parcel: Parcel) -> int:
    price = parcel.declaration.prices_of_lines
    return int(price.amount * 100) if price is not None else 0


def _is_split(parcel: Parcel) -> bool:
    return parcel.truth is not None and parcel.truth.scheme is Kind.SPLITTING


def _share(part: set[int], whole: set[int]) -> float:
    return len(part) / len(whole) if whole else 0.0


def row(report: Report) -> dict[str, object]:
    """The report as a person reads it."""
    return {
        "seed": report.seed,
        "identities": report.identities,
        "split parcels": report.split_parcels,
        "precision at once": f"{report.precision_at_once:.3f}",
        "recall at once": f"{report.recall_at_once:.3f}",
        "precision of cases": f"{report.precision:.3f}",
        "recall of cases": f"{report.recall:.3f}",
    }
