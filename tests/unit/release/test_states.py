"""Every transition of the declaration's state machine, and every one that is forbidden."""

from __future__ import annotations

import itertools

import pytest

from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.errors import TransitionError
from tidewaiter.release import Trigger, after, may, mermaid
from tidewaiter.release.states import TABLE, When, transition

S, T, N = State, Trigger, NoticeKind

# Written out once more by hand, apart from the code: state, trigger → state. Everything else is forbidden.
ALLOWED: dict[State | None, dict[State, str]] = {
    None: {S.RECEIVED: "announced", S.ACCEPTED: "accepted", S.REJECTED: "rejected", S.AWAITING_ORIGINAL: "awaited"},
    S.AWAITING_ORIGINAL: {S.APPLIED: "applied", S.REJECTED: "rejected"},
    S.RECEIVED: {
        S.ACCEPTED: "arrived",
        S.RECEIVED: "amended amendment_rejected documents_received payment_received documents_requested"
        " information_requested permit_required payment_required permit_granted claimed",
        S.REJECTED: "rejected",
        S.INVALIDATED: "invalidation_requested",
        S.REFUSED: "refused permit_refused",
    },
    S.ACCEPTED: {
        S.ACCEPTED: "amended amendment_rejected documents_received payment_received permit_granted",
        S.UNDER_CONTROL: "examination_ordered",
        S.AWAITING_DOCUMENTS: "documents_requested information_requested",
        S.AWAITING_PERMIT: "permit_required",
        S.AWAITING_PAYMENT: "payment_required",
        S.RELEASED: "released",
        S.CLEARED: "cleared",
        S.INVALIDATED: "invalidation_requested",
        S.REFUSED: "refused permit_refused",
    },
    S.UNDER_CONTROL: {
        S.UNDER_CONTROL: "amended amendment_rejected amendment_granted invalidation_requested request_refused"
        " documents_received payment_received documents_requested information_requested permit_required"
        " payment_required permit_granted",
        S.ACCEPTED: "examined_satisfactory",
        S.INVALIDATED: "invalidation_granted",
        S.REFUSED: "refused permit_refused examined_not_satisfactory",
    },
    S.AWAITING_DOCUMENTS: {
        S.ACCEPTED: "amended documents_received claimed",
        S.AWAITING_DOCUMENTS: "amendment_rejected payment_received documents_requested information_requested"
        " permit_required payment_required permit_granted",
        S.UNDER_CONTROL: "examination_ordered",
        S.INVALIDATED: "invalidation_requested",
        S.REFUSED: "refused permit_refused",
    },
    S.AWAITING_PERMIT: {
        S.ACCEPTED: "amended permit_granted",
        S.AWAITING_PERMIT: "amendment_rejected payment_received documents_requested information_requested"
        " permit_required payment_required documents_received",
        S.UNDER_CONTROL: "examination_ordered",
        S.INVALIDATED: "invalidation_requested",
        S.REFUSED: "refused permit_refused",
    },
    S.AWAITING_PAYMENT: {
        S.ACCEPTED: "amended payment_received",
        S.AWAITING_PAYMENT: "amendment_rejected documents_requested information_requested permit_required"
        " payment_required documents_received permit_granted",
        S.UNDER_CONTROL: "examination_ordered",
        S.INVALIDATED: "invalidation_requested",
        S.REFUSED: "refused permit_refused",
    },
    S.RELEASED: {
        S.RELEASED: "amended amendment_rejected amendment_granted invalidation_requested request_refused payment_received",
        S.CLEARED: "cleared",
        S.INVALIDATED: "invalidation_granted",
    },
    S.CLEARED: {
        S.CLEARED: "amended amendment_rejected amendment_granted invalidation_requested request_refused",
        S.INVALIDATED: "invalidation_granted",
    },
    S.REJECTED: {},
    S.REFUSED: {},
    S.INVALIDATED: {},
}
BY_PAIR = {
    (state, Trigger(trigger)): to
    for state, row in ALLOWED.items()
    for to, triggers in row.items()
    for trigger in triggers.split()
}


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product([None, *State], Trigger)))
def test_every_pair_of_state_and_trigger(state: State | None, trigger: Trigger) -> None:
    to = BY_PAIR.get((state, trigger))
    if to is not None:
        assert after(state, trigger) is to
        assert trigger in may(state)
        return
    with pytest.raises(TransitionError) as caught:
        after(state, trigger)
    assert trigger.value in caught.value.detail
    assert caught.value.hint
    assert trigger not in may(state)


def test_every_state_can_be_reached_and_left_or_is_an_end() -> None:
    reached = {row.to for rows in TABLE.values() for row in rows.values()}
    assert reached == set(State)
    assert {state for state, row in TABLE.items() if not row} == {S.REJECTED, S.REFUSED, S.INVALIDATED, S.APPLIED}
    assert set(TABLE) == {None, *State}


@pytest.mark.parametrize("trigger", Trigger)
def test_every_trigger_is_used(trigger: Trigger) -> None:
    assert any(trigger in row for row in TABLE.values())


@pytest.mark.parametrize(
    ("state", "trigger", "assessed", "plain"),
    [
        (None, T.ANNOUNCED, [N.RECEIVED, N.TAX_LIABILITY], [N.RECEIVED]),
        (None, T.ACCEPTED, [N.ACCEPTED, N.TAX_LIABILITY], [N.ACCEPTED]),
        (None, T.REJECTED, [N.REJECTED], [N.REJECTED]),
        (S.RECEIVED, T.ARRIVED, [N.RECEIVED, N.ACCEPTED, N.TAX_LIABILITY], [N.RECEIVED, N.ACCEPTED]),
        (S.RECEIVED, T.AMENDED, [N.RECEIVED, N.REQUEST_GRANTED, N.TAX_LIABILITY], []),
        (S.RECEIVED, T.INVALIDATION_REQUESTED, [N.RECEIVED, N.REQUEST_GRANTED, N.REJECTED], None),
        (S.ACCEPTED, T.AMENDED, [N.RECEIVED, N.REQUEST_GRANTED, N.TAX_LIABILITY], [N.RECEIVED, N.REQUEST_GRANTED]),
        (S.ACCEPTED, T.CLEARED, [N.TAX_FINAL, N.CLEARED], [N.CLEARED]),
        (S.ACCEPTED, T.EXAMINATION_ORDERED, [N.CONTROL], None),
        (S.ACCEPTED, T.PERMIT_REQUIRED, [N.DOCUMENTS], None),
        (S.ACCEPTED, T.INVALIDATION_REQUESTED, [N.RECEIVED, N.REQUEST_GRANTED, N.INVALIDATED], None),
        (S.UNDER_CONTROL, T.AMENDED, [N.RECEIVED], None),
        (S.UNDER_CONTROL, T.EXAMINED_NOT_SATISFACTORY, [N.REFUSED], None),
        (S.CLEARED, T.INVALIDATION_REQUESTED, [N.RECEIVED], None),
        (S.CLEARED, T.INVALIDATION_GRANTED, [N.REQUEST_GRANTED, N.INVALIDATED], None),
        (S.CLEARED, T.REQUEST_REFUSED, [N.REQUEST_REFUSED], None),
    ],
)
def test_what_the_sender_is_told(
    state: State | None, trigger: Trigger, assessed: list[NoticeKind], plain: list[NoticeKind] | None
) -> None:
    told = transition(state, trigger).announcements
    assert [one.kind for one in told if one.when is not When.AMENDED] == assessed
    if plain is not None:
        assert [one.kind for one in told if one.when is When.ALWAYS] == plain


def test_the_result_of_an_amendment_comes_before_clearance() -> None:
    told = transition(S.ACCEPTED, T.CLEARED).announcements
    assert [one.kind for one in told] == [N.TAX_FINAL, N.AMENDED, N.CLEARED]


def test_the_diagram_shows_every_change_of_state() -> None:
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    arrows = {tuple(line.split(":")[0].split(" --> ")) for line in (line.strip() for line in lines[1:])}
    wanted = {
        (state.value if state else "[*]", row.to.value)
        for state, rows in TABLE.items()
        for row in rows.values()
        if row.to is not state
    }
    assert arrows == wanted | {(state, "[*]") for state in ("rejected", "refused", "invalidated", "applied")}
    assert "    received --> accepted: arrived" in lines
