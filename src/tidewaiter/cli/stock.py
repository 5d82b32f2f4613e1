"""`tidewaiter stock`: goods in free zones and warehouses: accounts, what comes, leaves and is missing, statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.accounts.booking import catch_up
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.stock.facts import INS, Fact, Kind
from tidewaiter.stock.filings import Place
from tidewaiter.stock.law import PlaceKind
from tidewaiter.stock.statement_csv import movements_csv, plain, statement_csv
from tidewaiter.stock.statements import Figures, Statement, totals
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.stock import StockKeeper
from tidewaiter.workflow.stock_acts import Removal, StockActs, Transfer
from tidewaiter.workflow.stock_records import ArrivingStock, KeptAccount, MessageKind, Opening, Standing, StockReceipt

app = App(name="stock")

Number = Annotated[int, Parameter(help="The account's number.")]
Officer = Annotated[str, Parameter(help="The officer; the name is kept.")]
First = Annotated[date | None, Parameter(name="--from", help="The first day, YYYY-MM-DD; 30 days back if not given.")]
Last = Annotated[date | None, Parameter(name="--to", help="The last day; today if not given.")]
KnownAt = Annotated[datetime | None, Parameter(help="As it was known at this moment, with its time zone.")]
DAYS = 30


@app.command(name="open")
def open_(
    *,
    operator: Annotated[str, Parameter(help="Whose stock it is; added to the senders when new.")],
    operator_id: Annotated[str, Parameter(help="As declarations name it: EORI, TIN.")],
    place_id: Annotated[str, Parameter(help="The place, as customs name it.")],
    place: Annotated[str, Parameter(help="The place's name.")],
    jurisdiction: Annotated[str, Parameter(help="Where it lies, as AE.")],
    by: Officer,
    kind: Annotated[PlaceKind, Parameter(help="What kind of place it is.")] = PlaceKind.FREE_ZONE,
    authorisation: Annotated[str, Parameter(help="Number of the authorisation.")] = "",
    guarantee: Annotated[str, Parameter(help="Guarantee named in the declarations that are made.")] = "",
    location: Annotated[
        tuple[str, ...], Parameter(help="URI under which events name the place; may be repeated.")
    ] = (),
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Open an account of one operator at one place."""
    with _keeping() as (store, keeper):
        sender_id = store.senders.ensure(operator).sender_id
        where = Place(
            place_id=place_id, place_name=place, jurisdiction_code=jurisdiction.upper(), operator_id=operator_id,
            operator_name=operator, authorisation_id=authorisation,
        )  # fmt: skip
        opening = Opening(sender_id=sender_id, place=where, place_kind=kind, locations=location, guarantee_id=guarantee)
        output.print_one(_account_row(keeper.open(opening, f"officer {by}")), output_as)
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List accounts with what is suspended in each."""
    with _keeping() as (store, keeper):
        rows = [_account_row(kept) | _standing_row(keeper.standing(kept.account_no)) for kept in store.stock.accounts()]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def tell(
    account: Number,
    what: Annotated[MessageKind, Parameter(help="What the files have.")],
    files: Annotated[list[Path], Parameter(help="JSON: one, a list, or one a line; docs/reference/stock.md.")],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Tell entries, orders, returns or a stock-taking: each is kept, declared, and moves when it is released."""
    bodies = [path.read_bytes() for path in files]  # all can be read, before the first is told
    receipts: list[StockReceipt] = []
    with _keeping() as (store, keeper):
        for body in bodies:
            arriving = ArrivingStock(
                account_no=account, kind=what, body=body, idempotency_key="", told_by="command line",
                received_at=datetime.now(UTC),
            )  # fmt: skip
            receipts.append(keeper.submit(arriving))
        catch_up(store)
        keeper.settle()
    rows = [_receipt_row(path, receipt) for path, receipt in zip(files, receipts, strict=True)]
    output.print_rows(rows, output_as)
    if not (output_as.json or output_as.csv):
        for finding in (each for receipt in receipts for each in receipt.findings):
            output.out().print(
                f"{finding.severity.value:8}{finding.place}: {finding.words} [{finding.rule_id}]", markup=False
            )
    return output.EXIT_FINDINGS if any(receipt.findings for receipt in receipts) else output.EXIT_OK


@app.command
def show(account: Number, *, known_at: KnownAt = None, output_as: Output = Output()) -> int:  # noqa: B008
    """Show what is there by lot, what is reserved and suspended, and what was found."""
    with _keeping() as (_, keeper):
        standing = keeper.standing(account, known_at=known_at)
    rows = [
        {
            "lot": lot.lot_id, "goods": lot.goods_id, "received": plain(lot.received), "balance": plain(lot.balance),
            "reserved": plain(lot.reserved), "value": str(lot.value), "suspended": str(lot.suspended),
            "entered by": lot.terms.entry_document,
        }
        for lot in standing.account.lots
    ]  # fmt: skip
    output.print_rows(rows, output_as)
    if not (output_as.json or output_as.csv):
        for each in standing.findings:
            output.out().print(f"{each.finding.severity.value:8}{each.finding.words} [{each.source}]", markup=False)
        for missing in standing.account.uncovered:
            words = f"{plain(missing.quantity)} {missing.fact.goods_id} were told to leave and are not in the account"
            output.out().print(f"error   {words} [{missing.fact.source}]", markup=False)
    return output.EXIT_FINDINGS if standing.findings or standing.account.uncovered else output.EXIT_OK


@app.command
def movements(
    account: Number,
    *,
    known_at: KnownAt = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List movements in the order they took effect, with the fact each is known from."""
    with _keeping() as (store, keeper):
        found = keeper.account(store.stock.account(account), known_at=known_at).movements
    if output_as.csv:
        output.write(movements_csv(found))
        return output.EXIT_OK
    rows = [
        {
            "took effect": each.effective_at, "what": each.kind.value, "lot": each.lot_id, "goods": each.goods_id,
            "quantity": plain(each.quantity), "balance": plain(each.balance), "value": str(each.value),
            "suspended": str(each.suspended), "known from": each.source,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def statement(
    account: Number,
    *,
    first: First = None,
    last: Last = None,
    known_at: KnownAt = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """State a period, both days in it: opening and what came in, less what left, come to closing, lot by lot."""
    to_day = last or datetime.now(UTC).date()
    from_day = first or to_day - timedelta(days=DAYS)
    with _keeping() as (_, keeper):
        found = keeper.statement(account, _starts(from_day), _starts(to_day + timedelta(days=1)), known_at=known_at)
    if output_as.csv:
        output.write(statement_csv(found))
    else:
        output.print_rows(statement_rows(found), output_as)
    return output.EXIT_OK if found.is_balanced else output.EXIT_ERROR


@app.command
def remove(
    account: Number,
    certificate: Annotated[str, Parameter(help="Number of the certificate or record.")],
    goods: Annotated[str, Parameter(help="What the operator calls the goods.")],
    quantity: Decimal,
    *,
    by: Officer,
    kind: Annotated[Kind, Parameter(help="destroyed, or a sample taken.")] = Kind.DESTROYED,
    lot: Annotated[str, Parameter(help="The lot; the law's order picks it if not given.")] = "",
    reason: str = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Keep that goods were destroyed, or a sample was taken, under an officer's eyes."""
    removal = Removal(
        account_no=account, removal_id=certificate, kind=kind, goods_id=goods, quantity=quantity, by=f"officer {by}",
        lot_id=lot, reason=reason,
    )  # fmt: skip
    with opened_store() as store:
        facts = StockActs(store).remove(removal)
    return _kept(facts, output_as)


@app.command
def transfer(
    account: Number,
    to: Annotated[int, Parameter(help="Number of the account they go to.")],
    transfer_id: Annotated[str, Parameter(help="Number of the transfer.")],
    goods: Annotated[str, Parameter(help="What the operator calls the goods.")],
    quantity: Decimal,
    *,
    by: Officer,
    lot: Annotated[str, Parameter(help="The lot; the law's order picks it if not given.")] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Keep that goods went to another operator's account or place, under suspension."""
    moved = Transfer(
        account_no=account, to_account_no=to, transfer_id=transfer_id, goods_id=goods, quantity=quantity,
        by=f"officer {by}", lot_id=lot,
    )  # fmt: skip
    with opened_store() as store:
        facts = StockActs(store).transfer(moved)
    return _kept(facts, output_as)


@app.command
def correct(
    account: Number,
    source: Annotated[str, Parameter(help="The fact, as movements name what it is known from.")],
    *,
    by: Officer,
    reason: Annotated[str, Parameter(help="What was wrong.")],
) -> int:
    """Take one fact back, whole; tell the right one beside it."""
    with opened_store() as store:
        StockActs(store).correct(account, source, f"officer {by}", reason)
    output.out().print(f"{source} is taken back", markup=False)
    return output.EXIT_OK


@app.command
def book(
    count: Annotated[int, Parameter(help="Number of the stock-taking, as counts has it.")],
    *,
    by: Officer,
    words: Annotated[str, Parameter(help="Why; kept with the stock-taking.")],
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Answer for a stock-taking: what is missing leaves as lost, and is declared for the debt on it."""
    with _keeping() as (store, keeper):
        found = StockActs(store).book_count(count, f"officer {by}", words)
        keeper.resume()
    output.print_rows([_difference_row(found.count.count_id, each) for each in found.differences], output_as)
    return output.EXIT_OK


@app.command
def counts(account: Number, *, output_as: Output = Output()) -> int:  # noqa: B008
    """List stock-takings and how each differed."""
    with opened_store() as store:
        found = store.stock.counts(account)
    rows = [
        {"count": kept.count_no, "counted at": kept.count.counted_at, "booked by": kept.booked_by}
        | _difference_row(kept.count.count_id, each)
        for kept in found
        for each in kept.differences
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def settle(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Finish what was told and is not worked through, and let goods follow their declarations."""
    with _keeping() as (store, keeper):
        done = keeper.resume()
        catch_up(store)
        settled = keeper.settle()
    output.print_one({"messages finished": len(done), "filings settled": settled}, output_as)
    return output.EXIT_OK


@app.command
def example(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Run the worked example: a bulk of 1,000 units in, 500 orders, returns, a destruction, a count with two missing."""
    from tidewaiter.cli.stock_example import run

    with _keeping() as (store, keeper):
        told = run(store, keeper, lambda: catch_up(store), lambda: datetime.now(UTC))
        number = told.account.account_no
        ends = datetime.now(UTC) + timedelta(seconds=1)
        found = keeper.statement(number, told.account.opened_at - timedelta(seconds=1), ends)
        declared = [filing for filing in store.stock.filings(number, limit=10_000) if filing.declaration_id]
    output.print_rows(statement_rows(found), output_as)
    if not (output_as.json or output_as.csv):
        moved = ", ".join(f"{plain(quantity)} {kind.value}" for kind, quantity in totals(found).items())
        said = f"account {number}: {moved}; {len(declared)} declarations made, assessed and decided"
        output.out().print(said, markup=False)
    return output.EXIT_OK if found.is_balanced else output.EXIT_ERROR


# --- rows ----------------------------------------------------------------------------------------------------------


def statement_rows(found: Statement) -> list[dict[str, Any]]:
    """A line for opening, each kind of movement, and closing of each lot."""
    rows: list[dict[str, Any]] = []
    for lot in found.lots:
        named = {"lot": lot.lot_id, "goods": lot.goods_id}
        rows.append(named | {"line": "opening"} | _figures(lot.opening, 1))
        for kind in (kind for kind in Kind if kind in lot.by_kind):
            rows.append(named | {"line": kind.value} | _figures(lot.by_kind[kind], 1 if kind in INS else -1))
        rows.append(named | {"line": "closing"} | _figures(lot.closing, 1))
    return rows


@contextmanager
def _keeping() -> Iterator[tuple[PostgresStore, StockKeeper]]:
    with opened_store() as store, Intake(store) as intake:
        yield store, StockKeeper(store, intake)


def _figures(figures: Figures, sign: int) -> dict[str, Any]:
    return {
        "quantity": plain(figures.quantity * sign), "value": plain(figures.value.amount * sign),
        "suspended": plain(figures.suspended.amount * sign), "currency": figures.value.currency,
    }  # fmt: skip


def _account_row(kept: KeptAccount) -> dict[str, Any]:
    return {
        "account": kept.account_no, "place": kept.place.place_name, "kind": kept.place_kind.value,
        "in": kept.place.jurisdiction_code, "operator": kept.sender_name,
    }  # fmt: skip


def _standing_row(standing: Standing) -> dict[str, Any]:
    return {
        "lots": len(standing.account.lots), "open": len(standing.filings),
        "suspended": ", ".join(map(str, standing.suspended)),
        "findings": len(standing.findings) + len(standing.account.uncovered),
    }  # fmt: skip


def _receipt_row(path: Path, receipt: StockReceipt) -> dict[str, Any]:
    return {
        "file": path.name, "message": receipt.message_no, "records": receipt.record_count, "taken": receipt.taken_count,
        "findings": len(receipt.findings), "seen before": receipt.is_repeat,
    }  # fmt: skip


def _difference_row(count_id: str, difference: Any) -> dict[str, Any]:
    return {
        "count id": count_id, "goods": difference.goods_id, "booked": plain(difference.booked),
        "counted": plain(difference.counted), "what": difference.what.value, "quantity": plain(difference.quantity),
        "suspended": str(difference.suspended or ""),
    }  # fmt: skip


def _starts(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _kept(facts: Sequence[Fact], output_as: Output) -> int:
    """Show the facts that an act was kept as."""
    rows = [
        {"known from": f.source, "what": f.kind.value, "lot": f.lot_id, "quantity": plain(f.quantity)} for f in facts
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
