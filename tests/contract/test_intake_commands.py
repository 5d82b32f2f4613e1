"""`tidewaiter intake` as it is typed: batches stored in a file or on servers, and handed in to members that run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

from intakes import nats_cluster
from networks import Hand, Running, running
from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.cli.bench.nats_servers import Cluster
from tidewaiter.ledger.receipts import verify_receipt
from tidewaiter.network.keyring import submitter_number

__all__ = ["nats_cluster"]


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    with running(mirrors=1, quorum=1) as started:
        yield started


def typed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """The exit code, what was printed, and what was said on standard error."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, " ".join(printed.err.split())


def charter_file(net: Running, folder: Path) -> Path:
    path = folder / "charter"
    path.write_bytes(net.charter.data)
    return path


def stored_and_fed(
    capsys: pytest.CaptureFixture[str], net: Running, hand: Hand, folder: Path, *where: str | Path
) -> None:
    """Two batches are offered, one of them twice, and handed in; the log has them once, with receipts."""
    charter, entries = charter_file(net, folder), [hand.entries(2), hand.entries(1)]
    (folder / "one").write_bytes(msgspec.json.encode(hand.batch(entries[0])))
    (folder / "two").write_bytes(msgspec.msgpack.encode(hand.batch(entries[1])))
    files = [folder / "one", folder / "two"]
    code, printed, said = typed(capsys, "intake", "offer", charter, *files, *where, "--json")
    assert (code, said) == (output.EXIT_OK, "")
    assert [each["position"] for each in json.loads(printed)] == [1, 2]
    code, printed, _ = typed(capsys, "intake", "offer", charter, folder / "one", *where, "--json")
    assert [each["position"] for each in json.loads(printed)] == [1]
    feed = ("intake", "feed", charter, "--position", folder / "position", "--until-empty", *where)
    code, printed, said = typed(capsys, *feed)
    assert (code, said) == (output.EXIT_OK, "")
    assert typed(capsys, *feed) == (output.EXIT_OK, "", ""), "what was handed in is not handed in again"
    first, second = printed.splitlines()
    assert first.startswith("1: entries ")
    assert second.startswith("2: entries ")
    begin, end = int(first.split()[2]), int(second.split()[-1])
    net.network.await_final("mirror-1", end + 1)
    with net.network.operator("mirror-1") as operator:
        assert verify_receipt(operator.receipt(begin), entries[0][0], net.charter.read_policy).verdict
        assert verify_receipt(operator.receipt(end), entries[1][-1], net.charter.read_policy).verdict
    code, printed, _ = typed(capsys, "intake", "status", charter, *where, "--json")
    assert json.loads(printed)[f"next of {submitter_number(hand.key)}"] == 3


def test_a_file_takes_batches_and_members_get_them(
    net: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored_and_fed(capsys, net, net.hands["mirror-1"], tmp_path, "--file", tmp_path / "intake")


def test_servers_take_batches_and_members_get_them_and_what_is_in_the_log_is_forgotten(
    net: Running, nats_cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [word for address in nats_cluster.addresses for word in ("--server", address)]
    stored_and_fed(capsys, net, net.hands["sequencer"], tmp_path, *where)
    charter = tmp_path / "charter"
    code, _, said = typed(capsys, "intake", "trim", charter, "2", *where)
    assert (code, said) == (output.EXIT_OK, "")
    code, _, said = typed(capsys, "intake", "offer", charter, tmp_path / "one", *where)
    assert code == output.EXIT_ERROR
    assert "was taken long ago" in said


def test_what_is_wrong_is_said(net: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charter, other = charter_file(net, tmp_path), tmp_path / "other"
    other.write_bytes(b"{}")
    code, _, said = typed(capsys, "intake", "offer", charter, other, "--file", tmp_path / "intake")
    assert code == output.EXIT_USAGE
    assert "other is no batch" in said
    code, _, said = typed(capsys, "intake", "status", charter)
    assert code == output.EXIT_USAGE
    assert "--server nats://HOST:PORT" in said
    batch = net.hands["mirror-1"].batch(net.hands["mirror-1"].entries(1))
    other.write_bytes(msgspec.msgpack.encode(msgspec.structs.replace(batch, signature=bytes(64))))
    code, _, said = typed(capsys, "intake", "offer", charter, other, "--file", tmp_path / "intake")
    assert code == output.EXIT_ERROR
    assert "signature" in said
