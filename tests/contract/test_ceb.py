"""The messages of one parcel from four senders, through the real intake: matched, assessed, answered, replayed."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from lxml import etree
from tests.ceb import ANOTHER_BUYER, message

from tidewaiter.messages.ceb import answers
from tidewaiter.model.decision import HoldKind, NoticeKind, State
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 6, 15)
FROM = {"311": "A marketplace", "411": "A bank", "511": "A carrier", "621": "A broker", "623": "A broker"}
SENDERS = {number: sender for number, sender in FROM.items() if number != "623"}
LIST = "COP-2026-1"


def hand_in(store: PostgresStore, intake: Intake, number: str, **changed: str) -> Receipt:
    sender_id = store.senders.ensure(FROM[number]).sender_id
    body = io.BytesIO(message(number, changed))
    return intake.submit(body, sender_id=sender_id, file_name=f"CEB{number}.xml", transport="test", legal_day=DAY)


def outcome(store: PostgresStore) -> Outcome:
    return store.outcome(store.find(LIST))


def found_by(store: PostgresStore, receipt: Receipt) -> dict[str, str]:
    """What was found on the one record of a receipt: rule and place in the sender's terms, apart from the claims."""
    (line,) = receipt.lines
    findings = store.outcome(line.declaration_id).evaluation.findings
    return {each.rule_id: each.place for each in findings if not each.rule_id.startswith("claim.")}


def told(found: Outcome) -> list[tuple[str, str]]:
    return [(each.rule_id, each.pointer) for each in found.evaluation.findings if each.rule_id.startswith("claim.")]


def test_four_messages_of_one_parcel_match_and_nothing_is_found(store: PostgresStore, intake: Intake) -> None:
    for number in SENDERS:
        receipt = hand_in(store, intake, number)
        assert found_by(store, receipt) == {}
    found = outcome(store)
    assert found.evaluation.findings == ()
    assert found.row.dataset == "CBEC"
    assert HoldKind.DOCUMENTS not in [hold.kind for hold in found.evaluation.decision.holds]
    assert replay.replay_all(store, workers=1).is_clean


def test_a_declaration_list_is_assessed_by_the_formula_of_cross_border_trade(
    store: PostgresStore, intake: Intake
) -> None:
    for number in SENDERS:
        hand_in(store, intake, number)
    assessment = outcome(store).evaluation.assessment
    assert assessment is not None
    assert assessment.scheme == "schemes.cbec"
    assert assessment.customs_value == Money(Decimal(320), "CNY"), "goods and freight"
    assert [(each.type_code, each.result) for each in assessment.charges if each.result.amount] == [
        ("B00", Money(Decimal("29.12"), "CNY"))  # 320 x 13 % x 70 %
    ]


@pytest.mark.parametrize(
    ("number", "changed", "wanted"),
    [
        ("311", {"orderNo": "O-2"}, ("claim.missing", "invoice_id")),
        ("311", {"ebpCode": "9999999999"}, ("claim.missing", "invoice_id")),
        ("311", {"freight": "21"}, ("claim.differs", "freight")),
        ("311", {"acturalPaid": "350.12"}, ("claim.differs", "amount_paid")),
        ("311", {"goodsValue": "301"}, ("claim.differs", "invoice_amount")),
        ("311", {"totalPrice": "299"}, ("claim.differs", "goods_items[1].invoice_price")),
        ("311", {"qty": "3"}, ("claim.differs", "goods_items[1].quantity")),
        ("311", {"unit": "011"}, ("claim.differs", "goods_items[1].quantity")),
        ("311", {"buyerIdNumber": ANOTHER_BUYER}, ("claim.differs", "buyer.party_id")),
        ("311", {"consignee": "王芳"}, ("claim.differs", "consignee.name")),
        ("411", {"orderNo": "O-2"}, ("claim.missing", "invoice_id")),
        ("411", {"amountPaid": "300"}, ("claim.differs", "amount_paid")),
        ("411", {"payerIdNumber": ANOTHER_BUYER}, ("claim.differs", "buyer.party_id")),
        ("411", {"payerName": "王芳"}, ("claim.differs", "buyer.name")),
        ("511", {"logisticsNo": "L-78"}, ("claim.missing", "consignment.transport_documents")),
        ("511", {"logisticsCode": "9999999999"}, ("claim.missing", "consignment.transport_documents")),
        ("511", {"weight": "1.8"}, ("claim.differs", "consignment.gross_mass_kg")),
        ("511", {"packNo": "2"}, ("claim.differs", "consignment.package_count")),
        ("511", {"consigneeAddress": "上海市"}, ("claim.differs", "consignee.address.line")),
    ],
)
def test_each_single_change_gives_its_one_finding(
    store: PostgresStore, intake: Intake, number: str, changed: dict[str, str], wanted: tuple[str, str]
) -> None:
    for each in SENDERS:
        hand_in(store, intake, each, **(changed if each == number else {}))
    assert told(outcome(store)) == [wanted]


def test_a_changed_order_frees_and_a_deleted_one_holds_again(store: PostgresStore, intake: Intake) -> None:
    hand_in(store, intake, "311", acturalPaid="350.12")
    for number in ("411", "511", "621"):
        hand_in(store, intake, number)
    assert told(outcome(store)) == [("claim.differs", "amount_paid")]
    hand_in(store, intake, "311", appType="2")
    assert told(outcome(store)) == []
    hand_in(store, intake, "311", appType="3")
    assert told(outcome(store)) == [("claim.missing", "invoice_id")]


@pytest.mark.parametrize("by", ["invtNo", "copNo"])
def test_a_list_is_withdrawn_by_the_number_it_was_given_or_its_own(
    store: PostgresStore, intake: Intake, by: str
) -> None:
    for number in SENDERS:
        hand_in(store, intake, number)
    given = outcome(store).row.registered_id
    receipt = hand_in(store, intake, "623", **({"invtNo": given, "copNo": ""} if by == "invtNo" else {"invtNo": ""}))
    assert receipt.lines[0].state is State.INVALIDATED
    assert outcome(store).row.state is State.INVALIDATED
    assert replay.replay_all(store, workers=1).is_clean


def test_the_place_of_a_finding_is_the_senders_element(store: PostgresStore, intake: Intake) -> None:
    receipt = hand_in(store, intake, "621", packNo="6000", totalPrice="20")
    places = found_by(store, receipt)
    assert places["cbec.package_count"] == "/CEB621Message/Inventory/InventoryHead/packNo"
    assert places["amount.line_total"] == "/CEB621Message/Inventory/InventoryList[1]/totalPrice"


def test_what_is_no_declaration_is_refused_with_a_word(store: PostgresStore, intake: Intake) -> None:
    sender_id = store.senders.ensure("A broker").sender_id
    body = (
        b'<CEB312Message xmlns="http://www.chinaport.gov.cn/ceb" guid="1" version="1.0"><OrderReturn><orderNo>O-1</orderNo>'
        b"<returnStatus>120</returnStatus></OrderReturn></CEB312Message>"
    )
    receipt = intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="a.xml", transport="test", legal_day=DAY)
    assert receipt.lines[0].state is State.REJECTED
    assert found_by(store, receipt)["message.kind"] == "/CEB312Message"


def test_released_it_is_answered_with_its_number_and_its_tax_bill(store: PostgresStore, intake: Intake) -> None:
    for number in SENDERS:
        hand_in(store, intake, number)
    Desk(store).act(store.find(LIST), Trigger.ARRIVED, "officer", on=DAY)
    found = outcome(store)
    at = datetime(2026, 6, 15, 3, 4, 5, 678000, tzinfo=UTC)
    declared = content(store, sources_of(store.kept(found.row.declaration_id, found.row.version)))
    assert declared is not None
    number = found.row.registered_id
    released = etree.fromstring(
        answers.write_answer(NoticeKind.RELEASED, declared, found.evaluation, registered_id=number, issued_at=at)
    )
    texts = {etree.QName(each).localname: each.text for each in released.iter() if not len(each)}
    assert texts["returnStatus"] == "800"
    assert texts["returnTime"] == "20260615110405678"
    assert (texts["invtNo"], texts["copNo"]) == (number, LIST)
    bill = etree.fromstring(
        answers.write_answer(NoticeKind.TAX_FINAL, declared, found.evaluation, registered_id=number, issued_at=at)
    )
    amounts = [each.text for each in bill.iter("{*}valueAddedTax")]
    assert amounts == ["29.12", "29.12"], "on the whole and on the line"
