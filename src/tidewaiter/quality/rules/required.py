"""What must be there: the dataset says, this looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction
from tidewaiter.model.finding import Severity
from tidewaiter.quality.registry import Context, Seen, rule

ITEMS = "goods_items"
_PER_ITEM = f"{ITEMS}[]."


@rule(
    "data.required",
    Severity.ERROR,
    source="The law of the jurisdiction: list of data its dataset requires",
    replaces=("description.missing", "party.not_identified"),
)
def required(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """Every dataset names the data customs needs to decide. Send what is missing; nothing can be assessed without it.

    Cancellations, presentations and amendments that only say what changes are not asked for the whole.
    """
    if not is_whole(declaration):
        return ()
    return [
        Seen(pointer, "", f"{label(pointer)} is missing; {context.dataset.title} needs it.")
        for pointer in absent(declaration, context.dataset.required)
    ]


def absent(declaration: Declaration, required: tuple[str, ...]) -> tuple[str, ...]:
    """The places of what is asked for and not there, each once; `required` are pointers, alternatives separated by `|`."""
    missing: list[str] = []
    for look in _compiled(required):
        look(declaration, missing)
    return tuple(dict.fromkeys(missing)) if missing else ()


def is_whole(declaration: Declaration) -> bool:
    """True where the message states the goods: an original, or an amendment that repeats everything."""
    if declaration.function is MessageFunction.ORIGINAL:
        return bool(declaration.goods_items) or not declaration.registered_id
    if declaration.function is MessageFunction.AMENDMENT:
        return bool(declaration.goods_items) and not any(each.pointers for each in declaration.amendments)
    return False


Look = Callable[[Declaration, list[str]], None]


@lru_cache(maxsize=128)
def _compiled(pointers: tuple[str, ...]) -> tuple[Look, ...]:
    """One look for what each goods item needs, and one for each other requirement."""
    per_item = tuple(pointer for pointer in pointers if pointer.startswith(_PER_ITEM))
    others = tuple(_alternatives(pointer.split("|")) for pointer in pointers if pointer not in per_item)
    return (*others, _items([pointer.split("|") for pointer in per_item])) if per_item else others


def _items(requirements: list[list[str]]) -> Look:
    getters = [(_on_item(names), names[0].removeprefix(_PER_ITEM)) for names in requirements]
    # Nearly always all is there: of plain elements one look tells it.
    plain = [name for names, (_, name) in zip(requirements, getters, strict=True) if _is_plain(names)]
    values_of = attrgetter(*plain, "line_no", "line_no")  # two more, so that it is always a tuple
    others = [getter for names, getter in zip(requirements, getters, strict=True) if not _is_plain(names)]

    def look(declaration: Declaration, missing: list[str]) -> None:
        if not declaration.goods_items:
            missing.append(ITEMS)
        for place, item in enumerate(declaration.goods_items, 1):
            values = values_of(item)
            has_plain = None not in values and "" not in values and () not in values
            for is_there, name in others if has_plain else getters:
                if not is_there(item, declaration):
                    missing.append(f"{ITEMS}[{place}].{name.replace('[]', '[1]')}")

    return look


def _is_plain(names: list[str]) -> bool:
    """One field of the item itself, without alternatives."""
    return len(names) == 1 and names[0].removeprefix(_PER_ITEM) in GoodsItem.__struct_fields__


def _on_item(names: list[str]) -> Callable[[GoodsItem, Declaration], bool]:
    """Whether an item, or for alternatives outside it the declaration, has what is asked for."""
    tests = [
        (name.startswith(_PER_ITEM), _presence(name.removeprefix(_PER_ITEM)))
        for name in (name.strip() for name in names)
    ]
    if len(tests) == 1:
        only = tests[0][1]
        return lambda item, _: only(item)

    def is_there(item: GoodsItem, declaration: Declaration) -> bool:
        for is_item, test in tests:  # noqa: SIM110 (a loop is faster than a generator)
            if test(item if is_item else declaration):
                return True
        return False

    return is_there


def _alternatives(names: list[str]) -> Look:
    tests = [_presence(name.strip()) for name in names]
    pointer = names[0].strip().replace("[]", "[1]")
    if len(tests) == 1:
        only = tests[0]

        def look_for_one(declaration: Declaration, missing: list[str]) -> None:
            if not only(declaration):
                missing.append(pointer)

        return look_for_one

    def look(declaration: Declaration, missing: list[str]) -> None:
        for test in tests:
            if test(declaration):
                return
        missing.append(pointer)

    return look


def _presence(path: str) -> Callable[[Any], bool]:
    """Whether a record has something at `path`; `x[].y` asks that there be an x and each x have a y."""
    if "[]" not in path:
        get = attrgetter(path)

        def is_there(record: Any) -> bool:
            try:
                value = get(record)
            except AttributeError:  # a group on the way is absent
                return False
            return bool(value) or (value is not None and value != "" and value != ())

        return is_there
    before, _, after = path.partition("[]")
    get_list = attrgetter(before)
    inner = _presence(after.removeprefix(".")) if after else None

    def are_there(record: Any) -> bool:
        try:
            members = get_list(record)
        except AttributeError:
            return False
        return bool(members) and (inner is None or all(inner(member) for member in members))

    return are_there


@lru_cache(maxsize=1024)
def label(pointer: str) -> str:
    """The element's meaning in the model's own words: "Consignor, name"."""
    record: type[Struct] = Declaration
    words: list[str] = []
    for step in pointer.split("."):
        name, _, place = step.partition("[")
        hint = get_type_hints(record, include_extras=True).get(name)
        if hint is None:
            return pointer
        inner, meaning = _inside(hint)
        number = f" {place.rstrip(']')}" if place else ""
        words.append(f"Line{number}" if name == ITEMS and number else meaning.split(":")[0] + number)
        if not (isinstance(inner, type) and issubclass(inner, Struct)):
            break
        record = inner
    return ", ".join([words[0], *(_within_a_sentence(word) for word in words[1:])])


def _within_a_sentence(words: str) -> str:
    """With a small first letter, unless what begins is an abbreviation (ISO, EORI)."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _inside(hint: Any) -> tuple[Any, str]:
    """The type within Annotated, tuple and optional, and the words of its Meta."""
    meaning = ""
    if get_origin(hint) is Annotated:
        hint, *metas = get_args(hint)
        meaning = next((meta.description or "" for meta in metas if isinstance(meta, Meta)), "")
    options = [option for option in get_args(hint) if option not in (type(None), Ellipsis)]
    return (options[0] if options else hint), meaning
