"""The life of a rule set on a real database: every state, a second person, one draft and two writers, all or nothing."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.judgement import Judgement, Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import Context, RuleError
from tidewaiter.store import PostgresStore
from tidewaiter.store import rule_sets as tables
from tidewaiter.workflow import replay, rule_sets
from tidewaiter.workflow.backtesting import matrix
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.rule_set_records import (
    DraftChangedError,
    Key,
    RuleSetError,
    SamePersonError,
    Version,
    VersionState,
)
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.rule_trials import RuleTrials
from tidewaiter.workflow.rules_naming import rule_sets_naming
from tidewaiter.workflow.trying import Period

DAY = date(2026, 11, 20)
KEY = Key("shirts")
ANN, BOB = Who("ann", "dear shirts"), Who("bob", "seen")
TEXT = """\
rule dear
    title: Dear shirts
    words: Dear shirts. Look at them.
    lane: red
    when:
        item.invoice_price > money("{} GBP")
"""
TWO = (
    TEXT
    + """
rule chinese
    title: From China
    words: From China. Ask for the invoice.
    lane: yellow
    when:
        item.origin_country_code == "CN" && item.invoice_price > money("600 GBP")
"""
)


@pytest.fixture
def life(store: PostgresStore) -> RuleSets:
    return RuleSets(store)


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    with Intake(store, workers=2) as opened:
        yield opened


def shirts(number: int, price: int = 1000) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        lodgement_office_id="GB000060" if number % 2 else "GB000081",
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *declarations: Declaration) -> None:
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def judgement_of(store: PostgresStore, number: int) -> Judgement:
    found = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert found is not None
    return found


def approved(life: RuleSets, text: str) -> Version:
    version = life.begin(KEY, text, ANN)
    life.check(KEY, version.version, ANN)
    life.propose(KEY, version.version, ANN)
    return life.approve(KEY, version.version, BOB)


def published(life: RuleSets, text: str) -> Version:
    return life.publish(KEY, approved(life, text).version, ANN)


def deciding(store: PostgresStore) -> list[tuple[str, bool]]:
    return [(each.part.digest, each.part.is_shadow) for each in store.parts.in_use()]


def test_a_version_passes_through_its_states_and_every_step_is_told(life: RuleSets, store: PostgresStore) -> None:
    version = life.begin(KEY, TEXT.format("500"), ANN)
    states = [version.state]
    states.append(life.check(KEY, 1, ANN)[0].state)
    states.append(life.start_trial(KEY, 1, ANN).state)
    assert [is_shadow for _, is_shadow in deciding(store)] == [True]
    states.append(life.propose(KEY, 1, ANN).state)
    states.append(life.approve(KEY, 1, BOB).state)
    states.append(life.publish(KEY, 1, ANN).state)
    assert [is_shadow for _, is_shadow in deciding(store)] == [False]
    states.append(life.retire(KEY, 1, BOB).state)
    assert states == list(VersionState)
    assert deciding(store) == []
    told = [(event.step.value, event.actor) for event in life.history(KEY)]
    assert told == [
        ("write", "ann"), ("check", "ann"), ("trial", "ann"), ("propose", "ann"), ("approve", "bob"), ("publish", "ann"),
        ("retire", "bob"),
    ]  # fmt: skip
    assert store.parts.in_use() == ()


def test_what_decides_is_kept_under_the_digest_that_decisions_name(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    version = published(life, "# a note of mine\n" + TEXT.format("500"))
    hand_in(intake, store, shirts(1))
    masks = judgement_of(store, 1).masks
    assert [each.rules_digest for each in masks] == [version.digest]
    assert life.examine(KEY, version.text).canonical.encode() == store.knowledge(version.digest)
    life.retire(KEY, 1, ANN)
    hand_in(intake, store, shirts(2))
    assert judgement_of(store, 2).masks == ()
    assert replay.replay_all(store).is_clean


@pytest.mark.parametrize("who", ["ann", " Ann ", "cid"])
def test_who_wrote_or_proposed_does_not_approve(life: RuleSets, store: PostgresStore, who: str) -> None:
    first = life.begin(KEY, TEXT.format("500"), ANN)
    life.write(first, TEXT.format("400"), BOB)
    life.check(KEY, 1, ANN)
    life.propose(KEY, 1, Who("cid"))
    with pytest.raises(SamePersonError):
        life.approve(KEY, 1, Who(who))
    with pytest.raises(SamePersonError):
        life.approve(KEY, 1, BOB)
    assert life.version(KEY, 1).state is VersionState.PROPOSED
    with pytest.raises(RuleSetError):
        life.publish(KEY, 1, ANN)
    assert deciding(store) == []
    assert life.approve(KEY, 1, Who("dot")).state is VersionState.APPROVED


def test_mistakes_keep_a_draft_a_draft_and_are_told_with_their_place(life: RuleSets) -> None:
    bad = TEXT.format("500").replace("item.invoice_price", "item.invoice_prize")
    bad += (
        '\nrule listed\n    title: Listed\n    words: Listed\n    lane: red\n    when:\n        list("nobody") == 3\n'
    )
    bad += '\nrule named\n    title: Named\n    words: Named\n    lane: red\n    when:\n        item.description.hasAnyWords(list("nobody"))\n'
    life.begin(KEY, bad, ANN)
    version, told = life.check(KEY, 1, ANN)
    assert version.state is VersionState.DRAFT
    assert version.digest == ""
    assert told.mistakes[0].line == 6
    assert "invoice_price" in told.mistakes[0].hint
    assert any("nobody" in each.words for each in told.mistakes)
    for step in (life.start_trial, life.propose):
        with pytest.raises(RuleSetError) as refused:
            step(KEY, 1, ANN)
        assert "check" in refused.value.hint


def test_warnings_are_told_and_let_it_go_on(life: RuleSets) -> None:
    never = TEXT.format("500").replace("words: Dear shirts. Look at them.", "words: Dear shirts") + (
        '        && item.invoice_price < money("5 GBP")\n'
    )
    life.begin(KEY, never, ANN)
    version, told = life.check(KEY, 1, ANN)
    assert version.state is VersionState.CHECKED
    assert {each.code for each in told.warnings} == {"never_holds", "words"}
    assert {each.line for each in told.warnings} == {1}


def test_a_text_without_rules_is_refused(life: RuleSets) -> None:
    life.begin(KEY, "# nothing yet\n", ANN)
    version, told = life.check(KEY, 1, ANN)
    assert version.state is VersionState.DRAFT
    assert [each.code for each in told.mistakes] == ["empty"]


def test_of_two_who_change_one_draft_the_second_is_told(life: RuleSets) -> None:
    read = life.begin(KEY, TEXT.format("500"), ANN)
    life.write(read, TEXT.format("400"), BOB)
    with pytest.raises(DraftChangedError) as refused:
        life.write(read, TEXT.format("300"), ANN)
    assert "bob" in refused.value.detail
    assert life.version(KEY, 1).text == TEXT.format("400")


def test_two_who_write_in_the_same_moment_are_put_in_order(life: RuleSets) -> None:
    read = life.begin(KEY, TEXT.format("500"), ANN)
    refused: list[DraftChangedError] = []

    def write(price: int) -> None:
        try:
            life.write(read, TEXT.format(price), Who(f"officer {price}"))
        except DraftChangedError as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(price,)) for price in range(100, 108)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert life.version(KEY, 1).revision == 2


def test_a_published_text_is_written_no_more(life: RuleSets, store: PostgresStore) -> None:
    version = published(life, TEXT.format("500"))
    with pytest.raises(RuleSetError):
        life.write(version, TEXT.format("1"), ANN)
    assert store.knowledge(version.digest).decode() == life.examine(KEY, version.text).canonical


def test_publishing_takes_the_place_of_the_version_before_and_one_can_go_back(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    first = published(life, TEXT.format("500"))
    second = published(life, TEXT.format("2000"))
    assert [each.state.value for each in life.versions(KEY)] == ["published", "retired"]
    assert deciding(store) == [(second.digest, False)]
    hand_in(intake, store, shirts(1))
    life.propose(KEY, 1, BOB)
    with pytest.raises(SamePersonError):
        life.approve(KEY, 1, ANN)  # who wrote it
    life.approve(KEY, 1, Who("cid"))
    life.publish(KEY, 1, BOB)
    assert deciding(store) == [(first.digest, False)]
    hand_in(intake, store, shirts(2))
    assert judgement_of(store, 1).lane is Lane.GREEN
    assert judgement_of(store, 2).lane is Lane.RED
    assert replay.replay_all(store).is_clean


def test_what_was_refused_goes_back_to_where_it_was(life: RuleSets) -> None:
    published(life, TEXT.format("500"))
    published(life, TEXT.format("400"))
    life.propose(KEY, 1, ANN)
    assert life.refuse(KEY, 1, BOB).state is VersionState.RETIRED
    life.begin(KEY, TEXT.format("300"), ANN)
    life.check(KEY, 3, ANN)
    life.start_trial(KEY, 3, ANN)
    life.propose(KEY, 3, ANN)
    assert life.refuse(KEY, 3, BOB).state is VersionState.SHADOW
    assert life.end_trial(KEY, 3, ANN).state is VersionState.CHECKED
    life.retire(KEY, 3, ANN)
    with pytest.raises(RuleSetError):
        life.propose(KEY, 3, ANN)  # given up, never published


def test_one_trial_ends_another(life: RuleSets, store: PostgresStore) -> None:
    for price in ("500", "400"):
        number = life.begin(KEY, TEXT.format(price), ANN).version
        life.check(KEY, number, ANN)
        life.start_trial(KEY, number, ANN)
    assert [(each.state.value, each.is_on_trial) for each in life.versions(KEY)] == [
        ("shadow", True),
        ("checked", False),
    ]
    assert deciding(store) == [(life.version(KEY, 2).digest, True)]


@pytest.mark.parametrize("at", ["use", "_tell"])
def test_what_breaks_off_in_the_middle_leaves_the_rules_of_before(
    life: RuleSets, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    first = published(life, TEXT.format("500"))
    approved(life, TEXT.format("2000"))
    before = store.parts.in_use()
    whole = getattr(tables.ChangingRows, at)

    def broken(self: tables.ChangingRows, *arguments: object) -> None:
        whole(self, *arguments)
        self._connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(tables.ChangingRows, at, broken)
    with pytest.raises(Exception, match=r"terminat|database|connection"):
        life.publish(KEY, 2, ANN)
    monkeypatch.undo()
    assert store.parts.in_use() == before
    assert [each.state.value for each in life.versions(KEY)] == ["approved", "published"]
    assert deciding(store) == [(first.digest, False)]
    assert life.publish(KEY, 2, ANN).state is VersionState.PUBLISHED


def test_at_most_one_version_decides_whatever_the_software_does(store: PostgresStore, life: RuleSets) -> None:
    published(life, TEXT.format("500"))
    life.begin(KEY, TEXT.format("400"), ANN)
    with psycopg.connect(store.url) as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("UPDATE rule_set_version SET state = 'published'")


def test_rules_that_decide_rest_on_nothing_that_went_away(life: RuleSets, monkeypatch: pytest.MonkeyPatch) -> None:
    named = TEXT.format("500") + '        && item.description.hasAnyWords(list("brands"))\n'
    monkeypatch.setattr(rule_sets, "context_of", lambda *_: Context(lists={"brands": ("acme",)}))
    approved(life, named)
    monkeypatch.undo()
    with pytest.raises(RuleError, match="brands"):
        life.publish(KEY, 1, ANN)
    assert life.version(KEY, 1).state is VersionState.APPROVED


def test_a_trial_whose_list_went_away_disturbs_no_decision(
    life: RuleSets, store: PostgresStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(life, TEXT.format("500"))
    named = TEXT.format("100") + '        && item.description.hasAnyWords(list("brands"))\n'
    with monkeypatch.context() as patched:
        patched.setattr(rule_sets, "context_of", lambda *_: Context(lists={"brands": ("acme",)}))
        life.begin(KEY, named, ANN)
        life.check(KEY, 2, ANN)
        life.start_trial(KEY, 2, ANN)
    hand_in(intake, store, shirts(1))
    judgement = judgement_of(store, 1)
    assert judgement.lane is Lane.RED
    assert judgement.shadow == ()
    assert [each.rules_digest for each in judgement.masks] == [life.version(KEY, 1).digest]
    assert [each.name for each in RuleTrials(store).explain(store.find("REF1"))] == ["shirts"]
    assert replay.replay_all(store).is_clean


def test_what_rules_in_use_name_is_known_before_it_is_taken_away(
    life: RuleSets, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = TEXT.format("500") + '        && item.description.hasAnyWords(list("brands")) && score("splitting") > 0.5\n'
    known = Context(lists={"brands": ("acme",)}, scores=frozenset(("splitting",)))
    monkeypatch.setattr(rule_sets, "context_of", lambda *_: known)
    published(life, named)
    assert [str(each) for each in rule_sets_naming(store, PartKind.LIST, "brands")] == ["shirts"]
    assert [each.name for each in rule_sets_naming(store, PartKind.MODEL, "splitting")] == ["shirts"]
    assert rule_sets_naming(store, PartKind.LIST, "people") == ()


@pytest.mark.parametrize(
    "key", [Key("Shirts"), Key("a.b"), Key(""), Key("shirts", "gb"), Key("shirts", "Britain"), Key("x" * 41)]
)
def test_odd_names_are_refused(life: RuleSets, key: Key) -> None:
    with pytest.raises(RuleSetError):
        life.begin(key, TEXT.format("1"), ANN)


def test_what_is_not_there_is_told(life: RuleSets) -> None:
    with pytest.raises(NotFoundError):
        life.versions(Key("nothing"))
    life.begin(KEY, TEXT.format("1"), ANN)
    with pytest.raises(NotFoundError):
        life.check(KEY, 7, ANN)
    with pytest.raises(RuleSetError):
        life.begin(KEY, TEXT.format("1"), Who("  "))


def test_while_messages_come_in_each_decision_rests_on_one_whole_version(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    texts = {price: TWO.format(price) for price in (300, 500, 700)}
    digests = {life.examine(KEY, text).digest for text in texts.values()}
    ready = [approved(life, text).version for text in texts.values()]
    life.publish(KEY, ready[0], ANN)

    def change() -> None:
        for turn in range(9):
            number = ready[(turn + 1) % len(ready)]
            if life.version(KEY, number).state is VersionState.RETIRED:
                life.propose(KEY, number, ANN)
                life.approve(KEY, number, BOB)
            life.publish(KEY, number, ANN)

    changing = threading.Thread(target=change)
    changing.start()
    for start in range(0, 40, 4):
        hand_in(intake, store, *(shirts(n, price=600) for n in range(start, start + 4)))
    changing.join()
    judgements = [judgement_of(store, number) for number in range(40)]
    assert all(len(judgement.masks) == 1 for judgement in judgements)
    assert {judgement.masks[0].rules_digest for judgement in judgements} <= digests
    for judgement in judgements:
        limit = next(
            price for price, text in texts.items() if life.examine(KEY, text).digest == judgement.masks[0].rules_digest
        )
        assert ("rule.shirts.dear" in [reason.reason_id for reason in judgement.reasons]) is (limit < 600)
    assert replay.replay_all(store).is_clean


def outcomes(numbers: Sequence[int]) -> Mapping[int, bool]:
    """Examined were all; every third was not in order."""
    return {number: number % 3 == 0 for number in numbers}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_back_test_counts_hits_work_overlap_and_rate(
    life: RuleSets, store: PostgresStore, intake: Intake, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewaiter.workflow.backtesting.workers_wanted", lambda: workers)
    monkeypatch.setattr("tidewaiter.workflow.backtesting.ALONE_BLOCKS", 1)
    for start in range(0, 30, 10):
        hand_in(intake, store, *(shirts(n, price=100 * (n % 10)) for n in range(start, start + 10)))
    version = life.begin(KEY, TWO.format("700"), ANN)
    trials = RuleTrials(store, outcomes=outcomes)
    done, figures = trials.back_test(version, Period(DAY, DAY), "ann")
    assert (figures.decided, figures.unread, figures.from_masks) == (30, 0, 0)
    by_rule = {rule.rule_id: rule for rule in figures.rules}
    assert by_rule["dear"].hits == 6  # 800, 900
    assert by_rule["chinese"].hits == 9  # 700, 800, 900
    assert by_rule["chinese"].alone == 3
    assert by_rule["dear"].alone == 0
    assert figures.hits == 9
    assert {each.office: each.parcels for each in figures.offices} == {"GB000060": 6, "GB000081": 3}
    assert [(each.day, each.office, each.parcels) for each in figures.by_day] == [
        (DAY, "GB000060", 6),
        (DAY, "GB000081", 3),
    ]
    assert [(each.rule_id, each.other, each.parcels) for each in figures.overlaps if each.is_own] == [
        ("chinese", "dear", 6)
    ]
    assert matrix(figures) == (("chinese", "dear"), ((9, 6), (6, 6)))
    found = trials.hits(done, "", after=0, limit=50)
    numbers = [each.hit.declaration_id for each in found]
    assert figures.known == 9
    assert figures.wrong == sum(number % 3 == 0 for number in numbers)
    assert {(a, b): n for a, b, n in figures.moved} == {
        (Lane.GREEN, Lane.GREEN): 21, (Lane.GREEN, Lane.YELLOW): 3, (Lane.GREEN, Lane.RED): 6,
    }  # fmt: skip
    only = trials.hits(done, "dear", after=0, limit=4)
    assert [each.hit.declaration_id for each in only] == [
        n for n, each in zip(numbers, found, strict=True) if "dear" in each.hit.rule_ids
    ][:4]
    explained = only[0].explained
    assert explained is not None
    assert any("invoice_price" in test.condition for hit in explained.hits for test in hit.held)
    assert trials.one(done.back_test_id)[1] == figures


def test_of_rules_that_send_on_a_share_the_lanes_are_those_that_were_drawn(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    published(life, TEXT.format("500").replace("    lane: red\n", "    lane: red\n    percent: 50\n"))
    hand_in(intake, store, *(shirts(n, price=900) for n in range(40)))
    figures = RuleTrials(store).back_test(life.version(KEY, 1), Period(DAY, DAY), "ann")[1]
    assert figures.hits == 40
    assert all(before is after for before, after, _ in figures.moved)
    assert {lane for lane, _, _ in figures.moved} == {Lane.GREEN, Lane.RED}


def test_masks_that_were_kept_tell_the_same_as_reading_again(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    text = TWO.format("700")
    hand_in(intake, store, *(shirts(n, price=100 * (n % 10)) for n in range(10)))
    fresh = RuleTrials(store).back_test(life.begin(KEY, text, ANN), Period(DAY, DAY), "ann")[1]
    life.check(KEY, 1, ANN)
    life.start_trial(KEY, 1, ANN)
    hand_in(intake, store, *(shirts(n, price=100 * (n % 10)) for n in range(10, 20)))
    both = RuleTrials(store).back_test(life.version(KEY, 1), Period(DAY, DAY), "ann")[1]
    assert (fresh.from_masks, both.from_masks) == (0, 10)
    assert both.hits == 2 * fresh.hits
    assert [(r.rule_id, r.hits) for r in both.rules] == [(r.rule_id, 2 * r.hits) for r in fresh.rules]


def test_two_versions_are_compared_by_rules_and_by_parcels(
    life: RuleSets, store: PostgresStore, intake: Intake
) -> None:
    hand_in(intake, store, *(shirts(n, price=100 * (n % 10)) for n in range(20)))
    old, new = life.begin(KEY, TEXT.format("700"), ANN), life.begin(KEY, TWO.format("800"), BOB)
    trials = RuleTrials(store)
    assert [(each.rule_id, each.what) for each in trials.compare(old, new)] == [
        ("dear", "changed"),
        ("chinese", "added"),
    ]
    lanes = trials.lanes(old, new, Period(DAY, DAY))
    assert lanes.changed == 4  # 700: none → yellow; 800: red → yellow
    assert {(each.before, each.after) for each in lanes.parcels} == {(Lane.GREEN, Lane.YELLOW), (Lane.RED, Lane.YELLOW)}
    assert lanes.decided == 20


def test_a_decision_is_explained_from_its_masks(life: RuleSets, store: PostgresStore, intake: Intake) -> None:
    published(life, TWO.format("700"))
    hand_in(intake, store, shirts(1, price=650), shirts(2, price=900))
    near, hit = (RuleTrials(store).explain(store.find(f"REF{n}"))[0] for n in (1, 2))
    assert [each.rule.rule_id for each in near.near_misses] == []  # a rule of one test alone is never nearly hit
    assert {each.rule.rule_id for each in near.hits} == {"chinese"}
    assert {each.rule.rule_id for each in hit.hits} == {"chinese", "dear"}
    assert any(change.lane is Lane.GREEN for change in near.changes)
    assert not hit.is_shadow
