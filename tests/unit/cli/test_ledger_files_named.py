"""`tidewaiter ledger` on files that are not what they should be: each is told by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledgers import signer
from tidewaiter.cli.app import main
from tidewaiter.ledger.keys import KeyType

KEY = signer("record.example/2026", KeyType.ED25519).verifier.text


def said(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in words])
    return int(ended.value.code or 0), " ".join(capsys.readouterr().err.split())


def test_what_is_no_receipt_or_policy_is_told_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise, huge = tmp_path / "noise", tmp_path / "huge"
    noise.write_bytes(bytes(range(256)))
    huge.write_bytes(bytes(5_000_000))
    for file in (noise, huge):
        code, told = said(capsys, "ledger", "verify-receipt", file, "--key", KEY)
        assert code == 1
        assert f"at {file}" in told
        assert "tidewaiter ledger receipt writes one" in told
        code, told = said(capsys, "ledger", "verify-receipt", file, "--policy", noise)
        assert code == 1
        assert f"at {noise}" in told


def test_a_folder_that_is_none_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "ledger", "verify", "--folder", tmp_path / "nowhere")
    assert code == 2
    assert f"{tmp_path / 'nowhere'} is no folder" in told
    code, told = said(capsys, "ledger", "verify", "--folder", tmp_path)
    assert code == 2
    assert "ledger export writes a policy" in told
