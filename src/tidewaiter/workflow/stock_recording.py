"""Facts of stock into an account and, in the same transaction, into the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import structs

from tidewaiter.stock.facts import INS, Fact, Kind
from tidewaiter.workflow.recording import Recording, clean
from tidewaiter.workflow.stock_records import StockWriting

WHY: Final = {  # what an entry of the record says in the open of goods that leave
    Kind.SOLD_LOCAL: "sold_local",
    Kind.SOLD_ABROAD: "sold_abroad",
    Kind.TRANSFERRED_OUT: "transferred",
    Kind.SAMPLE: "sample",
    Kind.LOSS: "loss",
}


def keep_facts(writing: StockWriting, account_no: int, facts: Sequence[Fact]) -> Sequence[Fact]:
    """Keep facts and write their entries; those that were new. A fact told twice is kept and recorded once."""
    has_come = writing.stock.has_come_in(account_no)
    new = writing.stock.add(account_no, facts)
    kinds: dict[str, Kind] = {}
    if any(fact.kind is Kind.CORRECTION for fact in new):
        kinds = {fact.source: fact.kind for fact in writing.stock.facts(account_no)}
    recordings = []
    for fact in new:
        recording = _recording(account_no, fact, kinds.get(fact.reverses))
        has_come = has_come or recording.type == "stock_in"
        recordings.append(recording if has_come else _ahead(recording))
    writing.record.append(recordings)
    return new


def _ahead(recording: Recording) -> Recording:
    """What went is told before what came in: it may be so, and is marked."""
    return structs.replace(recording, facts={**recording.facts, "irregular": 1})


def _recording(account_no: int, fact: Fact, reversed_kind: Kind | None) -> Recording:
    """The entry of a fact. What the goods are, and how many, stands in its fields alone."""
    fields = (
        ("kind", fact.kind.value), ("goods", clean(fact.goods_id)), ("lot", clean(fact.lot_id)),
        ("quantity", f"{fact.quantity:f}"), ("effective_at", fact.effective_at.isoformat()),
        ("document", clean(fact.document)), ("reverses", clean(fact.reverses)), ("reason", clean(fact.reason)),
    )  # fmt: skip
    kind, facts = _told(fact.kind, reversed_kind)
    return Recording(kind, f"stock:{account_no}", fact.source, fields, facts, fact.recorded_at)


def _told(kind: Kind, reversed_kind: Kind | None) -> tuple[str, dict[str, int | str]]:
    if kind is Kind.CORRECTION:  # what was told to have moved is where it was: an entry the other way
        return ("stock_out" if reversed_kind in INS else "stock_in"), {"why": "correction"}
    if kind in INS:
        return "stock_in", {}
    if kind is Kind.DESTROYED:
        return "stock_destroyed", {}
    return "stock_out", {"why": WHY[kind]}
