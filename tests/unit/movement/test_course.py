"""The course of a movement: the table, late and doubled telling, what is taken back; and the rules, each by its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tidewaiter.model.finding import Severity
from tidewaiter.movement import Circumstances, Moved, MovementState, Point, Step, course, find, rules
from tidewaiter.movement.registry import RuleError, rule
from tidewaiter.movement.steps import TABLE, after, mermaid

START = datetime(2026, 6, 1, 8, tzinfo=UTC)
HARWICH, ESBJERG = Point(51.9612, 1.3511), Point(55.4666, 8.4515)


def moved(step: Step, hours: float, **more: Any) -> Moved:
    at = START + timedelta(hours=hours)
    return Moved(
        **{"event_id": f"{step}-{hours}", "step": step, "happened_at": at, "recorded_at": at + timedelta(minutes=1)}
        | more
    )


def found(*told: Moved, **more: Any) -> list[str]:
    given = {"at": START + timedelta(days=2)} | more
    return [each.rule_id for each in find(course(told), Circumstances(**given))]


@pytest.mark.parametrize(
    ("state", "step", "reached"),
    [
        (MovementState.ANNOUNCED, Step.LOADED, MovementState.LOADED),
        (MovementState.ANNOUNCED, Step.ARRIVED, MovementState.ARRIVED),
        (MovementState.DEPARTED, Step.LOADED, MovementState.LOADED),
        (MovementState.PRESENTED, Step.EXAMINED, MovementState.UNDER_EXAMINATION),
        (MovementState.RELEASED, Step.DELIVERED, MovementState.DELIVERED),
        (MovementState.RELEASED, Step.PRESENTED, None),
        (MovementState.DELIVERED, Step.ARRIVED, None),
        (MovementState.DELIVERED, Step.RETURNED, MovementState.RETURNED),
        (MovementState.EXITED, Step.DELIVERED, None),
        (MovementState.DESTROYED, Step.RETURNED, None),
        (MovementState.DESTROYED, Step.SEAL_OPENED, MovementState.DESTROYED),
        (MovementState.LOST, Step.ARRIVED, MovementState.ARRIVED),
    ],
)
def test_the_table(state: MovementState, step: Step, reached: MovementState | None) -> None:
    assert after(state, step) is reached


def test_each_state_has_its_row_and_the_diagram_names_it() -> None:
    assert set(TABLE) == set(MovementState)
    assert all(state.value in mermaid() for state in MovementState)


def test_what_is_told_late_stands_where_it_happened() -> None:
    late = moved(Step.DEPARTED, 1, recorded_at=START + timedelta(days=1))
    way = course([moved(Step.ARRIVED, 9), late, moved(Step.LOADED, 0)])
    assert [each.moved.step for each in way.passed] == [Step.LOADED, Step.DEPARTED, Step.ARRIVED]
    assert way.state is MovementState.ARRIVED


def test_what_is_told_as_still_to_come_is_shown_and_has_not_the_last_word() -> None:
    ahead = moved(Step.DELIVERED, 900, recorded_at=START)
    way = course([ahead, moved(Step.ARRIVED, 1)])
    assert [(each.moved.step, each.after) for each in way.passed] == [
        (Step.ARRIVED, MovementState.ARRIVED), (Step.DELIVERED, None),
    ]  # fmt: skip
    assert (way.state, way.last_at()) == (MovementState.ARRIVED, START + timedelta(hours=1))
    assert "movement.impossible_order" not in found(ahead, moved(Step.ARRIVED, 1))
    assert course([moved(Step.ARRIVED, 1, recorded_at=START + timedelta(minutes=56))]).state is MovementState.ARRIVED


def test_what_is_taken_back_counts_no_more_whether_told_before_or_after() -> None:
    wrong = moved(Step.DELIVERED, 5)
    void = replace(wrong, is_void=True, recorded_at=START + timedelta(days=1))
    for told in ([moved(Step.ARRIVED, 1), wrong, void], [void, wrong, moved(Step.ARRIVED, 1)]):
        way = course(told)
        assert way.state is MovementState.ARRIVED
        assert [each.event_id for each in way.undone] == [wrong.event_id]


def test_what_cannot_follow_changes_no_state_and_is_kept() -> None:
    way = course([moved(Step.DELIVERED, 1), moved(Step.ARRIVED, 2)])
    assert way.state is MovementState.DELIVERED
    assert way.passed[-1].after is None


GOOD = (moved(Step.LOADED, 0), moved(Step.DEPARTED, 1), moved(Step.ARRIVED, 5), moved(Step.PRESENTED, 6))


def test_a_way_in_order_has_nothing_to_say() -> None:
    told = (*GOOD, moved(Step.RELEASED, 8), moved(Step.DELIVERED, 20))
    assert found(*told, released_at=START + timedelta(hours=8)) == []


@pytest.mark.parametrize(
    ("rule_id", "told", "more"),
    [
        ("movement.delivered_before_release", (*GOOD, moved(Step.DELIVERED, 7)), {"released_at": START + timedelta(hours=8)}),
        ("movement.delivered_before_release", (*GOOD, moved(Step.DELIVERED, 7)), {}),
        ("movement.exit_without_release", (*GOOD, moved(Step.EXITED, 7)), {}),
        ("movement.presented_after_release", GOOD, {"released_at": START + timedelta(hours=2)}),
        (
            "movement.released_before_arrival",
            (moved(Step.DEPARTED, 0), moved(Step.RELEASED, 1)),
            {"released_at": START},
        ),
        ("movement.release_unknown", (*GOOD, moved(Step.RELEASED, 7)), {}),
        (
            "movement.arrived_after_delivery",
            (*GOOD, moved(Step.DELIVERED, 9), moved(Step.ARRIVED, 10)), {"released_at": START + timedelta(hours=8)},
        ),
        ("movement.impossible_order", (moved(Step.DESTROYED, 1), moved(Step.LOADED, 2)), {}),
        ("movement.in_the_future", (moved(Step.ARRIVED, 5, recorded_at=START),), {}),
        ("movement.quiet", GOOD, {"at": START + timedelta(days=15)}),
        ("movement.lost", (*GOOD, moved(Step.LOST, 7)), {}),
        ("movement.seal_alarm", (*GOOD, moved(Step.SEAL_ALARM, 7, device_id="s-1")), {}),
        ("movement.seal_opened", (moved(Step.DEPARTED, 1), moved(Step.SEAL_OPENED, 3)), {}),
        (
            "movement.two_places",
            (moved(Step.SEEN, 1, point=HARWICH), moved(Step.SEEN, 1.1, point=ESBJERG)), {},
        ),
        (
            "movement.two_places",
            (moved(Step.SEEN, 1, place="urn:epc:id:sgln:0614141.07346.1"), moved(Step.ARRIVED, 1, place="urn:x:2")), {},
        ),
    ],
)  # fmt: skip
def test_each_rule_sees_its_case(rule_id: str, told: tuple[Moved, ...], more: dict[str, Any]) -> None:
    assert found(*told, **more) == [rule_id]


def test_storage_for_more_than_ninety_days_is_told_beside_the_quiet() -> None:
    assert found(*GOOD, at=START + timedelta(days=91)) == ["movement.quiet", "movement.stored_too_long"]


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ((*GOOD, moved(Step.EXITED, 7)), {"is_closed": True}),
        ((*GOOD, moved(Step.RETURNED, 6.5), moved(Step.EXITED, 7)), {}),
        ((*GOOD, moved(Step.SEAL_OPENED, 7)), {"controlled_at": START + timedelta(hours=6)}),
        ((*GOOD, moved(Step.SEAL_OPENED, 9)), {"released_at": START + timedelta(hours=8)}),
        ((moved(Step.SEEN, 1, point=HARWICH), moved(Step.SEEN, 2.5, point=ESBJERG)), {}),
        ((moved(Step.SEEN, 1, point=HARWICH), moved(Step.SEEN, 1, point=replace(HARWICH, latitude=51.97))), {}),
        ((moved(Step.ARRIVED, 1, place="a"), moved(Step.PRESENTED, 1.1, place="b")), {}),
        ((*GOOD, moved(Step.LOST, 7), moved(Step.PRESENTED, 9)), {}),
    ],
)
def test_what_may_be_is_not_told(told: tuple[Moved, ...], more: dict[str, Any]) -> None:
    assert found(*told, **more) == []


def test_what_was_done_on_an_event_taken_back_is_told_and_not_undone() -> None:
    arrived = moved(Step.ARRIVED, 5)
    void = replace(arrived, is_void=True)
    (finding,) = find(
        course([arrived, void]), Circumstances(at=START, acted_on={arrived.event_id: "arrival confirmed"})
    )
    assert (finding.rule_id, finding.severity) == ("movement.taken_back", Severity.WARNING)
    assert "arrival confirmed" in finding.words
    assert found(arrived, void) == []


def test_rules_say_what_they_are_and_a_rule_without_words_or_source_is_refused() -> None:
    assert all(each.words and each.source for each in rules())
    assert {each.rule_id for each in rules() if each.holds} == {
        "movement.delivered_before_release", "movement.exit_without_release", "movement.lost", "movement.seal_alarm",
        "movement.seal_opened", "movement.two_places",
    }  # fmt: skip

    def wordless(way: Any, circumstances: Any) -> list[Any]:
        return []

    with pytest.raises(RuleError, match="docstring"):
        rule("movement.x", Severity.INFO, source="own")(wordless)
    wordless.__doc__ = "Words."
    with pytest.raises(RuleError, match="source"):
        rule("movement.x", Severity.INFO, source=" ")(wordless)
