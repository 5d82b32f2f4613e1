"""Whatever happens to a declaration, in whatever order, certain things hold."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.decision import Decision, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger, after, decide, follow, may, standing
from tidewaiter.release.course import Standing

SETTINGS = settings(deadline=None, max_examples=150)
FREE = (State.RELEASED, State.CLEARED)
ENDS = (State.REJECTED, State.REFUSED, State.INVALIDATED)


class Facts(Struct, frozen=True):
    code: str = "H7"
    is_assessed: bool = True
    irg_hint: str = "2"
    claim: ClaimKind | None = None
    is_advance: bool = False


reasons = st.builds(
    Reason,
    reason_id=st.sampled_from(["a", "b"]),
    kind=st.sampled_from(ReasonKind),
    lane=st.sampled_from(Lane),
    words=st.just("Words."),
    permit_code=st.sampled_from(["", "C400"]),
    is_lifted=st.booleans(),
)


@st.composite
def decisions(draw: st.DrawFn, *, is_arrived: bool | None = None) -> tuple[Decision, bool]:
    found = tuple(draw(st.lists(reasons, max_size=3)))
    lane = max((r.lane for r in found if not r.is_lifted), key=lambda lane: lane.rank, default=Lane.GREEN)
    zero = Money(Decimal(0), "EUR")
    assessment = Assessment(
        jurisdiction_code="DK",
        legal_day=date(2026, 7, 1),
        regime_digest="",
        scheme="",
        intrinsic_value=zero,
        customs_value=zero,
        steps=(),
        charges=(),
        due=Money(draw(st.sampled_from([Decimal(0), Decimal("3.00")])), "EUR"),
        collected_at_sale=zero,
    )
    facts = Facts(is_assessed=draw(st.booleans()))
    decision = decide(
        Declaration(type_code=draw(st.sampled_from(["", "IMA", "IMD", "IMY"]))),
        dataset=facts,
        findings=(),
        assessment=assessment,
        judgement=Judgement(lane=lane, reasons=found, draw=Draw("", "", "0", "0", False), lists_digest=""),
        is_arrived=draw(st.booleans()) if is_arrived is None else is_arrived,
    )
    return decision, facts.is_assessed


@SETTINGS
@given(decisions())
def test_goods_are_free_only_without_holds(made: tuple[Decision, bool]) -> None:
    decision, is_assessed = made
    assert (decision.state in FREE) is (not decision.holds and decision.on_arrival is None)
    assert (decision.on_arrival is not None) is (decision.state is State.RECEIVED)
    assert (NoticeKind.CLEARED in decision.notices) is (decision.state is State.CLEARED)
    assert (NoticeKind.TAX_LIABILITY in decision.notices) is is_assessed
    assert len(set(decision.notices)) == len(decision.notices)


@SETTINGS
@given(decisions(), decisions(is_arrived=True), st.lists(st.integers(0, 99), max_size=12))
def test_every_walk_stays_on_the_table(
    first: tuple[Decision, bool], later: tuple[Decision, bool], choices: list[int]
) -> None:
    now = standing(first[0], is_assessed=first[1])
    for choice in choices:
        allowed = may(now.state)
        if not allowed:
            assert now.state in ENDS
            return
        trigger = allowed[choice % len(allowed)]
        step = follow(now, trigger, later[0])
        state = now.state
        for taken, reached in zip(step.triggers, step.states, strict=True):
            assert after(state, taken) is reached
            state = reached
        assert step.state is state is step.standing.state
        check(now, step.standing, step.notices)
        now = step.standing


def check(before: Standing, now: Standing, notices: tuple[NoticeKind, ...]) -> None:
    assert not set(now.open_holds) & set(now.settled_holds)
    waiting = {
        State.UNDER_CONTROL: HoldKind.EXAMINATION,
        State.AWAITING_DOCUMENTS: HoldKind.DOCUMENTS,
        State.AWAITING_PERMIT: HoldKind.PERMIT,
        State.AWAITING_PAYMENT: HoldKind.PAYMENT,
    }
    if now.state in waiting:
        assert waiting[now.state] in now.open_holds
    if now.state is State.CLEARED and before.state is not State.CLEARED:
        assert notices[-1] is NoticeKind.CLEARED
        assert (NoticeKind.AMENDED in notices) is now.is_amended


@SETTINGS
@given(decisions(is_arrived=False), st.data())
def test_settling_every_hold_clears_the_goods(made: tuple[Decision, bool], data: st.DataObject) -> None:
    decision, is_assessed = made
    now = standing(decision, is_assessed=is_assessed)
    if now.state is State.RECEIVED:
        return
    settle = {
        HoldKind.EXAMINATION: Trigger.EXAMINED_SATISFACTORY,
        HoldKind.DOCUMENTS: Trigger.DOCUMENTS_RECEIVED,
        HoldKind.PERMIT: Trigger.PERMIT_GRANTED,
        HoldKind.PAYMENT: Trigger.PAYMENT_RECEIVED,
    }
    for _ in range(len(HoldKind)):
        ready = [settle[kind] for kind in now.open_holds if settle[kind] in may(now.state)]
        if not ready:
            break
        now = follow(now, data.draw(st.sampled_from(ready))).standing
    assert now.state is State.CLEARED
