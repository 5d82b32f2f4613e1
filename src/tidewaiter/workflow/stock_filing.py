"""Entries and orders made into filings: which lots they take, and the declaration each is declared by.

Every declaration goes through the ordinary intake. What is suspended on a lot is what the same evaluation would charge
on it were it missing: no second way of working out duty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.messages import forms
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.regimes import legal_day_at
from tidewaiter.regimes.library import lineage
from tidewaiter.stock.account import ZERO, StockAccount, derive
from tidewaiter.stock.events import unit_of
from tidewaiter.stock.facts import Fact, Kind, LotTerms
from tidewaiter.stock.filings import (
    Entry,
    EntryFrom,
    EntryLine,
    Heading,
    Order,
    Taken,
    entry_declaration,
    order_declaration,
    shortage_declaration,
)
from tidewaiter.stock.law import FRAME, Filing, Flow, StockLaw, stock_law
from tidewaiter.workflow.stock_records import FilingState, KeptAccount, NewFiling, StockError, StockStore
from tidewaiter.workflow.tariffs import known

_UNIT: Final = re.compile(r"[A-Z0-9]{2,3}", re.ASCII)
CENT: Final = Decimal("0.01")
NAME_LENGTH_MAX: Final = 120  # of an order, entry or count: a declaration is found by it


def law_of(kept: KeptAccount, moment: datetime) -> StockLaw:
    """The law of an account's place at a moment, by the clocks of its administration."""
    code = kept.place.jurisdiction_code
    return stock_law(code, kept.place_kind, legal_day_at(code, moment))


def flow_of(order: Order, kept: KeptAccount) -> Flow:
    """Whether an order stays in the customs territory that the place lies in, or leaves it."""
    code = order.buyer.address.country_code if order.buyer.address else ""
    if not code:
        raise StockError(
            f"order {order.order_id[:60]}: the buyer has no country", hint="give buyer.address.country_code"
        )
    return Flow.LOCAL if _territory(kept.place.jurisdiction_code) & _territory(code) else Flow.ABROAD


def reference_of(kept: KeptAccount, flow: Flow, name: str) -> str:
    """The reference of a filing, its own among all of an operator: of the place, and of what it was made of.

    Raises StockError for a name that no declaration could be found by.
    """
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise StockError(f"{name[:40]!r} is no name", hint=f"up to {NAME_LENGTH_MAX} characters that can be printed")
    return named(kept.account_no, flow, name)


def named(account_no: int, flow: Flow, name: str) -> str:
    """The reference that a filing of this name has, whether there is one or not."""
    what = {Flow.INWARD: "entry", Flow.SHORTAGE: "count"}.get(flow, "order")
    return f"stock {account_no} {what} {name}"


def file_entry(kept: KeptAccount, entry: Entry, at: datetime) -> NewFiling:
    """The filing of goods that come in in bulk; its lots are in what was told. Raises NotInForceError."""
    codes = law_of(kept, at).flows[Flow.INWARD]
    reference = reference_of(kept, Flow.INWARD, entry.entry_id)
    is_declared = codes.filing is Filing.DECLARATION and entry.comes_from is EntryFrom.ABROAD
    declaration = entry_declaration(entry, Heading(kept.place, codes, reference))
    return NewFiling(
        account_no=kept.account_no, message_no=None, flow=Flow.INWARD, reference=reference, told=canonical_bytes(entry),
        taken=(), declared=body_of([declaration]) if is_declared else None,
        state=FilingState.OPEN if is_declared else FilingState.DONE, made_at=at,
    )  # fmt: skip


def file_order(
    kept: KeptAccount, order: Order, account: StockAccount, promised: Mapping[str, Decimal], at: datetime
) -> NewFiling:
    """The filing of an order, with the lots it takes beside what was promised of them since. Raises StockError where they do not have enough, NotInForceError."""
    flow = flow_of(order, kept)
    law = law_of(kept, at)
    taken = allocated(order, account, promised)
    reference = reference_of(kept, flow, order.order_id)
    declared = taken
    if flow is Flow.LOCAL:  # goods in free circulation go to the market they belong to
        declared = tuple(each for each in taken if not _is_in_free_circulation(account, each))
    declaration = order_declaration(order, declared, account, Heading(kept.place, law.flows[flow], reference))
    return NewFiling(
        account_no=kept.account_no, message_no=None, flow=flow, reference=reference, told=canonical_bytes(order),
        taken=taken, declared=body_of([_secured(declaration, kept)]) if declared else None,
        state=FilingState.OPEN if declared else FilingState.DONE, made_at=at,
    )  # fmt: skip


def file_shortage(
    kept: KeptAccount, count_id: str, taken: Sequence[Taken], account: StockAccount, at: datetime
) -> NewFiling | None:
    """The filing for the debt on goods that are missing; None where nothing of them was suspended."""
    owed = tuple(each for each in taken if not _is_in_free_circulation(account, each))
    if not owed:
        return None
    reference = reference_of(kept, Flow.SHORTAGE, count_id)
    codes = law_of(kept, at).flows[Flow.SHORTAGE]
    declaration = shortage_declaration(count_id, owed, account, Heading(kept.place, codes, reference))
    return NewFiling(
        account_no=kept.account_no, message_no=None, flow=Flow.SHORTAGE, reference=reference,
        told=canonical_bytes(count_id), taken=owed, declared=body_of([_secured(declaration, kept)]), state=FilingState.DONE, made_at=at,
    )  # fmt: skip


def allocated(order: Order, account: StockAccount, promised: Mapping[str, Decimal]) -> tuple[Taken, ...]:
    """Which lots an order takes: those it names, else the first that came in. The price goes with the quantity, to the cent."""
    found: list[Taken] = []
    if not order.lines:
        raise StockError(f"order {order.order_id[:60]} has no lines", hint="each kind of goods that was bought is one")
    free = {lot.lot_id: lot.available - promised.get(lot.lot_id, ZERO) for lot in account.lots}
    for line in order.lines:
        if line.quantity <= 0:
            raise StockError(f"order {order.order_id[:60]}: a quantity is above nothing", hint="leave the line out")
        left, paid = line.quantity, Money(ZERO, line.price.currency)
        for lot in account.lots_of(line.goods_id):
            if not left or (line.lot_id and lot.lot_id != line.lot_id):
                continue
            quantity = min(left, free[lot.lot_id])
            if quantity <= 0:
                continue
            free[lot.lot_id] -= quantity
            left -= quantity
            until = (
                (line.price.amount * (line.quantity - left) / line.quantity).quantize(CENT)
                if left
                else line.price.amount
            )
            price = Money(until, line.price.currency) - paid
            paid += price
            found.append(Taken(lot_id=lot.lot_id, goods_id=line.goods_id, quantity=quantity, price=price))
        if left:
            raise StockError(
                f"order {order.order_id[:60]}: {left:f} of {line.quantity:f} {line.goods_id[:60]} are not there to be sold",
                hint="what is declared and not released yet is reserved",
            )
    return tuple(found)


class Arrival(NamedTuple):
    """By what an entry is known to customs and in the account, when its goods came, and when that was recorded."""

    document: str
    reference: str
    effective_at: datetime
    recorded_at: datetime


def refuse_other_units(entry: Entry, facts: Iterable[Fact]) -> None:
    """Raises StockError for what is no unit, and where goods are counted otherwise than they are kept: no order says in which unit it is."""
    facts = tuple(facts)
    taken_back = {fact.reverses for fact in facts if fact.reverses}
    kept = {
        fact.goods_id: unit_of(fact.terms.unit)
        for fact in facts
        if fact.terms is not None and fact.source not in taken_back
    }
    for line in entry.lines:
        if not _UNIT.fullmatch(line.unit):
            hint = "like C62 (pieces), KGM, LTR: UNECE Recommendation 20"
            raise StockError(f"entry {entry.entry_id[:60]}: {line.unit[:20]!r} is no unit", hint=hint)
        if kept.setdefault(line.goods_id, unit_of(line.unit)) != unit_of(line.unit):
            words = f"{line.goods_id[:60]} is kept in {kept[line.goods_id]}, and entry {entry.entry_id[:60]} counts {line.unit}"
            raise StockError(words, hint="enter it in the same unit, or under an id of its own")


def receipts(store: StockStore, kept: KeptAccount, entry: Entry, arrival: Arrival, known: Sequence[Fact]) -> list[Fact]:
    """The facts by which an entry's lots come in: each a lot of its own beside those that are known."""
    lots = {fact.lot_id for fact in known if fact.terms is not None}
    is_free = entry.comes_from is EntryFrom.LOCAL_MARKET
    facts: list[Fact] = []
    for number, line in enumerate(entry.lines, start=1):
        suspended = suspended_on(store, kept, line, arrival.effective_at)
        if is_free:
            suspended = Money(ZERO, suspended.currency)
        mass = line.gross_mass_kg
        terms = LotTerms(
            description=line.description, commodity_code=line.commodity_code,
            origin_country_code=line.origin_country_code, unit=line.unit, value=line.value, suspended=suspended,
            entry_document=arrival.document, is_in_free_circulation=is_free,
            unit_mass_kg=mass / line.quantity if mass is not None else None,
        )  # fmt: skip
        lot_id = line.lot_id or f"{entry.entry_id}/{number}"
        while lot_id in lots:  # another entry took the name meanwhile
            lot_id += f" {entry.entry_id}/{number}"
        lots.add(lot_id)
        facts.append(
            Fact(
                kind=Kind.RECEIVED_LOCAL if is_free else Kind.RECEIVED_ABROAD, source=f"entry:{entry.entry_id}:{number}",
                goods_id=line.goods_id, quantity=line.quantity, effective_at=arrival.effective_at, recorded_at=arrival.recorded_at, lot_id=lot_id,
                terms=terms, document=arrival.reference,
            )
        )  # fmt: skip
    return facts


def suspended_on(store: StockStore, kept: KeptAccount, line: EntryLine, moment: datetime) -> Money:
    """Duties and taxes that would be due on goods were they missing: by the regime of the day, as for any declaration."""
    terms = LotTerms(
        description=line.description, commodity_code=line.commodity_code, origin_country_code=line.origin_country_code,
        unit=line.unit, value=line.value, suspended=line.value, entry_document="",
    )  # fmt: skip
    fact = Fact(
        kind=Kind.RECEIVED_ABROAD, source="asked", goods_id=line.goods_id, quantity=line.quantity, effective_at=moment,
        recorded_at=moment, lot_id="asked", terms=terms,
    )  # fmt: skip
    taken = (Taken(lot_id="asked", goods_id=line.goods_id, quantity=line.quantity, price=line.value),)
    codes = law_of(kept, moment).flows[Flow.SHORTAGE]
    declaration = shortage_declaration("asked", taken, derive([fact]), Heading(kept.place, codes, "asked"))
    return assess(declaration, known(store).regime(kept.place.jurisdiction_code, _day(kept, moment))).due


def body_of(declarations: Sequence[Declaration]) -> bytes:
    """Declarations as they are handed in: our own form."""
    return forms.by_name("json").write(declarations)


def _secured(declaration: Declaration, kept: KeptAccount) -> Declaration:
    """With the guarantee that the operator has given for what leaves its stock."""
    return replace(declaration, guarantee_ids=(kept.guarantee_id,)) if kept.guarantee_id else declaration


def _is_in_free_circulation(account: StockAccount, taken: Taken) -> bool:
    lot = account.lot(taken.lot_id)
    return lot is not None and lot.terms.is_in_free_circulation


def _territory(code: str) -> set[str]:
    try:
        return {book.code for book in lineage(code)} - {FRAME} | {code}
    except NotInForceError:
        return {code}


def _day(kept: KeptAccount, moment: datetime) -> date:
    return legal_day_at(kept.place.jurisdiction_code, moment)
