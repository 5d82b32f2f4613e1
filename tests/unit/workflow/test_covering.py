"""Why what is owed is not covered: held against what is free once the obligations before it took theirs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tidewaiter.revenue.guarantees import Cover
from tidewaiter.workflow.covering import objections
from unit.revenue.test_guarantees import DAY, DEFERMENT, D, cover
from unit.revenue.test_postings import obligation


class Granted:
    """The guarantees there are."""

    def __init__(self, *covers: Cover) -> None:
        self._covers = covers

    def of(self, parties: Sequence[str]) -> list[Cover]:
        return [each for each in self._covers if each.grant.party in parties]

    def named(self, guarantee_ids: Sequence[str]) -> list[Cover]:
        return [each for each in self._covers if each.grant.guarantee_id in guarantee_ids]


@pytest.mark.parametrize(
    ("granted", "numbers", "why"),
    [
        ([cover(limit=D("11.17"))], ["G1"], ["G1 does not have 6.00 EUR free."]),
        ([cover(limit=D("17.17"))], ["G1"], []),
        ([cover(limit=D("11.17")), cover(DEFERMENT, limit=D("6.00"))], ["G1"], []),
        ([cover(DEFERMENT, limit=D("16.00"))], ["D1"], ["D1 does not have 6.00 EUR free."]),
        (
            [cover(limit=D("11.17"))],
            [],
            ["No guarantee or account is granted to OP1 or AGENT that has 6.00 EUR free on 2026-07-14."],
        ),
        ([cover(party="OTHER")], ["G1"], ["No guarantee G1 is granted to OP1 or AGENT."] * 2),
    ],
)
def test_each_obligation_is_held_against_what_those_before_it_left(
    granted: list[Cover], numbers: list[str], why: list[str]
) -> None:
    owed = [obligation("3.00", "8.17"), obligation("2.00", "4.00", measure_id="obligation.other")]
    assert list(objections(owed, numbers, DAY, Granted(*granted))) == why
