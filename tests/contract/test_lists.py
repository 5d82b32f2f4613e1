"""Lists in decisions: proposed by one, approved by another, kept by digest, run again to the byte; named by rules."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tidewaiter.cli.app import build
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import ConflictError, NotFoundError, TransitionError
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.lists import ListEntry, ListKind, PublishedList
from tidewaiter.risk.lists.files import read_entries
from tidewaiter.risk.rules import rules_of
from tidewaiter.store import PostgresStore
from tidewaiter.store.parts import change_parts
from tidewaiter.workflow import replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.lists import ListError, Lists
from tidewaiter.workflow.targeting import Change

POLICY = b"""\
title: A policy that asks a tenth as often of those who were audited
selection_share: "0.5"
minimum_share: "0.01"
selection_lane: red
quality_lane: blue
quality_rules: []
aeo:
  AEOF: "0.1"
"""
DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, tzinfo=UTC)


def listed(*values: str, name: str = "offenders") -> PublishedList:
    entries = (ListEntry(entry_id="e1", values=values, words="Seized twice."),)
    return PublishedList(
        name=name, kind=ListKind.PARTIES, title="Offenders", source="ours", entries=entries, lane=Lane.RED
    )


@pytest.fixture
def lists(store: PostgresStore) -> Lists:
    return Lists(store, lambda: AT)


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    with Intake(store, workers=1) as opened:
        yield opened


def hand_in(intake: Intake, store: PostgresStore, number: int, sender: str = "A courier") -> None:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(20), "GBP"),
    )  # fmt: skip
    parcel = Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="Bright Star Tradng Co"), consignee=Party(name="A buyer"),
        consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip
    body = forms.by_name("json").write([parcel])
    sender_id = store.senders.ensure(sender).sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def hits(store: PostgresStore, number: int) -> list[str]:
    judgement = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert judgement is not None
    return [reason.reason_id for reason in judgement.reasons if reason.reason_id.startswith(("list.", "rule."))]


def test_a_list_decides_from_its_approval_on(intake: Intake, store: PostgresStore, lists: Lists) -> None:
    version = lists.propose(listed("Bright Star Trading Ltd"), "", "ann", "seized twice")
    hand_in(intake, store, 1)
    lists.answer(version.version_id, "bo", is_approved=True)
    hand_in(intake, store, 2)
    lists.answer(lists.propose(listed("Somebody Else"), "", "ann", "no").version_id, "bo", is_approved=True)
    hand_in(intake, store, 3)
    lists.answer(lists.propose_end("offenders", "", "ann", "over").version_id, "bo", is_approved=True)
    hand_in(intake, store, 4)
    assert [hits(store, n) for n in (1, 2, 3, 4)] == [[], ["list.offenders.e1"], [], []]
    report = replay.replay_all(store)
    assert report.is_clean, report.differences
    assert [each.is_approved for each in store.lists.versions("offenders")] == [True, True, True]


def test_two_persons_are_needed_and_one_version_waits_at_a_time(lists: Lists) -> None:
    version = lists.propose(listed("X Y"), "", "ann", "w")
    with pytest.raises(TransitionError, match="somebody else"):
        lists.answer(version.version_id, " Ann ", is_approved=True)
    with pytest.raises(ConflictError, match="waits"):
        lists.propose(listed("X Z"), "", "cy", "w")
    assert lists.in_use() == []
    lists.answer(version.version_id, "bo", is_approved=False)
    with pytest.raises(TransitionError, match="answered"):
        lists.answer(version.version_id, "bo", is_approved=True)
    with pytest.raises(NotFoundError):
        lists.answer(99, "bo", is_approved=True)
    with pytest.raises(NotFoundError):
        lists.content("offenders")
    with pytest.raises(ListError, match="no name"):
        lists.propose(listed("X", name="Not a name"), "", "ann", "w")


def test_rules_may_name_a_list_which_then_stays(intake: Intake, store: PostgresStore, lists: Lists) -> None:
    version = lists.propose(listed("Bright Star Tradng Co", name="names"), "", "ann", "w")
    lists.answer(version.version_id, "bo", is_approved=True)
    text = 'rule r\n    title: T\n    words: W\n    lane: red\n    when:\n        consignor.name in list("names")\n'
    rules = rules_of(text)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    change = Change(kind=PartKind.RULES, name="r", digest=rules.digest)
    store.parts.change((change,), actor="ann", words="", at=AT)
    hand_in(intake, store, 1)
    assert "rule.r.r" in hits(store, 1)
    with pytest.raises(ListError, match="rules in use name"):
        lists.propose_end("names", "", "ann", "over")
    assert replay.replay_all(store).is_clean


def test_rules_published_while_the_end_of_a_list_is_approved_keep_it(store: PostgresStore, lists: Lists) -> None:
    lists.answer(lists.propose(listed("X Y", name="names"), "", "ann", "w").version_id, "bo", is_approved=True)
    ending = lists.propose_end("names", "", "ann", "over").version_id
    rules = rules_of(
        'rule r\n    title: T\n    words: W\n    lane: red\n    when:\n        consignor.name in list("names")\n'
    )
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    published = Change(kind=PartKind.RULES, name="r", digest=rules.digest)
    with ThreadPoolExecutor(1) as pool:
        with store._connections.lend() as connection, connection.transaction():
            change_parts(connection, (published,), ("ann", "", AT))
            answering = pool.submit(lists.answer, ending, "bo", is_approved=True)
            with pytest.raises(TimeoutError):
                answering.result(timeout=0.5)  # it waits for the rules
        with pytest.raises(ListError, match="rules in use name"):
            answering.result(timeout=60)
    assert [each.name for _, each in lists.in_use()] == ["names"]
    assert lists.version(ending).is_approved is None


def test_from_the_file_to_the_hit_on_the_command_line(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tidewaiter.cli.lists.opened_store", lambda: nullcontext(store))
    file = tmp_path / "offenders.csv"
    file.write_text("id,values,words\ne1,Bright Star Trading Ltd,Seized twice.\n")

    def run(*words: str) -> tuple[int, str]:
        code = build()(["list", *words], result_action="return_value", exit_on_error=False)
        return code, capsys.readouterr().out

    said = ("--title", "Offenders", "--source", "ours", "--by", "ann", "--why", "seized")
    assert run("propose", "offenders", str(file), "--kind", "parties", *said)[0] == 0
    number = store.lists.versions()[0].version_id
    assert "Bright Star Trading Ltd" in run("show", str(number))[1]
    assert run("approve", str(number), "--by", "bo")[0] == 0
    assert "offenders" in run("list")[1]
    assert "approved" in run("versions")[1]
    code, out = run("screen", "offenders", "Brght Star Tradng")
    assert code == 3
    assert "Seized twice." in out
    assert run("screen", "offenders", "Otto Wolf")[0] == 0
    assert run("export", "offenders")[1].splitlines()[1].startswith("e1,Bright Star Trading Ltd,Seized twice.")


def use_policy(store: PostgresStore, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    store.keep_knowledge({digest: (PartKind.POLICY, content)})
    change = Change(kind=PartKind.POLICY, name="policy", digest=digest)
    store.parts.change((change,), actor="ann", words="", at=AT)


def operators(store: PostgresStore, *senders: str) -> PublishedList:
    numbers = "|".join(str(store.senders.ensure(name).sender_id) for name in senders)
    rows = f"id,values,words,until,status,senders\nop1,GB123456789000,Granted.,2027-12-31,AEOF,{numbers}\n"
    return PublishedList(
        name="aeo", kind=ListKind.AEO, title="Operators", source="ours", entries=read_entries(rows, ListKind.AEO)
    )


def test_a_stranger_who_states_an_operators_number_gets_the_full_odds(
    intake: Intake, store: PostgresStore, lists: Lists
) -> None:
    use_policy(store, POLICY.replace(b'"0.5"', b'"1"'))
    lists.answer(lists.propose(operators(store, "A courier"), "", "ann", "granted").version_id, "bo", is_approved=True)
    hand_in(intake, store, 1)
    hand_in(intake, store, 2, sender="A stranger")
    assert [share(store, number) for number in (1, 2)] == ["0.1", "1"]
    facts = [store.kept(store.find(f"REF{number}")).facts.texts for number in (1, 2)]
    assert facts == [{"aeo": ("AEOF",)}, {"aeo_unvouched": ("AEOF",)}]
    judgement = store.decision(store.find("REF2")).evaluation.judgement
    assert judgement is not None
    (drawn,) = [reason for reason in judgement.reasons if reason.reason_id == "random"]
    assert drawn.words.endswith("Status AEOF does not count: its sender is not listed to speak for the trader.")
    # Run again, both stay as they were, whoever may speak for the operator by now.
    lists.answer(lists.propose(operators(store, "A stranger"), "", "ann", "moved").version_id, "bo", is_approved=True)
    assert replay.replay_all(store).is_clean


def test_a_list_that_names_no_sender_gives_a_status_to_nobody(
    intake: Intake, store: PostgresStore, lists: Lists
) -> None:
    use_policy(store, POLICY)
    lists.answer(lists.propose(operators(store), "", "ann", "granted").version_id, "bo", is_approved=True)
    hand_in(intake, store, 1)
    assert share(store, 1) == "0.5"
    assert store.kept(store.find("REF1")).facts.texts == {"aeo_unvouched": ("AEOF",)}


def test_an_operators_status_lowers_odds_and_never_what_is_mandatory(
    intake: Intake, store: PostgresStore, lists: Lists
) -> None:
    use_policy(store, POLICY)
    hand_in(intake, store, 1)
    lists.answer(lists.propose(operators(store, "A courier"), "", "ann", "granted").version_id, "bo", is_approved=True)
    hand_in(intake, store, 2)
    lists.answer(lists.propose(listed("Bright Star Trading Ltd"), "", "ann", "w").version_id, "bo", is_approved=True)
    hand_in(intake, store, 3)
    assert [share(store, number) for number in (1, 2, 3)] == ["0.5", "0.05", "0.05"]
    facts = [store.kept(store.find(f"REF{number}")).facts.texts for number in (1, 2, 3)]
    assert facts == [{}, {"aeo": ("AEOF",)}, {"aeo": ("AEOF",)}]
    judgement = store.decision(store.find("REF3")).evaluation.judgement
    assert judgement is not None
    assert hits(store, 3) == ["list.offenders.e1"]
    assert (judgement.lane, judgement.propensity) == (Lane.RED, "1")
    assert replay.replay_all(store).is_clean


def share(store: PostgresStore, number: int) -> str:
    judgement = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert judgement is not None
    assert judgement.draw is not None
    return judgement.draw.selection_share


def test_the_watch_list_becomes_a_list_that_two_persons_stand_behind(
    intake: Intake, store: PostgresStore, lists: Lists,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("tidewaiter.cli.watch.opened_store", lambda: nullcontext(store))

    def run(*words: str) -> str:
        build()(["watch", *words], result_action="return_value", exit_on_error=False)
        return capsys.readouterr().out

    with pytest.raises(ListError, match="no entry"):
        run("propose", "--to", "watched", "--by", "ann", "--why", "in order")
    run("add", "w1", "--name", "Bright Star Tradng", "--why", "Seized.")
    hand_in(intake, store, 1)
    assert "1 entries wait" in run("propose", "--to", "watched", "--by", "ann", "--why", "in order")
    lists.answer(store.lists.versions("watched")[0].version_id, "bo", is_approved=True)
    run("remove", "w1", "--why", "on a list")
    hand_in(intake, store, 2)
    assert [hits(store, number) for number in (1, 2)] == [[], ["list.watched.w1"]]
    judgement = store.decision(store.find("REF1")).evaluation.judgement
    assert judgement is not None
    assert "watch_list.w1" in [reason.reason_id for reason in judgement.reasons]
    assert replay.replay_all(store).is_clean
