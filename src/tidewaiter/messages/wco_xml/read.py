"""A tree → a declaration: one walk over the elements, led by the form's table.

Elements are matched by their local name, in whichever namespace they come.
What has no field goes to the extras with a note; a value that cannot be read
becomes a finding, its text stays in the extras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lxml import etree

from tidewaiter.messages import limits
from tidewaiter.messages.form import Reading
from tidewaiter.messages.wco_xml import values
from tidewaiter.messages.wco_xml.functions import function_of, jurisdiction_of
from tidewaiter.messages.wco_xml.tables import Action, Box, Scope, Table
from tidewaiter.messages.wco_xml.values import (
    BOX,
    DAY,
    JOIN,
    MINUTE,
    MOMENT,
    MOMENTS,
    POSITION,
    QUANTITY,
    RECORD,
    RECORDS,
    TEXT,
    WEAVE,
    Fault,
)
from tidewaiter.messages.wco_xml.weaves import Node
from tidewaiter.messages.xml import XmlFault, local_name
from tidewaiter.model.declaration import Declaration, Extra
from tidewaiter.model.finding import Finding, MappingNote, Severity

# Says where a schema lies, nothing about the goods.
_PLUMBING: Final = frozenset(
    {
        "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation",
        "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation",
    }
)
_VALUE_CUT: Final = 200

Fields = dict[str, Any]


class Frame:
    """A record being read: its canonical pointer, its position in its list (0 outside one), what is known of it."""

    __slots__ = ("fields", "number", "other", "pointer", "position", "taken")

    def __init__(self, pointer: str, number: int = 0) -> None:
        self.pointer = pointer
        self.number = number
        self.fields: Fields = {}
        self.other: dict[str, Any] = {}  # weaves by key; what has been seen, by its path
        self.taken: tuple[str, ...] = ()
        self.position = ""  # where a SequenceNumeric was passed over that needs the record to be written again

    def take(self, field: str) -> None:
        """Keep a field for an element that was seen though it says nothing: another of its name is one too many."""
        self.fields[field] = None
        self.taken = (*self.taken, field)


class Walk:
    """One reading of one declaration: collects extras, notes and findings on the way."""

    __slots__ = ("extras", "findings", "notes", "positions", "prefix", "table")

    def __init__(self, table: Table, prefix: str) -> None:
        self.table = table
        self.prefix = prefix  # of the rule ids
        self.extras: list[Extra] = []
        self.notes: list[MappingNote] = []
        self.findings: list[Finding] = []
        self.positions: dict[etree._Element, dict[etree._Element, int]] = {}

    def declaration(self, root: etree._Element, envelope: etree._Element | None) -> Reading:
        """The declaration that `root` is, within its envelope if it has one. Raises XmlFault for a passed limit."""
        responsible = self._envelope(envelope) if envelope is not None else ""
        name = local_name(root)
        fields = self._record(root, self.table.roots[name], f"/{name}", Frame("", 1))
        fields["function"] = function_of(self.table, fields)
        fields["jurisdiction_code"] = responsible or jurisdiction_of(self.table, fields)
        if self.extras:
            fields["extras"] = tuple(self.extras)
        return Reading(Declaration(**fields), tuple(self.findings), tuple(self.notes))

    def _envelope(self, envelope: etree._Element) -> str:
        """Keep what the envelope says beyond the usual; the responsible country."""
        usual, responsible = self.table.envelope, ""
        for child in envelope:
            text = child.text or ""
            if text and text == usual.get(child.tag) and not child.keys():
                continue
            name, text = local_name(child), text.strip()
            if name == "ResponsibleCountryCode" and text and not responsible and not child.keys():
                responsible = text
            elif name == "ResponsibleAgencyName" and text == self.table.agencies.get(responsible) and not child.keys():
                continue
            elif name != "Declaration" and (text != usual.get(name) or child.keys() or len(child)):
                self._keep(child, "/MetaData")
        self._own(envelope, "/MetaData")
        return responsible

    def _record(self, element: etree._Element, scope: Scope, path: str, frame: Frame) -> Fields:
        """The fields of a record of this class, as the element says them."""
        fields, other = frame.fields, frame.other
        self._box(element, scope.box, path, frame)
        for name in frame.taken:
            del fields[name]
        for key, action in scope.weaves.items():
            if key in other:
                self._weave(action, other[key], path, fields)
        for name in scope.lists:
            if name in fields:
                fields[name] = tuple(fields[name])
        for prefix, record, pairs in scope.nested:
            inner = {name: fields.pop(field) for field, name in pairs if field in fields}
            if inner:
                fields[prefix] = record(**inner)
        if frame.position and not fields:
            self._extra(frame.position, "1", ())
        return fields

    def _box(self, element: etree._Element, box: Box, path: str, frame: Frame) -> None:
        actions, fields, parsers = box.actions, frame.fields, values.PARSERS
        # An empty element is worth noting, unless it is one of a list: its record stands for it.
        text = element.text
        if (text and text.strip()) or element.keys() or (not len(element) and (box.wire or not frame.number)):
            self._own(element, path)
        for child in element:
            if child.tail is not None:
                self._stray(child, path)
            action = actions.get(child.tag) or actions.get(local_name(child))
            if action is None:
                self._keep(child, path)
                continue
            kind = action.kind
            if kind == TEXT:
                text = child.text
                if text and action.field not in fields and not child.keys() and not len(child):
                    text = text.strip()
                    if text:
                        fields[action.field] = text
                        continue
                self._leaf(child, action, path, frame)
            elif kind < QUANTITY:
                text = child.text
                if text and action.field not in fields and not len(child):
                    attributes = attributes_of(child)
                    value = parsers[kind](text, attributes)
                    if value.__class__ is not Fault and (
                        not attributes or values.is_canonical(kind, value, attributes)
                    ):
                        fields[action.field] = value
                        continue
                self._leaf(child, action, path, frame)
            elif kind == BOX:
                if action.wire in frame.other:
                    self._keep(child, path)
                else:
                    frame.other[action.wire] = True
                    self._box(child, action.box, f"{path}/{action.name}", frame)
            else:
                _STEPS[kind](self, child, action, path, frame)

    def _listed(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        found = frame.fields.setdefault(action.field, [])
        number = len(found) + 1
        inner = Frame(f"{frame.pointer}{action.field}[{number}].", number)
        fields = self._record(child, action.scope, f"{path}/{action.name}[{number}]", inner)
        if action.field == "goods_items":
            fields.setdefault("line_no", number)
        found.append(action.scope.record(**fields))

    def _single(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        if action.field in frame.fields:
            self._keep(child, path)
            return
        inner = Frame(f"{frame.pointer}{action.field}.")
        fields = self._record(child, action.scope, f"{path}/{action.name}", inner)
        if fields:
            frame.fields[action.field] = action.scope.record(**fields)
        else:
            frame.take(action.field)

    def _leaf(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        """A leaf that is not plain text, or not plain."""
        kind, field, fields = action.kind, action.field, frame.fields
        if field in fields or len(child):
            self._keep(child, path)
            return
        raw, attributes = child.text or "", attributes_of(child)
        text = raw.strip()
        if not text:
            self._extra(self._path(child, path), "", attributes)
            frame.take(field)
            return
        value = values.PARSERS[kind](text, attributes)
        if value.__class__ is Fault:
            self._bad(child, path, frame.pointer + field, value)
            frame.take(field)
            return
        if kind == QUANTITY:
            fields["quantity"], unit = value
            if unit:
                fields["quantity_unit"] = unit
        else:
            fields[field] = value
        if (attributes and not values.is_canonical(kind, value, attributes)) or (
            kind in MOMENTS and values.formatted(kind, value)[0] != text
        ):
            self._extra(self._path(child, path), raw, attributes)

    def _position(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        """A SequenceNumeric: passed over where it says what the writer would say."""
        is_first, frame.other[action.wire] = action.wire not in frame.other, True
        if "/" in action.wire and is_first and child.text == "1" and not child.keys():
            # Of an element within the record: written again with whatever else stands there, if anything does.
            here = self._path(child, path)
            if child.getnext() is None and child.getprevious() is None:
                self._extra(here, "1", ())
            else:
                frame.position = here
        elif not is_first or child.keys() or len(child) or (child.text or "").strip() != str(frame.number or 1):
            self._keep(child, path)

    def _bad(self, child: etree._Element, path: str, pointer: str, fault: Fault) -> None:
        place, text = self._path(child, path), child.text or ""
        self._extra(place, text, attributes_of(child))
        if len(self.findings) < limits.FAULTS_MAX:
            words = f"{local_name(child)} {fault}"
            rule_id, value = f"{self.prefix}.value", text[:_VALUE_CUT]
            self.findings.append(Finding(rule_id, Severity.ERROR, pointer, words, value, fault.hint, place))

    def _stray(self, child: etree._Element, path: str) -> None:
        """Text between elements: XML allows it, no customs message has it."""
        text = (child.tail or "").strip()
        if text and len(self.findings) < limits.FAULTS_MAX:
            words = f"there is text after {local_name(child)}, between elements; it is not read"
            hint = "put every text into an element of its own"
            finding = Finding(f"{self.prefix}.text", Severity.WARNING, "", words, text[:_VALUE_CUT], hint, path)
            self.findings.append(finding)

    def _joined(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        other = frame.other
        leaves = other.setdefault(action.weave_key, [("", {})])[0][1]
        if action.wire in other or len(child):
            self._keep(child, path)
            return
        other[action.wire] = True
        text = (child.text or "").strip()
        if text:
            leaves[action.leaf] = text
        if not text or child.keys():
            self._extra(self._path(child, path), text, attributes_of(child))

    def _gathered(self, child: etree._Element, action: Action, path: str, frame: Frame) -> None:
        """One element of a weave: its own leaves, and everything else below it."""
        other = frame.other
        nodes: list[Node] | None = other.get(action.weave_key)
        if nodes is None:
            nodes = other[action.weave_key] = []
        number = other[action.wire] = other.get(action.wire, 0) + 1
        known, leaf = action.tags, None
        leaves: dict[str, str] = {}
        is_plain = child.text is None and not child.keys()
        for leaf in child:
            name = known.get(leaf.tag) or known.get(local_name(leaf))
            text = leaf.text.strip() if leaf.text else ""
            if text and name and name not in leaves and not leaf.keys() and not len(leaf) and leaf.tail is None:
                leaves[name] = text
            else:
                is_plain = False
                break
        nodes.append((action.name, leaves))
        if leaf is None or not is_plain:
            self._gathered_with_care(child, action, f"{path}/{action.name}[{number}]", leaves)

    def _gathered_with_care(self, child: etree._Element, action: Action, here: str, leaves: dict[str, str]) -> None:
        """The same for an element with more than plain leaves; fills `leaves` anew."""
        leaves.clear()
        known, number = action.tags, here[here.rindex("[") + 1 : -1]
        is_number_due, is_numbered = action.is_numbered, False
        self._own(child, here)
        for leaf in child:
            if leaf.tail is not None:
                self._stray(leaf, here)
            name = known.get(leaf.tag) or known.get(local_name(leaf))
            if name is not None and name not in leaves and not len(leaf):
                self._woven_leaf(leaf, name, action.weave.leaves, leaves, here)
            elif is_number_due and local_name(leaf) == "SequenceNumeric":
                is_number_due = False
                is_numbered = leaf.text == number and not leaf.keys() and not len(leaf)
                if not is_numbered:
                    self._keep(leaf, here)
            else:
                self._keep(leaf, here)
        for name in [name for name, text in leaves.items() if not text]:
            del leaves[name]
        if is_numbered and not leaves:
            self._extra(f"{here}/SequenceNumeric", number, ())

    def _woven_leaf(
        self, leaf: etree._Element, name: str, known: frozenset[str], leaves: dict[str, str], here: str
    ) -> None:
        leaves[name] = text = (leaf.text or "").strip()
        others = []
        for key, value in attributes_of(leaf):
            if text and f"{name}@{key}" in known and value:
                leaves[f"{name}@{key}"] = value
            else:
                others.append((key, value))
        if others or not text:
            self._extra(f"{here}/{name}", text, others)

    def _weave(self, action: Action, nodes: list[Node], path: str, fields: Fields) -> None:
        """The fields of a weave; what it would not write by itself goes to the extras."""
        weave = action.weave
        usual = weave.usual(nodes)
        if usual is not None:
            fields.update(usual)
            return
        parsed = weave.parse(nodes)
        fields.update(parsed)
        built = weave.build(parsed)
        if nodes == built:
            return
        is_join = action.kind == JOIN
        is_begun = not is_join and nodes[: len(built)] == built
        parent = path if is_join else f"{path}/{action.wire}".rpartition("/")[0]
        counts: dict[str, int] = {}
        for index, (name, leaves) in enumerate(nodes):
            counts[name] = number = counts.get(name, 0) + 1
            if is_begun and index < len(built):
                continue
            here = parent if is_join else f"{parent}/{name}[{number}]"
            if number == 1 and not leaves:
                # Tells the writer that the group begins here, with an element that says nothing.
                self._extra(here, "", ())
            for leaf, text in leaves.items():
                if "@" not in leaf:
                    pairs = [
                        (key.partition("@")[2], value) for key, value in leaves.items() if key.startswith(f"{leaf}@")
                    ]
                    self._extra(f"{here}/{leaf}", text, pairs)
                    if is_begun:
                        self.notes.append(MappingNote(f"{here}/{leaf}", text[:_VALUE_CUT]))

    def _own(self, element: etree._Element, path: str) -> None:
        """Keep what a container says itself: attributes, text, or that it is empty."""
        text = element.text or ""
        attributes = [pair for pair in attributes_of(element) if pair[0] not in _PLUMBING]
        if attributes or text.strip():
            self.notes.append(MappingNote(path, text[:_VALUE_CUT]))
        if attributes or text.strip() or not len(element):
            self._extra(path, text if text.strip() else "", attributes)

    def _keep(self, element: etree._Element, path: str) -> None:
        """Keep an element and everything below it, with a note for each text."""
        pending = [(element, self._path(element, path))]
        while pending:
            element, here = pending.pop()
            text, attributes = element.text or "", attributes_of(element)
            has_children = len(element) > 0
            if not has_children or attributes or text.strip():
                self._extra(here, "" if has_children and not text.strip() else text, attributes)
                self.notes.append(MappingNote(here, text.strip()[:_VALUE_CUT]))
            if has_children:
                if here.count("/") > limits.XML_DEPTH_MAX:
                    raise XmlFault("xml.limit", f"elements are nested deeper than {limits.XML_DEPTH_MAX}", place=here)
                for child in element:
                    if child.tail is not None:
                        self._stray(child, here)
                pending.extend(reversed([(child, self._path(child, here)) for child in element]))

    def _extra(self, path: str, text: str, attributes: Any) -> None:
        if len(self.extras) >= limits.EXTRAS_MAX:
            raise XmlFault(
                "message.limit",
                f"more than {limits.EXTRAS_MAX} elements are not known here",
                hint="send the consignment in several declarations",
                place=path,
            )
        self.extras.append(Extra(path, text, tuple(attributes)))

    def _path(self, element: etree._Element, parent_path: str) -> str:
        """The element's path: its name, and its position from 1 where it is not the first of that name."""
        parent = element.getparent()
        number = 1
        # Only children have positions, and only where there are several; counting them takes time, so once.
        if parent is not None and (element.getprevious() is not None or element.getnext() is not None):
            known = self.positions.get(parent)
            if known is None:
                known = self.positions[parent] = _positions(parent)
            number = known.get(element, 1)
        step = self._step(element)
        return f"{parent_path}/{step}" if number == 1 else f"{parent_path}/{step}[{number}]"

    def _step(self, element: etree._Element) -> str:
        tag: str = element.tag
        if not tag.startswith("{"):
            return tag
        uri, _, name = tag[1:].rpartition("}")
        prefix = self.table.prefixes.get(uri)
        if prefix is None:
            return f"{{{uri}}}{name}" if ":" in uri else name
        return name if prefix == self.table.namespace_of.get(name, "") or prefix == "md" else f"{prefix}:{name}"


def attributes_of(element: etree._Element) -> list[tuple[str, str]]:
    """The attributes as names and values, names with their namespace in braces."""
    return element.items()  # type: ignore[return-value]


def _positions(parent: etree._Element) -> dict[etree._Element, int]:
    """Positions above 1 of the children among their siblings of the same name."""
    counts: dict[str, int] = {}
    positions: dict[etree._Element, int] = {}
    for child in parent:
        name = local_name(child)
        counts[name] = number = counts.get(name, 0) + 1
        if number > 1:
            positions[child] = number
    return positions


_STEPS: Final[dict[int, Callable[[Walk, etree._Element, Action, str, Frame], None]]] = {
    QUANTITY: Walk._leaf,
    MOMENT: Walk._leaf,
    MINUTE: Walk._leaf,
    DAY: Walk._leaf,
    POSITION: Walk._position,
    RECORD: Walk._single,
    RECORDS: Walk._listed,
    JOIN: Walk._joined,
    WEAVE: Walk._gathered,
}
