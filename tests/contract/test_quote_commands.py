"""`tidewaiter quote` and the comparison in `decision explain`, on a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from api import parcels
from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.store import PostgresStore
from tidewaiter.store.settings import DATA_VARIABLE, DATABASE_URL_VARIABLE, QUOTES_KEY_VARIABLE
from tidewaiter.workflow.intake import Intake

SHIRT = ("--to", "GB", "--on", "2026-07-14", "--item", "Cotton T-shirts", "--code", "61091000", "--origin", "TR")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command where no database was made yet: exit code, what it printed, what it said on the side."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "none"))
    monkeypatch.delenv(DATABASE_URL_VARIABLE, raising=False)

    def command(*arguments: str, **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main(["quote", *arguments] if arguments[0] != "decision" else list(arguments))
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return command


def test_one_line_by_options_needs_no_database_and_says_whose_rates_it_used(run: Run, tmp_path: Path) -> None:
    code, said, _ = run(*SHIRT, "--price", "65.00 EUR", "--freight", "EUR 5")
    assert code == output.EXIT_OK
    assert "those that ship, as no database is here" in " ".join(said.split())
    assert not (tmp_path / "none").exists()
    for words in ("GB on 2026-07-14", "72.63 GBP", "Who pays, when", "importer", "nothing known stands against it"):
        assert words in said


def test_what_is_not_known_is_not_shown_as_nothing(run: Run) -> None:
    code, said, _ = run("--to", "US", "--on", "2026-07-14", "--item", "Shirt", "--code", "610910", "--price", "900 USD")
    assert code == output.EXIT_OK
    assert "not yet known" in next(line for line in said.splitlines() if line.startswith("due at the border"))


def test_a_code_that_was_not_looked_up_is_a_finding_where_no_rate_is_needed(run: Run) -> None:
    code, said, _ = run(
        "--to", "DK", "--on", "2026-07-14", "--item", "Cotton T-shirts", "--code", "999999", "--price", "65 EUR"
    )
    assert code == output.EXIT_FINDINGS
    for words in ("code.commodity_national", "goods_items[1].commodity_code", "999999", "Look it up"):
        assert words in said


def test_an_amount_with_a_minus_is_told_how_to_write_it_and_then_what_is_wrong(run: Run) -> None:
    code, _, said = run(*SHIRT, "--price", "-180 DKK")
    assert (code, "--price='-180 DKK'" in " ".join(said.split())) == (output.EXIT_USAGE, True)
    code, _, said = run(*SHIRT, "--price=-180 DKK")
    assert (code, "An amount cannot be below zero" in said) == (output.EXIT_ERROR, True)


def test_an_unknown_key_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text('{"jurisdiction_code": "GB",\n "goods_items": [{"commodity_cod": "610910"}]}')
    code, _, said = run(str(tmp_path / "b.json"))
    assert code == output.EXIT_ERROR
    for words in ("no key 'commodity_cod' in goods_items[1]", "b.json line 2", "is it 'commodity_code'?"):
        assert words in " ".join(said.split())


def test_as_json_and_from_a_file(run: Run, tmp_path: Path) -> None:
    basket = {
        "jurisdiction_code": "GB",
        "goods_items": [
            {
                "description": "Cotton T-shirts", "commodity_code": "61091000", "origin_country_code": "TR",
                "invoice_price": {"amount": "65.00", "currency": "EUR"},
            }
        ],
        "freight": {"amount": "5", "currency": "EUR"},
    }  # fmt: skip
    (tmp_path / "basket.json").write_text(json.dumps(basket))
    _, by_file, _ = run(str(tmp_path / "basket.json"), "--on", "2026-07-14", "--json")
    _, by_options, _ = run(*SHIRT, "--price", "65.00 EUR", "--freight", "5 EUR", "--json")
    assert json.loads(by_file) == json.loads(by_options)
    assert json.loads(by_file)["quote"]["cost"]["total"] == {"amount": "72.63", "currency": "GBP"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*SHIRT, "--price", "sixty EUR"), output.EXIT_USAGE, "no amount with its currency"),
        ((*SHIRT, "--price", "65", "--quantity", "2"), output.EXIT_USAGE, "no amount with its currency"),
        ((*SHIRT, "--price", "65 EUR", "--quantity", "two"), output.EXIT_USAGE, "is no number"),
        (("--to", "GB"), output.EXIT_USAGE, "say where the goods go"),
        ((*SHIRT, "--price", "1e999 EUR"), output.EXIT_ERROR, "quote.impossible"),
        ((*SHIRT, "--price=-5 EUR"), output.EXIT_ERROR, "cannot be below zero"),
        (("--to", "XX", "--price", "5 EUR"), output.EXIT_ERROR, "no law is modelled"),
        (("--to", "GB", "--price", "65 EUR", "--on", "1999-02-29"), output.EXIT_USAGE, "on"),
        (("no-such-file.json",), output.EXIT_ERROR, "No such file"),
    ],
)
def test_what_is_wrong_is_said(run: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    found, _, said = run(*arguments)
    assert (found, words in " ".join(said.split())) == (code, True), said


def test_findings_leave_with_their_own_code(run: Run) -> None:
    code, said, _ = run("--to", "GB", "--on", "2026-07-14", "--item", "gift", "--price", "20 GBP")
    assert code == output.EXIT_FINDINGS
    assert "description.vague" in said


def test_kept_shown_named_and_compared(run: Run, store: PostgresStore) -> None:
    where = {DATABASE_URL_VARIABLE: store.url}
    _, given, _ = run(*SHIRT, "--price", "165.00 GBP", "--freight", "7.20 GBP", "--keep", "--json", **where)
    number = json.loads(given)["quote_id"]
    _, shown, _ = run("show", number.lower(), "--json")
    assert json.loads(shown)["quote"] == json.loads(given)["quote"]

    sender = store.senders.ensure("Meridian Post")
    items: list[Any] = [parcels.item(1, "Cotton T-shirts", "61091000", "180.00")]
    declared = parcels.parcel("Q-1", *items, freight={"amount": "7.20", "currency": "GBP"}, quote_id=number)
    intake = Intake(store)
    intake.submit(
        BytesIO(parcels.message(declared)), sender_id=sender.sender_id, file_name="q", transport="cli",
        legal_day=date(2026, 7, 14),
    )  # fmt: skip
    intake.close()
    code, explained, _ = run("decision", "explain", "Q-1")
    assert code == output.EXIT_OK
    assert "Beside its quote: not the same" in explained
    assert f"quoted, {number}" in explained
    assert "price, line 1" in explained
    _, as_json, _ = run("decision", "explain", "Q-1", "--json")
    assert [each["aspect"] for each in json.loads(as_json)["quote"]["comparison"]["changes"]] == ["price"]


def test_another_key_knows_no_quote_of_before(run: Run, store: PostgresStore) -> None:
    where = {DATABASE_URL_VARIABLE: store.url}
    _, given, _ = run(*SHIRT, "--price", "165.00 GBP", "--keep", "--json", **where, **{QUOTES_KEY_VARIABLE: "one"})
    number = json.loads(given)["quote_id"]
    assert run("show", number)[0] == output.EXIT_OK
    code, _, said = run("show", number, **{QUOTES_KEY_VARIABLE: "another"})
    assert code == output.EXIT_ERROR
    assert "was not issued here" in " ".join(said.split())
