"""One consignment of a message into a declaration, along the table `data/messages/edifact/d00a.toml`.

Every segment is either understood as a whole or kept and noted as a whole.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct

from tidewaiter.messages.characters import is_plain
from tidewaiter.messages.edifact.split import MARK, Mark
from tidewaiter.messages.edifact.syntax import ADVICE, ADVICE_BYTES, Segment, parsed, separators_of
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.leaves import findings_on_values, is_sane, without
from tidewaiter.messages.limits import EXTRAS_MAX, FAULTS_MAX, GOODS_ITEMS_MAX, RECORD_BYTES_MAX
from tidewaiter.messages.pointers import Path, canonical, steps
from tidewaiter.messages.shape import elements
from tidewaiter.model.declaration import Declaration, Extra, GoodsItem
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, MappingNote

SEGMENTS: Final = "segments"  # the path of the extra that remembers which segment said what

_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_CODE = re.compile(r"[0-9]{4,14}")
_FORMATS: Final[Mapping[str, str]] = {  # DTM 2379
    "101": "%y%m%d",
    "102": "%Y%m%d",
    "201": "%y%m%d%H%M",
    "203": "%Y%m%d%H%M",
    "204": "%Y%m%d%H%M%S",
}
_ENVELOPE: Final = frozenset({"UNB", "UNH", "UNS"})
_BY_NAD: Final = frozenset({"CTA", "COM"})


@cache
def table() -> dict[str, Any]:
    """The mapping table, as it stands in the file."""
    text = resources.files("tidewaiter.data").joinpath("messages/edifact/d00a.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Unsaid(Exception):
    """A segment that the table has no meaning for."""


class Wrong(Exception):
    """A value of a segment that cannot be what it should be."""

    def __init__(self, code: Fault, element: str, words: str, value: str = "", hint: str = "") -> None:
        super().__init__(words)
        self.code, self.element, self.words, self.value, self.hint = code, element, words, value, hint


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
        self._tree: dict[str, Any] = {}
        self._items: list[dict[str, Any]] = []
        self._opened: set[str] = set()  # segments that began, or went on with, the item at hand
        self._is_in_detail = True
        self._party: tuple[dict[str, Any], str] | None = None
        self._currency = ""
        self._has_consignments = False
        self._meant: Path = ()  # where the segment at hand leads, as far as that is known

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
        self._is_in_detail = not any(each.segment.tag == "UNS" and each.segment.value(1) == "D" for each in placed)
        self._has_consignments = any(each.segment.tag == "CNI" for each in placed)
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
            self._pass_by(each.segment)
            return
        if each.segment.tag not in _BY_NAD:
            self._party = None
        self._begin_item(each)
        place = f"segment {each.number} {each.segment.tag}"
        self._meant = ()
        try:
            if each.segment.tag == "LIN":  # it begins an item and is numbered by its place
                return
            handler = _HANDLERS.get(each.segment.tag)
            if handler is None:
                raise Unsaid
            for path in handler(self, each.segment):
                self._told.setdefault(canonical(path), place)
        except Unsaid:
            self._keep(each, place)
        except Wrong as wrong:
            where = f"{place}, element {wrong.element}"
            pointer = canonical(self._meant)
            self._findings.append(
                fault(wrong.code, pointer, wrong.words, value=wrong.value, hint=wrong.hint, place=where)
            )

    def _pass_by(self, segment: Segment) -> None:
        if segment.tag == "UNS":
            self._is_in_detail = segment.value(1) == "D"
            if not self._is_in_detail:
                self._opened.clear()

    def _keep(self, each: _Placed, place: str) -> None:
        if len(self._extras) < EXTRAS_MAX:
            self._extras.append(Extra(place, each.text))
            self._notes.append(MappingNote(place, seen(each.text)))

    def _begin_item(self, each: _Placed) -> None:
        order: list[str] = table()["item_segments"]
        name = each.segment.tag
        if name == "CNI":
            self._opened.clear()
        if name not in order or not self._is_in_detail:
            return
        if not self._opened or any(order.index(name) <= order.index(other) for other in self._opened):
            self._new_item()
        self._opened.add(name)

    def _new_item(self) -> dict[str, Any]:
        self._opened.clear()
        self._items.append({"line_no": len(self._items) + 1})
        return self._items[-1]

    @property
    def _item(self) -> dict[str, Any] | None:
        return self._items[-1] if self._opened else None

    def _level(self) -> str:
        return "whole" if self._item is None else "item"

    def _meaning(self, part: str, qualifier: str) -> Path:
        """The path that a qualifier leads to, in the item or the whole. Raises Unsaid."""
        known: dict[str, dict[str, str]] = table()[part]
        path = known.get(self._level(), {}).get(qualifier)
        if path is None:
            raise Unsaid
        own = steps(path)
        self._meant = own if self._item is None else ("goods_items", len(self._items) - 1, *own)
        return self._meant

    def _set(self, path: Path, value: Any) -> Path:
        """Puts a value at its place. Raises Unsaid where another stands there already."""
        holder: Any = self._tree
        if path[0] == "goods_items":
            holder, own = self._items[int(path[1])], path[2:]
        else:
            own = path
        for step, following in itertools.pairwise(own):
            if isinstance(step, int):
                while len(holder) <= step:
                    holder.append({})
                holder = holder[step]
            else:
                holder = holder.setdefault(step, [] if isinstance(following, int) else {})
        name = own[-1]
        if holder.setdefault(name, value) != value:
            raise Unsaid
        return path

    def _reading(self, data: bytes) -> Reading:
        tree = dict(self._tree)
        if len(self._items) > GOODS_ITEMS_MAX:
            words = f"{len(self._items):,} goods items in one consignment; at most {GOODS_ITEMS_MAX:,} can be read"
            self._findings.append(fault(Fault.LIMIT, "goods_items", words, hint="Split it into several."))
            return Reading(None, tuple(self._findings[:FAULTS_MAX]), tuple(self._notes))
        tree["goods_items"] = self._items
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


def place_of(told: Mapping[str, str], pointer: str) -> str:
    """The segment that said what a pointer leads to, or the group it is in; "" where none did."""
    path = steps(pointer)
    while path:
        if place := told.get(canonical(path)):
            return place
        path = path[:-1]
    return ""


# --- what segments mean --------------------------------------------------------------------------------------------
# Each takes a segment, puts what it says into the declaration, and gives the paths of it.


def _bgm(reader: _Reader, segment: Segment) -> Iterator[Path]:
    function = segment.value(3)
    if function:
        word = table()["functions"].get(function)
        if word is None:
            known = ", ".join(table()["functions"])
            raise Wrong(Fault.CHOICE, "3", f"the message function is none of {known}", function)
        yield reader._set(("function",), word)
        yield reader._set(("function_code",), function)
    if (number := segment.value(2, 1)) and not reader._has_consignments:
        yield reader._set(("functional_reference_id",), number)


def _cni(reader: _Reader, segment: Segment) -> Iterator[Path]:
    if not (number := segment.value(2, 1)):
        return
    yield reader._set(("consignment", "transport_documents", 0, "document_id"), number)


def _nad(reader: _Reader, segment: Segment) -> Iterator[Path]:
    name = table()["parties"].get(segment.value(1))
    if name is None:
        raise Unsaid
    path = steps(name)
    if reader._item is not None and name in elements(GoodsItem):
        path = ("goods_items", len(reader._items) - 1, *path)
    free, names = _texts(segment, 3), _texts(segment, 4)
    party: dict[str, Any] = {"party_id": segment.value(2, 1), "name": " ".join(names or free[:1])}
    lines = _texts(segment, 5) or (free if names else free[1:])
    address = {
        "line": ", ".join(lines),
        "city": segment.value(6),
        "subdivision": segment.value(7, 1),
        "postcode": segment.value(8),
        "country_code": segment.value(9),
    }
    if any(address.values()):
        party["address"] = address
    yield reader._set(path, party)
    reader._party = (party, canonical(path))


def _cta(reader: _Reader, segment: Segment) -> Iterator[Path]:
    name = segment.value(2, 2)
    if reader._party is None or not name:
        raise Unsaid
    party, pointer = reader._party
    if party.setdefault("contact_name", name) != name:
        raise Unsaid
    yield (*steps(pointer), "contact_name")


def _com(reader: _Reader, segment: Segment) -> Iterator[Path]:
    known: dict[str, str] = table()["contacts"]
    for number, parts in enumerate(segment.elements, 1):
        field = known.get(segment.value(number, 2))
        if reader._party is None or field is None or not parts[0]:
            raise Unsaid
        party, pointer = reader._party
        if party.setdefault(field, segment.value(number)) != segment.value(number):
            raise Unsaid
        yield (*steps(pointer), field)


def _dtm(reader: _Reader, segment: Segment) -> Iterator[Path]:
    path = reader._meaning("dates", segment.value(1, 1))
    text, form = segment.value(1, 2), segment.value(1, 3)
    try:
        at = datetime.strptime(text, _FORMATS[form]).replace(tzinfo=UTC)
    except KeyError:
        raise Unsaid from None
    except ValueError:
        hint = f"By the format {form}, as {datetime(2026, 6, 15, 10, 0, tzinfo=UTC):{_FORMATS[form]}}."
        raise Wrong(Fault.DATE, "1.2", "this is not a day that exists", text, hint) from None
    yield reader._set(path, at if path[-1] == "issued_at" else at.date())


def _loc(reader: _Reader, segment: Segment) -> Iterator[Path]:
    path = reader._meaning("places", segment.value(1))
    if not segment.value(2):
        raise Unsaid
    yield reader._set(path, segment.value(2))


def _rff(reader: _Reader, segment: Segment) -> Iterator[Path]:
    path = reader._meaning("references", segment.value(1, 1))
    if not segment.value(1, 2):
        raise Unsaid
    yield reader._set(path, segment.value(1, 2))


def _moa(reader: _Reader, segment: Segment) -> Iterator[Path]:
    path = reader._meaning("amounts", segment.value(1, 1))
    currency = segment.value(1, 3) or reader._currency
    amount = _number(segment, 1, 2)
    if not currency:
        raise Wrong(
            Fault.MISSING, "1.3", "the amount has no currency", str(amount), "Put it in MOA or, for all, in CUX."
        )
    yield reader._set(path, {"amount": amount, "currency": currency})


def _cux(reader: _Reader, segment: Segment) -> Iterator[Path]:
    if not segment.value(1, 2) or reader._currency not in ("", segment.value(1, 2)):
        raise Unsaid
    reader._currency = segment.value(1, 2)
    yield from ()


def _mea(reader: _Reader, segment: Segment) -> Iterator[Path]:
    path = reader._meaning("measures", segment.value(2, 1))
    factor = table()["kilograms"].get(segment.value(3, 1))
    if factor is None:
        raise Unsaid
    mass = _number(segment, 3, 2) * Decimal(factor)
    if not is_sane(mass):
        raise Wrong(Fault.NUMBER, "3.2", "the mass is too large or too fine to be true", str(mass))
    yield reader._set(path, mass)


def _qty(reader: _Reader, segment: Segment) -> Iterator[Path]:
    if reader._item is None:
        raise Unsaid
    path: Path = ("goods_items", len(reader._items) - 1)
    yield reader._set((*path, "quantity"), _number(segment, 1, 2))
    if unit := segment.value(1, 3):
        yield reader._set((*path, "quantity_unit"), unit)


def _pac(reader: _Reader, segment: Segment) -> Iterator[Path]:
    yield from _packages(reader, segment.value(1), segment.value(3))


def _gid(reader: _Reader, segment: Segment) -> Iterator[Path]:
    if segment.value(2):
        yield from _packages(reader, segment.value(2, 1), segment.value(2, 2))


def _packages(reader: _Reader, count: str, kind: str) -> Iterator[Path]:
    if not count.isascii() or not count.isdigit() or len(count) > 9:
        raise Wrong(Fault.NUMBER, "1", "the number of packages is not a whole number", count, "Digits only.")
    if reader._item is None:
        yield reader._set(("consignment", "package_count"), int(count))
        return
    packagings = reader._item.setdefault("packagings", [])
    packagings.append({"type_code": kind, "count": int(count)})
    yield ("goods_items", len(reader._items) - 1, "packagings", len(packagings) - 1)


def _ftx(reader: _Reader, segment: Segment) -> Iterator[Path]:
    words = " ".join(_texts(segment, 4))
    if segment.value(1) != "AAA" or not words:
        raise Unsaid
    yield _describe(reader, words)


def _imd(reader: _Reader, segment: Segment) -> Iterator[Path]:
    words = (
        " ".join(part.strip() for part in segment.elements[2][3:5] if part.strip()) if len(segment.elements) > 2 else ""
    )
    if reader._item is None or not words:
        raise Unsaid
    yield _describe(reader, words)


def _describe(reader: _Reader, words: str) -> Path:
    """The description of the item at hand, or of the only one where the message goes into no items."""
    if reader._item is None:
        if reader._items or not (reader._is_in_detail or reader._has_consignments):
            raise Unsaid
        reader._new_item()
        reader._opened.add("FTX")
        path = reader._set(("goods_items", 0, "description"), words)
        reader._opened.clear()
        return path
    return reader._set(("goods_items", len(reader._items) - 1, "description"), words)


def _cst(reader: _Reader, segment: Segment) -> Iterator[Path]:
    codes = [segment.value(at) for at in range(2, len(segment.elements) + 1) if segment.value(at)]
    if reader._item is None or not codes or not _CODE.fullmatch(codes[0]):
        raise Unsaid
    path: Path = ("goods_items", len(reader._items) - 1)
    yield reader._set((*path, "commodity_code"), codes[0])
    if len(codes) > 1:
        yield reader._set((*path, "additional_codes"), codes[1:])


def _doc(reader: _Reader, segment: Segment) -> Iterator[Path]:
    kind, number = segment.value(1, 1), segment.value(2, 1)
    if not kind or not number:
        raise Unsaid
    holder = reader._tree if reader._item is None else reader._item
    documents = holder.setdefault("documents", [])
    documents.append({"type_code": kind, "document_id": number})
    within: Path = () if reader._item is None else ("goods_items", len(reader._items) - 1)
    yield (*within, "documents", len(documents) - 1)


def _tdt(reader: _Reader, segment: Segment) -> Iterator[Path]:
    mode, means = segment.value(3), segment.value(2) or segment.value(8, 1) or segment.value(8, 4)
    if not mode and not means:
        raise Unsaid
    yield reader._set(("consignment", "border_transport"), {"mode_code": mode, "means_id": means})


_HANDLERS: Final[Mapping[str, Callable[[_Reader, Segment], Iterator[Path]]]] = {
    "BGM": _bgm,
    "CNI": _cni,
    "COM": _com,
    "CST": _cst,
    "CTA": _cta,
    "CUX": _cux,
    "DOC": _doc,
    "DTM": _dtm,
    "FTX": _ftx,
    "GID": _gid,
    "IMD": _imd,
    "LOC": _loc,
    "MEA": _mea,
    "MOA": _moa,
    "NAD": _nad,
    "PAC": _pac,
    "QTY": _qty,
    "RFF": _rff,
    "TDT": _tdt,
}


def _texts(segment: Segment, element: int) -> list[str]:
    """The components of an element that are not empty."""
    if element > len(segment.elements):
        return []
    return [part.strip() for part in segment.elements[element - 1] if part.strip()]


def _number(segment: Segment, element: int, component: int) -> Decimal:
    """A number; both decimal marks are allowed (ISO 9735). Raises Wrong."""
    text = segment.value(element, component)
    if _NUMBER.fullmatch(text):
        number = Decimal(text.replace(",", "."))
        if is_sane(number):
            return number
    hint = "Digits with a point or comma and no thousands separator."
    raise Wrong(Fault.NUMBER, f"{element}.{component}", "this is not a number, or none that is counted", text, hint)
