"""Connectors by command: what is printed, what is refused, and with which words and exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.test_connectors import declared, documents, hand_in
from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.store import PostgresStore


@pytest.fixture(autouse=True)
def named(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["connector", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


def test_a_connector_from_its_start_to_its_end(
    store: PostgresStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "old"
    code, out, _ = ran(capsys, "add", "Old system", "gb", str(folder), "--at", "accepted", "--at", "refused")
    assert (code, out.split()) == (output.EXIT_OK, ["connector", "1", str(folder / "documents")])
    hand_in(store, declared("C-1", type_code="IMD"))
    events = tmp_path / "events.jsonl"
    events.write_text(
        json.dumps({"event_id": "E-1", "declaration": "C-1", "happened": "arrived"})
        + "\n"
        + json.dumps({"event_id": "E-2", "declaration": "C-1", "happened": "vanished"})
    )
    code, out, _ = ran(capsys, "tell", "1", str(events), "--json")
    assert code == output.EXIT_FINDINGS
    assert [each["became"] for each in json.loads(out)] == ["done", "refused"]
    code, out, _ = ran(capsys, "run", "--once")
    assert code == output.EXIT_OK
    assert "1 handed over, 0 failed, 0 files" in out
    assert len(documents(folder)) == 1
    code, out, _ = ran(capsys, "list", "--json")
    (row,) = json.loads(out)
    assert (row["state"], row["at"], row["to"], row["set aside"]) == ("well", "accepted, refused", "asycuda-sad", 0)
    assert ran(capsys, "set-aside", "1")[0] == output.EXIT_OK
    assert ran(capsys, "replay", "1", "--after", "0")[0] == output.EXIT_OK
    key = ran(capsys, "key", "1")[1].strip()
    holder = store.senders.holder_of(key)
    assert holder is not None
    assert (holder.role, holder.connector_id) == ("administration", 1)
    assert "1 keys" in ran(capsys, "revoke", "1")[1]
    assert store.senders.holder_of(key) is None
    key = ran(capsys, "key", "1")[1].strip()
    assert ran(capsys, "end", "1")[0] == output.EXIT_OK
    assert store.senders.holder_of(key) is None


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("add", "Old", "ZZ", "https://a.example", "--at", "accepted"), "one of"),
        (("add", "Old", "GB", "http://a.example", "--at", "accepted"), "https://"),
        (("add", "Old", "GB", "ftp://a.example", "--at", "accepted"), "https://"),
        (("add", "\n", "GB", "https://a.example", "--at", "accepted"), "60 characters"),
        (("add", "Old", "GB", "https://a.example", "--at", "accepted", "--to", "papyrus"), "asycuda-sad"),
        (("add", "Old", "GB", "https://a.example"), "--help"),
        (("list", "--nonsense"), "--help"),
        (("end", "7"), "tidewaiter connector list"),
        (("key", "7"), "tidewaiter connector list"),
        (("set-aside", "7"), "tidewaiter connector list"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], hint: str
) -> None:
    code, _, err = ran(capsys, *words)
    assert code in (output.EXIT_USAGE, output.EXIT_ERROR)
    assert hint in err


def test_the_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"asycuda-sad", "wco-dm", "wco-response", "tidewaiter"} <= set(ran(capsys, "targets")[1].split())
