"""Declarations as a CSV table with the columns they use, so that reading it gives them back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from tidewaiter.messages.csv_columns import REFERENCE, SEPARATOR, column, column_name, order
from tidewaiter.messages.pointers import Step
from tidewaiter.messages.shape import Kind, elements
from tidewaiter.model.declaration import Declaration

_KEPT_CELL = re.compile(r"([^/\n\r][^\n\r]*)\[([1-9][0-9]{0,8})\]")

Cells = dict[str, str]


def table(declarations: Sequence[Declaration]) -> bytes:
    """The table: header, then for each declaration one row a goods item, or one row where it has none."""
    rows = [cells for declaration in declarations for cells in _rows(declaration)]
    used = dict.fromkeys(name for cells in rows for name in cells)
    known = {name: each for name in used if (each := column(name)) and each.name == name}
    names = [REFERENCE, *sorted(known.keys() - {REFERENCE}, key=lambda name: order(known[name]))]
    names += [name for name in used if name not in known]
    out = io.StringIO(newline="")
    # CR LF as RFC 4180 has it; it also makes the writer quote a lone CR.
    writer = csv.DictWriter(out, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def _rows(declaration: Declaration) -> Iterator[Cells]:
    whole = {REFERENCE: "", **dict(_cells(declaration, (), is_item=False))}
    kept = list(_kept(declaration))
    if not declaration.goods_items:
        yield whole | {name: value for _, name, value in kept}
    for no, item in enumerate(declaration.goods_items, 1):
        mine = {name: value for row, name, value in kept if row == no}
        yield whole | dict(_cells(item, (), is_item=True)) | mine


def _kept(declaration: Declaration) -> Iterator[tuple[int, str, str]]:
    """Unknown columns of a CSV message: row within the declaration, header, value."""
    for extra in declaration.extras:
        found = _KEPT_CELL.fullmatch(extra.path)
        if found and not extra.attributes and column(found[1]) is None and found[1].strip() == found[1]:
            yield int(found[2]), found[1], extra.value


def _cells(record: Struct, path: tuple[Step, ...], *, is_item: bool) -> Iterator[tuple[str, str]]:
    """Column and cell of everything that is not empty in a record."""
    for element in elements(type(record)).values():
        value = getattr(record, element.name)
        here = (*path, element.name)
        if value is None or value in ("", ()) or element.name in ("goods_items", "extras"):
            continue
        if element.kind is Kind.GROUP:
            for at, one in enumerate(value) if element.is_list else ((None, value),):
                yield from _cells(one, here if at is None else (*here, at), is_item=is_item)
        elif not element.is_list:
            yield column_name(here, is_item=is_item), _text(value)
        elif any(SEPARATOR in one or one != one.strip() for one in value):
            for at, one in enumerate(value):
                yield column_name((*here, at), is_item=is_item), one
        else:
            yield column_name(here, is_item=is_item), SEPARATOR.join(value)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return str(msgspec.to_builtins(value))
    return str(value)
