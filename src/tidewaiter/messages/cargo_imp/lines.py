"""A teletype text as its segments: a code of three letters, the lines that belong to it, and where it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

HEADER: Final = re.compile(r"(FWB|FHL|FFM)/([0-9]{1,2})\s*")
WAYBILL: Final = re.compile(r"[0-9]{3}-?[0-9]{1,8}(?:[A-Z/]|$)|[A-Z]{6}/[A-Z][0-9KL]")  # the latter without number
ENVELOPE: Final = "envelope"  # what stands before the first line of the message proper
CONSIGNMENT: Final = "AWB"  # the line that begins with a waybill number; it has no code of its own
FLIGHT: Final = "FLIGHT"  # the line of a flight manifest that begins with its sequence number
UNLOADING: Final = "UNLOADING"  # a point of unloading: the airport's code alone
UNREAD: Final = "unread"  # a line that is neither

_CODE = re.compile(r"([A-Z]{3})(?:/.*)?")
_SUB: Final = frozenset({"NAM", "ADR", "LOC"})  # lines within a party
_OF_MANIFEST: Final = frozenset({"ULD", "OCI", "OSI", "DIM", "SCI", "COR", "SSR", "CUS"})
_END = re.compile(r"(?:LAST|CONT)")
_FLIGHT_LINE = re.compile(r"[0-9]/[A-Z0-9]{2,3}[0-9]+[A-Z]?/.*")


class Segment(Struct, frozen=True):
    """One segment. `lines` are as sent, `parts` the same with wrapped lines joined; `line_no` counts from 1."""

    code: str
    line_no: int
    lines: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def first(self) -> str:
        """What stands on its first line after the code, without the slash."""
        line = self.parts[0]
        return line[len(self.code) + 1 :] if line.startswith(self.code) else line

    @property
    def others(self) -> tuple[str, ...]:
        """The further lines."""
        return self.parts[1:]

    @property
    def text(self) -> str:
        """As sent."""
        return "\n".join(self.lines)


def segments(text: str) -> Iterator[Segment]:
    """The segments of one message, in order. A line that cannot begin one is the rest of the line before it."""
    kind, current = "", _Current()
    for line_no, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line.strip() and not current.lines:
            continue
        code = _code(kind, line, current)
        if code:
            if current.lines:
                yield current.segment()
            current = _Current(code, line_no)
            kind = kind or (code if code != ENVELOPE else "")
        current.add(line)
    if current.lines:
        yield current.segment()


class _Current:
    def __init__(self, code: str = "", line_no: int = 1) -> None:
        self.code = code
        self.line_no = line_no
        self.lines: list[str] = []
        self.parts: list[list[str]] = []

    def add(self, line: str) -> None:
        self.lines.append(line)
        is_part = line.startswith("/") or not self.parts or _is_sub(line) or self.code in (ENVELOPE, UNREAD)
        if is_part:
            self.parts.append([line])
        elif line.strip():
            self.parts[-1].append(line)

    def segment(self) -> Segment:
        while len(self.lines) > 1 and not self.lines[-1].strip():
            self.lines.pop()
        return Segment(self.code, self.line_no, tuple(self.lines), tuple("".join(part) for part in self.parts))


def _code(kind: str, line: str, current: _Current) -> str:
    """The code of the segment that a line begins; "" where it belongs to the one before."""
    if header := HEADER.fullmatch(line):
        return header[1]
    if not kind:
        return "" if current.code == ENVELOPE else ENVELOPE
    if line.startswith("/") or (_is_sub(line) and current.code not in (kind, CONSIGNMENT)):
        return ""
    if WAYBILL.match(line):
        return CONSIGNMENT
    if not any(character.isalnum() for character in line):
        return UNREAD if line.strip() else ""
    if kind == "FFM":
        return _code_in_manifest(line)
    found = _CODE.fullmatch(line)
    return found[1] if found else ""


def _code_in_manifest(line: str) -> str:
    if _FLIGHT_LINE.fullmatch(line):
        return FLIGHT
    if end := _END.fullmatch(line.strip()):
        return end[0]
    found = _CODE.fullmatch(line)
    if not found:
        return ""
    return found[1] if found[1] in _OF_MANIFEST else UNLOADING


def _is_sub(line: str) -> bool:
    return line[:3] in _SUB and line[3:4] in ("/", "")
