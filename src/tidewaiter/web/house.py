"""What every handler is handed: the store to read, the intake to submit to, the settings of the doors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, BinaryIO, Final, Protocol

from anyio import CapacityLimiter

from tidewaiter.model.decision import State
from tidewaiter.release.states import Trigger
from tidewaiter.store.accounts import Accounts
from tidewaiter.web.principal import Senders
from tidewaiter.web.sessions import Throttle
from tidewaiter.web.settings import WebSettings
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Receipt
from tidewaiter.workflow.returning import Returning

SUBMISSIONS_AT_ONCE: Final = 2  # small messages being decided at the same time: more threads only wait for one another
UPLOADS_AT_ONCE: Final = 14  # messages still coming in while they are kept; one that comes slowly holds up no other


class Desk(Protocol):
    """What officers do with a declaration."""

    def act(self, declaration_id: int, trigger: Trigger, actor: str, words: str = "") -> State:
        """Do it; the state reached. Raises TransitionError where its state does not allow it."""


class Submitter(Protocol):
    """The intake as the doors use it."""

    def submit(
        self,
        stream: BinaryIO,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
        legal_day: date | None = None,
    ) -> Receipt:
        """Keep a message, decide what is in it, and give a receipt. Raises ConflictError."""

    def prepare(self) -> None:
        """Have forms, rules, law and lists at hand before the first message."""

    def close(self) -> None:
        """Finish what is being written; take nothing more."""

    def resume(self) -> Sequence[Receipt]:
        """Finish the messages that were kept and not wholly processed."""


@dataclass(frozen=True)
class House:
    """Put together once by whoever starts the server; handlers only read it."""

    store: Store
    intake: Submitter
    desk: Desk
    senders: Senders
    settings: WebSettings
    accounts: Accounts
    throttle: Throttle = field(default_factory=Throttle)
    submissions: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(SUBMISSIONS_AT_ONCE))
    uploads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(UPLOADS_AT_ONCE))
    going_on: set[asyncio.Task[Any]] = field(default_factory=set)  # work whose sender was already answered

    @cached_property
    def returning(self) -> Returning:
        """Where returns and exit events are handed in, and cases decided."""
        return Returning(self.store)


def now() -> datetime:
    """The present moment in UTC. Web and workflow are where a clock may be read."""
    return datetime.now(UTC)
