"""What is wrong with a text that is no JSON, in plain words; and where in a JSON text something stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from tidewaiter.messages.pointers import Path, Step

_WORDS = {
    "Expecting ',' delimiter": ("a comma or a closing bracket is missing", 'Quotes within a text are written \\".'),
    "Expecting ':' delimiter": ("a colon is missing after a name", ""),
    "Expecting property name enclosed in double quotes": (
        "a name in double quotes is expected",
        "Use double quotes, and no comma after the last member.",
    ),
    "Expecting value": ("a value is expected", "Use double quotes for text, and no comma after the last value."),
    "Unterminated string starting at": ("a text is not closed by a quote", ""),
    "Invalid control character at": (
        "a raw control character (line break, tab, NUL) stands within a text",
        "Write a line break as \\n; leave out NUL.",
    ),
    "Invalid \\escape": ("a backslash is followed by something it cannot escape", "Write a backslash as \\\\."),
    "Invalid \\uXXXX escape": ("\\u must be followed by four hexadecimal digits", ""),
}
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"?|[{}\[\]:,]', re.DOTALL)


class Said(NamedTuple):
    """A fault of a text: what it is, what to do ("" where nothing is known), whether the text ends too early."""

    words: str
    hint: str
    is_cut: bool


def said(text: str, error: json.JSONDecodeError) -> Said:
    """What the decoder complains of, in words."""
    plain = error.msg.removesuffix(" at") if error.msg not in _WORDS else error.msg
    words, hint = _WORDS.get(plain, (error.msg, ""))
    return Said(words, hint, error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"))


def path_at(text: str, end: int) -> Path:
    """The path of the member in which position `end` of a text lies, as far as the text can be followed."""
    last: _Open = []
    for _, here in _walked(text, end):
        last = here
    return _path(last)


def line_of(text: str, path: Path) -> int:
    """The line (from 1) on which the member of a path begins, its name first; 1 where it is not there."""
    for position, here in _walked(text, len(text)):
        if len(path) <= len(here) <= len(path) + 1 and _path(here) == path:
            return text.count("\n", 0, position) + 1
    return 1


_Open = list[Step | None]  # a name, a position, or None before an object's first name


def _path(here: _Open) -> Path:
    return tuple(step for step in here if step is not None)


def _walked(text: str, end: int) -> Iterator[tuple[int, _Open]]:
    """Each token's position with the path after it: always the same list, for a text may be nested as deep as it is long."""
    path: _Open = []
    is_name = False
    for token in _TOKEN.finditer(text, 0, end):
        byte = token.group()[0]
        if byte in "{[":
            path.append(None if byte == "{" else 0)
        elif byte in "}]":
            del path[-1:]
        elif byte == "," and path and isinstance(path[-1], int):
            path[-1] += 1
        elif byte == '"' and is_name and path and not isinstance(path[-1], int):
            path[-1] = token[1]
        is_name = byte in "{," and bool(path) and not isinstance(path[-1], int)
        yield token.start(), path
