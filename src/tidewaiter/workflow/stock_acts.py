"""What happens to goods in a place beside entries and orders: returns, removals, transfers, corrections, stock-takings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.model.finding import Finding, Severity
from tidewaiter.stock.account import ZERO, StockAccount, derive, part
from tidewaiter.stock.counting import Difference, Discrepancy, StockCount, reconcile
from tidewaiter.stock.facts import Fact, Kind
from tidewaiter.stock.filings import BuyerReturn, Taken, value_of
from tidewaiter.stock.law import Flow, stock_law
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.stock_filing import file_shortage, law_of, reference_of
from tidewaiter.workflow.stock_recording import keep_facts
from tidewaiter.workflow.stock_records import (
    FilingState,
    KeptAccount,
    KeptCount,
    StockError,
    StockStore,
    StockWriting,
    quantities,
)

REMOVALS: Final = (Kind.DESTROYED, Kind.SAMPLE)  # that happen under an officer's eyes
SHORTAGE: Final = "stock.shortage"
EXCESS: Final = "stock.excess"
WORDS_LENGTH_MAX: Final = 2_000


class Removal(Struct, frozen=True, kw_only=True):
    """Goods destroyed, or taken as a sample, under supervision."""

    account_no: int
    removal_id: str  # number of the certificate
    kind: Kind
    goods_id: str
    quantity: Decimal
    by: str
    lot_id: str = ""
    at: datetime | None = None
    reason: str = ""


class Transfer(Struct, frozen=True, kw_only=True):
    """Goods that go to another operator's account, or another place, under suspension."""

    account_no: int
    to_account_no: int
    transfer_id: str
    goods_id: str
    quantity: Decimal
    by: str
    lot_id: str = ""
    at: datetime | None = None


class StockActs:
    """Carries out what officers do with accounts; safe in threads."""

    def __init__(self, store: StockStore, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    def remove(self, removal: Removal) -> Sequence[Fact]:
        """Goods are destroyed or a sample is taken. Raises StockError where they are not there, or are promised."""
        if removal.kind not in REMOVALS:
            raise StockError(f"goods {removal.kind.value} are not removed by hand", hint="orders and counts do it")
        at = self._clock()
        with self._store.writing() as writing:
            kept = writing.stock.account(removal.account_no)
            taken = _takeable(self._account(writing, kept, at), removal.goods_id, removal.quantity, removal.lot_id)
            effective_at = _not_after(removal.at or at, at)
            facts = [
                Fact(
                    kind=removal.kind, source=f"{removal.kind.value}:{removal.removal_id}:{number}",
                    goods_id=removal.goods_id, quantity=quantity, effective_at=effective_at, recorded_at=at, lot_id=lot_id,
                    document=removal.removal_id, reason=removal.reason[:WORDS_LENGTH_MAX], by=removal.by,
                )
                for number, (lot_id, quantity) in enumerate(taken, start=1)
            ]  # fmt: skip
            return _all_new(keep_facts(writing, kept.account_no, facts), facts, removal.removal_id)

    def transfer(self, transfer: Transfer) -> Sequence[Fact]:
        """Goods go from one account to another, lot by lot, with their value and what is suspended on them.

        Raises StockError where they are not there, are promised, or the other place is under other law.
        """
        at = self._clock()
        with self._store.writing() as writing:
            kept, other = writing.stock.account(transfer.account_no), writing.stock.account(transfer.to_account_no)
            if kept.account_no == other.account_no:
                raise StockError("goods are transferred to another account", hint="name the one they go to")
            if kept.place.jurisdiction_code != other.place.jurisdiction_code:
                raise StockError(
                    "goods go to a place under other law by leaving and entering",
                    hint="sell them abroad, enter them there",
                )
            account = self._account(writing, kept, at)
            taken = _takeable(account, transfer.goods_id, transfer.quantity, transfer.lot_id)
            effective_at = _not_after(transfer.at or at, at)
            out, into = [], []
            for number, (lot_id, quantity) in enumerate(taken, start=1):
                fact = Fact(
                    kind=Kind.TRANSFERRED_OUT, source=f"transfer:{transfer.transfer_id}:{number}",
                    goods_id=transfer.goods_id, quantity=quantity, effective_at=effective_at, recorded_at=at,
                    lot_id=lot_id, document=transfer.transfer_id, by=transfer.by,
                )  # fmt: skip
                out.append(fact)
                into.append(_arriving(fact, account, kept))
            _all_new(keep_facts(writing, kept.account_no, out), out, transfer.transfer_id)
            _all_new(keep_facts(writing, other.account_no, into), into, transfer.transfer_id)
            return out

    def correct(self, account_no: int, source: str, by: str, reason: str) -> Fact:
        """Take back one fact, whole. Raises StockError where there is none, or it was taken back; reasons are wanted."""
        reason = reason.strip()[:WORDS_LENGTH_MAX]
        if not reason:
            raise StockError("a correction needs a reason", hint="say what was wrong")
        at = self._clock()
        with self._store.writing() as writing:
            facts = {fact.source: fact for fact in writing.stock.facts(account_no)}
            wrong = facts.get(source)
            if wrong is None or wrong.kind is Kind.CORRECTION:
                raise StockError(
                    f"no fact is known from {source[:80]!r}", hint="tidewaiter stock movements shows sources"
                )
            fact = msgspec.structs.replace(taken_back(wrong, reason, at), by=by)
            _all_new(keep_facts(writing, account_no, [fact]), [fact], source)
            return fact

    def book_count(self, count_no: int, by: str, words: str) -> KeptCount:
        """Answer for a stock-taking: what is missing leaves the account as lost, and is declared for the debt on it.

        Its declaration is handed in by the next round of the keeper. What is too much stays a finding: it is entered like
        any other goods. Raises StockError where somebody answered before, NotFoundError.
        """
        at = self._clock()
        with self._store.writing() as writing:
            counted = writing.stock.count(count_no)
            kept = writing.stock.account(counted.account_no)
            if not writing.stock.book_count(count_no, by, at, words.strip()[:WORDS_LENGTH_MAX]):
                raise StockError(f"{counted.booked_by} answered for stock-taking {count_no} before")
            account = self._account(writing, kept, at)
            differences = reconcile(account, counted.count)
            parts = [(d.goods_id, lot_id, q) for d in differences for lot_id, q in d.parts]
            facts = [
                Fact(
                    kind=Kind.LOSS, source=f"count:{counted.count.count_id}:{number}", goods_id=goods_id, quantity=quantity,
                    effective_at=counted.count.counted_at, recorded_at=at, lot_id=lot_id,
                    document=counted.count.count_id, by=by, reason=words[:WORDS_LENGTH_MAX],
                )
                for number, (goods_id, lot_id, quantity) in enumerate(parts, start=1)
            ]  # fmt: skip
            keep_facts(writing, kept.account_no, facts)
            taken = [_missing(account, each) for each in parts]
            filing = file_shortage(kept, counted.count.count_id, taken, account, at)
            if filing is not None:
                writing.stock.file(filing)
        return self._store.stock.count(count_no)

    def _account(self, writing: StockWriting, kept: KeptAccount, at: datetime) -> StockAccount:
        book = writing.stock
        consumption = law_of(kept, at).consumption
        return derive(book.facts(kept.account_no), consumption, book.reservations(kept.account_no))


def taken_back(fact: Fact, reason: str, at: datetime) -> Fact:
    """The correction that takes back a fact, whole."""
    return Fact(
        kind=Kind.CORRECTION, source=f"correction:{fact.source}", goods_id=fact.goods_id, quantity=fact.quantity,
        effective_at=fact.effective_at, recorded_at=at, lot_id=fact.lot_id, reverses=fact.source, reason=reason,
        document=fact.document,
    )  # fmt: skip


def take_return(
    writing: StockWriting, kept: KeptAccount, told: BuyerReturn, facts: Sequence[Fact], at: datetime
) -> list[Fact]:
    """The facts by which a buyer's goods go back to the lots they were sold from, the last taken first.

    Raises StockError where the order is not known, its goods have not left, or more comes back than was sold.
    """
    if not told.lines:
        raise StockError(f"return {told.return_id[:60]} has no lines", hint="each kind of goods that comes back is one")
    filing = writing.stock.filing(kept.account_no, reference_of(kept, Flow.LOCAL, told.order_id))
    if filing is None or filing.state is not FilingState.DONE or filing.flow not in (Flow.LOCAL, Flow.ABROAD):
        raise StockError(f"no goods left for an order {told.order_id[:60]}", hint="a return names the order it is of")
    reversed_sources = {fact.reverses for fact in facts if fact.reverses}
    back = [
        f
        for f in facts
        if f.kind is Kind.RETURNED and f.document == filing.reference and f.source not in reversed_sources
    ]
    found: list[Fact] = []
    for line in told.lines:
        if line.quantity <= 0:
            raise StockError(f"return {told.return_id[:60]}: a quantity is above nothing", hint="leave the line out")
        left = line.quantity
        for taken in reversed([each for each in filing.taken if each.goods_id == line.goods_id]):
            gone = sum((f.quantity for f in (*back, *found) if f.lot_id == taken.lot_id), ZERO)
            quantity = min(left, taken.quantity - gone)
            if quantity <= 0:
                continue
            left -= quantity
            found.append(
                Fact(
                    kind=Kind.RETURNED, source=f"return:{told.return_id}:{len(found) + 1}", goods_id=line.goods_id,
                    quantity=quantity, effective_at=_not_after(told.returned_at or at, at), recorded_at=at,
                    lot_id=taken.lot_id, document=filing.reference,
                )
            )  # fmt: skip
        if left:
            sold = quantities(filing.taken).get(line.goods_id, ZERO)
            raise StockError(
                f"return {told.return_id[:60]}: more {line.goods_id[:60]} come back than the {sold:f} that were sold",
                hint="look at what came back of the order before",
            )
    known = {fact.source for fact in facts}
    if any(fact.source in known for fact in found):
        raise StockError(f"return {told.return_id[:60]} was told before", hint="each has a number of its own")
    return found


def take_count(
    writing: StockWriting,
    account: StockAccount,
    count: StockCount,
    *,
    kept: KeptAccount,
    message_no: int | None,
    at: datetime,
) -> str:
    """Keep a stock-taking with what it differs by, each difference a finding; its name. Raises StockError where it is known."""
    _not_after(count.counted_at, at)
    differences = reconcile(account, count)
    if writing.stock.keep_count(kept.account_no, message_no, count, differences, at) is None:
        raise StockError(f"stock-taking {count.count_id[:60]} was told before", hint="each has a name of its own")
    for number, difference in enumerate(differences, start=1):
        finding = finding_of(difference, kept, count)
        writing.stock.find_out(kept.account_no, f"count:{count.count_id}:{number}", finding, at)
    return count.count_id


def finding_of(difference: Difference, kept: KeptAccount, count: StockCount) -> Finding:
    """A difference in words, with the law that says what becomes of it."""
    where = f"{difference.goods_id} in lot {difference.lot_id}" if difference.lot_id else difference.goods_id
    said = f"{where}: {difference.booked:f} in the account, {difference.counted:f} counted"
    if difference.what is Discrepancy.EXCESS:
        words, hint = f"{said}: {difference.quantity:f} too many", "Find out where they come from, and enter them."
        return Finding(EXCESS, Severity.WARNING, "lines", words, f"{difference.counted:f}", hint)
    law = stock_law(kept.place.jurisdiction_code, kept.place_kind, count.counted_at.date())
    owed = f", {difference.suspended} suspended on them" if difference.suspended else ""
    words = f"{said}: {difference.quantity:f} missing{owed}. {law.discharge[Kind.LOSS].words}"
    sources = "; ".join(each.title for each in law.citations[Kind.LOSS.value])
    return Finding(SHORTAGE, Severity.ERROR, "lines", words, f"{difference.counted:f}", f"Source: {sources}")


def _missing(account: StockAccount, missing: tuple[str, str, Decimal]) -> Taken:
    goods_id, lot_id, quantity = missing
    lot = account.lot(lot_id)
    assert lot is not None
    return Taken(lot_id=lot_id, goods_id=goods_id, quantity=quantity, price=value_of(lot, quantity))


def _arriving(out: Fact, account: StockAccount, kept: KeptAccount) -> Fact:
    """The receipt, in the account they go to, of what leaves one; value and suspension are parts of the lot's."""
    lot = account.lot(out.lot_id)
    assert lot is not None
    terms = msgspec.structs.replace(
        lot.terms,
        value=part(lot.terms.value, lot.balance, lot.received)
        - part(lot.terms.value, lot.balance - out.quantity, lot.received),
        suspended=part(lot.terms.suspended, lot.balance, lot.received)
        - part(lot.terms.suspended, lot.balance - out.quantity, lot.received),
    )
    return msgspec.structs.replace(
        out,
        kind=Kind.TRANSFERRED_IN,
        lot_id=f"{kept.place.place_id}/{kept.account_no}/{out.lot_id}/{out.document}",
        terms=terms,
    )


def _takeable(account: StockAccount, goods_id: str, quantity: Decimal, lot_id: str) -> list[tuple[str, Decimal]]:
    """Which lots a quantity is taken from. Raises StockError where they do not have it free."""
    if quantity <= 0:
        raise StockError("a quantity is above nothing")
    left, found = quantity, []
    for lot in account.lots_of(goods_id):
        if lot_id and lot.lot_id != lot_id:
            continue
        taken = min(left, lot.available)
        if taken > 0:
            found.append((lot.lot_id, taken))
            left -= taken
    if left:
        raise StockError(
            f"{left:f} of {quantity:f} {goods_id[:60]} are not there",
            hint="what is declared and not released is reserved",
        )
    return found


def _all_new(new: Sequence[Fact], told: Sequence[Fact], name: str) -> Sequence[Fact]:
    """Raises StockError unless all of it is new: what was told before changes nothing."""
    if len(new) != len(told):
        raise StockError(f"{name[:80]} was told before", hint="each has a number of its own")
    return new


def _not_after(moment: datetime, at: datetime) -> datetime:
    if moment > at:
        raise StockError(f"it lies in the future: {moment.isoformat()}", hint="tell what has happened")
    return moment
