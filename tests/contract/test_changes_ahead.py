"""Amendments and withdrawals that overtake the declaration they are for: kept, carried out when it comes, or refused."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction
from tidewaiter.model.errors import NotFoundError
from tidewaiter.release import Trigger
from tidewaiter.risk import WatchListEntry
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import ahead, processing, replay
from tidewaiter.workflow.ahead import NEVER_CAME, refuse_expired
from tidewaiter.workflow.deciding import AWAITED_HOURS
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def lodged(reference: str = "R-1", **changed: object) -> Declaration:
    (made,) = islice(parcels.declarations("json", 1, 1, DAY), 1)
    return replace(made, functional_reference_id=reference, **changed)


def amendment(description: str, issued_at: datetime | None = None, reference: str = "R-1") -> Declaration:
    return Declaration(
        function=MessageFunction.AMENDMENT, functional_reference_id=reference, issued_at=issued_at,
        goods_items=(GoodsItem(line_no=1, description=description),),
    )  # fmt: skip


def withdrawal(reference: str = "R-1") -> Declaration:
    return Declaration(function=MessageFunction.CANCELLATION, functional_reference_id=reference)


def hand_in(store: PostgresStore, intake: Intake, *records: Declaration, sender: str = "A post") -> Receipt:
    body = forms.by_name("json").write(records)
    sender_id = store.senders.ensure(sender).sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=DAY)


def one(store: PostgresStore, intake: Intake, record: Declaration, sender: str = "A post") -> int:
    return hand_in(store, intake, record, sender=sender).lines[0].declaration_id


def description(store: PostgresStore, declaration_id: int) -> str:
    declaration = store.decision(declaration_id).declaration
    assert declaration is not None
    return declaration.goods_items[0].description


def kinds(outcome: Outcome) -> list[NoticeKind]:
    return [notice.kind for notice in outcome.notices]


def test_an_amendment_ahead_waits_and_is_carried_out_when_the_declaration_comes(
    store: PostgresStore, intake: Intake
) -> None:
    receipt = hand_in(store, intake, amendment("Silk scarves, printed"))
    assert receipt.counts == {"awaiting_original": 1}
    (finding,) = receipt.findings
    assert finding.rule_id == "submission.original_awaited"
    assert f"{AWAITED_HOURS} hours" in finding.words
    change = receipt.lines[0].declaration_id
    waiting = store.outcome(change)
    assert (waiting.row.state, waiting.row.registered_id, waiting.row.is_arrived) == (
        State.AWAITING_ORIGINAL, "", False,
    )  # fmt: skip
    assert kinds(waiting) == [NoticeKind.RECEIVED]

    number = one(store, intake, lodged())
    found = store.outcome(number)
    assert (found.row.state, found.row.version) == (State.RECEIVED, 2)
    assert description(store, number) == "Silk scarves, printed"
    assert NoticeKind.REQUEST_GRANTED in kinds(found)
    after = store.outcome(change)
    assert after.row.state is State.APPLIED
    assert str(number) in after.transitions[-1].words
    assert store.find("R-1") == number
    assert replay.replay_all(store, workers=1).is_clean


def test_a_withdrawal_ahead_withdraws_the_declaration_when_it_comes_and_both_are_answered(
    store: PostgresStore, intake: Intake
) -> None:
    change = one(store, intake, withdrawal())
    number = one(store, intake, lodged())
    found = store.outcome(number)
    assert found.row.state is State.INVALIDATED
    assert kinds(found)[-3:] == [NoticeKind.RECEIVED, NoticeKind.REQUEST_GRANTED, NoticeKind.REJECTED]
    assert store.outcome(change).row.state is State.APPLIED
    assert replay.replay_all(store, workers=1).is_clean


@pytest.mark.parametrize("is_reversed", [False, True])
def test_amendments_that_overtook_one_another_are_carried_out_as_they_were_made(
    store: PostgresStore, intake: Intake, *, is_reversed: bool
) -> None:
    changes = [amendment("First words", NOON), amendment("Last words", NOON + timedelta(minutes=5))]
    for each in reversed(changes) if is_reversed else changes:
        one(store, intake, each)
    number = one(store, intake, lodged())
    assert store.outcome(number).row.version == 3
    assert description(store, number) == "Last words"
    assert replay.replay_all(store, workers=1).is_clean


@pytest.mark.parametrize("is_together", [False, True])
def test_an_amendment_overtaken_by_a_later_one_does_not_undo_it(
    store: PostgresStore, intake: Intake, *, is_together: bool
) -> None:
    number = one(store, intake, lodged())
    late = replace(amendment("Last words", NOON + timedelta(minutes=5)), invoice_id="LAST")
    early = replace(amendment("First words", NOON), incoterm_code="DAP")
    if is_together:
        hand_in(store, intake, late, early)
    else:
        one(store, intake, late)
        one(store, intake, early)
    declaration = store.decision(number).declaration
    assert declaration is not None
    assert description(store, number) == "Last words"
    assert (declaration.invoice_id, declaration.incoterm_code) == ("LAST", "DAP"), "what only one changes holds"
    hand_in(store, intake, amendment("The very last", NOON + timedelta(minutes=9)))
    assert description(store, number) == "The very last"
    assert store.outcome(number).row.version == 4
    assert replay.replay_all(store, workers=1).is_clean


def test_an_amendment_that_does_not_say_when_it_was_made_counts_as_it_comes(
    store: PostgresStore, intake: Intake
) -> None:
    number = one(store, intake, lodged())
    for each in (amendment("Dated", NOON), amendment("Undated")):
        one(store, intake, each)
    assert description(store, number) == "Undated"
    assert replay.replay_all(store, workers=1).is_clean


def test_nothing_is_written_by_half_when_carrying_out_breaks_off(
    store: PostgresStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = one(store, intake, withdrawal())
    with monkeypatch.context() as broken:
        broken.setattr(ahead, "end", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hand_in(store, intake, lodged())
    assert store.outcome(change).row.state is State.AWAITING_ORIGINAL
    with pytest.raises(NotFoundError):
        store.outcome(change + 1)
    assert [receipt.counts for receipt in intake.resume()] == [{"received": 1}]
    assert store.outcome(store.find("R-1")).row.state is State.INVALIDATED
    assert store.outcome(change).row.state is State.APPLIED
    assert replay.replay_all(store, workers=1).is_clean


def test_what_came_ahead_does_not_undo_a_later_amendment_of_the_same_message(
    store: PostgresStore, intake: Intake
) -> None:
    one(store, intake, amendment("Early words", NOON))
    hand_in(store, intake, lodged(), amendment("Later words", NOON + timedelta(minutes=5)))
    assert description(store, store.find("R-1")) == "Later words"
    assert replay.replay_all(store, workers=1).is_clean


def test_all_in_one_message_in_the_wrong_order(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, withdrawal("R-2"), amendment("Silk scarves"), lodged(), lodged("R-2"))
    assert receipt.counts == {"awaiting_original": 2, "received": 2}
    assert description(store, store.find("R-1")) == "Silk scarves"
    assert store.outcome(store.find("R-2")).row.state is State.INVALIDATED
    assert replay.replay_all(store, workers=1).is_clean


def test_in_a_long_message_a_change_ahead_is_carried_out(
    store: PostgresStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 16)
    many = list(islice(parcels.declarations("json", 900, 5, DAY), 900))
    far = amendment("Silk scarves", reference=many[700].functional_reference_id)
    other = amendment("Wool scarves", reference=many[3].functional_reference_id)
    receipt = hand_in(store, intake, other, far, *many)
    assert receipt.counts["awaiting_original"] == 2
    assert description(store, store.find(many[700].functional_reference_id)) == "Silk scarves"
    assert description(store, store.find(many[3].functional_reference_id)) == "Wool scarves"
    assert replay.replay_all(store, workers=2).is_clean


def test_a_declaration_that_is_rejected_is_not_the_one_that_is_waited_for(store: PostgresStore, intake: Intake) -> None:
    change = one(store, intake, withdrawal())
    assert store.outcome(one(store, intake, lodged(goods_items=()))).row.state is State.REJECTED
    assert store.outcome(change).row.state is State.AWAITING_ORIGINAL
    assert store.outcome(one(store, intake, lodged())).row.state is State.INVALIDATED


def test_another_sender_s_declaration_is_not_waited_for(store: PostgresStore, intake: Intake) -> None:
    change = one(store, intake, withdrawal())
    number = one(store, intake, lodged(), "A courier")
    assert store.outcome(number).row.state is State.RECEIVED
    assert store.outcome(change).row.state is State.AWAITING_ORIGINAL


def test_an_amendment_that_would_be_rejected_is_and_the_declaration_stands(
    store: PostgresStore, intake: Intake
) -> None:
    bad = replace(
        amendment("x"), goods_items=(GoodsItem(line_no=1, commodity_code="000000", origin_country_code="QQ"),)
    )
    change = one(store, intake, bad)
    number = one(store, intake, lodged())
    assert (store.outcome(number).row.state, store.outcome(number).row.version) == (State.RECEIVED, 1)
    refused = store.outcome(change)
    assert refused.row.state is State.REJECTED
    assert kinds(refused)[-1] is NoticeKind.REJECTED
    assert "Not carried out" in refused.transitions[-1].words
    assert replay.replay_all(store, workers=1).is_clean


def test_goods_under_control_when_it_comes_leave_the_amendment_to_an_officer(
    store: PostgresStore, intake: Intake
) -> None:
    change = one(store, intake, amendment("Silk scarves"))
    arrived = lodged(type_code="IMJ", jurisdiction_code="GB", procedure_category="", fiscal_references=())
    assert arrived.importer is not None
    entry = WatchListEntry(entry_id="W1", words="Seen before.", names=(arrived.importer.name,))
    store.senders.change_watch_list([canonical_bytes(entry)], [], actor="test", words="test")
    with Intake(store) as anew:
        number = one(store, anew, arrived)
    found = store.outcome(number)
    assert (found.row.state, found.row.version) == (State.UNDER_CONTROL, 1)
    assert found.transitions[-1].trigger == "amended"
    assert store.outcome(change).row.state is State.APPLIED
    assert description(store, number) != "Silk scarves"
    assert Desk(store).act(number, Trigger.AMENDMENT_GRANTED, "officer", on=DAY) is State.UNDER_CONTROL
    assert description(store, number) == "Silk scarves"
    assert replay.replay_all(store, workers=1).is_clean


def test_what_waits_in_vain_is_refused_and_its_sender_told(store: PostgresStore, intake: Intake) -> None:
    change = one(store, intake, withdrawal())
    soon = datetime.now(UTC) + timedelta(hours=AWAITED_HOURS, minutes=-5)
    assert refuse_expired(store, soon) == 0
    assert refuse_expired(store, soon + timedelta(minutes=10)) == 1
    assert refuse_expired(store, soon + timedelta(minutes=10)) == 0
    refused = store.outcome(change)
    assert refused.row.state is State.REJECTED
    assert refused.transitions[-1].words == NEVER_CAME
    assert kinds(refused) == [NoticeKind.RECEIVED, NoticeKind.REJECTED]
    number = one(store, intake, lodged())
    assert store.outcome(number).row.state is State.RECEIVED
    assert replay.replay_all(store, workers=1).is_clean


def test_it_waits_no_longer_than_was_told_though_nobody_looked(store: PostgresStore, intake: Intake) -> None:
    change = one(store, intake, withdrawal())
    with Intake(store, clock=lambda: datetime.now(UTC) + timedelta(hours=AWAITED_HOURS + 1)) as later:
        number = one(store, later, lodged())
    assert store.outcome(number).row.state is State.RECEIVED
    assert store.outcome(change).row.state is State.REJECTED
    assert replay.replay_all(store, workers=1).is_clean


def test_a_number_of_ours_that_is_not_known_is_not_waited_for(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, replace(withdrawal(), registered_id="26DK000000000042R5"))
    assert receipt.findings[0].rule_id == "submission.original_unknown"
    assert receipt.counts == {"rejected": 1}
