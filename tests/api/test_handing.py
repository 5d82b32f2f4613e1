"""Handing in over a slow line, a broken line, and where the work takes longer than a sender should wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, BinaryIO

import pytest
from litestar.exceptions import InternalServerException

from api import parcels
from tidewaiter.web import handing
from tidewaiter.web.handing import Particulars, hand_in
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.processing import Processing
from tidewaiter.workflow.records import Receipt

GIVEN = Particulars(sender_id=1, file_name="load.json", transport="rest")


def as_it_is(receipt: Receipt) -> Receipt:
    return receipt


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


def test_long_work_is_acknowledged_once_kept_and_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is told the message's number as soon as it is kept; the decision follows by itself."""
    monkeypatch.setattr(handing, "ANSWER_SECONDS", 0.05)
    may_go_on = threading.Event()
    run_really = Processing.run

    def slowly(processing: Processing, *args: Any) -> Receipt:
        assert may_go_on.wait(20)
        return run_really(processing, *args)

    monkeypatch.setattr(Processing, "run", slowly)
    body = parcels.message(parcels.announced("H-slow"))

    async def scenario() -> Receipt:
        answered = await hand_in(house, in_pieces(body, 100), GIVEN, as_it_is)
        assert len(house.going_on) == 1
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


def test_what_goes_wrong_is_raised(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: BinaryIO, **__: Any) -> Receipt:
        raise ValueError("no")

    monkeypatch.setattr(house.intake, "submit", fails)
    with pytest.raises(ValueError, match="no"):
        run(lambda: hand_in(house, in_pieces(b"x", 1), GIVEN, as_it_is))
