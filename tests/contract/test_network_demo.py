"""The demonstration, whole: what it tells is what members answered, and each member sees what is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

RUN = "from tidewaiter.cli.app import main; main(['network', 'demo', '--json'])"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, check=False, capture_output=True, timeout=400)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return dict(json.loads(done.stdout))


def test_every_member_has_the_same_entries_and_opens_its_own_alone(told: dict[str, Any]) -> None:
    views = {view["member"]: view["entries"] for view in told["views"]}
    assert len(views) == 7
    assert len({json.dumps([entry["leaf"] for entry in entries]) for entries in views.values()}) == 1
    opened = {who: {e["leaf"]["type"] for e in entries if e["fields"] is not None} for who, entries in views.items()}
    assert opened["courier"] == {"loaded", "departed", "delivered"}
    assert opened["port"] == {"arrived", "seal_bound", "seal_alarm"}
    assert opened["marketplace"] == {"paid"}
    assert opened["customs-north"] == {"decided", "examined", "hold_lifted", "released"}
    assert opened["free-zone"] == opened["permits"] == set()


def test_every_receipt_is_verified_and_small(told: dict[str, Any]) -> None:
    entries = [entry for view in told["views"] for entry in view["entries"]]
    assert {entry["verdict"] for entry in entries} == {"verified"}
    assert max(entry["receipt_bytes"] for entry in entries) < 2500


@pytest.mark.parametrize(
    "code", ["release.held", "movement.released", "permit.left", "refund.within", "block.equivocation"]
)
def test_what_is_against_the_rules_is_refused(told: dict[str, Any], code: str) -> None:
    assert [line for line in told["lines"] if f"({code})" in line["result"]]


@pytest.mark.parametrize("kind", ["settled", "member_joined", "quorum_changed", "key_rotated", "epoch_closed"])
def test_what_members_agree_on_is_final_and_signed(told: dict[str, Any], kind: str) -> None:
    (first, *_) = [line["result"] for line in told["lines"] if line["what"] == kind]
    assert first.startswith("final as entry")
    assert "signed by" in first


def test_two_of_seven_may_be_gone(told: dict[str, Any]) -> None:
    gone = [line["result"] for line in told["lines"] if "two are gone" in line["what"]]
    assert [each for each in gone if "became final" in each]
