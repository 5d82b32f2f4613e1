"""Asking other members over HTTP/1.1 connections that are kept: bounded in time and size, and cheap.

Members answer in plain HTTP; where a proxy with TLS stands before one, its address begins with https, and the proxy's certificate has
to be one that this machine trusts (`SSL_CERT_FILE` names another authority).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import httptools
from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError, UnavailableError

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
SECONDS_MAX: Final = 10.0
KEPT_MAX: Final = 8
"""Connections to one member that are kept though nobody uses them."""


class PeerError(UnavailableError):
    """A member did not answer in time, or not in HTTP."""

    code = "network.peer"


class AddressError(TidewaiterError):
    """A member's address is none that can be asked."""

    code = "network.address"


def check_address(url: str) -> SplitResult:
    """The parts of a member's address. Raises AddressError where it is none that can be asked."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port or an address in brackets that is none
        is_one = False
    if not is_one or parts.username or parts.query or parts.fragment or not url.isascii():
        raise AddressError(
            f"“{url[:200]}” is no address of a member", hint="write it as http://HOST:PORT, or https:// before a proxy"
        )
    return parts


class Answer(Struct, frozen=True):
    """What a member answered."""

    status: int
    body: bytes
    content_type: str = ""


class Peer:
    """One member's address. Several questions may be asked at once; each has a connection to itself meanwhile."""

    def __init__(self, url: str, *, seconds: float = SECONDS_MAX) -> None:
        parts = check_address(url)
        self.url = url.rstrip("/")
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._host, self._base = parts.hostname or "", parts.path.rstrip("/")
        self._port = parts.port or (443 if self._ssl else 80)
        self._seconds = seconds
        self._idle: deque[_Connection] = deque()

    async def get(self, path: str) -> Answer:
        """What is served at a path. Raises PeerError."""
        return await self._ask("GET", path, b"", "")

    async def post(self, path: str, body: bytes, content_type: str = "application/octet-stream") -> Answer:
        """The answer to a body. Raises PeerError: it may then have been taken all the same."""
        return await self._ask("POST", path, body, content_type)

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.popleft().close()

    async def _ask(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        head = f"{method} {self._base}{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        if method == "POST":
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        request = (head + "\r\n").encode("ascii")
        try:
            async with asyncio.timeout(self._seconds):
                return await self._sent(request, body)
        except TimeoutError as error:
            raise PeerError(f"{self.url} did not answer within {self._seconds:g} seconds") from error
        except (OSError, httptools.HttpParserError) as error:
            raise PeerError(f"{self.url} cannot be asked: {error}") from error

    async def _sent(self, head: bytes, body: bytes) -> Answer:
        while True:
            connection = self._idle.pop() if self._idle else None
            is_kept = connection is not None
            if connection is None:
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._ssl)
            try:
                answer = await connection.ask(head, body)
            except ConnectionResetError:
                connection.close()
                if is_kept:  # closed meanwhile as idle; whatever is asked here may be asked twice
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            if connection.is_open and len(self._idle) < KEPT_MAX:
                self._idle.append(connection)
            else:
                connection.close()
            return answer


class _Connection(asyncio.Protocol):
    """One connection: one question at a time, parsed by httptools."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._fresh()
        self.is_open = True

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._size = 0
        self._content_type = ""

    async def ask(self, head: bytes, body: bytes) -> Answer:
        if not self.is_open:
            raise ConnectionResetError("the connection was closed")
        self._fresh()
        self._waiting = asyncio.get_running_loop().create_future()
        if len(body) < 16_384:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])
        return await self._waiting

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(ConnectionResetError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self._content_type = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > ANSWER_BYTES_MAX:
            self._fail(OSError(f"its answer has more than {ANSWER_BYTES_MAX} bytes"))
            self.close()

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.is_open = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(Answer(self._parser.get_status_code(), b"".join(self._parts), self._content_type))

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
