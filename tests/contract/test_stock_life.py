"""An account through its days: refusals, repeats, crashes, late and doubled events, corrections, transfers, claims."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import msgspec
import psycopg
import pytest
from msgspec import Struct

from tidewaiter.cli import stock_example as example
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.messages import forms
from tidewaiter.messages.epcis.writing import body_of, document
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, GoodsLocation, Party
from tidewaiter.model.errors import ConflictError
from tidewaiter.model.event import Action, ErrorDeclaration, Event, EventType, Quantity, Typed
from tidewaiter.model.event_words import STEP, VOCABULARY
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.stock.counting import CountedLine, StockCount
from tidewaiter.stock.facts import Fact, Kind
from tidewaiter.stock.filings import BuyerReturn, Entry, Order, OrderLine, Place
from tidewaiter.stock.law import PlaceKind
from tidewaiter.store import PostgresStore
from tidewaiter.web.stocking import stocking
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.capturing import Captor, Capturing
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.stock import StockKeeper
from tidewaiter.workflow.stock_acts import Removal, StockActs, Transfer
from tidewaiter.workflow.stock_following import StockFollower
from tidewaiter.workflow.stock_recording import keep_facts
from tidewaiter.workflow.stock_records import (
    ArrivingStock,
    FilingState,
    KeptAccount,
    MessageKind,
    Opening,
    StockError,
    StockReceipt,
    StockWriting,
)

pytestmark = pytest.mark.usefixtures("lawful")

GOODS = example.GOODS
CLASS = f"{VOCABULARY}ref/goods/{GOODS}"
BEFORE = datetime.now(UTC) - timedelta(days=3)


class House(Struct, frozen=True):
    """An account with 1,000 units in, and what acts on it."""

    store: PostgresStore
    keeper: StockKeeper
    acts: StockActs
    kept: KeptAccount
    at: datetime | None = None
    """When it is told; now where it is not said."""

    def tell(self, kind: MessageKind, *records: Struct, key: str = "") -> StockReceipt:
        body = b"\n".join(msgspec.json.encode(record) for record in records)
        return self.keeper.submit(
            ArrivingStock(
                account_no=self.kept.account_no, kind=kind, body=body, idempotency_key=key, told_by="test",
                received_at=self.at or now(),
            )
        )  # fmt: skip

    def balance(self) -> Decimal:
        return sum((lot.balance for lot in self.keeper.account(self.kept).lots), Decimal(0))

    def reserved(self) -> Decimal:
        return sum((lot.reserved for lot in self.keeper.account(self.kept).lots), Decimal(0))

    def follow(self, *events: Event, teller: int | None = None) -> None:
        capturing = Capturing(self.store, [StockFollower(self.store)])
        captured = capturing.capture(written(events), Captor("test", teller), now())
        assert captured.is_success, captured.findings

    def examined(self) -> None:
        """What chance has drawn is examined, and goes on: what it draws changes with the year, which is in the numbers."""
        example.examine(self.store, self.kept)
        self.keeper.settle()

    def found(self) -> set[str]:
        return {each.finding.rule_id for each in self.store.stock.findings(self.kept.account_no)}


@pytest.fixture
def house(store: PostgresStore, intake: Intake) -> House:
    keeper = StockKeeper(store, intake)
    kept = example.opened(store, keeper, now().date())
    made = House(store, keeper, StockActs(store), kept)
    entry = msgspec.structs.replace(example.entry(), arrived_at=BEFORE)
    made.tell(MessageKind.ENTRIES, entry)
    assert made.balance() == 1_000
    return made


def order(number: int, quantity: int = 1, country: str = "AE") -> Order:
    buyer = Party(name=f"Noor Aziz {number}", address=Address(line="1 Palm Street", city="Town", country_code=country))
    price = Money(Decimal(79 * quantity), "AED")
    line = OrderLine(goods_id=GOODS, quantity=Decimal(quantity), price=price)
    return Order(order_id=f"N-{number}", buyer=buyer, lines=(line,), transport_document_id=f"NW{number:08}")


def event(name: str, step: str, quantity: int, **more: object) -> Event:
    plain = {
        "event_id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}", "type": EventType.OBJECT, "event_time": now() - timedelta(hours=1),
        "time_zone": "+04:00", "quantities": (Quantity(CLASS, Decimal(quantity)),), "biz_step": STEP.get(step, step),
        "biz_location": example.LOCATION, "action": Action.OBSERVE,
    }  # fmt: skip
    return Event(**{**plain, **more})


def written(events: Sequence[Event]) -> bytes:
    """The events as a document that is captured."""
    return document([msgspec.structs.replace(each, body=body_of(each)) for each in events], now())


# --- orders ----------------------------------------------------------------------------------------------------------


def test_goods_leave_only_on_release_and_what_is_refused_stays(house: House) -> None:
    receipt = house.tell(MessageKind.ORDERS, order(1, 10))
    (line,) = receipt.lines
    assert (house.balance(), house.reserved()) == (1_000, 10)  # it waits for payment
    assert line.declaration_id is not None
    Desk(house.store).act(line.declaration_id, Trigger.REFUSED, "officer anna", "counterfeit")
    assert house.keeper.settle() == 1
    assert (house.balance(), house.reserved()) == (1_000, 0)
    (filing,) = house.store.stock.filings(house.kept.account_no, state=FilingState.LIFTED)
    assert filing.words == "the declaration is refused"


def test_what_was_released_and_is_invalidated_comes_back(house: House) -> None:
    receipt = house.tell(MessageKind.ORDERS, order(1, 10, "SA"))
    assert house.balance() == 990  # a re-export is released at once
    number = receipt.lines[0].declaration_id
    assert number is not None
    desk = Desk(house.store)
    desk.act(number, Trigger.INVALIDATION_GRANTED, "officer anna", "the buyer withdrew")
    house.keeper.settle()
    assert house.balance() == 1_000
    assert house.keeper.settle() == 0


def test_a_message_told_twice_changes_nothing_and_a_key_has_one_content(house: House) -> None:
    first = house.tell(MessageKind.ORDERS, order(1, 5, "SA"), key="k")
    again = house.tell(MessageKind.ORDERS, order(1, 5, "SA"), key="k")
    assert again.is_repeat
    assert again.lines == first.lines
    assert house.balance() == 995
    with pytest.raises(ConflictError, match="was used for other content"):
        house.tell(MessageKind.ORDERS, order(2, 5, "SA"), key="k")
    other = house.tell(MessageKind.ORDERS, order(1, 5, "SA"), order(3, 1, "SA"))
    assert [finding.words for finding in other.findings] == ["N-1 was told before"]
    assert (other.taken_count, house.balance()) == (1, 994)


def test_goods_are_kept_in_one_unit_and_nothing_is_ordered_or_sent_back_of_nothing(house: House) -> None:
    entry = msgspec.structs.replace(example.entry(), entry_id="E-2", transport_document_id="E-2")

    def again(**fields: object) -> Entry:
        return msgspec.structs.replace(entry, lines=(msgspec.structs.replace(entry.lines[0], lot_id="L-2", **fields),))

    empty = BuyerReturn(return_id="R-1", order_id="N-1", lines=())
    for kind, record, words in (
        (MessageKind.ENTRIES, again(unit="KGM"), "is kept in C62, and entry E-2 counts KGM"),
        (MessageKind.ENTRIES, again(unit="bananas", goods_id="OTHER"), "'bananas' is no unit"),
        (MessageKind.ORDERS, msgspec.structs.replace(order(1), lines=()), "order N-1 has no lines"),
        (MessageKind.RETURNS, empty, "return R-1 has no lines"),
    ):
        receipt = house.tell(kind, record)
        assert (receipt.taken_count, [words in each.words for each in receipt.findings]) == (0, [True])
    assert house.tell(MessageKind.ENTRIES, again(unit="EA")).findings == ()


def test_where_nothing_is_left_the_count_is_nothing(house: House) -> None:
    line = CountedLine(goods_id=GOODS, quantity=Decimal(0))
    receipt = house.tell(MessageKind.COUNT, StockCount(count_id="C-1", counted_at=now(), lines=(line,)))
    assert (receipt.taken_count, receipt.findings) == (1, ())
    (count,) = house.store.stock.counts(house.kept.account_no)
    house.acts.book_count(count.count_no, "officer anna", "all of it was stolen")
    assert house.balance() == 0
    below = house.tell(
        MessageKind.COUNT,
        StockCount(count_id="C-2", counted_at=now(), lines=(msgspec.structs.replace(line, quantity=Decimal(-1)),)),
    )
    assert [each.words for each in below.findings] == ["“quantity” must be a number from 0"]


def test_more_than_is_there_is_not_sold_and_the_others_are(house: House) -> None:
    receipt = house.tell(MessageKind.ORDERS, order(1, 600, "SA"), order(2, 600, "SA"), order(3, 400, "SA"))
    assert [finding.place for finding in receipt.findings] == ["record 2"]
    assert (receipt.taken_count, house.balance()) == (2, 0)


class Crashes(Exception):
    """What a test breaks off with."""


class BreakingIntake:
    """An intake that is gone after it took the message in, or before."""

    def __init__(self, intake: Intake | None) -> None:
        self.intake = intake

    def submit(self, *args: object, **named: object) -> object:
        if self.intake is not None:
            self.intake.submit(*args, **named)
        raise Crashes


@pytest.mark.parametrize("when", ["before it is handed in", "after it was taken in"])
def test_after_a_crash_it_goes_on_and_nothing_is_declared_or_moved_twice(
    house: House, intake: Intake, when: str
) -> None:
    broken = StockKeeper(house.store, BreakingIntake(intake if when.startswith("after") else None))
    with pytest.raises(Crashes):
        msgspec.structs.replace(house, keeper=broken).tell(MessageKind.ORDERS, order(1, 5, "SA"), order(2, 5, "SA"))
    assert house.reserved() == 10
    (receipt,) = house.keeper.resume()
    assert (receipt.taken_count, receipt.findings) == (2, ())
    house.examined()
    assert (house.balance(), house.reserved()) == (990, 0)
    assert house.keeper.resume() == []
    assert house.store.counts()["declarations"] == 3


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event_told_twice_counts_once(house: House) -> None:
    told = event("1", "destroying", 5, biz_transactions=(Typed("cert", "urn:x:CERT-1"),))
    house.follow(told, told)
    house.follow(told)
    assert house.balance() == 995
    assert house.found() == set()


@pytest.mark.parametrize(
    ("step", "quantity"),
    [("destroying", Quantity(CLASS, Decimal(500), "GRM")), ("losing", Quantity(CLASS, Decimal(2), "KGM")),
     ("zone_leaving", Quantity(CLASS, None))],
)  # fmt: skip
def test_an_event_that_counts_otherwise_than_the_account_moves_nothing_and_is_told(
    house: House, step: str, quantity: Quantity
) -> None:
    house.follow(event("u", step, 1, quantities=(quantity,)))
    assert house.balance() == 1_000
    assert house.found() == {"stock.not_followed"}


def test_an_event_may_name_the_unit_that_pieces_have(house: House) -> None:
    house.follow(event("u", "destroying", 5, quantities=(Quantity(CLASS, Decimal(5), "EA"),)))
    assert house.balance() == 995


def test_events_that_come_late_or_in_any_order_give_the_same_closing(house: House) -> None:
    early = event("e", "destroying", 900, event_time=BEFORE - timedelta(hours=1))
    house.follow(early)
    account = house.keeper.account(house.kept)
    assert (house.balance(), [each.quantity for each in account.uncovered]) == (1_000, [900])  # before anything came
    assert account.lots[0].balance >= 0
    house.follow(_entering("late", 2_000, event_time=BEFORE - timedelta(hours=2)))
    house.keeper.resume()
    house.examined()
    assert house.keeper.account(house.kept).uncovered == ()
    assert house.balance() == 1_000 + 2_000 - 900


def test_goods_that_enter_by_an_event_are_declared_from_what_comes_with_it(house: House) -> None:
    house.follow(_entering("9", 40))
    assert house.balance() == 1_000  # nothing is in before its declaration is released
    house.keeper.resume()
    house.examined()
    assert house.balance() == 1_040
    (filing, *_) = house.store.stock.filings(house.kept.account_no)
    assert filing.declaration_id is not None
    assert house.store.decision(filing.declaration_id).row.dataset == "ZONE"


def test_a_lot_that_comes_again_is_a_lot_of_its_own(house: House) -> None:
    again = Quantity(f"{CLASS}/lot/LOT-1", Decimal(7))
    house.follow(_entering("7", 7, quantities=(again,)))
    house.keeper.resume()
    house.examined()
    first, second = house.keeper.account(house.kept).lots
    assert (first.lot_id, first.balance) == ("LOT-1", 1_000)
    assert (second.lot_id.startswith("LOT-1 urn:uuid:"), second.balance) == (True, 7)


def test_events_are_held_against_entries_and_orders(house: House) -> None:
    receipt = house.tell(MessageKind.ORDERS, order(1, 3), order(2, 3, "SA"))
    house.examined()
    assert receipt.lines[0].state == "open"
    assert house.balance() == 997, "what went abroad is out of the account"
    house.follow(event("a", "zone_leaving", 3, biz_transactions=(Typed("po", "urn:x:N-2"),)))
    assert house.found() == set()  # released: as it should be
    house.follow(event("b", "zone_leaving", 3, biz_transactions=(Typed("po", "urn:x:N-1"),)))
    assert house.found() == {"stock.left_before_release"}
    house.follow(event("c", "zone_entering", 998, biz_transactions=(Typed("inv", "urn:x:BULK-2026-1"),)))
    assert house.found() == {"stock.left_before_release", "stock.arrived_otherwise"}
    assert house.balance() == 997
    house.follow(event("d", "zone_entering", 7))
    assert "stock.without_entry" in house.found()
    assert house.balance() == 997


def test_goods_that_leave_without_a_declaration_are_lost_and_their_debt_is_declared(house: House) -> None:
    house.follow(event("x", "zone_leaving", 4))
    assert house.balance() == 996
    assert house.found() == {"stock.left_without_declaration"}
    house.keeper.resume()
    (filing, *_) = house.store.stock.filings(house.kept.account_no)
    assert filing.declared_state is State.AWAITING_PAYMENT
    assert filing.declaration_id is not None
    assert house.store.decision(filing.declaration_id).row.due == Money(Decimal("10.25"), "AED")  # 5.00 and 5.25


def test_a_buyers_goods_come_back_by_an_event(house: House) -> None:
    house.tell(MessageKind.ORDERS, order(2, 3, "SA"))
    house.follow(
        event("r", "zone_entering", 2, disposition="returned", biz_transactions=(Typed("po", "urn:x:N-2"),)),
        event("s", "returning", 2, biz_transactions=(Typed("po", "urn:x:N-2"),)),  # more than were sold
    )
    assert house.balance() == 999
    assert house.found() == {"stock.not_followed"}


def test_an_event_told_in_error_is_taken_back(house: House) -> None:
    told = event("1", "destroying", 5)
    house.follow(told)
    assert (house.balance(), house.found()) == (995, {"stock.unsupervised"})
    house.follow(
        msgspec.structs.replace(told, error_declaration=ErrorDeclaration(declared_at=now(), reason="incorrect_data"))
    )
    assert house.balance() == 1_000


def test_nobody_but_its_operator_moves_an_account(house: House) -> None:
    stranger = house.store.senders.ensure("Somebody Else").sender_id
    house.follow(event("1", "destroying", 500), teller=stranger)
    house.follow(event("2", "destroying", 500, biz_location="urn:epc:id:sgln:999.1.0"))
    assert (house.balance(), house.found()) == (1_000, {"stock.told_by_another"})
    house.follow(event("3", "destroying", 500), teller=house.kept.sender_id)
    assert house.balance() == 500


def _entering(name: str, quantity: int, **more: object) -> Event:
    words = {
        "commodity_code": "610910", "description": "Men's T-shirts of cotton, knitted, printed", "unit_value": "25",
        "currency": "AED", "origin": "CN", "consignor": "Pearl River Garments",
    }  # fmt: skip
    ilmd = {VOCABULARY + key: value for key, value in words.items()}
    return event(name, "zone_entering", quantity, ilmd=ilmd, action=Action.ADD, **more)


# --- acts ------------------------------------------------------------------------------------------------------------


def test_a_transfer_carries_value_and_suspension_and_loses_nothing(house: House) -> None:
    other = _second(house)
    transfer = Transfer(
        account_no=house.kept.account_no, to_account_no=other.account_no, transfer_id="T-1", goods_id=GOODS,
        quantity=Decimal(333), by="officer anna",
    )  # fmt: skip
    house.acts.transfer(transfer)
    (here,), (there,) = house.keeper.account(house.kept).lots, house.keeper.account(other).lots
    assert (here.balance, there.balance) == (667, 333)
    assert here.value + there.value == Money(Decimal("25000.00"), "AED")
    assert here.suspended + there.suspended == Money(Decimal("2562.50"), "AED")
    with pytest.raises(StockError, match="told before"):
        house.acts.transfer(transfer)
    assert house.balance() == 667


def test_what_is_promised_is_not_destroyed_and_a_correction_takes_back_once(house: House) -> None:
    house.tell(MessageKind.ORDERS, order(1, 999))
    removal = Removal(
        account_no=house.kept.account_no, removal_id="C-1", kind=Kind.DESTROYED, goods_id=GOODS, quantity=Decimal(2),
        by="officer anna",
    )  # fmt: skip
    with pytest.raises(StockError, match="1 of 2 TEE-BLUE-M are not there"):
        house.acts.remove(removal)
    (fact,) = house.acts.remove(msgspec.structs.replace(removal, quantity=Decimal(1)))
    assert house.balance() == 999
    then = now()
    house.acts.correct(house.kept.account_no, fact.source, "officer anna", "the certificate was another's")
    with pytest.raises(StockError):
        house.acts.correct(house.kept.account_no, fact.source, "officer anna", "again")
    assert house.balance() == 1_000
    as_it_was = house.keeper.account(house.kept, known_at=then)
    assert as_it_was.lots[0].balance == 999


def test_facts_are_not_changed_or_removed(house: House, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in ("UPDATE stock_fact SET kind = 'loss'", "DELETE FROM stock_fact", "TRUNCATE stock_fact"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(statement.encode())


def test_each_fact_is_on_the_record(house: House, database_url: str) -> None:
    house.follow(event("1", "destroying", 5), event("2", "sampling", 1))
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT * FROM record_entry").fetchall()
    entries = b" ".join(bytes(value) for row in rows for value in row if isinstance(value, bytes | memoryview))
    text = entries.decode("ascii", "replace") + " ".join(str(row) for row in rows)
    assert text.count('"type":"stock_in"') >= 1
    assert text.count('"type":"stock_destroyed"') >= 1
    assert '"why":"sample"' in text
    assert GOODS not in text


def test_what_went_before_it_was_told_to_have_come_is_told_as_irregular(house: House) -> None:
    other = _second(house)
    lost = Fact(
        source="loss:1",
        kind=Kind.LOSS,
        goods_id=GOODS,
        lot_id="A",
        quantity=Decimal(1),
        effective_at=now(),
        recorded_at=now(),
    )
    came = msgspec.structs.replace(lost, source="in:1", kind=Kind.RECEIVED_ABROAD)
    again = msgspec.structs.replace(lost, source="loss:2")
    for fact in (lost, came, again):
        with house.store.writing() as writing:
            keep_facts(cast(StockWriting, writing), other.account_no, [fact])
    leaves = [Leaf.parse(each.entry) for each in house.store.logs.of_subject(f"stock:{other.account_no}")]
    assert [(each.type, each.facts.get("irregular")) for each in leaves] == [
        ("stock_out", 1), ("stock_in", None), ("stock_out", None),
    ]  # fmt: skip


# --- claims ----------------------------------------------------------------------------------------------------------


def test_orders_that_a_marketplace_tells_are_fulfilled_from_stock_once(house: House, intake: Intake) -> None:
    def claim(name: str, seller: str) -> Declaration:
        item = GoodsItem(line_no=1, sku=GOODS, quantity=Decimal(2), invoice_price=Money(Decimal(138), "AED"))
        buyer = Party(name="Sara Lind", address=Address(line="3 Hill", city="Riyadh", country_code="SA"))
        location = GoodsLocation(location_id=house.kept.place.place_id)
        return Declaration(
            functional_reference_id=name, jurisdiction_code="AE", procedure_category="ORDER", invoice_id=name,
            goods_items=(item,), buyer=buyer, seller=Party(party_id=seller),
            consignment=Consignment(goods_location=location),
        )  # fmt: skip

    market = house.store.senders.ensure("Bazaar").sender_id
    body = forms.by_name("json").write([claim("B-1", example.OPERATOR_ID), claim("B-2", "OP-OTHER")])
    intake.submit(io.BytesIO(body), sender_id=market, file_name="b", transport="test")
    keep = stocking(house.store)
    keep()
    keep()
    assert house.balance() == 998
    assert house.store.stock.filing(house.kept.account_no, f"stock {house.kept.account_no} order B-2") is None


# --- other law -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told_at", [datetime(2026, 10, 20, 12, tzinfo=UTC)], ids=["a day whose rates are held"])
def test_a_union_free_zone_is_entered_in_records_and_notifies_what_leaves_again(
    store: PostgresStore, told_at: datetime
) -> None:
    with Intake(store, workers=1, clock=lambda: told_at) as intake:
        _a_free_zone(store, StockKeeper(store, intake, clock=lambda: told_at), told_at)


def _a_free_zone(store: PostgresStore, keeper: StockKeeper, at: datetime) -> None:
    kept = _opened(store, keeper, "DE", PlaceKind.FREE_ZONE, "DE-OP")
    made = House(store, keeper, StockActs(store), kept, at)
    line = msgspec.structs.replace(example.entry().lines[0], value=Money(Decimal(25_000), "EUR"))
    made.tell(MessageKind.ENTRIES, msgspec.structs.replace(example.entry(), lines=(line,)))
    assert made.balance() == 1_000  # no declaration is made for the free zone procedure
    assert store.counts()["declarations"] == 0
    euros = [
        msgspec.structs.replace(
            each, lines=tuple(msgspec.structs.replace(line, price=Money(Decimal(79), "EUR")) for line in each.lines)
        )
        for each in (order(1, 1, "FR"), order(2, 1, "US"))
    ]
    receipt = made.tell(MessageKind.ORDERS, *euros)
    assert [each.flow for each in receipt.lines] == ["local", "abroad"]
    datasets = [store.decision(each.declaration_id or 0).row.dataset for each in receipt.lines]
    assert datasets == ["H1", "A3"]
    assert made.balance() == 999


def _second(house: House) -> KeptAccount:
    return _opened(house.store, house.keeper, "AE", PlaceKind.WAREHOUSE, "OP-2")


def _opened(store: PostgresStore, keeper: StockKeeper, code: str, kind: PlaceKind, operator_id: str) -> KeptAccount:
    name = f"Operator {operator_id}"
    place = Place(
        place_id=f"P-{operator_id}", place_name="South Quay", jurisdiction_code=code, operator_id=operator_id,
        operator_name=name,
    )  # fmt: skip
    return keeper.open(Opening(sender_id=store.senders.ensure(name).sender_id, place=place, place_kind=kind), "anna")
