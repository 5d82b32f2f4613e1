"""A score learnt from whoever was looked at: weighed by how likely they were to be, it tells of all; else of them alone."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Final

import pytest

from tidewaiter.model.judgement import Draw, Judgement, Lane, Odds, Reason, ReasonKind, Selection
from tidewaiter.risk.scoring import Chain, Level, ModelError, Recipe, model_bytes, read_model
from tidewaiter.risk.scoring.model import Amount, ScoreModel
from tidewaiter.risk.scoring.training import Settings, Trained, train
from tidewaiter.risk.selection.at_once import LOOKED_AT, chance_of

POPULATION: Final = 40_000
RANDOM: Final = 0.04  # of everybody
AIMED: Final = 0.6  # of those an officer's rule points at, by something that the score does not see
RED: Final = frozenset({Lane.RED})
RECIPE: Final = Recipe("bad", (Chain("goods", (Level((("hs", 4),)), Level((("hs", 2),)))),), ("price",))
SETTINGS: Final = Settings(rounds=40, folds=4, amount="owed", currency="EUR")

Row = dict[str, str]


@pytest.fixture(scope="module")
def world() -> list[Row]:
    """Parcels of which a tenth is pointed at by a rule; those are bad six times as often. Dear goods owe more."""
    chance = random.Random(11)
    found = []
    for _ in range(POPULATION):
        chapter, is_aimed = chance.choice(("61", "85")), chance.random() < 0.1
        price = chance.randrange(5, 150)
        is_bad = chance.random() < (0.06 if chapter == "61" else 0.02) * (6 if is_aimed else 1)
        propensity = 1 - (1 - RANDOM) * (1 - (AIMED if is_aimed else 0))
        found.append({
            "hs": f"{chapter}{chance.randrange(12):02}", "price": str(price), "bad": str(int(is_bad)),
            "owed": f"{price * chance.uniform(0.2, 0.6):.2f}" if is_bad else "0", "propensity": f"{propensity:.6f}",
            "seen": str(int(chance.random() < propensity)),
        })  # fmt: skip
    return found


@pytest.fixture(scope="module")
def weighted(world: list[Row]) -> Trained:
    return train([row for row in world if row["seen"] == "1"], weighing(), SETTINGS)


def weighing() -> Recipe:
    return Recipe("bad", RECIPE.chains, RECIPE.numbers, "propensity")


def mean_probability(model: ScoreModel, world: list[Row]) -> float:
    told = world[::8]
    return sum(model.score(row).probability for row in told) / len(told) / 1e6


def test_weighing_tells_the_rate_of_all_where_the_rows_alone_do_not(world: list[Row], weighted: Trained) -> None:
    truth = sum(row["bad"] == "1" for row in world) / len(world)
    plain = train([row for row in world if row["seen"] == "1"], RECIPE, SETTINGS)
    of_rows = plain.model.base_rate / 1e6
    assert of_rows > 2 * truth  # whoever was aimed at is most of what was seen
    assert weighted.model.base_rate / 1e6 == pytest.approx(truth, rel=0.15)
    assert mean_probability(plain.model, world) > 2 * truth
    assert mean_probability(weighted.model, world) == pytest.approx(truth, rel=0.2)
    assert weighted.plain_rate == pytest.approx(of_rows, abs=1e-6)
    assert weighted.effective_rows < weighted.rows


def test_expected_revenue_is_that_of_all(world: list[Row], weighted: Trained) -> None:
    truth = sum(Decimal(row["owed"]) for row in world) / len(world)
    told = world[::8]
    scored = [weighted.model.score(row) for row in told]
    expected = sum((Decimal(each.expected or 0) for each in scored), Decimal(0)) / 100 / len(told)
    assert float(expected) == pytest.approx(float(truth), rel=0.25)
    assert isinstance(weighted.model.amount, Amount)
    assert weighted.model.amount.trees  # dear goods owe more: trees foretell it better than the mean does
    cheap, dear = (weighted.model.score({"hs": "6101", "price": price}) for price in ("10", "140"))
    assert (dear.expected or 0) > 3 * (cheap.expected or 0)
    money = weighted.model.expected(dear)
    assert money is not None
    assert money.currency == "EUR"
    assert money.amount == Decimal(dear.expected or 0) / 100


def test_a_model_without_amounts_reads_and_writes_as_it_did(weighted: Trained) -> None:
    content = model_bytes(train(weighted_rows(), RECIPE, Settings(rounds=3)).model)
    assert b"amount" not in content
    assert model_bytes(read_model(content)) == content
    with_amount = model_bytes(weighted.model)
    assert read_model(with_amount) == weighted.model
    assert model_bytes(read_model(with_amount)) == with_amount


def weighted_rows() -> list[Row]:
    chance = random.Random(2)
    return [{"hs": "6101", "price": str(n), "bad": str(int(chance.random() < 0.3))} for n in range(200)]


def test_labels_that_tell_themselves_are_refused_even_weighed(
    world: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encodings that saw the label they are asked to foretell: with the outcomes shuffled these are foretold still."""
    from tidewaiter.risk.scoring import training

    real = training._held_out

    def leaking(data: training._Rows, y: object, part: object, chosen: Settings) -> object:
        return real(data, y, part, chosen) + 1e12 * y  # type: ignore[operator]

    monkeypatch.setattr(training, "_held_out", leaking)
    with pytest.raises(ModelError, match="labels shuffled"):
        train([row for row in world if row["seen"] == "1"], weighing(), Settings(rounds=3, folds=2))


def draw(share: str) -> Draw:
    return Draw("s", "k", "0.5", share, is_selected=False)


def judgement(lane: Lane, *reasons: Reason, selection: Selection | None = None) -> Judgement:
    return Judgement(lane=lane, reasons=reasons, draw=draw("0.02"), lists_digest="", selection=selection)


def reason(kind: ReasonKind, lane: Lane, reason_id: str = "r") -> Reason:
    return Reason(reason_id=reason_id, kind=kind, lane=lane, words="w")


@pytest.mark.parametrize(
    ("judged", "looked_at", "opened"),
    [
        (judgement(Lane.RED), "0.02", "0.02"),
        # The law's controls are certain although no selection says so.
        (judgement(Lane.RED, reason(ReasonKind.PROHIBITED, Lane.RED)), "1", "1"),
        (judgement(Lane.YELLOW, reason(ReasonKind.RESTRICTED, Lane.YELLOW)), "1", "0.02"),
        # A rule without odds is certain, one with odds is as likely as they say.
        (
            judgement(
                Lane.RED, reason(ReasonKind.RULE, Lane.RED), selection=Selection(propensity="1", is_mandatory=True)
            ),
            "1",
            "1",
        ),
        (
            judgement(
                Lane.YELLOW,
                reason(ReasonKind.RULE, Lane.YELLOW),
                selection=Selection(propensity="0.51", odds=(Odds("r", Lane.YELLOW, draw("0.5")),)),
            ),
            "0.51",
            "0.02",  # its goods are opened by chance alone, whatever is done with its papers
        ),
    ],
)
def test_chances_are_those_of_the_lane_that_could_have_shown_it(judged: Judgement, looked_at: str, opened: str) -> None:
    assert chance_of(judged, LOOKED_AT, Lane.RED) == Decimal(looked_at)
    assert chance_of(judged, RED, Lane.RED) == Decimal(opened)


def test_what_is_drawn_for_no_reason_counts_in_the_lane_it_goes_to() -> None:
    assert chance_of(judgement(Lane.GREEN), RED, Lane.YELLOW) == 0
    assert chance_of(judgement(Lane.GREEN), LOOKED_AT, Lane.YELLOW) == Decimal("0.02")
