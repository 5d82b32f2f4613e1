"""Declarations → messages: elements in the order of the table, and what was kept where it stood.

Declarations of one kind that stood in one message, one after another, are written into one again, up to a hundred.
The signature is written as it was kept; where anything changed, or there was none, the message is to be signed anew
by who sends it, whose key is not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from lxml import etree

from tidewaiter.messages import shape
from tidewaiter.messages.ceb.read import ROOT, VERSION, reference_of
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
from tidewaiter.messages.ceb.values import Wrong, formatted
from tidewaiter.messages.wco_xml.write import steps_of
from tidewaiter.model.declaration import Declaration, Extra, MessageFunction
from tidewaiter.model.errors import MessageError

RECORDS_MAX: Final = 100  # in one message
_USUAL_MESSAGE: Final = "621"


class Node:
    """An element to be: its text, attributes and children by name."""

    __slots__ = ("attributes", "children", "is_said", "text")

    def __init__(self) -> None:
        self.text = ""
        self.attributes: tuple[tuple[str, str], ...] = ()
        self.children: dict[str, list[Node]] = {}
        self.is_said = False  # an extra says something of it, if only that it is empty

    def child(self, name: str, position: int = 1) -> Node:
        """The child of that name at that position, made if it is not there yet."""
        siblings = self.children.setdefault(name, [])
        while len(siblings) < position:
            siblings.append(Node())
        return siblings[position - 1]

    def first(self, name: str) -> Node | None:
        """The first child of that name, if there is one."""
        siblings = self.children.get(name)
        return siblings[0] if siblings else None


def messages_of(declarations: Sequence[Declaration]) -> Iterator[etree._Element]:
    """The messages that hold these declarations, in order. Raises MessageError for what no message can hold."""
    table = load()
    for key, group in groupby(declarations, key=lambda each: _envelope(table, each)):
        several = list(group)
        message = table.messages[key[0]]
        for start in range(0, len(several), RECORDS_MAX):
            yield _message(table, message, several[start : start + RECORDS_MAX])


def message_of(table: Table, declaration: Declaration) -> Message:
    """The message a declaration is written as: that it came in, else the usual one of its data set."""
    found = ROOT.fullmatch(declaration.type_code)
    if found and found[1] in table.messages:
        return table.messages[found[1]]
    return table.messages[table.writes.get(declaration.procedure_category, _USUAL_MESSAGE)]


def texts_of(declaration: Declaration) -> dict[str, str]:
    """The texts in the head of the record that a declaration is written as, by element; empty ones left out."""
    table = load()
    message = message_of(table, declaration)
    record = _record(table, message, declaration)
    head = record.child(message.head) if message.head else record
    return {name: nodes[0].text for name, nodes in head.children.items() if nodes[0].text}


def guid_of(*parts: str) -> str:
    """The 36 characters that number a message or record that has no number yet; the same for the same parts."""
    digits = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32].upper()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _envelope(table: Table, declaration: Declaration) -> tuple[Any, ...]:
    """What the records of one message have in common."""
    message = message_of(table, declaration)
    within = f"/{message.root}/{message.record}"
    around = tuple(each for each in declaration.extras if not each.path.startswith(within))
    return message.number, declaration.submitter, around


def _message(table: Table, message: Message, declarations: Sequence[Declaration]) -> etree._Element:
    root = _kept(message, declarations[0].extras)
    records = [_record(table, message, declaration) for declaration in declarations]
    if _has_other_origin(message, declarations[0]):
        number = guid_of(*(each.functional_reference_id for each in declarations))
        root.attributes = (("guid", number), ("version", VERSION))
    root.children[message.record] = records
    if "BaseTransfer" in message.tail:
        transfer = root.child("BaseTransfer")
        _Filling(table, transfer).fill(table.transfer, declarations[0])
        if not transfer.children:
            del root.children["BaseTransfer"]
    try:
        return _Tree(table, message).document(root)
    except ValueError as error:
        raise MessageError(
            f"the declaration {declarations[0].functional_reference_id!r}, or one after it, holds a character that XML"
            " forbids",
            hint="remove control characters",
        ) from error


def _kept(message: Message, extras: Sequence[Extra]) -> Node:
    """Everything that was kept, as a tree below the root element."""
    top = Node()
    for extra in extras:
        steps = steps_of(extra.path)
        if not steps or steps[0] != (message.root, 1):
            continue
        node = top
        for name, position in steps[1:]:
            node = node.child(name, position)
        node.text = extra.value or node.text
        node.attributes += extra.attributes
        node.is_said = True
    return top


def _has_other_origin(message: Message, declaration: Declaration) -> bool:
    """Whether it came in another form, and has nothing of what messages of this form are numbered by."""
    return not any(each.path.startswith(f"/{message.root}") for each in declaration.extras)


def _record(table: Table, message: Message, declaration: Declaration) -> Node:
    record = _kept(message, declaration.extras).child(message.record)
    head = record.child(message.head) if message.head else record
    is_made = bool(message.word) and declaration.functional_reference_id == reference_of(message, declaration)
    _Filling(table, head, without="functional_reference_id" if is_made else "").fill(message.fields, declaration)
    if "guid" in message.fields.ranks and _has_other_origin(message, declaration):
        head.child("guid").text = guid_of(message.number, declaration.functional_reference_id)
    if message.lines is not None:
        for position, item in enumerate(declaration.goods_items, 1):
            _Filling(table, record.child(message.list, position), position=position).fill(message.lines, item)
    return record


class _Filling:
    """Gives each field of one group its element; the sender's own spelling stays where it still says the same.

    `position` is what a line's number is taken to be where its own is none.
    """

    def __init__(self, table: Table, node: Node, *, without: str = "", position: int | None = None) -> None:
        self.table = table
        self.node = node
        self.without = without
        self.position = position
        self.currencies: dict[str, str] = {}  # by the element

    def fill(self, entity: Entity, record: Any) -> None:
        """From a declaration or goods item. Raises MessageError for amounts of several currencies side by side."""
        for action in entity.order:
            if action.meaning == KEPT:
                if action.usual and not ((leaf := self.node.first(action.name)) and leaf.is_said):
                    self.node.child(action.name).text = action.usual
            elif action.meaning != CURRENCY and action.pointer != self.without:
                value = value_at(record, action.path)
                if value is not None and value != "":
                    self._put(action, value)
        for currency in entity.currencies:
            if currency.name in self.currencies:
                self._currency(currency, self.currencies[currency.name])

    def _put(self, action: Action, value: Any) -> None:
        leaf = self.node.child(action.name)
        if action.meaning == AMOUNT:
            known = self.currencies.setdefault(action.currency, value.currency)
            if known != value.currency:
                raise MessageError(
                    f"{action.name} is in {value.currency}, what stands beside it in {known}",
                    hint="one part of a message has one currency; convert the amounts before",
                )
            value = value.amount
        if not (leaf.is_said and self._says(action, leaf.text, value)):
            leaf.text = self._text(action, value)

    def _currency(self, currency: Action, code: str) -> None:
        assert currency.codes is not None
        leaf = self.node.child(currency.name)
        said = (currency.codes.read(leaf.text) or USUAL_CURRENCY) if leaf.is_said else ""
        if said != code:
            leaf.text = currency.codes.write(code)

    def _says(self, action: Action, text: str, value: Any) -> bool:
        """Whether a text, in the sender's own spelling, is this value, or none and this what is taken for it."""
        if action.codes is not None:
            return bool(action.codes.read(text) == value)
        if action.pointer == "function":
            return self.table.functions.get(text, MessageFunction.ORIGINAL) is value
        if action.parse is None:
            return bool(text == value)
        said = action.parse(text)
        if isinstance(said, Wrong) and action.pointer == "line_no":
            said = self.position
        return not isinstance(said, Wrong) and bool(said == value)

    def _text(self, action: Action, value: Any) -> str:
        if action.codes is not None:
            return action.codes.write(value)
        if action.pointer == "function":
            return self.table.code_of_function.get(value, "")
        return formatted(shape.Kind.DECIMAL if action.meaning == AMOUNT else action.kind, value)


# --- the tree ------------------------------------------------------------------------------------------------


class _Tree:
    """Makes the elements of one message, in the order of the table."""

    def __init__(self, table: Table, message: Message) -> None:
        self.table = table
        self.message = message

    def document(self, root: Node) -> etree._Element:
        """The message. Raises ValueError for characters that XML cannot hold."""
        element = etree.Element(self._tag(self.message.root), None, {"ceb": self.table.namespace})
        self._fill(element, root, self.message.ranks)
        return element

    def _fill(self, element: etree._Element, node: Node, ranks: Mapping[str, int]) -> None:
        if node.text:
            element.text = node.text
        for attribute, value in node.attributes:
            element.set(attribute, value)
        last = len(ranks)
        for name in sorted(node.children, key=lambda each: ranks.get(each, last)):
            tag, below = self._tag(name), self._ranks(name)
            prefix = name.partition(":")[0] if ":" in name and not name.startswith("{") else ""
            own = {prefix: self.table.namespaces[prefix]} if prefix in self.table.namespaces else None
            for child in node.children[name]:
                self._fill(etree.SubElement(element, tag, None, own), child, below)

    def _ranks(self, name: str) -> Mapping[str, int]:
        """The order of what stands in an element."""
        message = self.message
        if message.head and name == message.record:
            return {message.head: 0, message.list: 1}
        if name == (message.head or message.record):
            return message.fields.ranks
        if name == message.list and message.lines is not None:
            return message.lines.ranks
        if name == "BaseTransfer":
            return self.table.transfer.ranks
        return self.table.orders.get(name, {})

    def _tag(self, name: str) -> str:
        """The tag of a step of a path: a name of the messages' own, prefix:name, or {uri}name."""
        if name.startswith("{"):
            return name
        prefix, _, local = name.rpartition(":")
        return f"{{{self.table.namespaces.get(prefix, self.table.namespace)}}}{local}"
