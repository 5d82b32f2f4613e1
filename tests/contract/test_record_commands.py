"""`tidewaiter ledger`: whole logs verified, exported and told apart from altered ones; receipts without any server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from recorded import hand_in, some
from tidewaiter.cli.app import main
from tidewaiter.store import PostgresStore
from tidewaiter.store.settings import DATABASE_URL_VARIABLE
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.recording import Recording

Run = Callable[..., tuple[int, str]]
YEAR = str(datetime.now(UTC).year)


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    monkeypatch.setenv(DATABASE_URL_VARIABLE, database_url)

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        return int(str(left.value.code)), capsysbinary.readouterr().out.decode()

    return run


@pytest.fixture
def parcel(store: PostgresStore, intake: Intake) -> int:
    lines = hand_in(intake, store, some(300)).lines
    store.logs.seal()
    return lines[7].declaration_id


def test_the_database_verifies(run: Run, parcel: int) -> None:
    code, said = run("ledger", "verify", "--json")
    assert (code, json.loads(said)) == (
        0,
        {"logs": [YEAR], "entries": 300, "opened": 300, "decisions without an entry": 0, "problems": []},
    )


def test_an_exported_log_verifies_with_its_key_and_not_with_another(run: Run, parcel: int, tmp_path: Path) -> None:
    run("ledger", "export", str(tmp_path))
    (row,) = json.loads(run("ledger", "status", "--json")[1])
    assert run("ledger", "verify", "--folder", str(tmp_path), "--key", row["key"])[0] == 0
    assert run("ledger", "verify", "--folder", str(tmp_path), "--policy", str(tmp_path / "policy"))[0] == 0
    other = "example.com/log+4d8cb3dc+AYJ7lKXXXdC6QlpWP5wv1j3iZr2oJEUXJyVAlo8qE7R7"
    assert run("ledger", "verify", "--folder", str(tmp_path), "--key", other)[0] != 0


@pytest.mark.parametrize("file", ["tile/0/000", "tile/entries/000", "tile/entries/001.p/44", "checkpoint"])
def test_a_file_that_was_altered_shows(run: Run, parcel: int, tmp_path: Path, file: str) -> None:
    run("ledger", "export", str(tmp_path))
    target = tmp_path / YEAR / file
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    code, said = run("ledger", "verify", "--folder", str(tmp_path), "--json")
    assert (code, len(json.loads(said)["problems"])) == (3, 1)
    target.unlink()
    assert run("ledger", "verify", "--folder", str(tmp_path))[0] == 3


def test_years_follow_one_another_in_what_is_exported(
    run: Run, store: PostgresStore, parcel: int, tmp_path: Path
) -> None:
    at = datetime(int(YEAR) + 1, 1, 1, tzinfo=UTC)
    with store.writing() as transaction:
        transaction.record.append([Recording("held", "device:1", "a", (("why", "moved"),), {}, at)])
    store.logs.seal()
    run("ledger", "export", str(tmp_path))
    code, said = run("ledger", "verify", "--folder", str(tmp_path), "--json")
    assert (code, json.loads(said)["logs"]) == (0, [YEAR, str(int(YEAR) + 1)])
    # Another log in the place of the first: sealed with the same key, of another parcel's decisions.
    with psycopg.connect(store.url) as connection:
        connection.execute("ALTER TABLE record_entry DISABLE TRIGGER record_entry_append_only")
        connection.execute("DELETE FROM record_entry WHERE origin_id = 1 AND leaf_index = 299")
        connection.execute("DELETE FROM record_checkpoint WHERE origin_id = 1")
        connection.execute("DELETE FROM record_tile WHERE origin_id = 1")
        connection.execute("UPDATE record_origin SET size = 299 WHERE origin_id = 1")
    store.logs.seal()
    shutil.rmtree(tmp_path / YEAR)
    run("ledger", "export", str(tmp_path))
    code, said = run("ledger", "verify", "--folder", str(tmp_path), "--json")
    (problem,) = json.loads(said)["problems"]
    assert code == 3
    assert "says that it was closed with 300 entries" in problem


def test_a_year_that_is_left_out_is_missed(run: Run, store: PostgresStore, parcel: int, tmp_path: Path) -> None:
    folder, away, following = tmp_path / "log", tmp_path / "away", str(int(YEAR) + 1)
    for year in (1, 2):
        with store.writing() as transaction:
            transaction.record.open_year(datetime(int(YEAR) + year, 1, 1, tzinfo=UTC))  # type: ignore[attr-defined]
    store.logs.seal()
    run("ledger", "export", str(folder))
    verifying = ("ledger", "verify", "--folder", str(folder), "--json")
    assert run(*verifying)[0] == 0
    shutil.move(folder / following, away)
    code, said = run(*verifying)
    assert (code, f"the log {store.record_keeper.identity.name}/{following}, and it is not here" in said) == (
        3,
        True,
    )
    shutil.move(away, folder / following)
    shutil.rmtree(folder / YEAR)
    lines = (folder / "policy").read_text().splitlines(keepends=True)
    (folder / "policy").write_text("".join(lines[1:]))  # whoever leaves out a log leaves out its key as well
    code, said = run(*verifying)
    assert (code, f"goes on where {store.record_keeper.identity.name}/{YEAR} ended" in said) == (3, True)


def test_who_types_something_else_is_told_what(
    parcel: int,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(DATABASE_URL_VARIABLE, database_url)
    log, file = tmp_path / "log", tmp_path / "file"
    file.write_text("no folder")
    for words, code, said in (
        (("export", str(log)), 0, ""),
        (("receipt", str(parcel), "--entry", "0"), 1, "has no entry 0 hint its entries are numbered from 1 to 1"),
        (("receipt", str(parcel), "--entry", "9"), 1, "has no entry 9"),
        (("verify", "--folder", str(log / YEAR)), 1, "is the log of one year"),
        (("export", str(file)), 1, "is a file, and no folder"),
        (("export", str(file / "below")), 1, "is a file, and no folder"),
        (("forget", str(parcel), "--by", " ", "--words", "as asked"), 2, "it was not said who does it"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["ledger", *words])
        error = " ".join(capsys.readouterr().err.split())
        assert (left.value.code, said in error) == (code, True), error


def test_a_decision_whose_entry_is_gone_is_named(run: Run, store: PostgresStore, parcel: int) -> None:
    (recorded,) = store.logs.of_subject(f"declaration:{parcel}")
    with psycopg.connect(store.url) as connection:
        connection.execute("ALTER TABLE record_entry DISABLE TRIGGER record_entry_append_only")
        connection.execute("DELETE FROM record_entry WHERE label = %s", [recorded.label])
    code, said = run("ledger", "verify", "--json")
    problems = json.loads(said)["problems"]
    assert code == 3
    assert f"no entry is made of the decision {recorded.label}" in problems


def test_a_state_that_was_altered_beside_the_record_is_named(run: Run, store: PostgresStore, parcel: int) -> None:
    kept = store.outcome(parcel).row.state.value
    with psycopg.connect(store.url) as connection:
        connection.execute("UPDATE declaration SET state = 'refused' WHERE declaration_id = %s", [parcel])
    code, said = run("ledger", "verify", "--json")
    (problem,) = json.loads(said)["problems"]
    assert (code, problem) == (3, f"declaration:{parcel} is kept as refused, and its last entry says {kept}")


def test_receipts_are_verified_with_a_key_alone(
    run: Run, parcel: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, one = tmp_path / "receipt", tmp_path / "one"
    run("ledger", "receipt", str(parcel), "--to", str(whole))
    assert run("ledger", "open", str(parcel), "--fields", "registered_id, due", "--to", str(one))[0] == 0
    assert run("ledger", "open", str(parcel), "--fields", "nothing")[0] == 2
    key = json.loads(run("ledger", "status", "--json")[1])[0]["key"]
    monkeypatch.setenv(DATABASE_URL_VARIABLE, "postgresql://nobody@127.0.0.1:1/none")
    code, said = run("ledger", "verify-receipt", str(one), "--key", key, "--json")
    (row,) = json.loads(said)
    assert code == 0
    assert row["shown"] == "yes"
    assert [each.split(":")[0] for each in row["fields"].split("; ")] == ["registered_id", "due"]
    assert "consignee" in run("ledger", "verify-receipt", str(whole), "--key", key, "--json")[1]
    one.write_bytes(one.read_bytes().replace(b"decided", b"decidee"))
    code, said = run("ledger", "verify-receipt", str(one), "--key", key, "--json")
    assert (code, json.loads(said)[0]["shown"]) == (3, "no")
    assert run("ledger", "verify-receipt", str(one))[0] == 2


def test_what_is_forgotten_gives_no_receipt(run: Run, store: PostgresStore, parcel: int) -> None:
    assert "yes" in run("ledger", "forget", str(parcel), "--by", "officer 7", "--words", "as asked")[1]
    assert "nothing" in run("ledger", "forget", str(parcel), "--by", "officer 7", "--words", "as asked")[1]
    assert run("ledger", "receipt", str(parcel))[0] == 1
    assert run("ledger", "verify")[0] == 0


def test_what_was_decided_before_there_was_a_record_is_adopted(run: Run, store: PostgresStore, parcel: int) -> None:
    with psycopg.connect(store.url) as connection:  # as a database is that was just brought up to date
        connection.execute("ALTER TABLE record_entry DISABLE TRIGGER record_entry_append_only")
        connection.execute("TRUNCATE record_entry, record_key, record_origin, record_checkpoint, record_tile")
    assert run("ledger", "receipt", str(parcel))[0] == 1
    assert json.loads(run("ledger", "adopt", "--json")[1]) == {"declarations": 300}
    assert json.loads(run("ledger", "adopt", "--json")[1]) == {"declarations": 0}
    store.logs.seal()
    assert run("ledger", "receipt", str(parcel))[0] == 0
    assert run("ledger", "verify")[0] == 0
