from __future__ import annotations

import hashlib
import itertools
import random
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.risk import Chance, load_policy
from tidewaiter.risk.facts import Score
from tidewaiter.risk.policy import Budget, Rates, ScoreStep, read_policy
from tidewaiter.risk.selection import (
    Candidate,
    Seen,
    Stratum,
    Volume,
    allocate,
    estimate,
    of_draw,
    planned,
    selected,
    share_of,
    strata_of,
)
from tidewaiter.risk.selection.allocating import Share
from tidewaiter.risk.selection.at_once import Circle, random_share
from tidewaiter.risk.selection.auditing import audit
from tidewaiter.risk.selection.draw_records import DayOfDraws, DrawRecord, PolicyTold, Source, record_of
from tidewaiter.risk.selection.estimating import joined

SHIPPED = load_policy()
POLICY = replace(
    SHIPPED,
    selection_share=Decimal("0.02"),
    minimum_share=Decimal("0.01"),
    scores={
        "undervaluation": (
            ScoreStep(from_probability=Decimal("0.3"), share=Decimal("0.2")),
            ScoreStep(from_probability=Decimal("0.7"), share=Decimal("0.9")),
        )
    },
    offices={"SMALL": Rates(rules=Decimal("0.5"), score=Decimal("0.25"), random=Decimal("0.001"))},
    aeo={"AEOF": Decimal("0.4")},
)
SEIZED = Reason(reason_id="list.x", kind=ReasonKind.WATCH_LIST, lane=Lane.RED, words="On a list.")


def chance(number: int) -> Chance:
    return Chance(b"s" * 32, "day", f"key {number}")


def rule(percent: int = 100, lane: Lane = Lane.RED, **more: bool) -> Reason:
    return Reason(reason_id=f"rule.r{percent}", kind=ReasonKind.RULE, lane=lane, words="W.", percent=percent, **more)


def score(probability: str, *, is_shadow: bool = False) -> Score:
    return Score(name="undervaluation", model_digest="", probability=Decimal(probability), is_shadow=is_shadow)


# --- at once -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasons", "scores", "circle", "expected"),
    [
        ((rule(25),), (), Circle(), "0.265"),  # 1 - 0.75 * 0.98
        ((rule(100),), (), Circle(), "1"),
        ((rule(100),), (), Circle("SMALL"), "0.505"),
        ((rule(25), rule(50)), (), Circle(), "0.6325"),
        ((), (score("0.5"),), Circle(), "0.216"),
        ((), (score("0.8"),), Circle(), "0.902"),
        ((), (score("0.8"),), Circle("SMALL", "AEOF"), "0.0991"),  # 1 - (1 - 0.9 * 0.25 * 0.4) * (1 - 0.01)
        ((SEIZED,), (score("0.8"),), Circle("SMALL", "AEOF"), "1"),
        ((rule(50, is_mandatory=True),), (), Circle("SMALL", "AEOF"), "1"),
    ],
)
def test_the_propensity_is_what_the_odds_come_to(
    reasons: tuple[Reason, ...], scores: tuple[Score, ...], circle: Circle, expected: str
) -> None:
    _, selection = selected(reasons, scores, POLICY, chance(1), circle)
    assert selection is not None
    assert selection.propensity == expected


def test_the_propensity_is_the_frequency_over_many_draws() -> None:
    hits, propensity = 0, Decimal(0)
    for number in range(4000):
        drawn = chance(number)
        told, selection = selected((rule(25),), (score("0.5"),), POLICY, drawn, Circle())
        assert selection is not None
        propensity = Decimal(selection.propensity)
        is_random = drawn.drawn("", random_share(POLICY, Circle())).is_selected
        hits += is_random or any(reason.lane is Lane.RED for reason in told)
    assert abs(hits / 4000 - float(propensity)) < 0.04  # five standard deviations


def test_what_is_not_drawn_stays_a_reason_and_says_so() -> None:
    told = [selected((rule(1),), (score("0.31"),), POLICY, chance(n), Circle())[0] for n in range(20)]
    missed = next(each for each in told if all(reason.lane is Lane.GREEN for reason in each))
    assert all("Not drawn" in reason.words for reason in missed)


def test_every_draw_can_be_made_again_from_seed_key_and_name() -> None:
    _, selection = selected((rule(25),), (score("0.5"),), POLICY, chance(7), Circle())
    assert selection is not None
    for odds in selection.odds:
        assert chance(7).drawn(odds.reason_id, Decimal(odds.draw.selection_share)) == odds.draw


def test_scores_on_trial_and_below_every_step_have_no_odds() -> None:
    assert selected((), (score("0.9", is_shadow=True), score("0.29")), POLICY, chance(1), Circle()) == ((), None)


def test_status_and_office_never_lower_chance_below_its_minimum_or_lift_what_is_mandatory() -> None:
    assert random_share(POLICY, Circle()) == Decimal("0.02")
    assert random_share(POLICY, Circle("SMALL")) == Decimal("0.01")
    assert random_share(POLICY, Circle("", "AEOF")) == Decimal("0.01")
    for number in range(200):
        told, _ = selected((SEIZED,), (), POLICY, chance(number), Circle("SMALL", "AEOF"))
        assert told == (SEIZED,)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("minimum_share: '2'", "minimum_share"),
        ("aeo: {AEOF: '0'}", "exempts from nothing"),
        (
            "scores: {u: [{from_probability: '0.5', share: '0.5'}, {from_probability: '0.9', share: '0.1'}]}",
            "less often",
        ),
        ("scores: {u: [{from_probability: '0.5', share: '1.5'}]}", "scores.u.share"),
        ("scores: {u: [{from_probability: '0', from_expected: {amount: '0', currency: EUR}, share: '1'}]}", "over 0"),
        (
            "scores: {u: [{from_probability: '0', from_expected: {amount: '9', currency: EUR}, share: '0.5'},"
            " {from_probability: '0', from_expected: {amount: '20', currency: EUR}, share: '0.4'}]}",
            "promises more",
        ),
        ("offices: {A: {rules: '-1'}}", "offices.A.rules"),
        ("offices: {A: {colour: '1'}}", "colour"),
    ],
)
def test_a_policy_that_would_be_unfair_or_impossible_is_refused(more: str, words: str) -> None:
    text = "title: t\nselection_share: '0.02'\nselection_lane: red\nquality_lane: blue\nquality_rules: []\n"
    assert read_policy(text.encode(), "p.yaml").selection_share == Decimal("0.02")
    with pytest.raises(LawDataError, match=words):
        read_policy(f"{text}{more}\n".encode(), "p.yaml")


@pytest.mark.parametrize(
    ("probability", "expected", "share"),
    [
        ("0.5", None, "0.2"),
        ("0.5", Money(Decimal(100), "EUR"), "0.8"),  # likely enough, and much to expect
        ("0.5", Money(Decimal(100), "GBP"), "0.2"),  # no rate of exchange decides
        ("0.5", Money(Decimal("49.99"), "EUR"), "0.2"),
        ("0.05", Money(Decimal(500), "EUR"), None),
        ("0.75", Money(Decimal(100), "EUR"), "0.9"),  # the likelihood alone asks for more
    ],
)
def test_what_is_expected_raises_a_share(probability: str, expected: Money | None, share: str | None) -> None:
    promising = ScoreStep(
        from_probability=Decimal("0.1"), from_expected=Money(Decimal(50), "EUR"), share=Decimal("0.8")
    )
    policy = replace(POLICY, scores={"undervaluation": (*POLICY.scores["undervaluation"], promising)})
    found = policy.step_of("undervaluation", Decimal(probability), expected)
    assert (None if found is None else found.share) == (None if share is None else Decimal(share))
    told, selection = selected((), (replace(score(probability), expected=expected),), policy, chance(1), Circle())
    if share == "0.8":
        assert "from 0.1, 50 EUR" in told[0].words
        assert "100 EUR expected" in told[0].words
        assert selection is not None
        assert selection.odds[0].draw.selection_share == "0.8"


def test_an_auditor_finds_the_odds_of_what_is_expected_again() -> None:
    text = (
        "title: t\nselection_share: '0.02'\nselection_lane: red\nquality_lane: blue\nquality_rules: []\n"
        "scores: {undervaluation: [{from_probability: '0.1', from_expected: {amount: '50', currency: EUR}, share: '0.8'}]}\n"
    )
    policy, seed = read_policy(text.encode(), "p.yaml"), b"s" * 32
    digest = hashlib.sha256(text.encode()).hexdigest()
    expected = (replace(score("0.2"), expected=Money(Decimal(60), "EUR")),)
    records = []
    for number in range(20):
        drawn = Chance(seed, "day", f"key {number}")
        reasons, selection = selected((), expected, policy, drawn, Circle())
        by_chance = drawn.drawn("", random_share(policy, Circle()))
        lanes = [*(each.lane for each in reasons), *([policy.selection_lane] if by_chance.is_selected else [])]
        lane = max(lanes, key=lambda each: each.rank)
        judgement = Judgement(lane=lane, reasons=reasons, draw=by_chance, lists_digest="", selection=selection)
        source = Source(declaration_id=number, version=1, policy_digest=digest, scores=expected)
        records.append(msgspec.json.decode(msgspec.json.encode(record_of(source, judgement)), type=DrawRecord))
    day = DayOfDraws(
        seed_id="day", drawn_for=date(2026, 7, 14), seed=seed.hex(), commitment=hashlib.sha256(seed).hexdigest(),
        committed_at=datetime(2026, 7, 13, tzinfo=UTC), decisions=len(records),
    )  # fmt: skip
    known = PolicyTold(digest=digest, text=text)
    found = audit(day, [known, *records])
    assert (found.reasoned, found.wrong) == (20, 0), found.problems
    less = (replace(records[0].scores[0], expected=Money(Decimal(40), "EUR")),)
    assert audit(day, [known, replace(records[0], scores=less), *records[1:]]).wrong > 0


def test_a_policy_without_promises_is_written_as_it_was() -> None:
    """Its bytes are named by digest in every decision: a step that asks for no amount has no such key."""
    assert b"from_expected" not in canonical_bytes(POLICY)


@given(
    strata=st.lists(
        st.tuples(st.sampled_from(["0.01", "0.02", "0.1", "1"]), st.integers(0, 60), st.integers(0, 60)), max_size=4,
        unique_by=lambda each: each[0],
    )
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_the_share_alone_is_that_of_the_estimate(strata: list[tuple[str, int, int]]) -> None:
    told = [Stratum(Decimal(p), 60, max(one, other), min(one, other)) for p, one, other in strata]
    assert share_of(told) == pytest.approx(estimate(told).share)


# --- planning ------------------------------------------------------------------------------------------------


def test_rates_are_planned_such_that_the_budget_is_kept_on_average() -> None:
    policy = replace(POLICY, budgets={"A": Budget(parcels=100, random=Decimal("0.1"))})
    volume = Volume(parcels=Decimal(10_000), mandatory=Decimal(20), rules=Decimal(40), score=Decimal(300))
    rates = planned(policy, {"A": volume}).rates_of("A")
    assert rates.random is not None
    random = rates.random * (volume.parcels - volume.mandatory)
    assert random >= 99  # the minimum of one in a hundred is more than a tenth of the budget: it holds
    used = volume.mandatory + random + rates.rules * volume.rules + rates.score * volume.score
    assert used <= 100 or rates.rules == rates.score == 0
    easy = planned(replace(policy, minimum_share=Decimal(0)), {"A": volume}).rates_of("A")
    assert easy.random == Decimal("0.0010")
    assert easy.rules == 1
    assert Decimal("0.09") < easy.score < Decimal("0.11")


def test_an_office_without_figures_keeps_its_rates() -> None:
    policy = replace(POLICY, budgets={"A": Budget(parcels=100)})
    assert planned(policy, {}).offices == policy.offices


# --- allocating ----------------------------------------------------------------------------------------------


def some(seed: int, count: int) -> list[Candidate]:
    rng = random.Random(seed)
    return [
        Candidate(
            parcel_id=f"P{n}",
            draw=Decimal(rng.randrange(10**9)).scaleb(-9),
            is_mandatory=rng.random() < 0.1,
            rule_priority=rng.randrange(3) if rng.random() < 0.3 else None,
            promise=Decimal(rng.randrange(4)),
        )
        for n in range(count)
    ]


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 30), st.integers(0, 20), st.sampled_from(["0", "0.1", "0.5", "1"]))
def test_the_budget_is_kept_and_chance_and_what_is_mandatory_have_their_part(
    seed: int, count: int, budget: int, share: str
) -> None:
    candidates = some(seed, count)
    chosen = allocate(candidates, budget, Decimal(share))
    by = Counter(each.share for each in chosen)
    mandatory = sum(each.is_mandatory for each in candidates)
    others = count - mandatory
    assert by[Share.MANDATORY] == mandatory
    assert by[Share.RANDOM] == min(-(-budget * int(Decimal(share) * 10) // 10), others)
    assert by[Share.RULES] + by[Share.SCORE] <= max(budget - mandatory - by[Share.RANDOM], 0)
    assert all(each.propensity >= Fraction(by[Share.RANDOM], others) for each in chosen if others)
    assert all(0 <= each.propensity <= 1 for each in chosen)
    assert [each.parcel_id for each in chosen] == [each.parcel_id for each in candidates]


def test_propensities_are_exact_over_every_order_of_the_draws() -> None:
    candidates = some(3, 6)
    budget, share = 3, Decimal("0.5")
    counted: Counter[str] = Counter()
    orders = list(itertools.permutations(range(6)))
    for order in orders:
        dealt = [replace(each, draw=Decimal(place).scaleb(-1)) for each, place in zip(candidates, order, strict=True)]
        for each in allocate(dealt, budget, share):
            counted[each.parcel_id] += each.share is not Share.NONE
    for each in allocate(candidates, budget, share):
        assert each.propensity == Fraction(counted[each.parcel_id], len(orders)), each


def test_rules_come_before_scores_and_the_more_promising_first() -> None:
    candidates = [
        Candidate(parcel_id="low", draw=Decimal("0.9"), promise=Decimal(1)),
        Candidate(parcel_id="high", draw=Decimal("0.8"), promise=Decimal(5)),
        Candidate(parcel_id="rule", draw=Decimal("0.7"), rule_priority=500),
        Candidate(parcel_id="first", draw=Decimal("0.6"), rule_priority=1),
    ]
    chosen = {each.parcel_id: each.share for each in allocate(candidates, 3, Decimal(0))}
    assert chosen == {"low": Share.NONE, "high": Share.SCORE, "rule": Share.RULES, "first": Share.RULES}


# --- estimating ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("irregular", "examined", "low", "high"),
    [(0, 20, 0.0, 0.1684), (10, 100, 0.0490, 0.1762), (20, 20, 0.8316, 1.0), (1, 1000, 0.0000253, 0.0055589)],
)
def test_the_exact_interval_is_that_of_the_tables(irregular: int, examined: int, low: float, high: float) -> None:
    """Clopper and Pearson's limits at 95 %, as published for these counts."""
    found = of_draw(irregular, examined)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_examinations_of_the_suspicious_do_not_bias_the_estimate() -> None:
    """Of 20,000 parcels 1 in 10 is suspicious and half of those irregular; all suspicious are looked at, 3 % of the others."""
    rng = random.Random(1)
    found = []
    for _ in range(20):
        frame = []
        for _ in range(20_000):
            suspicious = rng.random() < 0.1
            bad = rng.random() < (0.5 if suspicious else 0.02)
            propensity = Decimal(1) if suspicious else Decimal("0.03")
            frame.append(Seen(propensity, bad if rng.random() < propensity else None))
        strata = strata_of(frame)
        assert next(each.parcels for each in strata) > 17_000
        found.append(estimate(strata).share)
    assert sum(found) / len(found) == pytest.approx(0.068, abs=0.004)


def test_nothing_found_is_not_nothing_there() -> None:
    found = estimate([Stratum(Decimal("0.02"), 2500, 50, 0)])
    assert found.share == 0.0
    assert found.high > 0.05
    assert estimate([]).high == 1.0
    assert estimate([Stratum(Decimal("0.02"), 2500, 0, 0)]).high == 1.0
    with pytest.raises(ValueError, match="probability"):
        strata_of([Seen(Decimal(0))])
    with pytest.raises(ValueError, match="no share"):
        of_draw(3, 2)


def test_what_was_examined_whole_has_no_interval() -> None:
    found = estimate([Stratum(Decimal(1), 40, 40, 10)])
    assert (found.share, found.low, found.high) == (0.25, 0.25, 0.25)


def test_few_examinations_are_weighed_with_their_like_only() -> None:
    near = joined([Stratum(Decimal("0.010"), 300, 3, 1), Stratum(Decimal("0.012"), 4000, 48, 2)])
    assert near == [Stratum(Decimal("0.012"), 4300, 51, 3)]
    far = [Stratum(Decimal("0.010"), 300, 3, 1), Stratum(Decimal(1), 500, 500, 450)]
    assert joined(far) == far


def test_what_law_lists_and_others_ask_for_is_mandatory_where_nothing_else_points() -> None:
    draw = Draw("day", "key", "0.5", "0.02", is_selected=False)

    def judged(*reasons: Reason) -> Judgement:
        return Judgement(lane=Lane.RED, reasons=reasons, draw=draw, lists_digest="")

    lifted, audited = replace(SEIZED, is_lifted=True), replace(SEIZED, lane=Lane.BLUE)
    assert (judged(SEIZED).is_mandatory, judged(SEIZED).propensity) == (True, "1")
    for reason in (lifted, audited, replace(SEIZED, kind=ReasonKind.RANDOM)):
        assert (judged(reason).is_mandatory, judged(reason).propensity) == (False, "0.02")
