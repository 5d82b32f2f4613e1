"""Speaking with a running member by its operator's door, or with any member by HTTP; waits, and is for commands and tests."""

from __future__ import annotations

import socket
import time
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

    def state(self, statement: bytes) -> Placed:
        """Hand in a statement with the entry that stands for it: where it stands, or why it does not."""
        return msgspec.json.decode(self.ask("/statement", statement), type=list[Placed])[0]

    def relayed(self) -> int:
        """How many entries of the member's own house were handed on."""
        return int(msgspec.json.decode(self._asked(self._door, "GET", "/relay"))["relayed"])

    def not_taken(self) -> list[dict[str, Any]]:
        """The entries of the member's own house that the contract refused, and why."""
        answer = msgspec.json.decode(self._asked(self._door, "GET", "/relay"), type=dict[str, Any])
        return list(answer["not_taken"])

    def checkpoint_size(self, origin: str) -> int:
        """How many entries of an origin the member holds."""
        return int(next(each["size"] for each in self.status()["origins"] if each["origin"] == origin))

    def state_root(self) -> str:
        """The root of the state with which the origin before the last one ended, in hexadecimal."""
        return str(msgspec.json.decode(self._asked(self._door, "GET", "/epoch"))["state"])

    def numbers(self, origin: str) -> dict[str, int]:
        """The last running number of each submitter in an origin."""
        return msgspec.json.decode(
            self._asked(self._door, "GET", f"/numbers?origin={quote(origin)}"), type=dict[str, int]
        )

    def await_quiet(self, seconds: float = 15) -> None:
        """Return once all that the sequencer holds is final. Raises NotRunningError where it does not get so far."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            last = self.status()["origins"][-1]
            if last["size"] == last["final_size"] == min(last["mirrors"].values()):
                return
            time.sleep(0.05)
        raise NotRunningError("not everything becomes final", hint="do a quorum of members run?")

    def keep_key(self, subject: str, key: str = "") -> dict[str, str]:
        """Keep a consignment's key, or have one made: subject, key and scope."""
        return msgspec.json.decode(self.ask("/keys", {"subject": subject, "key": key}), type=dict[str, str])

    def erase(self, subject: str) -> int:
        """Have the member forget what opens a consignment's entries: how many it had fields of."""
        return int(msgspec.json.decode(self.ask("/erase", {"subject": subject}))["forgotten"])

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


def runs(home: Home) -> bool:
    """Whether somebody listens at a member's door; one that is left by a process that was killed refuses."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(home.operator_socket))
        except OSError:
            return False
    return True


def _declined(answer: httpx.Response) -> DeclinedError:
    try:
        said = answer.json()
        error = DeclinedError(said["detail"], hint=said.get("hint", ""), place=said.get("place", ""))
        error.code = said["code"]
    except (ValueError, KeyError, TypeError):
        error = DeclinedError(answer.text.strip()[:500] or f"status {answer.status_code}")
    return error
