"""All files of a competitor that mirrors the log of a customs' house, read for what was declared there."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from leaks import found
from tidewaiter.ledger.contracts import Role
from tidewaiter.network.founding import found as founded
from tidewaiter.network.founding import threshold
from tidewaiter.network.local import LocalNetwork, Wanted
from tidewaiter.network.operator import DeclinedError
from tidewaiter.store import Settings, open_store
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter
from tidewaiter.workflow.recording import subject_of

ORIGIN = "record.example/1"
LEGAL_DAY = date(2026, 6, 15)
SAMPLE = "samples/gb-marketplace/2026-06-15.jsonl"
CODES = {
    "jurisdiction_code",
    "type_code",
    "currency",
    "country_code",
    "mode_code",
    "issued_at",
    "arrival_on",
    "posted_on",
}
VALUE_MIN = 5
RELAYED_SECONDS_MAX = 60


def told_in(declared: Any, name: str = "") -> Iterator[str]:
    """Every value of a declaration that is not a code of a few letters or a day."""
    if isinstance(declared, dict):
        for key, value in declared.items():
            yield from told_in(value, key)
    elif isinstance(declared, list):
        for value in declared:
            yield from told_in(value, name)
    elif isinstance(declared, str) and len(declared) >= VALUE_MIN and name not in CODES:
        yield declared


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], set[str], list[bytes]]:
    """Everything in a competitor's folder once all has stopped; every value that was declared; the keys of the parcels."""
    body = (resources.files("tidewaiter.data") / SAMPLE).read_bytes()
    values = {value for line in body.splitlines() for value in told_in(msgspec.json.decode(line))}
    with LocalNetwork(tmp_path_factory.mktemp("n")) as network:
        parts = {
            network.make(Wanted(label="log", part="sequencer", roles=(Role.PORT,))): "sequencer",
            network.make(
                Wanted(label="north", part="mirror", roles=(Role.CUSTOMS,), database="own", house=True)
            ): "mirror",
            network.make(Wanted(label="rival", part="mirror", roles=(Role.MARKETPLACE,))): "mirror",
        }
        founded(ORIGIN, parts, threshold("quorum", 2, ["north", "rival"]), datetime.now(UTC))  # type: ignore[arg-type]
        network.start(*network.homes)
        with open_store(Settings(data_folder=network.homes["north"].folder / "postgres")) as store:
            with Intake(store) as intake:
                sender = store.senders.ensure("marketplace").sender_id
                intake.submit(io.BytesIO(body), sender_id=sender, file_name="s", transport="cli", legal_day=LEGAL_DAY)
            rows = list(store.declarations(Filter(limit=100)))
            values |= {row.registered_id for row in rows if row.registered_id}
            wanted = sum(log.size for log in store.logs.logs())
            keys = [store.logs.key(subject_of(row.declaration_id)) or b"" for row in rows]
        until = time.monotonic() + RELAYED_SECONDS_MAX
        with network.operator("north") as operator:
            while operator.relayed() < wanted:
                assert time.monotonic() < until, "the record of the house is not handed on"
                time.sleep(0.1)
            with pytest.raises(DeclinedError):  # customs know it; the competitor does not
                operator.view("rival", "")
        network.await_final("rival", wanted)
        # Journals hold entries in a shorter writing; this is how they stand in the log, and how any of its readers has them.
        url, log = network.homes["rival"].config.address, hashlib.sha256(ORIGIN.encode()).hexdigest()
        served = httpx.get(f"{url}/{log}/tile/entries/000.p/{wanted}").raise_for_status().content
        standing = httpx.get(url).raise_for_status().content
        network.stop()
        return {**all_files(network.homes["rival"].folder), "served": served + standing}, values, keys


def test_the_files_of_a_competitor_hold_the_log_and_nothing_that_was_declared(
    held: tuple[dict[str, bytes], set[str], list[bytes]],
) -> None:
    files, values, _ = held
    assert files["served"].count(b'"type":"decided"') == 30, "the competitor has the log"
    assert {name.partition("/")[0] for name in files} >= {"keys", "log", "member.toml", "origins", "served"}
    assert len(values) > 150
    leaks = {(name, value) for name, content in files.items() for value in values if found(content, value)}
    assert not leaks


def test_no_file_of_a_competitor_holds_a_key_of_a_parcel(
    held: tuple[dict[str, bytes], set[str], list[bytes]],
) -> None:
    files, _, keys = held
    assert len(keys) >= 28
    everything = b"\n".join(files.values())
    assert not [key for key in keys if key in everything or key.hex().encode() in everything]
