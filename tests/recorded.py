"""Declarations handed in to be recorded, and what tests ask of the record."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from itertools import islice

import psycopg

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Declaration
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)


def some(count: int, seed: int = 1) -> list[Declaration]:
    """Declarations as senders lodge them."""
    return list(islice(parcels.declarations("json", count, seed, DAY), count))


def hand_in(intake: Intake, store: PostgresStore, declarations: Sequence[Declaration]) -> Receipt:
    """One message of them."""
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A post").sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=DAY)


def decisions_and_entries(store: PostgresStore) -> tuple[int, int]:
    """How many decisions there are, and how many entries on declarations."""
    with psycopg.connect(store.url) as connection:
        row = connection.execute(
            "SELECT (SELECT coalesce(sum(last_position - first_position + 1), 0) FROM evidence_block),"
            " (SELECT count(*) FROM record_entry WHERE label LIKE 'record:%' OR label LIKE 'decision:%')"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
