"""One parcel told by two senders or in two forms: known by its transport document, and not charged twice unseen."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.decision import HoldKind, State
from tidewaiter.model.declaration import Declaration, Document, MessageFunction
from tidewaiter.model.judgement import Lane
from tidewaiter.quality.parcels import DECLARED_BEFORE
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)
S10 = "LX000000018CN"


def parcel(reference: str, number: str = S10, type_code: str = "N750", **changed: object) -> Declaration:
    """A parcel into Denmark, as a sender with a reference of its own declares it."""
    (made,) = islice(parcels.declarations("json", 1, 1, DAY), 1)
    documents = (Document(type_code=type_code, document_id=number),)
    consignment = replace(made.consignment, transport_documents=documents)
    return replace(made, functional_reference_id=reference, invoice_id=reference, consignment=consignment, **changed)


def hand_in(
    store: PostgresStore, intake: Intake, sender: str, *records: Declaration, form: str = "json"
) -> tuple[Receipt, list[Outcome]]:
    body = forms.by_name(form).write(records)
    sender_id = store.senders.ensure(sender).sender_id
    receipt = intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p", transport="test", legal_day=DAY)
    return receipt, [store.outcome(line.declaration_id) for line in receipt.lines]


def one(store: PostgresStore, intake: Intake, sender: str, record: Declaration, form: str = "json") -> Outcome:
    (found,) = hand_in(store, intake, sender, record, form=form)[1]
    return found


def is_found(outcome: Outcome) -> bool:
    return any(finding.rule_id == DECLARED_BEFORE for finding in outcome.evaluation.findings)


def again(store: PostgresStore, outcome: Outcome) -> Outcome:
    return store.outcome(outcome.row.declaration_id)


# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [S10, "lx 000 000 018 cn", "LX-000000018-CN"])
def test_the_same_postal_item_from_another_sender_in_another_form_is_held(
    store: PostgresStore, intake: Intake, written: str
) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A courier", parcel("C-1", written), form="wco-dm")
    assert first.row.state is second.row.state is State.RECEIVED
    (finding,) = [each for each in second.evaluation.findings if each.rule_id == DECLARED_BEFORE]
    assert finding.pointer == "consignment.transport_documents[1].document_id"
    assert finding.value == written
    assert finding.place
    assert second.row.lane is not Lane.GREEN
    assert HoldKind.DOCUMENTS in [hold.kind for hold in second.evaluation.decision.holds]
    assert second.row.duplicate_of == first.row.declaration_id
    one_way, other_way = first.row.declaration_id, second.row.declaration_id
    assert [row.declaration_id for row in store.same_parcel(one_way)] == [other_way]
    assert [row.declaration_id for row in store.same_parcel(other_way)] == [one_way]
    assert again(store, first).row.version == 1, "who was first is not touched"
    assert replay.replay_all(store, workers=1).is_clean


def test_what_another_sender_told_is_not_shown_to_this_one(store: PostgresStore, intake: Intake) -> None:
    first = one(store, intake, "A post with a name", parcel("P-SECRET"))
    second = one(store, intake, "A courier", parcel("C-1"))
    told = second.evaluation.findings, second.evaluation.decision
    for secret in ("A post with a name", "P-SECRET", first.row.registered_id):
        assert secret not in repr(told)


def test_a_sender_is_shown_its_own_earlier_declaration(store: PostgresStore, intake: Intake) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A post", parcel("P-2"))
    (finding,) = [each for each in second.evaluation.findings if each.rule_id == DECLARED_BEFORE]
    for named in (str(first.row.declaration_id), "P-1", first.row.registered_id):
        assert named in finding.words
    assert replay.replay_all(store, workers=1).is_clean


def test_a_parcel_twice_in_one_message_counts_for_the_first(store: PostgresStore, intake: Intake) -> None:
    _, (first, second) = hand_in(store, intake, "A post", parcel("P-1"), parcel("P-2"))
    assert not is_found(first)
    assert is_found(second)
    assert replay.replay_all(store, workers=1).is_clean


def test_a_house_waybill_is_known_with_the_place_of_delivery(store: PostgresStore, intake: Intake) -> None:
    one(store, intake, "A marketplace", parcel("M-1", "1Z 999-AA1", "N703"))
    assert is_found(one(store, intake, "A courier", parcel("C-1", "1Z999AA1", "N740")))
    other = parcel("C-2", "1Z999AA1", "N703")
    assert other.importer is not None
    assert other.importer.address is not None
    address = replace(other.importer.address, postcode="9990")
    elsewhere = replace(other, importer=replace(other.importer, address=address))
    assert not is_found(one(store, intake, "A third", elsewhere)), "another carrier's number, to another place"


# --- what is none ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_code", ["N741", "N740", "N704", "N730", ""])
def test_a_shared_master_number_is_no_duplicate(store: PostgresStore, intake: Intake, type_code: str) -> None:
    number = "020-12345675" if type_code in ("N741", "N740", "") else "MAEU123456789"
    one(store, intake, "A post", parcel("P-1", number, type_code))
    assert not is_found(one(store, intake, "A courier", parcel("C-1", number, type_code)))


def test_a_number_that_is_the_master_of_the_consignment_is_no_duplicate(store: PostgresStore, intake: Intake) -> None:
    for reference in ("P-1", "P-2"):
        record = parcel(reference, "MSCU1234567", "")
        record = replace(record, consignment=replace(record.consignment, master_document_id="MSCU 1234567"))
        assert not is_found(one(store, intake, "A post", record))


@pytest.mark.parametrize("category", ["ENS", "PLACI", "LOGISTICS", "ORDER", "PAYMENT"])
def test_claims_and_filings_speak_of_the_same_parcel_and_are_no_duplicates(
    store: PostgresStore, intake: Intake, category: str
) -> None:
    one(store, intake, "A post", parcel("P-1"))
    filed = parcel("F-1", procedure_category=category)
    assert not is_found(one(store, intake, "A carrier", filed))
    assert not is_found(one(store, intake, "Another post", parcel("P-2", "LX000000021CN")))


@pytest.mark.parametrize(
    "record",
    [
        replace(parcel("P-2"), type_code="IMZ", procedure_category="H1"),
        replace(parcel("P-2"), jurisdiction_code="GB", type_code="IMD", procedure_category=""),
        replace(
            parcel("P-2"),
            procedure_category="H1",
            goods_items=tuple(
                replace(item, procedure_code="40", previous_procedure_code="53") for item in parcel("P-2").goods_items
            ),
        ),
    ],
    ids=["supplementary", "another country", "after temporary admission"],
)
def test_what_must_be_declared_again_is_no_duplicate(store: PostgresStore, intake: Intake, record: Declaration) -> None:
    one(store, intake, "A post", parcel("P-1"))
    assert not is_found(one(store, intake, "A broker", record))


@pytest.mark.parametrize("function", [MessageFunction.CANCELLATION])
def test_after_a_withdrawal_the_parcel_may_be_declared_again(
    store: PostgresStore, intake: Intake, function: MessageFunction
) -> None:
    one(store, intake, "A post", parcel("P-1"))
    one(store, intake, "A post", Declaration(function=function, functional_reference_id="P-1"))
    assert not is_found(one(store, intake, "A post", parcel("P-2")))


def test_a_rejected_declaration_does_not_stand_in_the_way(store: PostgresStore, intake: Intake) -> None:
    assert one(store, intake, "A post", parcel("P-1", goods_items=())).row.state is State.REJECTED
    assert not is_found(one(store, intake, "A post", parcel("P-2")))


def test_a_number_may_be_used_again_after_twelve_months(
    store: PostgresStore, intake: Intake, database_url: str
) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        long_ago = datetime.now(UTC) - timedelta(days=367)
        connection.execute(
            "UPDATE declaration SET received_at = %s WHERE declaration_id = %s", [long_ago, first.row.declaration_id]
        )
    assert not is_found(one(store, intake, "A courier", parcel("C-1")))


# --- what becomes of it ----------------------------------------------------------------------------------------------


def test_with_the_goods_there_it_waits_for_an_officer_who_lets_it_go(store: PostgresStore, intake: Intake) -> None:
    one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A courier", parcel("C-1"))
    number, desk = second.row.declaration_id, Desk(store)
    assert desk.act(number, Trigger.ARRIVED, "officer", on=DAY) is State.AWAITING_DOCUMENTS
    state = desk.act(number, Trigger.DOCUMENTS_RECEIVED, "officer", "another parcel: its label was misprinted")
    assert state in (State.CLEARED, State.AWAITING_PAYMENT)
    assert replay.replay_all(store, workers=1).is_clean


def test_when_the_first_is_withdrawn_the_second_is_free(store: PostgresStore, intake: Intake) -> None:
    one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A courier", parcel("C-1"))
    third = one(store, intake, "A broker", parcel("B-1"))
    one(store, intake, "A post", Declaration(function=MessageFunction.CANCELLATION, functional_reference_id="P-1"))
    assert not is_found(again(store, second))
    assert again(store, second).row.duplicate_of is None
    assert "claimed" in [each.trigger for each in again(store, second).transitions]
    assert again(store, third).row.duplicate_of == second.row.declaration_id, "now held because of the second"
    assert replay.replay_all(store, workers=1).is_clean


def test_declared_twice_and_withdrawn_in_one_message(store: PostgresStore, intake: Intake) -> None:
    withdrawal = Declaration(function=MessageFunction.CANCELLATION, functional_reference_id="P-1")
    _, (first, second, _) = hand_in(store, intake, "A post", parcel("P-1"), parcel("P-2"), withdrawal)
    assert first.row.state is State.INVALIDATED
    assert not is_found(again(store, second))
    assert replay.replay_all(store, workers=1).is_clean


def test_when_an_officer_refuses_the_first_the_second_is_free(store: PostgresStore, intake: Intake) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A courier", parcel("C-1"))
    Desk(store).act(first.row.declaration_id, Trigger.REFUSED, "officer", "not the post's parcel")
    assert not is_found(again(store, second))
    assert replay.replay_all(store, workers=1).is_clean


def test_an_amendment_to_another_number_frees_the_second_and_one_to_its_number_is_held(
    store: PostgresStore, intake: Intake
) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    second = one(store, intake, "A courier", parcel("C-1"))
    function = MessageFunction.AMENDMENT
    one(store, intake, "A post", parcel("P-1", "LX000000021CN", function=function))
    assert not is_found(again(store, second))
    one(store, intake, "A post", parcel("P-1", function=function))
    assert again(store, first).row.duplicate_of == second.row.declaration_id
    assert again(store, second).row.duplicate_of is None
    assert replay.replay_all(store, workers=1).is_clean


def test_who_was_first_is_not_held_when_its_goods_arrive(store: PostgresStore, intake: Intake) -> None:
    first = one(store, intake, "A post", parcel("P-1"))
    one(store, intake, "A courier", parcel("C-1"))
    Desk(store).act(first.row.declaration_id, Trigger.ARRIVED, "officer", on=DAY)
    assert not is_found(again(store, first))
    assert again(store, first).row.state is not State.AWAITING_DOCUMENTS
    assert replay.replay_all(store, workers=1).is_clean


def test_in_long_messages_decided_by_worker_processes_each_duplicate_is_found(
    store: PostgresStore, intake: Intake
) -> None:
    many = list(islice(parcels.declarations("json", 1600, 7, DAY), 1600))
    hand_in(store, intake, "A post", *many)
    theirs = [replace(each, functional_reference_id=f"C-{number}") for number, each in enumerate(many[500:503])]
    others = list(islice(parcels.declarations("json", 3000, 7, DAY), 3000))[1600:]
    receipt, _ = hand_in(store, intake, "A courier", *others[:700], *theirs, *others[700:])
    assert sum(receipt.counts.values()) == 1403
    held = [store.outcome(store.find(f"C-{number}")) for number in range(3)]
    assert [is_found(each) for each in held] == [True] * 3
    assert replay.replay_all(store, workers=2).is_clean
