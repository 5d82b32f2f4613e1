"""What is asked of servers of NATS again, and what is told at once."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

from nats.errors import TimeoutError as NoAnswerError
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServerError, ServiceUnavailableError

from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters import nats

NO_PEERS = BadRequestError(code=400, err_code=10005, description="no suitable peers for placement")
NAME_IN_USE = BadRequestError(code=400, err_code=10058, description="stream name already in use")
NO_STREAM = NotFoundError(code=404, err_code=10059, description="stream not found")
NOT_LEADER = ServerError(code=500, err_code=10009, description="JetStream cluster can not handle request")
OVERLAP = BadRequestError(code=400, err_code=10065, description="subjects overlap with an existing stream")
NOT_CLUSTERED = ServerError(code=500, err_code=10074, description="replicas > 1 not supported in non-clustered mode")
NO_ROOM = BadRequestError(code=400, err_code=10027, description="maximum number of streams reached")


class Asked:
    """A question that fails in these ways, one by one, before it is answered."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.times = 0

    async def __call__(self) -> str:
        self.times += 1
        if self._failures:
            raise self._failures.pop(0)
        return "made"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats, "AGAIN_AFTER_SECONDS", 0.001)
    monkeypatch.setattr(nats, "AGREED_WITHIN_SECONDS", 0.2)


@pytest.mark.parametrize(
    "failure",
    [
        NO_PEERS,
        NAME_IN_USE,
        NO_STREAM,
        NOT_LEADER,
        OVERLAP,
        ServiceUnavailableError(code=503),
        NoAnswerError(),
        TimeoutError(),
    ],
)
def test_what_may_pass_is_asked_again(failure: Exception) -> None:
    asked = Asked(failure, failure)
    assert asyncio.run(nats.patiently(asked, "the stream cannot be made")) == "made"
    assert asked.times == 3


@pytest.mark.parametrize("failure", [NOT_CLUSTERED, NO_ROOM])
def test_what_will_not_pass_is_told_at_once_in_the_servers_words(failure: APIError) -> None:
    asked = Asked(failure)
    with pytest.raises(UnavailableError, match=f"the stream cannot be made: .*{failure.description}"):
        asyncio.run(nats.patiently(asked, "the stream cannot be made"))
    assert asked.times == 1


def test_what_does_not_pass_in_time_is_told_in_the_servers_words() -> None:
    with pytest.raises(UnavailableError, match="no suitable peers for placement"):
        asyncio.run(nats.patiently(Asked(*[NO_PEERS] * 1000), "the stream cannot be made"))


def test_a_failure_without_words_is_told_by_its_name() -> None:
    assert nats.told(TimeoutError()) == "TimeoutError()"
