"""Chance that anybody can check: committed to before the day, shown after it, made again from a file alone."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tidewaiter.cli.app import build
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.selection.auditing import DayOfDraws, DrawRecord, audit
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.draws import DAYS_AHEAD, DrawFileError, audit_day, exported, read_draws
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.targeting import Change

YESTERDAY = datetime.now(UTC).date() - timedelta(1)
NOON = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, 12, tzinfo=UTC)
RULES = """\
rule some
    title: Some
    words: Some of these are looked at.
    lane: yellow
    percent: 40
    when:
        has(functional_reference_id)
"""


@pytest.fixture
def day(store: PostgresStore) -> tuple[DayOfDraws, list[DrawRecord]]:
    """What was drawn yesterday: 60 declarations under a rule that sends on a share; the seed was committed to in time."""
    rules = rules_of(RULES)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    change = Change(kind=PartKind.RULES, name="r", digest=rules.digest)
    store.parts.change((change,), actor="ann", words="a test", at=NOON)
    sender_id = store.senders.ensure("A courier").sender_id
    with Intake(store, workers=1, clock=lambda: NOON) as intake:
        body = forms.by_name("json").write([parcel(number) for number in range(60)])
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=YESTERDAY)
    records = list(exported(store, YESTERDAY, YESTERDAY + timedelta(1)))
    first, rest = records[0], records[1:]
    assert isinstance(first, DayOfDraws)
    in_time = replace(first, committed_at=NOON - timedelta(2))
    return in_time, [each for each in rest if isinstance(each, DrawRecord)]


def parcel(number: int) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(20), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def test_seeds_are_committed_to_days_ahead_and_shown_when_their_day_is_over(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]
) -> None:
    today = YESTERDAY + timedelta(1)
    found = {each.drawn_for: each for each in store.commitments(today, 100)}
    assert max(found) == YESTERDAY + timedelta(DAYS_AHEAD)
    assert found[YESTERDAY].seed
    assert hashlib.sha256(bytes.fromhex(found[YESTERDAY].seed)).hexdigest() == found[YESTERDAY].commitment
    assert not any(each.seed for on, each in found.items() if on >= today)


def test_an_honest_day_is_found_to_be_in_order(day: tuple[DayOfDraws, list[DrawRecord]]) -> None:
    first, records = day
    found = audit(first, records, first.commitment)
    assert (found.wrong, found.problems) == (0, ())
    assert (found.decisions, found.draws) == (60, 120)
    drawn = sum(record.odds[0].draw.is_selected for record in records)
    assert 8 <= drawn <= 40
    assert {record.propensity for record in records} == {"0.412"}  # 1 - 0.6 * 0.98


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share": "0.5"}, "the draw comes to"),
        ({"is_selected": True}, "the draw comes to"),
        ({"selection_share": "0.9"}, "its propensity"),
        ({"key": "another"}, "the draw comes to"),
        ({"lane": "red"}, "nothing that is told says why"),
        ({"odds": ()}, "its propensity"),
        ({"selection_share": "much"}, "no number"),
        ({"propensity": "1"}, "its propensity is not 1"),
    ],
)
def test_whatever_is_altered_is_found(
    day: tuple[DayOfDraws, list[DrawRecord]], change: dict[str, object], words: str
) -> None:
    first, records = day
    place = next(n for n, record in enumerate(records) if record.lane == Lane.GREEN.value)
    altered = [*records[:place], replace(records[place], **change), *records[place + 1 :]]
    found = audit(first, altered)
    assert found.wrong >= 1
    assert any(words in problem for problem in found.problems), found.problems


def test_a_drawn_parcel_that_was_let_go_is_found(day: tuple[DayOfDraws, list[DrawRecord]]) -> None:
    first, records = day
    place = next(n for n, record in enumerate(records) if record.lane == Lane.YELLOW.value)
    altered = [*records[:place], replace(records[place], lane="green"), *records[place + 1 :]]
    assert any("was not sent to be looked at" in words for words in audit(first, altered).problems)


def test_missing_and_doubled_records_and_another_seed_are_found(day: tuple[DayOfDraws, list[DrawRecord]]) -> None:
    first, records = day
    assert "60 decisions were made that day, 59 are told" in audit(first, records[1:]).problems
    assert any("told twice" in words for words in audit(first, [*records[:-1], records[0]]).problems)
    assert any("not the one that was committed" in w for w in audit(replace(first, seed="00" * 32), records).problems)
    assert any("not the one that was published" in w for w in audit(first, records, "ff" * 32).problems)
    assert any("not before the day" in words for words in audit(replace(first, committed_at=NOON), records).problems)
    assert any("not hexadecimal" in words for words in audit(replace(first, seed="x"), records).problems)


def test_a_day_that_is_not_over_or_unknown_is_not_told(store: PostgresStore) -> None:
    with pytest.raises(TransitionError, match="not over"):
        next(exported(store, YESTERDAY, YESTERDAY))
    with pytest.raises(NotFoundError):
        next(exported(store, date(2020, 1, 1), YESTERDAY))


def test_a_file_says_in_which_line_it_is_no_file_of_draws() -> None:
    with pytest.raises(DrawFileError, match="does not begin"):
        read_draws(iter([]))
    with pytest.raises(DrawFileError, match="no record") as caught:
        read_draws(iter([b"{}"]))
    assert caught.value.place == "line 1"


def test_an_auditor_needs_the_file_alone(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "draws.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in (day[0], *day[1])))
    app = build()
    assert app(["risk", "audit-draw", str(file)], result_action="return_value") == 0
    assert "120" in capsys.readouterr().out
    file.write_bytes(file.read_bytes().replace(b'"lane":"yellow","propensity"', b'"lane":"green","propensity"'))
    assert app(["risk", "audit-draw", str(file)], result_action="return_value") == 3
    report = audit_day(store, YESTERDAY, YESTERDAY + timedelta(1))
    assert report.wrong == 1  # the test's own seed was made today, for yesterday
    assert "not before the day" in report.problems[0]
