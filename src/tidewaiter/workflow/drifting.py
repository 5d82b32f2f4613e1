"""Whether a model fits what comes in now, by two periods of kept decisions and what was examined in the later one.

    report = drift_of(store, model, Between(Period(…), Period(…), RiskType.UNDERVALUATION))

A period is read by an even sample of its decisions, the same every time it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.model.outcome import RiskType
from tidewaiter.risk.scoring import Drift, ModelError, ScoreModel, population_stability
from tidewaiter.risk.scoring.declared import row_of
from tidewaiter.risk.scoring.drift import Band, Told, bands_of
from tidewaiter.risk.scoring.scorer import Scorer
from tidewaiter.workflow.learning import LABEL, PROPENSITY, labelled_rows
from tidewaiter.workflow.trying import Period, TriedStore, Trier

SAMPLE: Final = 20_000  # decisions read of a period
BLOCKS: Final = 200  # blocks of evidence that these are taken from


class Between(Struct, frozen=True):
    """The earlier and the later period, by legal day, and the risk that the score is of (None: anything not in order).

    Examinations up to `learnt_until` are left out: a model knows the outcomes it was learnt from, and would seem to fit.
    """

    before: Period
    after: Period
    risk_type: RiskType | None = None
    learnt_until: date | None = None


class DriftReport(Struct, frozen=True, kw_only=True):
    """What was compared, the stability of each feature and of the score, and bands of likelihood with what was found."""

    before: Period
    after: Period
    risk_type: RiskType | None
    learnt_until: date | None = None
    read: tuple[int, int]  # decisions of each period
    features: tuple[Drift, ...]
    bands: tuple[Band, ...]

    @property
    def examined(self) -> int:
        """How many were examined: with none, nothing is known of what it promises."""
        return sum(each.examined for each in self.bands)

    @property
    def is_calm(self) -> bool:
        """Whether nothing shifted and nothing was found that the model does not promise."""
        return not any(each.shifted for each in self.features) and not any(each.is_off for each in self.bands)


class _Read(Struct, frozen=True):
    """A period as the model sees it: a column of values for each feature and the score, and probabilities."""

    columns: list[list[int]]
    probabilities: list[int]


def drift_of(store: TriedStore, model: ScoreModel, between: Between, sample: int = SAMPLE) -> DriftReport:
    """Compare the two periods. Raises ModelError where one of them has no decision that the model can be asked of."""
    scorer = Scorer(model)
    names = [*(chain.name for chain in model.recipe.chains), *model.recipe.numbers, "score"]
    before, after = (_read(store, scorer, period, sample) for period in (between.before, between.after))
    features = [
        population_stability(name, old, new)
        for name, old, new in zip(names, before.columns, after.columns, strict=True)
    ]
    return DriftReport(
        before=between.before, after=between.after, risk_type=between.risk_type, learnt_until=between.learnt_until,
        read=(len(before.probabilities), len(after.probabilities)), features=tuple(features),
        bands=bands_of(before.probabilities, list(_told(store, scorer, between))),
    )  # fmt: skip


def read_report(figures: bytes) -> DriftReport:
    """A report that was kept."""
    return msgspec.json.decode(figures, type=DriftReport)


def risk_type_of(name: str) -> RiskType | None:
    """The risk that a score of this name is of, where it is named after one."""
    return RiskType(name) if name in {each.value for each in RiskType} else None


def _read(store: TriedStore, scorer: Scorer, period: Period, sample: int) -> _Read:
    trier = Trier(store)
    columns: list[list[int]] = [
        [] for _ in range(len(scorer.model.recipe.chains) + len(scorer.model.recipe.numbers) + 1)
    ]
    probabilities = []
    for part in store.periods.sample(period, BLOCKS, sample):
        for decided in trier.decisions(part):
            declaration = trier.declaration(decided)
            if declaration is None:
                continue
            row = row_of(declaration, decided.kept.facts)
            scored = scorer.score(row)
            for column, value in zip(columns, (*scorer.model.features(row), scored.margin), strict=True):
                column.append(value)
            probabilities.append(scored.probability)
    if not probabilities:
        raise ModelError(f"nothing was decided from {period.since} to {period.until} that the model could be asked of")
    return _Read(columns, probabilities)


def _told(store: TriedStore, scorer: Scorer, between: Between) -> Iterator[Told]:
    """What was examined on the days of the later period, weighed by the inverse of its chance."""
    after = between.after
    first = after.since
    if between.learnt_until is not None:
        first = max(first, between.learnt_until + timedelta(1))
    since = datetime.combine(first, time(), UTC)
    until = datetime.combine(after.until + timedelta(1), time(), UTC)
    for row in labelled_rows(store, since, until, between.risk_type, after.jurisdiction_code):
        yield Told(scorer.score(row).probability, int(row[LABEL]), 1 / float(row[PROPENSITY]))
