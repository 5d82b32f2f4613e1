"""Webhooks are served beside the server: what senders are told is posted to where they want it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import httpx

from tidewaiter import __version__
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.pushing import Answer, Post
from tidewaiter.workflow.webhooks import Deliverer

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0  # a receiver keeps the notice and answers; what it does with it comes after


def delivering(store: PostgresStore) -> Callable[[], object]:
    """One round of sending what is due."""
    return Deliverer(store, store.webhooks, posting()).round


def posting() -> Post:
    """What sends by HTTP, over connections kept open."""
    # No redirects: a notice goes where the administrator said and nowhere else. The environment's proxies count.
    client = httpx.Client(
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"user-agent": f"Tidewaiter/{__version__}"},
    )
    return partial(post, client)


def post(client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """What the receiver answered; what it says beside the status is not read."""
    try:
        with client.stream("POST", url, content=body, headers=headers) as response:
            return Answer(response.status_code)
    except httpx.TimeoutException:
        return Answer(0, "no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(0, f"{type(error).__name__}: {error}")
