"""Work beside budgets, and estimates of what is not in order, as they travel."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.workflow.budgets import Loaded
from tidewaiter.workflow.compliance import Estimate


class LoadShape(Struct, frozen=True, kw_only=True):
    """What one office was sent to look at on one day; each parcel counts once, for the first of what it is."""

    day: Annotated[date, Meta(description="Of receipt, in UTC")]
    office_id: Annotated[str, Meta(description="The office of lodgement")]
    flight: Annotated[str, Meta(description="Where told flight by flight: which one; none: none is named")]
    parcels: Annotated[int, Meta(description="All that were judged")]
    mandatory: Annotated[int, Meta(description="Looked at in any case")]
    chance: Annotated[int, Meta(description="Drawn by chance")]
    rules: Annotated[int, Meta(description="Sent by rules")]
    score: Annotated[int, Meta(description="Sent by scores")]
    looked_at: Annotated[int, Meta(description="All that were to be looked at")]
    budget: Annotated[int | None, Meta(description="What can be looked at; none: no policy in use says")]

    @classmethod
    def of(cls, load: Loaded) -> LoadShape:
        """The same, as it travels."""
        work = load.work
        return cls(
            day=load.day, office_id=load.office_id, flight=load.flight, parcels=work.parcels, mandatory=work.mandatory,
            chance=work.chance, rules=work.rules, score=work.score, looked_at=work.looked_at, budget=load.budget,
        )  # fmt: skip


class LoadPage(Struct, frozen=True):
    """Work of offices with a budget, day by day."""

    loads: Annotated[list[LoadShape], Meta(description="By day, office and flight")]


class EstimateShape(Struct, frozen=True, kw_only=True):
    """The share not in order among all parcels of one stream, with an interval of 95 in a hundred; shares are of 1."""

    name: Annotated[str, Meta(description="The stream, sender, chapter or day")]
    parcels: Annotated[int, Meta(description="All that came and were judged")]
    to_look_at: Annotated[int, Meta(description="Of these, to be looked at")]
    examined: Annotated[int, Meta(description="Of these, with an outcome")]
    irregular: Annotated[int, Meta(description="Of these, not in order")]
    missing: Annotated[int, Meta(description="To be looked at, without an outcome")]
    impossible: Annotated[int, Meta(description="Could not have been chosen: no estimate speaks of them")]
    beyond: Annotated[int, Meta(description="Examined though nothing sent them: not counted")]
    share: Annotated[float, Meta(description="The estimate; means nothing where none was examined")]
    low: Annotated[float, Meta(description="The interval's lower end")]
    high: Annotated[float, Meta(description="The interval's upper end")]
    least: Annotated[float, Meta(description="The share, were all without an outcome in order")]
    most: Annotated[float, Meta(description="The share, were none of them")]

    @classmethod
    def of(cls, found: Estimate) -> EstimateShape:
        """The same, as it travels."""
        return cls(
            name=found.name, parcels=found.parcels, to_look_at=found.to_look_at, examined=found.examined,
            irregular=found.irregular, missing=found.missing, impossible=found.impossible, beyond=found.beyond,
            share=found.interval.share, low=found.interval.low, high=found.interval.high, least=found.least,
            most=found.most,
        )  # fmt: skip


class EstimatePage(Struct, frozen=True):
    """Estimates by stream, those of most parcels first."""

    estimates: Annotated[list[EstimateShape], Meta(description="One for each")]
