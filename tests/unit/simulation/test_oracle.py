"""Examinations: imperfect, repeatable, and only of what is there."""

from __future__ import annotations

import pytest

from tidewaiter.model.errors import NotFoundError
from tidewaiter.simulation.oracle import Oracle
from tidewaiter.simulation.parameters import Kind, shipped

PARCELS = 4_000
WRONG = {f"SW{n:09d}": Kind.COUNTERFEIT for n in range(1, 2_001)}
ORACLE = Oracle(5, PARCELS, shipped(), WRONG)


def test_detection_is_imperfect_at_the_scheme_s_rate() -> None:
    outcomes = ORACLE.inspect(WRONG)
    found = [each for each in outcomes if each.outcome == "B1"]
    assert {each.finding for each in found} == {Kind.COUNTERFEIT}
    assert 0.75 < len(found) / len(outcomes) < 0.85


def test_of_what_is_right_few_are_called_wrong_and_no_scheme_is_named() -> None:
    outcomes = ORACLE.inspect(f"SW{n:09d}" for n in range(2_001, PARCELS + 1))
    assert sum(each.outcome == "B1" for each in outcomes) < 20
    assert not any(each.finding for each in outcomes)


def test_labels_are_for_what_is_examined_alone_and_stay() -> None:
    asked = ["SW000000003", "SW000002500"]
    first = ORACLE.inspect(asked)
    assert [each.parcel for each in first] == asked
    assert ORACLE.inspect(reversed(asked)) == first[::-1]


@pytest.mark.parametrize("parcel", ["SW000000000", "SW000004001", "X1", "", "SW00000000٣"])
def test_a_parcel_of_no_such_world_is_refused(parcel: str) -> None:
    with pytest.raises(NotFoundError, match="no parcel"):
        ORACLE.inspect([parcel])
