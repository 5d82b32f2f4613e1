"""Outcomes by command: recorded, approved, imported, returned to rules and score."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.backtesting import Ask, RuleFigures, back_test
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.rule_set_records import Key
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.rule_trials import RuleTrials
from tidewaiter.workflow.targeting import Change
from tidewaiter.workflow.trying import Period

DAY = date(2026, 11, 20)
TEXT = """\
rule dear
    title: Dear shirts
    words: Dear shirts. Look at them.
    lane: red
    when:
        item.invoice_price > money("500 GBP")
"""


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["outcome", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


def shirts(number: int, price: int, phone: str = "") -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name=f"Seller {number}"), consignee=Party(name="A buyer", phone=phone),
        consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


@pytest.fixture
def parcels(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """Three parcels by a published rule: two hit by it, and arrived; the third shares a phone with the first."""
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    rules = rules_of(TEXT)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    change = Change(kind=PartKind.RULES, name="shirts", digest=rules.digest)
    store.parts.change((change,), actor="ann", words="a test", at=datetime.now(UTC))
    declared = (shirts(1, 1000, "020 1111 1111"), shirts(2, 900), shirts(3, 100, "+44 20 1111 1111"))
    with Intake(store) as intake:
        intake.submit(
            io.BytesIO(forms.by_name("json").write(declared)),
            sender_id=store.senders.ensure("A courier").sender_id,
            file_name="x.json",
            transport="test",
            legal_day=DAY,
        )
    for number in (1, 2):
        assert Desk(store).confirm_arrival(store.find(f"REF{number}"), "ann", on=DAY) is State.UNDER_CONTROL
    return store


def test_from_an_examination_to_rules_score_and_links(
    parcels: PostgresStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = ran(capsys, "record", "REF2", "A1", "--examiner", "ann", "--by", "ann", "--release")
    assert (code, out) == (output.EXIT_OK, "outcome 1: in effect\n"), err
    assert parcels.outcome(parcels.find("REF2")).row.state is not State.UNDER_CONTROL
    code, out, err = ran(
        capsys, "record", "REF1", "B1", "--examiner", "ann", "--by", "ann", "--control", "physical",
        "--found", "ipr!:1", "--found", "undervaluation:1:2000 GBP",
    )  # fmt: skip
    assert (code, out) == (output.EXIT_OK, "outcome 2: waits\n"), err
    assert ran(capsys, "approve", "2", "--by", "ann")[0] == output.EXIT_ERROR
    code, out, err = ran(capsys, "approve", "2", "--by", "chief", "--refuse-goods")
    assert (code, out) == (output.EXIT_OK, "outcome 2: in effect; 1 parcels are tied to it\n"), err
    (alert,) = json.loads(ran(capsys, "alerts", "--json")[1])
    assert (alert["declaration"], alert["done"]) == (parcels.find("REF3"), "held")
    shown = ran(capsys, "show", "2", "--json")[1]
    assert "seized" in shown
    assert "seller Seller 1" in shown
    code, out, err = ran(capsys, "propose", "2", "--to", "seized", "--by", "ann", "--kind", "seller", "--kind", "phone")
    assert (code, out) == (output.EXIT_OK, "version 1 of seized: 1 entries wait for a second person's answer\n"), err
    assert ran(capsys, "propose", "1", "--to", "other", "--by", "ann")[0] == output.EXIT_ERROR  # all was in order

    today = datetime.now(UTC).date()
    days = ("--from", str(today - timedelta(1)), "--to", str(today))
    rates = {each["reason"]: each for each in json.loads(ran(capsys, "hit-rates", *days, "--json")[1])}
    assert (rates["rule.shirts.dear"]["examined"], rates["rule.shirts.dear"]["not in order"]) == (2, 1)
    assert rates["rule.shirts.dear"]["share"] == "0.500"
    file = tmp_path / "rows.csv"
    assert ran(capsys, "training-set", str(file), *days)[0] == output.EXIT_OK
    rows = {row["declaration_id"]: row for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))}
    one = rows[str(parcels.find("REF1"))]
    assert (one["wrong"], one["wrong_ipr"], one["wrong_undervaluation"], one["wrong_origin"]) == ("1", "1", "1", "0")
    assert (one["price"], one["propensity"], one["origin_country"]) == ("1000.0000", "1", "CN")
    assert rows[str(parcels.find("REF2"))]["wrong"] == "0"


def test_back_tests_know_what_examinations_found(parcels: PostgresStore, capsys: pytest.CaptureFixture[str]) -> None:
    ran(capsys, "record", "REF2", "A1", "--examiner", "ann", "--by", "ann")
    sets, key = RuleSets(parcels), Key("shirts", "")
    version = sets.begin(key, TEXT, Who("ann", ""))
    found = RuleTrials(parcels, outcomes=parcels.outcomes, workers=1)
    candidate = found.candidate(version)
    figures = back_test(parcels, Ask(candidate, Period(DAY, DAY, "")), outcomes=parcels.outcomes).figures
    (rule,) = figures.rules
    assert isinstance(rule, RuleFigures)
    assert (rule.hits, rule.known, rule.wrong) == (2, 1, 0)


def test_what_cannot_be_taken_in_is_told_by_line(
    parcels: PostgresStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "told.csv"
    moment = datetime.now(UTC).isoformat()
    file.write_text(
        f"reference,result,examined_at,examiner\nREF2,A1,{moment},ann\nREF2,A9,{moment},ann\nNOBODY,A1,{moment},ann\n",
        encoding="utf-8",
    )
    code, out, err = ran(capsys, "import", str(file), "--by", "a system", "--json")
    assert code == output.EXIT_FINDINGS
    assert json.loads(out) == {"kept": 2, "told before": 0, "no declaration yet": 1, "wrong": 1}
    assert "line 3" in err
    assert json.loads(ran(capsys, "import", str(file), "--by", "a system", "--json")[1])["told before"] == 2
    (waiting,) = json.loads(ran(capsys, "list", "--unmatched", "--json")[1])
    assert (waiting["parcel"], waiting["stands"]) == ("NOBODY", "unmatched")
    assert (
        ran(capsys, "record", "REF2", "B1", "--examiner", "a", "--by", "a", "--found", "bogus")[0] == output.EXIT_USAGE
    )
    assert parcels.outcome(parcels.find("REF2")).row.state is State.UNDER_CONTROL
