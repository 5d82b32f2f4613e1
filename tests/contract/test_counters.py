"""Counters of persons in a real PostgreSQL: reserved, committed, given back; never beyond the limit, replayed to the byte.

The law is China's on cross-border e-commerce: 5,000 a parcel, 26,000 a person and year, over all senders and messages.
"""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.revenue.returns import GIVING
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.return_reading import replay_all
from tidewaiter.workflow.returning import Handed, Returning, Said

DAY = date(2026, 6, 15)
WITHIN, BEYOND = "schemes.cbec", "schemes.standard"
AT = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    for day in (datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    return store.senders.ensure("A platform").sender_id


def parcel(reference: str, price: str, person: str = "110101199003070011") -> Declaration:
    return Declaration(
        functional_reference_id=reference,
        jurisdiction_code="CN",
        goods_items=(
            GoodsItem(
                line_no=1,
                description="Wool scarf, woven",
                commodity_code="621420",
                gross_mass_kg=Decimal("0.4"),
                quantity=Decimal(2),
                invoice_price=Money(Decimal(price), "CNY"),
                origin_country_code="IT",
            ),
        ),
        importer=Party(party_id=person, name="Li Wei"),
        consignor=Party(name="Lana Srl"),
        seller=Party(name="Lana Srl"),
    )


def hand_in(intake: Intake, sender_id: int, *declarations: Declaration, on: date = DAY) -> Receipt:
    body = forms.by_name("json").write(declarations)
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=on)


def schemes(store: PostgresStore, receipt: Receipt) -> list[str]:
    found = []
    for line in receipt.lines:
        assessment = store.outcome(line.declaration_id).evaluation.assessment
        assert assessment is not None
        found.append(assessment.scheme)
    return found


def used(store: PostgresStore) -> list[tuple[Decimal, Decimal]]:
    """What is reserved and committed under each key."""
    with psycopg.connect(store.url) as connection:
        return connection.execute(
            "SELECT sum(reserved), sum(committed) FROM counter_movement GROUP BY person_key ORDER BY 1, 2"
        ).fetchall()


def filled(intake: Intake, sender_id: int, rest: str) -> None:
    """Draw on a person's year until just `rest` is left of the 26,000."""
    amounts = ["5000", "5000", "5000", "5000", str(Decimal(6000) - Decimal(rest))]
    amounts[4:] = [amounts[4]] if Decimal(amounts[4]) <= 5000 else ["3000", str(Decimal(3000) - Decimal(rest))]
    hand_in(intake, sender_id, *(parcel(f"F-{place}", amount) for place, amount in enumerate(amounts)))


def test_in_one_message_the_second_parcel_finds_what_the_first_left(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    filled(intake, sender_id, "1500")
    receipt = hand_in(intake, sender_id, parcel("A", "1000"), parcel("B", "1000"))
    assert schemes(store, receipt) == [WITHIN, BEYOND]
    assert used(store) == [(Decimal(25500), Decimal(0))], "what was beyond the limit draws nothing"


def test_in_two_messages_the_limit_is_met_exactly_and_not_passed(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    filled(intake, sender_id, "1500")
    assert schemes(store, hand_in(intake, sender_id, parcel("A", "1500.01"))) == [BEYOND]
    assert schemes(store, hand_in(intake, sender_id, parcel("B", "1500"))) == [WITHIN], "to the cent"
    other = store.senders.ensure("Another platform").sender_id
    assert schemes(store, hand_in(intake, other, parcel("C", "0.01"))) == [BEYOND], "whoever sends it"
    assert schemes(store, hand_in(intake, other, parcel("D", "5000", "another person"))) == [WITHIN]
    assert schemes(store, hand_in(intake, other, parcel("E", "5000"), on=date(2025, 12, 31))) == [WITHIN], (
        "another year"
    )


def test_at_once_never_more_than_the_limit(store: PostgresStore, sender_id: int) -> None:
    """Twelve senders' threads through two intakes on connections of their own: six parcels of 4,000 fit, six do not."""
    with Intake(store, workers=1) as one, PostgresStore(store.url) as second, Intake(second, workers=1) as two:
        receipts: list[Receipt] = []
        threads = [
            threading.Thread(
                target=lambda place=place: receipts.append(
                    hand_in((one, two)[place % 2], sender_id, parcel(f"T-{place}", "4000"))
                )
            )
            for place in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    found = sorted(scheme for receipt in receipts for scheme in schemes(store, receipt))
    assert found == [WITHIN] * 6 + [BEYOND] * 6
    assert used(store) == [(Decimal(24000), Decimal(0))]


def test_the_database_itself_refuses_what_passes_the_limit(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    hand_in(intake, sender_id, parcel("A", "4000"))
    with psycopg.connect(store.url, autocommit=True) as connection:
        copied = (
            "INSERT INTO counter_movement (person_key, counter, declaration_id, kind, reserved, committed, limit_then,"
            " why, recorded_at) SELECT person_key, counter, 999, 'reserve', 22000.01, 0, 26000, 'test', now()"
            " FROM counter_movement LIMIT 1"
        )
        with pytest.raises(psycopg.errors.CheckViolation, match="beyond its limit"):
            connection.execute(copied)
        with pytest.raises(psycopg.errors.RestrictViolation, match="append only"):
            connection.execute("UPDATE counter_movement SET reserved = 1")


def test_reserved_then_committed_at_clearance(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (line,) = hand_in(intake, sender_id, parcel("A", "1000")).lines
    assert used(store) == [(Decimal(1000), Decimal(0))]
    desk = Desk(store, clock=lambda: AT)
    state = desk.confirm_arrival(line.declaration_id, "officer 1", on=DAY)
    assert used(store) == [(Decimal(1000), Decimal(0))] or state is State.CLEARED, (
        "its own reservation is not in its way"
    )
    while state is not State.CLEARED:
        act = next(each for each in SETTLING if each in desk.possible(state))
        state = desk.act(line.declaration_id, act, "officer 1", on=DAY)
    assert used(store) == [(Decimal(0), Decimal(1000))]
    assert replay.replay(store, line.declaration_id).is_clean


SETTLING = (
    Trigger.PAYMENT_RECEIVED,
    Trigger.DOCUMENTS_RECEIVED,
    Trigger.PERMIT_GRANTED,
    Trigger.EXAMINED_SATISFACTORY,
)


def test_withdrawn_refused_and_amended_goods_give_back(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    first, second, third = (parcel(name, "5000") for name in "ABC")
    lines = hand_in(intake, sender_id, first, second, third).lines
    assert used(store) == [(Decimal(15000), Decimal(0))]
    hand_in(
        intake,
        sender_id,
        Declaration(function=MessageFunction.CANCELLATION, functional_reference_id="A", jurisdiction_code="CN"),
    )
    assert store.outcome(lines[0].declaration_id).row.state is State.INVALIDATED
    assert used(store) == [(Decimal(10000), Decimal(0))]
    Desk(store, clock=lambda: AT).act(lines[1].declaration_id, Trigger.REFUSED, "officer 1")
    assert used(store) == [(Decimal(5000), Decimal(0))]
    hand_in(intake, sender_id, replace(parcel("C", "2000"), function=MessageFunction.AMENDMENT))
    assert store.outcome(lines[2].declaration_id).row.version == 2
    assert used(store) == [(Decimal(2000), Decimal(0))]


def cleared(store: PostgresStore, intake: Intake, sender_id: int, declared: Declaration) -> int:
    (line,) = hand_in(intake, sender_id, declared).lines
    desk = Desk(store, clock=lambda: AT)
    state = desk.confirm_arrival(line.declaration_id, "officer 1", on=DAY)
    while state is not State.CLEARED:
        act = next(each for each in SETTLING if each in desk.possible(state))
        state = desk.act(line.declaration_id, act, "officer 1", on=DAY)
    return line.declaration_id


def send_back(store: PostgresStore, sender_id: int, name: str, **changes: object) -> dict[str, int]:
    """A return of parcel A, its exit and all its papers; how many cases came to what."""
    left = {
        "event_id": f"E-{name}", "kind": "departed", "happened_at": "2026-07-05T10:00:00+08:00", "place": "CNSHA",
        "reported_by": "A carrier", "waybill": f"BACK-{name}",
    }  # fmt: skip
    record = {
        "return_id": name, "reason": "returned to seller", "reference": "A", "return_waybill": f"BACK-{name}",
        "documents": [{"kind": "return declaration", "reference": f"RD-{name}"}], "exit_event": left, **changes,
    }  # fmt: skip
    body = json.dumps(record).encode()
    handed = Handed(body=body, sender_id=sender_id, transport="test", received_on=date(2026, 7, 10))
    return Returning(store).submit(handed).counts


def granted(store: PostgresStore, case_no: int) -> None:
    """Two officers grant a case: what the law's own answer is does not matter here."""
    for officer in ("anna", "boris"):
        if store.returns.case(case_no).row.outcome not in GIVING:
            Returning(store).say(Said(case_no=case_no, is_granted=True, officer=officer, words="seen"))


HALF = ({"line_no": 1, "quantity": "1"},)


def test_a_parcel_that_goes_back_whole_gives_the_year_back(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    number = cleared(store, intake, sender_id, parcel("A", "1000"))
    assert used(store) == [(Decimal(0), Decimal(1000))]
    send_back(store, sender_id, "R-1")
    granted(store, 1)
    assert used(store) == [(Decimal(0), Decimal(0))]
    filled(intake, sender_id, "0")
    assert used(store) == [(Decimal(26000), Decimal(0))], "all 26,000 of the year are there again"
    assert replay.replay(store, number).is_clean
    assert replay_all(store).is_clean


def test_half_a_parcel_gives_half_and_the_same_twice_gives_it_once(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    cleared(store, intake, sender_id, parcel("A", "1000"))
    send_back(store, sender_id, "R-1", items=HALF)
    assert used(store) == [(Decimal(0), Decimal(1000))], "while an officer looks nothing is given back"
    granted(store, 1)
    assert used(store) == [(Decimal(0), Decimal(500))]
    send_back(store, sender_id, "R-1", items=HALF)
    assert used(store) == [(Decimal(0), Decimal(500))]
    send_back(store, sender_id, "R-2", items=HALF)
    granted(store, 2)
    assert used(store) == [(Decimal(0), Decimal(0))], "the other half"
    send_back(store, sender_id, "R-3", items=HALF)
    assert store.returns.case(3).row.outcome not in GIVING
    assert used(store) == [(Decimal(0), Decimal(0))]
    assert replay_all(store).is_clean


@pytest.mark.parametrize(("price", "rest"), [("1000", "500"), ("600", "300"), ("2000", "1000")])
def test_an_amendment_after_a_return_draws_only_for_what_is_still_here(
    store: PostgresStore, intake: Intake, sender_id: int, price: str, rest: str
) -> None:
    number = cleared(store, intake, sender_id, parcel("A", "1000"))
    send_back(store, sender_id, "R-1", items=HALF)
    granted(store, 1)
    version = store.outcome(number).row.version
    hand_in(intake, sender_id, replace(parcel("A", price), function=MessageFunction.AMENDMENT))
    if store.outcome(number).row.version == version:
        Desk(store, clock=lambda: AT).act(number, Trigger.AMENDMENT_GRANTED, "officer 1", on=DAY)
    (held,) = used(store)
    assert sum(held) == Decimal(rest)


def test_replay_needs_no_counter(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    """The values used are kept with the decision: what the counter holds by now makes no difference."""
    filled(intake, sender_id, "1500")
    receipt = hand_in(intake, sender_id, parcel("A", "1000"), parcel("B", "1000"))
    kept = [store.kept(line.declaration_id).persons for line in receipt.lines]
    assert [each and each.used for each in kept] == [
        {"counters.person_year": Decimal(24500)},
        {"counters.person_year": Decimal(25500)},
    ]
    with store.writing() as transaction:
        Persons(transaction.persons).follow(receipt.lines[0].declaration_id, State.INVALIDATED, AT)
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed >= 7


def test_the_trace_shows_what_was_left(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    hand_in(intake, sender_id, parcel("A", "4000"))
    (line,) = hand_in(intake, sender_id, parcel("B", "1000")).lines
    assessment = store.outcome(line.declaration_id).evaluation.assessment
    assert assessment is not None
    (step,) = [each for each in assessment.steps if each.measure_id == "counters.person_year"]
    assert "4000.00 used before, of 26000" in step.words
    assert "counters.person_year" in assessment.citations


def test_a_person_who_is_not_named_is_not_taken_for_one_with_a_whole_year(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    nameless = replace(parcel("A", "1000"), importer=None, consignee=Party(party_id="", phone="1"), buyer=None)
    receipt = hand_in(intake, sender_id, nameless)
    (line,) = receipt.lines
    evaluation = store.outcome(line.declaration_id).evaluation
    if evaluation.assessment is not None:
        assert any("is not named" in each for each in evaluation.assessment.unresolved)
    else:
        assert evaluation.decision.state is State.REJECTED
    assert used(store) == []


def test_persons_stand_under_a_digest_alone(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    hand_in(intake, sender_id, parcel("A", "1000"), parcel("B", "1000", "1101 0119 9003 0700-11"))
    with psycopg.connect(store.url) as connection:
        rows = connection.execute("SELECT DISTINCT person_key, counter FROM counter_movement").fetchall()
    assert len(rows) == 1, "however the number is set"
    assert len(rows[0][0]) == 32
    assert rows[0][1] == "counters.person_year"


def test_where_the_law_has_no_counters_nothing_is_looked_up_or_kept(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (line,) = hand_in(intake, sender_id, replace(parcel("A", "50"), jurisdiction_code="NZ")).lines
    assert used(store) == []
    assert store.kept(line.declaration_id).persons is None
