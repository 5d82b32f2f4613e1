"""A JSON record looked at in detail: what is wrong, where, and what was not understood but kept.

Slower than decoding by an order of magnitude, and only asked when decoding
failed or did not account for everything.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages.characters import FORBIDDEN, has_noncharacters
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.json_extras import json_text
from tidewaiter.messages.json_words import path_at, said
from tidewaiter.messages.leaves import drop, findings_on_values, moments_of, numbers_are_sane, without
from tidewaiter.messages.limits import FAULTS_MAX, GOODS_ITEMS_MAX, JSON_DEPTH_MAX, TEXT_LENGTH_MAX
from tidewaiter.messages.pointers import Path, Step, canonical, json_pointer, steps
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.messages.vocabulary import ITEMS, PLAIN, Vocabulary
from tidewaiter.model.declaration import Declaration, Extra
from tidewaiter.model.finding import Finding, MappingNote

# Escapes of control characters and surrogates; and of a colon, which would upset a count of colons.
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:00[01][0-9a-fA-F]|003[aA]|[dD][89a-fA-F]|[fF]{3}[efEF])")

_SCHEMA_HINT = "The members of a declaration are listed in docs/reference/declaration.md."


def examine(body: bytes, vocabulary: Vocabulary = PLAIN) -> Reading:
    """The declaration with what was kept uninterpreted, or every fault found in the record."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return _refused(_meant(_not_utf8(body, error), vocabulary))
    try:
        root = _parser().decode(text)
    except json.JSONDecodeError as error:
        return _refused(_meant(_malformed(text, error), vocabulary))
    except RecursionError:
        return _refused(_too_deep(()))
    if not isinstance(root, _Object):
        words = f"a declaration is an object {{ … }}, this is {_kind_of(root)}"
        return _refused(fault(Fault.TYPE, "", words, value=text, hint=_SCHEMA_HINT))
    return _Examination(vocabulary).of(root, body)


def has_plain_values(body: bytes, declaration: Declaration) -> bool:
    """True when no single value of the declaration in `body` is a cause for a finding. A false alarm costs time only."""
    if b"\\u" in body and _SUSPECT_ESCAPE.search(body):
        return False
    if has_noncharacters(body):
        return False
    if len(body) > TEXT_LENGTH_MAX and max(map(len, body.split(b'"'))) > TEXT_LENGTH_MAX:
        return False
    return (
        len(declaration.goods_items) <= GOODS_ITEMS_MAX
        and all(moment is None or moment.tzinfo is not None for moment in moments_of(declaration))
        and numbers_are_sane(declaration)
    )


class _Object(dict[str, Any]):
    """A JSON object that remembers which names stood in it more than once."""

    repeated: tuple[str, ...] = ()


class _Constant:
    """NaN, Infinity or -Infinity, which are JavaScript and not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text


def _parser() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_float=Decimal,
        parse_int=lambda digits: int(digits) if len(digits) < 20 else Decimal(digits),
        parse_constant=_Constant,
    )


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        result.repeated = tuple(name for name in result if names.count(name) > 1)
    return result


class _Examination:
    """One pass over a parsed record, collecting what is found."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.findings: list[Finding] = []
        self.extras: list[Extra] = []
        self.notes: list[MappingNote] = []

    def of(self, root: _Object, body: bytes) -> Reading:
        """What came of the record whose bytes and parsed members these are."""
        if self._vocabulary is not PLAIN:
            root = self._renamed(root)
        known = self._known_members(root, Declaration, ())
        if root and root.keys().isdisjoint(elements(Declaration)):
            words = "none of the members belongs to a declaration"
            return _refused(fault(Fault.UNKNOWN, "", words, value=", ".join(root), hint=_SCHEMA_HINT))
        declaration = self._converted(known)
        if declaration is not None and not has_plain_values(body, declaration):
            on_values = findings_on_values(declaration, self._place)
            self.findings += on_values
            declaration = without(declaration, on_values)
        if declaration is not None and self.extras:
            # Sorted, so that they read back the same wherever among its siblings each was written.
            kept = sorted(self.extras, key=lambda extra: extra.path)
            declaration = msgspec.structs.replace(declaration, extras=(*declaration.extras, *kept))
        return Reading(declaration, tuple(self.findings[:FAULTS_MAX]), tuple(self.notes))

    def _renamed(self, root: _Object) -> _Object:
        """The members under the declaration's own names."""
        items = root.get(self._vocabulary.items_name)
        self._on_repeated(root, ())
        for at, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, _Object):
                self._on_repeated(item, (ITEMS, at))
        renamed, taken = self._vocabulary.renamed(root, _Object)
        for path in taken:
            words = f"“{path[-1]}” contradicts another member, which says the same element under another name"
            self._fault(Fault.CONFLICT, self._vocabulary.meant(path), words, hint="Say it once, under either name.")
        assert isinstance(renamed, _Object)
        return renamed

    def _on_repeated(self, node: _Object, path: Path) -> None:
        for name in node.repeated:
            words = f"“{name}” stands more than once, so that it is not clear which value is meant"
            self._fault(Fault.DUPLICATE, self._vocabulary.meant((*path, name)), words, hint="Send it once.")

    def _place(self, path: Path) -> str:
        return json_pointer(self._vocabulary.own(path))

    def _known_members(self, node: _Object, record: type[Struct], path: Path) -> dict[str, Any]:
        """The members the model knows, without nulls; the others become extras and notes."""
        self._on_repeated(node, path)
        known = {}
        members = elements(record)
        for name, value in node.items():
            element = members.get(name)
            if element is None:
                self._keep((*path, name), value)
            elif element.group is None and isinstance(value, str):
                if element.kind is Kind.TEXT or value.isascii() or not FORBIDDEN.search(value):
                    known[name] = value
                else:  # half a character, which the decoder cannot even complain of
                    self._wrong_kind(element, (*path, name), value)
            elif value is not None:
                known[name] = self._value(element, value, (*path, name))
        return known

    def _value(self, element: Element, value: Any, path: Path) -> Any:
        if element.group is None:
            return value
        if element.is_list and isinstance(value, list):
            return [self._member(element.group, one, (*path, at)) for at, one in enumerate(value)]
        return value if element.is_list else self._member(element.group, value, path)

    def _member(self, record: type[Struct], value: Any, path: Path) -> Any:
        return self._known_members(value, record, path) if isinstance(value, _Object) else value

    def _keep(self, path: Path, value: Any) -> None:
        place = self._place(path)
        if FORBIDDEN.search(place):
            words = f"the name “{path[-1]}” holds a character that cannot be kept"
            self._fault(Fault.CHARACTER, path, words, hint="Write the name as docs/reference/declaration.md does.")
            return
        if _depth(value) > JSON_DEPTH_MAX:
            self.findings.append(_too_deep(path))
            return
        try:
            text = json_text(value)
        except TypeError:
            self._fault(Fault.MALFORMED, path, "NaN and Infinity are no JSON", hint="Leave the member out.")
            return
        except UnicodeEncodeError:  # half of a pair of surrogates, which is no character
            self._fault(Fault.CHARACTER, path, f"“{path[-1]}” holds half of a character", hint="Send whole characters.")
            return
        self.extras.append(Extra(place, text))
        self.notes.append(MappingNote(place, seen(text)))

    def _fault(self, code: Fault, path: Path, words: str, *, value: str = "", hint: str = "") -> None:
        place = self._place(path)
        self.findings.append(fault(code, canonical(path), words, value=value, hint=hint, place=place))

    # --- every value of the wrong kind, one after another

    def _converted(self, known: dict[str, Any]) -> Declaration | None:
        """The declaration without the values of the wrong kind, each of which is reported."""
        for _ in range(FAULTS_MAX):
            try:
                return msgspec.convert(known, Declaration)
            except msgspec.ValidationError as error:
                self._leave_out(known, str(error))
        return None

    def _leave_out(self, known: dict[str, Any], message: str) -> None:
        """Reports the one value the decoder complains of and takes it out."""
        path = _path_in(message)
        missing = _MISSING.search(message)
        path = (*path, missing[1]) if missing else path
        element, holder = _follow(known, path)
        if missing:
            self._fault(Fault.MISSING, path, f"“{self._vocabulary.own(path)[-1]}” is missing", hint=_needed(element))
        else:
            self._wrong_kind(element, path, holder[path[-1]])
        drop(known, path)

    def _wrong_kind(self, element: Element, path: Path, value: Any) -> None:
        text = _as_seen(value)
        last = self._vocabulary.own(path)[-1]
        name = element.name if isinstance(last, int) else last
        if element.is_list and isinstance(path[-1], str) and not isinstance(value, list):
            self._fault(Fault.TYPE, path, f"“{name}” is a list [ … ], this is {_kind_of(value)}", value=text)
            return
        code = _CODES[element.kind]
        words = f"“{name}” must be {_WANTED[element.kind]}"
        if element.kind is Kind.CHOICE:
            words = f"“{name}” must be one of {', '.join(element.choices)}"
        elif isinstance(value, int | Decimal) and code is Fault.NUMBER and not -(2**63) <= value < 2**63:
            words = f"“{name}” is larger than anything that can be counted"
        elif code is Fault.TYPE or not isinstance(value, str):
            words += f", this is {_kind_of(value)}"
        self._fault(code, path, words, value=text, hint=_HINTS.get(element.kind, ""))


_CODES = {
    Kind.TEXT: Fault.TYPE,
    Kind.GROUP: Fault.TYPE,
    Kind.WHOLE_NUMBER: Fault.NUMBER,
    Kind.DECIMAL: Fault.NUMBER,
    Kind.DAY: Fault.DATE,
    Kind.MOMENT: Fault.DATE,
    Kind.CHOICE: Fault.CHOICE,
}
_WANTED = {
    Kind.TEXT: "text in quotes",
    Kind.GROUP: "an object { … }",
    Kind.WHOLE_NUMBER: "a whole number",
    Kind.DECIMAL: "a decimal number",
    Kind.DAY: "a day that exists, year-month-day",
    Kind.MOMENT: "a moment that exists, with its time zone",
    Kind.CHOICE: "one of a list",
}
_HINTS = {
    Kind.TEXT: "Put it in quotes: written as a number, a code loses its leading zeros.",
    Kind.WHOLE_NUMBER: "Digits only, without quotes: 2.",
    Kind.DECIMAL: "Write digits with a point and no thousands separator, best in quotes: “12.50”.",
    Kind.DAY: "Write 2026-06-15.",
    Kind.MOMENT: "Write 2026-06-15T10:00:00Z or 2026-06-15T12:00:00+02:00.",
}
_MISSING = re.compile(r"missing required field `(\w+)`")
_AT = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def _path_in(message: str) -> Path:
    """The path in the decoder's words: "… - at `$.goods_items[0].line_no`"."""
    found = _AT.search(message)
    steps: Iterator[Step] = (name or int(index) for name, index in _STEP.findall(found[1] if found else ""))
    return tuple(steps)


def _follow(known: dict[str, Any], path: Path) -> tuple[Element, Any]:
    """The element a path leads to and what directly holds it."""
    element = elements(Declaration)[str(path[0])]
    holder: Any = known
    for before, step in itertools.pairwise(path):
        holder = holder[before]
        if isinstance(step, str) and element.group:
            element = elements(element.group)[step]
    return element, holder


def _needed(element: Element) -> str:
    return f"It must be there: {element.words}." if element.words else "It must be there."


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case _Constant():
            return "no number"
        case str():
            return "text"
        case int() | Decimal():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"


# --- text that is no JSON ----------------------------------------------------------------------------------------

_EXTRA = "Extra data"
_CUT_SHORT = "The message may have been cut short; send it again."


def _meant(finding: Finding, vocabulary: Vocabulary) -> Finding:
    """The finding with its pointer in the declaration's terms, where it was made in the sender's."""
    if vocabulary is PLAIN:
        return finding
    return msgspec.structs.replace(finding, pointer=canonical(vocabulary.meant(steps(finding.pointer))))


def _refused(finding: Finding) -> Reading:
    return Reading(None, (finding,))


def _malformed(text: str, error: json.JSONDecodeError) -> Finding:
    path = path_at(text, error.pos)
    where = f"line {error.lineno}, column {error.colno}" if "\n" in text else f"character {error.pos + 1}"
    words, hint, is_cut = said(text, error)
    if error.msg == _EXTRA:
        words, hint = "something follows the end of the declaration", "Put each declaration on a line of its own."
    if is_cut:
        words, hint = f"the declaration ends too early: {words}", _CUT_SHORT
    return fault(
        Fault.TRUNCATED if is_cut else Fault.MALFORMED,
        canonical(path),
        f"not well-formed JSON at {where} of the declaration: {words}",
        value=text[max(0, error.pos - 40) : error.pos + 40],
        hint=hint,
        place=json_pointer(path),
    )


def _not_utf8(body: bytes, error: UnicodeDecodeError) -> Finding:
    before = body[: error.start].decode()
    path = path_at(before, len(before))
    return fault(
        Fault.ENCODING,
        canonical(path),
        f"the text is not UTF-8: byte 0x{body[error.start]:02X} at byte {error.start + 1} of the declaration",
        value=before[-40:] + body[error.start : error.start + 40].decode("latin-1"),
        hint="Save and send the message as UTF-8. (The byte looks like Latin-1 or Windows-1252.)",
        place=json_pointer(path),
    )


def _too_deep(path: Path) -> Finding:
    words = f"objects and lists are nested too deeply; no declaration needs more than {JSON_DEPTH_MAX} levels"
    return fault(Fault.NESTING, canonical(path), words, hint=_SCHEMA_HINT, place=json_pointer(path))


def _as_seen(value: Any) -> str:
    """A value as a finding repeats it."""
    if isinstance(value, _Constant):
        return value.text
    if isinstance(value, str):
        return value
    try:
        return json_text(value)
    except UnicodeEncodeError:  # half of a pair of surrogates somewhere in it
        return json.dumps(value, default=str)


def _depth(value: Any) -> int:
    """How deeply objects and lists are nested in a value."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth
