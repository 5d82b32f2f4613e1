"""Stock follows what happens: events at a place, and orders that marketplaces tell.

An event that is tied to an entry or order which was filed moves nothing by itself: it is held against what was declared,
and a difference is a finding. An event that is tied to none is a fact of its own: goods enter (and are declared from the
master data that comes with them), are destroyed, sampled, lost, or leave without a declaration, which is a loss, too.
Only the operator of an account, or officers, are believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

import msgspec
from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.stock.account import ZERO, StockAccount, derive
from tidewaiter.stock.events import GoodsMoved, Happening, entry_of, goods, happening, names, places, uncounted, unit_of
from tidewaiter.stock.facts import Fact, Kind
from tidewaiter.stock.filings import BuyerReturn, Entry, Order, OrderLine, ReturnLine, Taken, value_of
from tidewaiter.stock.law import Flow
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.ports import Writing
from tidewaiter.workflow.stock_acts import take_return, taken_back
from tidewaiter.workflow.stock_filing import Arrival, file_entry, file_shortage, law_of, receipts
from tidewaiter.workflow.stock_recording import keep_facts
from tidewaiter.workflow.stock_records import (
    FilingState,
    KeptAccount,
    KeptFiling,
    StockError,
    StockStore,
    StockWriting,
    quantities,
)

KINDS: Final = {
    Happening.DESTROYING: Kind.DESTROYED,
    Happening.SAMPLING: Kind.SAMPLE,
    Happening.LOSING: Kind.LOSS,
    Happening.LEAVING: Kind.LOSS,  # without a declaration
}
WITHOUT_DECLARATION: Final = "stock.left_without_declaration"
BEFORE_RELEASE: Final = "stock.left_before_release"
OTHERWISE: Final = "stock.arrived_otherwise"
WITHOUT_ENTRY: Final = "stock.without_entry"
LOST: Final = "stock.lost"
UNSUPERVISED: Final = "stock.unsupervised"
STRANGER: Final = "stock.told_by_another"
NOT_FOLLOWED: Final = "stock.not_followed"


class _Told(Struct, frozen=True):
    """One event at the place of one account, in the transaction that keeps it."""

    writing: StockWriting
    kept: KeptAccount
    event: Event
    at: datetime
    moved: tuple[GoodsMoved, ...]

    def keep(self, facts: Sequence[Fact]) -> None:
        """Keep facts with their entries on the record."""
        keep_facts(self.writing, self.kept.account_no, facts)

    def find(self, rule: str, words: str, hint: str) -> None:
        """Keep what cannot be followed, or should not have happened."""
        finding = Finding(rule, Severity.ERROR, "event", words, self.event.event_id[:200], hint)
        self.writing.stock.find_out(self.kept.account_no, f"event:{self.event.event_id}", finding, self.at)

    def account(self) -> StockAccount:
        """The account as it stands."""
        book, number = self.writing.stock, self.kept.account_no
        return derive(book.facts(number), law_of(self.kept, self.at).consumption, book.reservations(number))


class StockFollower:
    """Follows events at the places of stock accounts, in the transaction that keeps them."""

    def __init__(self, store: StockStore, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    def go_on(self) -> int:
        """Nothing is ever left to be done: see `workflow.capturing.Follower`."""
        return 0

    def follow(self, transaction: Writing, events: Sequence[Event]) -> bool:
        """Write what follows from events, each once: at once, whatever their number. One that cannot be followed leaves a finding."""
        writing = cast(StockWriting, transaction)  # a store that keeps stock gives no other
        for event in events:
            if event.error_declaration is None and happening(event) is None:
                continue
            for kept in writing.stock.accounts_at(places(event)):
                told = _Told(writing, kept, event, self._clock(), goods(event))
                try:
                    self._one(told)
                except TidewaiterError as error:
                    told.find(NOT_FOLLOWED, f"the event cannot be followed: {error.detail}", error.hint)
        return False

    def _one(self, told: _Told) -> None:
        event, stock = told.event, told.writing.stock
        if stock.teller_of(event.event_id) not in (None, told.kept.sender_id):
            words = "an event at the place was told by another than its operator; it moved nothing"
            told.find(STRANGER, words, "Let the operator, or customs, tell it.")
            return
        if event.error_declaration is not None:
            _take_back(told)
            return
        filing = stock.filing_named(told.kept.account_no, names(event))
        match happening(event):
            case Happening.ENTERING:
                self._entering(told, filing)
            case Happening.RETURNING:
                _returning(told, filing)
            case Happening.LEAVING if filing is not None and filing.flow in (Flow.LOCAL, Flow.ABROAD):
                if filing.state is FilingState.OPEN:
                    words = f"goods of {filing.reference} left before their declaration was released"
                    told.find(BEFORE_RELEASE, words, "Find out where they are.")
            case Happening() as what:
                _leaving(told, what)
            case None:
                return

    def _entering(self, told: _Told, filing: KeptFiling | None) -> None:
        if filing is not None and filing.flow is Flow.INWARD:
            _compare(told, filing)
            return
        entry = entry_of(told.event, told.moved)
        if entry is None:
            words = "goods came in that no entry is known for"
            hint = "Tell the entry, and name it in the event; or send commodity code, description and value as master data."
            told.find(WITHOUT_ENTRY, words, hint)
            return
        new = file_entry(told.kept, entry, told.at)
        arrival = Arrival(new.reference, new.reference, told.event.event_time, told.at)
        known = told.writing.stock.facts(told.kept.account_no)
        facts = receipts(self._store, told.kept, entry, arrival, known)  # what cannot be worked out is not filed
        if told.writing.stock.file(new) is not None and new.declared is None:
            told.keep(facts)


def follow_orders(
    store: StockStore, submit: Callable[[KeptAccount, bytes, str], object], stated: Callable[[int], Declaration | None],
    limit: int = 500,
) -> int:  # fmt: skip
    """Orders that marketplaces told as claims, and that are sent from a place with an account, become orders of it; how many.

    `submit` takes an order to an account under a key; `stated` is what a claim says. What is no order of an account is
    passed over.
    """
    count = 0
    accounts = store.stock.accounts()
    for declaration_id, _ in store.stock.orders_told(limit):
        said = stated(declaration_id)
        location = said.consignment.goods_location if said is not None else None
        if said is not None and location is not None and location.location_id:
            for kept in accounts:
                if location.location_id in (kept.place.place_id, kept.place.authorisation_id, *kept.locations):
                    order = order_told(said)
                    if order is not None and _is_seller(said, kept):
                        submit(kept, msgspec.json.encode(order), f"claim {declaration_id}")
                        count += 1
                    break
        with store.writing() as writing:
            writing.stock.follow_to(declaration_id)
    return count


def order_told(said: Declaration) -> Order | None:
    """An order from what a marketplace says of it; None where buyer, goods or prices are missing."""
    buyer = said.buyer or said.consignee
    lines = tuple(
        OrderLine(goods_id=item.sku or item.gtin, quantity=item.quantity or Decimal(1), price=item.invoice_price)
        for item in said.goods_items
        if (item.sku or item.gtin) and isinstance(item.invoice_price, Money)
    )
    if buyer is None or not said.invoice_id or not lines or len(lines) != len(said.goods_items):
        return None
    documents = said.consignment.transport_documents
    return Order(
        order_id=said.invoice_id, buyer=buyer, lines=lines, marketplace=said.marketplace, freight=said.freight,
        transport_document_id=documents[0].document_id if documents else "",
        gross_mass_kg=said.consignment.gross_mass_kg,
    )  # fmt: skip


def _is_seller(said: Declaration, kept: KeptAccount) -> bool:
    """Whether the order is on the account's own goods: its operator is the seller. Nobody else's word moves its stock."""
    return said.seller is not None and said.seller.party_id == kept.place.operator_id


def _check_units(told: _Told, account: StockAccount) -> None:
    """That the event counts goods as the account does. Raises StockError: grams taken for pieces would be a loss, or hide one."""
    if unsaid := uncounted(told.event):
        hint = "give quantity, and uom where it counts no pieces"
        raise StockError(f"it does not say how many of {unsaid[0][:100]}", hint=hint)
    for each in told.moved:
        kept = {unit_of(lot.terms.unit) for lot in account.lots_of(each.goods_id)}
        if kept and each.unit not in kept:
            raise _otherwise_counted(each, ", ".join(sorted(kept)))


def _otherwise_counted(moved: GoodsMoved, kept: str) -> StockError:
    words = f"{moved.goods_id} is kept in {kept}, and the event counts {moved.unit}"
    return StockError(words, hint="tell it in the unit of the entry")


def _compare(told: _Told, filing: KeptFiling) -> None:
    """Hold what came against what was entered."""
    entry = msgspec.json.decode(filing.told, type=Entry)
    entered, units = {line.goods_id: ZERO for line in entry.lines}, {}
    for line in entry.lines:
        entered[line.goods_id] += line.quantity
        units[line.goods_id] = unit_of(line.unit)
    came: dict[str, Decimal] = {}
    for each in told.moved:
        if each.unit != units.get(each.goods_id, each.unit):
            raise _otherwise_counted(each, units[each.goods_id])
        came[each.goods_id] = came.get(each.goods_id, ZERO) + each.quantity
    if told.moved and came != entered:
        said = "; ".join(
            f"{goods_id}: {entered.get(goods_id, ZERO):f} entered, {came.get(goods_id, ZERO):f} came"
            for goods_id in dict.fromkeys((*entered, *came))
            if entered.get(goods_id) != came.get(goods_id)
        )
        words = f"what came is not what {filing.reference} has: {said}"
        told.find(OTHERWISE, words, "Amend the entry's declaration, or find the goods.")


def _returning(told: _Told, filing: KeptFiling | None) -> None:
    if filing is None or filing.flow not in (Flow.LOCAL, Flow.ABROAD):
        raise StockError(
            "no order is known that the goods were sold by", hint="name the order as a business transaction"
        )
    _check_units(told, told.account())
    order = msgspec.json.decode(filing.told, type=Order)
    returned = BuyerReturn(
        return_id=f"event {told.event.event_id}", order_id=order.order_id, returned_at=told.event.event_time,
        lines=tuple(ReturnLine(goods_id=each.goods_id, quantity=each.quantity) for each in told.moved)
        or tuple(ReturnLine(goods_id=name, quantity=many) for name, many in quantities(filing.taken).items()),
    )  # fmt: skip
    facts = told.writing.stock.facts(told.kept.account_no)
    told.keep(take_return(told.writing, told.kept, returned, facts, told.at))


def _leaving(told: _Told, what: Happening) -> None:
    """Facts of goods that left by no order. On those that are lost a debt is declared."""
    event, account = told.event, told.account()
    _check_units(told, account)
    document = event.biz_transactions[0].id if event.biz_transactions else event.event_id
    facts: list[Fact] = []
    missing: list[Taken] = []
    for each in told.moved:
        for lot_id, quantity in _parts(account, each, is_lost=KINDS[what] is Kind.LOSS):
            facts.append(
                Fact(
                    kind=KINDS[what], source=f"event:{event.event_id}:{len(facts) + 1}", goods_id=each.goods_id,
                    quantity=quantity, effective_at=event.event_time, recorded_at=told.at, lot_id=lot_id,
                    document=document, reason=what.value,
                )
            )  # fmt: skip
            lot = account.lot(lot_id)
            if lot is not None:
                price = value_of(lot, quantity)
                missing.append(Taken(lot_id=lot_id, goods_id=each.goods_id, quantity=quantity, price=price))
    told.keep(facts)
    if KINDS[what] is Kind.LOSS and facts:
        name = f"event {event.event_id}"
        if missing and (filing := file_shortage(told.kept, name, missing, account, told.at)) is not None:
            told.writing.stock.file(filing)
        law = law_of(told.kept, event.event_time)
        rule = WITHOUT_DECLARATION if what is Happening.LEAVING else LOST
        said = "goods left that no declaration is known for" if what is Happening.LEAVING else "goods cannot be found"
        sources = "; ".join(each.title for each in law.citations[Kind.LOSS.value])
        told.find(rule, f"{said}. {law.discharge[Kind.LOSS].words}", f"Source: {sources}")
    elif facts and not event.biz_transactions:
        words = f"goods are told to be {KINDS[what].value}, and no certificate is named"
        told.find(UNSUPERVISED, words, "Name the certificate as a business transaction.")


def _parts(account: StockAccount, moved: GoodsMoved, *, is_lost: bool) -> list[tuple[str, Decimal]]:
    """From which lots goods left: the lot that is named; else, for what is lost, the first that have it, so that its debt
    can be declared, and what no lot has on no lot; else none, and the law's order picks it."""
    if moved.lot_id or not is_lost:
        return [(moved.lot_id, moved.quantity)]
    left, found = moved.quantity, []
    for lot in account.lots_of(moved.goods_id):
        if (taken := min(left, lot.available)) > 0:
            found.append((lot.lot_id, taken))
            left -= taken
    return [*found, ("", left)] if left else found


def _take_back(told: _Told) -> None:
    """An event told in error: its facts are taken back."""
    name, declared = told.event.event_id, told.event.error_declaration
    prefixes = (f"event:{name}:", f"return:event {name}:", f"entry:{name}:")
    reason = f"told in error: {declared.reason if declared else ''}"
    told.keep(
        [
            taken_back(fact, reason, told.at)
            for fact in told.writing.stock.facts(told.kept.account_no)
            if fact.source.startswith(prefixes)
        ]
    )
