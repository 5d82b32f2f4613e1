"""Models of scores as they travel."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tidewaiter.model.outcome import RiskType
from tidewaiter.risk.scoring.card import Card
from tidewaiter.risk.scoring.drift import Band, Drift
from tidewaiter.risk.scoring.telling import LookedAt
from tidewaiter.workflow.drifting import DriftReport
from tidewaiter.workflow.model_records import KeptDrift, ModelEvent, ModelState, ModelVersion

CONTENT_MAX = 32_000_000  # characters of a model
CARD_MAX = 200_000
StepName = Literal["trial", "end_trial", "approve", "refuse", "retire"]
Why = Annotated[str, Meta(max_length=500, description="Why it is done")]
Code = Annotated[str, Meta(pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2; empty: everywhere")]


class ModelWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model to be registered."""

    name: Annotated[
        str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$", description="The score's name, as rules write it", examples=["ipr"])
    ]
    content: Annotated[str, Meta(max_length=CONTENT_MAX, description="model.json, as `score train` wrote it")]
    card: Annotated[str, Meta(max_length=CARD_MAX, description="card.json, which came with it; may be left out")] = ""
    words: Why = ""
    jurisdiction_code: Code = ""


class ModelStepWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A step to be taken with a model."""

    step: Annotated[StepName, Meta(description="approve: it decides from now on; trial: it decides nothing")]
    words: Why = ""


class DriftWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two periods of kept decisions, by legal day."""

    since: Annotated[date, Meta(description="The later period's first day")]
    until: Annotated[date, Meta(description="Its last day")]
    against_since: Annotated[date, Meta(description="The earlier period's first day")]
    against_until: Annotated[date, Meta(description="Its last day")]
    risk_type: Annotated[
        RiskType | None, Meta(description="What the score is of; none: what its name says, else anything")
    ] = None


class ModelShape(Struct, frozen=True):
    """A version of a model, without its content."""

    number: int
    name: str
    jurisdiction_code: Annotated[str, Meta(description="Empty: everywhere")]
    digest: Annotated[str, Meta(description="SHA-256 of its canonical bytes, by which decisions name it")]
    state: ModelState
    is_on_trial: Annotated[bool, Meta(description="Its scores are kept and decide nothing")]
    registered_by: str
    registered_at: datetime
    words: str

    @classmethod
    def of(cls, version: ModelVersion) -> ModelShape:
        """A version as it travels."""
        return cls(
            version.version_id, version.name, version.jurisdiction_code, version.digest, version.state,
            version.is_on_trial, version.registered_by, version.registered_at, version.words,
        )  # fmt: skip


class ModelPage(Struct, frozen=True):
    """Models, the latest first."""

    models: list[ModelShape]


class ModelStepShape(Struct, frozen=True):
    """A step that was taken."""

    step: str
    by: str
    words: str
    at: datetime

    @classmethod
    def all(cls, events: Iterable[ModelEvent]) -> list[ModelStepShape]:
        """Steps as they travel."""
        return [cls(each.step.value, each.actor, each.words, each.at) for each in events]


class BandShape(Struct, frozen=True):
    """Examined parcels of like probability: what the model promises of them, what was found."""

    low: Annotated[float, Meta(description="Probability from")]
    high: Annotated[float, Meta(description="Probability up to")]
    examined: int
    promised: Annotated[float | None, Meta(description="Share not in order by the model; none where none was examined")]
    found: Annotated[
        float | None, Meta(description="Share not in order, weighed by the inverse of the chance of a look")
    ]
    interval: Annotated[tuple[float, float] | None, Meta(description="Of what was found, 95 of 100")]
    is_off: Annotated[
        bool, Meta(description="What is promised lies outside, further than chance alone brings any of the bands")
    ]

    @classmethod
    def of(cls, band: Band) -> BandShape:
        """A band as it travels."""
        high = min(band.high, 1_000_000)
        return cls(band.low / 1e6, high / 1e6, band.examined, band.promised, band.found, band.interval, band.is_off)


class DriftShape(Struct, frozen=True):
    """What came out of comparing two periods."""

    by: str
    at: datetime
    since: date
    until: date
    against_since: date
    against_until: date
    is_calm: bool
    features: Annotated[list[Drift], Meta(description="Population stability; over 0.25 is a shift")]
    bands: list[BandShape]

    @classmethod
    def of(cls, kept: KeptDrift, report: DriftReport) -> DriftShape:
        """A look as it travels."""
        after, before = report.after, report.before
        return cls(
            kept.actor, kept.at, after.since, after.until, before.since, before.until, report.is_calm,
            list(report.features), [BandShape.of(each) for each in report.bands],
        )  # fmt: skip


class ModelDetail(Struct, frozen=True):
    """A model with its card, what its trees ask for, every step, and the looks at its drift, the latest first."""

    model: ModelShape
    card: Annotated[Card | None, Meta(description="None where it came without")]
    looks_at: list[LookedAt]
    steps: list[ModelStepShape]
    drifts: list[DriftShape]
