"""A form's table, compiled: what to do with each element when reading, and in which order to write.

The tables are `data/messages/<form>/tables.toml`; the kind of a leaf is taken
from the type of the model's field, so that a table holds names only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from tidewaiter.messages import shape
from tidewaiter.messages.wco_xml import values
from tidewaiter.messages.wco_xml.weaves import WEAVES, Weave
from tidewaiter.messages.wco_xml.weaves_ens import ENS_WEAVES
from tidewaiter.model.declaration import Declaration, MessageFunction

_LEAF_KINDS = {
    shape.Kind.TEXT: values.TEXT,
    shape.Kind.WHOLE_NUMBER: values.WHOLE,
    shape.Kind.DECIMAL: values.DECIMAL,
    shape.Kind.MOMENT: values.MOMENT,
    shape.Kind.DAY: values.DAY,
    shape.Kind.CHOICE: values.TEXT,
}


DECLARATION = "Declaration"  # the element that is a declaration, where a table names no other


class Action:
    """What one element means. `wire` is its path below the record, `field` the (dotted) field it fills."""

    box: Box  # of a BOX
    scope: Scope  # of a RECORD or RECORDS
    weave: Weave  # of a WEAVE or JOIN

    __slots__ = (
        "box",
        "field",
        "is_numbered",
        "kind",
        "leaf",
        "name",
        "namespace",
        "scope",
        "tags",
        "weave",
        "weave_key",
        "wire",
    )

    def __init__(self, kind: int, wire: str, field: str = "") -> None:
        self.kind = kind
        self.wire = wire
        self.name = wire.rpartition("/")[2]
        self.field = field
        self.weave_key = ""
        self.tags: dict[str, str] = {}  # of a weave: the leaves it takes, by tag with and without namespace
        self.leaf = ""  # of a join: the leaf's path as the weave names it
        self.is_numbered = False  # of a weave: its elements begin with their own position


class Box:
    """An element whose children belong to the same record; `actions` by tag, with and without namespace."""

    __slots__ = ("actions", "wire")

    def __init__(self, wire: str) -> None:
        self.wire = wire
        self.actions: dict[str, Action] = {}


class Scope:
    """One class of record: its type in the model and everything that fills its fields."""

    __slots__ = ("box", "is_numbered", "joins", "leaves", "lists", "name", "nested", "record", "records", "weaves")

    def __init__(self, name: str, record: type[Struct]) -> None:
        self.name = name
        self.record = record
        self.box = Box("")
        self.is_numbered = False  # begins with its own position
        self.leaves: list[Action] = []
        self.records: list[Action] = []
        self.weaves: dict[str, Action] = {}  # by weave key; the first of its elements
        self.joins: dict[str, list[Action]] = {}
        self.lists: tuple[str, ...] = ()
        self.nested: tuple[tuple[str, type[Struct], tuple[tuple[str, str], ...]], ...] = ()


class Table(Struct, frozen=True):
    """A form's table."""

    title: str
    is_function_code_required: bool
    procedure_category: str  # the data set that the form demands to be named
    namespaces: Mapping[str, str]  # by prefix; "" is the declaration's own
    prefixes: Mapping[str, str]  # the inverse
    namespace_of: Mapping[str, str]  # element name → prefix
    children: Mapping[str, tuple[str, ...]]
    ranks: Mapping[str, Mapping[str, int]]  # the same order, by class and child
    tags: Mapping[str, str]  # every element's name → its name with namespace
    nsmaps: Mapping[str, Mapping[str, str]]  # of elements whose namespace has a prefix of its own, by tag
    roots: Mapping[str, Scope]  # by the name of the element that is a declaration
    root_of_function: Mapping[MessageFunction, str]
    scopes: Mapping[str, Scope]
    envelope: Mapping[str, str]  # what an envelope says usually, by element, with and without namespace
    agencies: Mapping[str, str]  # by country
    jurisdiction: str  # of the form itself, where nothing in a declaration says whose customs it is for
    jurisdiction_of_prefix: Mapping[str, str]
    function_by_type: Mapping[str, MessageFunction]
    function_by_code: Mapping[str, MessageFunction]
    code_of_function: Mapping[MessageFunction, tuple[str, str]]


@cache
def load(form: str) -> Table:
    """The compiled table of "wco_dm", "h7" or "ens"."""
    text = resources.files("tidewaiter.data").joinpath("messages", form, "tables.toml").read_text("utf-8")
    source = tomllib.loads(text)
    compiler = _Compiler(source)
    root_of_function = {MessageFunction(name): root for name, root in source.get("root_of_function", {}).items()}
    roots = tuple(dict.fromkeys(root_of_function.values())) or (DECLARATION,)
    namespaces = source["namespaces"]
    functions = {code: MessageFunction(name) for code, name in source["function_by_code"].items()}
    return Table(
        title=source["document"]["title"],
        procedure_category=source["document"]["procedure_category"],
        is_function_code_required=source["document"]["is_function_code_required"],
        namespaces=namespaces,
        prefixes={uri: prefix for prefix, uri in namespaces.items()},
        namespace_of=source["namespace_of"],
        children=compiler.children,
        ranks={name: {child: rank for rank, child in enumerate(order)} for name, order in compiler.children.items()},
        tags=_tags(source, compiler.children),
        nsmaps={
            tag_of(namespaces[prefix], name): {prefix: namespaces[prefix]}
            for name, prefix in source["namespace_of"].items()
        },
        roots={name: compiler.scope(name, Declaration) for name in roots},
        root_of_function=root_of_function,
        scopes=compiler.scopes,
        envelope=_usual(source),
        agencies=source.get("envelope", {}).get("agencies", {}),
        jurisdiction=source["document"]["jurisdiction"],
        jurisdiction_of_prefix=source["jurisdiction_of_prefix"],
        function_by_type={code: MessageFunction(name) for code, name in source["function_by_type"].items()},
        function_by_code=functions,
        code_of_function={MessageFunction(name): _pair(code) for name, code in source["code_of_function"].items()},
    )


def _tags(source: Mapping[str, Any], children: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    prefixes = {name: "" for order in children.values() for name in order} | {DECLARATION: ""}
    envelope = ("MetaData", *children["MetaData"]) if "MetaData" in children else ()
    prefixes |= {name: "md" for name in envelope if name != DECLARATION}
    prefixes |= source["namespace_of"]
    return {name: tag_of(source["namespaces"][prefix], name) for name, prefix in prefixes.items()}


def tag_of(uri: str, name: str) -> str:
    """The tag of an element in a namespace; "" is none."""
    return f"{{{uri}}}{name}" if uri else name


def _usual(source: Mapping[str, Any]) -> dict[str, str]:
    usual = {name: text for name, text in source.get("envelope", {}).items() if isinstance(text, str)}
    return usual | {f"{{{source['namespaces']['md']}}}{name}": text for name, text in usual.items()}


def _pair(code: str) -> tuple[str, str]:
    function_code, _, type_code = code.partition(" ")
    return function_code, type_code


class _Compiler:
    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source
        self.children = {name: tuple(order.split()) for name, order in source["children"].items()}
        self.scopes: dict[str, Scope] = {}

    def scope(self, name: str, record: type[Struct]) -> Scope:
        key = f"{name}:{record.__name__}"
        if key in self.scopes:
            return self.scopes[key]
        scope = self.scopes[key] = Scope(name, record)
        for wire, meaning in self._meanings(name).items():
            self._place(scope, self._action(scope, wire, meaning))
        fields = [action.field for action in (*scope.leaves, *scope.records)]
        fields += [field for action in scope.weaves.values() for field in action.weave.fields]
        lists = (action.field for action in scope.records if action.kind == values.RECORDS)
        scope.lists = tuple(lists)
        scope.nested = tuple(_nested(record, fields))
        return scope

    def _meanings(self, name: str) -> dict[str, str]:
        """What the elements of a class mean; "+" names another table that they are added to."""
        own = dict(self.source["records"][name])
        shared = own.pop("+", None)
        return {**self.source["records"][shared], **own} if shared else own

    def _action(self, scope: Scope, wire: str, meaning: str) -> Action:
        if meaning == "#":
            return Action(values.POSITION, wire)
        if meaning.startswith("@"):
            return self._weave(scope, wire, meaning)
        field, _, sub_scope = meaning.partition(" ")
        element = _element(scope.record, field)
        if not sub_scope:
            kind = _leaf_kind(field, element)
            if kind == values.MOMENT and self.source["document"].get("moments") == "minute":
                kind = values.MINUTE
            return Action(kind, wire, field)
        if element.group is None:
            raise TypeError(f"{scope.name}/{wire}: {field} holds no records")
        action = Action(values.RECORDS if element.is_list else values.RECORD, wire, field)
        action.scope = self.scope(sub_scope, element.group)
        return action

    def _weave(self, scope: Scope, wire: str, meaning: str) -> Action:
        weave = {**WEAVES, **ENS_WEAVES}[meaning[1:]]
        is_join = wire in weave.leaves
        action = Action(values.JOIN if is_join else values.WEAVE, wire)
        action.weave, action.weave_key, action.leaf = weave, meaning, wire
        own = self.source["namespaces"][""]
        action.tags = {tag: leaf for leaf in weave.leaves if "@" not in leaf for tag in (leaf, tag_of(own, leaf))}
        action.is_numbered = not is_join and self.children[action.name][0] == "SequenceNumeric"
        return action

    def _place(self, scope: Scope, action: Action) -> None:
        box = scope.box
        *steps, name = action.wire.split("/")
        for depth, step in enumerate(steps, start=1):
            found = box.actions.get(step)
            if found is None:
                found = Action(values.BOX, "/".join(steps[:depth]))
                found.box = Box(found.wire)
                self._name(box, step, found)
            box = found.box
        self._name(box, name, action)
        if action.kind == values.JOIN:
            scope.joins.setdefault(action.weave_key, []).append(action)
        if action.kind in (values.JOIN, values.WEAVE):
            scope.weaves.setdefault(action.weave_key, action)
        elif action.kind in (values.RECORD, values.RECORDS):
            scope.records.append(action)
        else:
            scope.leaves.append(action)
            scope.is_numbered |= action.kind == values.POSITION and not steps

    def _name(self, box: Box, name: str, action: Action) -> None:
        prefix = self.source["namespace_of"].get(name, "")
        box.actions[name] = action
        box.actions[tag_of(self.source["namespaces"][prefix], name)] = action


def _element(record: type[Struct], field: str) -> shape.Element:
    *steps, last = field.split(".")
    for step in steps:
        group = shape.elements(record)[step].group
        assert group is not None
        record = group
    return shape.elements(record)[last]


def _leaf_kind(field: str, element: shape.Element) -> int:
    if field.endswith("_kg"):
        return values.MASS
    if field == "quantity":
        return values.QUANTITY
    if element.group is not None:
        return values.MONEY
    return _LEAF_KINDS[element.kind]


def _nested(record: type[Struct], fields: list[str]) -> Iterator[tuple[str, type[Struct], tuple[tuple[str, str], ...]]]:
    """Fields with a dot, by the record they lie in: ("consignment", Consignment, (("consignment.ucr", "ucr"), …))."""
    by_record: dict[str, list[tuple[str, str]]] = {}
    for field in fields:
        prefix, dot, rest = field.partition(".")
        if dot:
            by_record.setdefault(prefix, []).append((field, rest))
    for prefix, pairs in by_record.items():
        group = shape.elements(record)[prefix].group
        assert group is not None
        yield prefix, group, tuple(pairs)
