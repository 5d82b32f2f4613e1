"""The registry of elections in a real PostgreSQL: proposed, approved by another, held for the law's minimum, obeyed."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party, TransportMeans
from tidewaiter.model.errors import ConflictError, NotFoundError, NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.elections import Elections
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Proposal

AT = datetime(2025, 9, 1, 9, tzinfo=UTC)
POST = "US-CARRIER-7"


@pytest.fixture
def elections(store: PostgresStore) -> Elections:
    return Elections(store, clock=lambda: AT)


def wish(option: str = "flat", starts_on: date = date(2025, 9, 10), operator: str = POST) -> Proposal:
    return Proposal(
        jurisdiction_code="US",
        measure_id="us.postal.duty",
        operator_id=operator,
        option=option,
        starts_on=starts_on,
        proposed_by="officer 1",
    )


def scheme(store: PostgresStore, on: date, reference: str) -> str:
    item = GoodsItem(
        line_no=1,
        description="Cotton shirt, knitted",
        commodity_code="610910",
        gross_mass_kg=Decimal("0.3"),
        invoice_price=Money(Decimal(60), "USD"),
        origin_country_code="CN",
    )
    parcel = Declaration(
        functional_reference_id=reference,
        jurisdiction_code="US",
        goods_items=(item,),
        consignment=Consignment(border_transport=TransportMeans(mode_code="5")),
        declarant=Party(party_id="us carrier 7", name="A carrier"),
        consignor=Party(name="A shop"),
        consignee=Party(name="Jo Doe"),
    )
    for day in (datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    sender_id = store.senders.ensure("A carrier").sender_id
    with Intake(store, workers=1) as intake:
        body = forms.by_name("json").write([parcel])
        receipt = intake.submit(
            io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=on
        )
    assessment = store.outcome(receipt.lines[0].declaration_id).evaluation.assessment
    assert assessment is not None
    return assessment.scheme


def test_what_is_approved_is_obeyed_from_its_day_on(store: PostgresStore, elections: Elections) -> None:
    proposed = elections.propose(wish())
    assert proposed.is_approved is None
    assert scheme(store, date(2025, 9, 10), "A") == "schemes.postal_value", "nobody has approved it"
    approved = elections.answer(proposed.election_id, is_approved=True, by="officer 2")
    assert (approved.is_approved, approved.answered_by) == (True, "officer 2")
    assert scheme(store, date(2025, 9, 9), "B") == "schemes.postal_value"
    assert scheme(store, date(2025, 9, 10), "C") == "schemes.postal_high"
    assert replay.replay_all(store, workers=1).is_clean


def test_four_eyes(store: PostgresStore, elections: Elections) -> None:
    proposed = elections.propose(wish())
    with pytest.raises(ConflictError, match="another must answer"):
        elections.answer(proposed.election_id, is_approved=True, by="officer 1")
    elections.answer(proposed.election_id, is_approved=False, by="officer 2")
    with pytest.raises(ConflictError, match="answered already"):
        elections.answer(proposed.election_id, is_approved=True, by="officer 3")
    with psycopg.connect(store.url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("UPDATE election SET chosen = 'value'")
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM election_answer")


def test_an_option_is_held_for_the_minimum(elections: Elections) -> None:
    first = elections.propose(wish())
    elections.answer(first.election_id, is_approved=True, by="officer 2")
    with pytest.raises(ConflictError, match="holds for 30 days") as refused:
        elections.propose(wish("value", date(2025, 10, 9)))
    assert "2025-10-10" in refused.value.hint
    later = elections.propose(wish("value", date(2025, 10, 10)))
    elections.answer(later.election_id, is_approved=True, by="officer 2")
    assert elections.propose(wish("value", date(2025, 9, 20), "ANOTHER CARRIER")).option == "value"


def test_two_waiting_proposals_cannot_both_be_approved_within_the_minimum(elections: Elections) -> None:
    one, other = elections.propose(wish("flat")), elections.propose(wish("value", date(2025, 9, 12)))
    elections.answer(one.election_id, is_approved=True, by="officer 2")
    with pytest.raises(ConflictError, match="holds for 30 days"):
        elections.answer(other.election_id, is_approved=True, by="officer 2")
    elections.answer(other.election_id, is_approved=False, by="officer 2")


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"option": "none"}, NotFoundError, "no option"),
        ({"measure_id": "nothing"}, NotFoundError, "has no election"),
        ({"jurisdiction_code": "GB"}, NotFoundError, "has no election"),
        ({"jurisdiction_code": "ZZ"}, NotInForceError, "no law"),
        ({"starts_on": date(2025, 8, 31)}, ConflictError, "is past"),
        ({"starts_on": date(2026, 3, 1)}, NotFoundError, "has no election"),
        ({"operator_id": " - "}, NotFoundError, "operator"),
    ],
)
def test_what_cannot_be_elected(
    elections: Elections, changed: dict[str, object], error: type[Exception], said: str
) -> None:
    from msgspec.structs import replace

    with pytest.raises(error, match=said):
        elections.propose(replace(wish(), **changed))
