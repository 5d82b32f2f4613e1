"""One record of a message in its message → a declaration, with everything that has no word in it among the extras."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import limits
from tidewaiter.messages.ceb.tables import (
    AMOUNT,
    CURRENCY,
    KEPT,
    USUAL_CURRENCY,
    Action,
    Entity,
    Message,
    Table,
    load,
    value_at,
)
from tidewaiter.messages.ceb.values import Wrong, function_of
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.xml import XmlFault, local_name
from tidewaiter.model.declaration import Declaration, Extra, GoodsItem, MessageFunction
from tidewaiter.model.finding import Finding, MappingNote
from tidewaiter.model.money import Money

JURISDICTION: Final = "CN"
ROOT: Final = re.compile(r"CEB(\d{3})(?:Message)?")
STEPS_MAX: Final = 4096  # names of elements that are remembered
_SIGNATURE: Final = "ds:Signature"
VERSION: Final = "1.0"
_NEWER: Final = "a version that is not known here; read as 1.0 (2018, 202205)"
_SIGNED: Final = "kept as it stands; the signature of the whole message was not verified here"
_KIND_HINTS: Final = {
    "answer": "It is what customs tells the sender; nothing is to be sent back.",
    "other": "It is read and can be written, but it is no order, payment, transport document or declaration list.",
}


def read(root: etree._Element) -> Reading:
    """The declaration of a message that holds one record, or what is wrong with it. Raises XmlFault past a limit."""
    table = load()
    name = local_name(root)
    found = ROOT.fullmatch(name)
    message = table.messages.get(found[1]) if found else None
    if message is None:
        words = f"<{name}> is no message that is known here"
        hint = f"Known are CEB{', '.join(sorted(table.messages))}, each with the word Message."
        return Reading(None, (fault(Fault.UNKNOWN, "", words, value=name, hint=hint, place=f"/{name}"),))
    records = [child for child in root if local_name(child) == message.record]
    if len(records) != 1:
        words = f"{name} holds {len(records) or 'no'} <{message.record}>"
        hint = f"Put one to a hundred <{message.record}> into it."
        return Reading(None, (fault(Fault.MISSING, "", words, hint=hint, place=f"/{message.root}"),))
    return _Walk(table, message).reading(root)


def reference_of(message: Message, declaration: Declaration) -> str:
    """The sender's reference that is made of other numbers; "" where one of them is missing."""
    parts = [value_at(declaration, path) for path in message.parts]
    return " ".join([message.word, *parts]) if message.word and all(parts) else ""


class _Group(NamedTuple):
    """Elements that are read together: what they are, where they stand, and what they fill."""

    entity: Entity
    path: str
    found: dict[str, Any]
    prefix: str = ""  # of the canonical pointers


class _Walk:
    """Goes through one message once."""

    def __init__(self, table: Table, message: Message) -> None:
        self.table = table
        self.message = message
        self.found: dict[str, Any] = {}  # values by canonical pointer
        self.items: list[GoodsItem] = []
        self.extras: list[Extra] = []
        self.notes: list[MappingNote] = []
        self.findings: list[Finding] = []

    def reading(self, root: etree._Element) -> Reading:
        """What the message says."""
        top = f"/{self.message.root}"
        self._attributes(root, top)
        self._stray(root.text, top)
        version = root.get("version", VERSION)
        if version != VERSION:
            self.notes.append(MappingNote(f"{top}/@version", seen(version), _NEWER))
        counts: dict[str, int] = {}
        ranks = self.message.ranks
        for child in sorted(root, key=lambda each: ranks.get(_step_of(each.tag), len(ranks))):
            step = _step_of(child.tag)
            path = _numbered(f"{top}/{step}", counts, step)
            if step == self.message.record:
                self._record(child, path)
            elif step == "BaseTransfer" and step in self.message.tail and counts[step] == 1:
                self._group(child, _Group(self.table.transfer, path, self.found))
            else:
                self._keep(child, path, is_known=step == "BaseSubscribe")
            self._stray(child.tail, path)
        return Reading(self._declaration(), tuple(self._with_kind()), tuple(self.notes))

    def _declaration(self) -> Declaration:
        message = self.message
        fields = message.builder.fields(self.found)
        fields["function"] = message.function or fields.get("function", MessageFunction.ORIGINAL)
        declaration = Declaration(
            **fields,
            type_code=f"CEB{message.number}",
            procedure_category=message.category,
            jurisdiction_code=JURISDICTION,
            goods_items=tuple(self.items),
            extras=tuple(self.extras),
        )
        if declaration.functional_reference_id or not message.word:
            return declaration
        return replace(declaration, functional_reference_id=reference_of(message, declaration))

    def _with_kind(self) -> list[Finding]:
        if self.message.is_taken_in:
            return self.findings
        words = f"{self.message.root} ({self.message.title}) is of a kind on which nothing is decided"
        hint = _KIND_HINTS["other" if self.message.tail else "answer"]
        return [*self.findings, fault(Fault.KIND, "type_code", words, hint=hint, place=f"/{self.message.root}")]

    def _record(self, record: etree._Element, path: str) -> None:
        message = self.message
        if not message.head:
            self._group(record, _Group(message.fields, path, self.found))
            return
        self._attributes(record, path)
        self._stray(record.text, path)
        counts: dict[str, int] = {}
        for child in record:
            step = _step_of(child.tag)
            here = _numbered(f"{path}/{step}", counts, step)
            if step == message.head and counts[step] == 1:
                self._group(child, _Group(message.fields, here, self.found))
            elif step == message.list and message.lines is not None:
                self._line(child, message.lines, here)
            else:
                self._keep(child, here)
            self._stray(child.tail, here)

    def _line(self, element: etree._Element, lines: Entity, path: str) -> None:
        row: dict[str, Any] = {}
        place = len(self.items) + 1
        if place > limits.GOODS_ITEMS_MAX:
            words = f"more than {limits.GOODS_ITEMS_MAX} lines"
            raise XmlFault("message.limit", words, hint="send the consignment in several declarations", place=path)
        self._group(element, _Group(lines, path, row, f"goods_items[{place}]."))
        if lines.currencies:  # lines without amounts (numbers of waybills, of lists) are no goods
            row.setdefault("line_no", place)
            self.items.append(GoodsItem(**row))

    def _group(self, element: etree._Element, group: _Group) -> None:
        """The elements of a head or line, once each; anything else in it is kept."""
        path, found = group.path, group.found
        self._attributes(element, path)
        self._stray(element.text, path)
        amounts: dict[str, Any] = {}
        told: dict[str, str] = {}  # currencies, by the element
        names: set[str] = set()
        others = []  # after what the table knows, as they are written
        for child, action in group.entity.in_order(element):
            if action is None or action.name in names or len(child) or child.tail is not None:
                others.append(child)
                continue
            name, text = action.name, child.text
            names.add(name)
            if text is not None:
                text = text.strip()
            if child.attrib:
                self._extra(f"{path}/{name}", text or "", child.items())
            meaning = action.meaning
            if not text:
                self._extra(f"{path}/{name}", "")
            elif meaning == KEPT:
                if text != action.usual:
                    self._extra(f"{path}/{name}", text)
            elif meaning == CURRENCY:
                told[name] = text
            else:
                value = text if action.is_text else self._value(action, text, group)
                if value is None:
                    self._extra(f"{path}/{name}", text)
                elif meaning == AMOUNT:
                    amounts[name] = value
                else:
                    found[action.pointer] = value
        for currency in group.entity.currencies:
            self._money(group, currency, told.get(currency.name, ""), amounts)
        self._others(others, path, names)

    def _money(self, group: _Group, currency: Action, text: str, amounts: Mapping[str, Any]) -> None:
        """The amounts in one currency; the currency's own element is kept where no amount says it."""
        assert currency.codes is not None
        code = currency.codes.read(text) if text else None
        are_there = False
        for action in group.entity.amounts[currency.name]:
            if action.name in amounts:
                group.found[action.pointer] = Money(amounts[action.name], code or USUAL_CURRENCY)
                are_there = True
        if text and not (are_there and currency.codes.write(code or "") == text):
            self._extra(f"{group.path}/{currency.name}", text)

    def _value(self, action: Action, text: str, group: _Group) -> Any:
        """The value of an element that is not empty; None, with a finding or not, where it has none."""
        if action.codes is not None:
            value = action.codes.read(text)
            if value is not None and action.codes.write(value) != text:
                self._extra(f"{group.path}/{action.name}", text)  # the sender's own spelling
            return value
        is_function = action.pointer == "function"
        value = function_of(self.table.functions, text) if is_function else action.parse(text)
        if isinstance(value, Wrong):
            words, place = f"{action.name} “{seen(text)}” {value}", f"{group.path}/{action.name}"
            self._find(fault(value.code, group.prefix + action.pointer, words, value=text, place=place))
            return None
        return value

    def _find(self, finding: Finding) -> None:
        if len(self.findings) < limits.FAULTS_MAX:
            self.findings.append(finding)

    # --- what is kept as it stands ---------------------------------------------------------------------------

    def _others(self, children: Iterable[etree._Element], path: str, taken: Iterable[str]) -> None:
        """Elements that the table does not know here, and further ones of the names that were taken."""
        counts = dict.fromkeys(taken, 1)
        for child in children:
            step = _step_of(child.tag)
            here = _numbered(f"{path}/{step}", counts, step)
            self._keep(child, here)
            self._stray(child.tail, here)

    def _keep(self, element: etree._Element, path: str, *, is_known: bool = False) -> None:
        """An element with all that is in it, among the extras; noted once."""
        pending = [(element, path)]
        while pending:
            each, here = pending.pop()
            text = (each.text or "").strip()
            if text or each.attrib or not len(each):
                self._extra(here, text, each.items())
            if here.count("/") > limits.XML_DEPTH_MAX:
                raise XmlFault("xml.limit", f"elements are nested deeper than {limits.XML_DEPTH_MAX}", place=here)
            counts: dict[str, int] = {}
            inner = []
            for child in each:
                step = _step_of(child.tag)
                inner.append((child, _numbered(f"{here}/{step}", counts, step)))
                self._stray(child.tail, here)
            pending += reversed(inner)
        if not is_known:
            is_signature = path.rpartition("/")[2] == _SIGNATURE
            note = MappingNote(path, "", _SIGNED) if is_signature else MappingNote(path, seen(_text_of(element)))
            self.notes.append(note)

    def _attributes(self, element: etree._Element, path: str) -> None:
        if element.attrib:
            self._extra(path, "", element.items())

    def _extra(self, path: str, text: str, attributes: Iterable[Any] = ()) -> None:
        if len(self.extras) >= limits.EXTRAS_MAX:
            words = f"more than {limits.EXTRAS_MAX} elements have no word here"
            raise XmlFault("message.limit", words, hint="send fewer in one message", place=path)
        self.extras.append(Extra(path, text, tuple(attributes)))

    def _stray(self, text: str | None, path: str) -> None:
        """Text where only elements belong is not written back; that it stood there is said."""
        if text is not None and text.strip():
            self.notes.append(MappingNote(path, seen(text.strip()), "text between elements, not kept"))


@lru_cache(maxsize=STEPS_MAX)
def _step_of(tag: str) -> str:
    """An element's name by its tag; with its prefix, or its namespace, where that is not the messages' own."""
    if not tag.startswith("{"):
        return tag
    table = load()
    uri, _, name = tag[1:].rpartition("}")
    if uri == table.namespace or ":" not in uri:
        return name
    prefix = table.prefixes.get(uri)
    return f"{prefix}:{name}" if prefix else f"{{{uri}}}{name}"


def _numbered(path: str, counts: dict[str, int], step: str) -> str:
    """The path of one more element of that name, with its position where it is not the first."""
    counts[step] = number = counts.get(step, 0) + 1
    return path if number == 1 else f"{path}[{number}]"


def _text_of(element: etree._Element) -> str:
    """The first text in an element."""
    return next((text.strip() for text in element.itertext() if isinstance(text, str) and text.strip()), "")
