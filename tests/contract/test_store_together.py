"""Small messages kept and written several at a time: as if each had come alone, in the order given."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import ConflictError, TidewaiterError
from tidewaiter.store import PostgresStore
from tidewaiter.store.senders import KeyHolder, key_digest
from tidewaiter.workflow import replay
from tidewaiter.workflow.grouping import ClosedError
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter, Unkept
from tidewaiter.workflow.records import Arriving, Receipt
from tidewaiter.workflow.together import Answer, Left

DAY = date(2026, 11, 20)


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    return store.senders.ensure("A post").sender_id


@pytest.fixture
def intake(store: PostgresStore) -> Iterator[Intake]:
    with Intake(store, workers=1) as opened:
        yield opened


def some(count: int, seed: int = 1) -> list[Declaration]:
    return list(parcels.declarations("json", count, seed, DAY))


def arriving(sender_id: int, *declarations: Declaration, key: str = "", body: bytes | None = None) -> Arriving:
    return Arriving(
        sender_id=sender_id, file_name="x", transport="test", requested_form="json", idempotency_key=key,
        received_at=datetime.now(UTC), legal_day=DAY,
        body=forms.by_name("json").write(list(declarations)) if body is None else body,
    )  # fmt: skip


def receipts(settled: Sequence[Answer | Left]) -> list[Receipt]:
    return [each.receipt if isinstance(each, Answer) else each.work() for each in settled]


def test_many_are_kept_decided_and_written_at_once(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    messages = [arriving(sender_id, each) for each in some(40)]
    settled = intake.submit_together(messages)
    for message, answer in zip(messages, settled, strict=True):
        assert isinstance(answer, Answer)
        assert answer.receipt.is_complete
        assert b"".join(store.message_bytes(answer.receipt.message_id)) == message.body
        assert store.receipt(answer.receipt.message_id) == answer.receipt
        ((declaration_id, outcome),) = answer.outcomes.items()
        assert outcome == store.outcome(declaration_id)
    assert store.unprocessed() == []
    assert store.broken_links() == []
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed == 40


def test_they_come_to_what_each_comes_to_alone(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    declarations = some(20, seed=3)
    other = store.senders.ensure("A courier").sender_id
    together = receipts(intake.submit_together([arriving(sender_id, each) for each in declarations]))
    others = [replace(each, consignment=replace(each.consignment, transport_documents=())) for each in declarations]
    alone = [receipts(intake.submit_together([arriving(other, each)]))[0] for each in others]
    assert [receipt.counts for receipt in together] == [receipt.counts for receipt in alone]
    assert [receipt.findings for receipt in together] == [receipt.findings for receipt in alone]


def test_what_is_not_one_new_declaration_is_left_for_later(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    lodged, other, *two = some(4)
    amendment = replace(lodged, function=MessageFunction.AMENDMENT, invoice_id="changed")
    settled = intake.submit_together(
        [
            arriving(sender_id, lodged),
            arriving(sender_id, *two),
            arriving(sender_id, body=b""),
            arriving(sender_id, body=b"\x1f\x8bnot a gzip"),
            arriving(sender_id, amendment),
            arriving(sender_id, other),
        ]
    )
    assert [isinstance(each, Answer) for each in settled] == [True, False, False, False, False, True]
    _, pair, empty, broken, amended, _ = receipts(settled)
    assert pair.record_count == 2
    assert not empty.record_count
    assert empty.message_findings
    assert not broken.record_count
    assert broken.message_findings
    assert amended.is_complete
    (found,) = store.declarations(Filter(text=lodged.functional_reference_id))
    assert found.version == 2
    assert replay.replay_all(store, workers=1).is_clean


def test_the_same_message_twice_in_one_list_is_kept_once(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (one,) = some(1)
    message = arriving(sender_id, one)
    first, again = receipts(intake.submit_together([message, message]))
    assert again == replace(first, is_repeat=True)
    assert receipts(intake.submit_together([message])) == [again]
    assert store.counts()["declarations"] == 1


def test_each_of_two_is_asked_for_the_key_that_it_came_with(store: PostgresStore, sender_id: int) -> None:
    """A message that is not let in neither takes its idempotency key from another nor hears what that one comes to."""
    ended, good = (
        store.senders.issue_key(KeyHolder(name=name, role="declarant", sender_id=sender_id)) for name in ("a", "b")
    )
    store.senders.revoke_keys("a")
    message = arriving(sender_id, *some(1))
    refused, let_in = (replace(message, api_key_digest=key_digest(key).hex()) for key in (ended, good))
    first, second, third = store.keep_small([refused, let_in, refused])
    assert (first, third) == (Unkept.NOT_LET_IN, Unkept.NOT_LET_IN)
    assert not isinstance(second, Unkept)
    assert store.keep_small([let_in]) == [Unkept.USED_BEFORE]


def test_one_key_for_two_contents_is_a_conflict(intake: Intake, sender_id: int) -> None:
    one, two = some(2)
    settled = intake.submit_together([arriving(sender_id, one, key="k"), arriving(sender_id, two, key="k")])
    assert isinstance(settled[0], Answer)
    assert isinstance(settled[1], Left)
    with pytest.raises(ConflictError):
        settled[1].work()


def test_a_reference_twice_in_one_list_is_met_by_the_second(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (one,) = some(1)
    settled = intake.submit_together([arriving(sender_id, one), arriving(sender_id, replace(one, invoice_id="other"))])
    assert [isinstance(each, Answer) for each in settled] == [True, False]
    first, second = receipts(settled)
    assert first.counts == {"received": 1}
    assert second.counts == {"rejected": 1}
    assert store.broken_links() == []


def test_one_that_cannot_be_written_holds_up_no_other(
    store: PostgresStore, intake: Intake, sender_id: int, database_url: str
) -> None:
    good, bad = some(2)
    with psycopg.connect(database_url, autocommit=True) as connection:
        refused = bad.functional_reference_id.encode()
        connection.execute(b"ALTER TABLE declaration ADD CHECK (functional_reference_id <> '%s')" % refused)
    settled = intake.submit_together([arriving(sender_id, good), arriving(sender_id, bad)])
    left = [each for each in settled if isinstance(each, Left)]
    assert len(left) == 2  # nothing of their common transaction stays; each is tried again alone
    assert left[0].work().counts == {"received": 1}
    with pytest.raises(psycopg.errors.CheckViolation):
        left[1].work()
    assert store.counts()["declarations"] == 1
    assert [message.record_count for message in store.unprocessed()] == [0]


def test_one_that_another_process_finished_first_is_answered_with_what_that_wrote(
    store: PostgresStore, intake: Intake, sender_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = some(1)
    keep = store.keep_small

    def keep_and_be_overtaken(messages: Sequence[Arriving]) -> Any:
        kept = keep(messages)
        with Intake(store, workers=1) as other:
            assert len(other.resume()) == 1
        return kept

    monkeypatch.setattr(store, "keep_small", keep_and_be_overtaken)
    (left,) = intake.submit_together([arriving(sender_id, one)])
    assert isinstance(left, Left)
    receipt = left.work()
    assert receipt.is_complete
    assert receipt == store.receipt(receipt.message_id)
    assert store.counts()["declarations"] == 1


def test_lists_that_share_keys_in_any_order_wait_for_one_another(store: PostgresStore, sender_id: int) -> None:
    messages = [arriving(sender_id, each) for each in some(24)]
    orders = [messages, messages[::-1], messages[12:] + messages[:12], messages[::2] + messages[1::2]]
    gate = threading.Barrier(len(orders))

    def submit(order: list[Arriving]) -> list[Receipt]:
        with Intake(store, workers=1) as intake:
            gate.wait()
            return receipts(intake.submit_together(order))

    with ThreadPoolExecutor(len(orders)) as pool:
        found = list(pool.map(submit, orders))
    assert store.counts()["messages"] == store.counts()["declarations"] == 24
    assert all(receipt.is_complete for each in found for receipt in each)
    assert sum(not receipt.is_repeat for each in found for receipt in each) == 24


def test_a_closed_intake_keeps_nothing(store: PostgresStore, sender_id: int) -> None:
    intake = Intake(store, workers=1)
    intake.close()
    body = arriving(sender_id, *some(1)).body
    with pytest.raises(ClosedError) as refused:
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x", transport="test")
    assert isinstance(refused.value, TidewaiterError)
    assert store.messages(None, 10) == []
