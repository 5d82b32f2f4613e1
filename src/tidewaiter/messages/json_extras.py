"""Members of a JSON declaration that the model has no word for: taken out when read, put back when written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tidewaiter.messages.pointers import json_steps
from tidewaiter.model.declaration import Declaration, Extra

# Numbers as they were written, 1.10 staying 1.10.
_DIGITS_MAX = 9  # of a position in a list
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def json_text(value: Any) -> str:
    """A JSON value as compact text."""
    return _ENCODER.encode(value).decode()


def with_extras_in_place(
    declaration: Declaration, arranged: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> bytes | None:
    """The declaration as JSON with its extras back where their paths say; None where no path leads anywhere.

    `arranged` puts its plain values under the names that the paths speak of.
    Extras of other forms, whose paths are no JSON pointers into this
    declaration, stay in the member `extras`.
    """
    tree = arranged(msgspec.to_builtins(msgspec.structs.replace(declaration, extras=())))
    left = tuple(extra for extra in declaration.extras if not _put(tree, extra))
    if len(left) == len(declaration.extras):
        return None
    if left:
        tree["extras"] = msgspec.to_builtins(left)
    return _ENCODER.encode(tree)


def _put(tree: Any, extra: Extra) -> bool:
    path = json_steps(extra.path)
    if path is None or extra.attributes:
        return False
    *way, name = path
    for step in way:
        tree = _inside(tree, step)
    if not isinstance(tree, dict) or name in tree:
        return False
    value = extra.value.encode()
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    tree[name] = msgspec.Raw(value)
    return True


def _inside(tree: Any, step: str) -> Any:
    if isinstance(tree, dict):
        return tree.get(step)
    if isinstance(tree, list | tuple) and step.isdecimal() and len(step) <= _DIGITS_MAX and int(step) < len(tree):
        return tree[int(step)]
    return None
