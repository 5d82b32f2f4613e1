"""Other names for elements of the declaration, as those who send them know them.

A vocabulary is data: a name of the sender's own for a place in the declaration
(`item_id` for `consignment.transport_documents[1].document_id`). Whatever it has
no name for goes by the declaration's own, so that a form that is our JSON or CSV
under other names needs no reader of its own.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from msgspec import Struct

from tidewaiter.messages.pointers import Path, Step, steps

ITEMS: Final = "goods_items"
_SPACES = re.compile(r"[ \-]+")


class Name(Struct, frozen=True):
    """One name: where it leads within the declaration or the goods item (positions from 0), and what it means."""

    name: str
    path: Path
    words: str


class Vocabulary:
    """The names of one form. `items_name` is what it calls the list of goods items."""

    def __init__(self, items_name: str, whole: Mapping[str, Name], item: Mapping[str, Name], reference: str) -> None:
        self.items_name = items_name
        self.whole = whole
        self.item = item
        self.reference = reference
        """The name that tells one record from another, besides `functional_reference_id`; "" for none."""

    def is_telling(self, name: str) -> bool:
        """True for a top-level name or column that a message in another vocabulary would not have."""
        name = _SPACES.sub("_", name.strip().lower())
        return bool(self.reference) and (
            name in (self.reference, self.items_name) or name.startswith(f"{self.items_name}.")
        )

    # --- places

    def own(self, path: Path) -> Path:
        """A path of the declaration in this vocabulary's terms."""
        if path and path[0] == ITEMS:
            at, rest = path[1:2], path[2:]
            return (self.items_name, *at, *(_own(self.item, rest) if rest else ()))
        return _own(self.whole, path)

    def meant(self, path: Path) -> Path:
        """What a path in this vocabulary's terms leads to in the declaration."""
        if path and path[0] in (self.items_name, ITEMS):
            return (ITEMS, *path[1:2], *_meant(self.item, path[2:]))
        return _meant(self.whole, path)

    # --- trees: JSON objects as dictionaries

    def renamed(self, tree: Mapping[str, Any], node: type[dict[str, Any]] = dict) -> tuple[dict[str, Any], list[Path]]:
        """The members under the declaration's names, and the own paths of those whose place is taken already.

        New objects are of the class `node`. The tree given is used up.
        """
        taken: list[Path] = []
        result = node()
        for name, value in tree.items():
            if name == self.items_name and isinstance(value, list):
                self._put_items(result, value, node, taken)
            elif not _put(result, self._path_of(name), value, node):
                taken.append((name,))
        return result, taken

    def _path_of(self, name: str) -> Path:
        if name == self.items_name:
            return (ITEMS,)
        return self.whole[name].path if name in self.whole else (name,)

    def _put_items(
        self, result: dict[str, Any], value: list[Any], node: type[dict[str, Any]], taken: list[Path]
    ) -> None:
        items: list[Any] = []
        for at, member in enumerate(value):
            if not isinstance(member, dict):
                items.append(member)
                continue
            item = node()
            for name, inner in member.items():
                path = self.item[name].path if name in self.item else (name,)
                if not _put(item, path, inner, node):
                    taken.append((self.items_name, at, name))
            item.setdefault("line_no", at + 1)
            items.append(item)
        if not _put(result, (ITEMS,), items, node):
            taken.append((self.items_name,))

    def under_own_names(self, tree: dict[str, Any]) -> dict[str, Any]:
        """A declaration in plain types under this vocabulary's names; the tree given is used up."""
        result = _under_own_names(self.whole, tree)
        if items := result.pop(ITEMS, ()):
            result[self.items_name] = [_under_own_names(self.item, dict(item)) for item in items]
        return result

    # --- columns of a table

    def meant_column(self, header: str) -> str:
        """The declaration's column for a header, spelled as columns are; the same where the vocabulary has no word."""
        name = _SPACES.sub("_", header.strip().lower())
        prefix = f"{self.items_name}."
        if name.startswith(prefix):
            return f"goods_item.{_column(self.item, name.removeprefix(prefix))}"
        return _column(self.whole, name)

    def columns(self) -> Iterator[str]:
        """The names as columns: those of the whole, then those of a goods item."""
        yield from self.whole
        yield from (f"{self.items_name}.{name}" for name in self.item)


PLAIN: Final = Vocabulary(ITEMS, {}, {}, "")


@cache
def vocabulary(form: str) -> Vocabulary:
    """The vocabulary of a form, from `data/messages/FORM/names.toml`."""
    text = resources.files("tidewaiter.data").joinpath(f"messages/{form}/names.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)
    whole, item = (
        {name: Name(name, steps(path), words) for name, (path, words) in known[part].items()}
        for part in ("whole", "item")
    )
    return Vocabulary(known["items_name"], whole, item, known["reference"])


def _own(names: Mapping[str, Name], path: Path) -> Path:
    best: Name | None = None
    for each in names.values():
        if path[: len(each.path)] == each.path and (best is None or len(each.path) > len(best.path)):
            best = each
    if best is not None:
        return (best.name, *path[len(best.path) :])
    inside = next((each.name for each in names.values() if len(path) > 1 and each.path[: len(path)] == path), None)
    return path if inside is None else (inside,)


def _meant(names: Mapping[str, Name], path: Path) -> Path:
    if path and path[0] in names:
        return (*names[str(path[0])].path, *path[1:])
    return path


def _column(names: Mapping[str, Name], name: str) -> str:
    first, dot, rest = name.partition(".")
    if first not in names:
        return name
    # As columns have it: the first of what repeats carries no number, unless it is the value itself.
    text = ""
    for step in names[first].path:
        text += f".{step}" if isinstance(step, str) else f"[{step + 1}]" if step else ""
    return text.removeprefix(".") + dot + rest


# --- trees ---------------------------------------------------------------------------------------------------------


def _put(tree: dict[str, Any], path: Path, value: Any, node: type[dict[str, Any]]) -> bool:
    """Puts a value at its place, objects and lists into what is there; false where that is taken by another."""
    if len(path) == 1 and path[0] not in tree:
        tree[str(path[0])] = value
        return True
    *way, last = path
    holder: Any = tree
    for step, following in zip(way, path[1:], strict=True):
        holder = _inside(holder, step, node, is_list=isinstance(following, int))
        if holder is None:
            return False
    if isinstance(last, int):
        raise ValueError(f"a name cannot lead to a place in a list: {path}")
    if not isinstance(holder, dict):
        return False
    if holder.get(last) is None:
        holder[last] = value
        return True
    return value is None or _merged(holder[last], value)


def _inside(holder: Any, step: Step, node: type[dict[str, Any]], *, is_list: bool) -> Any:
    """What stands at one step of the way, made where nothing does; None where something else stands there."""
    if isinstance(step, int):
        if not isinstance(holder, list):
            return None
        while len(holder) <= step:
            holder.append(node())
        return holder[step] if isinstance(holder[step], dict) else None
    if not isinstance(holder, dict):
        return None
    if holder.get(step) is None:
        holder[step] = [] if is_list else node()
    return holder[step]


def _merged(there: Any, value: Any) -> bool:
    """Puts members into an object, or the objects of a list into those of another; true where nothing is in the way."""
    if isinstance(there, dict) and isinstance(value, dict):
        return all(
            _merged(there[name], inner) if there.get(name) is not None else not there.update({name: inner})
            for name, inner in value.items()
        )
    if isinstance(there, list) and isinstance(value, list):
        fits = all(_merged(*pair) for pair in zip(there, value, strict=False))
        there.extend(value[len(there) :])
        return fits
    return bool(there == value) and type(there) is type(value)


def _under_own_names(names: Mapping[str, Name], tree: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for each in sorted(names.values(), key=lambda each: -len(each.path)):
        value, tree = _taken(tree, each.path)
        if value is not None:
            result[each.name] = value
    ordered = {name: result[name] for name in names if name in result}
    return ordered | tree


def _taken(tree: dict[str, Any], path: Path) -> tuple[Any, dict[str, Any]]:
    """What stands at a path, and the tree without it and without what is empty for that."""
    first, rest = path[0], path[1:]
    inner = tree.get(str(first))
    if inner is None:
        return None, tree
    if not rest:
        return inner, {name: value for name, value in tree.items() if name != first}
    if isinstance(rest[0], int):
        at = rest[0]
        if at >= len(inner):
            return None, tree
        value, left = _taken(inner[at], rest[1:])
        changed: Any = [*inner[:at], left, *inner[at + 1 :]]
        if not left and at == len(inner) - 1:
            changed = changed[:-1]
    else:
        value, changed = _taken(inner, rest)
    if value is None:
        return None, tree
    if changed:
        return value, {**tree, str(first): changed}
    return value, {name: kept for name, kept in tree.items() if name != first}
