"""Goods controls as data: strict when read, dated, cited, and each found by its own words and codes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.regimes import jurisdictions
from tidewaiter.risk import controls_in_force
from tidewaiter.risk.controls import control_versions, read_controls

DAY = date(2026, 7, 1)
JURISDICTIONS = ("GB", "EU", "DK")
FILE = """
title: A file
sources:
  act: {title: An act, address: "https://example.org/act", read_on: "2026-11-22"}
  hearsay: {title: An act nobody read, address: "https://example.org/other"}
controls:
  thing:
    title: A thing
    kind: restricted
    source: act
    confirmed: true
    commodity_codes: ["9307"]
    words: {en: [odd thing], zh: [怪物]}
    permits: [{code: C400, words: a permit}]
"""


def read(text: str) -> object:
    return read_controls(text.encode(), "XX.file", "file.yaml")


def test_a_control_is_read_with_its_source() -> None:
    (control,) = read_controls(FILE.encode(), "XX.file", "file.yaml")
    assert control.control_id == "XX.file.thing"
    assert (control.kind, control.lane) == (ReasonKind.RESTRICTED, Lane.YELLOW)
    assert control.phrases == (("odd", "thing"), ("odd", "things"), ("怪", "物"))
    assert (control.source.title, control.source.read_on, control.source.confirmed) == (
        "An act",
        date(2026, 11, 22),
        True,
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("    confirmed: true", "    confirmed: true\n    colour: red"), "colour"),
        (("    confirmed: true", "    confirmed: true\n    confirmed: true"), "duplicate"),
        (("    source: act", "    source: other"), "other"),
        (("    source: act", "    source: hearsay"), "nobody has read"),
        (('["9307"]', '["930710"]\n    lanes: red'), "lanes"),
        (('["9307"]', '["93071000"]'), "2 to 6 digits"),
        (('["9307"]', "[9307]"), "str"),
        (("    permits: [{code: C400, words: a permit}]\n", ""), "neither a permit nor a lane"),
        (("kind: restricted", "kind: frowned_upon"), "frowned_upon"),
    ],
)
def test_a_malformed_file_is_refused(change: tuple[str, str], words: str) -> None:
    assert change[0] in FILE
    with pytest.raises(LawDataError, match=words):
        read(FILE.replace(*change))


def test_a_control_must_point_at_something() -> None:
    text = FILE.replace('    commodity_codes: ["9307"]\n', "").replace("    words: {en: [odd thing], zh: [怪物]}\n", "")
    with pytest.raises(LawDataError, match="neither commodity codes nor words"):
        read(text)


@pytest.mark.parametrize("code", ["", "ZZ", "../GB"])
def test_no_controls_known_is_never_no_controls(code: str) -> None:
    with pytest.raises(NotInForceError, match="no goods controls"):
        controls_in_force(code, DAY)


@pytest.mark.parametrize("code", JURISDICTIONS)
def test_shipped_controls_are_read_and_cited(code: str) -> None:
    controls = controls_in_force(code, DAY)
    assert len(controls) >= 12
    assert len({control.control_id for control in controls}) == len(controls)
    for control in controls:
        assert control.source.address.startswith("http"), control.control_id
        assert control.source.read_on or not control.source.confirmed, control.control_id
        assert control.title[0].isupper(), control.control_id
    assert set(control_versions(code)) == {f"controls/{file}" for file in _files(code)}


def _files(code: str) -> set[str]:
    from importlib.resources import files

    codes = ["DK", "EU"] if code == "DK" else [code]
    folder = files("tidewaiter.data") / "controls"
    return {
        f"{each}/{file.name}"
        for each in codes
        for file in (folder / each).iterdir()
        if file.name.endswith(".yaml") and file.name != "jurisdiction.yaml"
    }


def test_every_jurisdiction_whose_law_is_modelled_has_controls() -> None:
    """At least those that treaties make: without any, nothing there could be decided."""
    for code in jurisdictions():
        ids = {control.control_id.split(".")[-1] for control in controls_in_force(code, DAY)}
        assert any("narcotics" in each or "controlled_drugs" in each for each in ids), code


def test_denmark_applies_what_the_union_controls() -> None:
    union = {control.control_id for control in controls_in_force("EU", DAY)}
    denmark = {control.control_id for control in controls_in_force("DK", DAY)}
    assert union < denmark


def test_a_control_holds_on_its_days_only() -> None:
    first = date(2025, 6, 28)
    ids = [
        {control.control_id for control in controls_in_force("EU", day)} for day in (first - timedelta(days=1), first)
    ]
    assert "EU.society.cultural_goods" not in ids[0]
    assert "EU.society.cultural_goods" in ids[1]


def test_one_law_follows_another_without_gap_or_overlap() -> None:
    for day in (date(2024, 3, 10), date(2024, 3, 11)):
        ids = [c.control_id for c in controls_in_force("EU", day) if "ozone_depleting" in c.control_id]
        assert len(ids) == 1, day
