"""Filters as they stand in an address, for the list page and for REST alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import asdict

from tidewaiter.model.decision import Category, State
from tidewaiter.model.judgement import Lane
from tidewaiter.web.problem import WebError
from tidewaiter.workflow.ports import Filter

PAGE_ROWS: Final = 50
PAGE_ROWS_MAX: Final = 500
ID_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 200

Choice = TypeVar("Choice", bound=Enum)


class Given(Struct, frozen=True, kw_only=True):
    """A filter as typed: one text per field, empty where nothing was asked."""

    text: str = ""
    state: str = ""
    lane: str = ""
    category: str = ""
    jurisdiction: str = ""
    commodity: str = ""
    message: str = ""
    sender: str = ""
    received_from: str = ""
    received_to: str = ""
    before: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Given:
        """What stands in an address; unknown names are left out."""
        return cls(**{name: query[name].strip() for name in cls.__struct_fields__ if query.get(name)})

    def without(self, *names: str) -> dict[str, Any]:
        """The fields that say something, without some."""
        return {name: value for name, value in asdict(self).items() if value and name not in names}

    def wanted(self, limit: int = PAGE_ROWS) -> Filter:
        """The filter for the store. Raises WebError naming the field that cannot be understood."""
        return Filter(
            text=text("text", self.text),
            state=_choice(State, "state", self.state),
            lane=_choice(Lane, "lane", self.lane),
            category=_choice(Category, "category", self.category),
            jurisdiction_code=text("jurisdiction", self.jurisdiction).upper(),
            commodity_prefix=_digits("commodity", self.commodity),
            message_id=_id("message", self.message),
            sender_id=_id("sender", self.sender),
            received_from=_day("received_from", self.received_from),
            received_to=_day("received_to", self.received_to),
            before_id=_id("before", self.before),
            limit=limit,
        )


def _refuse(field: str, value: str, hint: str) -> WebError:
    return WebError(
        "request.invalid", f"{field} is {value[:60]!r}, which it cannot be.", hint=hint, place=f"query: {field}"
    )


def text(field: str, value: str) -> str:
    """A text to search by. Raises WebError naming the field where it is too long or holds what cannot be typed."""
    if len(value) > TEXT_MAX or not value.isprintable():
        raise _refuse(field, value, f"Printable characters only, at most {TEXT_MAX}.")
    return value


def index_asked(value: str, field: str = "after") -> int:
    """How many rows to leave out; none where nothing was asked. Raises WebError naming the field."""
    return _id(field, value) or 0


def moment_asked(value: str, field: str = "known_at") -> datetime | None:
    """A moment, in UTC where it names no time zone; None where nothing was asked. Raises WebError naming the field."""
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise _refuse(field, value, "A moment as 2026-03-31T14:05.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _choice(kind: type[Choice], field: str, value: str) -> Choice | None:
    if not value:
        return None
    try:
        return kind(value)
    except ValueError as error:
        raise _refuse(field, value, f"One of {', '.join(str(choice.value) for choice in kind)}.") from error


def _id(field: str, value: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) > ID_MAX:
        raise _refuse(field, value, "A whole number.")
    return int(value)


def _digits(field: str, value: str) -> str:
    plain = value.replace(" ", "").replace(".", "")
    if plain and not (plain.isascii() and plain.isalnum() and len(plain) <= 22):
        raise _refuse(field, value, "The first digits of a commodity code.")
    return plain


def _day(field: str, value: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise _refuse(field, value, "A day as 2026-03-31.") from error
