"""Chance that anybody can check: committed to before the day, shown after it, made again from a file alone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tidewaiter.cli.app import build
from tidewaiter.messages import forms
from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import ExaminationOutcome, Result
from tidewaiter.release import Trigger
from tidewaiter.risk import PartKind
from tidewaiter.risk.facts import Facts, Score
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.selection.auditing import Audit, audit
from tidewaiter.risk.selection.draw_records import DayOfDraws, DrawRecord, Followed, PolicyTold
from tidewaiter.store import PostgresStore, chain, rows
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.draw_proofs import audit_day, proved
from tidewaiter.workflow.draws import DAYS_AHEAD, DayNotOverError, DrawFileError, exported, read_draws
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.outcomes import Examinations
from tidewaiter.workflow.records import Kept
from tidewaiter.workflow.targeting import Change

YESTERDAY = datetime.now(UTC).date() - timedelta(1)
TODAY = datetime.now(UTC)
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
    first, _, records = told_of(store)
    return first, records


def told_of(store: PostgresStore) -> tuple[DayOfDraws, list[PolicyTold], list[DrawRecord]]:
    records = list(exported(store, YESTERDAY, TODAY))
    first = records[0]
    assert isinstance(first, DayOfDraws)
    in_time = replace(first, committed_at=NOON - timedelta(2))
    policies = [each for each in records if isinstance(each, PolicyTold)]
    return in_time, policies, [each for each in records if isinstance(each, DrawRecord)]


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
    with pytest.raises(DayNotOverError, match="not over"):
        next(exported(store, TODAY.date(), TODAY))
    with pytest.raises(NotFoundError):
        next(exported(store, date(2020, 1, 1), TODAY))


def test_a_file_says_in_which_line_it_is_no_file_of_draws() -> None:
    with pytest.raises(DrawFileError, match="does not begin"):
        read_draws(iter([]))
    with pytest.raises(DrawFileError, match="no record") as caught:
        read_draws(iter([b"{}"]))
    assert caught.value.place == "line 1"


def test_an_auditor_needs_the_file_alone(
    store: PostgresStore,
    day: tuple[DayOfDraws, list[DrawRecord]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "draws.jsonl"
    first, policies, records = told_of(store)
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in (first, *policies, *records)))
    app = build()
    assert app(["risk", "audit-draw", str(file)], result_action="return_value") == 0
    told = capsys.readouterr().out
    assert "120" in told
    assert "that the reasons held" in told
    monkeypatch.setattr("tidewaiter.cli.draws.opened_store", lambda: nullcontext(store))
    assert app(["risk", "audit-draw", str(file), "--against-kept"], result_action="return_value") == 0
    assert "that the reasons held" not in capsys.readouterr().out
    file.write_bytes(file.read_bytes().replace(b'"lane":"yellow","propensity"', b'"lane":"green","propensity"'))
    assert app(["risk", "audit-draw", str(file)], result_action="return_value") == 3
    report, proof = audit_day(store, YESTERDAY, TODAY)
    assert report.wrong == 1  # the test's own seed was made today, for yesterday
    assert "not before the day" in report.problems[0]
    assert (proof.decisions, proof.wrong) == (60, 0)


# --- from reasons and policy ---------------------------------------------------------------------------------


def test_lanes_and_what_is_mandatory_are_found_again_from_the_reasons_told(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]
) -> None:
    first, policies, records = told_of(store)
    found = audit(first, [*policies, *records])
    assert (found.wrong, found.reasoned) == (0, 60)
    assert audit(first, records).reasoned == 0  # without the policy it is not proved, and not called so


def test_an_altered_policy_is_found(store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]) -> None:
    first, policies, records = told_of(store)
    altered = replace(policies[0], text=policies[0].text.replace("0.02", "0.03"))
    assert any("another digest" in words for words in audit(first, [altered, *records]).problems)
    named = replace(altered, digest=hashlib.sha256(altered.text.encode()).hexdigest())
    renamed = [replace(each, policy_digest=named.digest) for each in records]
    assert any("draws a share of 0.03 by chance" in words for words in audit(first, [named, *renamed]).problems)


@pytest.mark.parametrize(
    ("lane", "alter", "words"),
    [
        (Lane.GREEN, lambda r: replace(r, is_mandatory=True, propensity="1", lane="yellow"), "do not make it mandatory"),
        (Lane.GREEN, lambda r: replace(r, lane="blue"), "come to the green lane, not blue"),
        (Lane.YELLOW, lambda r: replace(r, lane="red"), "come to the yellow lane, not red"),
        (Lane.YELLOW, lambda r: replace(r, pointed=()), "odds of rule.r.some do not follow"),
        (Lane.GREEN, lambda r: replace(r, pointed=(replace(r.pointed[0], percent=10),)), "odds of rule.r.some"),
        (Lane.GREEN, lambda r: replace(r, pointed=(replace(r.pointed[0], is_mandatory=True),)), "make it mandatory"),
        (
            Lane.GREEN,
            lambda r: replace(r, pointed=(replace(r.pointed[0], percent=100, lane=Lane.RED),), odds=(), propensity="1"),
            "make it mandatory",
        ),
    ],
)  # fmt: skip
def test_a_lane_or_a_reason_that_does_not_follow_is_found(
    store: PostgresStore,
    day: tuple[DayOfDraws, list[DrawRecord]],
    lane: Lane,
    alter: Callable[[DrawRecord], DrawRecord],
    words: str,
) -> None:
    first, policies, records = told_of(store)
    place = next(n for n, record in enumerate(records) if record.lane == lane.value)
    records[place] = alter(records[place])
    found = audit(first, [*policies, *records])
    assert any(words in problem for problem in found.problems), found.problems


# --- what became of them ---------------------------------------------------------------------------------------


def test_what_was_drawn_and_not_examined_is_told_with_its_age(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]
) -> None:
    first, policies, records = told_of(store)
    drawn = next(each for each in records if each.is_drawn)
    at = NOON + timedelta(10)
    assert first.told_at is not None
    honest = audit(first, [*policies, *records])
    assert honest.sample is not None
    assert honest.sample.drawn == honest.sample.not_arrived == sum(each.is_drawn for each in records)
    assert all("has not arrived" in words for words in honest.waits)
    records = [replace(each, followed=None) if each is drawn else each for each in records]
    cases = {
        None: "what became of it is not told",
        Followed(state="released", since=at, is_arrived=True): "released with no examination recorded (10 days ago)",
        Followed(state="under_control", since=NOON, is_arrived=True): "not examined in 20 days; the limit is 14",
    }
    for followed, words in cases.items():
        told = audit(replace(first, told_at=NOON + timedelta(20)), [*policies, *(
            replace(each, followed=followed) if each.declaration_id == drawn.declaration_id else each for each in records
        )])  # fmt: skip
        assert told.sample is not None
        assert told.sample.skipped == told.wrong == 1
        assert words in told.problems[0]
    waiting = became_of(store, drawn, Followed(state="under_control", since=at, is_arrived=True))
    assert waiting.wrong == 0
    assert any("waits to be examined, 10 days of 14" in words for words in waiting.waits)
    gone = became_of(store, drawn, Followed(state="invalidated", since=at, is_arrived=True))
    assert any("invalidated before it was examined" in words for words in gone.waits)


def became_of(store: PostgresStore, drawn: DrawRecord, followed: Followed) -> Audit:
    first, policies, records = told_of(store)
    changed = [replace(e, followed=followed) if e.declaration_id == drawn.declaration_id else e for e in records]
    return audit(replace(first, told_at=NOON + timedelta(20)), [*policies, *changed])


def test_an_examination_that_was_recorded_is_found_and_one_that_was_left_out_is_told(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]
) -> None:
    one, other = [each.declaration_id for each in day[1] if each.is_drawn and each.lane == "yellow"][:2]
    desk = Desk(store)
    for number in (one, other):
        desk.act(number, Trigger.ARRIVED, "the post")
    outcome = ExaminationOutcome(
        reference=store.outcome(one).row.functional_reference_id, result=Result.SATISFACTORY, examined_at=TODAY, examiner="eva",
    )  # fmt: skip
    Examinations(store).record(outcome, "eva")
    report, _ = audit_day(store, YESTERDAY, TODAY)
    assert report.sample is not None
    assert report.sample.examined == 1
    assert any(f"declaration {other}, version" in words and "waits" in words for words in report.waits)
    assert store.outcome(other).row.state is State.AWAITING_DOCUMENTS
    if desk.act(other, Trigger.DOCUMENTS_RECEIVED, "officer 7") is State.AWAITING_PAYMENT:
        desk.act(other, Trigger.PAYMENT_RECEIVED, "officer 7")
    report, _ = audit_day(store, YESTERDAY, TODAY)
    assert any(f"declaration {other}" in words and "no examination recorded" in words for words in report.problems)


# --- where the decisions are kept ------------------------------------------------------------------------------


def rewritten(store: PostgresStore, alter: Callable[[Kept], Kept]) -> None:
    """Somebody inside alters the first decision of the lane wanted, and makes the chain of evidence whole again."""
    with store._connections.lend() as connection:
        connection.execute("ALTER TABLE evidence_block DISABLE TRIGGER USER")
        row = connection.execute(
            "SELECT block_id, message_id, first_position, last_position, content, bodies, previous_digest FROM evidence_block"
        ).fetchone()
        assert row is not None
        kept = list(rows.decode_evidence(row[4]))
        place = next(n for n, each in enumerate(kept) if b'"lane":"yellow"' in each.evaluation)
        kept[place] = alter(kept[place])
        content = rows._compress(kept)
        digest = chain.content_digest(content, row[5])
        linked = chain.link(row[6], row[0], row[1], (row[2], row[3]), digest)
        connection.execute(
            "UPDATE evidence_block SET content = %s, content_digest = %s, digest = %s", [content, digest, linked]
        )
    assert store.broken_links() == []


def let_go(kept: Kept) -> Kept:
    """The parcel in the green lane, its reason gone, and its odds with it."""
    evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
    assert evaluation.judgement is not None
    judgement = replace(evaluation.judgement, lane=Lane.GREEN, reasons=(), selection=None)
    return replace(kept, evaluation=msgspec.json.encode(replace(evaluation, judgement=judgement)))


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (let_go, "decided otherwise"),
        (lambda kept: replace(kept, draw_key="a better key"), "not the digest of its message"),
        (lambda kept: replace(kept, selection_share="0.5"), "decided otherwise"),
        (
            lambda kept: replace(kept, facts=Facts(scores=(Score(name="x", model_digest="", probability=Decimal(1)),))),
            "say otherwise than the scores",
        ),
    ],
)
def test_what_was_altered_inside_is_found_when_decisions_are_made_again(
    store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]], alter: Callable[[Kept], Kept], words: str
) -> None:
    assert proved(store, YESTERDAY, TODAY).wrong == 0
    rewritten(store, alter)
    found = proved(store, YESTERDAY, TODAY)
    assert any(words in problem for problem in found.problems), found.problems


def test_a_file_is_held_against_what_is_kept(store: PostgresStore, day: tuple[DayOfDraws, list[DrawRecord]]) -> None:
    _, policies, records = told_of(store)
    assert proved(store, YESTERDAY, TODAY, [*policies, *records]).wrong == 0
    place = next(n for n, record in enumerate(records) if record.lane == "yellow")
    altered = replace(records[place], lane="green", odds=(), pointed=(), propensity="0.02")
    told = proved(store, YESTERDAY, TODAY, [*records[:place], altered, *records[place + 1 :]])
    assert "told otherwise than it is kept: lane, propensity, odds, pointed" in told.problems[0]
    assert "kept, and not told" in proved(store, YESTERDAY, TODAY, records[1:]).problems[0]
    extra = replace(records[0], declaration_id=10**6)
    assert "no such decision is kept" in proved(store, YESTERDAY, TODAY, [*records, extra]).problems[0]
