"""What can be wrong with a message or record before anyone asks what it says: codes, and findings made from them."""

from __future__ import annotations

from enum import StrEnum

from tidewaiter.messages.characters import shown
from tidewaiter.model.finding import Finding, Severity

VALUE_LENGTH_MAX = 200  # characters of the value seen that a finding repeats
PLACE_LENGTH_MAX = 1_000  # characters of a pointer or place; a broken text may be nested as deep as it is long


class Fault(StrEnum):
    """Codes of findings on the form of a message. The meaning of each: `MEANINGS`."""

    EMPTY = "message.empty"
    TRUNCATED = "message.truncated"
    ENCODING = "message.encoding"
    MALFORMED = "message.malformed"
    NESTING = "message.nesting"
    DUPLICATE = "message.duplicate"
    TYPE = "message.type"
    NUMBER = "message.number"
    DATE = "message.date"
    CHOICE = "message.choice"
    MISSING = "message.missing"
    CONFLICT = "message.conflict"
    CHARACTER = "message.character"
    LIMIT = "message.limit"
    UNKNOWN = "message.unknown"
    KIND = "message.kind"


MEANINGS: dict[Fault, str] = {
    Fault.EMPTY: "There is nothing where a declaration should be.",
    Fault.TRUNCATED: "The message ends in the middle of a declaration.",
    Fault.ENCODING: "The bytes are not text in UTF-8.",
    Fault.MALFORMED: "The text breaks the grammar of its form (JSON, CSV, XML).",
    Fault.NESTING: "Elements are nested deeper than any declaration needs.",
    Fault.DUPLICATE: "A name stands twice in one object, so that two values compete.",
    Fault.TYPE: "A value is of another kind than the element: a number for a text, a text for a group.",
    Fault.NUMBER: "A value is not a number, or no amount, mass or quantity can be that large or that fine.",
    Fault.DATE: "A value is not a day or moment that exists, or a moment lacks its time zone.",
    Fault.CHOICE: "A value is not one of those the element allows.",
    Fault.MISSING: "A part that the form itself needs is missing.",
    Fault.CONFLICT: "Rows of one declaration contradict one another.",
    Fault.CHARACTER: "A text holds a control character that cannot be kept or shown.",
    Fault.LIMIT: "A documented limit was passed.",
    Fault.UNKNOWN: "Nothing in the record belongs to a declaration.",
    Fault.KIND: "The message is of a kind that is not read here, or on which nothing is decided: an answer of customs, news.",
}


# What to do where nothing better is known at the place itself.
_HINTS: dict[Fault, str] = {
    Fault.EMPTY: "Send a declaration here, or leave the record out.",
    Fault.TRUNCATED: "It may have been cut short on its way; send it again in full.",
    Fault.ENCODING: "Save and send the message as UTF-8.",
    Fault.MALFORMED: "Correct the text at this place; a program that writes the form makes no such slip.",
    Fault.NESTING: "Take out what is nested so deeply.",
    Fault.DUPLICATE: "Send it once.",
    Fault.TYPE: "Send what this element holds in the reference of the form.",
    Fault.NUMBER: "Write digits with a point and no thousands separator: 12.50.",
    Fault.DATE: "Write a day that exists, the year first.",
    Fault.CHOICE: "Send one of these, spelled as here.",
    Fault.MISSING: "Add it.",
    Fault.CONFLICT: "Say it once, or the same each time.",
    Fault.CHARACTER: "Leave this character out.",
    Fault.LIMIT: "Send less at once; docs/reference/limits.md has the limits.",
    Fault.UNKNOWN: "Send a declaration here, or leave the record out.",
    Fault.KIND: "Send it to whom it is meant for, and declarations here.",
}


def fault(code: Fault, pointer: str, words: str, *, value: str = "", hint: str = "", place: str = "") -> Finding:
    """An error finding on the form of a record, with what to do; the value seen is cut to 200 characters.

    Names that the sender gave may stand in words, pointer and place: all of it is safe to show and to keep.
    """
    pointer, place = shown(pointer[:PLACE_LENGTH_MAX]), shown(place[:PLACE_LENGTH_MAX])
    return Finding(code.value, Severity.ERROR, pointer, shown(words), seen(value), shown(hint or _HINTS[code]), place)


def seen(value: str) -> str:
    """A value as a finding or note repeats it."""
    return shown(value[:VALUE_LENGTH_MAX])[:VALUE_LENGTH_MAX]
