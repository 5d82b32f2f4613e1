"""Order, payment and transport told by third parties: a declaration is held against them, whatever comes first."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import HoldKind, State
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import TransitionError
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.claims import CLAIMS_MAX
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 6, 15)
BUYER = Party(party_id="110101199003070011", name="Li Wei")
PLATFORM = Party(party_id="1101110325")
TRANSPORT = Consignment(
    transport_documents=(Document(document_id="L-77"),), carrier=Party(party_id="C-9"), gross_mass_kg=Decimal("0.4")
)


def scarf(price: str = "300") -> GoodsItem:
    return GoodsItem(
        line_no=1, description="Wool scarf, woven", commodity_code="621420", gross_mass_kg=Decimal("0.4"),
        quantity=Decimal(2), invoice_price=Money(Decimal(price), "CNY"), origin_country_code="IT", sku="AF-1",
    )  # fmt: skip


def declared(reference: str = "INV-1", price: str = "300") -> Declaration:
    return Declaration(
        functional_reference_id=reference, jurisdiction_code="CN", procedure_category="CBEC", invoice_id="O-1",
        goods_items=(scarf(price),), buyer=BUYER, marketplace=PLATFORM, consignor=Party(name="Lana Srl"),
        freight=Money(Decimal(20), "CNY"), consignment=TRANSPORT,
    )  # fmt: skip


def order(price: str = "300", **changed: object) -> Declaration:
    stated = Declaration(
        functional_reference_id="ORD-1", jurisdiction_code="CN", procedure_category="ORDER", invoice_id="O-1",
        goods_items=(GoodsItem(line_no=1, sku="AF-1", quantity=Decimal(2), invoice_price=Money(Decimal(price), "CNY")),),
        buyer=BUYER, marketplace=PLATFORM, freight=Money(Decimal(20), "CNY"), amount_paid=Money(Decimal(320), "CNY"),
    )  # fmt: skip
    return replace(stated, **changed)


def payment(paid: str = "320", payer: Party = BUYER) -> Declaration:
    return Declaration(
        functional_reference_id="PAY-1", jurisdiction_code="CN", procedure_category="PAYMENT", invoice_id="O-1",
        marketplace=PLATFORM, amount_paid=Money(Decimal(paid), "CNY"), payer=payer,
    )  # fmt: skip


def logistics(carrier: str = "C-9") -> Declaration:
    return Declaration(
        functional_reference_id="LOG-1", jurisdiction_code="CN", procedure_category="LOGISTICS",
        consignment=replace(TRANSPORT, carrier=Party(party_id=carrier)), freight=Money(Decimal(20), "CNY"),
    )  # fmt: skip


def hand_in(store: PostgresStore, intake: Intake, sender: str, *records: Declaration) -> Receipt:
    body = forms.by_name("json").write(records)
    sender_id = store.senders.ensure(sender).sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=DAY)


def tell_all(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "A marketplace", order())
    hand_in(store, intake, "A bank", payment())
    hand_in(store, intake, "A carrier", logistics())


def outcome(store: PostgresStore, reference: str = "INV-1") -> Outcome:
    return store.outcome(store.find(reference))


def told(found: Outcome) -> list[tuple[str, str]]:
    return [(each.rule_id, each.pointer) for each in found.evaluation.findings if each.rule_id.startswith("claim.")]


def test_a_claim_is_kept_and_nothing_is_released_by_it(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, "A marketplace", order())
    found = store.outcome(receipt.lines[0].declaration_id)
    assert (found.row.state, found.row.dataset, found.row.lane) == (State.RECEIVED, "ORDER", None)
    assert found.evaluation.assessment is None
    assert "O-1" in found.evaluation.decision.words


def test_told_before_and_in_agreement_the_declaration_goes_through(store: PostgresStore, intake: Intake) -> None:
    tell_all(store, intake)
    hand_in(store, intake, "A broker", declared())
    found = outcome(store)
    assert told(found) == []
    assert found.row.lane is not Lane.YELLOW
    assert replay.replay_all(store, workers=1).is_clean


def test_what_is_missing_holds_and_what_comes_later_frees(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "A broker", declared())
    found = outcome(store)
    assert [each for each, _ in told(found)] == ["claim.missing"] * 3
    assert HoldKind.DOCUMENTS in [hold.kind for hold in found.evaluation.decision.holds]
    tell_all(store, intake)
    found = outcome(store)
    assert told(found) == []
    assert found.row.version == 4, "decided anew at each of the three"
    assert [each.trigger for each in found.transitions].count("claimed") == 3
    assert replay.replay_all(store, workers=1).is_clean


def test_held_after_arrival_it_is_cleared_once_the_last_claim_comes(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "A marketplace", order())
    hand_in(store, intake, "A bank", payment())
    hand_in(store, intake, "A broker", declared())
    number = store.find("INV-1")
    Desk(store).act(number, Trigger.ARRIVED, "officer", on=DAY)
    assert store.outcome(number).row.state is State.AWAITING_DOCUMENTS
    hand_in(store, intake, "A carrier", logistics())
    found = store.outcome(number)
    assert HoldKind.DOCUMENTS not in [hold.kind for hold in found.evaluation.decision.holds]
    assert found.row.state in (State.CLEARED, State.AWAITING_PAYMENT)
    assert replay.replay_all(store, workers=1).is_clean


def test_every_disagreement_is_a_finding_at_its_place(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "A marketplace", order("450", freight=Money(Decimal(25), "CNY")))
    hand_in(store, intake, "A bank", payment("100", Party(party_id="another", name="Wang Fang")))
    hand_in(store, intake, "A carrier", logistics())
    hand_in(store, intake, "A broker", declared())
    found = outcome(store)
    assert sorted(place for rule, place in told(found) if rule == "claim.differs") == [
        "amount_paid", "buyer.name", "buyer.party_id", "freight", "goods_items[1].invoice_price", "invoice_amount",
    ]  # fmt: skip
    words = next(each.words for each in found.evaluation.findings if each.pointer == "goods_items[1].invoice_price")
    assert "450 CNY" in words
    assert "300 CNY" in words
    assert "A marketplace" in words


def test_a_corrected_claim_frees_and_a_withdrawn_one_holds_again(store: PostgresStore, intake: Intake) -> None:
    tell_all(store, intake)
    hand_in(store, intake, "A broker", declared(price="310"))
    assert ("claim.differs", "goods_items[1].invoice_price") in told(outcome(store))
    hand_in(store, intake, "A marketplace", order("310", function=MessageFunction.AMENDMENT))
    assert told(outcome(store)) == []
    hand_in(store, intake, "A marketplace", order("310", function=MessageFunction.CANCELLATION))
    assert told(outcome(store)) == [("claim.missing", "invoice_id")]
    assert replay.replay_all(store, workers=1).is_clean


def test_another_platforms_order_of_the_same_number_and_another_carriers_document_are_not_meant(
    store: PostgresStore, intake: Intake
) -> None:
    hand_in(store, intake, "A marketplace", order("999", marketplace=Party(party_id="another")))
    hand_in(store, intake, "A bank", payment())
    hand_in(store, intake, "A carrier", logistics("another"))
    hand_in(store, intake, "A broker", declared())
    assert told(outcome(store)) == [
        ("claim.missing", "invoice_id"),
        ("claim.missing", "consignment.transport_documents"),
    ]


def test_all_of_them_in_one_message_in_any_order(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "A broker", declared(), logistics(), order(), payment())
    assert told(outcome(store)) == []
    assert replay.replay_all(store, workers=1).is_clean


def test_where_the_law_wants_no_claims_none_is_asked_for(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, "A broker", replace(declared(), procedure_category=""))
    assert told(store.outcome(receipt.lines[0].declaration_id)) == []


def test_however_many_orders_of_other_platforms_have_its_number_its_own_is_found(
    store: PostgresStore, intake: Intake
) -> None:
    others = [
        order("999", functional_reference_id=f"ORD-{at}", marketplace=Party(party_id=f"another {at}"))
        for at in range(CLAIMS_MAX)
    ]
    hand_in(store, intake, "Others", *others)
    tell_all(store, intake)
    hand_in(store, intake, "A broker", declared())
    assert told(outcome(store)) == []
    assert replay.replay_all(store, workers=1).is_clean


def test_a_claim_corrected_to_be_on_another_parcel_is_missed_where_it_was(store: PostgresStore, intake: Intake) -> None:
    tell_all(store, intake)
    hand_in(store, intake, "A broker", declared())
    hand_in(store, intake, "A marketplace", order(invoice_id="O-2", function=MessageFunction.AMENDMENT))
    assert told(outcome(store)) == [("claim.missing", "invoice_id")]
    assert replay.replay_all(store, workers=1).is_clean


def test_in_one_message_too(store: PostgresStore, intake: Intake) -> None:
    moved = order(invoice_id="O-2", function=MessageFunction.AMENDMENT)
    hand_in(store, intake, "A broker", order(), payment(), logistics(), declared(), moved)
    assert told(outcome(store)) == [("claim.missing", "invoice_id")]
    assert replay.replay_all(store, workers=1).is_clean


def test_a_claim_does_not_arrive(store: PostgresStore, intake: Intake) -> None:
    number = hand_in(store, intake, "A marketplace", order()).lines[0].declaration_id
    with pytest.raises(TransitionError, match="no goods arrive"):
        Desk(store).act(number, Trigger.ARRIVED, "officer", on=DAY)
    presented = Declaration(functional_reference_id="ORD-1", function=MessageFunction.PRESENTATION)
    said = hand_in(store, intake, "A marketplace", presented)
    assert "submission.not_allowed" in [each.rule_id for each in said.findings]
    assert store.outcome(number).row.state is State.RECEIVED
    assert replay.replay_all(store, workers=1).is_clean


def test_a_claim_that_an_officer_refuses_is_missed_again(store: PostgresStore, intake: Intake) -> None:
    tell_all(store, intake)
    hand_in(store, intake, "A broker", declared())
    assert told(outcome(store)) == []
    Desk(store).act(store.find("ORD-1"), Trigger.REFUSED, "officer", "the platform is not registered")
    found = outcome(store)
    assert [each for each, _ in told(found)] == ["claim.missing"]
    assert HoldKind.DOCUMENTS in [hold.kind for hold in found.evaluation.decision.holds]
    assert replay.replay_all(store, workers=1).is_clean
