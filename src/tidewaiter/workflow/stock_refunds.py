"""Goods that buyers send back to a place: what was paid on their import is claimed back, by the law of that import.

The claim is an ordinary one. That the goods are in the place again, under customs supervision, is told as their exit; it
is the operator's own word, and counts as far as the policy on returns lets it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tidewaiter.messages.plain_records import read_records
from tidewaiter.model.returned import (
    EvidenceKind,
    ExitEvent,
    ExitKind,
    Proof,
    ReturnedItem,
    ReturnReason,
    ReturnRecord,
)
from tidewaiter.stock.facts import Fact, Kind
from tidewaiter.stock.filings import BuyerReturn
from tidewaiter.stock.law import Flow
from tidewaiter.workflow.returning import Handed, Returning
from tidewaiter.workflow.stock_filing import reference_of
from tidewaiter.workflow.stock_origins import claim_name
from tidewaiter.workflow.stock_records import KeptAccount, KeptFiling, StockMessage, StockStore

TRANSPORT: Final = "stock"


def claim_back(store: StockStore, returning: Returning, message: StockMessage) -> int:
    """Claim on each return of a message whose goods were sold to the local market; how many. Done again, it is done once."""
    kept = store.stock.account(message.account_no)
    facts = {fact.source: fact for fact in store.stock.facts(kept.account_no) if fact.kind is Kind.RETURNED}
    records: list[ReturnRecord] = []
    for read in read_records(store.stock.body(message.message_no), BuyerReturn, message.kind.value):
        first = None if read.record is None else facts.get(f"return:{read.record.return_id}:1")
        if read.record is None or first is None:
            continue
        filing = store.stock.filing(kept.account_no, reference_of(kept, Flow.LOCAL, read.record.order_id))
        if filing is not None and filing.flow is Flow.LOCAL and filing.declaration_id is not None:
            records.append(_claim(kept, filing, read.record, first))
    if records:
        body = b"\n".join(msgspec.json.encode(record) for record in records)
        key = f"stock:{message.message_no}"
        returning.submit(
            Handed(body=body, sender_id=kept.sender_id, transport=TRANSPORT, file_name=key, idempotency_key=key)
        )
    return len(records)


def _claim(kept: KeptAccount, filing: KeptFiling, told: BuyerReturn, fact: Fact) -> ReturnRecord:
    """The claim on one return: by the number that customs gave the import."""
    name = claim_name(kept.account_no, told.return_id)
    return ReturnRecord(
        return_id=name, reason=ReturnReason.RETURNED, mrn=filing.registered_id, reference=filing.reference,
        items=tuple(ReturnedItem(quantity=line.quantity, sku=line.goods_id) for line in told.lines),
        documents=(Proof(kind=EvidenceKind.RETURN_ORDER, reference=told.return_id),),
        exit_event=ExitEvent(
            event_id=f"{name} entered", kind=ExitKind.CONFIRMED, happened_at=fact.effective_at,
            place=kept.place.place_name, reported_by=kept.place.operator_name, return_id=name,
        ),
    )  # fmt: skip
