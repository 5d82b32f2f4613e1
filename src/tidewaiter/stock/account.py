"""A stock account derived from its facts: lots, movements, and what cannot be covered.

    account = derive(facts, law.consumption)

It is a function of the set of facts: their order of receipt changes nothing. No balance is ever negative: what a fact
takes out and is not there is not booked but told as uncovered. Facts that name no lot draw on lots in the law's order,
and leave what later facts, or declarations under way, need of a lot that they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.money import Money
from tidewaiter.stock.facts import INS, OUTS, RECEIPTS, Fact, Kind, LotTerms, Reservation

QUANTUM: Final = Decimal("0.01")  # of values and duty that are a lot's part
ZERO: Final = Decimal(0)


class Consumption(StrEnum):
    """Which lot goods leave from where a fact does not name one."""

    FIRST_IN = "first in, first out"
    NAMED = "named lots only"


class Movement(Struct, frozen=True, kw_only=True):
    """What one fact did to one lot. Quantity, value and duty have a sign: in is positive."""

    kind: Kind
    source: str
    lot_id: str
    goods_id: str
    quantity: Decimal
    balance: Decimal  # of the lot, after it
    value: Money
    suspended: Money  # duties and taxes: taken up by what comes in, discharged or due by what leaves
    effective_at: datetime
    recorded_at: datetime
    document: str


class Lot(Struct, frozen=True, kw_only=True):
    """A lot as it stands; `reserved` is declared to leave."""

    lot_id: str
    goods_id: str
    terms: LotTerms
    opened_at: datetime
    received: Decimal
    balance: Decimal
    reserved: Decimal
    value: Money
    suspended: Money

    @property
    def available(self) -> Decimal:
        """What may still be promised."""
        return max(ZERO, self.balance - self.reserved)


class Uncovered(Struct, frozen=True, kw_only=True):
    """A fact that took out more than was there, and by how much."""

    fact: Fact
    quantity: Decimal


class StockAccount(Struct, frozen=True, kw_only=True):
    """All there is to tell of an account. Lots in the order they were opened; movements in the order they took effect."""

    lots: tuple[Lot, ...]
    movements: tuple[Movement, ...]
    uncovered: tuple[Uncovered, ...]
    reversed_sources: frozenset[str]

    def lot(self, lot_id: str) -> Lot | None:
        """One lot; None where none is of this name."""
        return next((lot for lot in self.lots if lot.lot_id == lot_id), None)

    def lots_of(self, goods_id: str) -> tuple[Lot, ...]:
        """The lots of one kind of goods, the first opened first."""
        return tuple(lot for lot in self.lots if lot.goods_id == goods_id)


def derive(
    facts: Iterable[Fact],
    consumption: Consumption = Consumption.FIRST_IN,
    reservations: Sequence[Reservation] = (),
    *,
    known_at: datetime | None = None,
) -> StockAccount:
    """The account that these facts give; with `known_at`, as it was known at that moment."""
    known = [fact for fact in facts if known_at is None or fact.recorded_at <= known_at]
    reversed_sources = frozenset(fact.reverses for fact in known if fact.kind is Kind.CORRECTION)
    standing = [fact for fact in known if fact.kind is not Kind.CORRECTION and fact.source not in reversed_sources]
    standing.sort(key=_in_time)
    return _Fold(standing, consumption, reservations).run(reversed_sources)


def shortfall(account: StockAccount, wanted: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """By goods, how much of what is wanted is neither there nor free; empty where all is."""
    missing: dict[str, Decimal] = {}
    for goods_id, quantity in wanted:
        missing[goods_id] = missing.get(goods_id, ZERO) + quantity
    for goods_id in missing:
        missing[goods_id] -= sum((lot.available for lot in account.lots_of(goods_id)), ZERO)
    return {goods_id: quantity for goods_id, quantity in missing.items() if quantity > 0}


def part(whole: Money, quantity: Decimal, received: Decimal) -> Money:
    """The part of a lot's amount that falls on a quantity of it, to a hundredth; all of it on all of it."""
    if quantity == received:
        return whole
    return Money((whole.amount * quantity / received).quantize(QUANTUM, ROUND_HALF_EVEN), whole.currency)


def _in_time(fact: Fact) -> tuple[datetime, bool, str]:
    """Order of effect. At one moment what comes in goes first; nothing hangs on when it was told."""
    return fact.effective_at, fact.kind in OUTS, fact.source


class _Open:
    """A lot while facts are gone through."""

    __slots__ = ("balance", "needs", "opening", "received", "step", "terms")

    def __init__(self, opening: Fact) -> None:
        assert opening.terms is not None, "a receipt says what its lot is"
        self.opening = opening
        self.terms = opening.terms
        self.received = opening.quantity
        self.balance = ZERO
        self.needs: list[Decimal] = []  # what the facts from this one on need of what is there before it
        self.step = 0  # of the facts that name it, how many were gone through

    def free(self) -> Decimal:
        """What a fact that names no lot may take."""
        return max(ZERO, self.balance - self.needs[self.step])

    def add(self, fact: Fact) -> None:
        """More of the same lot came in."""
        assert fact.terms is not None, "a receipt says what its lot is"
        self.received += fact.quantity
        self.terms = replace(
            self.terms,
            value=self.terms.value + fact.terms.value,
            suspended=self.terms.suspended + fact.terms.suspended,
        )


class _Fold:
    """One going through of the facts of an account."""

    def __init__(self, facts: Sequence[Fact], consumption: Consumption, reservations: Sequence[Reservation]) -> None:
        self._facts = facts
        self._consumption = consumption
        self._reserved: dict[str, Decimal] = {}
        for each in reservations:
            self._reserved[each.lot_id] = self._reserved.get(each.lot_id, ZERO) + each.quantity
        self._lots: dict[str, _Open] = {}
        self._by_goods: dict[str, list[_Open]] = {}
        self._movements: list[Movement] = []
        self._uncovered: list[Uncovered] = []

    def run(self, reversed_sources: frozenset[str]) -> StockAccount:
        """Go through them all."""
        self._prepare()
        for fact in self._facts:
            if fact.kind in INS:
                self._come_in(fact)
            elif fact.lot_id:
                self._leave_named(fact)
            else:
                self._leave(fact)
        return StockAccount(
            lots=tuple(self._lot(each) for each in self._lots.values()),
            movements=tuple(self._movements),
            uncovered=tuple(self._uncovered),
            reversed_sources=reversed_sources,
        )

    def _prepare(self) -> None:
        """Find the lots, and going backwards what is needed of each by the facts that name it."""
        naming: dict[str, list[Fact]] = {}
        for fact in self._facts:
            if fact.kind in RECEIPTS:
                if fact.lot_id in self._lots:
                    self._lots[fact.lot_id].add(fact)
                else:
                    self._lots[fact.lot_id] = opened = _Open(fact)
                    self._by_goods.setdefault(fact.goods_id, []).append(opened)
            if fact.lot_id:
                naming.setdefault(fact.lot_id, []).append(fact)
        for lot_id, lot in self._lots.items():
            need = self._reserved.get(lot_id, ZERO)
            lot.needs = [need]
            for fact in reversed(naming[lot_id]):
                need = max(ZERO, need - fact.quantity if fact.kind in INS else need + fact.quantity)
                lot.needs.append(need)
            lot.needs.reverse()

    def _come_in(self, fact: Fact) -> None:
        lot = self._lots.get(fact.lot_id)
        if lot is None:  # a return to a lot that never was, or whose receipt was taken back
            self._uncovered.append(Uncovered(fact=fact, quantity=fact.quantity))
            return
        lot.step += 1
        self._move(fact, lot, fact.quantity)

    def _leave_named(self, fact: Fact) -> None:
        lot = self._lots.get(fact.lot_id)
        there = ZERO
        if lot is not None:
            lot.step += 1
            there = min(lot.balance, fact.quantity)
            self._move(fact, lot, -there)
        self._miss(fact, fact.quantity - there)

    def _leave(self, fact: Fact) -> None:
        left = fact.quantity
        if self._consumption is Consumption.FIRST_IN:
            for lot in self._by_goods.get(fact.goods_id, ()):
                taken = min(left, lot.free())
                self._move(fact, lot, -taken)
                left -= taken
                if not left:
                    break
        self._miss(fact, left)

    def _miss(self, fact: Fact, quantity: Decimal) -> None:
        if quantity > 0:
            self._uncovered.append(Uncovered(fact=fact, quantity=quantity))

    def _move(self, fact: Fact, lot: _Open, quantity: Decimal) -> None:
        if not quantity:
            return
        before, lot.balance = lot.balance, lot.balance + quantity
        terms = lot.terms
        self._movements.append(
            Movement(
                kind=fact.kind, source=fact.source, lot_id=lot.opening.lot_id, goods_id=lot.opening.goods_id,
                quantity=quantity, balance=lot.balance,
                value=part(terms.value, lot.balance, lot.received) - part(terms.value, before, lot.received),
                suspended=part(terms.suspended, lot.balance, lot.received)
                - part(terms.suspended, before, lot.received),
                effective_at=fact.effective_at, recorded_at=fact.recorded_at, document=fact.document,
            )
        )  # fmt: skip

    def _lot(self, lot: _Open) -> Lot:
        terms = lot.terms
        return Lot(
            lot_id=lot.opening.lot_id, goods_id=lot.opening.goods_id, terms=terms, opened_at=lot.opening.effective_at,
            received=lot.received, balance=lot.balance,
            reserved=self._reserved.get(lot.opening.lot_id, ZERO),
            value=part(terms.value, lot.balance, lot.received),
            suspended=part(terms.suspended, lot.balance, lot.received),
        )  # fmt: skip
