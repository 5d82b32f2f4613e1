"""How much of all is not in order, by stream, from what was examined: each parcel weighed by how likely it was to be.

    found = estimated(store, Period(since, until), By.STREAM)

The frame is every declaration of the period that was judged and whose goods came. An examination counts where the decision
sent the parcel to be looked at: what officers examined of their own accord has no probability that anybody knows. What was
to be looked at and has no outcome is told, with what the share would be were all of these in order, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.model.judgement import LOOKED_AT
from tidewaiter.risk.selection import Interval, Stratum, estimate, share_of
from tidewaiter.workflow.backtesting import spread
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.outcome_records import OutcomeBook
from tidewaiter.workflow.trying import DecidedBlock, Period, TriedStore, judged

NOT_COME: Final = frozenset((State.RECEIVED, State.AWAITING_ORIGINAL, State.APPLIED, State.REJECTED))


class By(StrEnum):
    """What parcels are put together by."""

    STREAM = "stream"  # jurisdiction and dataset
    SENDER = "sender"
    CHAPTER = "chapter"  # of the nomenclature, of the first line
    DAY = "day"  # legal
    ALL = "all"


class Standing(Struct, frozen=True):
    """A declaration as it stands, and what it is put together by."""

    name: str
    state: State


class Streams(Protocol):
    """Where declarations are put together."""

    def standing(self, declaration_ids: Sequence[int], by: str) -> Mapping[int, Standing]:
        """How these stand, with their stream, sender, chapter or day."""


class EstimatedStore(TriedStore, Protocol):
    """What estimating needs of a store."""

    @property
    def streams(self) -> Streams:
        """Where declarations are put together."""

    @property
    def outcomes(self) -> OutcomeBook:
        """What examinations found."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


class Estimate(Struct, frozen=True, kw_only=True):
    """The share of one stream that is not in order, and what it rests on; counts are parcels.

    `examined` of those that were `to_look_at`; `missing` have no outcome. `least` and `most` are the shares were all the
    missing in order, or none. `impossible` could not have been chosen and are in no estimate; `beyond` were examined though
    no draw or reason sent them.
    """

    name: str
    parcels: int
    to_look_at: int
    examined: int
    irregular: int
    missing: int
    impossible: int
    beyond: int
    interval: Interval
    least: float
    most: float


@dataclass
class _Counts:
    parcels: int = 0
    examined: int = 0
    irregular: int = 0
    missing: int = 0


@dataclass
class _Stream:
    impossible: int = 0
    beyond: int = 0
    strata: dict[Decimal, _Counts] = field(default_factory=dict)

    def add(self, other: _Stream) -> None:
        self.impossible += other.impossible
        self.beyond += other.beyond
        for propensity, counts in other.strata.items():
            mine = self.strata.setdefault(propensity, _Counts())
            mine.parcels += counts.parcels
            mine.examined += counts.examined
            mine.irregular += counts.irregular
            mine.missing += counts.missing


def estimated(
    store: EstimatedStore,
    period: Period,
    by: By,
    *,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[Estimate]:
    """The estimates of a period by stream, those of most parcels first. `on_progress` is called with parcels done so far."""
    found: dict[str, _Stream] = {}
    done = 0
    for part in spread(store, period, (store, by), handler, workers or workers_wanted()):
        for name, stream in part.items():
            found.setdefault(name, _Stream()).add(stream)
            done += sum(each.parcels for each in stream.strata.values())
        if on_progress is not None:
            on_progress(done)
    told = [_estimate(name, stream) for name, stream in found.items()]
    return sorted(told, key=lambda each: (-each.parcels, each.name))


def handler(store: EstimatedStore, by: By) -> Callable[[DecidedBlock], dict[str, _Stream]]:
    """What a worker process does with each block."""
    return lambda part: _counted(store, by, part)


def _counted(store: EstimatedStore, by: By, part: DecidedBlock) -> dict[str, _Stream]:
    found: dict[str, _Stream] = {}
    numbers = [number for number, _ in part.places]
    standing, outcomes = store.streams.standing(numbers, by.value), store.outcomes(numbers)
    for number, judgement in judged(store, part):
        stands = standing.get(number)
        if stands is None or stands.state in NOT_COME:
            continue
        stream = found.setdefault(stands.name, _Stream())
        propensity, is_irregular = Decimal(judgement.propensity), outcomes.get(number)
        if propensity <= 0:
            stream.impossible += 1
            continue
        counts = stream.strata.setdefault(propensity, _Counts())
        counts.parcels += 1
        if judgement.lane not in LOOKED_AT:
            stream.beyond += is_irregular is not None
        elif is_irregular is None:
            counts.missing += 1
        else:
            counts.examined += 1
            counts.irregular += is_irregular
    return found


def _estimate(name: str, stream: _Stream) -> Estimate:
    counts = stream.strata.values()
    missing, examined = sum(each.missing for each in counts), sum(each.examined for each in counts)

    def share(assumed: int) -> float:
        """Were the missing examined, and this share (0 or 1) of them not in order."""
        return share_of([
            Stratum(p, each.parcels, each.examined + each.missing, each.irregular + assumed * each.missing)
            for p, each in stream.strata.items()
        ])  # fmt: skip

    return Estimate(
        name=name,
        parcels=sum(each.parcels for each in counts) + stream.impossible,
        to_look_at=examined + missing,
        examined=examined,
        irregular=sum(each.irregular for each in counts),
        missing=missing,
        impossible=stream.impossible,
        beyond=stream.beyond,
        interval=estimate(
            [Stratum(p, each.parcels, each.examined, each.irregular) for p, each in stream.strata.items()]
        ),
        least=share(0),
        most=share(1),
    )
