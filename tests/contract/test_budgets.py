"""Budgets in decisions: counted as they are written, kept with what follows, run again to the byte."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count

import pytest
from msgspec.structs import replace

from tidewaiter.cli import demo
from tidewaiter.cli.app import build
from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import (
    Consignment,
    Declaration,
    GoodsItem,
    MessageFunction,
    Party,
    TransportMeans,
)
from tidewaiter.model.judgement import Judgement
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.risk import PartKind
from tidewaiter.risk.budgets import Spent, Work, total
from tidewaiter.risk.policy import Budget
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.selection.allocating import Share
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.allocating import ENDED, Wanted, allocated
from tidewaiter.workflow.budgets import budgets_in_use
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.draw_proofs import audit_day
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.targeting import Change
from tidewaiter.workflow.trying import Period

YESTERDAY = datetime.now(UTC).date() - timedelta(1)
NOON = datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, 12, tzinfo=UTC)
POLICY = b"""\
title: Forty a day
selection_share: "0.02"
selection_lane: red
minimum_share: "0.01"
quality_lane: blue
quality_rules: []
budgets:
  GB000060: {parcels: 40, random: "0.1", flight_parcels: 25}
"""
RULES = """\
rule dear
    title: Dear
    words: Dear goods. Look at them.
    lane: red
    when:
        item.invoice_price > money("100.00 GBP")
"""


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    rules = rules_of(RULES)
    digest = hashlib.sha256(POLICY).hexdigest()
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode()), digest: (PartKind.POLICY, POLICY)})
    changes = (
        Change(kind=PartKind.RULES, name="r", digest=rules.digest),
        Change(kind=PartKind.POLICY, name="policy", digest=digest),
    )
    store.parts.change(changes, actor="ann", words="a test", at=NOON)
    with Intake(store, workers=2, clock=lambda: NOON) as opened:
        yield opened


def parcel(number: int, *, flight: str = "", office: str = "GB000060", price: int = 200) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    means = TransportMeans(mode_code="4", means_id=flight) if flight else None
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), lodgement_office_id=office,
        consignment=Consignment(gross_mass_kg=Decimal(2), arrival_transport=means),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *parcels: Declaration) -> None:
    body = forms.by_name("json").write(parcels)
    sender_id = store.senders.ensure("A courier").sender_id
    intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=YESTERDAY)


def judgement_of(store: PostgresStore, number: int) -> Judgement:
    found = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert found is not None
    return found


def spent_of(store: PostgresStore, number: int, version: int | None = None) -> Spent:
    found = store.kept(store.find(f"REF{number}"), version).facts.spent
    assert found is not None
    return found


def work(store: PostgresStore) -> Work:
    (worked,) = store.workloads.by_office(YESTERDAY, YESTERDAY)
    return worked.work


def test_the_days_budget_is_kept_across_messages_and_flights_and_every_decision_can_be_made_again(
    intake: Intake, store: PostgresStore
) -> None:
    numbers = count()
    for flight, parcels in (("SK1", 60), ("SK2", 10), ("", 60), ("SK3", 30)):
        hand_in(intake, store, *(parcel(next(numbers), flight=flight) for _ in range(parcels)))
    done = work(store)
    assert (done.parcels, done.rules_wanted) == (160, 160_000)
    assert 28 <= done.rules <= 36  # a tenth is kept for chance
    by_flight = {each.where.flight: each.work for each in store.workloads.between(YESTERDAY, YESTERDAY)}
    assert total(list(by_flight.values())) == done
    assert by_flight["SK1"].rules <= 25
    assert by_flight["SK1"].rules >= 20
    last = judgement_of(store, 159)
    assert last.selection is not None
    assert last.propensity == "0.02"  # the budget is used: chance alone, and it says so
    assert last.selection.odds[0].draw.selection_share == "0"
    assert spent_of(store, 159).work.looked_at >= 35
    report = replay.replay_all(store)
    assert report.is_clean, report.differences
    audited, proof = audit_day(store, YESTERDAY, datetime.now(UTC))
    assert audited.wrong == 1, audited.problems  # the test's own seed was made today, for yesterday
    assert (audited.reasoned, proof.wrong) == (160, 0), proof.problems


def test_offices_without_a_budget_are_not_counted(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, *(parcel(n, office="GB000011") for n in range(60)))
    assert store.workloads.between(date(2000, 1, 1), YESTERDAY) == []
    assert all(judgement_of(store, n).propensity == "1" for n in range(60))
    assert store.kept(store.find("REF1")).facts.spent is None


def test_worker_processes_share_what_is_left(
    intake: Intake, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 10)
    hand_in(intake, store, *(parcel(n) for n in range(200)))
    done = work(store)
    assert done.parcels == 200
    assert 20 <= done.rules <= 36  # a tenth of the budget is kept for chance
    assert spent_of(store, 0).part == 1000
    assert spent_of(store, 150).part < 1000
    report = replay.replay_all(store)
    assert report.is_clean, report.differences


def test_a_parcel_keeps_its_draws_when_it_arrives_or_is_amended_after_the_budget_is_used(
    intake: Intake, store: PostgresStore
) -> None:
    hand_in(intake, store, *(parcel(n) for n in range(120)))
    first, before = judgement_of(store, 0), spent_of(store, 0)
    assert first.lane.value == "red"
    amendment = replace(parcel(0), function=MessageFunction.AMENDMENT)
    hand_in(intake, store, replace(amendment, consignee=Party(name="Another buyer")))
    Desk(store).act(store.find("REF0"), Trigger.ARRIVED, "the post")
    assert store.outcome(store.find("REF0")).row.version == 3
    assert judgement_of(store, 0).lane.value == "red"
    assert [spent_of(store, 0, version) for version in (1, 2, 3)] == [before] * 3
    assert work(store).parcels == 120
    assert replay.replay_all(store).is_clean


def test_the_command_shows_work_beside_budgets(
    intake: Intake, store: PostgresStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(intake, store, *(parcel(n, flight="SK1" if n < 3 else "SK2") for n in range(10)))
    monkeypatch.setattr("tidewaiter.cli.selection.opened_store", lambda: nullcontext(store))
    words = ["risk", "budget", "--from", YESTERDAY.isoformat(), "--to", YESTERDAY.isoformat(), "--json"]
    app = build()
    assert app(words, result_action="return_value") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["office"], row["parcels"], row["to look at"], row["budget"], row["left"]) == (
        "GB000060",
        10,
        10,
        40,
        30,
    )
    assert app([*words, "--flights"], result_action="return_value") == 0
    assert [row["flight"] for row in json.loads(capsys.readouterr().out)] == ["SK1", "SK2"]
    assert app([*words, "--office", "GB1"], result_action="return_value") == 0
    nothing = capsys.readouterr()
    assert json.loads(nothing.out) == []
    assert "no policy in use has a budget for GB1" in " ".join(nothing.err.split())
    with monkeypatch.context() as without:
        without.setattr("tidewaiter.workflow.budgets.budgets_in_use", lambda _: {})
        assert app([*words, "--office", "GB1"], result_action="return_value") == 0
    assert "docs/how-to/select.md shows one" in " ".join(capsys.readouterr().err.split())
    with store._connections.lend() as connection:
        connection.execute("UPDATE workload SET mandatory = 50")
    assert app(words, result_action="return_value") == 3


def test_the_demonstration_has_a_budget_and_writes_over_no_policy(store: PostgresStore) -> None:
    budgets = {"GB000060": Budget(parcels=60)}
    demo.allot(store, budgets)
    assert budgets_in_use(store) == budgets
    demo.allot(store, {"GB000060": Budget(parcels=7)})
    assert budgets_in_use(store) == budgets


def test_what_is_usual_is_the_average_of_the_days_before(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, *(parcel(n) for n in range(50)))
    done = work(store)
    usual = store.workloads.counted(YESTERDAY + timedelta(1), ()).usual["GB000060"]
    assert (usual.rules_wanted, usual.mandatory, usual.chance) == (50_000, done.mandatory, done.chance)
    assert store.workloads.counted(YESTERDAY + timedelta(30), ()).usual == {}


def test_flights_are_read_of_offices_that_limit_them_and_offices_are_added_up(
    intake: Intake, store: PostgresStore
) -> None:
    flights = ["SK1"] * 3 + ["SK2"] * 2 + [""]
    hand_in(intake, store, *(parcel(n, flight=flight) for n, flight in enumerate(flights)))
    with store._connections.lend() as connection:
        connection.execute("UPDATE workload SET mandatory = 0, chance = 0, score = 0, rules = 0 WHERE flight = 'SK2'")
    known = store.workloads.counted(YESTERDAY, ["GB000060"])
    assert known.offices == {"GB000060": work(store)}
    assert known.offices["GB000060"].parcels == 6
    assert known.flights == {("GB000060", "SK1"): 3}
    for others in ([], ["GB000081"]):
        found = store.workloads.counted(YESTERDAY, others)
        assert (found.offices, found.flights) == (known.offices, {})


# --- a flight known in advance ---------------------------------------------------------------------------------


def test_an_exact_number_is_shared_among_the_parcels_of_a_flight_and_ordered(
    intake: Intake, store: PostgresStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parcels = [parcel(n, flight="SK1", price=200 if n < 6 else 20) for n in range(40)]
    hand_in(intake, store, *parcels, parcel(40, flight="SK2"))
    numbers = [store.find(f"REF{n}") for n in range(41)]
    desk = Desk(store)
    for number in numbers[:39]:
        desk.act(number, Trigger.ARRIVED, "the post", on=YESTERDAY)
    wanted = Wanted(
        period=Period(YESTERDAY, YESTERDAY), office_id="GB000060", flight="SK1", parcels=8, random=Decimal("0.5")
    )
    found = allocated(store, wanted)
    assert sorted(each.declaration_id for each in found) == numbers[:40]
    shares = [each.chosen.share for each in found]
    assert shares.count(Share.RANDOM) == 4  # half of eight
    in_hand = {each.declaration_id: each.chosen for each in found}
    aimed = [number for number, chosen in in_hand.items() if chosen.share is Share.RULES]
    assert len(aimed) == min(4, sum(in_hand[number].share is not Share.RANDOM for number in numbers[:6]))
    assert set(aimed) <= set(numbers[:6])
    cheap = [in_hand[number].propensity for number in numbers[6:40]]
    assert set(cheap) == {Fraction(4, 40)}
    drawn = [number for number, chosen in in_hand.items() if chosen.share is Share.RANDOM]
    by_draw = sorted(numbers[:40], key=lambda number: Decimal(judged_of(store, number).draw.share))
    assert sorted(drawn) == sorted(by_draw[:4])  # anybody who has the day's seed can draw them again

    monkeypatch.setattr("tidewaiter.cli.selection.opened_store", lambda: nullcontext(store))
    words = ["risk", "allocate", "--office", "GB000060", "--flight", "SK1", "--parcels", "8", "--random", "0.5",
             "--from", YESTERDAY.isoformat(), "--json"]  # fmt: skip
    app = build()
    assert app(words, result_action="return_value") == 0
    assert '"rules"' in capsys.readouterr().out
    before = {number: store.outcome(number).row.state for number in numbers}
    is_waiting = any(
        each.chosen.share in (Share.RANDOM, Share.RULES) and each.state is State.RECEIVED for each in found
    )
    assert app([*words, "--order-by", "ann"], result_action="return_value") == (3 if is_waiting else 0)
    chosen = {each.declaration_id for each in found if each.chosen.share in (Share.RANDOM, Share.RULES)}
    for number in numbers[:39]:
        state = store.outcome(number).row.state
        if number in chosen and before[number] not in ENDED:
            assert state is State.UNDER_CONTROL
        elif number not in chosen:
            assert state is before[number]
    assert replay.replay_all(store).is_clean


def judged_of(store: PostgresStore, number: int) -> Judgement:
    found = store.decision(number).evaluation.judgement
    assert found is not None
    return found
