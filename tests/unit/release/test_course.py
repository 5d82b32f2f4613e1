"""Walking the state machine: whole lives of declarations, message by message."""

from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.model.decision import Decision, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TransitionError
from tidewaiter.model.judgement import Lane
from tidewaiter.release import Standing, Trigger, decide, follow, standing

S, T, N, H = State, Trigger, NoticeKind, HoldKind
REQUEST = [N.RECEIVED, N.REQUEST_GRANTED]


def decided(make: Any, *reasons: Any, due: str = "0", is_arrived: bool = True, is_assessed: bool = True) -> Decision:
    return decide(
        Declaration(),
        dataset=make.dataset(is_assessed=is_assessed),
        findings=(),
        assessment=make.assessment(due=due),
        judgement=make.judgement(*reasons),
        is_arrived=is_arrived,
    )


def test_announced_then_arrived(make: Any) -> None:
    announced = decided(make, is_arrived=False)
    assert list(announced.notices) == [N.RECEIVED, N.TAX_LIABILITY]
    step = follow(standing(announced, is_assessed=True), T.ARRIVED, decided(make))
    assert step.states == (S.ACCEPTED, S.CLEARED)
    assert list(step.notices) == [N.RECEIVED, N.ACCEPTED, N.TAX_LIABILITY, N.TAX_FINAL, N.CLEARED]


def test_announced_amended_arrived_where_nothing_is_assessed(make: Any) -> None:
    """The result of the amendment follows acceptance; it is not answered by itself."""
    announced = decided(make, is_arrived=False, is_assessed=False)
    before = standing(announced, is_assessed=False)
    amended = follow(before, T.AMENDED, announced)
    arrived = follow(amended.standing, T.ARRIVED, decided(make, is_assessed=False))
    assert [*announced.notices, *amended.notices, *arrived.notices] == [
        N.RECEIVED,
        N.RECEIVED,
        N.ACCEPTED,
        N.AMENDED,
        N.CLEARED,
    ]
    assert arrived.standing.is_amended


def test_announced_amended_where_charges_change(make: Any) -> None:
    announced = decided(make, is_arrived=False)
    step = follow(standing(announced, is_assessed=True), T.AMENDED, announced)
    assert step.state is S.RECEIVED
    assert list(step.notices) == [*REQUEST, N.TAX_LIABILITY]


def test_an_examination_is_told_only_when_the_goods_are_there(make: Any) -> None:
    red = make.reason(Lane.RED)
    announced = decided(make, red, is_arrived=False)
    assert N.CONTROL not in announced.notices
    assert (announced.state, announced.on_arrival) == (S.RECEIVED, S.UNDER_CONTROL)
    arrived = follow(standing(announced, is_assessed=True), T.ARRIVED, decided(make, red))
    assert arrived.state is S.UNDER_CONTROL
    assert list(arrived.notices) == [N.RECEIVED, N.ACCEPTED, N.TAX_LIABILITY, N.CONTROL]
    done = follow(arrived.standing, T.EXAMINED_SATISFACTORY)
    assert done.states == (S.ACCEPTED, S.CLEARED)
    assert list(done.notices) == [N.TAX_FINAL, N.CLEARED]


def test_documents_handed_in_before_arrival_are_not_asked_for_again(make: Any) -> None:
    yellow = make.reason(Lane.YELLOW)
    announced = decided(make, yellow, is_arrived=False)
    assert list(announced.notices) == [N.RECEIVED, N.TAX_LIABILITY, N.DOCUMENTS]
    handed_in = follow(standing(announced, is_assessed=True), T.DOCUMENTS_RECEIVED)
    assert (handed_in.state, handed_in.notices) == (S.RECEIVED, ())
    arrived = follow(handed_in.standing, T.ARRIVED, decided(make, yellow))
    assert arrived.state is S.CLEARED
    assert N.DOCUMENTS not in arrived.notices


def test_several_holds_are_told_at_once_and_worked_off_in_order(make: Any) -> None:
    decision = decided(
        make, make.reason(Lane.RED), make.reason(Lane.YELLOW), make.reason(Lane.YELLOW, permit_code="C400"), due="5"
    )
    assert decision.state is S.UNDER_CONTROL
    assert [hold.kind for hold in decision.holds] == [H.EXAMINATION, H.DOCUMENTS, H.PERMIT, H.PAYMENT]
    assert list(decision.notices) == [N.ACCEPTED, N.TAX_LIABILITY, N.CONTROL, N.DOCUMENTS]
    now = standing(decision, is_assessed=True)
    seen, told = [], []
    for trigger in (T.PAYMENT_RECEIVED, T.EXAMINED_SATISFACTORY, T.DOCUMENTS_RECEIVED, T.PERMIT_GRANTED):
        step = follow(now, trigger)
        seen.append(step.state)
        told += step.notices
        now = step.standing
    assert seen == [S.UNDER_CONTROL, S.AWAITING_DOCUMENTS, S.AWAITING_PERMIT, S.CLEARED]
    assert told == [N.TAX_FINAL, N.CLEARED]


@pytest.mark.parametrize(
    ("lane", "permit_code", "bad_news"),
    [
        (Lane.RED, "", T.EXAMINED_NOT_SATISFACTORY),
        (Lane.YELLOW, "C400", T.PERMIT_REFUSED),
        (Lane.YELLOW, "", T.REFUSED),
    ],
)
def test_goods_are_refused(make: Any, lane: Lane, permit_code: str, bad_news: Trigger) -> None:
    decision = decided(make, make.reason(lane, permit_code=permit_code))
    step = follow(standing(decision, is_assessed=True), bad_news)
    assert (step.state, list(step.notices)) == (S.REFUSED, [N.REFUSED])


def test_an_amended_version_is_looked_at_anew(make: Any) -> None:
    waiting = standing(decided(make, make.reason(Lane.YELLOW)), is_assessed=True)
    assert waiting.state is S.AWAITING_DOCUMENTS
    free = follow(waiting, T.AMENDED, decided(make))
    assert free.state is S.CLEARED
    assert list(free.notices) == [*REQUEST, N.TAX_LIABILITY, N.TAX_FINAL, N.AMENDED, N.CLEARED]
    worse = follow(waiting, T.AMENDED, decided(make, make.reason(Lane.RED)))
    assert worse.state is S.UNDER_CONTROL
    assert list(worse.notices) == [*REQUEST, N.TAX_LIABILITY, N.CONTROL]


def test_under_control_an_amendment_waits_for_an_officer(make: Any) -> None:
    control = standing(decided(make, make.reason(Lane.RED)), is_assessed=True)
    asked = follow(control, T.AMENDED, decided(make))
    assert (asked.state, list(asked.notices), asked.standing.is_amended) == (S.UNDER_CONTROL, [N.RECEIVED], False)
    granted = follow(asked.standing, T.AMENDMENT_GRANTED, decided(make, due="9"))
    assert granted.state is S.UNDER_CONTROL
    assert set(granted.standing.open_holds) == {H.EXAMINATION, H.PAYMENT}
    examined = follow(granted.standing, T.EXAMINED_SATISFACTORY)
    assert examined.state is S.AWAITING_PAYMENT
    paid = follow(examined.standing, T.PAYMENT_RECEIVED)
    assert list(paid.notices) == [N.TAX_FINAL, N.AMENDED, N.CLEARED]


def test_an_amendment_with_errors_leaves_the_old_version_standing(make: Any) -> None:
    before = standing(decided(make, is_arrived=False), is_assessed=True)
    step = follow(before, T.AMENDED, rejected(make))
    assert (step.state, list(step.notices), step.standing.is_amended) == (S.RECEIVED, [N.REJECTED], False)


def test_errors_that_show_at_arrival_reject(make: Any) -> None:
    before = standing(decided(make, is_arrived=False), is_assessed=True)
    assert follow(before, T.ARRIVED, rejected(make)).state is S.REJECTED


def rejected(make: Any) -> Decision:
    return decide(Declaration(), dataset=make.dataset(), findings=(), assessment=None, judgement=None, is_arrived=True)


def test_asking_for_information_holds_until_it_comes(make: Any) -> None:
    waiting = standing(decided(make, due="5"), is_assessed=True)
    asked = follow(waiting, T.INFORMATION_REQUESTED)
    assert (asked.state, list(asked.notices)) == (S.AWAITING_PAYMENT, [N.REQUEST])
    paid = follow(asked.standing, T.PAYMENT_RECEIVED)
    assert (paid.state, paid.notices) == (S.AWAITING_DOCUMENTS, ())
    assert follow(paid.standing, T.DOCUMENTS_RECEIVED).state is S.CLEARED


def test_after_clearance_the_sender_asks_and_an_officer_answers(make: Any) -> None:
    cleared = standing(decided(make), is_assessed=True)
    asked = follow(cleared, T.INVALIDATION_REQUESTED)
    assert (asked.state, list(asked.notices)) == (S.CLEARED, [N.RECEIVED])
    assert follow(asked.standing, T.INVALIDATION_GRANTED).state is S.INVALIDATED
    assert list(follow(asked.standing, T.REQUEST_REFUSED).notices) == [N.REQUEST_REFUSED]


@pytest.mark.parametrize("trigger", [T.ARRIVED, T.AMENDED, T.AMENDMENT_GRANTED])
def test_a_new_version_needs_its_decision(trigger: Trigger) -> None:
    with pytest.raises(TransitionError, match="needs a decision"):
        follow(Standing(state=S.RECEIVED), trigger)


def test_what_the_table_forbids_cannot_be_walked(make: Any) -> None:
    with pytest.raises(TransitionError):
        follow(standing(decided(make), is_assessed=True), T.EXAMINED_SATISFACTORY)
