"""The demonstration parcels: every file is listed, read, and as good or as bad as its description says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML

from tidewaiter.messages import archives, forms
from tidewaiter.messages.form import Reading
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Severity
from tidewaiter.revenue.guarantees import Grant

FOLDER = Path(str(files("tidewaiter.data"))) / "samples"
MANIFEST: dict[str, Any] = YAML(typ="safe").load(FOLDER / "demo.yaml")
NAMES = [entry["file"] for entry in MANIFEST["files"]]
RETURNS = [entry["file"] for entry in MANIFEST["returns"]]
FAULTY = {"mixed/2026-06-15.zip"}


def readings(name: str) -> Iterator[tuple[str, Reading]]:
    """Form and reading of each record of a file, archives unpacked; what is no message is passed over."""
    with (FOLDER / name).open("rb") as file:
        for member in archives.members(file, name):
            try:
                form = forms.detect(member.head())
            except MessageError:
                assert member.name.endswith(".pdf")
                continue
            for record in form.split(member.stream):
                yield form.name, form.read(record.body)


def declarations() -> list[Declaration]:
    return [reading.declaration for name in NAMES for _, reading in readings(name) if reading.declaration]


def test_every_file_is_listed_and_described() -> None:
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*") if path.name != "README.md"}
    assert present == {*NAMES, *RETURNS, *(entry["file"] for entry in MANIFEST["movement"])}
    for entry in [*MANIFEST["files"], *MANIFEST["returns"]]:
        assert isinstance(entry.get("legal_day") or entry["received_on"], date)
        assert entry["sender"]
        assert len(entry["shows"]) > 30
        assert (FOLDER / entry["file"]).parent.joinpath("README.md").is_file()
    for entry in MANIFEST["movement"]:
        assert entry["sender"]
        assert len(entry["shows"]) > 30
        assert (FOLDER / entry["file"]).parent.joinpath("README.md").is_file()


def test_there_are_enough_parcels_in_every_form_to_both_jurisdictions() -> None:
    found = [form for name in NAMES for form, _ in readings(name)]
    assert set(found) == {"json", "csv", "wco-dm", "h7", "postal", "edifact", "marketplace"}
    assert 80 <= len(found) <= 140
    assert {one.jurisdiction_code for one in declarations()} == {"GB", "DK"}
    assert {one.function for one in declarations()} == set(MessageFunction)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_read_without_a_fault_except_where_faults_are_the_point(name: str) -> None:
    found = [finding for _, reading in readings(name) for finding in reading.findings]
    assert bool([finding for finding in found if finding.severity is Severity.ERROR]) is (name in FAULTY)


def test_changes_speak_of_parcels_declared_before() -> None:
    declared: set[str] = set()
    for one in declarations():
        if one.function is MessageFunction.ORIGINAL:
            assert one.functional_reference_id not in declared
            declared.add(one.functional_reference_id)
        else:
            assert one.functional_reference_id in declared


def test_nobody_and_nothing_is_real() -> None:
    for one in declarations():
        parties = [one.consignor, one.consignee, one.importer, one.exporter, one.seller, one.declarant]
        for party in filter(None, parties):
            assert not party.email or party.email.endswith("example.com")
            assert not party.phone or party.phone.startswith("+44 20 7946 0")
            assert not party.party_id or re.search(r"99|DK09999981", party.party_id)


def test_one_parcel_names_a_guarantee_that_is_granted_and_one_does_not() -> None:
    granted = [msgspec.convert(entry, Grant, strict=False) for entry in MANIFEST["guarantees"]]
    assert [each.problem() for each in granted] == [""]
    named = [one for one in declarations() if one.guarantee_ids]
    assert [one.importer.party_id == granted[0].party for one in named if one.importer] == [True, False]
    assert [one.guarantee_ids == (granted[0].guarantee_id,) for one in named] == [True, False]


def test_the_watch_list_names_senders_of_the_parcels() -> None:
    names = {one.consignor.name for one in declarations() if one.consignor}
    for entry in MANIFEST["watch_list"]:
        assert set(entry["names"]) <= names
        assert entry["words"]
