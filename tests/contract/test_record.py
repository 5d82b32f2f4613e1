"""The record beside what is decided: entries in the same transaction, numbered without gaps, a log for each year."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime

import psycopg
import pytest

from tidewaiter.ledger.commitments import commit, entry_seed, scope_id
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import leaf_hash, root_of
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.recording import Recording

AT = datetime(2026, 12, 31, 23, 50, 12, tzinfo=UTC)
FIELDS = (("reason", "seal opened"), ("device", "9"))


def recording(label: str, at: datetime = AT, subject: str = "declaration:17") -> Recording:
    return Recording("held", subject, label, FIELDS, {"by": "customs"}, at)


def entries(store: PostgresStore) -> list[tuple[int, int, str, str, bytes]]:
    with psycopg.connect(store.url) as connection:
        return connection.execute(
            "SELECT origin_id, leaf_index, subject, label, entry FROM record_entry ORDER BY origin_id, leaf_index"
        ).fetchall()


def key_of(store: PostgresStore, subject: str) -> bytes:
    with psycopg.connect(store.url) as connection:
        row = connection.execute("SELECT key FROM record_key WHERE subject = %s", [subject]).fetchone()
    assert row is not None
    return row[0]


def test_an_entry_is_bound_to_its_fields_under_the_key_of_its_subject(store: PostgresStore) -> None:
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:1"), recording("alarm:2"), recording("a", subject="stock:1")])
    written = entries(store)
    assert [(each[0], each[1], each[2], each[3]) for each in written] == [
        (1, 0, "declaration:17", "alarm:1"),
        (1, 1, "declaration:17", "alarm:2"),
        (1, 2, "stock:1", "a"),
    ]
    key = key_of(store, "declaration:17")
    leaf = Leaf.parse(written[1][4])
    assert leaf.scope == scope_id(key) == Leaf.parse(written[0][4]).scope != Leaf.parse(written[2][4]).scope
    assert leaf.commitment == commit(entry_seed(key, "alarm:2"), FIELDS).root
    assert (leaf.type, leaf.facts, leaf.at) == ("held", {"by": "customs"}, int(AT.timestamp()) // 900 * 900)


def test_what_is_rolled_back_leaves_no_entry_and_no_gap(store: PostgresStore) -> None:
    def fail() -> None:
        with store.writing() as transaction:
            transaction.record.append([recording("alarm:1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:2")])
    assert [(each[1], each[3]) for each in entries(store)] == [(0, "alarm:2")]


def test_nothing_is_written_that_no_entry_can_say(store: PostgresStore) -> None:
    def write(facts: dict[str, str]) -> None:
        with store.writing() as transaction:
            transaction.record.append([Recording("held", "declaration:17", "x", FIELDS, facts, AT)])

    with pytest.raises(LedgerError):
        write({"who": "Zoë"})
    assert not entries(store)


def test_a_year_closes_with_its_root_in_the_first_entry_of_the_next(store: PostgresStore) -> None:
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:1"), recording("alarm:2")])
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:3", datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))])
    with store.writing() as transaction:  # was begun before midnight, and goes where the record stands by now
        transaction.record.append([recording("alarm:4")])
    written = entries(store)
    assert [(each[0], each[1], each[3]) for each in written] == [
        (1, 0, "alarm:1"),
        (1, 1, "alarm:2"),
        (2, 0, "closed:2026"),
        (2, 1, "alarm:3"),
        (2, 2, "alarm:4"),
    ]
    closing = Leaf.parse(written[2][4])
    root = root_of(leaf_hash(each[4]) for each in written[:2])
    name = store.record_keeper.identity.name
    assert (closing.type, closing.facts) == (
        "epoch_closed",
        {"origin": f"{name}/2026", "root": written_base64(root), "size": 2},
    )


@pytest.mark.parametrize("sealed", [0, 1, 255, 256, 700])
def test_a_year_closes_with_the_same_root_however_far_it_was_sealed(store: PostgresStore, sealed: int) -> None:
    for first, end in ((0, sealed), (sealed, 701)):
        with store.writing() as transaction:
            transaction.record.append([recording(f"alarm:{number}") for number in range(first, end)])
        if not first:
            store.logs.seal()
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:new year", datetime(2027, 1, 1, tzinfo=UTC))])
    written = entries(store)
    closing = Leaf.parse(written[701][4])
    assert closing.facts["size"] == 701
    assert closing.facts["root"] == written_base64(root_of(leaf_hash(each[4]) for each in written[:701]))
    store.logs.seal()
    assert [(each.sealed_size, each.is_closed) for each in store.logs.logs()] == [(701, True), (2, False)]


def test_a_year_that_was_opened_in_vain_is_opened_again(store: PostgresStore) -> None:
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:1")])
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    with store.writing() as transaction:
        with contextlib.suppress(ZeroDivisionError), transaction.attempt():
            transaction.record.open_year(new_year)
            raise ZeroDivisionError
        transaction.record.append([recording("alarm:2", new_year)])
    assert [(each[0], each[3]) for each in entries(store)] == [(1, "alarm:1"), (2, "closed:2026"), (2, "alarm:2")]


def test_two_who_write_at_the_same_time_leave_no_gap(store: PostgresStore) -> None:
    other = PostgresStore(store.url)
    begun = threading.Barrier(2)

    def write(through: PostgresStore, name: str) -> None:
        begun.wait()
        for number in range(20):
            with through.writing() as transaction:
                transaction.record.append([recording(f"{name}:{number}:{place}") for place in range(3)])

    threads = [threading.Thread(target=write, args=each) for each in ((store, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    written = entries(store)
    assert [each[1] for each in written] == list(range(120))
    for name in "ab":  # each in its own order, and what was written together stands together
        mine = [each[3] for each in written if each[3].startswith(name)]
        assert mine == [f"{name}:{number}:{place}" for number in range(20) for place in range(3)]
    assert len({each[3].rsplit(":", 1)[0] for each in written[:3]}) == 1


def test_what_was_erased_is_in_no_file_or_statistics_of_its_tables(store: PostgresStore) -> None:
    subjects = [f"declaration:{number}" for number in range(50)]
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:1", subject=each) for each in subjects])
    erased, kept = key_of(store, subjects[7]), key_of(store, subjects[8])
    files = {
        "record_key": "SELECT position(%b IN pg_read_binary_file(pg_relation_filepath('record_key')))",
        "pg_statistic": "SELECT strpos(string_agg(s::text, ''), encode(%b, 'hex')) FROM pg_statistic s"
        " WHERE starelid IN ('record_key'::regclass, 'record_payload'::regclass)",
    }

    def found(key: bytes) -> list[str]:
        with psycopg.connect(store.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            told = {name: connection.execute(query.encode(), [key]).fetchone() for name, query in files.items()}
        return [name for name, row in told.items() if row is not None and row[0]]

    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("ANALYZE record_key, record_payload")
    assert (found(erased), found(kept)) == (["record_key"], ["record_key"])
    assert store.logs.forget(subjects[7], "officer 7", "asked for", AT)
    assert (found(erased), found(kept)) == ([], ["record_key"])
    assert store.logs.payload(subjects[8], "alarm:1") == FIELDS


def test_entries_are_never_changed(store: PostgresStore) -> None:
    with store.writing() as transaction:
        transaction.record.append([recording("alarm:1")])
    for statement in ("UPDATE record_entry SET label = 'x'", "DELETE FROM record_entry", "TRUNCATE record_entry"):
        with psycopg.connect(store.url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement)
