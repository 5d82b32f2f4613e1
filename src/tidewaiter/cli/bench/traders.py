"""Simulated consignments with what happens to them afterwards, for the accounts: seeded, so that the same come again.

Each is a declaration assessed by the real engine under dated law; some are amended, cancelled, returned in part or whole,
or assessed again because an exchange rate was corrected late.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.model.returned import EvidenceKind, ExitEvent, ExitKind, Proof, ReturnedItem, ReturnReason
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.regime import EXCHANGE
from tidewaiter.revenue.obligations import payer_of, scheme_of
from tidewaiter.revenue.postings import Account, Entry, Posting, refunded
from tidewaiter.revenue.returns import Exit, Imported, Outcome, ReturnClaim, decide_refund
from tidewaiter.workflow.accounting import Happening

FIRST_DAY = date(2026, 1, 5)
DAYS = 180
LAST_DAY = FIRST_DAY + timedelta(days=DAYS + 62)  # by then every return was made
PARCELS_A_DAY = 20_000
OPERATORS = 40
REGIMES_KEPT = 32
GOODS = (
    ("T-shirt, cotton", "610910"),
    ("Leather belt", "420330"),
    ("Toy car, plastic", "950300"),
    ("Phone case", "392690"),
)
PLACES = (("GB", "GBP"), ("DE", "EUR"), ("FR", "EUR"), ("IE", "EUR"), ("SE", "SEK"), ("SG", "SGD"), ("AE", "AED"))
CURRENCIES = ("USD", "EUR", "GBP")
AMENDED, CANCELLED, RETURNED, CORRECTED = 0.03, 0.01, 0.05, 0.02


class Story(Struct, frozen=True):
    """One consignment: its happenings in order, and the refund at their end if there was one."""

    subject: str
    happenings: tuple[Happening, ...]
    refund: Posting | None
    standing: Assessment | None  # the last assessment; None where it was cancelled


def stories(seed: int, first: int, count: int) -> Iterator[Story]:
    """Consignments number `first` to `first + count` of a seed."""
    for number in range(first, first + count):
        yield _story(seed, number)


def _story(seed: int, number: int) -> Story:
    chance = Random(f"{seed}:{number}")  # noqa: S311 (the same consignments must come again)
    code, currency = chance.choice(PLACES)
    on = FIRST_DAY + timedelta(days=number // PARCELS_A_DAY % DAYS)
    declaration = _declaration(chance, code, currency)
    regime = _regime(code, on)
    subject = f"sim:{seed}:{number}"
    happenings = [_happening(subject, on, declaration, regime)]
    if chance.random() < AMENDED:
        declaration = _amended(declaration, chance)
        happenings.append(_happening(subject, on, declaration, regime))
    if chance.random() < CORRECTED:
        regime = _corrected(code, on)
        happenings.append(replace(_happening(subject, on, declaration, regime), why="exchange rate corrected"))
    if chance.random() < CANCELLED:
        happenings.append(replace(happenings[-1], assessment=None, why="cancelled"))
        return Story(subject, tuple(happenings), None, None)
    refund = None
    if chance.random() < RETURNED:
        refund = _returned(happenings[-1], chance, on + timedelta(days=chance.randrange(1, 40)))
    return Story(subject, tuple(happenings), refund, happenings[-1].assessment)


def _happening(subject: str, on: date, declaration: Declaration, regime: Regime) -> Happening:
    assessment = assess(declaration, regime)
    return Happening(subject=subject, on=on, declaration=declaration, assessment=assessment, regime=regime)


def _declaration(chance: Random, code: str, currency: str) -> Declaration:
    foreign = chance.choice((currency, *CURRENCIES))
    operator = f"OP{chance.randrange(OPERATORS):03}"
    items = []
    for line_no in range(1, chance.randrange(2, 4)):
        description, commodity = chance.choice(GOODS)
        price = Decimal(chance.randrange(300, 6000)) / 100
        items.append(
            GoodsItem(
                line_no=line_no, description=description, commodity_code=commodity, sku=f"S{line_no}",
                quantity=Decimal(chance.randrange(1, 4)), invoice_price=Money(price, foreign),
                additional_procedure_codes=("C07",), procedure_code="40", previous_procedure_code="00",
            )
        )  # fmt: skip
    return Declaration(
        jurisdiction_code=code,
        procedure_category="H7" if code in ("DE", "FR", "IE", "SE") else "",
        invoice_id=f"O{chance.randrange(10**9)}",
        declarant=Party(party_id=operator),
        importer=Party(party_id=operator),
        freight=Money(Decimal(chance.randrange(0, 900)) / 100, foreign),
        goods_items=tuple(items),
    )


def _amended(declaration: Declaration, chance: Random) -> Declaration:
    first = declaration.goods_items[0]
    assert first.invoice_price is not None
    price = Money(first.invoice_price.amount + Decimal(chance.randrange(1, 900)) / 100, first.invoice_price.currency)
    return replace(declaration, goods_items=(replace(first, invoice_price=price), *declaration.goods_items[1:]))


def _returned(last: Happening, chance: Random, on: date) -> Posting | None:
    assert last.assessment is not None
    first = last.declaration.goods_items[0]
    event = ExitEvent(
        event_id=f"E{chance.randrange(10**9)}", kind=ExitKind.DEPARTED, place="LHR", reported_by="carrier",
        happened_at=datetime.combine(on, time(), UTC),
    )  # fmt: skip
    claim = ReturnClaim(
        return_id="R1",
        reason=ReturnReason.RETURNED,
        claimed_on=on,
        order_id=last.declaration.invoice_id,
        items=(ReturnedItem(quantity=Decimal(1), line_no=first.line_no),) if chance.random() < 0.5 else (),
        documents=(Proof(kind=EvidenceKind.RETURN_ORDER, reference=last.declaration.invoice_id),),
        exit=Exit(event=event),
    )
    imported = Imported(declaration=last.declaration, assessment=last.assessment)
    decision = decide_refund(claim, imported, last.regime)
    if decision.outcome is not Outcome.REFUND:
        return None
    where = Entry(
        account=Account.REFUND, amount=Decimal(0), currency=decision.currency,
        party=payer_of(last.declaration, "importer"), scheme=scheme_of(last.regime.jurisdiction_code, "customs revenue"), period=f"{on:%Y-%m}",
    )  # fmt: skip
    return refunded(last.subject, claim.return_id, on, decision.amounts, where)


@lru_cache(maxsize=REGIMES_KEPT)
def _regime(code: str, on: date) -> Regime:
    return load_regime(code, on)


@lru_cache(maxsize=REGIMES_KEPT)
def _corrected(code: str, on: date) -> Regime:
    """The same law with exchange rates one per cent higher, as when a published rate is put right."""
    law = load_regime(code, on).law
    exchange = law.exchanges[EXCHANGE]
    rates = {name: (multiplier * Decimal("1.01"), divisor) for name, (multiplier, divisor) in exchange.rates.items()}
    return Regime.of(replace(law, exchanges=law.exchanges | {EXCHANGE: replace(exchange, rates=rates)}))
