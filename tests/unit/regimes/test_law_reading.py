"""Files of law are read strictly: what is not understood is refused, naming file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes.reading import codes, lawbook, read_folder

JURISDICTION = (
    'title: "Nowhere"\ncurrency: EUR\nmodelled_since: 2020-01-01\nsources: [{title: "Act", read_on: 2026-01-01}]\n'
)
FIGURE = (
    'kind: figure\ntitle: "A threshold"\nunit: EUR\nscope: "all"\n'
    'sources: [{title: "Act", read_on: 2026-01-01}]\nvalues:\n  2020-01-01: "150"\n'
)


def folder(tmp_path: Path, figure: str = FIGURE, jurisdiction: str = JURISDICTION) -> Path:
    (tmp_path / "relief").mkdir()
    (tmp_path / "jurisdiction.yaml").write_text(jurisdiction)
    (tmp_path / "relief" / "threshold.yaml").write_text(figure)
    return tmp_path


def test_the_path_is_the_id(tmp_path: Path) -> None:
    assert list(read_folder("ZZ", folder(tmp_path)).documents) == ["relief.threshold"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('unit: EUR\n', 'unit: EUR\nunits: EUR\n'), "units"),
        (('unit: EUR\n', 'unit: EUR\nunit: DKK\n'), "unit"),
        (('"150"', "150"), "without quotes"),
        (('2020-01-01: "150"', 'yesterday: "150"'), "day"),
        (('2020-01-01: "150"', '2020-01-01: "150"\n  2020-01-01: "140"'), "2020"),
        (("sources: [{title: \"Act\", read_on: 2026-01-01}]", "sources: []"), "sources"),
        (("sources: [{title: \"Act\", read_on: 2026-01-01}]\n", ""), "sources"),
        (('"150"\n', '"150"\n  2026-07-01: null\n'), "act"),
        (('"150"\n', '"150"\n  2026-07-01: {value: null}\n'), "act"),
        (('scope: "all"\n', 'scope: "all"\nis_confirmed: false\n'), "note"),
        (("kind: figure", "kind: tax"), "'tax'"),
        (('title: "A threshold"', "title: [broken"), ""),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in FIGURE
    with pytest.raises(LawDataError) as refused:
        read_folder("ZZ", folder(tmp_path, FIGURE.replace(*change)))
    assert "ZZ/relief/threshold.yaml" in refused.value.detail
    assert said in refused.value.detail


def test_unknown_keys_of_a_jurisdiction_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LawDataError, match=r"ZZ/jurisdiction\.yaml.*parents"):
        read_folder("ZZ", folder(tmp_path, jurisdiction=JURISDICTION + "parents: EU\n"))


def test_all_law_that_ships_is_read() -> None:
    assert {"DK", "EU", "GB"} <= set(codes())
    for code in codes():
        book = lawbook(code)
        assert book is not None
        assert book.documents


@pytest.mark.parametrize("code", codes())
def test_names_as_the_rest_of_the_world_may_write_them(code: str) -> None:
    """`NO`, `on` and `1.10` keep their form: YAML 1.2, and decimals are texts."""
    book = lawbook(code)
    assert book is not None
    for document in book.documents.values():
        assert all(
            isinstance(value, str) or value.value is None or isinstance(value.value, str)
            for value in document.values.values()
        )
