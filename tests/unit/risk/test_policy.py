"""The selection policy is data, and strict."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tidewaiter.model.errors import LawDataError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk import load_policy
from tidewaiter.risk.policy import read_policy

FILE = 'title: t\nselection_share: "0.05"\nselection_lane: yellow\nquality_lane: blue\nquality_rules: ["a.b", "c.*"]\n'


def test_the_shipped_policy_draws_two_in_a_hundred() -> None:
    policy = load_policy()
    assert policy.selection_share == Decimal("0.02")
    assert policy.quality_lane is Lane.BLUE
    assert policy.heeds("description.vague")


def test_rules_are_named_whole_or_by_their_beginning() -> None:
    policy = read_policy(FILE.encode(), "policy.yaml")
    assert [policy.heeds(rule) for rule in ("a.b", "a.bc", "c.d", "c")] == [True, False, True, False]


@pytest.mark.parametrize(
    ("old", "new"), [("0.05", "1.5"), ("0.05", "-1"), ("title: t", "title: t\nshade: x"), ("blue", "mauve")]
)
def test_a_bad_policy_is_refused(old: str, new: str) -> None:
    with pytest.raises(LawDataError):
        read_policy(FILE.replace(old, new).encode(), "policy.yaml")
