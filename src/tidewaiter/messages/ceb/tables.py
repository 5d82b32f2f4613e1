"""The table of messages, compiled: what to do with each element when reading, and in which order to write."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages import pointers, shape
from tidewaiter.messages.ceb import values
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction
from tidewaiter.model.money import Money

Path = tuple[pointers.Step, ...]

# What an element is: kept as it stands, the currency of others, an amount, or any other value.
KEPT, CURRENCY, AMOUNT, VALUE = range(4)
USUAL_CURRENCY: Final = "CNY"


class Action:
    """What one element means."""

    __slots__ = ("codes", "currency", "is_text", "kind", "meaning", "name", "parse", "path", "pointer", "rank", "usual")

    def __init__(self, name: str, meaning: str) -> None:
        self.name = name
        self.meaning = KEPT
        self.usual = ""  # of what is kept: what it says where nothing is said
        self.pointer = ""
        self.path: Path = ()
        self.kind = shape.Kind.TEXT
        self.codes: values.Codes | None = None
        self.currency = ""  # of an amount: the element that holds its currency
        self.parse: Any = None  # from text to value; None where the text is the value
        self.is_text = False  # the text is the value
        self.rank = 0  # among the elements of its entity
        if meaning.startswith("="):
            self.usual = meaning[1:].strip()
        elif meaning == "$":
            self.meaning, self.codes = CURRENCY, values.codes("currencies")
        else:
            self.pointer, _, self.currency = meaning.partition(" ")


class Entity:
    """A group of elements: those of a head, of a line, of the envelope; `actions` by tag, with and without namespace."""

    __slots__ = ("actions", "amounts", "currencies", "order", "ranks")

    def __init__(self, order: tuple[Action, ...], namespace: str, record: type[Struct]) -> None:
        self.order = order
        self.actions = {tag: each for each in order for tag in (each.name, f"{{{namespace}}}{each.name}")}
        self.ranks = {each.name: rank for rank, each in enumerate(order)}
        self.currencies = tuple(each for each in order if each.meaning == CURRENCY)
        for rank, each in enumerate(order):
            each.rank = rank
            if each.pointer:
                _complete(each, record, self.currencies)
        self.amounts = {
            currency.name: tuple(each for each in order if each.meaning == AMOUNT and each.currency == currency.name)
            for currency in self.currencies
        }

    def in_order(self, element: etree._Element) -> list[tuple[etree._Element, Action | None]]:
        """The elements below one and what each means, in the order in which they are written; unknown ones last."""
        known = self.actions
        found = [(child, known.get(child.tag)) for child in element]
        last = -1
        for _, action in found:
            if action is None or action.rank < last:
                found.sort(key=self._rank)
                break
            last = action.rank
        return found

    def _rank(self, found: tuple[etree._Element, Action | None]) -> int:
        return len(self.order) if found[1] is None else found[1].rank


class Message(Struct, frozen=True):
    """One kind of message, by its number."""

    number: str
    root: str
    title: str
    record: str
    head: str  # "" where the elements stand in the record itself
    list: str  # "" where there are no lines
    fields: Entity
    lines: Entity | None
    tail: tuple[str, ...]
    category: str
    word: str  # of the reference, where the message has no number of its own for it
    parts: tuple[Path, ...]  # and the fields that follow it
    function: MessageFunction | None
    builder: Builder
    ranks: Mapping[str, int]  # of what stands in the root element

    @property
    def is_taken_in(self) -> bool:
        """Whether something is decided on it; else it is read and written, and that is all."""
        return bool(self.category)


class Table(Struct, frozen=True):
    """Every message."""

    namespace: str
    prefixes: Mapping[str, str]  # by namespace, of others than the messages' own
    namespaces: Mapping[str, str]  # by prefix
    messages: Mapping[str, Message]
    transfer: Entity
    functions: Mapping[str, MessageFunction]
    code_of_function: Mapping[MessageFunction, str]
    writes: Mapping[str, str]
    orders: Mapping[str, Mapping[str, int]]  # of the entities that are kept as they stand
    answers: Mapping[str, str]  # by number, and of the tax bill
    statuses: Mapping[str, str]  # by kind of notice


class Builder:
    """Makes a record of the model from values by path."""

    __slots__ = ("inner", "is_list", "leaves", "record")

    def __init__(self, record: type[Struct] | None, paths: Mapping[Path, str], *, is_list: bool = False) -> None:
        self.record = record
        self.is_list = is_list
        self.leaves = tuple((path[0], pointer) for path, pointer in paths.items() if len(path) == 1)
        firsts = dict.fromkeys(path[0] for path in paths if len(path) > 1)
        self.inner = tuple((first, self._inner(first, paths)) for first in firsts)

    def _inner(self, first: pointers.Step, paths: Mapping[Path, str]) -> Builder:
        rest = {path[1:]: pointer for path, pointer in paths.items() if path[0] == first}
        if self.record is None or not isinstance(first, str):
            raise TypeError(f"{paths} has a place in a list of lists")
        element = shape.elements(self.record)[first]
        if not element.is_list:
            return Builder(element.group, rest)
        # Lists have one member here, the first.
        if element.group is None:
            return Builder(None, rest, is_list=True)
        return Builder(element.group, {path[1:]: pointer for path, pointer in rest.items()}, is_list=True)

    def fields(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that have a value."""
        made: dict[str, Any] = {}
        for name, pointer in self.leaves:
            if pointer in found:
                made[name] = found[pointer]  # type: ignore[index]
        for name, builder in self.inner:
            value = builder.made(found)
            if value is not None:
                made[name] = value  # type: ignore[index]
        return made

    def made(self, found: Mapping[str, Any]) -> Any:
        """The record, or the list of it; None where nothing was found for it."""
        fields = self.fields(found)
        if not fields:
            return None
        value = next(iter(fields.values())) if self.record is None else self.record(**fields)
        return (value,) if self.is_list else value


def value_at(record: Any, path: Path) -> Any:
    """What stands at a path; None where nothing does."""
    for step in path:
        if record is None:
            return None
        if isinstance(step, str):
            record = getattr(record, step)
        elif step < len(record):
            record = record[step]
        else:
            return None
    return record


@cache
def load() -> Table:
    """The compiled table."""
    place = resources.files("tidewaiter.data").joinpath("messages", "ceb", "tables.toml")
    source = tomllib.loads(place.read_text("utf-8"))
    namespace = source["namespaces"]["ceb"]
    transfer = _entity(source, "BaseTransfer", Declaration)
    functions = {code: MessageFunction(name) for code, name in source["functions"].items()}
    return Table(
        namespace=namespace,
        prefixes={uri: prefix for prefix, uri in source["namespaces"].items() if uri != namespace},
        namespaces=source["namespaces"],
        messages={number: _message(source, number, said, transfer) for number, said in source["messages"].items()},
        transfer=transfer,
        functions=functions,
        code_of_function={function: code for code, function in functions.items()},
        writes=source["writes"],
        answers=source["answers"],
        statuses=source["statuses"],
        orders={
            name: {each: rank for rank, each in enumerate(names.split())} for name, names in source["kept"].items()
        },
    )


def _message(source: Mapping[str, Any], number: str, said: Mapping[str, Any], transfer: Entity) -> Message:
    fields = _entity(source, said["fields"], Declaration)
    word, *parts = said.get("reference", "").split() or [""]
    tail = tuple(said.get("tail", "").split())
    pointers_of = [*_pointers(fields), *(_pointers(transfer) if "BaseTransfer" in tail else ())]
    return Message(
        number=number,
        root=f"CEB{number}Message",
        title=said["title"],
        record=said["record"],
        head=said.get("head", ""),
        list=said.get("list", ""),
        fields=fields,
        lines=_entity(source, said["list_fields"], GoodsItem) if "list_fields" in said else None,
        tail=tail,
        category=said.get("category", ""),
        word=word,
        parts=tuple(pointers.steps(part) for part in parts),
        function=MessageFunction(said["function"]) if "function" in said else None,
        builder=Builder(Declaration, dict(pointers_of)),
        ranks={name: rank for rank, name in enumerate((said["record"], *tail))},
    )


def _pointers(entity: Entity) -> Iterator[tuple[Path, str]]:
    return ((each.path, each.pointer) for each in entity.order if each.pointer)


def _entity(source: Mapping[str, Any], name: str, record: type[Struct]) -> Entity:
    meanings = source["entities"].get(name)
    if meanings is None:
        meanings = dict.fromkeys(source["kept"][name].split(), "=")
    actions = tuple(Action(element, meaning) for element, meaning in meanings.items())
    return Entity(actions, source["namespaces"]["ceb"], record)


def _complete(action: Action, record: type[Struct], currencies: tuple[Action, ...]) -> None:
    """What an element of the wire is, from the type of the field it fills."""
    action.path = pointers.steps(action.pointer)
    group: type[Struct] | None = record
    element = None
    for step in action.path:
        if isinstance(step, str):
            if group is None:
                raise TypeError(f"{action.name}: no field {action.pointer}")
            element = shape.elements(group)[step]
            group = element.group
    assert element is not None
    action.meaning = VALUE
    if group is Money:
        action.meaning, action.parse = AMOUNT, values.number_of
        action.currency = action.currency.removeprefix("$") or currencies[0].name
    elif action.currency:
        action.codes, action.currency = values.codes(action.currency), ""
    elif element.kind is not shape.Kind.CHOICE:
        action.kind = element.kind
        action.parse = values.PARSERS.get(element.kind)
        action.is_text = action.parse is None
    else:
        action.kind = element.kind
