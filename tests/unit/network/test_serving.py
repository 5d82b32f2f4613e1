"""What a member's service does with requests as no client of ours writes them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tidewaiter.network.serving import BODY_BYTES_FREE, Request, Response, Route, Service


async def echo(request: Request) -> Response:
    return Response(request.body)


def asked(length: bytes, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a POST that tells this content-length."""
    scope = {
        "type": "http", "method": "POST", "path": "/here", "query_string": b"", "headers": [(b"content-length", length)],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Service([Route("POST", "/here", echo, 1000)])(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("length", [b"9" * 5000, b"1001", b"0" * 5000 + b"1001"])
def test_a_length_beyond_the_limit_is_refused_with_words_however_many_digits_it_has(length: bytes) -> None:
    status, body = asked(length, b"x")
    assert status == 413
    assert msgspec.json.decode(body)["code"] == "http.too_large"


@pytest.mark.parametrize("length", [b"1000", b"0" * 5000 + b"1000", b"", b"0", b"-1", b"many"])
def test_any_other_length_is_left_to_the_body_itself(length: bytes) -> None:
    assert asked(length, b"x") == (200, b"x")
    assert asked(length, b"x" * 1001)[0] == 413


def test_large_bodies_share_a_room_which_is_given_back_and_small_ones_are_taken_all_the_same() -> None:
    large, room = BODY_BYTES_FREE + 600, 1000
    service = Service([Route("POST", "/here", echo, 2 * large)], bodies_max=room)

    async def ask(size: int, until: asyncio.Event | None = None) -> int:
        scope = {"type": "http", "method": "POST", "path": "/here", "query_string": b"", "headers": []}
        parts = [b"x" * size, b"y"]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if len(parts) == 1 and until is not None:
                await until.wait()
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await service(scope, receive, send)
        if sent[0]["status"] != 200:
            assert msgspec.json.decode(sent[1]["body"])["code"] == "http.crowded"
        return int(sent[0]["status"])

    async def crowd() -> list[int]:
        let_go = asyncio.Event()
        first = asyncio.create_task(ask(large, let_go))
        await asyncio.sleep(0)
        during = [await ask(large), await ask(BODY_BYTES_FREE // 2), await ask(BODY_BYTES_FREE + 300)]
        let_go.set()
        return [*during, await first, await ask(large)]

    assert asyncio.run(crowd()) == [503, 200, 200, 200, 200]
    assert service.room == room
