"""Postal items, marketplace messages and interchanges through the intake: decided, answered, replayed."""

from __future__ import annotations

import io
import json
from datetime import date
from importlib.resources import files

import msgspec
import pytest

from tidewaiter.messages.postal.answers import PostalAnswer
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.finding import Severity
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.documents import document_of
from tidewaiter.workflow import replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 6, 15)
ITEM = {
    "item_id": "RR000000016DK",
    "category_of_item": "sale_of_goods",
    "destination_country_code": "GB",
    "export_country_code": "DK",
    "posted_on": "2026-06-12",
    "sender": {"name": "Ane Eksempel", "address": {"line": "Vej 1", "city": "Odense", "country_code": "DK"}},
    "addressee": {"name": "Pat Example", "address": {"line": "1 High St", "city": "Leeds", "country_code": "GB"}},
    "gross_mass_kg": "0.6",
    "contents": [
        {
            "description": "Wool socks, knitted, for adults",
            "hs_code": "6115940000",
            "quantity": "2",
            "net_weight_kg": "0.2",
            "value": {"amount": "24.00", "currency": "GBP"},
            "country_of_origin_code": "DK",
        }
    ],
}
INTERCHANGE = """UNA:+.? 'UNB+UNOC:3+DKPOST+GBCUST+260615:1000+42'UNH+1+CUSCAR:D:00A:UN'BGM+785+M1+9'LOC+36+GB'LOC+35+DK'
CNI+1+RR000000033DK'NAD+CZ+++Ane Eksempel+Vej 1+Odense++5000+DK'NAD+CN+++Pat Example+1 High St+Leeds++LS1 1AA+GB'
MEA+WT+G+KGM:0.6'GID+1+1:BX'FTX+AAA+++Wool socks, knitted, for adults'CST+1+6115940000'MOA+38:24.00:GBP'LOC+27+DK'QTY+47:2'
UNT+15+1'UNZ+1+42'"""


def lodge(store: PostgresStore, intake: Intake, message: bytes, sender: str = "A Post") -> Receipt:
    sender_id = store.senders.ensure(sender).sender_id
    return intake.submit(io.BytesIO(message), sender_id=sender_id, file_name="message", transport="test", legal_day=DAY)


def outcomes(store: PostgresStore, receipt: Receipt) -> list[Outcome]:
    return [store.outcome(line.declaration_id) for line in receipt.lines]


def errors(outcome: Outcome) -> list[str]:
    return [each.rule_id for each in outcome.evaluation.findings if each.severity is Severity.ERROR]


def test_a_postal_item_is_decided_and_answered_in_its_own_words(store: PostgresStore, intake: Intake) -> None:
    (found,) = outcomes(store, lodge(store, intake, json.dumps(ITEM).encode()))
    assert errors(found) == []
    assert found.row.state is State.RECEIVED
    assert found.row.functional_reference_id == "RR000000016DK"
    assert found.evaluation.assessment is not None
    for notice in store.notices(None, 0, 10):
        answer = document_of(store, notice)
        assert answer.media_type == "application/json"
        told = msgspec.json.decode(answer.content, type=PostalAnswer)
        assert (told.item_id, told.notice) == ("RR000000016DK", notice.kind.value)
        assert told.due == found.evaluation.assessment.due
        assert [line.hs_code for line in told.contents] == ["6115940000"]
        assert document_of(store, notice, "wco-dm").media_type == "application/xml"


def test_a_table_of_items_names_row_and_column_of_what_is_wrong(store: PostgresStore, intake: Intake) -> None:
    table = (
        "item_id,destination_country_code,sender.name,addressee.name,gross_mass_kg,contents.description,"
        "contents.hs_code,contents.value.amount,contents.value.currency\n"
        "RR000000016DK,GB,Ane,Pat,0.6,Wool socks,6115940000,24.00,GBP\n"
        "RR000000020DK,GB,Ane,Pat,-1,Wool socks,6115940000,24.00,GBP\n"
    )
    first, second = outcomes(store, lodge(store, intake, table.encode()))
    assert errors(first) == []
    assert second.row.state is State.REJECTED
    assert "row 3, column gross_mass_kg" in {each.place for each in second.evaluation.findings}
    (notice,) = (each for each in store.notices(None, 0, 10) if each.kind is NoticeKind.REJECTED)
    told = msgspec.json.decode(document_of(store, notice).content, type=PostalAnswer)
    assert told.outcome == "reject"
    assert "row 3, column gross_mass_kg" in {remark.place for remark in told.remarks}


def test_the_same_item_as_an_interchange_comes_to_the_same_assessment(store: PostgresStore, intake: Intake) -> None:
    (own,) = outcomes(store, lodge(store, intake, json.dumps(ITEM).encode()))
    (other,) = outcomes(store, lodge(store, intake, INTERCHANGE.encode(), sender="Another Post"))
    assert errors(other) == []
    assert other.row.functional_reference_id == "RR000000033DK"
    assert own.evaluation.assessment is not None
    assert other.evaluation.assessment is not None
    assert other.evaluation.assessment.due == own.evaluation.assessment.due
    assert replay.replay_all(store, workers=1).is_clean


def test_a_marketplaces_order_and_payment_are_claims_on_what_is_declared_of_it(
    store: PostgresStore, intake: Intake
) -> None:
    party = {"party_id": "1101110325", "name": "Harbour Lane"}
    order = {
        "message": "order", "order_id": "O-1", "jurisdiction_code": "CN", "marketplace": party,
        "total": {"amount": "300", "currency": "CNY"}, "shipping": {"amount": "20", "currency": "CNY"},
        "buyer": {"party_id": "110101199003070011", "name": "Li Wei"},
        "lines": [{"sku": "AF-1", "title": "Scarf", "quantity": "2", "price": {"amount": "300", "currency": "CNY"}}],
    }  # fmt: skip
    payment = {
        "message": "payment", "order_id": "O-1", "payment_id": "P-1", "jurisdiction_code": "CN", "marketplace": party,
        "paid": {"amount": "320", "currency": "CNY"},
    }  # fmt: skip
    declaration = order | {
        "message": "CBEC", "functional_reference_id": "INV-1", "tracking_id": "L-1",
        "lines": [
            {
                "sku": "AF-1", "title": "Wool scarf, woven", "hs_code": "621420", "gross_mass_kg": "0.4",
                "quantity": "2", "country_of_origin_code": "IT", "price": {"amount": "299", "currency": "CNY"},
            }
        ],
    }  # fmt: skip
    message = "\n".join(json.dumps(each) for each in (order, payment)).encode()
    claims = outcomes(store, lodge(store, intake, message, sender="Harbour Lane"))
    assert [claim.evaluation.decision.dataset for claim in claims] == ["ORDER", "PAYMENT"]
    assert [claim.row.state for claim in claims] == [State.RECEIVED] * 2
    (found,) = outcomes(store, lodge(store, intake, json.dumps(declaration).encode(), sender="A Courier"))
    seen = {(each.rule_id, each.pointer, each.place) for each in found.evaluation.findings}
    assert ("claim.differs", "goods_items[1].invoice_price", "/lines/0/price") in seen
    missing = [each.words for each in found.evaluation.findings if each.rule_id == "claim.missing"]
    assert len(missing) == 1  # the transport only
    assert "transport" in missing[0]


@pytest.mark.parametrize("name", ["gb-post/2026-11-16.jsonl", "gb-post/2026-11-16.edi", "gb-platform/2026-11-16.json"])
def test_the_partners_of_the_demonstration_are_taken_in(store: PostgresStore, intake: Intake, name: str) -> None:
    message = files("tidewaiter.data").joinpath(f"samples/{name}").read_bytes()
    found = outcomes(store, lodge(store, intake, message))
    assert found
    assert [errors(each) for each in found] == [[]] * len(found)
    assert State.REJECTED not in {each.row.state for each in found}
    is_claim = [each.evaluation.decision.dataset in ("ORDER", "PAYMENT") for each in found]
    assert [each.evaluation.assessment is None for each in found] == is_claim
