"""Outcomes and links on a real database: in one act with the state, two persons, late and unknown, seizure to parcels held."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.errors import ConflictError, NotFoundError, TransitionError
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.release import Trigger
from tidewaiter.risk.knowledge import PartKind
from tidewaiter.risk.lists import ListEntry, ListKind, PublishedList
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.linking import Linking
from tidewaiter.workflow.lists import ListAnswerError, ListError, Lists
from tidewaiter.workflow.outcome_records import AlertKind, OutcomeAnswerError
from tidewaiter.workflow.outcomes import Examinations, OutcomeError
from tidewaiter.workflow.rule_set_records import SamePersonError
from tidewaiter.workflow.seized_lists import Draft, propose_seized

pytestmark = pytest.mark.usefixtures("lawful")

DAY = date(2026, 11, 20)
B1 = Result.NOT_SATISFACTORY
FOUND = (Found(risk_type=RiskType.IPR, line_no=1, is_seized=True, words="counterfeit"),)


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    with Intake(store, workers=2) as opened:
        yield opened


def shirts(name: str, phone: str, street: str = "") -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(1000), "GBP"),
    )  # fmt: skip
    home = Address(line=street, postcode="SW1A 1AA", city="London", country_code="GB") if street else None
    return Declaration(
        functional_reference_id=name, type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name=f"Seller of {name}"), consignee=Party(name=f"Buyer {name}", phone=phone, address=home),
        consignment=Consignment(
            gross_mass_kg=Decimal(2), transport_documents=(Document(type_code="N740", document_id=f"AWB{name}"),)
        ),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *declarations: Declaration) -> None:
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def told(reference: str, result: Result = Result.SATISFACTORY, found: tuple[Found, ...] = ()) -> ExaminationOutcome:
    return ExaminationOutcome(
        reference=reference, result=result, examined_at=datetime.now(UTC), examiner="ann", found=found,
        controls=(Control.PHYSICAL,),
    )  # fmt: skip


def at_control(store: PostgresStore, name: str) -> int:
    number = store.find(name)
    desk = Desk(store)
    if desk.confirm_arrival(number, "ann", on=DAY) is not State.UNDER_CONTROL:
        desk.act(number, Trigger.EXAMINATION_ORDERED, "ann")
    assert store.outcome(number).row.state is State.UNDER_CONTROL
    return number


def seize(store: PostgresStore, name: str) -> None:
    kept = Examinations(store).record(told(name, B1, FOUND), "ann").kept
    Examinations(store).approve(kept.outcome_id, "chief", then=Trigger.EXAMINED_NOT_SATISFACTORY)


def test_an_outcome_and_what_follows_are_one_act(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111"))
    number = at_control(store, "R1")
    done = Examinations(store).record(told("R1"), "ann", then=Trigger.EXAMINED_SATISFACTORY)
    assert (done.is_new, done.kept.standing, done.kept.declaration_id) == (True, "in effect", number)
    assert store.outcome(number).row.state is not State.UNDER_CONTROL
    assert store.outcomes([number]) == {number: False}
    with pytest.raises(TransitionError):  # it is not under control any more: nothing of it is kept
        Examinations(store).record(replace(told("R1"), source="2"), "ann", then=Trigger.EXAMINED_SATISFACTORY)
    assert len(store.outcomes.of(number)) == 1
    assert replay.replay_all(store).is_clean


def test_what_was_not_in_order_takes_effect_by_a_second_person(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111"))
    number = at_control(store, "R1")
    desk = Examinations(store)
    kept = desk.record(told("R1", B1, FOUND), "bert").kept
    assert kept.standing == "waits"
    assert store.outcomes([number]) == {}
    for same in ("ann", "Bert "):
        with pytest.raises(SamePersonError):
            desk.approve(kept.outcome_id, same)
    with pytest.raises(OutcomeError):
        desk.record(replace(told("R1", B1, FOUND), approved_by="chief"), "bert")
    assert desk.approve(kept.outcome_id, "chief", then=Trigger.EXAMINED_NOT_SATISFACTORY).standing == "in effect"
    assert store.outcome(number).row.state is State.REFUSED
    assert store.outcomes([number]) == {number: True}
    with pytest.raises(OutcomeAnswerError):
        desk.refuse(kept.outcome_id, "chief", "no")


def test_a_correction_stands_in_place_of_what_it_corrects(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111"))
    number, desk = store.find("R1"), Examinations(store)
    first = desk.record(told("R1"), "ann").kept
    second = desk.record(told("R1", B1, FOUND), "ann", corrects=first.outcome_id).kept
    assert store.outcomes([number]) == {number: False}  # not approved yet
    desk.approve(second.outcome_id, "chief")
    assert store.outcomes([number]) == {number: True}
    assert [each.standing for each in store.outcomes.of(number)] == ["corrected", "in effect"]
    with pytest.raises(ConflictError):
        desk.record(replace(told("R1"), source="3"), "ann", corrects=first.outcome_id)


def test_what_comes_before_its_declaration_is_matched_later_and_faults_are_told(
    intake: Intake, store: PostgresStore
) -> None:
    desk = Examinations(store)
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111"))
    early = told("R2")
    lines = [
        ("line 1", early),
        ("line 2", early),
        ("line 3", replace(told("R1"), examined_at=datetime.now(UTC) + timedelta(hours=2))),
        ("line 4", replace(told("R1"), examined_at=datetime.now(UTC) - timedelta(days=2))),
        ("line 5", told("R1", B1, (Found(risk_type=RiskType.QUANTITY, line_no=9),))),
        ("line 6", replace(told("R1", B1, FOUND), approved_by="ann")),
        ("line 7", told("R1")),
    ]
    done = desk.take_in(lines, "a system")
    assert (done.kept, done.known, done.unmatched) == (2, 1, 1)
    assert [(each.place, each.rule_id) for each in done.findings] == [
        ("line 3", "outcome.future"),
        ("line 4", "outcome.before_lodgement"),
        ("line 5", "outcome.line"),
        ("line 6", "outcome.same_person"),
    ]
    assert all(each.hint for each in done.findings)
    assert [each.standing for each in store.outcomes.unmatched(10)] == ["unmatched"]
    hand_in(intake, store, shirts("R2", "+44 20 2222 2222"))
    assert [each.declaration_id for each in desk.match()] == [store.find("R2")]
    assert store.outcomes.unmatched(10) == []
    assert store.outcomes([store.find("R2")]) == {store.find("R2"): False}


def test_a_seizure_holds_what_is_tied_to_it_and_every_decision_can_be_run_again(
    intake: Intake, store: PostgresStore
) -> None:
    hand_in(
        intake, store,
        shirts("BAD", "+44 20 1111 1111"),
        shirts("NEAR", "020 1111 1111", "12 High Street"),  # the same phone, written otherwise
        shirts("FAR", "+44 20 3333 3333", "12 High Str."),  # the same home as NEAR
        shirts("APART", "+44 20 4444 4444"),
        shirts("WAITS", "+44 20 1111 1111"),
    )  # fmt: skip
    at_control(store, "WAITS")
    at_control(store, "BAD")
    assert Linking(store).follow_up() == []
    seize(store, "BAD")
    alerts = {each.declaration_id: each for each in Linking(store).follow_up()}
    assert {store.outcome(n).row.functional_reference_id: each.done for n, each in alerts.items()} == {
        "NEAR": AlertKind.HELD,
        "FAR": AlertKind.HELD,
        "WAITS": AlertKind.AT_CUSTOMS,
    }
    near, far = alerts[store.find("NEAR")], alerts[store.find("FAR")]
    assert near.words.startswith("same phone as ")
    assert near.strength > far.strength > 0
    for name in ("NEAR", "FAR"):
        judgement = store.decision(store.find(name)).evaluation.judgement
        assert judgement is not None
        assert judgement.lane is Lane.RED
        assert [each.kind for each in judgement.reasons if each.kind is ReasonKind.LINK] == [ReasonKind.LINK]
        assert Desk(store).confirm_arrival(store.find(name), "ann", on=DAY) is State.UNDER_CONTROL
    assert Linking(store).follow_up() == []
    hand_in(intake, store, shirts("LATER", "+44 20 1111 1111"), shirts("OTHER", "+44 20 5555 5555"))
    reasons = {
        name: [each.reason_id for each in _reasons(store, name) if each.kind is ReasonKind.LINK]
        for name in ("LATER", "OTHER", "APART")
    }
    assert reasons == {"LATER": ["link.1"], "OTHER": [], "APART": []}
    report = replay.replay_all(store)
    assert report.is_clean, report.differences


def test_a_seizure_that_is_corrected_goes_off_the_alarm(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, shirts("BAD", "+44 20 1111 1111"))
    at_control(store, "BAD")
    seize(store, "BAD")
    Linking(store).follow_up()
    assert [each.part.kind for each in store.parts.in_use()] == [PartKind.LINKS]
    Examinations(store).record(told("BAD"), "ann", corrects=1)
    assert Linking(store).renew_alarm("GB")
    assert store.parts.in_use() == ()
    assert not Linking(store).renew_alarm("GB")


def _reasons(store: PostgresStore, name: str) -> tuple[Reason, ...]:
    judgement = store.decision(store.find(name)).evaluation.judgement
    assert judgement is not None
    return judgement.reasons


def test_a_seizure_is_proposed_for_a_list_and_hits_once_another_approved_it(
    intake: Intake, store: PostgresStore
) -> None:
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111", "1 Baker Street"))
    at_control(store, "R1")
    seize(store, "R1")
    number = store.outcomes.of(store.find("R1"))[0].outcome_id
    lists = Lists(store, lambda: datetime.now(UTC))
    draft = Draft(name="seized", by="ann", words="seen before")
    version = propose_seized(store, number, draft, lambda: datetime.now(UTC))
    listed = lists.proposed(version)
    assert listed is not None
    (entry,) = listed.entries
    assert entry.values == ("seller: Seller of R1", "phone: +44 20 1111 1111", "address: 1 Baker Street, SW1A 1AA")
    assert (entry.source, entry.words[:9]) == (f"outcome {number}, R1", "Seized on")
    assert entry.effective_until is not None
    hand_in(intake, store, shirts("R2", "", "1, Baker Street"))
    with pytest.raises(ListAnswerError):
        lists.answer(version.version_id, "ann", is_approved=True)
    lists.answer(version.version_id, "chief", is_approved=True)
    hand_in(intake, store, shirts("R3", "", "1, Baker Street"))
    found = {name: _list_reasons(store, name) for name in ("R2", "R3")}
    assert found == {"R2": [], "R3": [f"list.seized.outcome-{number}"]}
    with pytest.raises(ListError, match="already"):
        propose_seized(store, number, draft, lambda: datetime.now(UTC))
    with pytest.raises(NotFoundError):
        propose_seized(store, 99, draft, lambda: datetime.now(UTC))
    assert replay.replay_all(store).is_clean


def test_only_a_seizure_in_effect_is_proposed_and_only_for_a_list_of_identities(
    intake: Intake, store: PostgresStore
) -> None:
    hand_in(intake, store, shirts("R1", "+44 20 1111 1111"))
    at_control(store, "R1")
    kept = Examinations(store).record(told("R1", B1, FOUND), "ann").kept
    lists = Lists(store, lambda: datetime.now(UTC))
    draft = Draft(name="seized", by="ann", words="")
    with pytest.raises(ListError, match="proposes nothing"):
        propose_seized(store, kept.outcome_id, draft, lambda: datetime.now(UTC))
    Examinations(store).approve(kept.outcome_id, "chief", then=Trigger.EXAMINED_NOT_SATISFACTORY)
    with pytest.raises(ListError, match="proposes nothing"):
        propose_seized(store, kept.outcome_id, replace(draft, kinds=("address",)), lambda: datetime.now(UTC))
    other = PublishedList(
        name="seized", kind=ListKind.GOODS, title="T", source="s",
        entries=(ListEntry(entry_id="e", values=("watch",), words="W."),),
    )  # fmt: skip
    lists.answer(lists.propose(other, "", "ann", "w").version_id, "chief", is_approved=True)
    with pytest.raises(ListError, match="is of goods"):
        propose_seized(store, kept.outcome_id, draft, lambda: datetime.now(UTC))


def _list_reasons(store: PostgresStore, name: str) -> list[str]:
    judgement = store.decision(store.find(name)).evaluation.judgement
    assert judgement is not None
    return [each.reason_id for each in judgement.reasons if each.reason_id.startswith("list.")]
