"""The books keep themselves, on a real PostgreSQL: posted, secured, paid, amended, withdrawn, and whole after kill -9."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from api import parcels
from tidewaiter.model.decision import State
from tidewaiter.model.errors import TransitionError
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.documents import Due
from tidewaiter.regimes.regime import EXCHANGE
from tidewaiter.release import Trigger
from tidewaiter.revenue.guarantees import Grant, GuaranteeError, secured
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING, MATCHING
from tidewaiter.workflow.bookkeeping import Bookkeeper, Caught
from tidewaiter.workflow.covering import why_uncovered
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.paying import take_payment
from tidewaiter.workflow.pieces import SMALL_BYTES
from tidewaiter.workflow.replay import replay
from tidewaiter.workflow.securing import draw_overdue

DAY = date(2026, 7, 14)
D = Decimal
IMPORTER = "GB987654321000"
AGENT = "GB123456789000"
GUARANTEE = Grant(
    guarantee_id="G1", kind="guarantee", party=IMPORTER, jurisdiction_code="GB", currency="GBP", limit=D("60.00"),
    valid_from=date(2026, 1, 1),
)  # fmt: skip
DEFERMENT = replace(GUARANTEE, guarantee_id="D1", kind="deferment", party=AGENT, due=Due(months=1, day=15))


@pytest.fixture
def intake(store: PostgresStore) -> Iterator[Intake]:
    with Intake(store, workers=0) as opened:
        yield opened


def shoes(reference: str, price: str = "200.00", **changes: Any) -> dict[str, Any]:
    importer = parcels.party("Alex Thornbury", "Woodbridge", "IP12 1BY", "GB") | {"party_id": IMPORTER}
    return parcels.parcel(
        reference, parcels.item(1, "Shoes, leather uppers", "6403999600", price), importer=importer, **changes
    )


def submit(store: PostgresStore, intake: Intake, *declared: dict[str, Any], on: date = DAY) -> list[int]:
    sender = store.senders.ensure("post")
    receipt = intake.submit(
        io.BytesIO(json.dumps(list(declared)).encode()), sender_id=sender.sender_id, file_name="a.json",
        transport="test", legal_day=on,
    )  # fmt: skip
    return [line.declaration_id for line in receipt.lines]


def grant(store: PostgresStore, wanted: Grant = GUARANTEE) -> None:
    guarantees = store.accounts.guarantees
    guarantees.approve(guarantees.enter(wanted, "anna"), "boris")


def keep(store: PostgresStore) -> Caught:
    return Bookkeeper(store, store.accounts, Desk(store)).catch_up(BOOKKEEPING)


def proved(store: PostgresStore) -> None:
    found = Bookkeeper(store, store.accounts, Desk(store)).reconcile(store.returns.totals)
    assert (found.difference, found.problems) == (0, ())


def due(store: PostgresStore, number: int) -> Decimal:
    money = store.decision(number).row.due
    assert money is not None
    return money.amount


def paid(store: PostgresStore, reference: str, amount: Decimal, payer: str = IMPORTER, words: str = "") -> Any:
    payment = Draft(reference=reference, amount=amount, currency="GBP", booked_on=DAY, payer=payer, remittance=words)
    return take_payment(payment, store.accounts, MATCHING)


def last(store: PostgresStore, number: int) -> tuple[str, str, str]:
    change = store.decision(number).transitions[-1]
    return change.trigger, change.actor, change.words


def test_decisions_are_posted_once_and_add_up(store: PostgresStore, intake: Intake) -> None:
    numbers = submit(store, intake, shoes("A"), shoes("B"), shoes("C", "20.00"))
    assert keep(store).postings >= 2
    assert keep(store) == Caught()
    owed = {debt.party: debt.owed for debt in store.accounts.open_debts()}
    assert owed[IMPORTER] == sum(due(store, number) for number in numbers)
    proved(store)


def test_a_message_that_breaks_off_is_posted_up_to_there(store: PostgresStore, intake: Intake) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.json", json.dumps([shoes("A")]))
        archive.writestr("cover-letter.pdf", b"%PDF-1.7\n")
    packed.seek(0)
    receipt = intake.submit(
        packed, sender_id=store.senders.ensure("post").sender_id, file_name="a.zip", transport="test", legal_day=DAY
    )
    (line,) = receipt.lines
    (after,) = submit(store, intake, shoes("B"))
    assert keep(store).postings == 2
    owed = {debt.party: debt.owed for debt in store.accounts.open_debts()}
    assert owed[IMPORTER] == due(store, line.declaration_id) + due(store, after)
    proved(store)


def test_a_guarantee_lifts_the_hold_and_the_decision_stays_as_it_was(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    before = store.decision(number).evaluation_bytes
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert store.decision(number).row.state is State.AWAITING_PAYMENT
    done = keep(store)
    assert (done.secured, done.lifted) == (1, 1)
    assert store.decision(number).row.state is State.CLEARED
    triggers = [(each.trigger, each.actor, each.words) for each in store.decision(number).transitions]
    assert ("payment_received", "accounts", "secured by G1") in triggers
    (cover,) = store.accounts.guarantees.of([IMPORTER])
    assert cover.reserved == due(store, number)
    assert store.kept(number, 1).evaluation == before
    assert replay(store, number).is_clean
    assert keep(store) == Caught()
    proved(store)


def test_cover_is_found_before_arrival_so_that_the_goods_flow(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    assert keep(store).lifted == 1
    assert store.decision(number).row.state is State.RECEIVED
    assert Desk(store).confirm_arrival(number, "officer", on=DAY) is State.CLEARED
    assert keep(store).secured == 0  # what is owed is the same: nothing is booked anew
    proved(store)


def test_what_the_guarantee_does_not_cover_waits(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    numbers = submit(store, intake, shoes("A"), shoes("B"))
    for number in numbers:
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert keep(store).lifted == 1
    states = {store.decision(number).row.state for number in numbers}
    assert states == {State.CLEARED, State.AWAITING_PAYMENT}
    waits = next(number for number in numbers if store.decision(number).row.state is State.AWAITING_PAYMENT)
    assert paid(store, "P1", due(store, waits), words=store.decision(waits).row.registered_id).matched == due(
        store, waits
    )
    assert keep(store).lifted == 1
    assert store.decision(waits).row.state is State.CLEARED
    assert ("payment_received", "accounts", "paid in full: P1") in [
        (each.trigger, each.actor, each.words) for each in store.decision(waits).transitions
    ]
    proved(store)


def triggers(store: PostgresStore, number: int) -> list[tuple[str, str, str]]:
    return [(each.trigger, each.actor, each.words) for each in store.decision(number).transitions]


def why(store: PostgresStore, number: int) -> tuple[str, ...]:
    return why_uncovered(store, store.accounts.guarantees, number, store.decision(number).row.version)


@pytest.mark.parametrize(
    "naming",
    [
        {"guarantee_ids": ["D1"]},
        {"authorisations": [{"holder_id": AGENT, "category_code": "DPO"}]},
        {"documents": [{"type_code": "C506", "document_id": "D1"}]},
    ],
)
def test_what_names_a_granted_one_is_held_and_released_by_it(
    store: PostgresStore, intake: Intake, naming: dict[str, Any]
) -> None:
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A", **naming))
    assert Desk(store).confirm_arrival(number, "officer", on=DAY) is State.AWAITING_PAYMENT
    assert why(store, number) == ()  # it covers it: the hold is about to be lifted
    assert keep(store).lifted == 1
    assert store.decision(number).row.state is State.CLEARED
    assert ("payment_received", "accounts", "secured by D1") in triggers(store, number)
    assert replay(store, number).is_clean
    proved(store)


def test_the_one_named_is_taken_before_the_payers_own(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A", documents=[{"type_code": "C506", "document_id": "D1"}]))
    assert keep(store).lifted == 1
    assert ("payment_received", "accounts", "secured by D1") in triggers(store, number)


@pytest.mark.parametrize(
    ("granted", "why_not"),
    [
        (None, "No guarantee G1 is granted to GB987654321000 or GB123456789000."),
        (replace(GUARANTEE, party="GB555555555000"), "No guarantee G1 is granted to GB987654321000 or GB123456789000."),
        (replace(GUARANTEE, limit=D("5.00")), "G1 does not have 59.20 GBP free."),
        (replace(GUARANTEE, valid_from=DAY + timedelta(days=1)), "G1 is in force from 2026-07-15, not yet on 2026-07-14."),
        (replace(GUARANTEE, valid_to=DAY - timedelta(days=1)), "G1 was in force until 2026-07-13, no longer on 2026-07-14."),
        (replace(GUARANTEE, jurisdiction_code="DK"), "G1 is for DK alone, not for GB."),
    ],
)  # fmt: skip
def test_what_names_one_that_does_not_cover_it_stays_held_and_says_why(
    store: PostgresStore, intake: Intake, granted: Grant | None, why_not: str
) -> None:
    if granted is not None:
        grant(store, granted)
    (number,) = submit(store, intake, shoes("A", guarantee_ids=["G1"]))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert keep(store).lifted == 0
    assert store.decision(number).row.state is State.AWAITING_PAYMENT
    (hold,) = store.decision(number).evaluation.decision.holds
    assert "it waits until guarantee G1 is found to cover it" in hold.words
    assert why(store, number) == (why_not,)
    assert replay(store, number).is_clean
    proved(store)


def test_who_is_not_released_by_a_guarantee_is_released_by_one_granted_later(
    store: PostgresStore, intake: Intake
) -> None:
    """Whoever may secure it: the importer who owes it, or the agent who is liable with him. Named or not."""
    first, second, third = submit(
        store, intake, shoes("A", guarantee_ids=["G1"]), shoes("B"), shoes("D", guarantee_ids=["G1"])
    )
    for number in (first, second, third):
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    assert {store.decision(number).row.state for number in (first, second, third)} == {State.AWAITING_PAYMENT}
    grant(store)
    done = keep(store)
    assert (done.secured, done.lifted) == (1, 1)  # the oldest; for more the guarantee is not enough
    assert ("payment_received", "accounts", "secured by G1") in triggers(store, first)
    assert keep(store) == Caught()
    grant(store, DEFERMENT)
    assert keep(store).lifted == 1
    assert ("payment_received", "accounts", "secured by D1") in triggers(store, second)
    grant(store, replace(GUARANTEE, limit=D("120.00")))
    assert keep(store).lifted == 1
    assert store.decision(third).row.state is State.CLEARED
    assert keep(store) == Caught()
    proved(store)


def test_what_is_freed_is_taken_by_who_waits_longest(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    numbers = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    for number in numbers:
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    states = [store.decision(number).row.state for number in numbers]
    assert states == [State.CLEARED, State.AWAITING_PAYMENT, State.AWAITING_PAYMENT]
    paid(store, "P1", due(store, numbers[0]), words=store.decision(numbers[0]).row.registered_id)
    assert keep(store).lifted == 1
    assert store.decision(numbers[1]).row.state is State.CLEARED
    assert store.decision(numbers[2]).row.state is State.AWAITING_PAYMENT
    assert store.accounts.guarantees.one("G1").reserved == due(store, numbers[1])
    proved(store)


def test_what_was_paid_to_an_officer_or_amended_or_refused_is_not_secured_later(
    store: PostgresStore, intake: Intake
) -> None:
    by_hand, amended, refused = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    for number in (by_hand, amended, refused):
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    Desk(store).act(by_hand, Trigger.PAYMENT_RECEIVED, "officer", "cash")
    Desk(store).act(refused, Trigger.REFUSED, "officer", "counterfeit")
    submit(store, intake, shoes("B", "20.00", function_code="4", function="amendment"))
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    keep(store)
    assert store.accounts.guarantees.one("G1").reserved == due(store, amended)
    assert ("payment_received", "accounts", "secured by G1") not in triggers(store, by_hand)
    with psycopg.connect(store.url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM waiting_for_cover WHERE party = %s", [IMPORTER]).fetchone() == (
            0,
        )
    proved(store)


def test_a_large_message_is_looked_at_again_by_the_bytes_kept_beside_it(store: PostgresStore, intake: Intake) -> None:
    body = b"[" + b" " * SMALL_BYTES + json.dumps(shoes("A")).encode() + b"]"
    receipt = intake.submit(
        io.BytesIO(body), sender_id=store.senders.ensure("post").sender_id, file_name="a.json", transport="test",
        legal_day=DAY,
    )  # fmt: skip
    (number,) = [line.declaration_id for line in receipt.lines]
    keep(store)
    grant(store)
    assert keep(store).lifted == 1
    assert ("payment_received", "accounts", "secured by G1") in triggers(store, number)
    proved(store)


class Contested:
    """The books, where another process takes what is free just before each of the first reservations is booked."""

    def __init__(self, store: PostgresStore, *takes: str) -> None:
        self._store = store
        self._takes = list(takes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store.accounts, name)

    def post(self, postings: Sequence[Posting], **more: Any) -> int:
        if self._takes and any(posting.kind == "guarantee reserve" for posting in postings):
            amount = self._takes.pop(0)
            self._store.accounts.post(reservation(len(self._takes), amount))
        return self._store.accounts.post(postings, **more)


def test_who_comes_second_to_a_guarantee_tries_once_more_with_what_is_free(
    store: PostgresStore, intake: Intake
) -> None:
    grant(store)
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A"))
    done = Bookkeeper(store, Contested(store, "40.00"), Desk(store)).catch_up(BOOKKEEPING)
    assert (done.secured, done.lifted) == (1, 1)
    assert ("payment_received", "accounts", "secured by D1") in triggers(store, number)
    proved(store)


def test_who_comes_second_twice_waits_until_something_is_freed(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    assert Bookkeeper(store, Contested(store, "40.00"), Desk(store)).catch_up(BOOKKEEPING).lifted == 0
    grant(store, replace(GUARANTEE, limit=D("100.00")))
    assert keep(store).lifted == 1
    assert ("payment_received", "accounts", "secured by G1") in triggers(store, number)
    proved(store)


def test_guarantees_are_drawn_by_one_at_a_time(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    drawing = threading.Thread(target=draw_overdue, args=(store.accounts, DAY + timedelta(days=2), BOOKKEEPING))
    with store.accounts.alone(BOOKKEEPING):
        drawing.start()
        drawing.join(0.3)
        assert drawing.is_alive()
        assert store.accounts.guarantees.one("G1").drawn == 0
    drawing.join(60)
    assert not drawing.is_alive()
    assert store.accounts.guarantees.one("G1").drawn == due(store, number)
    proved(store)


def test_a_deferment_account_is_the_principals_account(store: PostgresStore, intake: Intake) -> None:
    grant(store, DEFERMENT)
    (number,) = submit(store, intake, shoes("A"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    assert store.decision(number).row.state is State.CLEARED
    (debt,) = store.accounts.open_debts()
    assert (debt.party, debt.scheme, debt.due) == (AGENT, "GB deferment D1", date(2026, 8, 17))
    paid(store, "P1", debt.owed, payer=AGENT)
    keep(store)
    (cover,) = store.accounts.guarantees.of([AGENT])
    assert (cover.reserved, cover.free) == (0, D("60.00"))
    proved(store)


def test_an_amendment_an_invalidation_and_a_refusal_are_booked_right(store: PostgresStore, intake: Intake) -> None:
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    amended, withdrawn, refused = submit(store, intake, shoes("A"), shoes("B"), shoes("C"))
    keep(store)
    submit(store, intake, shoes("A", "300.00", function_code="4", function="amendment"))
    submit(store, intake, {"functional_reference_id": "B", "function": "cancellation", "jurisdiction_code": "GB"})
    Desk(store).act(refused, Trigger.REFUSED, "officer", "counterfeit")
    assert store.decision(withdrawn).row.state is State.INVALIDATED
    keep(store)
    (debt,) = store.accounts.open_debts()
    assert debt.owed == due(store, amended)
    (cover,) = store.accounts.guarantees.of([IMPORTER])
    assert cover.reserved == due(store, amended)
    kinds = [
        posting.kind for posting in store.accounts.of_subjects([f"declaration:{withdrawn}"])[f"declaration:{withdrawn}"]
    ]
    assert kinds == ["charge", "guarantee reserve", "reversal: invalidated", "guarantee release"]
    proved(store)


def test_asking_again_for_statements_uses_up_no_running_number(store: PostgresStore, intake: Intake) -> None:
    numbers: list[str] = []
    for period, reference in (("2026-07", "A"), ("2026-08", "B")):
        submit(store, intake, shoes(reference))
        keep(store)
        cut = store.accounts.last_posting()
        for _ in range(3):
            numbers += [each.number for each in store.accounts.statements.issue(period, cut, DAY)]
    assert numbers == ["TWS-00000001", "TWS-00000002"]
    proved(store)


def test_a_guarantee_does_not_secure_what_another_owes_after_an_amendment(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    other = parcels.party("Bea Thornbury", "Woodbridge", "IP12 1BY", "GB") | {"party_id": AGENT}
    submit(store, intake, shoes("A", function_code="4", function="amendment") | {"importer": other})
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert keep(store).lifted == 0
    assert store.decision(number).row.state is State.AWAITING_PAYMENT
    assert store.accounts.guarantees.one("G1").reserved == 0
    proved(store)


def test_a_hold_of_a_version_that_is_not_posted_yet_stays(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    version = store.decision(number).row.version
    paid(store, "P1", due(store, number), words=store.decision(number).row.registered_id)
    desk = Desk(store)

    class AmendedMeanwhile:
        """Customs' desk, where the sender amends just before it lifts."""

        def lift_payment_holds(self, lifted: Mapping[tuple[int, int], str], actor: str) -> list[int]:
            submit(store, intake, shoes("A", "900.00", function_code="4", function="amendment"))
            return desk.lift_payment_holds(lifted, actor)

    assert Bookkeeper(store, store.accounts, AmendedMeanwhile()).catch_up(BOOKKEEPING).lifted == 0
    assert store.decision(number).row.version == version + 1
    assert keep(store).lifted == 0
    assert store.decision(number).row.state is State.AWAITING_PAYMENT
    (debt,) = store.accounts.open_debts()
    paid(store, "P2", debt.owed, words=store.decision(number).row.registered_id)
    assert keep(store).lifted == 1
    assert store.decision(number).row.state is State.CLEARED
    proved(store)


def test_what_is_paid_and_amended_afterwards_does_not_wait_for_a_payment(store: PostgresStore, intake: Intake) -> None:
    (number,) = submit(store, intake, shoes("A"))
    keep(store)
    paid(store, "P1", due(store, number), words=store.decision(number).row.registered_id)
    assert keep(store).lifted == 1
    submit(store, intake, shoes("A", function_code="4", function="amendment"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    assert store.decision(number).row.state is State.AWAITING_PAYMENT
    assert keep(store).lifted == 1
    assert store.decision(number).row.state is State.CLEARED
    proved(store)


def test_an_exchange_rate_put_right_late_is_charged_anew(
    store: PostgresStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(store, replace(GUARANTEE, limit=D("1000.00")))
    line = parcels.item(1, "Shoes, leather uppers", "6403999600", "200.00") | {
        "invoice_price": {"amount": "250.00", "currency": "USD"}
    }
    (number,) = submit(store, intake, shoes("A") | {"goods_items": [line]})
    with pytest.raises(TransitionError, match="not corrected so"):
        Desk(store).correct(number, "anna", "too early")
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    before = due(store, number)
    assert store.decision(number).row.state is State.CLEARED

    def put_right(code: str, on: date) -> Regime:
        law = load_regime(code, on).law
        published = law.exchanges[EXCHANGE]
        dollar = {"USD": (published.rates["USD"][0] * D("1.01"), published.rates["USD"][1])}
        corrected = replace(published, rates=published.rates | dollar)
        return Regime.of(replace(law, exchanges=law.exchanges | {EXCHANGE: corrected}))

    monkeypatch.setattr("tidewaiter.workflow.tariffs.load_regime", put_right)
    assert Desk(store).correct(number, "anna", "the rate of July was put right") is State.CLEARED
    keep(store)
    after = due(store, number)
    assert after > before
    kinds = [posting.kind for posting in store.accounts.of_subjects([f"declaration:{number}"])[f"declaration:{number}"]]
    assert kinds == [
        "charge", "guarantee reserve", "reversal: amended", "guarantee release", "charge", "guarantee reserve"
    ]  # fmt: skip
    assert [debt.owed for debt in store.accounts.open_debts()] == [after]
    assert store.accounts.guarantees.one("G1").reserved == after
    assert replay(store, number).is_clean
    proved(store)


def test_what_is_not_paid_in_time_is_drawn(store: PostgresStore, intake: Intake) -> None:
    grant(store)
    (number,) = submit(store, intake, shoes("A"))
    Desk(store).confirm_arrival(number, "officer", on=DAY)
    keep(store)
    assert draw_overdue(store.accounts, DAY, BOOKKEEPING) == []
    (drawn,) = draw_overdue(store.accounts, DAY + timedelta(days=2), BOOKKEEPING)
    assert drawn.entries[0].account is Account.GUARANTOR
    assert draw_overdue(store.accounts, DAY + timedelta(days=2), BOOKKEEPING) == []
    assert store.accounts.open_debts() == []
    (cover,) = store.accounts.guarantees.of([IMPORTER])
    assert (cover.reserved, cover.drawn) == (0, due(store, number))
    proved(store)


def reservation(number: int, amount: str) -> list[Posting]:
    owed = Entry(
        account=Account.RECEIVABLE, amount=D(amount), currency="GBP", party=IMPORTER, scheme="GB x", period="2026-07"
    )
    entries = (owed, replace(owed, account=Account.REVENUE, amount=-D(amount)))
    charge = Posting(key=f"charge:1:S{number}:x", kind="charge", booked_on=DAY, entries=entries, subject=f"S{number}")
    from tidewaiter.revenue.guarantees import Cover

    return [charge, *secured(charge, Cover(grant=GUARANTEE, reserved=D(0), drawn=D(0)), DAY)]


def test_many_at_once_never_overdraw(store: PostgresStore) -> None:
    grant(store)
    refused: list[str] = []

    def reserve(first: int) -> None:
        for number in range(first, first + 10):
            try:
                store.accounts.post(reservation(number, "1.70"))
            except GuaranteeError as error:
                refused.append(error.detail)

    threads = [threading.Thread(target=reserve, args=[first]) for first in range(0, 60, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (cover,) = store.accounts.guarantees.all()
    assert cover.reserved == 35 * D("1.70")  # 59.50 of 60.00
    assert len(refused) == 25
    assert "does not cover it" in refused[0]
    assert store.accounts.guarantees.untrue() == []


def test_a_guarantee_is_changed_by_two_persons_and_keeps_its_history(store: PostgresStore) -> None:
    guarantees = store.accounts.guarantees
    grant(store)
    with pytest.raises(GuaranteeError, match="no limit"):
        guarantees.enter(replace(GUARANTEE, limit=D(-1)), "anna")
    with pytest.raises(Exception, match="granted with another party"):
        guarantees.enter(replace(GUARANTEE, party="OTHER"), "anna")
    store.accounts.post(reservation(1, "50.00"))
    grant(store, replace(GUARANTEE, limit=D("10.00")))
    assert guarantees.one("G1").free == D("-40.00")  # what was reserved stays, nothing more is
    with pytest.raises(GuaranteeError, match="does not cover"):
        store.accounts.post(reservation(2, "0.01"))
    changes = store.accounts.proposals.changes("G1")
    assert [(each.content.limit, each.entered_by, each.answered_by) for each in changes] == [  # type: ignore[union-attr]
        (D("60.00"), "anna", "boris"),
        (D("10.00"), "anna", "boris"),
    ]
    with psycopg.connect(store.url, autocommit=True) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("UPDATE proposal SET entered_by = 'clara'")


def test_only_one_keeps_the_books_at_a_time(store: PostgresStore, intake: Intake) -> None:
    submit(store, intake, shoes("A"))
    with store.accounts.alone(BOOKKEEPING):
        assert keep(store) == Caught(is_ours=False)
    assert keep(store).postings == 1


WORK = """
import sys
import time
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.workflow import bookkeeping
from tidewaiter.workflow.desk import Desk

class Slow(bookkeeping.Bookkeeper):
    # Whoever is to kill it may be late: with the last block it waits.

    def _put_down(self, tray, source="", position=0):
        if source == bookkeeping.DECISIONS and position == self._store.last_block():
            time.sleep(600)
        return super()._put_down(tray, source, position)


bookkeeping.BLOCKS_AT_ONCE = 1
if __name__ == "__main__":
    with PostgresStore(sys.argv[1]) as store:
        Slow(store, store.accounts, Desk(store)).catch_up(BOOKKEEPING)
"""


def test_kill_in_the_middle_of_keeping_the_books_loses_and_doubles_nothing(
    store: PostgresStore, intake: Intake
) -> None:
    grant(store, replace(GUARANTEE, limit=D("100000.00")))
    numbers = [
        number for night in range(12) for number in submit(store, intake, *(shoes(f"{night}-{n}") for n in range(20)))
    ]
    for number in numbers[:20]:
        Desk(store).confirm_arrival(number, "officer", on=DAY)
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen([sys.executable, "-c", WORK, store.url], env=environment)
    deadline = time.monotonic() + 60
    while store.accounts.position("decisions") < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 2 <= store.accounts.position("decisions") < store.last_block()
    until = time.monotonic() + 60
    while not (done := keep(store)).is_ours and time.monotonic() < until:  # the server lets go of the dead one's lock
        time.sleep(0.05)
    assert done.postings > 0
    (debt,) = store.accounts.open_debts()
    assert debt.owed == sum(due(store, number) for number in numbers)
    (cover,) = store.accounts.guarantees.all()
    assert cover.reserved == debt.owed
    assert {store.decision(number).row.state for number in numbers[:20]} == {State.CLEARED}
    proved(store)
    assert keep(store) == Caught()


SOURCE = Path(__file__).resolve().parents[2] / "src"
