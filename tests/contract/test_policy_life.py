"""The life of a policy: that of rule sets, approved by a second person who is known by a key, named by every decision."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from tidewaiter.cli import output
from tidewaiter.cli.app import main
from tidewaiter.model.errors import NotFoundError
from tidewaiter.risk import Part, PartKind, load_policy
from tidewaiter.risk.policy import shipped_text
from tidewaiter.store import PostgresStore
from tidewaiter.store.senders import KeyHolder
from tidewaiter.workflow.policies import Policies, policy_key
from tidewaiter.workflow.rule_set_records import (
    DraftChangedError,
    Key,
    RuleSetError,
    SamePersonError,
    VersionState,
)
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.shelf import shelf_of

DAY = date(2026, 11, 20)
TEXT = """\
title: {title}
selection_share: "0.03"
selection_lane: red
quality_lane: blue
quality_rules: []
"""
WINTER, SUMMER = TEXT.format(title="Winter"), TEXT.format(title="Summer")
ANN, BO = Who("ann", "a test"), Who("bo")
KEY = policy_key()


def published(life: Policies, text: str, key: Key = KEY) -> int:
    number = life.begin(key, text, ANN).version
    life.check(key, number, ANN)
    life.propose(key, number, ANN)
    life.approve(key, number, BO)
    life.publish(key, number, ANN)
    return number


def parts(store: PostgresStore) -> list[tuple[str, Part]]:
    return [(each.jurisdiction_code, each.part) for each in store.parts.in_use()]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_published_policy_is_named_by_the_digest_of_its_text_and_takes_the_place_of_the_one_before(
    store: PostgresStore,
) -> None:
    life = Policies(store)
    assert life.deciding() == (load_policy(), None)
    published(life, WINTER)
    assert parts(store) == [("", Part(PartKind.POLICY, "policy", digest(WINTER)))]
    assert store.knowledge(digest(WINTER)) == WINTER.encode()
    published(life, SUMMER)
    assert parts(store) == [("", Part(PartKind.POLICY, "policy", digest(SUMMER)))]
    assert [each.state for each in life.versions(KEY)] == [VersionState.PUBLISHED, VersionState.RETIRED]
    policy, since = life.deciding("GB")
    assert policy.title == "Summer"
    assert since is not None
    assert since.actor == "ann"
    knowledge = shelf_of(store).law("GB", DAY).knowledge
    assert knowledge is not None
    assert knowledge.policy.title == "Summer"


def test_a_jurisdiction_has_its_own_and_goes_back_to_everybodys(store: PostgresStore) -> None:
    life = Policies(store)
    published(life, WINTER)
    number = published(life, SUMMER, policy_key("gb"))
    assert [life.deciding(code)[0].title for code in ("GB", "DK", "")] == ["Summer", "Winter", "Winter"]
    life.retire(policy_key("GB"), number, ANN)
    assert life.deciding("GB")[0].title == "Winter"
    life.retire(KEY, 1, ANN)
    assert life.deciding("GB") == (load_policy(), None)
    life.propose(KEY, 1, ANN)  # that is how one goes back
    life.approve(KEY, 1, BO)
    life.publish(KEY, 1, BO)
    assert life.deciding("GB")[0].title == "Winter"


def test_whoever_wrote_or_proposed_it_does_not_approve_it(store: PostgresStore) -> None:
    life = Policies(store)
    life.begin(KEY, WINTER, ANN)
    life.check(KEY, 1, ANN)
    life.propose(KEY, 1, BO)
    for who in ("ann", "Bo", " ANN "):
        with pytest.raises(SamePersonError):
            life.approve(KEY, 1, Who(who))
    with pytest.raises(RuleSetError, match="is proposed"):
        life.publish(KEY, 1, ANN)
    assert parts(store) == []
    assert life.approve(KEY, 1, Who("cy")).state is VersionState.APPROVED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: T\n", "missing required field"),
        (WINTER.replace("0.03", "3"), "not between 0 and 1"),
        (WINTER + "surprise: 1\n", "unknown field"),
        (WINTER + "aeo: {AEOF: '0'}\n", "exempts from nothing"),
        ("title: [\n", "expected"),
    ],
)
def test_what_cannot_be_used_stays_a_draft_and_says_why(store: PostgresStore, text: str, words: str) -> None:
    life = Policies(store)
    life.begin(KEY, text, ANN)
    version, told = life.check(KEY, 1, ANN)
    assert version.state is VersionState.DRAFT
    assert words in told.mistakes[0].words
    with pytest.raises(RuleSetError, match="is draft"):
        life.propose(KEY, 1, ANN)
    assert parts(store) == []


def test_what_comes_to_nothing_is_told(store: PostgresStore) -> None:
    text = WINTER.replace('"0.03"', '"0"') + (
        "scores: {value: [{from_probability: '0.5', share: '1'}]}\nbudgets: {GB1: {parcels: 5}}\n"
    )
    told = Policies(store).examine(KEY, text)
    assert [each.is_warning for each in told.problems] == [True] * 3
    assert [each.words.split(":")[0] for each in told.problems] == [
        "no score value is in use", "nothing is drawn by chance", "of the budget of GB1 less than a parcel is kept for chance",
    ]  # fmt: skip


def test_a_quality_rule_that_is_none_is_told(store: PostgresStore) -> None:
    named = WINTER.replace("quality_rules: []", "quality_rules: [description.missing, amount.*, description.mising]")
    told = Policies(store).examine(KEY, named)
    assert [(each.words, each.is_warning) for each in told.problems] == [
        ("no rule is called description.mising: it raises no lane", True)
    ]
    assert Policies(store).examine(KEY, shipped_text()).problems == ()


def test_where_none_was_written_the_history_says_how_to_begin(store: PostgresStore) -> None:
    with pytest.raises(NotFoundError, match="no policy was written yet for DK") as caught:
        Policies(store).history(policy_key("dk"))
    assert "draft" in caught.value.hint


def test_nobodys_change_is_written_over_and_there_is_no_trial(store: PostgresStore) -> None:
    life = Policies(store)
    seen = life.begin(KEY, WINTER, ANN)
    life.write(seen, SUMMER, BO)
    with pytest.raises(DraftChangedError, match="bo wrote"):
        life.write(seen, WINTER, ANN)
    life.check(KEY, 1, ANN)
    with pytest.raises(RuleSetError, match="cannot be on trial"):
        life.start_trial(KEY, 1, ANN)


def test_policies_and_rule_sets_of_one_name_do_not_meet(store: PostgresStore) -> None:
    published(Policies(store), WINTER)
    rules = RuleSets(store)
    assert rules.all() == []
    rules.begin(Key("policy"), "rule", ANN)
    assert [version.text for version, _ in rules.all()] == ["rule"]
    assert [version.text for version, _ in Policies(store).all()] == [WINTER]


# --- by command --------------------------------------------------------------------------------------------------


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["risk", "policy", *words])
    printed = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, printed.out, printed.err


def test_by_command_a_second_person_is_known_by_a_key(
    store: PostgresStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEWAITER_DATABASE_URL", store.url)
    file, key_file = tmp_path / "policy.yaml", tmp_path / "key"
    file.write_text("title: T\n")
    assert ran(capsys, "draft", str(file), "--by", "ann")[0] == output.EXIT_FINDINGS
    file.write_text(WINTER)
    code, _, said = ran(capsys, "draft", str(file), "--by", "ann", "--revision", "1", "--words", "winter volumes")
    assert (code, "is checked, revision 2" in said) == (output.EXIT_OK, True)
    assert ran(capsys, "propose", "--by", "ann")[0] == output.EXIT_OK
    for role, name, words in (
        ("declarant", "bo", "no officer's key"),
        ("officer", "ann", "ann wrote or proposed"),
        ("officer", "bo", ""),
    ):
        sender_id = store.senders.ensure("A courier").sender_id if role == "declarant" else None
        key = store.senders.issue_key(KeyHolder(name=name, role=role, sender_id=sender_id))
        key_file.write_text(key + "\n")
        code, out, said = ran(capsys, "approve", "--key-file", str(key_file))
        assert (code == output.EXIT_OK) == (not words)
        assert words in said
    assert "approved by bo" in out
    assert ran(capsys, "publish", "--by", "ann", "--words", "winter volumes")[0] == output.EXIT_OK
    shown = json.loads(ran(capsys, "show", "--json")[1])
    assert (shown["title"], shown["digest"]) == ("Winter", digest(WINTER))
    assert "winter volumes" in shown["put in use by"]
    steps = [row["step"] for row in json.loads(ran(capsys, "history", "--json")[1])]
    assert steps == ["write", "check", "write", "check", "propose", "approve", "publish"]
    assert ran(capsys, "text")[1] == WINTER
    assert json.loads(ran(capsys, "list", "--json")[1])[0]["state"] == "published"
    assert ran(capsys, "retire", "--by", "ann")[0] == output.EXIT_OK
    assert "ships with the package" in ran(capsys, "show", "--json")[1]
    assert store.parts.in_use() == ()
