"""One consignment of a message into a declaration, along the table `data/messages/edifact/d00a.toml`.

Every segment is either understood as a whole or kept and noted as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.messages.characters import is_plain
from tidewaiter.messages.edifact.draft import Draft, Unsaid, Wrong, place_of, table
from tidewaiter.messages.edifact.meanings import MEANINGS
from tidewaiter.messages.edifact.split import MARK, Mark
from tidewaiter.messages.edifact.syntax import ADVICE, ADVICE_BYTES, Segment, parsed, separators_of
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.leaves import findings_on_values, without
from tidewaiter.messages.limits import EXTRAS_MAX, FAULTS_MAX, GOODS_ITEMS_MAX, RECORD_BYTES_MAX
from tidewaiter.messages.pointers import canonical
from tidewaiter.model.declaration import Declaration, Extra
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, MappingNote

SEGMENTS: Final = "segments"  # the path of the extra that remembers which segment said what

_ENVELOPE: Final = frozenset({"UNB", "UNH", "UNS"})
_BY_NAD: Final = frozenset({"CTA", "COM"})


class _Placed(Struct, frozen=True):
    """A segment with its number in the message, UNH being 1."""

    number: int
    segment: Segment
    text: str


def read(body: bytes) -> Reading:
    """The declaration in one record, or findings with the number of the segment. Never raises for bad data."""
    mark, rest = _mark(body)
    if len(rest) > RECORD_BYTES_MAX:
        words = f"the consignment is larger than {RECORD_BYTES_MAX // 1024**2} MiB"
        return Reading(None, (fault(Fault.LIMIT, "", words, hint="Split it into several."),))
    reader = _Reader(mark)
    try:
        return reader.of(rest)
    except MessageError as error:
        return Reading(None, (fault(Fault.MALFORMED, "", error.detail, hint=error.hint),))


def _mark(body: bytes) -> tuple[Mark, bytes]:
    if body.startswith(MARK):
        line, _, rest = body.removeprefix(MARK).partition(b"\n")
        try:
            return msgspec.json.decode(line, type=Mark), rest
        except msgspec.MsgspecError:
            return Mark(0, 1), rest
    return Mark(0, 1), body


class _Reader:
    """One record on its way to a declaration."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._findings: list[Finding] = []
        self._notes: list[MappingNote] = []
        self._extras: list[Extra] = []
        self._told: dict[str, str] = {}
        self._draft = Draft()

    def of(self, data: bytes) -> Reading:
        """What came of the segments."""
        placed = list(self._segments(data))
        for words in self._mark.faults:
            hint = "Nothing of the message can be trusted; send it again as a whole."
            self._findings.append(fault(Fault.TRUNCATED, "", words, hint=hint, place=self._message(placed)))
        header = next((each for each in placed if each.segment.tag == "UNH"), None)
        if header is None or self._is_answer(header):
            if header is None and not self._findings:
                self._findings.append(fault(Fault.EMPTY, "", "there is no message: UNH is missing"))
            return Reading(None, tuple(self._findings))
        self._draft.is_in_detail = not any(
            each.segment.tag == "UNS" and each.segment.value(1) == "D" for each in placed
        )
        first = next((each for each in placed if each.segment.tag == "CNI"), header)
        self._draft.has_consignments = first is not header
        self._told[""] = f"segment {first.number} {first.segment.tag}"
        for each in placed:
            self._take(each)
        return self._reading(data)

    def _segments(self, data: bytes) -> Iterator[_Placed]:
        separators = separators_of(data[:ADVICE_BYTES])
        if data.startswith(ADVICE):
            data = data[ADVICE_BYTES:]
        found = [match[0].lstrip(b" \t\r\n") for match in separators.segment.finditer(data)]
        charset = "ascii"
        for at, raw in enumerate(found):
            after = at - self._mark.header
            number = self._mark.first + after - 1 if after > 0 else at
            text = self._text(raw, charset, number)
            try:
                segment = parsed(text, separators)
            except ValueError as error:
                words = f"this is no segment: {error}"
                self._findings.append(fault(Fault.MALFORMED, "", words, value=text[:80], place=f"segment {number}"))
                continue
            if segment.tag == "UNB":
                charset = self._charset(segment)
            yield _Placed(number, segment, text.removesuffix(separators.terminator))

    def _charset(self, header: Segment) -> str:
        level = header.value(1)
        known: dict[str, str] = table()["charsets"]
        if level not in known:
            note = f"the repertoire is not known; it is read as UTF-8. Known are {', '.join(known)}"
            self._notes.append(MappingNote("UNB, element 1.1", seen(level), note))
        return known.get(level, "utf-8")

    def _text(self, raw: bytes, charset: str, number: int) -> str:
        """The text of a segment, with question marks for what is none."""
        try:
            return raw.decode(charset)
        except UnicodeDecodeError as error:
            if charset == "ascii":
                # Commonly sent all the same: UTF-8 under level A.
                return self._beyond_ascii(raw, number)
            words = f"byte 0x{raw[error.start]:02X} is not of the repertoire that UNB names, or of UTF-8"
            hint = "Name the repertoire that is used in UNB: UNOC for Latin-1, UNOY for UTF-8."
            value = raw[:80].decode("latin-1")
            place = f"segment {number}"
            self._findings.append(fault(Fault.ENCODING, "", words, value=value, hint=hint, place=place))
            return raw.decode(charset, "replace").replace("\ufffd", "?")

    def _beyond_ascii(self, raw: bytes, number: int) -> str:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return self._text(raw, "utf-8", number)
        note = "the level that UNB names has no such characters; they are read as UTF-8"
        self._notes.append(MappingNote(f"segment {number}", seen(text), note))
        return text

    def _is_answer(self, header: _Placed) -> bool:
        kind, release = header.segment.value(2, 1), header.segment.value(2, 3)
        if kind in table()["answers"]:
            words = f"{kind} is what customs answers, not what is told to it"
            place = f"segment {header.number} UNH"
            self._findings.append(fault(Fault.UNKNOWN, "", words, value=kind, place=place))
            return True
        if kind not in table()["messages"] or release not in table()["directories"]:
            note = "read as the customs messages of the directory D.00A are"
            name = ":".join(header.segment.elements[1]) if len(header.segment.elements) > 1 else ""
            self._notes.append(MappingNote(f"segment {header.number} UNH", seen(name), note))
        return False

    def _message(self, placed: list[_Placed]) -> str:
        reference = next((each.segment.value(1) for each in placed if each.segment.tag == "UNH"), "")
        return f"message {reference[:20]}".strip()

    # --- segment by segment

    def _take(self, each: _Placed) -> None:
        if each.segment.tag in _ENVELOPE:
            if each.segment.tag == "UNS":
                self._draft.pass_section(each.segment.value(1))
            return
        if each.segment.tag not in _BY_NAD:
            self._draft.party = None
        self._draft.begin_item(each.segment.tag)
        place = f"segment {each.number} {each.segment.tag}"
        self._draft.meant = ()
        try:
            if each.segment.tag == "LIN":  # it begins an item and is numbered by its place
                return
            handler = MEANINGS.get(each.segment.tag)
            if handler is None:
                raise Unsaid
            for path in handler(self._draft, each.segment):
                self._told.setdefault(canonical(path), place)
        except Unsaid:
            self._keep(each, place)
        except Wrong as wrong:
            where = f"{place}, element {wrong.element}"
            pointer = canonical(self._draft.meant)
            self._findings.append(
                fault(wrong.code, pointer, wrong.words, value=wrong.value, hint=wrong.hint, place=where)
            )

    def _keep(self, each: _Placed, place: str) -> None:
        if len(self._extras) == EXTRAS_MAX:
            words = f"more than {EXTRAS_MAX:,} segments are not understood; at most so many are kept"
            self._findings.append(fault(Fault.LIMIT, "", words, place=place))
        if len(self._extras) <= EXTRAS_MAX:
            self._extras.append(Extra(place, each.text))
            self._notes.append(MappingNote(place, seen(each.text)))

    def _reading(self, data: bytes) -> Reading:
        tree = dict(self._draft.tree)
        if len(self._draft.items) > GOODS_ITEMS_MAX:
            words = (
                f"{len(self._draft.items):,} goods items in one consignment; at most {GOODS_ITEMS_MAX:,} can be read"
            )
            self._findings.append(fault(Fault.LIMIT, "goods_items", words, hint="Split it into several."))
            return Reading(None, tuple(self._findings[:FAULTS_MAX]), tuple(self._notes))
        tree["goods_items"] = self._draft.items
        own = msgspec.convert(tree, Declaration)
        told = ";".join(f"{pointer}={place}" for pointer, place in self._told.items())
        own = msgspec.structs.replace(own, extras=(*self._extras, Extra(SEGMENTS, told)))
        declaration: Declaration | None = own
        if not is_plain(data) or len(data) > 1000:
            place = self._told
            on_values = findings_on_values(own, lambda path: place_of(place, canonical(path)))
            self._findings += on_values
            declaration = without(own, on_values)
        return Reading(declaration, tuple(self._findings[:FAULTS_MAX]), tuple(self._notes))
