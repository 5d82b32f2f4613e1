"""Places in a declaration: the canonical pointer and what each of our own forms calls the same place.

A canonical pointer is a path of names joined by dots with positions counted
from 1: `goods_items[2].documents[1].type_code`. JSON pointers (RFC 6901) count
from 0: `/goods_items/1/documents/0/type_code`.
"""

from __future__ import annotations

import re
from functools import lru_cache

Step = str | int  # a name, or a position counted from 0
Path = tuple[Step, ...]

_TOKEN = re.compile(r"\[(\d{1,9})\]|([^.\[\]]+)")
_DERIVED = {"hs_code": "commodity_code"}  # properties of the model and the element they are read from


@lru_cache(maxsize=4096)
def steps(pointer: str) -> Path:
    """The steps of a canonical pointer, positions counted from 0: `a[2].b` → ("a", 1, "b")."""
    found = (int(index) - 1 if index else _DERIVED.get(name, name) for index, name in _TOKEN.findall(pointer))
    return tuple(found)


def canonical(path: Path) -> str:
    """The canonical pointer of a path whose positions are counted from 0."""
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def json_pointer(path: Path) -> str:
    """The JSON pointer (RFC 6901) of a path; "" is the whole document."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def json_steps(pointer: str) -> tuple[str, ...] | None:
    """The reference tokens of a JSON pointer, or None where the text is not one."""
    if not pointer.startswith("/"):
        return None
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))
