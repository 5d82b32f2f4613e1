"""Speaking with a running member by its operator's door, or with any member by HTTP; waits, and is for commands and tests."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from tidewaiter.model.errors import TidewaiterError, UnavailableError
from tidewaiter.network.handing_in import Placed, Told
from tidewaiter.network.home import Home

SECONDS_MAX: Final = 60.0


class NotRunningError(UnavailableError):
    """The member does not run here."""

    code = "network.not_running"


class DeclinedError(TidewaiterError):
    """A member declined what it was asked."""

    code = "network.declined"


class Operator:
    """One running member, as whoever may enter its folder speaks with it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._door = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(home.operator_socket)), base_url="http://member", timeout=SECONDS_MAX
        )
        self._front = httpx.Client(base_url=home.config.address, timeout=SECONDS_MAX, trust_env=False)

    def __enter__(self) -> Operator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.close()
        self._front.close()

    def status(self) -> dict[str, Any]:
        """What the member says of itself to everybody."""
        return msgspec.json.decode(self._asked(self._front, "GET", "/"), type=dict[str, Any])

    def final(self, after: int | None = None) -> bytes:
        """The last final checkpoint; with `after`, one of more entries, once there is one."""
        return self._asked(self._front, "GET", "/record/final" + ("" if after is None else f"?after={after}"))

    def receipt(self, index: int) -> bytes:
        """The receipt of an entry."""
        return self._asked(self._front, "GET", f"/record/receipts/{index}")

    def tell(self, told: Sequence[Told]) -> list[Placed]:
        """Record things: where each stands, or why it does not."""
        answer = self._asked(self._door, "POST", "/tell", msgspec.json.encode(told))
        return msgspec.json.decode(answer, type=list[Placed])

    def keep_key(self, subject: str, key: str = "") -> dict[str, str]:
        """Keep a consignment's key, or have one made: subject, key and scope."""
        return msgspec.json.decode(self.ask("/keys", {"subject": subject, "key": key}), type=dict[str, str])

    def view(self, subject: str, scope: str = "") -> dict[str, Any]:
        """A consignment as this member sees it."""
        path = f"/view/{quote(subject)}" + (f"?scope={scope}" if scope else "")
        return msgspec.json.decode(self._asked(self._door, "GET", path), type=dict[str, Any])

    def ask(self, path: str, body: object = b"") -> bytes:
        """The answer at the operator's door to a body, which is written as JSON unless it is bytes."""
        return self._asked(self._door, "POST", path, body if isinstance(body, bytes) else msgspec.json.encode(body))

    def stop(self) -> None:
        """Have the member leave."""
        self.ask("/stop")

    def _asked(self, client: httpx.Client, method: str, path: str, body: bytes = b"") -> bytes:
        try:
            answer = client.request(method, path, content=body)
        except httpx.TransportError as error:
            raise NotRunningError(
                f"{self.home.folder.name} does not answer", hint="tidewaiter node run starts it"
            ) from error
        if answer.status_code >= 400:
            raise _declined(answer)
        return answer.content


def _declined(answer: httpx.Response) -> DeclinedError:
    try:
        said = answer.json()
        error = DeclinedError(said["detail"], hint=said.get("hint", ""), place=said.get("place", ""))
        error.code = said["code"]
    except (ValueError, KeyError, TypeError):
        error = DeclinedError(answer.text.strip()[:500] or f"status {answer.status_code}")
    return error
