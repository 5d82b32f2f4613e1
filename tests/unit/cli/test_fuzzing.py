"""`tidewaiter bench fuzz`: messages are spoilt the same again, and what goes wrong with one is seen, told and made small."""

from __future__ import annotations

import random
from pathlib import Path
from typing import BinaryIO

import pytest

from tidewaiter.cli.bench.fuzzing import doors, report, running
from tidewaiter.cli.bench.fuzzing.doors import Complaint, DeclarationDoor, Outcome, PlainDoor
from tidewaiter.cli.bench.fuzzing.mutating import SIZE_MAX, Mutator
from tidewaiter.cli.bench.fuzzing.running import Tally, Task, smaller
from tidewaiter.cli.bench.fuzzing.seeds import seeds
from tidewaiter.messages import forms
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError, NotFoundError
from tidewaiter.model.finding import Finding, Severity

ROUNDS = 60
KNOWN = seeds()


def task(name: str, count: int, folder: str = "") -> Task:
    return Task(door=name, seeds=tuple(KNOWN[name]), seed=7, first=0, step=1, count=count, folder=folder)


def test_there_is_a_message_to_spoil_at_every_door() -> None:
    assert set(KNOWN) == set(doors.doors())
    assert set(KNOWN) == {*forms.forms(), "archives", "returns", "exit-events", "payments"}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_message_has_a_number_by_which_it_is_made_again(name: str) -> None:
    given = task(name, ROUNDS)
    first, second = given.mutator(), given.mutator()
    made = [given.message(first, number) for number in range(ROUNDS)]
    assert [given.message(second, number) for number in reversed(range(ROUNDS))] == made[::-1]
    assert len(set(made)) > ROUNDS * 0.8
    assert max(map(len, made)) <= SIZE_MAX


def test_there_must_be_a_message_to_spoil() -> None:
    with pytest.raises(ValueError, match="no message"):
        Mutator([], random.Random(1))


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_nothing_is_complained_of_at_any_door(name: str) -> None:
    tally = running.work(task(name, ROUNDS))
    assert tally.complaints == {}
    assert tally.messages == tally.accepted + tally.refused == ROUNDS
    assert tally.refused > 0
    assert 0 < tally.slowest_seconds <= tally.cpu_seconds


def test_messages_as_they_are_do_better_than_spoilt_ones() -> None:
    door = DeclarationDoor()
    accepted = [door.look(body).is_accepted for body in (*KNOWN["h7"], *KNOWN["wco-dm"])]
    assert sum(accepted) > len(accepted) / 2


# --- what goes wrong is seen


@pytest.mark.parametrize("step", ["read", "locate", "split", "write"])
def test_an_exception_of_ours_is_seen_wherever_it_is_raised(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(JsonForm, step, broken)
    outcome = DeclarationDoor().look(b'{"functional_reference_id":"A","jurisdiction_code":"GB"}')
    assert any(each.kind == "exception" and "ZeroDivisionError" in each.words for each in outcome.complaints)


def test_an_answer_that_is_no_document_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "write_answer", lambda *_: doors.Answer(b"<a>", "application/xml"))
    outcome = DeclarationDoor().take(b'{"functional_reference_id":"A","jurisdiction_code":"GB"}')
    assert Complaint("disagreement", "the answer to json is no application/xml") in outcome.complaints


def test_a_record_shown_otherwise_than_decided_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "inspect", lambda *_: iter(()))
    outcome = DeclarationDoor().look(b'{"functional_reference_id":"A","jurisdiction_code":"GB"}')
    assert [each.kind for each in outcome.complaints] == ["disagreement"]


def test_a_refusal_without_place_or_hint_is_seen() -> None:
    def refuse(_: bytes) -> list[tuple[Finding, ...]]:
        raise MessageError("no", hint="say yes")

    (complaint,) = PlainDoor(refuse).take(b"").complaints
    assert complaint.kind == "unclear"
    assert "without place" in complaint.words

    bare = Finding("message.type", Severity.ERROR, "a", "this is none")
    (complaint,) = PlainDoor(lambda _: [(bare,)]).take(b"").complaints
    assert complaint == Complaint("unclear", "message.type without place and hint: this is none")
    assert PlainDoor(lambda _: [()]).take(b"").is_accepted


def test_a_message_that_takes_long_or_much_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Slow:
        def take(self, _: bytes) -> Outcome:
            return Outcome(is_accepted=False, complaints=(), longest_seconds=1.5)

        look = take

    monkeypatch.setattr(running, "door_of", lambda _: Slow)
    monkeypatch.setattr(running, "_peak_bytes", iter([0, *range(2**28, 2**28 + 90, 3)]).__next__)
    tally = running.work(task("json", 3, str(tmp_path)))
    assert (tally.of_kind("slow"), tally.of_kind("memory")) == (3, 2)
    assert sorted(each.name for each in tmp_path.iterdir() if not each.suffix) == sorted(tally.kept)
    assert len(tally.kept) == 2
    assert report.row(tally)["over 1 s"] == 3


def test_a_failing_message_is_kept_and_made_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(_: JsonForm, stream: BinaryIO) -> object:
        if b"HLM" in stream.read():
            raise ZeroDivisionError
        raise MessageError("no", hint="none", place="none")

    monkeypatch.setattr(JsonForm, "split", fails)
    tally = running.work(task("json", 30, str(tmp_path)))
    failed = [name for name in tally.kept if name.endswith("exception")]
    assert failed
    assert len((tmp_path / failed[0]).read_bytes()) < 40
    assert "ZeroDivisionError" in (tmp_path / f"{failed[0]}.txt").read_text("utf-8")


def test_a_message_is_made_as_small_as_it_fails() -> None:
    assert smaller(b"a" * 500 + b"X" + b"b" * 300, lambda body: b"X" in body) == b"X"
    assert smaller(b"", lambda _: True) == b""


# --- processes, and the command


def test_a_task_is_done_by_processes_of_its_own() -> None:
    tally = running.run(task("payments", 40), workers=2)
    assert tally.messages == 40
    assert tally.complaints == {}
    assert tally.cpu_seconds > 0


def test_a_process_that_ends_is_told_and_followed_by_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Ended:
        exitcode = -9

        def join(self) -> None:
            return

        def kill(self) -> None:
            return

    class Pipe:
        def __init__(self, sent: list[Tally]) -> None:
            self.sent = sent

        def poll(self, _: int) -> bool:
            return True

        def recv(self) -> Tally:
            if not self.sent:
                raise EOFError
            return self.sent.pop()

        def close(self) -> None:
            return

    given = task("json", 40, str(tmp_path))
    done = Tally(form="json", messages=25, accepted=0, refused=25)
    sent = [[done], []]
    started: list[int] = []

    def start(self: running._Running) -> None:
        self._receiving, self._process = Pipe(sent.pop()), Ended()  # type: ignore[assignment]
        self._at.value = 14
        started.append(self._task.first)

    monkeypatch.setattr(running._Running, "_start", start)
    tally = running.run(given)
    assert started == [0, 15]
    assert tally.messages == 15 + 25
    assert tally.of_kind("stuck") == 1
    assert (tmp_path / tally.kept[0]).read_bytes() == given.message(given.mutator(), 14)


def test_a_kind_of_message_that_is_not_read_is_named() -> None:
    with pytest.raises(NotFoundError, match="fax"):
        report.run(report.Plan(forms=("fax",), count=1))


def test_a_folder_of_samples_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    own = Declaration(functional_reference_id="OF-THE-FOLDER", jurisdiction_code="GB")
    (tmp_path / "misnamed.pdf").write_bytes(JsonForm().write([own]))
    (tmp_path / "notes.json").write_bytes(b"nothing of the kind")
    assert any(b"OF-THE-FOLDER" in body for body in seeds(tmp_path)["json"])
    assert not any(b"OF-THE-FOLDER" in body for body in KNOWN["json"])
