"""A learned score: exact, refused where it leaks, and told in words."""

from __future__ import annotations

import random
from typing import Literal

import msgspec
import pytest

from tidewaiter.risk.scoring import (
    Chain,
    Level,
    ModelError,
    Recipe,
    digest_of,
    model_bytes,
    population_stability,
    read_model,
)
from tidewaiter.risk.scoring.drift import Told, bands_of
from tidewaiter.risk.scoring.training import Settings, Trained, train

RECIPE = Recipe("bad", (Chain("goods", (Level((("hs", 6),)), Level((("hs", 2),)))),), ("mass",))
SETTINGS = Settings(rounds=20, folds=3)


def rows() -> list[dict[str, str]]:
    chance = random.Random(7)
    found = []
    for _ in range(1500):
        chapter = chance.choice(["61", "85"])
        bad = chance.random() < (0.5 if chapter == "61" else 0.1)
        found.append(
            {"hs": f"{chapter}{chance.randrange(20):04}", "mass": str(chance.randrange(100)), "bad": str(int(bad))}
        )
    return found


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(rows(), RECIPE, SETTINGS)


def test_a_pattern_is_learnt_and_shuffled_labels_are_not(trained: Trained) -> None:
    assert trained.auc > 0.65
    assert abs(trained.shuffled_auc - 0.5) < 0.07


def test_the_same_rows_give_the_same_bytes_and_come_back(trained: Trained) -> None:
    again = train(rows(), RECIPE, SETTINGS)
    assert digest_of(again.model) == digest_of(trained.model)
    assert read_model(model_bytes(trained.model)) == trained.model


def test_unknown_goods_fall_back_to_their_chapter_and_reasons_say_so(trained: Trained) -> None:
    scored = trained.model.score({"hs": "619999", "mass": "5"})
    assert scored.probability > trained.model.score({"hs": "859999", "mass": "5"}).probability
    assert "hs 61" in scored.reasons[0].words


def test_whole_numbers_agree_with_the_trainer(trained: Trained) -> None:
    import numpy as np

    from tidewaiter.risk.scoring import training

    every = rows()
    data = training._Rows(every, RECIPE)
    at = np.arange(len(every))
    booster, tables, _ = training._fit(data, data.y, at, SETTINGS)
    told = booster.predict(data.matrix(tables, at), raw_score=True)
    ours = [trained.model.margin(trained.model.features(row)) / 1e9 for row in every]
    assert np.abs(told - ours).max() < 1e-7


def test_what_does_not_fit_is_refused(trained: Trained) -> None:
    with pytest.raises(ModelError, match="mass"):
        trained.model.score({"hs": "610000"})
    with pytest.raises(ModelError, match="no number"):
        trained.model.score({"hs": "610000", "mass": "heavy"})
    with pytest.raises(ModelError, match="not a model"):
        read_model(b"{}")


def test_copies_count_as_one_and_foretell_nothing() -> None:
    plain = rows()
    copied = [row | {"mass": f"{row['mass']}.{place}"} for place, row in enumerate(plain)]
    bad = [row for row in copied if row["bad"] == "1"]
    recipe = msgspec.structs.replace(RECIPE, group=("hs", "mass"))
    found = train([*copied, *(bad * 4)], recipe, SETTINGS)
    assert found.effective_rows == len(plain)
    assert found.model.base_rate == pytest.approx(train(copied, recipe, SETTINGS).model.base_rate, abs=2)
    assert found.plain_rate > found.model.base_rate / 1_000_000 + 0.2


def test_a_higher_rate_among_comparables_never_lowers_the_score_where_so_asked() -> None:
    model = train(rows(), RECIPE, msgspec.structs.replace(SETTINGS, rising=True, leaves=8)).model
    for mass in (0, 50_000_000, 99_000_000):
        margins = [model.margin([rate, mass]) for rate in range(0, 1_000_001, 5_000)]
        assert margins == sorted(margins)


def test_drift_is_told() -> None:
    calm = population_stability("x", range(1000), range(1000))
    assert calm.index == 0
    assert population_stability("x", range(1000), range(500, 1500)).shifted


@pytest.mark.parametrize(
    ("before", "after", "shifted"),
    [
        ([5] * 700, [5] * 120, False),
        ([5] * 700, [9] * 120, True),  # a score of few steps: what lies above its only value is not the same
        ([5] * 700, [1] * 120, True),
        ([1] * 90 + [2] * 10, [1] * 45 + [2] * 55, True),
        ([1] * 90 + [2] * 10, [1] * 44 + [2] * 6, False),
        (range(1000), range(0, 1000, 10), False),
    ],
)
def test_values_that_many_share_are_told_apart(
    before: list[int], after: list[int], shifted: Literal[True, False]
) -> None:
    assert population_stability("x", before, after).shifted is shifted


def test_bands_hold_what_was_found_against_what_is_promised() -> None:
    before = [100_000] * 50 + [500_000] * 50
    told = [Told(100_000, int(n % 10 == 0), 1.0) for n in range(200)] + [
        Told(500_000, int(n < 4), 1.0) for n in range(40)
    ]
    cheap, dear = [band for band in bands_of(before, told) if band.examined]
    assert (cheap.examined, cheap.promised, cheap.found, cheap.is_off) == (200, 0.1, 0.1, False)
    assert (dear.examined, dear.promised, dear.found, dear.is_off) == (40, 0.5, 0.1, True)
    # One that stands for many tells no more than one: the interval is wide.
    (_, one) = [band for band in bands_of(before, [Told(500_000, 1, 50.0), Told(100_000, 0, 1.0)]) if band.examined]
    assert one.interval is not None
    assert one.interval[0] < 0.05
    assert not one.is_off
    with pytest.raises(ModelError, match="earlier period"):
        bands_of([], told)


def test_a_model_that_keeps_its_promises_is_seldom_called_off() -> None:
    """Ten bands are ten chances to lie outside: all together they do in at most five of a hundred looks."""
    drawn = random.Random(7)
    promised = [50_000 * band for band in range(1, 11)]
    off = alone = 0
    for _ in range(200):
        told = [Told(p, int(drawn.random() < p / 1e6), 1.0) for p in promised for _ in range(400)]
        bands = bands_of(promised, told)
        off += any(band.is_off for band in bands)
        alone += any(
            not band.interval[0] <= (band.promised or 0) <= band.interval[1] for band in bands if band.interval
        )
    assert off <= 10
    assert alone > 30
