"""A basket from JSON: whole, or an error that names line and key and what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from typing import Final

import msgspec

from tidewaiter.messages.json_words import line_of, said
from tidewaiter.messages.pointers import Path
from tidewaiter.model.errors import MessageError
from tidewaiter.quotes.basket import Basket, BasketItem, Trade

HINT: Final = "docs/how-to/quote.md shows one"
MONEY_HINT: Final = 'write {"amount": "12.50", "currency": "EUR"}'
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_KINDS = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_AT = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MONEY: Final = ("invoice_price", "freight", "insurance", "discount")
_WANTED: Final = {
    "str": "text in quotes", "int": "a number", "array": "a list [ … ]", "object": "an object { … }",
    "bool": "true or false", "null": "null", "decimal": "a number",
}  # fmt: skip


def read_basket(data: bytes, name: str) -> Basket:
    """The basket. `name` is what the text is called. Raises MessageError with the line and the key."""
    try:
        text = data.decode()
        json.loads(text)
        return msgspec.json.decode(data, type=Basket)
    except UnicodeDecodeError as error:
        raise MessageError("the text is not UTF-8", hint="save it as UTF-8", place=name) from error
    except RecursionError as error:
        raise MessageError("objects and lists are nested too deeply", hint=HINT, place=name) from error
    except json.JSONDecodeError as error:
        words, hint, is_cut = said(text, error)
        words, hint = (f"it ends too early: {words}", "was it cut short?") if is_cut else (words, hint)
        place = f"{name} line {error.lineno}, column {error.colno}"
        raise MessageError(f"not well-formed JSON: {words}", hint=hint or HINT, place=place) from error
    except msgspec.DecodeError as error:
        raise _refused(text, str(error), name) from error


def _refused(text: str, message: str, name: str) -> MessageError:
    """What the decoder complains of, in the words of a basket."""
    at = _AT.search(message)
    path: Path = tuple(key or int(index) for key, index in _STEP.findall(at[1] if at else ""))
    where = f"{name} line {{}}"
    if found := _UNKNOWN.search(message):
        names = BasketItem.__struct_fields__ if path else Basket.__struct_fields__
        near = difflib.get_close_matches(found[1], names, n=1)
        hint = f"is it {near[0]!r}?" if near else f"there are {', '.join(names)}"
        line = line_of(text, (*path, found[1]))
        return MessageError(f"there is no key {found[1][:60]!r}{_in(path)}", hint=hint, place=where.format(line))
    place = where.format(line_of(text, path))
    if found := _MISSING.search(message):
        hint = MONEY_HINT if path and path[-1] in _MONEY else HINT
        return MessageError(f"the key {found[1]!r} is missing{_in(path)}", hint=hint, place=place)
    key = f"{path[-1]!r}{_in(path[:-1])}" if path and isinstance(path[-1], str) else f"the value{_in(path)}"
    if "enum" in message:
        return MessageError(f"{key}: there is no such choice", hint=f"one of {', '.join(Trade)}", place=place)
    if found := _KINDS.search(message):
        wanted, got = (_WANTED.get(kind.removesuffix(" | null"), kind) for kind in found.groups())
        hint = MONEY_HINT if path and path[-1] in _MONEY else HINT
        return MessageError(f"{key} must be {wanted}, this is {got}", hint=hint, place=place)
    if "decimal" in message:
        return MessageError(f"{key} must be a decimal number", hint="digits with a point: “12.50”", place=place)
    return MessageError(f"{key}: {message.split(' - at ')[0]}", hint=HINT, place=place)


def _in(path: Path) -> str:
    """Where a key stands, lines of goods counted from 1."""
    steps = (f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return f" in {''.join(steps).removeprefix('.')}" if path else ""
