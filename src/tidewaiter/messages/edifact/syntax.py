"""The syntax of an interchange (ISO 9735): its separators, and where one segment ends and the next begins.

Elements and components within a segment are told apart by pydifact; what it is
given is one segment at a time, so that whatever is wrong has its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from msgspec import Struct
from pydifact.control.characters import Characters
from pydifact.exceptions import EDISyntaxError
from pydifact.parser import Parser
from pydifact.tokenizer import Tokenizer

from tidewaiter.messages.faults import seen
from tidewaiter.messages.json_split import Window
from tidewaiter.messages.limits import RECORD_BYTES_MAX, TEXT_LENGTH_MAX
from tidewaiter.model.errors import LimitExceededError, MessageError

ADVICE = b"UNA"
ADVICE_BYTES = 9
COMPONENTS_MAX = 1_000  # of one segment; the richest of the directory has some eighty
SEGMENT_LENGTH_MAX = 2 * TEXT_LENGTH_MAX
REMEMBERED_LENGTH_MAX = 200  # characters of a segment that is remembered when it has been taken apart

_HINT = "An interchange begins with UNA or UNB and ends with UNZ."
_GAP = re.compile(rb"[^ \t\r\n]")
_NOWHERE = "\x00"  # a release character that no text has, where the advice names none


class Separators(Struct, frozen=True, dict=True):
    """The characters by which an interchange tells its parts apart. `release` is "" where none is used."""

    component: str
    element: str
    decimal: str
    release: str
    terminator: str

    @cached_property
    def segment(self) -> re.Pattern[bytes]:
        """Matches one segment with its terminator."""
        end, release = (re.escape(part.encode("latin-1")) for part in (self.terminator, self.release))
        released = rb"|" + release + rb"." if release else b""
        return re.compile(rb"(?:[^" + end + release + rb"]++" + released + rb")*+" + end, re.DOTALL)

    @cached_property
    def characters(self) -> Characters:
        """The same as pydifact has them."""
        return Characters(  # type: ignore[no-untyped-call]  # the package types this class nowhere
            self.component, self.element, self.decimal, self.release or _NOWHERE, " ", self.terminator
        )

    @property
    def advice(self) -> bytes:
        """The service string advice that says so."""
        text = f"UNA{self.component}{self.element}{self.decimal}{self.release or ' '} {self.terminator}"
        return text.encode("latin-1")


DEFAULT = Separators(":", "+", ".", "?", "'")
LEVEL_B = Separators("\x1f", "\x1d", ".", "", "\x1c")  # the control characters of level B without advice


def separators_of(head: bytes) -> Separators:
    """The separators of an interchange from its first bytes. Raises MessageError for an advice that cannot be meant."""
    if not head.startswith(ADVICE):
        return LEVEL_B if head[3:4] == b"\x1d" else DEFAULT
    if len(head) < ADVICE_BYTES:
        raise MessageError("the message ends within its service string advice UNA", hint=_HINT, place="byte 0")
    component, element, decimal, release, _, terminator = tuple(head[3:ADVICE_BYTES].decode("latin-1"))
    used = [component, element, terminator, *(release.strip())]
    if len(set(used)) < len(used) or any(each.isalnum() or not each.isascii() for each in used):
        words = (
            f"the service string advice {quoted(head[:ADVICE_BYTES])} names characters that cannot separate anything"
        )
        raise MessageError(words, hint="UNA is followed by six different characters, as in UNA:+.? '.", place="byte 3")
    return Separators(component, element, decimal, release.strip(), terminator)


def segments(stream_window: Window, separators: Separators) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes, terminator included, of each segment. Raises MessageError for one that does not end."""
    window = stream_window
    while window.next_byte(_GAP):
        found = separators.segment.match(window.data, window.at)
        while found is None and window.waiting <= RECORD_BYTES_MAX and window.grow():
            found = separators.segment.match(window.data, window.at)
        if found is None and window.waiting > RECORD_BYTES_MAX:
            words = f"a segment is longer than {RECORD_BYTES_MAX // 1024**2} MiB"
            raise LimitExceededError(words, hint="Is its terminator missing?", place=f"byte {window.offset}")
        if found is None:
            words = f"the message ends within a segment that begins with {quoted(window.data[window.at :])}"
            raise MessageError(words, hint="It may have been cut short; send it again.", place=f"byte {window.offset}")
        offset = window.offset
        window.skip(len(found[0]))
        yield offset, found[0]


def quoted(data: bytes) -> str:
    """The first characters as a sentence repeats them; whatever repertoire they are in, their marks are ASCII's."""
    return f"“{seen(data[:40].decode('latin-1').strip())}”"


def tag(segment: bytes) -> str:
    """The name of a segment, as far as it is one: three capital letters or digits."""
    return segment[:3].decode("ascii", "replace")


class Segment(Struct, frozen=True):
    """A segment taken apart. `elements[0]` is the first after the tag; each is a tuple of its components."""

    tag: str
    elements: tuple[tuple[str, ...], ...]

    def value(self, element: int, component: int = 1) -> str:
        """The text of a component, counted from 1 as the directory does; "" where it is not there."""
        if element > len(self.elements):
            return ""
        parts = self.elements[element - 1]
        return parts[component - 1].strip() if component <= len(parts) else ""


def parsed(text: str, separators: Separators) -> Segment:
    """One segment from its text, terminator included. Raises ValueError with what is wrong with it."""
    return _parsed_before(text, separators) if len(text) <= REMEMBERED_LENGTH_MAX else _parsed(text, separators)


@lru_cache(maxsize=1024)
def _parsed_before(text: str, separators: Separators) -> Segment:
    """The same, remembered: what stands before the consignments is read with each of them, and much repeats."""
    return _parsed(text, separators)


def _parsed(text: str, separators: Separators) -> Segment:
    if text.count(separators.component) + text.count(separators.element) > COMPONENTS_MAX:
        raise ValueError(f"more than {COMPONENTS_MAX} components in one segment")
    if len(text) > SEGMENT_LENGTH_MAX:  # it is taken apart character by character
        raise ValueError(f"it has {len(text):,} characters, more than {SEGMENT_LENGTH_MAX:,}")
    tokens = Tokenizer().get_tokens(text, separators.characters)
    try:
        name, *elements = next(iter(Parser().convert_tokens_to_raw_segments(tokens)))
    except StopIteration:
        raise ValueError("the segment is empty") from None
    except EDISyntaxError as error:
        raise ValueError(str(error.args[0]) if error.args else "the segment does not end") from error
    name = name if isinstance(name, str) else name[0]
    return Segment(name, tuple((each,) if isinstance(each, str) else tuple(each) for each in elements))
