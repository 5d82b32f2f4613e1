"""Stock is kept beside the server: what was told is finished, orders of marketplaces are taken up, goods follow releases."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from tidewaiter.model.declaration import Declaration
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.stock import StockKeeper
from tidewaiter.workflow.stock_following import follow_orders
from tidewaiter.workflow.stock_records import ArrivingStock, KeptAccount, MessageKind

MARKETPLACE = "a marketplace"


def stocking(store: PostgresStore) -> Callable[[], object]:
    """One round: nothing is done twice, whoever else does the same."""
    keeper = StockKeeper(store, Intake(store, workers=1))
    log = logging.getLogger(__name__)

    def submit(kept: KeptAccount, body: bytes, key: str) -> None:
        arriving = ArrivingStock(
            account_no=kept.account_no, kind=MessageKind.ORDERS, body=body, idempotency_key=key, told_by=MARKETPLACE,
            received_at=datetime.now(UTC),
        )  # fmt: skip
        for finding in keeper.submit(arriving).findings:
            log.warning("stock account %d, %s: %s", kept.account_no, key, finding.words)

    def stated(declaration_id: int) -> Declaration | None:
        return store.decision(declaration_id).declaration

    def keep() -> None:
        follow_orders(store, submit, stated)
        keeper.resume()

    return keep
