"""A declaration → a tree: the inverse of `read`, children in the order of the form's table.

First every field is given its element; then the extras are put where they
stood. Where an extra holds the sender's own spelling of something a field
says, the spelling is used as long as it still says the same: the field wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.wco_xml import values
from tidewaiter.messages.wco_xml.functions import function_of
from tidewaiter.messages.wco_xml.tables import DECLARATION, Action, Scope, Table, tag_of
from tidewaiter.messages.wco_xml.values import Fault
from tidewaiter.messages.wco_xml.weaves import Leaves, Weave
from tidewaiter.messages.wco_xml.weaves import Node as Woven
from tidewaiter.model.declaration import AdditionalInformation, Declaration, Extra
from tidewaiter.model.errors import MessageError

Step = tuple[str, int]

_STEP: Final = re.compile(r"/((?:\{[^}]*\})?[^/{}\[\]]+)(?:\[(\d{1,9})\])?")
# Attributes that change what a text means: never put beside another text than the sender's.
_MEANT: Final = frozenset({"currencyID", "unitCode", "formatCode"})
_POSITION: Final = "SequenceNumeric"
_POSITION_MAX: Final = 1_000_000


class Node:
    """An element to be: its text, attributes, children by name, and what it means."""

    __slots__ = ("attributes", "children", "fallback", "is_kept", "leaf", "name", "number", "text", "wovens")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.attributes: list[tuple[str, str]] = []
        self.children: dict[str, list[Node]] = {}
        self.leaf: tuple[int, Any] | None = None  # kind and value of a field written here
        self.fallback: int | None = None  # the value read here where the sender's text is none
        self.number = 0  # what its SequenceNumeric says, where its class has one and nothing else is said of it
        self.is_kept = False  # there even if it stays empty
        self.wovens: list[Weaving] = []  # weaves whose elements are children of this one

    def child(self, name: str, position: int = 1) -> Node:
        """The child of that name at that position, made if it is not there yet."""
        siblings = self.children.setdefault(name, [])
        while len(siblings) < position:
            siblings.append(Node(name))
        return siblings[position - 1]

    def descendant(self, wire: str) -> Node:
        """The node at a path of names, made if it is not there yet."""
        node = self
        for name in wire.split("/"):
            node = node.child(name)
        return node


class Weaving:
    """A weave to be written: its fields, and what the extras say of the same leaves."""

    __slots__ = ("action", "fields", "is_join", "said")

    def __init__(self, action: Action, fields: Mapping[str, Any]) -> None:
        self.action = action
        self.fields = fields
        self.is_join = action.kind == values.JOIN
        self.said: dict[tuple[str, int], dict[str, Extra]] = {}

    @property
    def weave(self) -> Weave:
        """The weave itself."""
        return self.action.weave


def tree(table: Table, declaration: Declaration, name: str = DECLARATION) -> etree._Element:
    """The document of one declaration with the root element `name`, in its envelope where the form has one.

    Raises MessageError for a text that XML cannot hold.
    """
    root = Node("")
    wanted = root.child(name)
    wanted.is_kept = True
    coded = _with_codes(table, _with_quote(declaration))
    _record(wanted, table.roots[name], coded)
    if table.envelope:
        _envelope(table, root.child("MetaData"), declaration)
    _merge(root, declaration.extras, name)
    _settle(root)
    top = root.children[name][0]
    if table.envelope:
        top = root.children["MetaData"][0]
        top.children[name] = root.children[name]
    try:
        return _element(table, top, None)
    except ValueError as error:
        raise MessageError(
            f"the declaration {declaration.functional_reference_id!r} holds a character that XML forbids",
            hint="remove control characters",
        ) from error


def _with_codes(table: Table, declaration: Declaration) -> Declaration:
    """With the codes that the form needs where the declaration, from another form, has none."""
    category = declaration.procedure_category or table.procedure_category
    function_code, type_code = declaration.function_code, declaration.type_code
    if not function_code:
        is_said = function_of(table, {"type_code": type_code}) == declaration.function
        if table.code_of_function and (table.is_function_code_required or not is_said):
            function_code, usual = table.code_of_function[declaration.function]
            type_code = type_code or usual
    return replace(declaration, procedure_category=category, function_code=function_code, type_code=type_code)


def _with_quote(declaration: Declaration) -> Declaration:
    """With the number of a quote, for which XML has no element, as a statement: there it is looked for when read."""
    stated = declaration.additional_information
    if not declaration.quote_id or any(each.statement == declaration.quote_id for each in stated):
        return declaration
    return replace(declaration, additional_information=(*stated, AdditionalInformation(statement=declaration.quote_id)))


def _envelope(table: Table, node: Node, declaration: Declaration) -> None:
    usual = {name: text for name, text in table.envelope.items() if not name.startswith("{")}
    country = declaration.jurisdiction_code
    said = {**usual, "ResponsibleCountryCode": country, "ResponsibleAgencyName": table.agencies.get(country, "")}
    for name, text in said.items():
        if text:
            node.child(name).text = text


def _record(node: Node, scope: Scope, record: Struct) -> None:
    """Give every field of a record its element below `node`."""
    for action in scope.leaves:
        value = _field(record, action.field) if action.field else None
        if action.kind == values.QUANTITY:
            value = None if value is None else (value, getattr(record, "quantity_unit"))  # noqa: B009
        if value is None or value == "":
            continue
        leaf = node.descendant(action.wire)
        leaf.leaf = (action.kind, value)
        text, attributes = values.formatted(action.kind, value)
        leaf.text, leaf.attributes = text, list(attributes)
    for action in scope.records:
        found = _field(record, action.field)
        if not found:
            continue
        parent, name = _parent(node, action.wire)
        for position, inner in enumerate(found if action.kind == values.RECORDS else (found,), start=1):
            child = parent.child(name, position)
            child.is_kept = action.kind == values.RECORDS
            _record(child, action.scope, inner)
            if action.field == "goods_items":
                child.descendant(_line_no(action.scope)).fallback = position
            if action.scope.is_numbered:
                child.child(_POSITION).text = str(position)
    for action in scope.weaves.values():
        weaving = Weaving(action, {name: _field(record, name) for name in action.weave.fields})
        parent = node if weaving.is_join else _parent(node, action.wire)[0]
        parent.wovens.append(weaving)
    for action in scope.leaves:
        above, slash, _ = action.wire.rpartition("/")
        if action.kind == values.POSITION and slash:
            node.descendant(above).number = 1


def _line_no(scope: Scope) -> str:
    """Where the number of a goods item stands."""
    return next(action.wire for action in scope.leaves if action.field == "line_no")


def _field(record: Any, field: str) -> Any:
    for name in field.split("."):
        record = getattr(record, name)
        if record is None:
            return None
    return record


def _parent(node: Node, wire: str) -> tuple[Node, str]:
    parent, _, name = wire.rpartition("/")
    return (node.descendant(parent) if parent else node), name


def _merge(root: Node, extras: Sequence[Extra], name: str) -> None:
    """Put every extra where it stood."""
    for extra in extras:
        steps = steps_of(extra.path)
        if not steps or steps[0] not in ((name, 1), ("MetaData", 1)):
            continue
        node, weaving = root, None
        for step, position in steps:
            parent, node = node, node.child(step, position)
            weaving = next((found for found in parent.wovens if _takes(found, step)), None) or weaving
        if weaving is not None and not weaving.is_join and steps[-1][0] in _woven_names(weaving):
            weaving.said.setdefault(steps[-1], {})
        if weaving is not None and _is_leaf_of(weaving, steps):
            _say(weaving, steps, extra)
        elif node.leaf is not None:
            _spell(node, extra)
        else:
            node.text = extra.value
            known = dict(node.attributes)
            node.attributes = list({**known, **dict(extra.attributes)}.items())
            node.is_kept = True


def _takes(weaving: Weaving, name: str) -> bool:
    if weaving.is_join:
        return any(leaf.partition("/")[0] == name for leaf in weaving.weave.leaves)
    return name in _woven_names(weaving)


def _woven_names(weaving: Weaving) -> tuple[str, ...]:
    return _DOCUMENTS if weaving.action.name in _DOCUMENTS else (weaving.action.name,)


_DOCUMENTS: Final = ("SupportingDocument", "AdditionalReference")


def _is_leaf_of(weaving: Weaving, steps: Sequence[Step]) -> bool:
    if weaving.is_join:
        return any(_ends(steps, leaf) for leaf in weaving.weave.leaves)
    (element, _), (leaf, position) = steps[-2:]
    return element in _woven_names(weaving) and leaf in weaving.weave.leaves and position == 1


def _ends(steps: Sequence[Step], leaf: str) -> bool:
    names = leaf.split("/")
    return list(steps[-len(names) :]) == [(name, 1) for name in names]


def _say(weaving: Weaving, steps: Sequence[Step], extra: Extra) -> None:
    if weaving.is_join:
        key, leaf = ("", 1), next(leaf for leaf in weaving.weave.leaves if _ends(steps, leaf))
    else:
        key, leaf = steps[-2], steps[-1][0]
    said = weaving.said.setdefault(key, {})
    if leaf in said:
        extra = Extra(extra.path, extra.value, tuple({**dict(said[leaf].attributes), **dict(extra.attributes)}.items()))
    said[leaf] = extra


def _spell(node: Node, extra: Extra) -> None:
    """Use the sender's spelling where it says the same as the field; else only attributes the field does not set."""
    assert node.leaf is not None
    kind, value = node.leaf
    said = values.PARSERS[kind](extra.value.strip(), extra.attributes)
    if isinstance(said, Fault):
        said = node.fallback
    if said == value:
        node.text, node.attributes = extra.value, list(extra.attributes)
        node.is_kept = True
    else:
        known = {name for name, _ in node.attributes} | _MEANT
        node.attributes += [pair for pair in extra.attributes if pair[0] not in known]


def _settle(node: Node) -> None:
    """Decide each weave, number what is numbered, and drop what stayed empty without having been so."""
    for weaving in node.wovens:
        _weave(node, weaving)
    numbers = node.children.get(_POSITION, [])
    if node.number and numbers and not numbers[0].is_kept:
        numbers[0].text = str(node.number)
    for name, siblings in list(node.children.items()):
        for child in siblings:
            _settle(child)
        kept = [child for child in siblings if not _is_void(child)]
        if kept:
            node.children[name] = kept
        else:
            del node.children[name]
    if node.number and _POSITION not in node.children and (node.children or node.text):
        node.child(_POSITION).text = str(node.number)


def _is_void(node: Node) -> bool:
    return not (node.is_kept or node.text or node.attributes or node.children)


def _weave(parent: Node, weaving: Weaving) -> None:
    """Write a weave: as the sender did where that still says the same, else as the fields alone give it."""
    weave = weaving.weave
    wanted = {name: value for name, value in weaving.fields.items() if value not in ("", None, ())}
    built = weave.build(wanted)
    chosen = built
    for candidate in _candidates(weaving, built):
        if weave.parse(candidate) == wanted:
            chosen = candidate
            break
    counts: dict[str, int] = {}
    for name, leaves in chosen:
        counts[name] = counts.get(name, 0) + 1
        node = parent if weaving.is_join else parent.child(name, counts[name])
        node.number = counts[name] if leaves and weaving.action.is_numbered else 0
        _write_leaves(node, leaves)
    for (name, position), said in weaving.said.items():
        node = parent if weaving.is_join else parent.child(name, position)
        for leaf, extra in said.items():
            _attach(node.descendant(leaf), extra)


def _candidates(weaving: Weaving, built: list[Woven]) -> Iterator[list[Woven]]:
    """What the sender may have written: the extras alone where they begin at the beginning, else after what is built."""
    if not weaving.said:
        return
    names = _woven_names(weaving) if not weaving.is_join else ("",)
    said = {key: _said_leaves(extras) for key, extras in weaving.said.items()}
    if any(position == 1 for _, position in said):
        yield _in_order(said, names)
    counts: dict[str, int] = {}
    for name, leaves in built:
        counts[name] = position = counts.get(name, 0) + 1
        said[name, position] = leaves | said.get((name, position), {})
    yield _in_order(said, names)


def _in_order(said: Mapping[tuple[str, int], Leaves], names: Sequence[str]) -> list[Woven]:
    """Elements by name and position; where nothing is said of one, it says nothing."""
    nodes: list[Woven] = []
    for name in names:
        last = max((position for known, position in said if known == name), default=0)
        nodes += [(name, said.get((name, position), {})) for position in range(1, last + 1)]
    return nodes


def _said_leaves(said: Mapping[str, Extra]) -> Leaves:
    leaves: Leaves = {}
    for leaf, extra in said.items():
        if extra.value.strip():
            leaves[leaf] = extra.value.strip()
            leaves |= {f"{leaf}@{name}": value for name, value in extra.attributes}
    return leaves


def _write_leaves(node: Node, leaves: Leaves) -> None:
    for leaf, text in leaves.items():
        wire, _, attribute = leaf.partition("@")
        target = node.descendant(wire)
        if attribute:
            target.attributes = [pair for pair in target.attributes if pair[0] != attribute] + [(attribute, text)]
        else:
            target.text = text


def _attach(node: Node, extra: Extra) -> None:
    """Attributes, and emptiness, that the sender gave a leaf of a weave."""
    said = extra.value.strip()
    node.is_kept |= not said and not node.text
    if node.text or node.is_kept:
        known = {name for name, _ in node.attributes} | (set() if node.text == said else _MEANT)
        node.attributes += [pair for pair in extra.attributes if pair[0] not in known]


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of an extra's path: names with positions counted from 1. () for a text that is not one."""
    found = [(name, int(position or 1)) for name, position in _STEP.findall(path)]
    joined = "".join(match[0] for match in _STEP.finditer(path))
    is_path = joined == path and all(1 <= position <= _POSITION_MAX for _, position in found)
    return tuple(found) if is_path else ()


def _element(table: Table, node: Node, parent: etree._Element | None) -> etree._Element:
    tag = table.tags.get(node.name) or _tag(table, node.name)
    if parent is None:
        element = etree.Element(tag, None, {**_prefixes(table), **table.nsmaps.get(tag, {})})
    else:
        element = etree.SubElement(parent, tag, None, table.nsmaps.get(tag))
    if node.text:
        element.text = node.text
    for name, value in node.attributes:
        element.set(name, value)
    names = list(node.children)
    if len(names) > 1:
        ranks = table.ranks.get(node.name, {})
        names.sort(key=lambda name: ranks.get(name, len(ranks)))
    for name in names:
        for child in node.children[name]:
            _element(table, child, element)
    return element


def _tag(table: Table, name: str) -> str:
    """The tag of an element that the table does not name: {uri}name, prefix:name or a plain name."""
    if name.startswith("{"):
        return name
    prefix, _, local = name.rpartition(":")
    return tag_of(table.namespaces.get(prefix, table.namespaces[""]), local)


def _prefixes(table: Table) -> Mapping[str, str]:
    # None is the default namespace; the stubs of lxml know only prefixes.
    return {prefix or None: uri for prefix, uri in table.namespaces.items() if uri and prefix in ("", "md")}  # type: ignore[misc]
