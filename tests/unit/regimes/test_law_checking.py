"""Law that does not hold together is refused whole, with file, line and hint: never half-loaded."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes import Regime
from tidewaiter.regimes.checking import check
from tidewaiter.regimes.library import _content, jurisdictions, lineage, merged
from tidewaiter.regimes.reading import lawbook, read_folder

DAY = date(2026, 7, 1)
JURISDICTION = """\
title: "Nowhere"
currency: EUR
time_zone: Europe/Brussels
parent: COMMON
modelled_since: 2024-01-01
sources: [{title: "Act", read_on: 2026-01-01}]
"""
LAW = """\
sources:
  act: {title: "Act 1", address: "https://example.org/act", read_on: 2026-01-01}
measures:
  vat.standard.rate: {kind: figure, title: "VAT", unit: "%", scope: "all", sources: [act], values: {"2024-01-01": "20"}}
  relief.threshold: {kind: figure, title: "Limit", unit: EUR, scope: "all", sources: [act], values: {"2024-01-01": "22"}}
  rounding.cash: {kind: rounding, title: "Five cents", scope: "all", quantum: "0.05", sources: [act], values: {"2024-01-01": "half up"}}
  free.goods: {kind: goods, title: "Books", scope: "all", sources: [act], values: {"2024-01-01": "4901"}}
  fee.amount: {kind: figure, title: "Fee", unit: EUR, scope: "all", sources: [act], values: {"2024-01-01": "2"}}
  fee.charge: {kind: charge, title: "Fee", scope: "all", charge: fee, type_code: F, base: customs_value, rate: {amount: fee.amount}, rounding: rounding.cash, sources: [act], values: {"2024-01-01": "in force"}}
  schemes.low: {kind: scheme, title: "Low", scope: "all", order: 10, when: {customs_value_at_most: relief.threshold}, charges: [{charge: vat.import, collection: none, is_relieved: true, relief: relief.threshold}, {charge: fee.charge, only_goods: free.goods}], sources: [act], values: {"2024-01-01": "in force"}}
"""  # fmt: skip


def loaded(tmp_path: Path, law: str = LAW, jurisdiction: str = JURISDICTION) -> Regime:
    common = lawbook("COMMON")
    assert common is not None
    (tmp_path / "jurisdiction.yaml").write_text(jurisdiction)
    (tmp_path / "law.yaml").write_text(law)
    books = (common, read_folder("ZZ", tmp_path))
    check(books, merged(books))
    return Regime.of(_content(books, DAY))


def test_what_holds_together_is_loaded(tmp_path: Path) -> None:
    regime = loaded(tmp_path)
    assert regime.law.roundings["rounding.cash"].words == "half up to 0.05"
    assert [scheme.measure_id for scheme in regime.law.schemes] == [
        "schemes.not_modelled", "schemes.low", "schemes.standard",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "hint"),
    [
        ('unit: EUR, scope', 'units: EUR, scope', 5, "'units' is no key that belongs here", "mistyped"),
        ('"2024-01-01": "22"', '"2024-01-01": 22', 5, "a number stands here without quotes", 'quote it'),
        ('"2024-01-01": "22"', '"2024-01-01": 22.5', 5, "a number stands here without quotes", 'quote it'),
        ('quantum: "0.05"', 'quantum: 0.05', 6, "a number stands here without quotes", "quote it"),
        ('quantum: "0.05"', 'quantum: "0"', 6, "rounds to '0'", '"0.05"'),
        ('"2024-01-01": "half up"', '"2024-01-01": "halfway"', 6, "is no way of rounding", "half even"),
        ('"2024-01-01": "22"', '"2024-01-01": "-22"', 5, "'-22', which is no amount", "not negative"),
        ('"2024-01-01": "22"', '"2024-01-01": "22 EUR"', 5, "which is no amount", "12.5"),
        ('"2024-01-01": "22"', '"2024-01-01": "NaN"', 5, "which is no amount", "12.5"),
        ('"2024-01-01": "22"', '"2024-01-01": "22", "2024-01-01": "25"', 5, "found duplicate key", "say each thing once"),
        ('"2024-01-01": "22"', '"2024-02-30": "22"', 5, "what should be a day is none", "2026-07-01"),
        ('"2024-01-01": "22"', '"2024-01-01": "22", "2025-01-01": null', 5, "without the act that made it", "act:"),
        ('unit: EUR, scope: "all", sources: [act], values: {"2024-01-01": "22"', 'unit: euro, scope: "all", sources: [act], values: {"2024-01-01": "22"', 5, "is in 'euro'", "ISO 4217"),
        ("sources: [act], values: {\"2024-01-01\": \"22\"", "sources: [law], values: {\"2024-01-01\": \"22\"", 5, "no source 'law'", "there are act"),
        ("sources: [act], values: {\"2024-01-01\": \"22\"", "sources: [], values: {\"2024-01-01\": \"22\"", 5, "sources must name at least one", "no law"),
        ("customs_value_at_most: relief.threshold", "customs_value_at_most: relief.treshold", 10, "relief.treshold", ""),
        ("customs_value_at_most: relief.threshold", "customs_value_atmost: relief.threshold", 10, "'customs_value_atmost' is not a condition", "customs_value_at_most"),
        ("{customs_value_at_most: relief.threshold}", "{any_goods: 4901}", 10, "where a list of texts belongs", ""),
        ("{customs_value_at_most: relief.threshold}", "{within_counter: {counters.year: relief.threshold}}", 10, "counters.year", ""),
        ("{customs_value_at_most: relief.threshold}", "{elects: {some.election: flat}}", 10, "some.election", ""),
        ("rate: {amount: fee.amount}", "rate: {amount: fee.ammount}", 9, "names 'fee.ammount', which is no measure", "fee.amount"),
        ("rounding: rounding.cash", "rounding: rounding.cent", 9, "names 'rounding.cent'", "rounding.cash"),
        ("rounding: rounding.cash", "rounding: relief.threshold", 9, "needs a rounding, and relief.threshold is a figure", "name a rounding"),
        ("rate: {amount: fee.amount}", "rate: {percent: fee.amount}", 9, "takes fee.amount as %, and it is in EUR", "another figure"),
        ("base: customs_value, rate", "base: customs_worth, rate", 9, "names 'customs_worth'", ""),
        ("only_goods: free.goods", "only_goods: fee.amount", 10, "needs a goods, and fee.amount is a figure", ""),
        ("charge: vat.import,", "charge: vat.imports,", 10, "names 'vat.imports'", "vat.import"),
        ("order: 10", "order: 90", 10, "both have order 90", "tried first"),
        ("order: 10", "order: ten", 10, "Expected `int`", ""),
        ("kind: scheme", "kind: skeme", 10, "'skeme' is none of the words", ""),
        ("charge: fee, type", "charge: levy, type", 9, "'levy' is none of the words", ""),
        ('title: "Limit"', 'title: "Limit', 5, "", ""),
    ],
)  # fmt: skip
def test_broken_law_says_where_and_what_to_do(
    tmp_path: Path, old: str, new: str, line: int, said: str, hint: str
) -> None:
    assert old in LAW
    with pytest.raises(LawDataError) as refused:
        loaded(tmp_path, LAW.replace(old, new, 1))
    error = refused.value
    found = re.match(r"ZZ/law\.yaml:(\d+)", error.detail)
    assert found, error.detail
    assert int(found.group(1)) == line or not said, error.detail
    assert said in error.detail
    assert hint in error.hint
    assert error.place


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Europe/Brussels", "Europe/Bruxelles", "is no time zone"),
        ("time_zone: Europe/Brussels\n", "", "is no time zone"),
        ("parent: COMMON\n", "", ""),
        ("currency: EUR\n", "currency: EUR\ncurrencies: [EUR]\n", "'currencies' is no key"),
        ("currency: EUR\n", "currency: EUR\ncurrency: DKK\n", "duplicate key"),
        ("modelled_since: 2024-01-01", "modelled_since: soon", "what should be a day is none"),
    ],
)
def test_a_broken_jurisdiction(tmp_path: Path, old: str, new: str, said: str) -> None:
    if not said:
        pytest.importorskip("tidewaiter")
        assert loaded(tmp_path, jurisdiction=JURISDICTION.replace(old, new)) is not None
        return
    with pytest.raises(LawDataError, match=said) as refused:
        loaded(tmp_path, jurisdiction=JURISDICTION.replace(old, new))
    assert refused.value.detail.startswith("ZZ/jurisdiction.yaml")


def test_without_a_scheme_for_the_rest_nothing_is_loaded(tmp_path: Path) -> None:
    ended = LAW + (
        '  schemes.standard: {kind: scheme, title: "Rest", scope: "all", order: 90, when: {customs_value_above: '
        'relief.threshold}, charges: [{charge: vat.import}], sources: [act], values: {"2024-01-01": "in force"}}\n'
    )
    with pytest.raises(LawDataError, match="no scheme takes the rest on 2024-01-01"):
        loaded(tmp_path, ended)


def test_a_scheme_may_take_the_order_of_one_that_ended(tmp_path: Path) -> None:
    ended = LAW.replace(
        '"2024-01-01": "in force"}}\n', '"2024-01-01": "in force", "2025-01-01": {value: null, act: "Act 2"}}}\n'
    )
    ended = ended.replace("  schemes.low:", "  schemes.low:", 1) + (
        '  schemes.later: {kind: scheme, title: "Later", scope: "all", order: 10, when: {customs_value_at_most: '
        'relief.threshold}, charges: [{charge: vat.import}], sources: [act], values: {"2025-01-01": "in force"}}\n'
    )  # fmt: skip
    assert loaded(tmp_path, ended)
    overlapping = ended.replace('values: {"2025-01-01": "in force"}', 'values: {"2024-12-31": "in force"}')
    with pytest.raises(LawDataError, match="both have order 10 on 2024-12-31"):
        loaded(tmp_path, overlapping)


def test_one_measure_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fee").mkdir()
    (tmp_path / "fee" / "amount.yaml").write_text(
        'kind: figure\ntitle: "Fee"\nunit: EUR\nscope: "all"\n'
        'sources: [{title: "Act", read_on: 2026-01-01}]\nvalues:\n  2024-01-01: "3"\n'
    )
    with pytest.raises(LawDataError, match=r"fee\.amount also has a file of its own"):
        loaded(tmp_path)


def test_all_law_that_ships_holds_together() -> None:
    for code in jurisdictions():
        books = lineage(code)
        check(books, merged(books))


TARIFF = """\
  duty.by_tariff: {kind: tariff, title: "By tariff", scope: "all", replaces: duty.rates, claims: {"": ["103"]}, stacked: {}, sources: [act], values: {"2024-01-01": "in force"}}
"""  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("replaces: duty.rates", "replaces: duty.rate", "names 'duty.rate', which is no measure"),
        ("replaces: duty.rates", "replaces: fee.amount", "needs a table, and fee.amount is a figure"),
        ('claims: {"": ["103"]}', 'claims: {"100": ["103"]}', "where nothing is claimed"),
        ("stacked: {}", "stack: {}", "'stack' is no key that belongs here"),
    ],
)
def test_how_a_tariff_joins_is_held_together(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert loaded(tmp_path, LAW + TARIFF).law.tariff is None
    with pytest.raises(LawDataError, match=said) as refused:
        loaded(tmp_path, LAW + TARIFF.replace(old, new, 1))
    assert refused.value.detail.startswith("ZZ/law.yaml:11")
