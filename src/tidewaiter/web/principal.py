"""Who is asking, and what that lets them do."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Protocol

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from tidewaiter.web.problem import WebError
from tidewaiter.workflow.ports import Sender


class Role(StrEnum):
    """What a key or a session may do."""

    DECLARANT = "declarant"  # hands in, and sees its own things only
    OFFICER = "officer"  # reads all, acts on declarations
    ADMINISTRATION = "administration"  # another system of the administration's: tells what happened there, and no more


class Principal(Struct, frozen=True):
    """Somebody known: a declarant or an administration's system by its key, an officer by key or session."""

    name: str
    role: Role
    sender_id: int | None = None  # None: bound to no sender
    key_digest: str = ""  # SHA-256 (hexadecimal) of the key that was shown; "" for a session
    connector_id: int | None = None  # of an administration's system, what it is connected as

    @property
    def is_officer(self) -> bool:
        """True where everything may be read."""
        return self.role is Role.OFFICER


LOCAL_OFFICER = Principal("local", Role.OFFICER)


# Said of a route that only somebody known may use; checked before anything else of the request is looked at. No guard of
# the framework: for each request it copies the whole handler first, a tenth of a submission's processor time.
FOR_THE_KNOWN: Final = {"is_for_the_known": True}
# Said of a route for an administration's system, which may use no other that is for somebody known.
FOR_ADMINISTRATIONS: Final = {**FOR_THE_KNOWN, "is_for_administrations": True}
# Said of a route where a small message's key is asked for again in the statement that keeps it: there, whose key it is
# may be remembered for a moment.
KEY_ASKED_AGAIN: Final = {"is_key_asked_again": True}


class Holder(Protocol):
    """Whose an API key is, as the store tells it."""

    @property
    def name(self) -> str:
        """What the key was given for."""

    @property
    def role(self) -> str:
        """One of `Role`."""

    @property
    def sender_id(self) -> int | None:
        """The sender it is bound to."""

    @property
    def connector_id(self) -> int | None:
        """The connector it is bound to."""


class Senders(Protocol):
    """What the doors need to know about senders and their keys."""

    def holder_of(self, key: str) -> Holder | None:
        """Whose key this is; None where it is nobody's."""

    def all(self) -> list[Sender]:
        """Every sender, by name."""


def of_holder(holder: Holder, key_digest: str = "") -> Principal:
    """The principal a key stands for."""
    return Principal(holder.name, Role(holder.role), holder.sender_id, key_digest, holder.connector_id)


def officer(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard: an officer is asking."""
    asking = connection.scope.get("user")
    if asking is None:
        raise WebError("auth.required", "No valid key was sent.")
    if not asking.is_officer:
        raise WebError("auth.forbidden", "This is for officers.")
