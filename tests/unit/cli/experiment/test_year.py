"""A small year of selection: it learns from what was examined alone, and chance is all that is left of shuffled outcomes."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from tidewaiter.cli.experiment.columns import KINDS, RINGS, Aim, Columns, Inspector, Prepared, codes, mixed, prepared
from tidewaiter.cli.experiment.curiosity import Curiosity
from tidewaiter.cli.experiment.features import LINKED, Features, features_of, window
from tidewaiter.cli.experiment.learning import Known, Settings, learnt
from tidewaiter.cli.experiment.measuring import _best, figures, summary
from tidewaiter.cli.experiment.plans import FULL, PLANS
from tidewaiter.cli.experiment.running import DELAY, Plan, Run, draws_of, run
from tidewaiter.cli.output import UsageError
from tidewaiter.cli.simulate import _delayed
from tidewaiter.risk.history.definitions import definitions
from tidewaiter.simulation.parameters import Kind, shipped
from tidewaiter.simulation.world import Size

SIZE = Size(5, 24, 48_000)
PLAN = replace(
    PLANS[0], settings=Settings(found_min=6)
)  # twenty a week are examined here, eighty in the year that is reported


@cache
def world() -> Prepared:
    return prepared(SIZE, shipped())


@cache
def features() -> Features:
    return features_of(world().columns)


def gone_through(inspector: Inspector, plan: Plan = PLAN) -> Run:
    return run(world().columns["day"], features(), inspector, draws_of(SIZE.seed, SIZE.parcels), plan)


@cache
def year() -> tuple[Run, Inspector]:
    inspector = world().inspector()
    return gone_through(inspector), inspector


def test_one_of_a_hundred_is_examined_and_nothing_else_is_asked_for() -> None:
    told, inspector = year()
    assert len(told.at) == SIZE.parcels // 100
    assert len(np.unique(told.at)) == len(told.at)
    assert np.array_equal(np.flatnonzero(inspector.asked), np.sort(told.at))


def test_the_same_seed_examines_the_same() -> None:
    again = gone_through(world().inspector())
    told, _ = year()
    assert np.array_equal(again.at, told.at)
    assert np.array_equal(again.propensity, told.propensity)


def test_it_learns_and_with_outcomes_shuffled_it_does_not() -> None:
    """Outcomes dealt to other parcels tell nothing: if the share stayed, the truth would have come in another way.

    Without optimism, which needs no outcome: what is unusual and dear is found at once, whatever is learnt.
    """
    plan = replace(PLAN, optimism=0.0)
    told = gone_through(world().inspector(), plan)
    order = np.random.default_rng(1).permutation(SIZE.parcels)
    shuffled = Inspector(world().objected[order], world().truth.evaded[order])
    chance = gone_through(shuffled, plan)
    own = figures(world(), features(), told, shipped())
    other = figures(world(), features(), chance, shipped())
    assert (told.lane == 1).sum() > 100
    assert (chance.lane == 1).sum() > 100
    assert own.share > 0.25
    assert other.share < 0.1
    assert own.precision > 5 * other.precision


def test_what_is_told_of_a_parcel_depends_on_no_later_day() -> None:
    columns = world().columns
    early = int(np.searchsorted(columns["day"], 60))
    cut = features_of(Columns({name: values[:early] for name, values in columns.seen.items()}))
    for place, name in enumerate(cut.names):
        if name in ("stream", "marketplace"):  # names of groups, numbered anew
            continue
        assert np.allclose(cut.numbers[:, place], features().numbers[:early, place], rtol=1e-3, atol=1e-2), name


def test_outcomes_are_learnt_no_sooner_than_they_are_known() -> None:
    """Changing what examinations of the last days find changes nothing that is selected before it could be known."""
    told, _ = year()
    day = world().columns["day"]
    last = int(day.max())
    late = day >= last - DELAY
    altered = gone_through(Inspector(world().objected ^ late, world().truth.evaded))
    assert np.array_equal(altered.at, told.at)


def test_windows_count_as_the_definitions_say() -> None:
    columns = world().columns
    each = definitions()["household_consignor_value_7d"]
    key = mixed(columns["household"], columns["consignor"])
    count, total = window(key, columns["day"], each.days, columns["cents"])
    day = columns["day"]
    for at in np.flatnonzero(count > 0)[:50].tolist():
        same = (columns["household"] == columns["household"][at]) & (columns["consignor"] == columns["consignor"][at])
        same &= (day <= day[at]) & (day > day[at] - each.days)
        same[at] = False
        assert count[at] == same.sum()
        assert total[at] == columns["cents"][same].sum()
    assert (count > 0).any()


def test_the_oracle_itself_has_the_whole_share() -> None:
    best = _best(world().columns["day"] // 7, world().truth.evaded)
    perfect = Run(best, np.ones(len(best), dtype=np.int64), np.ones(len(best)))
    found = figures(world(), features(), perfect, shipped())
    assert found.share == 1
    assert found.share_by_day < 1.1
    assert found.precision == 1
    assert set(found.weeks_to_recover.values()) == {1}


def test_propensities_are_those_of_the_policy() -> None:
    told, _ = year()
    by_score = told.propensity[told.lane == 1]
    assert ((told.propensity > 0) & (told.propensity <= 1)).all()
    assert (by_score > 0.5).mean() > 0.8
    assert told.propensity[told.lane == 0].min() < 0.01


def test_too_few_outcomes_make_no_score() -> None:
    at = np.arange(30)
    nothing = Known(at, features().numbers[at], np.zeros(30, dtype=bool), np.zeros(30), np.ones(30))
    assert learnt(nothing, features(), ("product",), Settings()) is None


def test_plans_are_told_beside_the_full_one() -> None:
    told, _ = year()
    found = figures(world(), features(), told, shipped())
    rows = summary({FULL: [found, found], "other": [found]}, FULL)
    assert [(row.plan, row.seeds, row.points_to_full) for row in rows] == [(FULL, 2, 0), ("other", 1, 0)]


@pytest.mark.parametrize("pairs", [([1, 1, 2, 1], [3, 4, 3, 3])])
def test_pairs_are_told_apart(pairs: tuple[list[int], list[int]]) -> None:
    both = codes(mixed(np.array(pairs[0]), np.array(pairs[1])))
    assert both[0] == both[3]
    assert len(set(both.tolist())) == 3


def test_chance_gets_its_share_to_the_parcel() -> None:
    """A twentieth of two or three a day is not one a day: what is not yet a whole parcel waits."""
    told, _ = year()
    first = int(np.flatnonzero(told.lane == 1)[0])
    day = world().columns["day"][told.at]
    begun = day > day[first]
    assert begun.sum() > 200
    assert abs((told.lane[begun] == 0).sum() - 0.05 * begun.sum()) <= 1.5


def test_curiosity_falls_once_parcels_were_looked_at() -> None:
    day = world().columns["day"]
    curious = Curiosity(features(), day)
    at = np.flatnonzero(day == 70)
    curious.begin_week(70)
    before = curious.of(at)
    strange = at[np.argsort(-before)[:5]]
    curious.note(strange)
    after = curious.of(at)
    assert (before > 0).all()
    assert (after <= before + 1e-9).all()
    assert (curious.of(strange) < 1).all()
    assert before[np.isin(at, strange)].min() > 1


def test_curiosity_is_for_what_was_never_examined() -> None:
    """With every parcel of rings left out of what was examined, theirs is greater than that of others."""
    day, scheme = world().columns["day"], world().truth.scheme
    rings = np.isin(scheme, [KINDS.index(kind) for kind in RINGS])
    curious = Curiosity(features(), day)
    curious.begin_week(140)
    curious.note(np.flatnonzero((day >= 84) & (day < 140) & ~rings)[::40])
    at = np.flatnonzero(day >= 140)
    told = curious.of(at)
    assert rings[at].sum() > 20
    assert told[rings[at]].mean() > 2 * told[~rings[at]].mean()


def test_curiosity_looks_at_no_day_to_come() -> None:
    day = world().columns["day"]
    early = day < 77
    altered = replace(features(), numbers=np.where(early[:, None], features().numbers, 1e6))
    at = np.flatnonzero(day == 76)
    told = []
    for each in (features(), altered):
        curious = Curiosity(each, day)
        curious.begin_week(70)
        told.append(curious.of(at))
    assert np.array_equal(told[0], told[1])


def test_rings_are_worth_the_same_and_nothing_else_is() -> None:
    inspector = world().inspector(Aim.RINGS)
    found, cents = inspector.examine(np.arange(SIZE.parcels))
    kinds = {KINDS[place] for place in np.unique(world().truth.scheme[found]).tolist()}
    assert kinds == set(RINGS)
    assert set(cents[found].tolist()) == {100}
    assert not cents[~found].any()


def test_without_links_nothing_that_others_share_is_seen() -> None:
    """Shuffling every count over a shared address or phone changes nothing that this plan selects."""
    plan = replace(PLAN, uses_links=False, uses_shared=False)
    columns = [features().names.index(name) for name in LINKED]
    numbers = features().numbers.copy()
    numbers[:, columns] = np.random.default_rng(2).permutation(numbers)[:, columns]
    day, draws = world().columns["day"], draws_of(SIZE.seed, SIZE.parcels)
    first = run(day, features(), world().inspector(), draws, plan)
    second = run(day, replace(features(), numbers=numbers), world().inspector(), draws, plan)
    assert np.array_equal(first.at, second.at)


def test_weeks_to_recover_are_told_for_each_scheme() -> None:
    told, _ = year()
    late = replace(
        shipped(),
        schemes={**shipped().schemes, Kind.GIFT_ABUSE: replace(shipped().schemes[Kind.GIFT_ABUSE], from_week=15)},
    )
    found = figures(world(), features(), told, late)
    assert set(found.weeks_to_recover) == {"gift_abuse", "new_importers"}
    [row] = summary({"one": [replace(found, weeks_to_recover={"gift_abuse": 6, "new_importers": 7})]})
    assert row.recovered_in_time == "gift_abuse 1 of 1; new_importers 0 of 1"


def test_chance_by_weight_draws_as_many_and_leaves_nobody_out() -> None:
    """The score takes its part for certain; of chance's, what every parcel's odds are at least is a quarter of equal odds."""
    told = gone_through(world().inspector(), replace(PLAN, is_weighed=True, random_share=Decimal("0.5")))
    day = world().columns["day"]
    first = int(day[told.at[told.lane == 1][0]])
    late = day[told.at] > first
    by_chance = told.propensity[late & (told.lane == 0)]
    assert len(told.at) == SIZE.parcels // 100
    assert (told.propensity[told.lane == 1] == 1).all()
    assert len(by_chance) > 50
    assert by_chance.min() > 0
    assert by_chance.max() > 4 * np.median(by_chance)


@pytest.mark.parametrize("late", ["gift_abuse", "gifts=3", "gift_abuse=0", "gift_abuse=52", "gift_abuse=-1"])
def test_no_scheme_and_week_are_refused(late: str) -> None:
    with pytest.raises(UsageError, match="no scheme and week"):
        _delayed(shipped(), late, 52)


def test_a_late_scheme_begins_in_its_week_and_the_world_is_another() -> None:
    figures_of_world = _delayed(shipped(), "gift_abuse=3", 52)
    assert figures_of_world.schemes[Kind.GIFT_ABUSE].from_week == 3
    assert figures_of_world.digest != shipped().digest
    assert _delayed(shipped(), "", 52).digest == shipped().digest
    made = prepared(Size(2, 6, 6_000), figures_of_world)
    weeks = made.columns["day"][made.truth.scheme == KINDS.index(Kind.GIFT_ABUSE)] // 7
    assert set(weeks.tolist()) == {3, 4, 5}
