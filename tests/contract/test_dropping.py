"""Folders that partners leave messages in: taken when whole, answered beside, put away, the same answer after a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from tidewaiter.model.errors import MessageError, UnavailableError
from tidewaiter.store import PostgresStore
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
            return intake.submit(stream, sender_id=sender_id, file_name=dropped.path.name, transport="drop")

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


def test_a_file_stays_where_it_is_while_the_database_does_not_answer(root: Path) -> None:
    def unanswered(_: Dropped, __: BinaryIO) -> Receipt:
        raise UnavailableError("the database does not answer")

    path = drop(root, "night.json")
    with pytest.raises(UnavailableError):
        take(Dropped("A courier", path), unanswered)
    assert path.exists()
    assert not list((root / "A courier" / "out").iterdir())


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
