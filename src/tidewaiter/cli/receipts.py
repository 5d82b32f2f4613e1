"""Handing in files, and receipts as rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tidewaiter.store import PostgresStore
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Receipt


def hand_in(store: PostgresStore, path: Path, *, sender: str, form: str, on: date | None) -> Receipt:
    """Submit one file in the name of `sender`, who is added when new; the receipt."""
    with Intake(store, books=Books.from_environment()) as intake, path.open("rb") as stream:
        sender_id = store.senders.ensure(sender).sender_id
        return intake.submit(
            stream, sender_id=sender_id, file_name=path.name, transport="cli", form_name=form or None, legal_day=on
        )


def receipt_row(name: str, receipt: Receipt) -> dict[str, Any]:
    """One file's receipt as a row."""
    return {
        "file": name,
        "message": receipt.message_id,
        "form": receipt.form,
        "declarations": receipt.record_count,
        "became": ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(receipt.counts.items())),
        "findings": len(receipt.findings) + len(receipt.message_findings),
        "seen before": receipt.is_repeat,
    }
