"""The worked example: a bulk of 1,000 units in, 300 orders local, 200 abroad, 20 returned, 5 destroyed, 2 missing.

    keeper = StockKeeper(store, intake)
    run(store, keeper, release, today)

All of it is made up. The declarations are made, assessed and decided by the engine, as for anybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Address, Party
from tidewaiter.model.errors import ConflictError
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.stock.counting import CountedLine, StockCount
from tidewaiter.stock.facts import Kind
from tidewaiter.stock.filings import BuyerReturn, Entry, EntryLine, Order, OrderLine, Place, ReturnLine
from tidewaiter.stock.law import PlaceKind
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.stock import StockKeeper
from tidewaiter.workflow.stock_acts import Removal, StockActs
from tidewaiter.workflow.stock_records import (
    ArrivingStock,
    FilingState,
    KeptAccount,
    MessageKind,
    Opening,
    StockReceipt,
)

OPERATOR: Final = "Quayside Fulfilment"
OPERATOR_ID: Final = "OP-7001"
GUARANTEE: Final = "G-QUAYSIDE"
GOODS: Final = "TEE-BLUE-M"
RECEIVED, LOCAL, ABROAD, RETURNED, DESTROYED, MISSING = 1_000, 300, 200, 20, 5, 2
CURRENCY: Final = "AED"
JURISDICTION: Final = "AE"
VALUE, PRICE_LOCAL, PRICE_ABROAD = Decimal(25_000), Decimal("79.00"), Decimal("69.00")
LIMIT: Final = Decimal(50_000)
FIRST_NAMES: Final = ("Aisha", "Omar", "Layla", "Yusuf", "Noor", "Karim", "Hana", "Tariq", "Salma", "Idris")
LAST_NAMES: Final = ("Rahman", "Haddad", "Farouk", "Nasser", "Qureshi", "Aziz", "Mansour", "Saleh", "Khoury", "Bishara")
STREETS: Final = ("Harbour", "Palm", "Market", "Garden", "Creek", "Tower", "Pearl", "Dune")
NEIGHBOURS: Final = (("SA", "Riyadh"), ("OM", "Muscat"), ("KW", "Kuwait City"), ("BH", "Manama"), ("QA", "Doha"))
LEAVING_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.5
LOCATION: Final = "urn:epc:id:sgln:6290000.00001.0"


class Told(Struct, frozen=True, kw_only=True):
    """What the example came to, step by step."""

    account: KeptAccount
    receipts: tuple[StockReceipt, ...]


def entry() -> Entry:
    """The bulk that comes in."""
    line = EntryLine(
        goods_id=GOODS, description="Men's T-shirts of cotton, knitted, printed", commodity_code="610910",
        quantity=Decimal(RECEIVED), value=Money(VALUE, CURRENCY), origin_country_code="CN", gross_mass_kg=Decimal(200),
        lot_id="LOT-1",
    )  # fmt: skip
    maker = Party(name="Pearl River Garments", address=Address(line="8 Mill Road", city="Guangzhou", country_code="CN"))
    return Entry(
        entry_id="BULK-2026-1", lines=(line,), consignor=maker, export_country_code="CN", carrier="Meridian Lines",
        transport_document_id="MRDU-4471203",
    )  # fmt: skip


def orders() -> list[Order]:
    """One unit each: the first for the market around the zone, the rest for abroad."""
    return [_order(number) for number in range(1, LOCAL + ABROAD + 1)]


def returns() -> list[BuyerReturn]:
    """Every fifteenth local order comes back."""
    every = LOCAL // RETURNED
    return [
        BuyerReturn(
            return_id=f"R-{number}", order_id=f"Q-{number * every:05}",
            lines=(ReturnLine(goods_id=GOODS, quantity=Decimal(1)),),
        )
        for number in range(1, RETURNED + 1)
    ]  # fmt: skip


def count(at: datetime) -> StockCount:
    """A stock-taking at the end: two are missing."""
    there = RECEIVED - LOCAL - ABROAD + RETURNED - DESTROYED - MISSING
    return StockCount(
        count_id="COUNT-1", counted_at=at, lines=(CountedLine(goods_id=GOODS, quantity=Decimal(there)),),
        counted_by="Quayside, customs present",
    )  # fmt: skip


def run(
    store: PostgresStore, keeper: StockKeeper, release: Callable[[], object], clock: Callable[[], datetime]
) -> Told:
    """Run all of it. `release` lets guarantees stand for what is due, as the bookkeeping does beside the server.

    Raises ConflictError where not all that was ordered left.
    """
    account = opened(store, keeper, clock().date())
    tell = _teller(keeper, account.account_no, clock)
    told = [tell(MessageKind.ENTRIES, [entry()])]
    told.append(tell(MessageKind.ORDERS, orders()))
    leave(store, keeper, account, release)
    told.append(tell(MessageKind.RETURNS, returns()))
    acts = StockActs(store, clock=clock)
    acts.remove(
        Removal(
            account_no=account.account_no, removal_id="CERT-9", kind=Kind.DESTROYED, goods_id=GOODS,
            quantity=Decimal(DESTROYED), by="officer anna", reason="stained by water",
        )
    )  # fmt: skip
    told.append(tell(MessageKind.COUNT, [count(clock())]))
    kept = store.stock.counts(account.account_no)[0]
    acts.book_count(kept.count_no, "officer anna", "recounted twice; nobody can say where they are")
    keeper.resume()
    release()
    return Told(account=account, receipts=tuple(told))


def leave(store: PostgresStore, keeper: StockKeeper, account: KeptAccount, release: Callable[[], object]) -> None:
    """All that was ordered is released and leaves. A server that runs beside may be at the same work: then it is waited for.

    Raises ConflictError where it does not come to an end: whoever counted now would find missing what is on its way out.
    """
    until = time.monotonic() + LEAVING_SECONDS
    while True:
        release()
        examine(store, account)
        keeper.settle()
        if not store.stock.filings(account.account_no, state=FilingState.OPEN, limit=1):
            return
        if time.monotonic() > until:
            words = f"not all orders were released within {LEAVING_SECONDS} seconds"
            raise ConflictError(
                words, hint="tidewaiter stock show says what is open; run the example where no server runs"
            )
        time.sleep(LOOK_SECONDS)


def examine(store: PostgresStore, account: KeptAccount) -> int:
    """What was drawn for examination is looked at and is as declared; how many parcels that were."""
    desk = Desk(store)
    drawn = [
        filing.declaration_id for filing in store.stock.filings(account.account_no, state=FilingState.OPEN)
        if filing.declared_state is State.UNDER_CONTROL and filing.declaration_id is not None
    ]  # fmt: skip
    for declaration_id in drawn:
        desk.act(declaration_id, Trigger.EXAMINED_SATISFACTORY, "officer anna", "opened: as declared")
    return len(drawn)


def opened(store: PostgresStore, keeper: StockKeeper, today: date) -> KeptAccount:
    """The account, with a guarantee behind it that two persons granted."""
    sender = store.senders.ensure(OPERATOR)
    grant = Grant(
        guarantee_id=GUARANTEE, kind="guarantee", party=OPERATOR_ID, jurisdiction_code=JURISDICTION, currency=CURRENCY,
        limit=LIMIT, valid_from=today,
    )  # fmt: skip
    guarantees = store.accounts.guarantees
    guarantees.approve(guarantees.enter(grant, "anna"), "boris")
    place = Place(
        place_id="FZ-NORTH-QUAY", place_name="North Quay free zone", jurisdiction_code=JURISDICTION,
        operator_id=OPERATOR_ID, operator_name=OPERATOR, authorisation_id="FZ-0417",
    )  # fmt: skip
    opening = Opening(
        sender_id=sender.sender_id, place=place, place_kind=PlaceKind.FREE_ZONE, locations=(LOCATION,),
        guarantee_id=GUARANTEE,
    )  # fmt: skip
    return keeper.open(opening, "officer anna")


def _order(number: int) -> Order:
    is_local = number <= LOCAL
    country, city = (JURISDICTION, "Dubai") if is_local else NEIGHBOURS[number % len(NEIGHBOURS)]
    name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number // len(FIRST_NAMES) % len(LAST_NAMES)]}"
    street = f"{number} {STREETS[number % len(STREETS)]} Street"
    price = Money(PRICE_LOCAL if is_local else PRICE_ABROAD, CURRENCY)
    return Order(
        order_id=f"Q-{number:05}", buyer=Party(name=name, address=Address(line=street, city=city, country_code=country)),
        lines=(OrderLine(goods_id=GOODS, quantity=Decimal(1), price=price),), transport_document_id=f"QF{number:09}",
    )  # fmt: skip


def _teller(
    keeper: StockKeeper, account_no: int, clock: Callable[[], datetime]
) -> Callable[[MessageKind, Sequence[Struct]], StockReceipt]:
    def tell(kind: MessageKind, records: Sequence[Struct]) -> StockReceipt:
        return keeper.submit(
            ArrivingStock(
                account_no=account_no, kind=kind, body=b"\n".join(map(_line, records)), idempotency_key="",
                told_by=OPERATOR, received_at=clock(),
            )
        )  # fmt: skip

    return tell


def _line(record: Struct) -> bytes:
    return msgspec.json.encode(record)
