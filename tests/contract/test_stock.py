"""Stock on a real store: what is told is filed, declared by the ordinary intake, and moves when it is released."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tidewaiter.cli import stock_example as example
from tidewaiter.model.decision import State
from tidewaiter.model.money import Money
from tidewaiter.revenue.returns import Outcome
from tidewaiter.stock.facts import INS, OUTS, Kind
from tidewaiter.stock.statements import totals
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow import replay
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.return_records import CaseFilter
from tidewaiter.workflow.stock import StockKeeper


@pytest.fixture
def keeper(store: PostgresStore, intake: Intake) -> StockKeeper:
    return StockKeeper(store, intake)


@pytest.fixture
def release(store: PostgresStore) -> Callable[[], object]:
    bookkeeper = Bookkeeper(store, store.accounts, Desk(store))
    return lambda: bookkeeper.catch_up(BOOKKEEPING)


def test_the_worked_example(store: PostgresStore, keeper: StockKeeper, release: Callable[[], object]) -> None:
    told = example.run(store, keeper, release, now)
    assert [receipt.taken_count for receipt in told.receipts] == [1, 500, 20, 1]
    assert [receipt.findings for receipt in told.receipts] == [()] * 4
    standing = keeper.standing(told.account.account_no)
    (lot,) = standing.account.lots
    assert (lot.balance, lot.reserved) == (Decimal(513), Decimal(0))  # 1000 - 300 - 200 + 20 - 5 - 2
    assert lot.value == Money(Decimal("12825.00"), "AED")  # 513 of 1,000 at 25.00
    assert lot.terms.suspended == Money(Decimal("2562.50"), "AED")  # 5 % of 25,000, and 5 % tax on 26,250
    assert lot.suspended == Money(Decimal("1314.56"), "AED")  # 513 thousandths of it
    assert standing.account.uncovered == ()
    assert standing.filings == ()
    (finding,) = standing.findings
    assert finding.finding.words.startswith(
        "TEE-BLUE-M: 515 in the account, 513 counted: 2 missing, 5.13 AED suspended"
    )


def test_the_worked_example_waits_for_a_server_that_lets_the_orders_go(
    store: PostgresStore, keeper: StockKeeper, release: Callable[[], object]
) -> None:
    rounds = iter(range(100))

    def late() -> object:
        """The books are another's, who comes to these orders a while after they were told."""
        return release() if next(rounds) > 1 else 0

    account_no = example.run(store, keeper, late, now).account.account_no
    (lot,) = keeper.standing(account_no).account.lots
    assert lot.balance == Decimal(513)


def test_its_statement_balances_and_tells_each_flow(
    store: PostgresStore, keeper: StockKeeper, release: Callable[[], object]
) -> None:
    account_no = example.run(store, keeper, release, now).account.account_no
    ends = datetime.now(UTC) + timedelta(days=1)
    statement = keeper.statement(account_no, ends - timedelta(days=2), ends)
    assert statement.is_balanced
    assert totals(statement) == {
        Kind.RECEIVED_ABROAD: 1_000, Kind.RETURNED: 20, Kind.SOLD_LOCAL: 300, Kind.SOLD_ABROAD: 200, Kind.DESTROYED: 5,
        Kind.LOSS: 2,
    }  # fmt: skip
    (lot,) = statement.lots
    assert (lot.total(INS).quantity, lot.total(OUTS).quantity, lot.closing.quantity) == (1_020, 507, 513)
    assert not keeper.statement(account_no, ends, ends + timedelta(days=1)).lots[0].by_kind


def test_its_declarations_are_the_engines_own_and_replay(
    store: PostgresStore, keeper: StockKeeper, release: Callable[[], object]
) -> None:
    account_no = example.run(store, keeper, release, now).account.account_no
    filings = store.stock.filings(account_no)
    files = {filing.reference: store.decision(filing.declaration_id or 0) for filing in filings}
    assert {file.row.state for file in files.values()} == {State.CLEARED}
    local, abroad = files[f"stock {account_no} order Q-00001"], files[f"stock {account_no} order Q-00400"]
    assert local.row.due == Money(Decimal("3.95"), "AED")  # no duty up to 300.00; tax 5 % of 79.00
    assert local.declaration is not None
    (item,) = local.declaration.goods_items
    assert (item.procedure_code, item.previous_procedure_code) == ("40", "78")
    entered = files[f"stock {account_no} entry BULK-2026-1"].row
    assert item.previous_documents[0].document_id == entered.registered_id
    assert abroad.row.dataset == "SEC"
    assert files[f"stock {account_no} entry BULK-2026-1"].row.dataset == "ZONE"
    missing = files[f"stock {account_no} count COUNT-1"]
    assert missing.row.due == Money(Decimal("5.13"), "AED")  # 2.50 duty, and 2.63 tax on 52.50: no relief for low value
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed == len(files) == 502


def test_what_was_paid_on_returned_goods_is_claimed_back_by_the_law_of_their_import(
    store: PostgresStore, keeper: StockKeeper, release: Callable[[], object]
) -> None:
    example.run(store, keeper, release, now)
    cases = store.returns.cases(CaseFilter(limit=100))
    assert len(cases) == example.RETURNED
    assert {(case.outcome, case.amount) for case in cases} == {(Outcome.GUARANTEE_RELEASE, Decimal("3.95"))}
