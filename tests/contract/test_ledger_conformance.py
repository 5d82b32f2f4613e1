"""The suite `ledger` on outside files and on folders of our own: what passes, what does not, and what is not claimed."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledgers import ORIGIN, entries, signer
from tidewaiter.cli.conformance.ledger import Run
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.merkle import EMPTY_ROOT, leaf_hash, node_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import sign

LOG = signer(ORIGIN, KeyType.ED25519)
# https://github.com/transparency-dev/tessera: the key of the log in its test data, read on 2026-11-28.
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def failed(folder: Path) -> dict[str, str]:
    return {case.name: case.reason for case in Run().cases(folder) if not case.passed}


def test_every_outside_vector_gets_the_right_verdict(samples: Path) -> None:
    run = Run()
    cases = list(run.cases(samples))
    assert [case for case in cases if not case.passed] == []
    assert run.counts["proofs of RFC 6962 and of parts of logs"] >= 270
    assert run.counts["signatures, ED25519"] >= 151
    assert run.counts["signatures, COSIGNATURE_ML_DSA_44"] >= 59
    assert run.counts["canonical JSON"] >= 6
    assert run.counts["checkpoints"] >= 17
    assert run.counts["files of logs made again from entries"] >= 30
    refused = [case for case in cases if case.name.endswith(".json") and case.reason]
    assert len(refused) >= 250, "a refusal says why"
    assert len({case.reason for case in refused}) >= 10


def test_the_outside_log_is_signed_by_its_published_key(samples: Path, tmp_path: Path) -> None:
    found = [path.parent for path in samples.rglob("checkpoint") if (path.parent / "tile").is_dir()]
    if not found:
        pytest.skip("no tiled log among the samples")
    for number, path in enumerate(found):
        shutil.copytree(path, tmp_path / str(number))
    (tmp_path / "log.vkey").write_text(TESSERA_KEY + "\n")
    run = Run()
    assert [case for case in run.cases(tmp_path) if not case.passed] == []
    assert run.counts["checkpoints whose signature was verified"] == run.counts["checkpoints"] >= 17


def own_log(folder: Path, *sizes: int) -> Path:
    """A log of our own in tiles, with a checkpoint at each of these sizes."""
    writer = TileWriter()
    every = entries(max(sizes))
    for size in sizes:
        for tile, data in [*writer.add(every[writer.size : size]), *writer.edge()]:
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        text = Checkpoint(ORIGIN, size, writer.frontier.root if size else EMPTY_ROOT).text
        for name in (f"checkpoint.{size}", "checkpoint"):
            (folder / name).write_bytes(SignedNote(text, (sign(text, LOG),)).data)
    (folder / "log.vkey").write_text(LOG.verifier.text)
    return folder


def test_any_log_will_do(tmp_path: Path) -> None:
    run = Run()
    cases = list(run.cases(own_log(tmp_path, 0, 1, 255, 256, 300, 600)))
    assert [case for case in cases if not case.passed] == []
    assert run.counts["checkpoints whose signature was verified"] == 7
    assert run.counts["proofs of inclusion read from tiles"] == 1 + 255 + 256 + 300 + 600 + 600
    assert not any("not verified" in line for line in run.information(tmp_path))
    (tmp_path / "log.vkey").unlink()
    assert list(run.cases(tmp_path))
    assert any("no key lies beside the log" in line for line in run.information(tmp_path))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tile/0/000.p/255", {".: checkpoint.255", ".: tile/0/000.p/255"}),
        ("tile/0/001.p/44", {".: checkpoint.300", ".: checkpoint", ".: tile/0/001.p/44", ".: from 255 to 300"}),
        ("tile/1/000.p/1", {".: checkpoint.300", ".: checkpoint", ".: tile/1/000.p/1"}),
    ],
)
def test_an_altered_file_is_found(tmp_path: Path, path: str, found: set[str]) -> None:
    folder = own_log(tmp_path, 255, 300)
    data = (folder / path).read_bytes()
    (folder / path).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert failed(folder).keys() == found


def test_an_altered_entry_and_a_false_signature_are_found(tmp_path: Path) -> None:
    folder = own_log(tmp_path, 3)
    bundle = folder / "tile/entries/000.p/3"
    bundle.write_bytes(bundle.read_bytes().replace(b"entry 1", b"entry x"))
    assert failed(folder)[".: checkpoint"] == "tile/0/000.p/3 is not what the entries lead to"
    assert failed(folder)[".: tile/0/000.p/3"] == "the entries lead to other bytes"
    folder = own_log(tmp_path / "other", 3)
    (folder / "log.vkey").write_text(signer(ORIGIN + "/x", KeyType.ED25519).verifier.text)
    assert failed(folder)[".: checkpoint"] == "the note is not signed by any known key"
    (folder / "tile" / "0" / "1.tmp").write_bytes(b"")
    assert "no tile" in failed(folder)[".: tile/0/1.tmp"]


def vector(**changed: Any) -> dict[str, Any]:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    texts = {"root": node_hash(left, right), "leafHash": left}
    plain = {name: base64.b64encode(value).decode() for name, value in texts.items()}
    proof = [base64.b64encode(right).decode()]
    return {"leafIdx": 0, "treeSize": 2, **plain, "proof": proof, "wantErr": False, **changed}


def test_a_wrong_verdict_fails(tmp_path: Path) -> None:
    contents = {
        "right": vector(), "wrong": vector(wantErr=True), "refused": vector(leafIdx=1), "odd": vector(root=3),
        "signatures": {"algorithm": "EDDSA", "testGroups": [{"publicKey": {"curve": "edwards25519", "pk": "00" * 32}, "tests": [
            {"tcId": 1, "msg": "", "sig": "", "result": "invalid"}, {"tcId": 2, "msg": "", "sig": "00", "result": "valid"},
            {"tcId": 3, "msg": "zz", "sig": "00", "result": "valid"},
        ]}]},
        "other": {"algorithm": "EDDSA", "testGroups": [{"publicKey": {"curve": "edwards448", "pk": "00"}, "tests": [{}]}]},
        "list": [1],
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "broken.json").write_text("{")
    assert failed(tmp_path).keys() == {
        "wrong.json", "refused.json", "odd.json", "signatures.json: 2", "signatures.json: 3",
    }  # fmt: skip
    assert len(list(Run().cases(tmp_path))) == 7


def test_other_bytes_than_the_canonical_ones_fail(tmp_path: Path) -> None:
    for folder in ("input", "output", "outhex"):
        (tmp_path / folder).mkdir()
    for name, written in (("a", '{"a":1,"b":2}'), ("b", '{"b":2,"a":1}'), ("c", '{"a":1,"a":1}')):
        (tmp_path / "input" / f"{name}.json").write_text('{"b": 2, "a": 1.0}' if name != "c" else written)
        (tmp_path / "output" / f"{name}.json").write_text(written)
    assert failed(tmp_path) == {
        "input/b.json": "other bytes than published", "input/c.json": "an object in JSON has a name twice",
    }  # fmt: skip
    (tmp_path / "outhex" / "a.txt").write_text("7b 7d")
    assert "input/a.json" in failed(tmp_path)
