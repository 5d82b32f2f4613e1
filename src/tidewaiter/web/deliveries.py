"""Webhooks are served beside the server: what senders are told is posted to where they want it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from tidewaiter import __version__
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.shapes import NoticeShape
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.pushing import Answer, Post, Sent
from tidewaiter.workflow.webhooks import Deliverer

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0  # a receiver keeps the notice and answers; what it does with it comes after
WHOLE_SECONDS: Final = 20.0  # for all of it: one that answers byte by byte is given up, too


def delivering(store: PostgresStore) -> Callable[[], object]:
    """One round of sending what is due."""

    def one_round() -> Sent:
        if not store.webhooks.due(now()):
            return Sent()
        with posting() as post:
            return Deliverer(store, store.webhooks, post, NoticeShape.of).round()

    return one_round


@contextmanager
def posting(*, trust_env: bool = True, seconds: float = WHOLE_SECONDS) -> Iterator[Post]:
    """While in the `with`, what posts; safe in threads. No request lasts longer than `seconds`, whatever comes back."""
    # No redirects: a notice goes where the administrator said and nowhere else. The environment's proxies count.
    made = httpx.AsyncClient(
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"user-agent": f"Tidewaiter/{__version__}"},
        trust_env=trust_env,
    )
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(made) as client:

        def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
            return portal.call(_post, client, url, body, headers, seconds)

        yield post


async def _post(client: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str], seconds: float) -> Answer:
    """What the receiver answered; what it says beside the status is not read."""
    try:
        with anyio.fail_after(seconds):
            async with client.stream("POST", url, content=body, headers=headers) as response:
                return Answer(response.status_code)
    except (TimeoutError, httpx.TimeoutException):
        return Answer(0, "no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(0, f"{type(error).__name__}: {error}")
