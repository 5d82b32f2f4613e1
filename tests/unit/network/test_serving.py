"""What a member's service does with requests as no client of ours writes them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tidewaiter.network.serving import Request, Response, Route, Service


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
