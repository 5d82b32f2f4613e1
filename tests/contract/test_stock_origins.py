"""Movements say what they came from, and an account is shown as it was known."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from contract import test_stock_life as life
from contract.test_stock_life import GOODS, House, event, order
from tidewaiter.model.event import Typed
from tidewaiter.stock.counting import CountedLine, StockCount
from tidewaiter.stock.facts import Kind
from tidewaiter.stock.filings import BuyerReturn, ReturnLine
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.stock_acts import Removal, Transfer
from tidewaiter.workflow.stock_origins import Origin, OriginKind
from tidewaiter.workflow.stock_records import MessageKind, Opening

pytestmark = pytest.mark.usefixtures("lawful")
house = life.house  # the fixture


def came_from(house: House) -> list[tuple[Kind, Origin]]:
    movements = house.keeper.account(house.kept).movements
    origins = house.keeper.origins(house.kept.account_no, movements)
    return [(each.kind, origins[each.source]) for each in movements]


def declared(house: House) -> dict[str, int | None]:
    return {each.reference: each.declaration_id for each in house.store.stock.filings(house.kept.account_no)}


def count(house: House, there: int) -> int:
    lines = (CountedLine(goods_id=GOODS, quantity=Decimal(there)),)
    house.tell(MessageKind.COUNT, StockCount(count_id="C-1", counted_at=now(), lines=lines))
    return house.store.stock.counts(house.kept.account_no)[0].count_no


def test_what_was_declared_leads_to_its_declaration(house: House) -> None:
    house.tell(MessageKind.ORDERS, order(1, 3, "SA"))
    house.tell(
        MessageKind.RETURNS,
        BuyerReturn(return_id="R:1", order_id="N-1", lines=(ReturnLine(goods_id=GOODS, quantity=Decimal(1)),)),
    )
    leaving = event("gone", "zone_leaving", 2)
    house.follow(leaving)
    house.acts.book_count(count(house, 990), "officer anna", "nobody knows")
    house.keeper.resume()
    numbers = declared(house)
    found = dict(came_from(house))
    entry, sold = numbers["stock 1 entry BULK-2026-1"], numbers["stock 1 order N-1"]
    assert None not in (entry, sold)
    assert found[Kind.RECEIVED_ABROAD] == Origin(what=OriginKind.ENTRY, name="BULK-2026-1", declaration_id=entry)
    assert found[Kind.SOLD_ABROAD] == Origin(what=OriginKind.ORDER, name="N-1", declaration_id=sold)
    assert found[Kind.RETURNED] == Origin(what=OriginKind.RETURN, name="R:1", declaration_id=sold)
    losses = [origin for kind, origin in came_from(house) if kind is Kind.LOSS]
    missing, counted = numbers[f"stock 1 count event {leaving.event_id}"], numbers["stock 1 count C-1"]
    assert None not in (missing, counted)
    assert losses == [
        Origin(what=OriginKind.EVENT, name=leaving.event_id, declaration_id=missing),
        Origin(what=OriginKind.COUNT, name="C-1", declaration_id=counted),
    ]


def test_what_no_declaration_was_made_of_has_its_name(house: House) -> None:
    number = house.kept.account_no
    place = msgspec.structs.replace(house.kept.place, place_id="FZ-SOUTH", place_name="South Quay")
    opening = Opening(sender_id=house.kept.sender_id, place=place, place_kind=house.kept.place_kind)
    other = house.keeper.open(opening, "officer anna")
    house.acts.remove(
        Removal(
            account_no=number, removal_id="CERT:7", kind=Kind.SAMPLE, goods_id=GOODS, quantity=Decimal(1), by="anna"
        )
    )
    house.acts.transfer(
        Transfer(
            account_no=number, to_account_no=other.account_no, transfer_id="T-1", goods_id=GOODS, quantity=Decimal(5),
            by="anna",
        )
    )  # fmt: skip
    found = dict(came_from(house))
    assert found[Kind.SAMPLE] == Origin(what=OriginKind.CERTIFICATE, name="CERT:7")
    assert found[Kind.TRANSFERRED_OUT] == Origin(what=OriginKind.TRANSFER, name="T-1")
    (arrived,) = house.keeper.account(other).movements
    origins = house.keeper.origins(other.account_no, [arrived])
    assert origins[arrived.source] == Origin(what=OriginKind.TRANSFER, name="T-1")


def test_a_return_that_an_event_tells_leads_to_the_event_and_the_order(house: House) -> None:
    house.tell(MessageKind.ORDERS, order(1, 3, "SA"))
    of_order = (Typed("po", "urn:x:N-1"),)
    told = event("back", "zone_entering", 1, disposition="returned", biz_transactions=of_order)
    house.follow(told)
    found = dict(came_from(house))
    sold = declared(house)["stock 1 order N-1"]
    assert found[Kind.RETURNED] == Origin(what=OriginKind.EVENT, name=told.event_id, declaration_id=sold)


def test_an_account_is_shown_as_it_was_known(house: House) -> None:
    number = house.kept.account_no
    count_no = count(house, 997)
    counted = now()
    house.acts.book_count(count_no, "officer anna", "nobody knows")
    house.keeper.resume()
    then, today = house.keeper.standing(number, known_at=counted), house.keeper.standing(number)
    assert [(each.booked_by, each.words) for each in then.counts] == [("", "")]
    assert [each.booked_by for each in today.counts] == ["officer anna"]
    assert (then.there, today.there) == ((("C62", 1_000),), (("C62", 997),))
    assert [each.finding.rule_id for each in then.open_findings] == ["stock.shortage"]
    assert (len(today.findings), today.open_findings) == (1, ())  # answered for
    before = house.keeper.standing(number, known_at=house.kept.opened_at)
    assert (before.account.lots, before.counts, before.findings, before.filings) == ((), (), (), ())


def test_movements_of_a_period_are_those_that_took_effect_in_it(house: House) -> None:
    number = house.kept.account_no
    house.acts.remove(
        Removal(
            account_no=number,
            removal_id="S-1",
            kind=Kind.SAMPLE,
            goods_id=GOODS,
            quantity=Decimal(1),
            by="officer anna",
        )
    )
    received, sampled = house.keeper.account(house.kept).movements
    whole = house.keeper.movements(number, received.effective_at, sampled.effective_at)
    assert whole == [received]
    assert house.keeper.movements(number, sampled.effective_at, now()) == [sampled]
    assert house.keeper.movements(number, received.effective_at, now(), known_at=received.recorded_at) == [received]
