"""Folders that partners leave messages in: taken when whole, answered beside, put away, the same answer after a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.model.errors import MessageError, UnavailableError
from tidewaiter.store import PostgresStore
from tidewaiter.store.settings import DATABASE_URL_VARIABLE
from tidewaiter.workflow.dropping import Dropped, prepare, take, waiting
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Receipt

BODY = b'{"functional_reference_id":"D-1","jurisdiction_code":"GB","goods_items":[{"line_no":1,"description":"Scarf"}]}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    prepare(tmp_path, "A courier")
    return tmp_path


def drop(root: Path, name: str, content: bytes = BODY, age: float = 10) -> Path:
    path = root / "A courier" / "in" / name
    path.write_bytes(content)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


def names(root: Path, quiet: float = 2) -> list[str]:
    return [each.path.name for each in waiting(root, 1_000_000, quiet)]


def submitting(store: PostgresStore) -> Callable[[Dropped, BinaryIO], Receipt]:
    def submit(dropped: Dropped, stream: BinaryIO) -> Receipt:
        sender_id = store.senders.ensure(dropped.sender).sender_id
        with Intake(store, workers=1) as intake:
            return intake.submit(stream, sender_id=sender_id, file_name=dropped.file_name, transport="drop")

    return submit


def test_only_whole_regular_files_are_taken_the_oldest_first(root: Path) -> None:
    drop(root, "b.json", age=20)
    drop(root, "a.json", age=10)
    drop(root, "growing.json", age=1)
    drop(root, "meanwhile.json.part")
    drop(root, ".hidden.json")
    (root / "A courier" / "in" / "folder").mkdir()
    (root / "A courier" / "in" / "link.json").symlink_to(root / "A courier" / "in" / "a.json")
    (root / "elsewhere").symlink_to(root / "A courier")
    assert names(root) == ["b.json", "a.json"]
    assert names(root, quiet=0) == ["b.json", "a.json", "growing.json"]


def test_a_file_is_answered_beside_and_put_away(root: Path, store: PostgresStore) -> None:
    path = drop(root, "night.json")
    taken = take(Dropped("A courier", path), submitting(store))
    box = root / "A courier"
    receipt = json.loads((box / "out" / "night.json.receipt.json").read_bytes())
    assert taken.reason == ""
    assert receipt["lines"][0]["functional_reference_id"] == "D-1"
    assert not path.exists()
    (kept,) = (box / "done").rglob("night.json")
    assert kept.read_bytes() == BODY
    assert not list((box / "out").glob("*.part"))


def test_after_a_crash_before_it_was_put_away_the_same_answer_comes_again(root: Path, store: PostgresStore) -> None:
    submit = submitting(store)
    path = drop(root, "night.json")
    with path.open("rb") as stream:
        first = submit(Dropped("A courier", path), stream)
    take(Dropped("A courier", path), submit)
    receipt = json.loads((root / "A courier" / "out" / "night.json.receipt.json").read_bytes())
    assert receipt["is_repeat"]
    assert receipt["message_id"] == first.message_id
    assert store.counts()["declarations"] == 1


def test_what_cannot_be_taken_in_is_refused_with_the_reason(root: Path) -> None:
    def refuse(_: Dropped, __: BinaryIO) -> Receipt:
        raise MessageError("it is too large", hint="split it")

    taken = take(Dropped("A courier", drop(root, "huge.json")), refuse)
    box = root / "A courier"
    assert taken.reason == "it is too large"
    assert json.loads((box / "out" / "huge.json.receipt.json").read_bytes())["hint"] == "split it"
    assert len(list((box / "refused").rglob("huge.json"))) == 1


def test_the_same_name_twice_a_day_overwrites_nothing(root: Path, store: PostgresStore) -> None:
    for content in (BODY, BODY.replace(b"D-1", b"D-2")):
        take(Dropped("A courier", drop(root, "night.json", content)), submitting(store))
    kept = sorted(path.name for path in (root / "A courier" / "done").rglob("*.json"))
    assert kept == ["night (2).json", "night.json"]


def test_a_link_put_in_its_place_is_not_followed(root: Path, store: PostgresStore) -> None:
    path = drop(root, "night.json")
    secret = root / "secret.json"
    path.rename(secret)
    path.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        take(Dropped("A courier", path), submitting(store))
    assert not list((root / "A courier" / "out").iterdir())


def test_while_the_database_does_not_answer_the_file_stays_where_it_is(root: Path) -> None:
    def cannot(_: Dropped, __: BinaryIO) -> Receipt:
        raise UnavailableError("the database does not answer")

    path = drop(root, "night.json")
    with pytest.raises(UnavailableError):
        take(Dropped("A courier", path), cannot)
    assert path.read_bytes() == BODY
    assert not list((root / "A courier" / "out").iterdir()), "nothing was refused, and nothing is said to be"


@pytest.mark.parametrize("name", ["out", "done", "in"])
def test_a_folder_that_is_a_link_leads_nowhere(root: Path, store: PostgresStore, name: str) -> None:
    prepare(root, "Another")
    path = drop(root, "night.json")
    folder = root / "A courier" / name
    folder.rename(root / "A courier" / f"{name} before")
    folder.symlink_to(root / "Another" / "in")
    if name == "in":
        (root / "Another" / "in" / "night.json").write_bytes(BODY)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        take(Dropped("A courier", path), submitting(store))
    assert [each.name for each in (root / "Another" / "in").iterdir()] == (["night.json"] if name == "in" else [])


def test_the_day_within_done_that_is_a_link_leads_nowhere(root: Path, store: PostgresStore) -> None:
    prepare(root, "Another")
    path = drop(root, "night.json")
    (root / "A courier" / "done" / "2026-06-15").symlink_to(root / "Another" / "in")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        take(Dropped("A courier", path), submitting(store), on=date(2026, 6, 15))
    assert path.exists()
    assert not list((root / "Another" / "in").iterdir())


def test_a_file_replaced_while_it_was_taken_is_taken_again(root: Path, store: PostgresStore) -> None:
    path = drop(root, "night.json")
    submit = submitting(store)

    def meanwhile(dropped: Dropped, stream: BinaryIO) -> Receipt:
        receipt = submit(dropped, stream)
        path.unlink()
        drop(root, "night.json", BODY.replace(b"D-1", b"D-2"))
        return receipt

    take(Dropped("A courier", path), meanwhile)
    assert b"D-2" in path.read_bytes(), "what nobody has read is not put away"
    take(Dropped("A courier", path), submit)
    assert not path.exists()
    assert store.counts()["declarations"] == 2


def test_a_name_in_other_bytes_than_utf_8_is_taken(root: Path, store: PostgresStore) -> None:
    path = drop(root, os.fsdecode(b"S\xf8ndag.json"))
    taken = take(Dropped("A courier", path), submitting(store))
    assert taken.file_name == "S\ufffdndag.json"
    assert not path.exists()


def test_a_name_too_long_to_be_answered_is_left_alone_before_anything_is_read(root: Path) -> None:
    def never(_: Dropped, __: BinaryIO) -> Receipt:
        raise AssertionError

    with pytest.raises(OSError, match="name too long"):
        take(Dropped("A courier", drop(root, "n" * 230)), never)


def test_a_file_gone_since_the_folder_was_read_keeps_nobody_waiting(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(root, "kept.json")
    drop(root, "gone.json")
    scandir = os.scandir

    def slowly(path: Path) -> list[os.DirEntry[str]]:
        entries = list(scandir(path))
        (path / "gone.json").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", slowly)
    assert names(root) == ["kept.json"]


def test_a_folder_that_cannot_be_looked_into_keeps_nobody_waiting(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(root, "A closed one")
    drop(root, "kept.json")
    scandir = os.scandir

    def closed(path: Path) -> object:
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    troubles: list[Path] = []
    found = list(waiting(root, 1_000_000, 2, lambda path, _: troubles.append(path)))
    assert [each.path.name for each in found] == ["kept.json"]
    assert troubles == [root / "A closed one" / "in"]


def test_watching_tells_a_sender_what_the_interface_for_machines_does_and_never_the_lane(
    root: Path, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.senders.ensure("A courier")
    monkeypatch.setenv(DATABASE_URL_VARIABLE, store.url)
    drop(root, "night.json", BODY.replace(b'"Scarf"', b'"Wool scarf","gross_mass_kg":"0.4"'))
    drop(root, "empty.json", b"")
    with pytest.raises(SystemExit) as left:
        main(["drop", "watch", str(root), "--once"])
    assert left.value.code == output.EXIT_FINDINGS
    box = root / "A courier"
    (line,) = json.loads((box / "out" / "night.json.receipt.json").read_bytes())["lines"]
    assert line.keys() == {"position", "declaration_id", "reference", "mrn", "state", "error_count"}
    assert [path.name for path in (box / "refused").rglob("*.json")] == ["empty.json"]
    said = json.loads((box / "out" / "empty.json.receipt.json").read_bytes())
    assert (said["code"], said["place"]) == ("message.unreadable", "byte 0")
    assert said["detail"].startswith("this is an empty file, not a message. It is kept as message ")
    assert "night.json: taken" in capsys.readouterr().out
