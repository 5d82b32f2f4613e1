"""How often strangers may ask for what is worked out and kept for them; whoever sends a key is not held up."""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import Any, Final

from litestar import Request
from litestar.datastructures import State

from tidewaiter.web.principal import Principal
from tidewaiter.web.problem import WebError

WINDOW_SECONDS: Final = 60
IPV6_HOUSEHOLD: Final = 64


class Pace:
    """Counts what each address asked for in the present minute. Lives as long as the process; holds one minute's."""

    def __init__(self) -> None:
        self._window = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def wait_seconds(self, address: str, most: int, now: float) -> int:
        """Count one more from an address: 0 where it is among the first `most` of the minute, else how long to wait."""
        window = int(now // WINDOW_SECONDS)
        with self._lock:
            if window != self._window:
                self._window = window
                self._counts.clear()
            count = self._counts[address] = self._counts.get(address, 0) + 1
        return 0 if count <= most else int((window + 1) * WINDOW_SECONDS - now) + 1


def asker(address: str) -> str:
    """Whom an address is counted as: itself, or its network of 64 bits, of which one household has all."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((found, IPV6_HOUSEHOLD), strict=False))


def keep_pace(
    request: Request[Principal | None, Any, State], pace: Pace, most: int, what: str = "quotes a minute are given"
) -> None:
    """Let a request pass. Raises WebError where a stranger asks too often; `what` says of what."""
    if request.scope.get("user") is not None:
        return
    address = asker(request.client.host if request.client is not None else "")
    wait = pace.wait_seconds(address, most, time.time())
    if wait:
        raise WebError(
            "auth.slow_down",
            f"At most {most} {what} to one address without a key.",
            hint=f"Wait {wait} seconds, or send a key.",
        )
