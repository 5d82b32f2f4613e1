"""Tariffs in PostgreSQL: kept whole by digest, append only, asked and compared from the command line."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.cli.app import main
from tidewaiter.data.nomenclature import edition_on
from tidewaiter.model.errors import NotFoundError, NotInForceError
from tidewaiter.store import PostgresStore
from tidewaiter.tariff.importing import Heading, Source, TariffFileError
from tidewaiter.workflow.tariffs import PartialTariffError, import_files, in_force, tariff_on

AT = datetime(2026, 1, 2, tzinfo=UTC)
LIST = "hts8,mfn_text_rate,quantity1,quantity2,begin,end\n01012100,Free,NO,,2012-02-02,2050-12-30\n"
LATER = LIST.replace("Free", "2.5%") + "01022940,1 cents/kg,NO,KG,2020-12-31,2050-12-30\n"


def sources(text: str) -> list[Source]:
    return [Source("list.csv", text.encode())]


def test_an_edition_is_kept_once_and_found_by_day(store: PostgresStore) -> None:
    first = import_files(
        sources(LIST), Heading("US", date(2026, 1, 1), is_partial=True), store.tariffs, "ann", AT
    ).edition
    again = import_files(
        sources(LIST), Heading("US", date(2026, 1, 1), is_partial=True), store.tariffs, "bob", AT
    ).edition
    later = import_files(
        sources(LATER), Heading("US", date(2026, 7, 1), is_partial=True), store.tariffs, "ann", AT
    ).edition
    assert again == first
    assert store.tariffs.all() == (first, later)
    assert store.tariffs.version() == later.edition_id
    assert first.sources[0].file.layout == "US annual 8-digit rates"
    assert in_force(store.tariffs.all(), "US", date(2025, 12, 31)) is None
    assert tariff_on(store.tariffs, "US", date(2026, 6, 30))[0] == first
    edition, tariff = tariff_on(store.tariffs, "US", date(2026, 7, 1))
    assert edition == later
    assert tariff.content == store.knowledge(later.digest)
    with pytest.raises(NotFoundError, match="no tariff of GB") as caught:
        tariff_on(store.tariffs, "GB", date(2026, 7, 1))
    assert "US from 2026-01-01" in caught.value.hint


def test_a_correction_for_the_same_day_counts_and_the_first_stays(store: PostgresStore) -> None:
    heading = Heading("US", date(2026, 1, 1), is_partial=True)
    first = import_files(sources(LIST), heading, store.tariffs, "ann", AT).edition
    corrected = import_files(sources(LATER), heading, store.tariffs, "ann", AT).edition
    assert in_force(store.tariffs.all(), "US", date(2026, 1, 1)) == corrected
    assert store.tariffs.content(first.digest) != store.tariffs.content(corrected.digest)
    with psycopg.connect(store.url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("DELETE FROM tariff_edition")


def test_a_file_that_is_refused_leaves_nothing(store: PostgresStore) -> None:
    with pytest.raises(TariffFileError):
        import_files(sources(LATER[:-20]), Heading("US", date(2026, 1, 1), is_partial=True), store.tariffs, "ann", AT)
    assert store.tariffs.all() == ()
    with psycopg.connect(store.url) as connection:
        assert connection.execute("SELECT count(*) FROM knowledge").fetchone() == (0,)


def whole(rate: str = "4.0%", *, without: str = "-", only: str = "") -> str:
    """A table of rates on every subheading of the Harmonized System, on all but those that begin so, or on these only."""
    edition = edition_on(date(2026, 1, 1))
    assert edition is not None
    codes = sorted(each for each in edition.subheadings if each.startswith(only) and not each.startswith(without))
    return "commodity,description,ukgt_duty_rate\n" + "".join(f"{code},Goods of {code},{rate}\n" for code in codes)


def test_files_that_hold_far_less_are_refused_and_as_a_part_change_their_chapters_alone(store: PostgresStore) -> None:
    first, later = Heading("GB", date(2026, 1, 1)), Heading("GB", date(2026, 7, 1))
    brought = import_files(sources(whole()), first, store.tariffs, "ann", AT)
    assert (brought.covered.total, brought.before.total, brought.left_out) == (5612, 5612, ())
    assert brought.words == ()
    with pytest.raises(PartialTariffError) as caught:
        import_files(sources(whole("9.0%", without="64")), later, store.tariffs, "ann", AT)
    assert "edition 1 has 5,612: chapter 64 is left out; nothing was imported" in caught.value.detail
    assert "--partial" in caught.value.hint
    cut = "commodity,description,ukgt_duty_rate\n64041100,Trainers,9.0%\n"
    with pytest.raises(PartialTariffError, match="chapter 64 has 1 of 25 codes: the others would be gone"):
        import_files(sources(cut), replace(later, is_partial=True), store.tariffs, "ann", AT)
    part = whole("9.0%", only="64")
    brought = import_files(sources(part), replace(later, is_partial=True), store.tariffs, "ann", AT)
    assert brought.words == (
        "The chapters in the files are as the files say; all others stay as in edition 1 from 2026-01-01.",
    )
    _, tariff = tariff_on(store.tariffs, "GB", date(2026, 7, 1))
    assert len(tariff.declarable("64", date(2026, 7, 1))) == 25
    assert len(tariff.declarable("", date(2026, 7, 1))) == 5612
    for code, rate in (("6404110000", "9.0%"), ("6109100000", "4.0%")):
        assert [each.duty for each in tariff.measures(code, "CN", date(2026, 7, 1))] == [rate]
    again = import_files(sources(part), replace(later, is_partial=True), store.tariffs, "bob", AT)
    assert again.edition == brought.edition


def test_the_first_edition_is_held_against_the_harmonized_system(store: PostgresStore) -> None:
    with pytest.raises(PartialTariffError, match="chapters 01, where Harmonized System 2022 has 5,612"):
        import_files(sources(LIST), Heading("US", date(2026, 1, 1)), store.tariffs, "ann", AT)
    brought = import_files(sources(LIST), Heading("US", date(2026, 1, 1), is_partial=True), store.tariffs, "ann", AT)
    assert "no duty rate from now on" in brought.words[0]


def test_a_nomenclature_does_not_end_the_duties_there_are(store: PostgresStore) -> None:
    import_files(sources(whole()), Heading("GB", date(2026, 1, 1)), store.tariffs, "ann", AT)
    edition = edition_on(date(2026, 1, 1))
    assert edition is not None
    codes = [f"{code},Goods,TOTAL,6\n" for code in sorted(edition.subheadings)]
    body = "hscode,description,parent,level\n" + "".join(codes)
    with pytest.raises(PartialTariffError, match="state no duties, and edition 1 does"):
        import_files(sources(body), Heading("GB", date(2026, 7, 1)), store.tariffs, "ann", AT)
    brought = import_files(sources(body), Heading("DK", date(2026, 7, 1)), store.tariffs, "ann", AT)
    assert brought.words == ("It states no duties: commodity codes are looked up in it, and amounts do not change.",)


def test_a_jurisdiction_without_law_is_refused_and_one_whose_law_uses_no_tariff_is_told(store: PostgresStore) -> None:
    with pytest.raises(NotInForceError, match="no law is modelled for 'ZZ'") as caught:
        import_files(sources(whole()), Heading("ZZ", date(2026, 1, 1)), store.tariffs, "ann", AT)
    assert "GB, " in caught.value.hint
    brought = import_files(sources(whole()), Heading("NO", date(2026, 1, 1)), store.tariffs, "ann", AT)
    assert "The law of Norway on 2026-01-01" in brought.words[0]
    assert "amounts do not change" in brought.words[0]


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["tariff", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


@pytest.fixture
def folder(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", database_url)
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "later.csv").write_text(LATER)
    (tmp_path / "odd.csv").write_text(LATER.replace("1 cents/kg", "a penny"))
    return tmp_path


def test_the_command_imports_shows_lists_and_compares(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(
        capsys, "import", str(folder / "list.csv"), "--jurisdiction", "us", "--from", "2026-01-01", "--partial"
    )
    assert (code, "US annual 8-digit rates" in out) == (0, True)
    code, out, _ = ran(capsys, "show", "0101.21.00", "--jurisdiction", "US", "--on", "2026-03-01", "--origin", "CN")
    assert code == 0
    assert "goods can be declared under it" in out
    assert "(the imported files have no text for it)" in out
    assert "103 third country duty" in out
    code, out, _ = ran(capsys, "show", "01012100", "--jurisdiction", "US", "--on", "2026-03-01", "--json")
    shown: dict[str, Any] = json.loads(out)
    assert shown["declarable"] is True
    assert shown["measures"][0]["duty"] == {"components": [{"expression_id": "37"}]}
    code, out, _ = ran(capsys, "diff", "1", str(folder / "later.csv"), "--json")
    assert [(each["what"], each["change"], each["code"]) for each in json.loads(out)] == [
        ("line", "added", "0102294000"), ("measure", "changed", "0101210000"), ("measure", "added", "0102294000"),
    ]  # fmt: skip
    code, out, _ = ran(capsys, "diff", "1", str(folder / "later.csv"), "--limit", "1")
    assert "3 differences: 1 line added, 1 measure changed, 1 measure added. 2 are not shown: --limit 3 shows all." in (
        " ".join(out.split())
    )
    code, out, _ = ran(capsys, "diff", "1", str(folder / "list.csv"))
    assert out == "No differences.\n"
    code, out, _ = ran(capsys, "list", "--csv")
    assert out.splitlines()[1].startswith("1,US,2026-01-01,")


def test_the_command_says_what_was_not_understood_and_exits_with_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ran(
        capsys, "import", str(folder / "odd.csv"), "--jurisdiction", "US", "--from", "2026-01-01", "--partial"
    )
    assert code == 3
    assert "not understood: 1" in out
    assert "'a penny'" in out


def test_the_command_says_what_is_wrong_and_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cut.csv").write_text(LATER[:-20])
    code, _, err = ran(capsys, "import", str(folder / "cut.csv"), "--jurisdiction", "US", "--from", "2026-01-01")
    assert code == 1
    assert "cut.csv line 3" in err
    assert "was it cut short" in err
    code, _, err = ran(capsys, "import", str(folder / "list.csv"), "--jurisdiction", "USA", "--from", "2026-01-01")
    assert code == 2
    code, _, err = ran(capsys, "import", str(folder / "list.csv"), "--jurisdiction", "ZZ", "--from", "2026-01-01")
    assert (code, "modelled: AE, " in err) == (1, True)
    code, _, err = ran(capsys, "import", str(folder / "list.csv"), "--jurisdiction", "US", "--from", "2026-01-01")
    assert (code, "--partial" in err) == (1, True)
    code, _, err = ran(capsys, "show", "99", "--jurisdiction", "GB", "--on", "2026-01-01")
    assert "tidewaiter tariff import" in err
