"""A member's HTTP service: plain ASGI, since what passes here is bytes; bounded in size and time; refusals with words.

Litestar, which the pages use, reads a body twice before it is ours and parses what needs no parsing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from tidewaiter.ledger.effects import Refuse
from tidewaiter.model.errors import TidewaiterError, UnavailableError

BODY_SECONDS: Final = 20
ANSWER_SECONDS: Final = 30
BODY_BYTES_FREE: Final = 1_000_000
"""Of a body that is held while it is read and answered, as many bytes as every request may have."""
BODIES_BYTES_MAX: Final = 200_000_000
"""What all bodies together may have beyond that: whoever sends large ones, and is nobody we know, does not fill the memory."""
TEXT: Final = "text/plain; charset=utf-8"
OCTETS: Final = "application/octet-stream"
MSGPACK: Final = "application/msgpack"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_LOG: Final = logging.getLogger(__name__)


class Request(Struct, frozen=True):
    """What was asked: the path's own parts by name, the query as it stands, the body, and how it is written."""

    path: dict[str, str]
    query: dict[str, str]
    body: bytes
    content_type: str
    encoding: str


class Response(Struct, frozen=True):
    """What is answered."""

    body: bytes
    status: int = 200
    content_type: str = TEXT
    headers: tuple[tuple[bytes, bytes], ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


class Route(Struct, frozen=True):
    """Who answers what: `{name}` in a path is one step of it, `{name*}` all that is left. `body_max` in bytes."""

    method: str
    path: str
    handler: Handler
    body_max: int = 0


class RefusedError(TidewaiterError):
    """What was asked is refused: status, code, why, hint and place."""

    def __init__(self, status: int, refuse: Refuse) -> None:
        super().__init__(refuse.why, hint=refuse.hint, place=refuse.place)
        self.status, self.refuse = status, refuse


def refused(status: int, code: str, why: str, hint: str = "", place: str = "") -> RefusedError:
    """A refusal to raise."""
    return RefusedError(status, Refuse(code, why, hint, place))


class _Room:
    """What one request's body takes of the room that all have together; given back when the block is left."""

    def __init__(self, service: Service) -> None:
        self._service, self._taken = service, 0

    def __enter__(self) -> _Room:
        return self

    def __exit__(self, *_: object) -> None:
        self._service.room += self._taken

    def take(self, size: int) -> None:
        """The body has come to this size. Raises RefusedError where there is no room for more."""
        more = max(0, size - BODY_BYTES_FREE) - self._taken
        if more > self._service.room:
            why = "as many large bodies are under way here as there is room for"
            raise refused(503, "http.crowded", why, "Send the same again in some seconds, or less at once.")
        self._taken += more
        self._service.room -= more


class Service:
    """An ASGI application out of routes."""

    def __init__(
        self, routes: Iterable[Route], *, body_seconds: float = BODY_SECONDS, bodies_max: int = BODIES_BYTES_MAX
    ) -> None:
        self._body_seconds, self.room = body_seconds, bodies_max
        self._plain: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[tuple[str, ...], Route]] = []
        for route in routes:
            if "{" in route.path:
                self._patterns.append((tuple(route.path.strip("/").split("/")), route))
            else:
                self._plain[route.method, route.path] = route

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            response = await self._answered(scope, receive)
        except RefusedError as error:
            response = problem(error.status, error.refuse)
        except UnavailableError as error:
            response = problem(503, Refuse(error.code, error.detail, error.hint, error.place))
        except TidewaiterError as error:
            response = problem(400, Refuse(error.code, error.detail, error.hint, error.place))
        except ConnectionResetError:
            return
        except Exception:
            _LOG.exception("a request could not be answered")
            why = "something went wrong here that nobody thought of"
            response = problem(500, Refuse("internal", why, "What happened is in this member's log."))
        await _send(send, response)

    async def _answered(self, scope: dict[str, Any], receive: Receive) -> Response:
        route, steps = self._route(scope["method"], scope["path"])
        headers = {name: value for name, value in scope["headers"] if name in _HEADERS}
        with _Room(self) as room:
            body = await self._read(route, headers, receive, room) if route.method == "POST" else b""
            query = dict(_pair(each) for each in scope["query_string"].decode("latin-1").split("&") if each)
            content_type = headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
            encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
            return await route.handler(Request(steps, query, body, content_type, encoding))

    async def _read(self, route: Route, headers: dict[bytes, bytes], receive: Receive, room: _Room) -> bytes:
        if _is_longer(headers.get(b"content-length", b""), route.body_max):
            raise _too_large(route.body_max)
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _body(receive, route.body_max, room)
        except TimeoutError as error:
            why = f"the body was not whole within {self._body_seconds:g} seconds"
            raise refused(408, "http.slow", why, "Send it in one go.") from error

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        if (route := self._plain.get((method, path))) is not None:
            return route, {}
        is_other_method = any(known == path for _, known in self._plain)
        steps = path.strip("/").split("/")
        for pattern, route in self._patterns:
            found = _matched(pattern, steps)
            if found is not None and route.method == method:
                return route, found
            is_other_method = is_other_method or found is not None
        if is_other_method:
            raise refused(405, "http.method", f"{method} is not for {path[:200]}")
        raise refused(
            404, "http.unknown", f"there is nothing at {path[:200]}", "docs/reference/network.md lists what there is."
        )


_HEADERS: Final = frozenset({b"content-length", b"content-type", b"content-encoding"})


def problem(status: int, refuse: Refuse) -> Response:
    """A refusal as RFC 9457 has it, with our code, hint and place."""
    said = {
        "type": "about:blank", "title": refuse.code, "status": status, "detail": refuse.why,
        "code": refuse.code, "hint": refuse.hint, "place": refuse.place,
    }  # fmt: skip
    return Response(msgspec.json.encode(said), status, PROBLEM)


def as_json(value: object) -> Response:
    """A record of ours as JSON."""
    return Response(msgspec.json.encode(value), 200, JSON)


async def _send(send: Send, response: Response) -> None:
    headers = [
        (b"content-type", response.content_type.encode("latin-1")),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _body(receive: Receive, body_max: int, room: _Room) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        part = message.get("body", b"")
        size += len(part)
        if size > body_max:
            raise _too_large(body_max)
        room.take(size)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(body_max: int) -> RefusedError:
    return refused(413, "http.too_large", f"a body here has {body_max} bytes at most", "Send less at once.")


def _is_longer(told: bytes, body_max: int) -> bool:
    """Whether a length as it was told is beyond the limit; a number of any length, which `int` does not read."""
    digits = told.lstrip(b"0")
    return digits.isdigit() and (len(digits) > len(str(body_max)) or int(digits) > body_max)


def _matched(pattern: tuple[str, ...], steps: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for place, part in enumerate(pattern):
        if part.endswith("*}"):
            found[part[1:-2]] = "/".join(steps[place:])
            return found
        if place >= len(steps):
            return None
        if part.startswith("{"):
            found[part[1:-1]] = steps[place]
        elif part != steps[place]:
            return None
    return found if len(pattern) == len(steps) else None


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return unquote(name), unquote(value)
