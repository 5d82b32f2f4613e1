"""The one evaluation path, without a store: what each circumstance does to the decision."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Lane
from tidewaiter.regimes import load_regime
from tidewaiter.release import Standing, Trigger
from tidewaiter.risk import WatchListEntry, draw, load_knowledge
from tidewaiter.workflow import evaluate as evaluating
from tidewaiter.workflow.evaluate import Circumstances, conclude, evaluate
from tidewaiter.workflow.records import Place, Prior

DAY = date(2026, 11, 20)


def parcel() -> Declaration:
    return next(each for each in parcels.declarations("json", 9, 1, DAY) if each.jurisdiction_code == "DK")


def circumstances(**changes: object) -> Circumstances:
    knowledge = load_knowledge("DK", DAY)
    drawn = draw(b"\x01" * 32, "seed", "key", knowledge.policy.selection_share)
    usual = Circumstances(legal_day=DAY, regime=load_regime("DK", DAY), knowledge=knowledge, draw=drawn)
    return replace(usual, **changes)


def prior(state: State = State.RECEIVED) -> Prior:
    return Prior(
        declaration_id=42, version=1, state=state, is_arrived=state is not State.RECEIVED, legal_day=DAY,
        reference="R-1", registered_id="26DK000000000042R5", place=Place(1, 1), received_at=datetime(2026, 11, 20, tzinfo=UTC),
        standing=Standing(state=state),
    )  # fmt: skip


def rule_ids(declaration: Declaration | None, given: Circumstances) -> list[str]:
    return [finding.rule_id for finding in evaluate(declaration, given).findings]


def test_a_sound_parcel_is_assessed_judged_and_announced() -> None:
    evaluation = evaluate(parcel(), circumstances())
    assert evaluation.decision.state is State.RECEIVED
    assert evaluation.assessment is not None
    assert evaluation.judgement is not None
    assert evaluation.judgement.draw.key == "key"
    assert evaluation.legal_day == DAY


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert canonical_bytes(evaluate(parcel(), circumstances())) == canonical_bytes(evaluate(parcel(), circumstances()))


def test_errors_of_quality_stop_before_assessment() -> None:
    evaluation = evaluate(replace(parcel(), goods_items=()), circumstances())
    assert evaluation.decision.state is State.REJECTED
    assert evaluation.assessment is None
    assert evaluation.judgement is None


def test_what_could_not_be_read_is_rejected_with_the_reader_s_findings() -> None:
    found = Finding("json.broken", Severity.ERROR, "", "It breaks off.", place="byte 7")
    evaluation = evaluate(None, circumstances(), [found])
    assert evaluation.findings == (found,)
    assert evaluation.decision.state is State.REJECTED


@pytest.mark.parametrize(
    ("code", "rule_id"), [("", "law.no_jurisdiction"), ("FR", "law.not_in_force"), ("<b>", "law.not_in_force")]
)
def test_without_law_there_is_a_finding_and_no_crash(code: str, rule_id: str) -> None:
    given = circumstances(regime=None, knowledge=None, draw=None, law_absent="no law is modelled for it")
    assert rule_ids(replace(parcel(), jurisdiction_code=code), given) == [rule_id]


def test_law_that_is_missing_midway_is_a_finding_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_rate(*_: object) -> None:
        raise NotInForceError("no rate for KPW is known", hint="another currency", place="invoice_amount")

    monkeypatch.setattr(evaluating, "assess", without_rate)
    evaluation = evaluate(parcel(), circumstances())
    assert evaluation.decision.state is State.REJECTED
    (finding,) = evaluation.findings
    assert (finding.rule_id, finding.pointer, finding.hint) == (
        "law.not_in_force", "invoice_amount", "another currency",
    )  # fmt: skip
    assert "KPW" in finding.words


def test_findings_get_their_place_in_the_sender_s_terms() -> None:
    evaluation = evaluate(replace(parcel(), goods_items=()), circumstances(), locate=lambda pointer: f"there/{pointer}")
    assert all(finding.place == f"there/{finding.pointer}" for finding in evaluation.findings)


def test_a_watch_list_entry_sends_to_red() -> None:
    name = parcel().importer
    assert name is not None
    entry = WatchListEntry(entry_id="W1", words="Seen before.", names=(name.name,))
    knowledge = load_knowledge("DK", DAY, watch_list=[entry], watch_list_version="1")
    evaluation = evaluate(parcel(), circumstances(knowledge=knowledge))
    assert evaluation.decision.lane is Lane.RED
    assert evaluation.judgement is not None
    assert evaluation.judgement.lists_digest == knowledge.digest


def test_a_reference_used_before_is_rejected() -> None:
    assert rule_ids(parcel(), circumstances(prior=prior())) == ["submission.reference_used"]


@pytest.mark.parametrize("trigger", [Trigger.AMENDED, Trigger.ARRIVED, Trigger.INVALIDATION_REQUESTED])
def test_a_change_of_nothing_known_is_rejected(trigger: Trigger) -> None:
    assert rule_ids(parcel(), circumstances(trigger=trigger)) == ["submission.original_unknown"]


@pytest.mark.parametrize("trigger", [Trigger.AMENDED, Trigger.ARRIVED, Trigger.INVALIDATION_REQUESTED])
def test_what_the_state_does_not_allow_is_rejected_with_the_reason(trigger: Trigger) -> None:
    given = circumstances(trigger=trigger, prior=prior(State.REFUSED))
    (finding,) = [f for f in evaluate(parcel(), given).findings if f.severity is Severity.ERROR]
    assert finding.rule_id == "submission.not_allowed"
    assert finding.hint


def test_arrival_leads_where_the_announcement_promised() -> None:
    promised = evaluate(parcel(), circumstances()).decision.on_arrival
    conclusion = conclude(parcel(), circumstances(trigger=Trigger.ARRIVED, prior=prior(), is_arrived=True))
    assert conclusion.evaluation.decision.state is promised
    assert conclusion.standing is not None
    assert conclusion.standing.state is promised
    assert conclusion.passed[0] == ("arrived", State.ACCEPTED)
    assert conclusion.evaluation.decision.on_arrival is None


def test_an_amendment_with_errors_is_told_and_changes_nothing() -> None:
    bad = replace(parcel(), goods_items=())
    conclusion = conclude(bad, circumstances(trigger=Trigger.AMENDED, prior=prior()))
    assert conclusion.standing is None
    assert conclusion.passed == (("amendment_rejected", State.RECEIVED),)
    assert conclusion.evaluation.decision.notices == (NoticeKind.REJECTED,)
