"""The life of a rule set by command: what is printed, what is refused, and with which exit."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake

DAY = date(2026, 11, 20)
TEXT = """\
rule dear
    title: Dear shirts
    words: Dear shirts. Look at them.
    lane: red
    when:
        item.invoice_price > money("500 GBP") && item.origin_country_code == "CN"
"""


@pytest.fixture
def rules(store: PostgresStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    file = tmp_path / "shirts.rules"
    file.write_text(TEXT, encoding="utf-8")
    return file


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["risk", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


def did(capsys: pytest.CaptureFixture[str], words: str) -> str:
    code, out, err = ran(capsys, *words.split())
    assert code == output.EXIT_OK, err
    return out


def shirts(number: int, price: int) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        lodgement_office_id="GB000060", consignor=Party(name="A seller"), consignee=Party(name="A buyer"),
        consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def test_from_a_draft_to_a_decision_and_its_explanation(
    store: PostgresStore, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "version 1 of shirts is a draft" in did(capsys, f"set draft shirts {rules} --by ann --words dear")
    assert "dear" in did(capsys, "set show shirts")
    did(capsys, "set check shirts --by ann")
    assert "is on trial" in did(capsys, "set trial shirts --by ann")
    did(capsys, "set propose shirts --by ann")
    code, _, err = ran(capsys, "set", "approve", "shirts", "--by", "ann")
    assert code == output.EXIT_ERROR
    assert "a second person approves it" in err
    did(capsys, "set approve shirts --by bob")
    did(capsys, "set publish shirts --by ann")
    rows = json.loads(did(capsys, "set list --json"))
    assert [(row["rule set"], row["state"], row["on trial"]) for row in rows] == [("shirts", "published", False)]
    with Intake(store) as intake:
        sender_id = store.senders.ensure("A courier").sender_id
        body = forms.by_name("json").write([shirts(1, 900), shirts(2, 400)])
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)
    told = json.loads(did(capsys, "explain REF1 --json"))
    assert [(row["what"], row["rule"], row["decided"]) for row in told if row["what"] == "hit"] == [
        ("hit", "dear", True)
    ]
    near = json.loads(did(capsys, "explain REF2 --json"))
    assert [row["rule"] for row in near if row["what"] == "near miss"] == ["dear"]
    found = json.loads(did(capsys, "set backtest shirts --by ann --parcels 5 --json"))
    assert (found["figures"]["decided"], found["figures"]["hits"], found["figures"]["from_masks"]) == (2, 1, 2)
    assert len(found["parcels"]) == 1
    assert "back-test 2: 1 of 2" in did(capsys, "set backtest shirts --by ann --parcels 5")
    did(capsys, "set retire shirts --by bob --words enough")
    steps = [row["step"] for row in json.loads(did(capsys, "set history shirts --json"))]
    assert steps == ["write", "check", "trial", "propose", "approve", "publish", "retire"]
    assert store.parts.in_use() == ()


def test_mistakes_are_told_with_their_place_and_exit_3(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(TEXT.replace("invoice_price", "invoice_prize"), encoding="utf-8")
    did(capsys, f"set draft shirts {rules} --by ann")
    code, out, _ = ran(capsys, "set", "check", "shirts", "--by", "ann", "--json")
    assert code == output.EXIT_FINDINGS
    assert [(row["place"], row["rule"]) for row in json.loads(out)] == [("line 6, column 9", "dear")]
    code, _, err = ran(capsys, "set", "trial", "shirts", "--by", "ann")
    assert code == output.EXIT_ERROR
    assert "check it first" in err


def test_the_second_who_changes_a_draft_is_told(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    did(capsys, f"set draft shirts {rules} --by ann")
    rules.write_text(TEXT.replace("500", "400"), encoding="utf-8")
    did(capsys, f"set draft shirts {rules} --by bob --revision 1")
    code, _, err = ran(capsys, "set", "draft", "shirts", str(rules), "--by", "ann", "--revision", "1")
    assert code == output.EXIT_ERROR
    assert "bob wrote version 1 of shirts" in err


def test_two_versions_are_compared(store: PostgresStore, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    did(capsys, f"set draft shirts {rules} --by ann")
    rules.write_text(TEXT.replace("500", "300"), encoding="utf-8")
    did(capsys, f"set draft shirts {rules} --by ann")
    code, _, err = ran(capsys, "set", "compare", "shirts", "1", "2")
    assert code == output.EXIT_USAGE
    assert "nothing was decided yet" in err
    with Intake(store) as intake:
        sender_id = store.senders.ensure("A courier").sender_id
        body = forms.by_name("json").write([shirts(1, 900), shirts(2, 400)])
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)
    out = did(capsys, "set compare shirts 1 2")
    assert "changed: dear" in out
    assert "green → red" in out


def test_nothing_there_is_an_error(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("check", "trial", "propose", "approve", "publish", "retire"):
        code, _, err = ran(capsys, "set", verb, "nothing", "--by", "ann")
        assert code == output.EXIT_ERROR
        assert "there is no rule set nothing" in err
