"""`tidewaiter anchor` as it is typed: on a chain, in a file, and where something is wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("coincurve", reason="the extra `evm` is not installed")

from anchors import POLICY_TEXT, GrowingLog
from evm_chain import chain, fund
from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.network.adapters.evm_wire import EvmKey


def typed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """The exit code, what was printed, and what was said on standard error."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, " ".join(printed.err.split())


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    return GrowingLog(tmp_path / "log")


@pytest.fixture
def address(log: GrowingLog) -> Iterator[str]:
    """Where the log is served on the web."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=log.folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_life_on_a_chain(log: GrowingLog, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def made(name: str) -> tuple[Path, str]:
        code, printed, _ = typed(capsys, "anchor", "key", tmp_path / name)
        assert (code, (tmp_path / name).stat().st_mode & 0o777) == (output.EXIT_OK, 0o600)
        return tmp_path / name, printed.strip()

    (owner_file, owner), (other_file, other), (anchorer_file, anchorer) = made("owner"), made("other"), made("anchorer")
    policy = tmp_path / "policy"
    with chain(tmp_path) as rpc:
        fund(rpc, *(EvmKey.parse(file.read_text()) for file in (owner_file, other_file, anchorer_file)))
        code, printed, _ = typed(
            capsys, "anchor", "deploy", "--rpc", rpc, "--key-file", owner_file, "--owner", owner, "--owner", other,
            "--threshold", "2", "--json",
        )  # fmt: skip
        assert code == output.EXIT_OK
        on_chain = ["--rpc", rpc, "--contract", json.loads(printed)["contract"]]
        publishing = [
            "anchor",
            "publish",
            address,
            "--policy",
            policy,
            *on_chain,
            "--key-file",
            anchorer_file,
            "--json",
        ]
        verifying = ["anchor", "verify", address, "--policy", policy, *on_chain, "--json"]

        log.grown(100)
        code, _, said = typed(capsys, *publishing)
        assert (code, "not an anchorer" in said) == (output.EXIT_ERROR, True)
        code, _, said = typed(capsys, *verifying, "--chain", "1")
        assert (code, "not of 1" in said) == (output.EXIT_ERROR, True)
        assert typed(capsys, *verifying)[0] == output.EXIT_FINDINGS, "nothing is anchored"
        for number, file in enumerate((owner_file, other_file)):
            code, printed, _ = typed(
                capsys, "anchor", "vote", "admit", "anchorer", anchorer, *on_chain, "--key-file", file
            )
            assert (code, "done" in printed) == (output.EXIT_OK, number == 1)
        code, printed, _ = typed(capsys, *publishing)
        assert (code, json.loads(printed)["size"]) == (output.EXIT_OK, 100)
        log.grown(300)
        assert typed(capsys, *publishing)[0] == typed(capsys, *publishing)[0] == output.EXIT_OK
        code, printed, _ = typed(capsys, *verifying)
        assert code == output.EXIT_OK
        assert [(row["size"], row["agrees"], row["by"]) for row in json.loads(printed)] == [
            (100, True, anchorer), (300, True, anchorer),
        ]  # fmt: skip
        rewritten = GrowingLog(tmp_path / "rewritten", "another entry")
        rewritten.grown(400)
        code, printed, _ = typed(capsys, "anchor", "verify", rewritten.folder, *verifying[3:])
        assert (code, [row["agrees"] for row in json.loads(printed)]) == (output.EXIT_FINDINGS, [False, False])
        code, _, said = typed(capsys, "anchor", "publish", rewritten.folder, *publishing[3:])
        assert (code, "did not grow" in said) == (output.EXIT_ERROR, True)


def test_a_life_in_a_file(log: GrowingLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [log.folder, "--policy", tmp_path / "policy", "--file", tmp_path / "anchors"]
    log.grown(10)
    assert typed(capsys, "anchor", "publish", *words)[0] == output.EXIT_OK
    log.grown(20, members=2)
    code, _, said = typed(capsys, "anchor", "publish", *words)
    assert (code, "is not final" in said) == (output.EXIT_ERROR, True)
    code, _, said = typed(capsys, "anchor", "verify", *words)
    assert (code, "not to be believed" in said) == (output.EXIT_ERROR, True)
    log.grown(20)
    assert typed(capsys, "anchor", "publish", *words)[0] == output.EXIT_OK
    code, printed, _ = typed(capsys, "anchor", "verify", *words, "--json")
    assert (code, [row["size"] for row in json.loads(printed)]) == (output.EXIT_OK, [10, 20])


def test_wrong_usage_says_what_is_right(log: GrowingLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = ["--policy", tmp_path / "policy"]
    (tmp_path / "open").write_text("46" * 32)
    (tmp_path / "open").chmod(0o644)
    at = "0x" + "11" * 20
    for words, said in (
        (["publish", log.folder, *policy], "in a file or on a chain"),
        (["publish", log.folder, *policy, "--file", tmp_path / "a", "--rpc", "http://127.0.0.1:1"], "in a file or on a chain"),
        (["publish", log.folder, *policy, "--rpc", "http://127.0.0.1:1"], "in a file or on a chain"),
        (["publish", log.folder, *policy, "--file", tmp_path / "a"], "there is no checkpoint"),
        (["publish", log.folder, *policy, "--rpc", "http://127.0.0.1:1", "--contract", at, "--key-file", tmp_path / "open"], "can read"),
        (["verify", log.folder, *policy, "--file", tmp_path / "none"], "no file of anchors"),
        (["verify", log.folder, *policy, "--file", tmp_path / "policy", "--confirmations", "6"], "a file has no chain"),
        (["verify", log.folder, *policy, "--rpc", "http://127.0.0.1:1", "--contract", at, "--confirmations", "-1"], "fewer than 0"),
        (["key", tmp_path / "open"], "there already"),
        (["deploy", "--rpc", "http://127.0.0.1:1", "--key-file", tmp_path / "open", "--owner", at, "--threshold", "2"], "cannot decide"),
    ):  # fmt: skip
        code, _, error = typed(capsys, "anchor", *words)
        assert (code, said in error, "hint" in error) == (output.EXIT_USAGE, True, True), error
    log.grown(3)
    code, _, error = typed(
        capsys, "anchor", "publish", log.folder, *policy, "--rpc", "http://127.0.0.1:1", "--contract", at
    )
    assert (code, "does not answer" in error) == (output.EXIT_ERROR, True)
    assert (tmp_path / "open").read_text() == "46" * 32
