"""What the interface for machines says of stock."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.stock.account import Lot, Movement
from tidewaiter.stock.facts import INS, OUTS, Kind
from tidewaiter.stock.filings import Place
from tidewaiter.stock.law import PlaceKind
from tidewaiter.stock.statements import Figures, GoodsStatement, LotStatement, Statement, by_goods
from tidewaiter.web.api.shapes import Amount, FindingShape
from tidewaiter.workflow.stock_origins import Origin, OriginKind
from tidewaiter.workflow.stock_records import KeptAccount, KeptCount, KeptFiling, Standing, StockReceipt


class AccountShape(Struct, frozen=True, kw_only=True):
    """A stock account: whose, and of which place."""

    account_no: Annotated[int, Meta(description="Its number")]
    operator: Annotated[str, Meta(description="Whose stock it is", examples=["Quayside Fulfilment"])]
    operator_id: Annotated[str, Meta(description="As declarations name it")]
    place_id: Annotated[str, Meta(description="The place", examples=["FZ-NORTH-QUAY"])]
    place_name: str
    place_kind: PlaceKind
    jurisdiction_code: str
    locations: Annotated[list[str], Meta(description="URIs under which events name the place")]
    guarantee_id: str
    opened_at: datetime


class OpeningShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be opened."""

    sender_id: Annotated[int, Meta(ge=1, le=2**31 - 1, description="The operator, as a sender")]
    operator_id: Annotated[str, Meta(min_length=1, max_length=100, description="As declarations name it: EORI, TIN")]
    place_id: Annotated[str, Meta(min_length=1, max_length=100)]
    place_name: Annotated[str, Meta(min_length=1, max_length=200)]
    place_kind: PlaceKind
    jurisdiction_code: Annotated[str, Meta(min_length=2, max_length=3)]
    authorisation_id: Annotated[str, Meta(max_length=100)] = ""
    guarantee_id: Annotated[str, Meta(max_length=60, description="Named in the declarations that are made")] = ""
    locations: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=50)] = []


class LotShape(Struct, frozen=True, kw_only=True):
    """A lot as it stands."""

    lot_id: str
    goods_id: str
    description: str
    commodity_code: str
    origin_country_code: str
    unit: str
    received: str
    balance: Annotated[str, Meta(description="How many are there")]
    reserved: Annotated[str, Meta(description="Declared to leave and not released yet")]
    value: Amount
    suspended: Annotated[Amount, Meta(description="Duties and taxes suspended on what is there")]
    entry_document: str
    opened_at: datetime


class OriginShape(Struct, frozen=True, kw_only=True):
    """What a movement came from."""

    what: OriginKind
    name: Annotated[str, Meta(description="Its number: of the entry, order, return, event, certificate, count")]
    declaration_id: Annotated[
        int | None, Meta(description="The declaration made of it; of a return, that of the order it is of")
    ]
    return_id: Annotated[str, Meta(description="The claim on duty paid, as the returns name it; empty where none is")]


class MovementShape(Struct, frozen=True, kw_only=True):
    """What one fact did to one lot; in is positive."""

    kind: Kind
    source: str
    lot_id: str
    goods_id: str
    quantity: str
    balance: str
    value: Amount
    suspended: Amount
    effective_at: datetime
    recorded_at: datetime
    document: str
    origin: OriginShape


class StockFindingShape(Struct, frozen=True):
    """Something that the account could not follow."""

    source: str
    finding: FindingShape
    recorded_at: datetime


class DifferenceShape(Struct, frozen=True, kw_only=True):
    """Where a stock-taking differed."""

    what: str
    goods_id: str
    lot_id: str
    booked: str
    counted: str
    quantity: str
    suspended: Amount | None


class CountShape(Struct, frozen=True, kw_only=True):
    """A stock-taking, and who answered for it."""

    count_no: int
    count_id: str
    counted_at: datetime
    differences: list[DifferenceShape]
    booked_by: str
    booked_at: datetime | None


class UncoveredShape(Struct, frozen=True):
    """A fact that took out more than was there."""

    source: str
    goods_id: str
    quantity: str
    effective_at: datetime


class StandingShape(Struct, frozen=True, kw_only=True):
    """An account with all there is to see of it."""

    account: AccountShape
    lots: list[LotShape]
    suspended: Annotated[list[Amount], Meta(description="Duties and taxes suspended in all, by currency")]
    open_filings: int
    uncovered: list[UncoveredShape]
    findings: list[StockFindingShape]
    counts: list[CountShape]


class AccountsShape(Struct, frozen=True):
    """Accounts by number."""

    accounts: list[AccountShape]


class MovementPage(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Movements in the order they took effect, of the period and as known at the moment it names."""

    movements: list[MovementShape]
    from_: datetime
    until: datetime
    known_at: datetime
    next_after: int | None


class FilingShape(Struct, frozen=True, kw_only=True):
    """What was declared of an entry, an order or a shortage."""

    filing_no: int
    flow: str
    reference: str
    declaration_id: int | None
    declaration_state: str
    state: Annotated[str, Meta(description="open, done, or lifted: the goods stay where they are")]
    words: str
    made_at: datetime
    ended_at: datetime | None


class FilingPage(Struct, frozen=True):
    """Filings, the newest first."""

    filings: list[FilingShape]
    next: Annotated[int | None, Meta(description="Ask again with before for older ones")]


class FiguresShape(Struct, frozen=True):
    """A quantity, its value, and what is suspended on it."""

    quantity: str
    value: Amount
    suspended: Amount


class LotStatementShape(Struct, frozen=True, kw_only=True):
    """One lot over a period: opening and what came in, less what left, come to closing."""

    lot_id: str
    goods_id: str
    description: str
    unit: str
    entry_document: str
    opening: FiguresShape
    ins: dict[str, FiguresShape]
    outs: dict[str, FiguresShape]
    closing: FiguresShape


class GoodsStatementShape(Struct, frozen=True, kw_only=True):
    """One article, all its lots: opening + received + returned - sold - destroyed - otherwise = closing."""

    goods_id: str
    description: str
    unit: str
    opening: str
    received: str
    returned: str
    sold: str
    destroyed: str
    otherwise: Annotated[str, Meta(description="Transferred away, taken as samples, or lost")]
    closing: str


class StatementShape(Struct, frozen=True, kw_only=True):
    """A statement of stock."""

    starts_at: datetime
    ends_at: datetime
    is_balanced: bool
    goods: list[GoodsStatementShape]
    lots: list[LotStatementShape]


class LineShape(Struct, frozen=True, kw_only=True):
    """What became of one record."""

    position: int
    reference: str
    flow: str
    declaration_id: int | None
    state: str


class StockReceiptShape(Struct, frozen=True, kw_only=True):
    """The answer to a message."""

    message_no: int
    digest: str
    kind: str
    record_count: int
    taken_count: int
    is_repeat: bool
    lines: Annotated[list[LineShape], Meta(description="The first hundred")]
    findings: list[FindingShape]


class RemovalShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods destroyed, or a sample taken, under an officer's eyes."""

    removal_id: Annotated[str, Meta(min_length=1, max_length=100, description="Number of the certificate")]
    kind: Kind
    goods_id: Annotated[str, Meta(min_length=1, max_length=200)]
    quantity: Decimal
    lot_id: Annotated[str, Meta(max_length=300)] = ""
    at: datetime | None = None
    reason: Annotated[str, Meta(max_length=2_000)] = ""


class TransferShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods that go to another account under suspension."""

    transfer_id: Annotated[str, Meta(min_length=1, max_length=100)]
    to_account_no: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    goods_id: Annotated[str, Meta(min_length=1, max_length=200)]
    quantity: Decimal
    lot_id: Annotated[str, Meta(max_length=300)] = ""
    at: datetime | None = None


class CorrectionShape(Struct, frozen=True, forbid_unknown_fields=True):
    """One fact to be taken back, whole."""

    source: Annotated[str, Meta(min_length=1, max_length=400)]
    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]


class BookingShape(Struct, frozen=True, forbid_unknown_fields=True):
    """An officer's words on a stock-taking."""

    words: Annotated[str, Meta(min_length=1, max_length=2_000)]


class FactsShape(Struct, frozen=True):
    """The facts that were told, by their sources."""

    sources: list[str]


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}" if number else "0"


def _amount(money: Money) -> Amount:
    return Amount(_plain(money.amount), money.currency)


def account(kept: KeptAccount) -> AccountShape:
    """An account as it is told."""
    place: Place = kept.place
    return AccountShape(
        account_no=kept.account_no, operator=kept.sender_name, operator_id=place.operator_id, place_id=place.place_id,
        place_name=place.place_name, place_kind=kept.place_kind, jurisdiction_code=place.jurisdiction_code,
        locations=list(kept.locations), guarantee_id=kept.guarantee_id, opened_at=kept.opened_at,
    )  # fmt: skip


def lot(found: Lot) -> LotShape:
    """A lot as it is told."""
    terms = found.terms
    return LotShape(
        lot_id=found.lot_id, goods_id=found.goods_id, description=terms.description, commodity_code=terms.commodity_code,
        origin_country_code=terms.origin_country_code, unit=terms.unit, received=_plain(found.received),
        balance=_plain(found.balance), reserved=_plain(found.reserved), value=_amount(found.value),
        suspended=_amount(found.suspended), entry_document=terms.entry_document, opened_at=found.opened_at,
    )  # fmt: skip


def movement(found: Movement, came_from: Origin) -> MovementShape:
    """A movement as it is told."""
    origin = OriginShape(
        what=came_from.what, name=came_from.name, declaration_id=came_from.declaration_id, return_id=came_from.return_id
    )
    return MovementShape(
        kind=found.kind, source=found.source, lot_id=found.lot_id, goods_id=found.goods_id,
        quantity=_plain(found.quantity), balance=_plain(found.balance), value=_amount(found.value),
        suspended=_amount(found.suspended), effective_at=found.effective_at, recorded_at=found.recorded_at,
        document=found.document, origin=origin,
    )  # fmt: skip


def standing(found: Standing) -> StandingShape:
    """An account with all there is to see of it."""
    return StandingShape(
        account=account(found.kept),
        lots=[lot(each) for each in found.account.lots],
        suspended=[_amount(each) for each in found.suspended],
        open_filings=len(found.filings),
        uncovered=[
            UncoveredShape(each.fact.source, each.fact.goods_id, _plain(each.quantity), each.fact.effective_at)
            for each in found.account.uncovered
        ],
        findings=[StockFindingShape(e.source, _finding(e.finding), e.recorded_at) for e in found.findings],
        counts=[count(each) for each in found.counts],
    )


def count(kept: KeptCount) -> CountShape:
    """A stock-taking as it is told."""
    differences = [
        DifferenceShape(
            what=each.what.value, goods_id=each.goods_id, lot_id=each.lot_id, booked=_plain(each.booked),
            counted=_plain(each.counted), quantity=_plain(each.quantity),
            suspended=None if each.suspended is None else _amount(each.suspended),
        )
        for each in kept.differences
    ]  # fmt: skip
    return CountShape(
        count_no=kept.count_no, count_id=kept.count.count_id, counted_at=kept.count.counted_at, differences=differences,
        booked_by=kept.booked_by, booked_at=kept.booked_at,
    )  # fmt: skip


def filing(kept: KeptFiling) -> FilingShape:
    """A filing as it is told."""
    return FilingShape(
        filing_no=kept.filing_no, flow=kept.flow.value, reference=kept.reference, declaration_id=kept.declaration_id,
        declaration_state=kept.declared_state.value if kept.declared_state else "", state=kept.state.value,
        words=kept.words, made_at=kept.made_at, ended_at=kept.ended_at,
    )  # fmt: skip


def statement(found: Statement) -> StatementShape:
    """A statement as it is told."""
    lots = [_lot_statement(each) for each in found.lots]
    return StatementShape(
        starts_at=found.starts_at, ends_at=found.ends_at, is_balanced=found.is_balanced,
        goods=[_goods(each) for each in by_goods(found)], lots=lots,
    )  # fmt: skip


def receipt(found: StockReceipt) -> StockReceiptShape:
    """A receipt as it is told."""
    return StockReceiptShape(
        message_no=found.message_no, digest=found.digest, kind=found.kind.value, record_count=found.record_count,
        taken_count=found.taken_count, is_repeat=found.is_repeat,
        lines=[
            LineShape(
                position=each.position, reference=each.reference, flow=each.flow, declaration_id=each.declaration_id,
                state=each.state,
            )
            for each in found.lines
        ],
        findings=[_finding(each) for each in found.findings],
    )  # fmt: skip


def _lot_statement(found: LotStatement) -> LotStatementShape:
    return LotStatementShape(
        lot_id=found.lot_id, goods_id=found.goods_id, description=found.description, unit=found.unit,
        entry_document=found.entry_document, opening=_figures(found.opening), closing=_figures(found.closing),
        ins={kind.value: _figures(each) for kind, each in found.by_kind.items() if kind in INS},
        outs={kind.value: _figures(each) for kind, each in found.by_kind.items() if kind in OUTS},
    )  # fmt: skip


def _goods(found: GoodsStatement) -> GoodsStatementShape:
    return GoodsStatementShape(
        goods_id=found.goods_id, description=found.description, unit=found.unit, opening=_plain(found.opening),
        received=_plain(found.received), returned=_plain(found.returned), sold=_plain(found.sold),
        destroyed=_plain(found.destroyed), otherwise=_plain(found.otherwise), closing=_plain(found.closing),
    )  # fmt: skip


def _figures(found: Figures) -> FiguresShape:
    return FiguresShape(_plain(found.quantity), _amount(found.value), _amount(found.suspended))


def _finding(found: Finding) -> FindingShape:
    return FindingShape.of(found)
