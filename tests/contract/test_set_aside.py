"""What the books cannot take in is set aside and the rest goes on, on a real PostgreSQL; tried again it is posted, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from msgspec.structs import replace

from contract.test_bookkeeping import (
    DAY,
    GUARANTEE,
    IMPORTER,
    SOURCE,
    WORK,
    D,
    due,
    grant,
    intake,
    keep,
    last,
    paid,
    proved,
    shoes,
    submit,
)  # fmt: skip
from tidewaiter.cli.app import main
from tidewaiter.model.decision import State
from tidewaiter.model.errors import UnavailableError
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.store.connections import DatabaseError
from tidewaiter.workflow.bookkeeping import Bookkeeper, Caught
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.evidence import Posted, Reader, Unread
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.pieces import SMALL_BYTES
from tidewaiter.workflow.set_aside import SetAside

__all__ = ["intake"]  # a fixture


def run(store: PostgresStore, *statements: str) -> None:
    with psycopg.connect(store.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def refused(store: PostgresStore, condition: str) -> Iterator[None]:
    """While in the `with`, the database refuses postings that meet a condition."""
    run(store, f"ALTER TABLE posting ADD CONSTRAINT at_fault CHECK (NOT ({condition})) NOT VALID")
    try:
        yield
    finally:
        run(store, "ALTER TABLE posting DROP CONSTRAINT at_fault")


@contextmanager
def lost(store: PostgresStore, number: int) -> Iterator[PostgresStore]:
    """While in the `with`, the message of a declaration has no content; a store that never read it before."""
    message = store.decision(number).row.message_id
    run(
        store,
        f"CREATE TABLE away AS SELECT * FROM message_chunk WHERE message_id = {message}",
        f"DELETE FROM message_chunk WHERE message_id = {message}",
    )
    try:
        with PostgresStore(store.url) as elsewhere:
            yield elsewhere
    finally:
        run(store, "INSERT INTO message_chunk SELECT * FROM away", "DROP TABLE away")


def keeper(store: PostgresStore) -> Bookkeeper:
    return Bookkeeper(store, store.accounts, Desk(store))


def again(store: PostgresStore, *subjects: str) -> Caught:
    return sum(keeper(store).again(subjects), Caught())


def aside(store: PostgresStore) -> list[SetAside]:
    return store.accounts.set_asides.open()


def owed(store: PostgresStore) -> D:
    return sum((debt.owed for debt in store.accounts.open_debts(IMPORTER)), D(0))


def test_a_decision_that_cannot_be_posted_is_set_aside_and_the_rest_goes_on(
    store: PostgresStore, intake: Intake
) -> None:
    numbers = submit(store, intake, *(shoes(f"A{n}") for n in range(9)))
    bad = numbers[4]
    with refused(store, f"subject = 'declaration:{bad}'"):
        done = keep(store)
        assert (done.postings, done.set_aside) == (8, 1)
        (each,) = aside(store)
        assert (each.subject, each.source, each.code) == (f"declaration:{bad}", "decisions", "accounts.unforeseen")
        assert each.place == "block 1 of evidence, version 1, record 5 of message 1"
        assert "at_fault" in each.words
        assert keep(store) == Caught()
        assert again(store).set_aside == 1
        assert [(each.tried, each.last_at >= each.first_at) for each in aside(store)] == [(2, True)]
        assert owed(store) == sum(due(store, number) for number in numbers if number != bad)
        found = keeper(store).reconcile(store.returns.totals)
        assert (found.is_exact, found.difference > 0, len(found.set_aside)) == (False, True, 1)
    assert again(store, "declaration:999").postings == 0
    assert again(store, f"declaration:{bad}").postings == 1
    assert again(store).postings == 0
    assert aside(store) == []
    assert owed(store) == sum(due(store, number) for number in numbers)
    proved(store)


def test_a_decision_whose_record_is_lost_is_set_aside_and_never_taken_for_nothing_owed(
    store: PostgresStore, intake: Intake
) -> None:
    (first,) = submit(store, intake, shoes("A"))
    (second,) = submit(store, intake, shoes("B"))
    with lost(store, first) as elsewhere:
        assert (done := keep(elsewhere)).postings == 1
        assert done.set_aside == 1
        (each,) = aside(store)
        assert (each.subject, each.code) == (f"declaration:{first}", "accounts.evidence")
        assert each.words == (
            "something is charged on it, and what was declared cannot be read any more: message 1 has no record 1"
        )
        assert "backup" in each.hint
        assert owed(store) == due(store, second)
        found = keeper(store).reconcile(store.returns.totals)
        assert (found.is_exact, found.difference) == (False, 0)  # what it comes to cannot be known
        assert (found.problems, [each.subject for each in found.set_aside]) == ((), [f"declaration:{first}"])
    assert again(store) == Caught(postings=1)
    assert aside(store) == []
    proved(store)


def test_an_amendment_that_is_lost_does_not_end_what_is_owed(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    before = owed(store)
    submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
    with lost(store, number) as elsewhere:  # an amended declaration is made of both its records
        assert keep(elsewhere).set_aside == 1
        assert owed(store) == before
    assert again(store).postings == 2
    assert owed(store) == due(store, number) > before
    proved(store)


def test_a_record_is_found_in_a_large_message_that_has_it_alone(store: PostgresStore, intake: Intake) -> None:
    numbers = submit(store, intake, *(shoes(f"A{n}", description="x" * 40_000) for n in range(30)))
    assert store.message(1).size_bytes > SMALL_BYTES
    run(store, "ALTER TABLE evidence_block DISABLE TRIGGER USER", "UPDATE evidence_block SET bodies = NULL")
    read = list(Reader(store).decisions(store.blocks(0, 16)))
    assert [each.declaration_id for each in read if isinstance(each, Posted)] == numbers
    assert keep(store).postings == 30
    proved(store)


def test_a_block_that_cannot_be_read_is_set_aside_whole(store: PostgresStore, intake: Intake) -> None:
    first = submit(store, intake, shoes("A"), shoes("B"))
    submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
    dues = [due(store, number) for number in first]
    run(
        store,
        "ALTER TABLE evidence_block DISABLE TRIGGER USER",
        "CREATE TABLE away AS SELECT block_id, content FROM evidence_block WHERE block_id = 1",
        "UPDATE evidence_block SET content = 'torn' WHERE block_id = 1",
    )
    assert keep(store).set_aside == 1
    assert [(each.subject, each.code) for each in aside(store)] == [("block:1", "accounts.evidence")]
    assert owed(store) == dues[0]
    assert again(store).set_aside == 1
    assert not keeper(store).reconcile(store.returns.totals).is_exact
    run(
        store,
        "UPDATE evidence_block SET content = away.content FROM away WHERE away.block_id = evidence_block.block_id",
    )
    assert again(store).postings == 1  # of the declaration that was amended since nothing
    assert aside(store) == []
    assert owed(store) == sum(dues)
    proved(store)


def test_what_was_posted_and_cannot_be_read_again_is_no_proof(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    with lost(store, number):
        (problem, *_) = keeper(store).reconcile(store.returns.totals).problems
        assert problem.startswith(f"declaration:{number} (block 1 of evidence, version 1")
        assert "has no record 1" in problem
    proved(store)


def test_a_later_version_that_goes_in_ends_what_was_set_aside(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    (number,) = submit(store, intake, shoes("A"))
    with refused(store, "subject LIKE 'declaration:%'"):
        assert keep(store).set_aside == 1
        submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
        assert keep(store).set_aside == 1
        assert [(each.position, each.tried) for each in aside(store)] == [(2, 2)]  # one of a declaration: the latest
    submit(store, intake, shoes("A", "400.00", function_code="4", function="amendment"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert keep(store).secured == 1
    assert aside(store) == []
    assert store.decision(number).row.state is State.CLEARED
    assert again(store) == Caught()
    assert owed(store) == due(store, number)
    proved(store)


def test_what_is_set_aside_twice_in_one_round_is_one(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
    with refused(store, f"subject = 'declaration:{number}'"):
        assert keep(store).set_aside == 1
    assert [each.place.partition(", ")[2] for each in aside(store)] == ["version 2, record 1 of message 2"]
    assert again(store).postings == 1
    proved(store)


def test_the_hold_of_a_version_that_is_set_aside_stays_until_it_is_posted(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    submit(store, intake, shoes("A", function_code="4", function="amendment", office="GB000060"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    row = store.decision(number).row
    assert row.due is not None
    with lost(store, number) as elsewhere:
        assert keep(elsewhere).set_aside == 1
        paid(store, "P1", row.due.amount, words=row.registered_id)
        assert keep(elsewhere).lifted == 0
        assert store.outcome(number).row.state is State.AWAITING_PAYMENT
    assert again(store).lifted == 1
    assert store.decision(number).row.state is State.CLEARED
    assert last(store, number)[2].startswith("paid in full")
    proved(store)


def test_an_ending_that_cannot_be_posted_is_set_aside(store: PostgresStore, intake: Intake) -> None:
    numbers = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    keep(store)
    for number in numbers:
        Desk(store).act(number, Trigger.REFUSED, "officer", "counterfeit")
    with refused(store, f"subject = 'declaration:{numbers[1]}' AND kind LIKE 'reversal%'"):
        assert keep(store).set_aside == 1
        (each,) = aside(store)
        assert (each.subject, each.source) == (f"declaration:{numbers[1]}", "ended")
        assert each.place.endswith(": refused")
        assert [debt.owed for debt in store.accounts.open_debts()] == [due(store, numbers[1])]
        assert not keeper(store).reconcile(store.returns.totals).is_exact
    assert again(store).postings == 1
    assert (aside(store), store.accounts.open_debts()) == ([], [])
    proved(store)


def test_what_is_paid_and_cannot_be_settled_is_set_aside(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    numbers = submit(store, intake, shoes("A"), shoes("B"))
    keep(store)
    with refused(store, f"subject = 'declaration:{numbers[0]}' AND kind = 'guarantee release'"):
        for place, number in enumerate(numbers):
            paid(store, f"P{place}", due(store, number), words=store.decision(number).row.registered_id)
        assert keep(store).set_aside == 1
        (each,) = aside(store)
        assert (each.subject, each.source, each.place) == (f"declaration:{numbers[0]}", "paid", "payment:P0")
        assert store.accounts.guarantees.one("G1").reserved == due(store, numbers[0])
    assert again(store).postings == 1
    assert aside(store) == []
    assert store.accounts.guarantees.one("G1").reserved == 0
    proved(store)


@pytest.mark.parametrize("code", ["40001", "40P01", "57P01", "53100", "25006"])
def test_a_database_that_cannot_do_it_now_is_no_reason(store: PostgresStore, intake: Intake, code: str) -> None:
    submit(store, intake, shoes("A"))
    run(
        store,
        f"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END $$",
        "CREATE TRIGGER trouble BEFORE INSERT ON posting FOR EACH STATEMENT EXECUTE FUNCTION trouble()",
    )
    with pytest.raises(DatabaseError, match="trouble") as raised:
        keep(store)
    assert isinstance(raised.value, UnavailableError)
    assert (aside(store), store.accounts.position("decisions")) == ([], 0)
    run(store, "DROP TRIGGER trouble ON posting")
    assert keep(store) == Caught(postings=1)
    proved(store)


def test_a_message_that_breaks_off_while_it_is_read_is_begun_again(store: PostgresStore, intake: Intake) -> None:
    submit(store, intake, shoes("A"), shoes("B"))
    reader, blocks = Reader(store), store.blocks(0, 16)
    whole, seen = store.message_bytes, []

    def breaking_off(message_id: int) -> Iterator[bytes]:
        seen.append(message_id)
        if len(seen) == 1:
            raise DatabaseError("the database broke off")
        yield from whole(message_id)

    store.message_bytes = breaking_off  # type: ignore[method-assign]
    with pytest.raises(DatabaseError):
        list(reader.decisions(blocks))
    assert not any(isinstance(each, Unread) for each in reader.decisions(blocks))
    assert seen == [1, 1]


def test_kill_while_something_is_set_aside_loses_and_doubles_nothing(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("100000.00")))
    numbers = [
        number for night in range(12) for number in submit(store, intake, *(shoes(f"{night}-{n}") for n in range(10)))
    ]
    bad = numbers[3::10]
    with refused(store, f"subject IN ({', '.join(repr(f'declaration:{number}') for number in bad)})"):
        environment = os.environ | {"PYTHONPATH": str(SOURCE)}
        process = subprocess.Popen([sys.executable, "-c", WORK, store.url], env=environment)
        deadline = time.monotonic() + 60
        while store.accounts.position("decisions") < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        position = store.accounts.position("decisions")
        assert 2 <= position < store.last_block()
        assert len(aside(store)) == position  # both move in one transaction
        until = time.monotonic() + 60
        while not keep(store).is_ours and time.monotonic() < until:  # the server lets go of the dead one's lock
            time.sleep(0.05)
        assert [each.subject for each in aside(store)] == [f"declaration:{number}" for number in bad]
        assert {each.tried for each in aside(store)} == {1}
        assert owed(store) == sum(due(store, number) for number in numbers if number not in bad)
    assert again(store).set_aside == 0
    assert owed(store) == sum(due(store, number) for number in numbers)
    (cover,) = store.accounts.guarantees.all()
    assert cover.reserved == owed(store)
    proved(store)


def test_nothing_that_was_set_aside_is_taken_away(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    with lost(store, number) as elsewhere:
        keep(elsewhere)
    again(store)
    with pytest.raises(psycopg.errors.RestrictViolation, match="append only"):
        run(store, "DELETE FROM set_aside")
    with psycopg.connect(store.url) as connection:
        (row,) = connection.execute("SELECT subject, tried, ended_at IS NOT NULL FROM set_aside").fetchall()
    assert row == (f"declaration:{number}", 1, True)


def test_the_commands_say_so(
    store: PostgresStore, intake: Intake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    (number,) = submit(store, intake, shoes("A"))

    def said(*command: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["accounts", *command])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    with lost(store, number):
        code, _, warned = said("post")
        assert (code, "1 set aside, not in the books" in warned) == (3, True)
        code, shown, warned = said("reconcile")
        assert code == 1
        assert "NOT PROVED: 1 set aside" in shown
        assert f"set aside: declaration:{number}" in warned
        code, shown, _ = said("reconcile", "--json")
        assert (code, json.loads(shown)["is_exact"], json.loads(shown)["set_aside"][0]["tried"]) == (1, False, 1)
        code, shown, _ = said("set-aside", "--json")
        assert (code, json.loads(shown)[0]["code"]) == (3, "accounts.evidence")
        code, shown, _ = said("retry", "--json")
        assert (code, json.loads(shown)["still set aside"]) == (3, 1)
        code, _, warned = said("retry", "declaration:999")
        assert (code, "nothing of declaration:999 is set aside" in warned) == (1, True)
    code, shown, _ = said("retry", f"declaration:{number}", "--json")
    assert (code, json.loads(shown)) == (0, {"new postings": 1, "secured": 0, "holds lifted": 0, "still set aside": 0})
    assert said("set-aside")[0] == 0
    assert said("reconcile")[0] == 0
