"""The columns of the CSV form: one for each single value of the declaration, named by its path.

`functional_reference_id`, `consignor.address.country_code`, and for the goods
item of the row `goods_item.commodity_code`. Of what may repeat, the name alone
is the first and `goods_item.documents[2].type_code` the second. Amounts take
two columns, `.amount` and `.currency`. Lists of codes stand in one cell,
separated by `|`.
"""

from __future__ import annotations

import difflib
import re
from functools import cache, lru_cache

from msgspec import Struct

from tidewaiter.messages.pointers import Path, Step
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.messages.vocabulary import ITEMS, PLAIN, Vocabulary
from tidewaiter.model.declaration import Declaration, GoodsItem

REFERENCE = "functional_reference_id"
ITEM = "goods_item"
SEPARATOR = "|"

_LEVELS_MAX = 6
_PART = re.compile(r"([a-z_0-9]+)(?:\[([1-9][0-9]{0,3})\])?")


class Column(Struct, frozen=True):
    """One column: its canonical name, the path of its value (positions from 0) and the element there.

    The path begins in the declaration, or in the goods item where `is_item`.
    `is_joined` is true of a list of codes in one cell.
    """

    name: str
    path: tuple[Step, ...]
    element: Element
    is_item: bool
    is_joined: bool


@lru_cache(maxsize=8192)
def column(header: str, vocabulary: Vocabulary = PLAIN) -> Column | None:
    """The column that a header names, however it is capitalised or spaced; None where there is none."""
    name = vocabulary.meant_column(header)
    is_item = name.startswith(f"{ITEM}.")
    return _resolved(name.removeprefix(f"{ITEM}.") if is_item else name, is_item=is_item)


def _resolved(name: str, *, is_item: bool) -> Column | None:
    record: type[Struct] | None = GoodsItem if is_item else Declaration
    path: list[Step] = []
    element: Element | None = None
    is_joined = False
    for part in name.split(".")[:_LEVELS_MAX]:
        found = _PART.fullmatch(part)
        element = elements(record).get(found[1]) if found and record else None
        if found is None or element is None or is_joined or (element.name in ("goods_items", "extras")):
            return None
        path.append(element.name)
        if element.is_list and (found[2] or element.group):
            path.append(int(found[2] or 1) - 1)
        elif element.is_list:
            is_joined = True
        elif found[2]:
            return None
        record = element.group
    if element is None or element.group or name.count(".") >= _LEVELS_MAX:
        return None
    return Column(column_name(tuple(path), is_item=is_item), tuple(path), element, is_item, is_joined)


def column_name(path: tuple[Step, ...], *, is_item: bool) -> str:
    """The canonical name of the column for a path; first ones of a group that repeats carry no number."""
    name = ITEM if is_item else ""
    for at, step in enumerate(path):
        if isinstance(step, str):
            name += f".{step}"
        elif step > 0 or at == len(path) - 1:
            name += f"[{step + 1}]"
    return name.removeprefix(".")


def own_name(path: Path, vocabulary: Vocabulary, *, is_item: bool) -> str:
    """The name of the column for a path in the sender's vocabulary."""
    if vocabulary is PLAIN:
        return column_name(path, is_item=is_item)
    if not is_item:
        return column_name(vocabulary.own(path), is_item=False)
    _, _, *own = vocabulary.own((ITEMS, 0, *path))
    return f"{vocabulary.items_name}.{column_name(tuple(own), is_item=False)}"


@cache
def columns() -> tuple[Column, ...]:
    """Every column for the first of whatever repeats, in the model's order: declaration first, then goods item."""
    names = [*_names(Declaration, ""), *_names(GoodsItem, f"{ITEM}.")]
    found = (column(name) for name in names)
    return tuple(each for each in found if each is not None)


def _names(record: type[Struct], prefix: str) -> list[str]:
    names: list[str] = []
    for element in elements(record).values():
        if element.name in ("goods_items", "extras"):
            continue
        if element.group:
            names += _names(element.group, f"{prefix}{element.name}.")
        else:
            names.append(prefix + element.name)
    return names


def nearest(header: str, vocabulary: Vocabulary = PLAIN) -> str:
    """The column whose name is most like an unknown header, or ""."""
    names = [*vocabulary.columns(), *(each.name for each in columns())]
    wanted = re.sub(r"[ \-]+", "_", header.strip().lower())
    last_parts = {name.rpartition(".")[2]: name for name in reversed(names)}
    close = difflib.get_close_matches(wanted, names, 1, 0.8) or difflib.get_close_matches(wanted, last_parts, 1, 0.8)
    return last_parts.get(close[0], close[0]) if close else ""


def order(each: Column) -> tuple[bool, tuple[int, ...]]:
    """A sort key that puts columns into the model's order."""
    record: type[Struct] | None = GoodsItem if each.is_item else Declaration
    key: list[int] = []
    for step in each.path:
        if isinstance(step, int):
            key.append(step)
        elif record is not None:
            members = elements(record)
            key.append(list(members).index(step))
            record = members[step].group
    return each.is_item, tuple(key)


def kind_words(each: Column) -> str:
    """What the cell holds, for people."""
    if each.element.kind is Kind.CHOICE:
        return ", ".join(each.element.choices)
    return f"texts separated by {SEPARATOR}" if each.is_joined else each.element.kind.value
