"""A log of ours before others: cosigned by four `aics-witness`, verified by `aics-tlog` and `tlog-scales`.

None of them was written here, and none knows our code: they read our tiles, checkpoints, keys and proofs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import judges
from ledgers import ORIGIN, signer
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import KeyType, VerifierKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.proving import prove_consistency, prove_inclusion
from tidewaiter.ledger.receipts import Receipt, verify_receipt
from tidewaiter.ledger.signing import sign
from tidewaiter.ledger.wire import written_base64

LOG = signer(ORIGIN, KeyType.ED25519)
SIZES = (1, 255, 256, 300, 66_000)  # one leaf, tiles that are filled to the brim, and three levels of them
WITNESSES = 4


class OwnLog:
    """A log of ours in a folder, as it is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[bytes] = []
        self.nodes = MemoryLog()
        self._writer = TileWriter()

    def grown(self, size: int) -> SignedNote:
        """The log's own checkpoint once it has so many entries."""
        added = [b'{"entry":%d}' % number for number in range(len(self.entries), size)]
        self.entries += added
        self.nodes.extend(map(leaf_hash, added))
        for tile, data in [*self._writer.add(added), *self._writer.edge()]:
            path = self.folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return signed(Checkpoint(ORIGIN, size, self._writer.frontier.root))

    def publish(self, note: SignedNote) -> None:
        (self.folder / "checkpoint").write_bytes(note.data)

    def proof(self, old_size: int) -> list[bytes]:
        """That it only grew since."""
        return prove_consistency(self.nodes.node, old_size, self.nodes.size) if old_size else []


def signed(checkpoint: Checkpoint) -> SignedNote:
    return SignedNote(checkpoint.text, (sign(checkpoint.text, LOG),))


def cosignature(answer: httpx.Response) -> NoteSignature:
    """The one line that a witness answers with."""
    assert answer.status_code == httpx.codes.OK, (answer.status_code, answer.text)
    line, newline, rest = answer.text.partition("\n")
    assert (newline, rest) == ("\n", "")
    return NoteSignature.parse(line)


def policy(witnesses: list[judges.Witness], threshold: int) -> Policy:
    lines = [f"log {LOG.verifier.text}"]
    lines += [f"witness w{number} {witness.vkey}" for number, witness in enumerate(witnesses)]
    names = " ".join(f"w{number}" for number in range(len(witnesses)))
    lines += [f"group judges {threshold} {names}", "quorum judges"]
    return Policy.parse("\n".join(lines).encode())


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Our log at its last size, and the four witnesses that cosigned it at every size."""
    bin_path = judges.bin_folder()
    folder = tmp_path_factory.mktemp("judged")
    (folder / "log").mkdir()
    (folder / "log.vkey").write_text(LOG.verifier.text + "\n")
    log = OwnLog(folder / "log")
    with judges.witnesses(bin_path, folder, WITNESSES, (ORIGIN, LOG.verifier.text)) as witnesses:
        notes = []
        for old_size, size in zip((0, *SIZES), SIZES, strict=False):
            note = log.grown(size)
            cosigned = [cosignature(each.asked(old_size, log.proof(old_size), note.data)) for each in witnesses]
            notes.append(note.with_signatures(*cosigned))
            (folder / f"checkpoint.{size}").write_bytes(notes[-1].data)
        log.publish(notes[-1])
        yield SimpleNamespace(bin=bin_path, folder=folder, log=log, notes=notes, witnesses=witnesses)


def test_our_policy_believes_what_they_cosigned(judged: SimpleNamespace) -> None:
    believing = policy(judged.witnesses, WITNESSES)
    for size, note in zip(SIZES, judged.notes, strict=True):
        believed = believing.believed(note.data)
        assert believed.verdict, believed.verdict.reason
        assert believed.checkpoint is not None
        assert believed.checkpoint.size == size
        assert len(believed.signed) == WITNESSES + 1
    lacking = SignedNote(judged.notes[-1].text, judged.notes[-1].signatures[:-1])
    assert "not w3" in believing.believed(lacking.data).verdict.reason


def test_they_serve_what_they_cosigned(judged: SimpleNamespace) -> None:
    for witness in judged.witnesses:
        (row,) = json.loads(witness.does("status", "--json"))["logs"]
        assert (row["origin"], row["size"]) == (ORIGIN, SIZES[-1])
        kept = SignedNote.parse(httpx.get(f"{witness.url}/{row['origin_hash']}/checkpoint").content)
        assert kept.text == judged.notes[-1].text
        assert VerifierKey.parse(witness.vkey).key_id in {each.key_id for each in kept.signatures}


def believing_words(judged: SimpleNamespace) -> list[str | Path]:
    words: list[str | Path] = ["--vkey-file", judged.folder / "log.vkey", "--origin", ORIGIN]
    for witness in judged.witnesses:
        words += ["--witness-key", witness.vkey]
    return [*words, "--quorum", str(WITNESSES), "--max-age", "600", "--tiles", judged.log.folder]


def test_another_verifier_believes_the_quorum(judged: SimpleNamespace) -> None:
    answer = judges.verified(judged.bin, "verify-checkpoint", *believing_words(judged))
    assert (answer["ok"], answer["cosignatures"], answer["size"]) == (True, WITNESSES, SIZES[-1]), answer
    assert answer["root"] == written_base64(judged.log.nodes.root)


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, SIZES[-1] - 1])
def test_another_verifier_finds_each_entry(judged: SimpleNamespace, tmp_path: Path, index: int) -> None:
    leaf, found = tmp_path / "leaf", tmp_path / "found"
    leaf.write_bytes(judged.log.entries[index])
    words = ["--leaf", leaf, "--index", str(index), "--entry-out", found, *believing_words(judged)]
    answer = judges.verified(judged.bin, "verify-inclusion", *words)
    assert answer["ok"], answer
    assert found.read_bytes() == judged.log.entries[index]
    leaf.write_bytes(judged.log.entries[index] + b" ")
    assert not judges.verified(judged.bin, "verify-inclusion", *words)["ok"]


@pytest.mark.parametrize("size", SIZES[:-1])
def test_another_verifier_sees_that_it_only_grew(judged: SimpleNamespace, size: int) -> None:
    old = judged.folder / f"checkpoint.{size}"
    answer = judges.verified(judged.bin, "verify-consistency", "--old-checkpoint", old, *believing_words(judged))
    assert answer["ok"], answer


@pytest.mark.parametrize("index", [0, 256, 65_999])
def test_a_third_implementation_makes_the_same_receipt(judged: SimpleNamespace, index: int) -> None:
    done = judges.run(judged.bin, "tlog-tiles", "get-leaf", "-c", judged.log.folder, str(index))
    assert (done.returncode, done.stdout) == (0, judged.log.entries[index]), done
    done = judges.run(judged.bin, "tlog-tiles", "gen-proof", judged.log.folder, str(index))
    proof = tuple(prove_inclusion(judged.log.nodes.node, index, SIZES[-1]))
    assert done.stdout == Receipt(index, proof, judged.notes[-1].data).text
    believed = verify_receipt(done.stdout, judged.log.entries[index], policy(judged.witnesses, 3))
    assert believed.verdict, believed.verdict.reason


def test_a_third_implementation_verifies_signatures_and_root(judged: SimpleNamespace, tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tlog_scales import backend, signing
from tlog_scales.reader import TilesReader
reader = TilesReader(backend.make_backend(sys.argv[1]))
checkpoint = reader.get_checkpoint()
for text in sys.argv[2:]:
    key = signing.Vkey.from_string(text)
    assert sum(map(key.match, checkpoint.signatures)) == 1, text
    checkpoint.verify(key)
reader.set_size(checkpoint.size)
assert reader.calculate_root_hash() == checkpoint.root_hash
print(checkpoint.size)
"""
    keys = [LOG.verifier.text, *(witness.vkey for witness in judged.witnesses)]
    done = judges.run(judged.bin, "python", "-c", program, judged.log.folder, *keys)
    assert (done.returncode, done.stdout.decode().strip()) == (0, str(SIZES[-1])), done.stderr.decode()
    false = tmp_path / "false"
    false.mkdir()
    note = judged.notes[-1]
    (false / "checkpoint").write_bytes(note.data.replace(f"\n{SIZES[-1]}\n".encode(), b"\n65999\n", 1))
    done = judges.run(judged.bin, "python", "-c", program, false, *keys)
    assert b"InvalidSignature" in done.stderr


def test_they_refuse_what_does_not_grow_from_what_they_know(judged: SimpleNamespace) -> None:
    witness, size = judged.witnesses[0], SIZES[-1]
    fork = MemoryLog(map(leaf_hash, [*judged.log.entries[:-1], b"another", b"more"]))
    forked = signed(Checkpoint(ORIGIN, fork.size, fork.root))
    assert witness.asked(size, prove_consistency(fork.node, size, fork.size), forked.data).status_code == 422
    split = signed(Checkpoint(ORIGIN, size, b"\x07" * 32))
    assert witness.asked(size, [], split.data).status_code in (409, 422)
    stale = witness.asked(300, judged.log.proof(300), judged.notes[-1].data)
    assert (stale.status_code, stale.text) == (409, f"{size}\n")
    assert stale.headers["content-type"] == "text/x.tlog.size"
    unsigned = SignedNote(judged.notes[-1].text, judged.notes[-1].signatures[1:])
    assert witness.asked(size, [], unsigned.data).status_code == 403
    other = Checkpoint(ORIGIN + "/other", size, judged.log.nodes.root)
    assert witness.asked(0, [], SignedNote(other.text, (sign(other.text, LOG),)).data).status_code == 404
    kept = json.loads(witness.does("evidence"))
    assert len(kept) == 2, "both views of the log that contradict the first are kept"
    again = cosignature(witness.asked(size, [], judged.notes[-1].data))
    assert again.name == witness.name


def test_a_witness_that_was_killed_goes_on_where_it_was(judged: SimpleNamespace) -> None:
    witness, size = judged.witnesses[3], SIZES[-1]
    witness.kill()
    with pytest.raises(httpx.ConnectError):
        witness.asked(size, [], judged.notes[-1].data)
    witness.start()
    assert witness.asked(0, [], judged.notes[-1].data).text == f"{size}\n", "it still knows what it cosigned"
    line = cosignature(witness.asked(size, [], judged.notes[-1].data))
    note = judged.notes[-1].with_signatures(line)
    assert policy(judged.witnesses, WITNESSES).believed(note.data).verdict
