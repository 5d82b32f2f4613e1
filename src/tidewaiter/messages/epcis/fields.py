"""The fields of one object in a document, taken out by type; what is wrong is raised with code, place and hint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from tidewaiter.messages.epcis import vocabulary
from tidewaiter.model.event_words import DISPOSITION, STEP
from tidewaiter.model.finding import Finding, Severity

TEXT_MAX: Final = 2_000
"""Characters of one text."""
URI_BYTES_MAX: Final = 800
WORD_BYTES_MAX: Final = 400
"""As they are kept: two URIs and an event's id, or a word and a URI, stand together in one key of an index."""
LIST_MAX: Final = 20_000
NUMBER_DIGITS_MAX: Final = 40
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)
Place = tuple[str | int, ...]
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Wrong(Exception):
    """Something that makes an event none: its code, its place, words and hint."""

    def __init__(self, code: str, place: Place, words: str, hint: str, value: str = "") -> None:
        super().__init__(words)
        self.code, self.place, self.words, self.hint, self.value = code, place, words, hint, value

    def finding(self) -> Finding:
        """The finding that it is."""
        where = pointer(self.place)
        return Finding(
            f"epcis.{self.code}", Severity.ERROR, where, self.words, self.value[:200], hint=self.hint, place=where
        )


def pointer(place: Place) -> str:
    """A place as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


class Fields:
    """One object, where it stands, and the prefixes that hold in it."""

    def __init__(self, content: dict[str, Any], place: Place, prefixes: Mapping[str, str]) -> None:
        self._content, self._place, self.prefixes = content, place, prefixes
        self.names = content.keys()

    def wrong(self, code: str, name: str, words: str, hint: str) -> Wrong:
        """That a field is wrong."""
        value = self._content.get(name, "")
        return Wrong(code, (*self._place, name), words, hint, value if isinstance(value, str) else str(value))

    def needed(self, name: str, value: T | None) -> T:
        """A value that has to be there."""
        if value is None or value == "":
            raise self.wrong("incomplete", name, f"{name} is missing", "it is mandatory")
        return value

    def only(self, known: set[str]) -> None:
        """That there are no other fields than these."""
        for name in self.names - known:
            raise self.wrong(
                "unknown", name, f"“{name[:60]}” is no field here", f"known are {', '.join(sorted(known))}"
            )

    def text(self, name: str) -> str:
        """A text; "" where it is not there."""
        value = self._content.get(name, "")
        if not isinstance(value, str) or len(value) > TEXT_MAX or "\0" in value:
            raise self.wrong("text", name, f"{name} is no text of up to {TEXT_MAX} characters", "")
        return value

    def uri(self, name: str) -> str:
        """A URI, its prefix written out; "" where it is not there."""
        text = self.text(name)
        return self._uri(text, name) if name in self.names else ""

    def _uri(self, text: Any, name: str, number: int | None = None) -> str:
        is_uri = isinstance(text, str) and vocabulary.is_uri(text) and "\0" not in text
        found = vocabulary.expanded(text, self.prefixes) if is_uri else ""
        if not is_uri or len(found.encode()) > URI_BYTES_MAX:
            place = (*self._place, name) if number is None else (*self._place, name, number)
            words = f"{name} is no URI of up to {URI_BYTES_MAX} bytes"
            raise Wrong("uri", place, words, "like urn:epc:id:… or https://…", str(text))
        return found

    def uris(self, name: str) -> tuple[str, ...]:
        """URIs; none where they are not there."""
        return tuple(self._uri(each, name, number) for number, each in enumerate(self._list(name)))

    def uris_or_one(self, name: str) -> tuple[str, ...]:
        """One URI or several."""
        return self.uris(name) if isinstance(self._content.get(name), list) else tuple(filter(None, [self.uri(name)]))

    def word(self, name: str, known: frozenset[str]) -> str:
        """A word of CBV in its bare form, or another URI; "" where it is not there."""
        text = self.text(name)
        return self._word(text, name, known) if name in self.names else ""

    def word_list(self, name: str, known: frozenset[str]) -> tuple[str, ...]:
        """Words of CBV, or other URIs."""
        return tuple(self._word(each, name, known) for each in self._list(name))

    def _word(self, text: Any, name: str, known: frozenset[str]) -> str:
        found = vocabulary.word(text, known, self.prefixes) if isinstance(text, str) else ""
        if not found or len(found.encode()) > WORD_BYTES_MAX or "\0" in found:
            ours = (STEP | DISPOSITION).get(str(text))
            hint = f"ours is {ours}" if ours else "a word of CBV 2.0, or a URI of somebody's own"
            raise self.wrong("word", name, f"{name} is “{str(text)[:60]}”", hint)
        return found

    def matching(self, name: str, pattern: re.Pattern[str], example: str) -> str:
        """A text of a form, which has to be there."""
        text = self.needed(name, self.text(name))
        if not pattern.fullmatch(text):
            raise self.wrong("format", name, f"{name} is “{text[:60]}”", example)
        return text

    def one_of(self, name: str, kind: type[E]) -> E:
        """One of few, which has to be there."""
        text = self.needed(name, self.text(name))
        try:
            return kind(text)
        except ValueError:
            raise self.wrong("word", name, f"{name} is “{text[:60]}”", f"one of {', '.join(kind)}") from None

    def time(self, name: str) -> datetime | None:
        """A moment with its offset, in UTC; None where it is not there."""
        if name not in self.names:
            return None
        moment = read_time(self.text(name))
        if moment is None:
            raise self.wrong("time", name, f"{name} is no moment with its offset", "like 2026-11-28T09:30:00+01:00")
        return moment

    def number(self, name: str) -> Decimal | None:
        """A number; None where it is not there."""
        value = self._content.get(name)
        if value is None and name not in self.names:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.wrong("number", name, f"{name} is no number", "a JSON number, without quotes")
        number = Decimal(value)
        if abs(number.adjusted()) > NUMBER_DIGITS_MAX or len(number.as_tuple().digits) > NUMBER_DIGITS_MAX:
            raise self.wrong("number", name, f"{name} has more than {NUMBER_DIGITS_MAX} digits", "")
        return number

    def boolean(self, name: str) -> bool | None:
        """True or false; None where it is not there."""
        value = self._content.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong("boolean", name, f"{name} is neither true nor false", "")
        return value

    def object(self, name: str) -> Fields | None:
        """An object; None where it is not there."""
        if name not in self.names:
            return None
        return self._object(self._content[name], (*self._place, name))

    def objects(self, name: str) -> Iterator[Fields]:
        """The objects of a list."""
        for number, each in enumerate(self._list(name)):
            yield self._object(each, (*self._place, name, number))

    def _object(self, value: Any, place: Place) -> Fields:
        if not isinstance(value, dict):
            raise Wrong("object", place, "this is no JSON object", "", str(value))
        return Fields(value, place, self.prefixes)

    def _list(self, name: str) -> list[Any]:
        value = self._content.get(name, [])
        if not isinstance(value, list) or len(value) > LIST_MAX:
            raise self.wrong("list", name, f"{name} is no list of up to {LIST_MAX}", "put it in brackets")
        return value

    def extension(self, name: str) -> dict[str, Any]:
        """An object of nothing but extensions."""
        inner = self.object(name)
        return inner.extensions(set()) if inner is not None else {}

    def extensions(self, known: set[str] | frozenset[str]) -> dict[str, Any]:
        """The fields beyond those known: names with a prefix, written out. Raises for a name without one."""
        found = {}
        for name in self.names - known:
            if not vocabulary.is_uri(name) or "\0" in name:
                hint = "fields of your own have a prefix that @context explains"
                raise self.wrong("unknown", name, f"“{name[:60]}” is no field of this event", hint)
            value = vocabulary.written_out(self._content[name], self.prefixes)
            found[vocabulary.expanded(name, self.prefixes)] = value
        return found


def read_time(text: str) -> datetime | None:
    """A moment with its offset, in UTC; None for a text that is none. Digits beyond the microsecond are dropped."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    zone = "+00:00" if match[4] in "Zz" else match[4]
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}.{(match[3] or '0')[:6].ljust(6, '0')}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
