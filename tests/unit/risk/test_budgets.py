"""Rates of an office's day by what is left of its budget: chance and what is mandatory first, then rules, then scores."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.errors import LawDataError
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.risk import Chance, load_policy
from tidewaiter.risk.budgets import Shares, Spent, Usual, Work, rates_at, work_of
from tidewaiter.risk.facts import Score
from tidewaiter.risk.policy import Budget, Policy, Rates, ScoreStep, read_policy
from tidewaiter.risk.selection.at_once import Circle, full_shares, random_share, selected

POLICY = replace(
    load_policy(),
    selection_share=Decimal("0.02"),
    minimum_share=Decimal("0.01"),
    scores={"s": (ScoreStep(from_probability=Decimal("0.5"), share=Decimal(1)),)},
    budgets={"DK1": Budget(parcels=100, random=Decimal("0.1"))},
)
USUAL = Usual(mandatory=20, rules_wanted=50_000, score_wanted=60_000)


def rule(percent: int = 100, *, is_mandatory: bool = False, lane: Lane = Lane.RED) -> Reason:
    return Reason(
        reason_id=f"rule.{percent}",
        kind=ReasonKind.RULE,
        lane=lane,
        words="W.",
        percent=percent,
        is_mandatory=is_mandatory,
    )


@pytest.mark.parametrize(
    ("spent", "rules", "score"),
    [
        (Spent(), "1", "1"),  # no usual day: all until it is used
        (Spent(usual=USUAL), "1", "0.3333"),  # 100 - 10 by chance - 20 mandatory - 50 by rules leaves 20 of 60
        (Spent(work=Work(mandatory=20, rules=40, rules_wanted=40_000), usual=USUAL), "1", "0.3333"),
        (Spent(work=Work(mandatory=80), usual=USUAL), "0.2", "0"),
        (Spent(work=Work(mandatory=80, chance=10), usual=USUAL), "0.2", "0"),
        (Spent(usual=replace(USUAL, chance=25)), "1", "0.0833"),  # chance usually draws more than its share
        (Spent(work=Work(chance=25), usual=replace(USUAL, chance=25)), "1", "0.0833"),
        (Spent(work=Work(mandatory=90), usual=USUAL), "0", "0"),  # what is left is kept for chance
        (Spent(work=Work(mandatory=300), usual=USUAL), "0", "0"),
        (
            Spent(usual=USUAL, part=250),
            "1",
            "0.3",
        ),  # each has a fourth of what is left (whole parcels), and of what comes
        (Spent(usual=USUAL, part=250, own=Work(rules=10, rules_wanted=10_000)), "1", "0.3"),
        (Spent(part=250, own=Work(rules=21, rules_wanted=21_000)), "1", "1"),  # 22 of 90
        (Spent(part=250, own=Work(rules=22)), "0", "0"),
        (Spent(part=0), "0", "0"),
        (Spent(work=Work(rules=90)), "0", "0"),
        (Spent(work=Work(rules=89, rules_wanted=89_000)), "1", "1"),
    ],
)
def test_what_is_left_is_shared_in_order(spent: Spent, rules: str, score: str) -> None:
    found = rates_at(POLICY, "DK1", spent)
    assert (str(found.rules), str(found.score)) == (rules, score)


def test_without_a_budget_or_without_a_count_the_policys_rates_hold() -> None:
    policy = replace(POLICY, offices={"DK1": Rates(rules=Decimal("0.5"))})
    full = Spent(work=Work(mandatory=1000))
    assert rates_at(policy, "DK2", full) == Rates()
    assert rates_at(policy, "DK1", None) == Rates(rules=Decimal("0.5"))
    assert rates_at(policy, "DK1", Spent()) == Rates(rules=Decimal("0.5"))
    assert rates_at(policy, "DK1", full).rules == 0


def test_a_flight_that_has_had_its_share_waits_for_chance_alone() -> None:
    policy = replace(POLICY, budgets={"DK1": Budget(parcels=100, flight_parcels=3)})
    assert [str(rates_at(policy, "DK1", Spent(flight=n)).rules) for n in (0, 2, 3, 9)] == ["1", "1", "0", "0"]
    # Beside others, too: a fourth of three is less than a parcel, and one may be looked at all the same.
    among = [Spent(flight=n, own_flight=own, part=250) for n, own in ((0, 0), (0, 1), (2, 0), (3, 0))]
    assert [str(rates_at(policy, "DK1", spent).rules) for spent in among] == ["1", "0", "1", "0"]


@settings(max_examples=200, deadline=None)
@given(
    spent=st.builds(
        Spent,
        work=st.builds(Work, **dict.fromkeys(Work.__struct_fields__, st.integers(0, 100_000))),
        usual=st.builds(Usual, **dict.fromkeys(Usual.__struct_fields__, st.integers(0, 100_000))),
        own=st.builds(Work, rules=st.integers(0, 300), score=st.integers(0, 300), rules_wanted=st.integers(0, 300_000)),
        part=st.integers(0, 1000),
    ),
    percent=st.integers(1, 100),
)
def test_chance_and_what_is_mandatory_are_never_lowered_and_the_propensity_is_never_below_chance(
    spent: Spent, percent: int
) -> None:
    circle = Circle("DK1", "", spent)
    rates = rates_at(POLICY, "DK1", spent)
    assert 0 <= rates.rules <= 1
    assert 0 <= rates.score <= 1
    assert random_share(POLICY, circle) == Decimal("0.02")
    chance = Chance(b"s" * 32, "day", "key")
    _, selection = selected((rule(percent, is_mandatory=True),), (), POLICY, chance, circle)
    assert selection is not None
    assert selection.propensity == "1"
    _, selection = selected((rule(percent),), (), POLICY, chance, circle)
    assert selection is not None
    assert Decimal(selection.propensity) >= Decimal("0.02")


def run(policy: Policy, usual: Usual, parcels: int, every: int) -> Work:
    """A day: every so many parcels a rule points at one; what was counted is known at once."""
    work = Work()
    for number in range(parcels):
        drawn = Chance(b"s" * 32, "day", f"{number}")
        circle = Circle("DK1", "", Spent(work=work, usual=usual))
        pointed = (rule(),) if number % every == 0 else ()
        reasons, selection = selected(pointed, (), policy, drawn, circle)
        random = drawn.drawn("", random_share(policy, circle))
        lanes = [each.lane for each in reasons] + ([Lane.RED] if random.is_selected else [])
        lane = max(lanes, key=lambda each: each.rank, default=Lane.GREEN)
        judgement = Judgement(lane=lane, reasons=reasons, draw=random, lists_digest="", selection=selection)
        work += work_of(judgement, full_shares(judgement, (), policy, circle))
    return work


def test_a_day_keeps_its_budget_and_spreads_it_where_the_day_is_as_usual() -> None:
    usual = Usual(rules_wanted=500_000)
    done = run(POLICY, usual, 1000, 2)
    assert 480_000 <= done.rules_wanted <= 500_000
    assert done.rules + done.mandatory + max(done.chance, 10) <= 101
    assert done.rules >= 60


def test_a_day_of_twice_what_is_usual_keeps_it_as_well() -> None:
    done = run(POLICY, Usual(rules_wanted=250_000), 1000, 2)
    assert done.looked_at - done.chance + 10 <= 101
    assert done.chance >= 5  # chance goes on when the budget is used


def test_a_parcel_counts_once_for_the_first_of_what_it_is() -> None:
    draw = Draw("d", "k", "0.5", "0.02", is_selected=False)
    seized = Reason(reason_id="list.x", kind=ReasonKind.LIST, lane=Lane.RED, words="W.")
    shares = Shares(Decimal("0.5"), Decimal("0.25"))

    def counted(*reasons: Reason, is_selected: bool = False) -> Work:
        lane = max((each.lane for each in reasons), key=lambda each: each.rank, default=Lane.GREEN)
        lane = Lane.RED if is_selected else lane
        told = Judgement(lane=lane, reasons=reasons, draw=replace(draw, is_selected=is_selected), lists_digest="")
        return work_of(told, shares)

    wanted = {"parcels": 1, "rules_wanted": 500}
    assert counted(seized, rule()) == Work(parcels=1, mandatory=1)
    assert counted(rule(is_mandatory=True)) == Work(parcels=1, mandatory=1)
    assert counted(rule(), is_selected=True) == Work(**wanted, chance=1)
    assert counted(rule()) == Work(**wanted, rules=1)
    assert counted(replace(rule(), lane=Lane.GREEN)) == Work(**wanted)
    assert Work(mandatory=1, chance=2, rules=3, score=4).looked_at == 10


def test_full_odds_are_those_without_a_budget() -> None:
    circle = Circle("DK1", "", Spent(work=Work(mandatory=500)))
    scores = (Score(name="s", model_digest="", probability=Decimal("0.7")),)
    reasons, selection = selected((rule(40),), scores, POLICY, Chance(b"s", "d", "k"), circle)
    draw = Draw("d", "k", "0.5", "0.02", is_selected=False)
    judgement = Judgement(lane=Lane.GREEN, reasons=reasons, draw=draw, lists_digest="", selection=selection)
    assert full_shares(judgement, scores, POLICY, circle) == Shares(Decimal("0.4"), Decimal(1))


def test_full_odds_are_those_of_what_is_expected_as_well() -> None:
    step = ScoreStep(
        from_probability=Decimal("0.1"), from_expected=Money(Decimal(50), "EUR"), share=Decimal("0.8"), lane=Lane.RED
    )
    policy = replace(POLICY, scores={"s": (step,)})
    score = Score(name="s", model_digest="", probability=Decimal("0.2"), expected=Money(Decimal(60), "EUR"))
    draw = Draw("d", "k", "0.5", "0.02", is_selected=False)
    judgement = Judgement(lane=Lane.GREEN, reasons=(), draw=draw, lists_digest="")
    assert full_shares(judgement, (score,), policy, Circle("DK1")) == Shares(Decimal(0), Decimal("0.8"))


def test_a_budget_below_nothing_is_refused() -> None:
    text = b"title: T\nselection_share: '0'\nselection_lane: red\nquality_lane: blue\nquality_rules: []\n"
    with pytest.raises(LawDataError, match="fewer than no parcels"):
        read_policy(text + b"budgets: {DK1: {parcels: -1}}\n", "p")
