"""Returns on a real PostgreSQL: kept before they are read, decided once, booked together, never more than was charged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from returns import IMPORTED_ON, a_return, an_event, declaration, hand_in, handed, import_goods, report
from tidewaiter.model.decision import State
from tidewaiter.model.errors import ConflictError, LimitExceededError, NotFoundError, TransitionError
from tidewaiter.release import Trigger
from tidewaiter.revenue.guarantees import Grant
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting
from tidewaiter.revenue.returns import Outcome, RefundDecision
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING, MATCHING
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.paying import take_payment
from tidewaiter.workflow.recording_opened import ErasedError, opened
from tidewaiter.workflow.return_reading import decision_of, replay, replay_all
from tidewaiter.workflow.return_records import CaseFilter
from tidewaiter.workflow.returning import Returning, Said

pytestmark = pytest.mark.usefixtures("lawful")

D = Decimal
WHOLE = D("86.37")  # duty 25.53 and 2.12, VAT 37.02 and 21.70


def decision(store: PostgresStore, case_no: int = 1) -> RefundDecision:
    return decision_of(store.returns.case(case_no).decisions[-1])


def balance(store: PostgresStore, account: str) -> Decimal:
    return sum((each.amount for each in store.accounts.balances() if each.account == account), D(0))


def keep_books(store: PostgresStore) -> None:
    Bookkeeper(store, store.accounts, Desk(store)).catch_up(BOOKKEEPING)


def pay_all(store: PostgresStore) -> None:
    keep_books(store)
    for number, debt in enumerate(store.accounts.open_debts()):
        payment = Draft(
            reference=f"PAY{number}", amount=debt.owed, currency=debt.currency, booked_on=IMPORTED_ON, payer=debt.party
        )
        take_payment(payment, store.accounts, MATCHING)


def books_add_up(store: PostgresStore) -> bool:
    keep_books(store)
    return Bookkeeper(store, store.accounts, Desk(store)).reconcile(store.returns.totals).is_exact


def say(store: PostgresStore, case_no: int, officer: str, *, grant: bool, words: str = "seen") -> Outcome | None:
    said = Said(case_no=case_no, is_granted=grant, officer=officer, words=words)
    return Returning(store).say(said).row.outcome


# --- the way of a return -------------------------------------------------------------------------------------------


def test_a_case_waits_for_its_exit_event_and_is_then_decided_by_itself(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    receipt = hand_in(store, a_return(1))
    assert receipt.counts == {"waiting": 1}
    assert balance(store, "refund") == 0
    told = report(store, an_event(1))
    assert [case.outcome for case in told.lines[0].cases] == [Outcome.REMISSION]  # nothing was paid yet
    assert decision(store).total == WHOLE
    assert balance(store, "receivable") == 0
    assert balance(store, "refund") == 0  # and so nothing is paid out
    assert books_add_up(store)
    assert replay_all(store).is_clean


def test_what_was_paid_is_paid_out_to_who_paid(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    pay_all(store)
    receipt = hand_in(store, a_return(1, exit_event=an_event(1)))
    assert receipt.counts == {"refund": 1}
    assert balance(store, "refund") == -WHOLE
    assert {each.party for each in decision(store).settled} == {"GB123456789000"}
    assert books_add_up(store)


def test_what_a_guarantee_secured_is_let_go(store: PostgresStore) -> None:
    (number,) = import_goods(store, declaration(1))
    keep_books(store)
    where = {"currency": "GBP", "party": "GB123456789000", "scheme": "GUARANTEE-1"}
    granted = Grant(
        guarantee_id="GUARANTEE-1", kind="guarantee", party="GB123456789000", jurisdiction_code="GB", currency="GBP",
        limit=WHOLE, valid_from=date(2026, 1, 1),
    )  # fmt: skip
    guarantees = store.accounts.guarantees
    guarantees.approve(guarantees.enter(granted, "anna"), "boris")
    entries = (
        Entry(account=Account.GUARANTEE_RESERVED, amount=WHOLE, **where),
        Entry(account=Account.GUARANTEE_FREE, amount=-WHOLE, **where),
    )
    reserve = Posting(
        key="g", kind="guarantee reserve", booked_on=IMPORTED_ON, entries=entries, subject=f"declaration:{number}"
    )
    store.accounts.post([reserve])
    part = [{"quantity": 1, "line_no": 2}]
    assert hand_in(store, a_return(1, items=part, exit_event=an_event(1))).counts == {"guarantee release": 1}
    assert balance(store, "guarantee.reserved") == WHOLE - D("23.82")
    assert balance(store, "receivable") == WHOLE - D("23.82")
    rest = a_return(1, return_id="R-2", return_waybill="B2", exit_event=an_event(2, waybill="B2"))
    assert hand_in(store, rest).counts == {"guarantee release": 1}
    assert balance(store, "guarantee.reserved") == 0
    assert books_add_up(store)
    assert replay_all(store).is_clean


def test_who_is_forgotten_is_forgotten_in_returns_too(store: PostgresStore) -> None:
    mine, other = import_goods(store, declaration(1), declaration(2))
    hand_in(store, a_return(1))
    hand_in(store, a_return(2, return_id="R-2", return_waybill="B2"))
    first, second = (store.logs.of_subject(f"return:{case_no}")[0] for case_no in (1, 2))
    assert opened(store, first).fields
    assert store.logs.forget(f"declaration:{mine}", "officer 7", "asked for", datetime.now(UTC))
    with pytest.raises(ErasedError):
        opened(store, first)
    assert store.logs.payload(first.subject, first.label) is None
    assert opened(store, second).fields
    assert store.logs.key(f"declaration:{other}") is not None


def test_parts_give_what_the_whole_gives(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    parts = [{"quantity": 1, "sku": "TRAIN-1"}] * 3 + [{"quantity": 1, "line_no": 2}]
    for number, part in enumerate(parts, start=1):
        hand_in(
            store, a_return(1, return_id=f"R-{number}", return_waybill=f"B{number}", items=[part],
                            exit_event=an_event(number, waybill=f"B{number}")),
        )  # fmt: skip
    totals = [decision(store, case_no).total for case_no in range(1, 5)]
    assert totals == [D("20.85"), D("20.85"), D("20.85"), D("23.82")]
    assert sum(totals) == WHOLE
    hand_in(store, a_return(1, return_id="R-5", return_waybill="B5", exit_event=an_event(5, waybill="B5")))
    assert decision(store, 5).outcome is Outcome.REFUSED
    assert books_add_up(store)


def test_one_return_may_hold_goods_of_several_imports(store: PostgresStore) -> None:
    first, second = import_goods(store, declaration(1), declaration(2))
    items = [
        {"quantity": 1, "sku": "BAG-1", "waybill": "WB00000001"}, {"quantity": 2, "sku": "TRAIN-1", "order_id": "ORDER-2"},
        {"quantity": 1, "sku": "X", "mrn": "26GB0000000000000"},
    ]  # fmt: skip
    receipt = hand_in(store, a_return(1, waybill="", order_id="", items=items, exit_event=an_event(1)))
    cases = {case.declaration_id: case.outcome for case in receipt.lines[0].cases}
    assert cases == {first: Outcome.REMISSION, second: Outcome.REMISSION, None: Outcome.CASE}
    assert decision(store, 3).reasons[0].words == "no import of yours is known by 26GB0000000000000"
    with pytest.raises(TransitionError, match="no import is known"):
        say(store, 3, "anna", grant=True)
    assert say(store, 3, "anna", grant=False) is Outcome.REFUSED
    assert replay_all(store).is_clean


def test_an_order_in_two_parcels_is_divided_by_article(store: PostgresStore) -> None:
    bag = declaration(2)["goods_items"][1] | {"line_no": 1, "sku": "BELT-1"}
    first, second = import_goods(
        store, declaration(1), declaration(2, invoice_id="ORDER-1", goods_items=[bag], goods_item_count=1)
    )
    items = [{"quantity": 1, "sku": "BELT-1"}, {"quantity": 3, "sku": "TRAIN-1"}]
    receipt = hand_in(store, a_return(1, waybill="", items=items, exit_event=an_event(1)))
    assert {case.declaration_id: case.outcome for case in receipt.lines[0].cases} == {
        first: Outcome.REMISSION, second: Outcome.REMISSION,
    }  # fmt: skip


def test_only_one_s_own_imports_are_found_unless_an_officer_hands_in(store: PostgresStore) -> None:
    import_goods(store, declaration(1), sender="other post")
    assert hand_in(store, a_return(1)).counts == {"case": 1}
    assert store.returns.case(1).row.declaration_id is None
    receipt = hand_in(store, a_return(1, return_id="R-2"), is_of_officer=True)
    assert receipt.counts == {"waiting": 1}


def test_an_exit_event_proves_one_return_only(store: PostgresStore) -> None:
    import_goods(store, declaration(1), declaration(2))
    hand_in(store, a_return(1), a_return(2, return_waybill="BACK00000001"))
    told = report(store, an_event(1))
    assert [case.outcome for case in told.lines[0].cases] == [Outcome.REMISSION, Outcome.CASE]
    assert [reason.code for reason in decision(store, 2).reasons] == ["exit_used"]


def test_handed_over_is_no_exit_and_an_exit_that_comes_after_it_is(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    hand_in(store, a_return(1))
    assert report(store, an_event(1, kind="handed over")).counts == {"waiting": 1}
    assert report(store, an_event(2, waybill="BACK00000001")).counts == {"remission": 1}


def test_the_claimant_s_own_word_is_not_enough_for_much(store: PostgresStore) -> None:
    dear = declaration(1)["goods_items"][1] | {"line_no": 1, "invoice_price": {"amount": "900.00", "currency": "GBP"}}
    import_goods(store, declaration(1, goods_items=[dear], goods_item_count=1))
    assert hand_in(store, a_return(1, exit_event=an_event(1))).counts == {"case": 1}
    assert [reason.code for reason in decision(store).reasons] == ["own_word"]
    assert report(store, an_event(2, waybill="BACK00000001")).counts == {"remission": 1}  # another's word


def test_what_was_amended_is_given_back_as_amended(store: PostgresStore) -> None:
    (number,) = import_goods(store, declaration(1))
    cheaper = declaration(1, function="amendment", functional_reference_id="RET-1")
    cheaper["goods_items"][1]["invoice_price"]["amount"] = "50.00"
    import_goods(store, cheaper)
    if store.outcome(number).row.version == 1:
        Desk(store).act(number, Trigger.AMENDMENT_GRANTED, "anna", on=IMPORTED_ON)
    assert store.outcome(number).row.version > 1
    hand_in(store, a_return(1, exit_event=an_event(1)))
    due = store.outcome(number).evaluation.assessment
    assert due is not None
    assert decision(store).total == due.due.amount < WHOLE
    assert replay(store, 1).is_clean
    assert books_add_up(store)


def test_what_was_booked_before_an_amendment_is_brought_up_to_date_first(store: PostgresStore) -> None:
    (number,) = import_goods(store, declaration(1))
    keep_books(store)
    dearer = declaration(1, function="amendment", functional_reference_id="RET-1")
    dearer["goods_items"][1]["invoice_price"]["amount"] = "180.00"
    import_goods(store, dearer)
    if store.outcome(number).row.version == 1:
        Desk(store).act(number, Trigger.AMENDMENT_GRANTED, "anna", on=IMPORTED_ON)
    hand_in(store, a_return(1, exit_event=an_event(1)))
    assert decision(store).outcome is Outcome.CASE  # now above what the claimant's own word is enough for
    report(store, an_event(2, waybill="BACK00000001"))
    assert decision(store).total > WHOLE
    assert decision(store).outcome is Outcome.REMISSION
    assert books_add_up(store)


# --- an import that comes to less after a refund ------------------------------------------------------------------


def amended(store: PostgresStore, number: int, bag: str, shoes: str = "150.00") -> Decimal:
    """What is due once the import's prices are these."""
    version = store.outcome(number).row.version
    other = declaration(1, function="amendment", functional_reference_id="RET-1")
    other["goods_items"][0]["invoice_price"]["amount"] = shoes
    other["goods_items"][1]["invoice_price"]["amount"] = bag
    import_goods(store, other)
    if store.outcome(number).row.version == version:
        Desk(store).act(number, Trigger.AMENDMENT_GRANTED, "anna", on=IMPORTED_ON)
    due = store.outcome(number).evaluation.assessment
    assert due is not None
    return due.due.amount


def withdraw(store: PostgresStore, number: int) -> None:
    names = {"function": "cancellation", "functional_reference_id": "RET-1", "jurisdiction_code": "GB"}
    import_goods(store, names)
    if store.outcome(number).row.state is not State.INVALIDATED:
        Desk(store).act(number, Trigger.INVALIDATION_GRANTED, "anna", "declared twice", on=IMPORTED_ON)
    assert store.outcome(number).row.state is State.INVALIDATED


def kinds(store: PostgresStore, number: int) -> list[str]:
    (postings,) = store.accounts.of_subjects([f"declaration:{number}"]).values()
    return [each.kind for each in postings]


def test_what_was_refunded_beyond_what_is_charged_by_now_is_owed_again(store: PostgresStore) -> None:
    """All was paid and paid out; then the import is amended to less. Nobody has more than they paid."""
    (number,) = import_goods(store, declaration(1))
    pay_all(store)
    hand_in(store, a_return(1, exit_event=an_event(1)))
    assert balance(store, "refund") == -WHOLE
    due = amended(store, number, "50.00")
    assert due < WHOLE
    assert books_add_up(store)
    assert "refund recalled" in kinds(store, number)
    assert sum(store.accounts.charged([f"declaration:{number}"])[f"declaration:{number}"].values()) == 0
    assert balance(store, "receivable") == 0, (
        "what is refunded beyond the charge is set against what the charge fell by"
    )
    assert balance(store, "refund") == -WHOLE
    assert amended(store, number, "100.00") == WHOLE
    assert books_add_up(store)
    assert balance(store, "receivable") == 0, "the recall goes with the charges that made it"
    assert balance(store, "refund") == -WHOLE
    assert replay_all(store).is_clean


def test_a_part_refunded_within_what_is_charged_by_now_is_left_alone(store: PostgresStore) -> None:
    (number,) = import_goods(store, declaration(1))
    pay_all(store)
    hand_in(store, a_return(1, items=[{"quantity": 1, "line_no": 2}], exit_event=an_event(1)))
    due = amended(store, number, "90.00")
    assert books_add_up(store)
    assert "refund recalled" not in kinds(store, number)
    assert balance(store, "receivable") == due - WHOLE, "the credit for what it is cheaper by"


@pytest.mark.parametrize("is_paid", [True, False])
def test_an_import_that_came_to_nothing_after_a_refund_gives_nothing_twice(
    store: PostgresStore, *, is_paid: bool
) -> None:
    (number,) = import_goods(store, declaration(1))
    pay_all(store) if is_paid else keep_books(store)
    hand_in(store, a_return(1, exit_event=an_event(1)))
    assert balance(store, "refund") == (-WHOLE if is_paid else 0)
    withdraw(store, number)
    assert books_add_up(store)
    assert "refund recalled" in kinds(store, number)
    assert balance(store, "receivable") == 0
    assert balance(store, "refund") == (-WHOLE if is_paid else 0)
    assert balance(store, "revenue") == 0
    keep_books(store)
    assert kinds(store, number).count("refund recalled") == 1


# --- events and cases ----------------------------------------------------------------------------------------------


def test_an_event_may_come_before_its_return(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    assert report(store, an_event(1)).counts == {}
    assert hand_in(store, a_return(1)).counts == {"remission": 1}


def test_what_nobody_foresaw_is_a_case_and_holds_up_nothing(store: PostgresStore) -> None:
    """The law of the import is torn in the store, which no error of ours says: an officer sees it, until it is mended."""
    import_goods(store, declaration(1))
    law = store.kept(1).regime_digest
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE away AS SELECT digest, content FROM knowledge WHERE kind = 'regime'")
        connection.execute("UPDATE knowledge SET content = 'torn' WHERE digest = decode(%s, 'hex')", [law])
    receipt = hand_in(store, a_return(1))
    assert receipt.is_complete
    (reason,) = decision(store).reasons
    assert (reason.code, "ZstdError" in reason.words) == ("not_worked_out", True)
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("UPDATE knowledge SET content = away.content FROM away WHERE away.digest = knowledge.digest")
    report(store, an_event(1))
    assert [reason.code for reason in decision(store).reasons] != ["not_worked_out"]


def test_what_cannot_be_worked_out_is_a_case_and_holds_up_nothing(store: PostgresStore) -> None:
    """The law of the import is gone from the store: that return is left to an officer, the next one decided."""
    import_goods(store, declaration(1))
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("DELETE FROM knowledge WHERE kind = 'regime'")
    receipt = hand_in(store, a_return(1), a_return(2))
    assert receipt.is_complete
    assert [reason.code for reason in decision(store).reasons] == ["not_worked_out"]
    assert replay_all(store).is_clean


# --- officers ------------------------------------------------------------------------------------------------------


def test_one_officer_decides_a_small_case_and_is_told_who_did(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    hand_in(store, a_return(1, documents=[], exit_event=an_event(1)))
    assert decision(store).outcome is Outcome.CASE
    with pytest.raises(TransitionError, match="needs words"):
        say(store, 1, "anna", grant=True, words="  ")
    assert say(store, 1, "anna", grant=True) is Outcome.REMISSION
    assert decision(store).reasons[-1].words == "granted by anna: seen"
    with pytest.raises(TransitionError, match="ended with a remission"):
        say(store, 1, "boris", grant=False)
    assert replay(store, 1).is_clean


def test_against_the_law_s_answer_two_officers_are_needed(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    hand_in(store, a_return(1, exit_event=an_event(1)), received_on=date(2026, 11, 1))
    assert decision(store).outcome is Outcome.REFUSED
    assert say(store, 1, "anna", grant=True) is Outcome.REFUSED
    assert store.returns.case(1).row.proposed_by == "anna"
    assert say(store, 1, "anna", grant=True) is Outcome.REFUSED  # her own word twice is one word
    assert say(store, 1, "boris", grant=True) is Outcome.REMISSION
    assert decision(store).reasons[-1].words == "granted by anna and boris: seen"
    with pytest.raises(NotFoundError):
        say(store, 99, "anna", grant=True)


def test_what_officers_refused_stays_so(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    hand_in(store, a_return(1, documents=[]))
    assert say(store, 1, "anna", grant=False) is Outcome.REFUSED
    with pytest.raises(TransitionError, match="decided by officers before"):
        say(store, 1, "boris", grant=True)
    assert report(store, an_event(1)).lines[0].cases == ()  # nothing waits any more


# --- promises of the intake ----------------------------------------------------------------------------------------


def test_the_same_key_with_other_content_is_refused(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    first = hand_in(store, a_return(1), idempotency_key="K")
    again = hand_in(store, a_return(1), idempotency_key="K")
    assert again.is_repeat
    assert (again.return_message_id, again.lines) == (first.return_message_id, first.lines)
    with pytest.raises(ConflictError, match="used for other content"):
        hand_in(store, a_return(2), idempotency_key="K")
    assert len(store.returns.cases(CaseFilter())) == 1


def test_a_return_handed_in_again_by_another_message_is_one_return(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    hand_in(store, a_return(1))
    again = hand_in(store, a_return(1), a_return(2))
    assert again.lines[0].return_no == 1
    other = hand_in(store, a_return(1, reason="not as ordered"))
    assert "handed in before and said something else" in other.findings[0].words
    assert other.lines == ()


def test_what_is_wrong_is_told_with_its_place_and_the_rest_goes_on(store: PostgresStore) -> None:
    import_goods(store, declaration(1))
    receipt = hand_in(store, {"retun_id": "R"}, a_return(1), a_return(2, items=[{"quantity": -1}]))
    assert receipt.record_count == 3
    assert [line.name for line in receipt.lines] == ["R-1"]
    assert {finding.place for finding in receipt.findings} >= {"line 1: /return_id", "line 3: /items/0/quantity"}
    future = hand_in(store, a_return(3, exit_event=an_event(3, happened_at="2999-01-01T00:00:00Z")))
    assert future.findings[0].rule_id == "exit.in_future"
    nothing = report(store, an_event(4, waybill=""))
    assert nothing.findings[0].rule_id == "exit.about_nothing"


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b"[{", b"<xml/>", b"return_id,what\nR,1\n", b'{"returns": 1}', b"[1, null]"]
)
def test_a_message_that_cannot_be_read_is_kept_and_answered(store: PostgresStore, body: bytes) -> None:
    receipt = Returning(store).submit(handed(store, (), "post", body=body))
    assert receipt.is_complete
    assert receipt.findings
    assert store.returns.body(receipt.return_message_id) == body
    assert store.returns.unprocessed() == []


def test_too_large_a_message_is_not_taken(store: PostgresStore) -> None:
    with pytest.raises(LimitExceededError, match="larger than 16 MiB"):
        Returning(store).submit(handed(store, (), "post", body=b" " * (16 * 1024**2 + 1)))


@pytest.mark.parametrize("table", ["return_decision", "goods_return", "exit_event", "return_verdict"])
def test_what_is_kept_is_never_changed(store: PostgresStore, table: str) -> None:
    with psycopg.connect(store.url, autocommit=True) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(f"DELETE FROM {table}".encode())


# --- at the same time, and after a crash ---------------------------------------------------------------------------


def test_claims_at_the_same_time_never_give_back_more(store: PostgresStore) -> None:
    """Eight senders' messages claim all of one import at once, and each half of it twice over."""
    import_goods(store, declaration(1))
    start = threading.Barrier(8)

    def claim(number: int) -> None:
        items: dict[str, Any] = {} if number % 2 else {"items": [{"quantity": 2, "sku": "TRAIN-1"}]}
        start.wait()
        hand_in(
            store, a_return(1, return_id=f"R-{number}", return_waybill=f"B{number}", **items,
                            exit_event=an_event(number, waybill=f"B{number}")),
        )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(claim, range(8)))
    rows = store.returns.cases(CaseFilter())
    given = sum((row.amount or D(0) for row in rows if row.outcome is Outcome.REMISSION), D(0))
    assert given == WHOLE
    assert all(row.outcome is not None for row in rows)
    assert books_add_up(store)
    assert replay_all(store).is_clean


def test_claims_on_one_account_at_the_same_time_lessen_it_once(store: PostgresStore) -> None:
    """Two imports of one payer and month, half of it paid: no more is remitted than is owed."""
    import_goods(store, declaration(1), declaration(2))
    keep_books(store)
    (debt,) = store.accounts.open_debts()
    half = Draft(reference="P", amount=WHOLE, currency="GBP", booked_on=IMPORTED_ON, payer=debt.party)
    take_payment(half, store.accounts, MATCHING)
    start = threading.Barrier(2)

    def claim(number: int) -> None:
        start.wait()
        hand_in(store, a_return(number, exit_event=an_event(number)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(claim, [1, 2]))
    settled = [each for case_no in (1, 2) for each in decision(store, case_no).settled]
    assert sum(each.remitted for each in settled) == WHOLE
    assert sum(each.paid_out for each in settled) == WHOLE
    assert balance(store, "receivable") == 0


WORK = """
import sys
import time
from datetime import UTC, date, datetime
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.returning import Handed, Returning


class Slow(Returning):
    # Whoever is to kill it may be late: with the last return it waits.

    def _one_return(self, message, position, record):
        if position == 60:
            time.sleep(600)
        return super()._one_return(message, position, record)


if __name__ == "__main__":
    with PostgresStore(sys.argv[1]) as store:
        body = open(sys.argv[2], "rb").read()
        handed = Handed(body=body, sender_id=int(sys.argv[3]), transport="cli", received_on=date(2026, 7, 10))
        Slow(store).submit(handed)
"""


def test_kill_between_keeping_and_deciding_loses_and_doubles_nothing(store: PostgresStore, tmp_path: Path) -> None:
    count = 60
    import_goods(store, *(declaration(number) for number in range(count)))
    returns = [
        a_return(number, exit_event=an_event(number), documents=[{"kind": "return order", "reference": "RO"}])
        for number in range(count)
    ]
    path = tmp_path / "returns.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in returns))
    sender_id = store.senders.ensure("post").sender_id
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, store.url, str(path), str(sender_id)], env=os.environ | {"PYTHONPATH": str(SOURCE)}
    )
    deadline = time.monotonic() + 60
    while len(store.returns.cases(CaseFilter(limit=1000))) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(store.returns.unprocessed()) == 1
    (receipt,) = Returning(store).resume()
    assert receipt.is_complete
    rows = store.returns.cases(CaseFilter(limit=1000))
    assert len(rows) == count
    assert all(row.version == 1 for row in rows)
    assert store.returns.unprocessed() == []
    given = store.returns.totals([row.declaration_id for row in rows if row.declaration_id])
    assert len(given) == count
    each = {("revenue", "A00", "GBP"): D("27.65"), ("revenue", "B00", "GBP"): D("58.72")}
    assert all(totals == each for totals in given.values())
    assert books_add_up(store)


SOURCE = Path(__file__).resolve().parents[2] / "src"
