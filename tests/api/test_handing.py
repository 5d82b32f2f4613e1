"""Handing in over a slow line, a broken line, and where the work takes longer than a sender should wait."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from litestar.exceptions import InternalServerException
from litestar.testing import TestClient
from msgspec.structs import replace

from api import parcels
from tidewaiter.web import handing
from tidewaiter.web.counter import BYTES_MAX
from tidewaiter.web.handing import Particulars, hand_in
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.processing import Processing
from tidewaiter.workflow.records import Arriving, Receipt
from tidewaiter.workflow.together import Answer, Left

GIVEN = Particulars(sender_id=1, file_name="load.json", transport="rest")


def as_it_is(answer: Answer) -> Receipt:
    return answer.receipt


def whole(answer: Answer) -> Answer:
    return answer


async def in_pieces(body: bytes, size: int, *, pause: float = 0) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        await asyncio.sleep(pause)
        yield body[start : start + size]
        yield b""


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


@pytest.mark.parametrize("size", [1, 7, 4096, 10**6])
def test_however_it_is_cut_the_message_is_the_same(house: House, size: int) -> None:
    body = parcels.message(parcels.announced(f"H-{size}"))
    receipt = run(lambda: hand_in(house, in_pieces(body, size), GIVEN, as_it_is))
    assert receipt.counts == {"received": 1}
    assert b"".join(house.store.message_bytes(receipt.message_id)) == body


def test_a_message_that_breaks_off_is_not_kept(house: House) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield parcels.message(parcels.announced("H-broken"))[:100]
        raise InternalServerException("client disconnected prematurely")

    before = len(house.store.messages(None, 1000))
    with pytest.raises(WebError, match="broke off"):
        run(lambda: hand_in(house, broken(), GIVEN, as_it_is))
    assert len(house.store.messages(None, 1000)) == before


def test_long_work_is_acknowledged_once_kept_and_goes_on(
    house: House, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender is told the message's number as soon as it is kept; the decision follows by itself."""
    monkeypatch.setattr(handing, "ANSWER_SECONDS", 0.05)
    may_go_on = threading.Event()
    run_really = Processing.run

    def slowly(processing: Processing, *args: Any) -> Receipt:
        assert may_go_on.wait(60)
        return run_really(processing, *args)

    monkeypatch.setattr(Processing, "run", slowly)
    body = parcels.message(parcels.announced("H-slow"), parcels.announced("H-slow-too"))

    async def scenario() -> Receipt:
        answered = await hand_in(house, in_pieces(body, 100), GIVEN, as_it_is)
        assert len(house.going_on) == 1
        page = await asyncio.to_thread(client.get, f"/messages/{answered.message_id}?receipt=pending")
        assert "It is being worked through, 0 records so far." in page.text
        assert "Look again" in page.text
        may_go_on.set()
        await asyncio.wait(house.going_on)
        return answered

    answered = run(scenario)
    assert not answered.is_complete
    assert house.store.message(answered.message_id).is_processed
    assert house.store.find("H-slow")


def test_a_slow_sender_may_take_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is counted from the last byte, not from the first."""
    monkeypatch.setattr(handing, "ANSWER_SECONDS", 0.2)
    body = parcels.message(parcels.announced("H-pauses"))
    receipt = run(lambda: hand_in(house, in_pieces(body, len(body) // 8, pause=0.05), GIVEN, as_it_is))
    assert receipt.is_complete


@pytest.mark.parametrize("size", [1, 2 * BYTES_MAX])
def test_what_goes_wrong_is_raised(house: House, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def fails(*_: Any, **__: Any) -> Receipt:
        raise ValueError("no")

    monkeypatch.setattr(house.intake, "submit", fails)
    monkeypatch.setattr(house.intake, "submit_together", fails)
    with pytest.raises(ValueError, match="no"):
        run(lambda: hand_in(house, in_pieces(b"x" * size, size), GIVEN, as_it_is))


def test_a_crowd_is_served_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits is taken at once, every sender hears of its own message, and what fails harms no other."""
    taken: list[int] = []
    together = house.intake.submit_together

    def counted(arriving: Sequence[Arriving]) -> list[Answer | Left]:
        taken.append(len(arriving))
        return together(arriving)

    monkeypatch.setattr(house.intake, "submit_together", counted)
    bodies = [parcels.message(parcels.announced(f"H-crowd-{number}")) for number in range(30)]
    bodies += [b"neither", parcels.message(parcels.announced("H-one"), parcels.announced("H-two")), bodies[0]]

    async def scenario() -> list[Receipt]:
        return await asyncio.gather(*(hand_in(house, in_pieces(body, 10**6), GIVEN, as_it_is) for body in bodies))

    receipts = run(scenario)
    assert max(taken) > 1
    assert [receipt.digest for receipt in receipts] == [hashlib.sha256(body).hexdigest() for body in bodies]
    assert [receipt.counts for receipt in receipts] == [{"received": 1}] * 30 + [{}, {"received": 2}, {"received": 1}]
    assert receipts[30].message_findings
    assert receipts[32] == replace(receipts[0], is_repeat=True)
    assert len({receipt.message_id for receipt in receipts}) == 32


def test_what_is_answered_is_what_is_kept(house: House) -> None:
    """The outcome made of what was just written is the one that is read from the database."""
    bodies = [
        parcels.message(parcels.announced("H-\t\\ \u00e9\u0000")),
        parcels.message(parcels.announced("H-kept") | {"consignment": {}}),
        parcels.message(parcels.parcel("H-present", parcels.item(1, "shirts", "6109100010", "900"))),
        parcels.message({}),
    ]
    for body in bodies:
        answer = run(lambda body=body: hand_in(house, in_pieces(body, 10**6), GIVEN, whole))
        ((declaration_id, outcome),) = answer.outcomes.items()
        assert outcome == house.store.outcome(declaration_id)
        assert house.store.message(answer.receipt.message_id).is_processed
