"""Declarations handed in to be recorded, and what tests ask of the record."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from itertools import islice

import psycopg

from tidewaiter.cli.bench import parcels
from tidewaiter.ledger.contracts import VERSION_1, Founder, Genesis, Refusal, Role, State
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf
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


def refused_by_contract(store: PostgresStore, since: float) -> list[str]:
    """The entries of the house's own record that a network's contract would refuse, the house being its customs.

    The network is founded in the quarter hour of the moment `since` (seconds since 1970), no later than the first entry.
    The end of a year's own log is left out, as it is where the record is handed on: a network has epochs of its own.
    """
    identity = store.record_keeper.identity
    key = SignerKey(identity.name, KeyType.ED25519, identity.seed)
    other = SignerKey("log.example/1", KeyType.ED25519, bytes(range(32)))
    at = int(since) // 900 * 900
    founders = (Founder("customs", key.verifier.public, (Role.CUSTOMS,)),)
    genesis = Genesis("log.example/1", at, founders, other.verifier.public, "quorum none\n", VERSION_1.hash)
    state = State.begin(genesis)
    said = []
    for log in store.logs.logs():
        for each in store.logs.after(log.origin_id, 0, 100_000):
            leaf = Leaf.parse(each.entry)
            if leaf.type == "epoch_closed":
                continue
            answer = state.apply(leaf)
            if isinstance(answer, Refusal):
                said.append(f"{each.label} of {each.subject}: {leaf.type} {leaf.facts}: {answer.code}, {answer.why}")
    return said
