"""The lists of the Office of Foreign Assets Control as it gives them out: sdn.csv with alt.csv beside it.

The layout is that of OFAC's "SDN data formats" (no header; `-0-` stands for nothing; names of persons are "LAST, First").
It was written from knowledge of that form, not read again in its present text: not confirmed.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tidewaiter.risk.lists.files import ListFileError, ListProblem
from tidewaiter.risk.lists.published import ListEntry

SOURCE: Final = "OFAC Specially Designated Nationals"
NOTHING: Final = "-0-"
SDN_COLUMNS: Final = 12
ALT_COLUMNS: Final = 5
_END_OF_FILE: Final = "\x1a"  # the files end with it


def read_sdn(sdn: str, alt: str = "") -> tuple[ListEntry, ...]:
    """The entries of sdn.csv, with the other names of alt.csv. Raises ListFileError with every line that is wrong."""
    problems: list[ListProblem] = []
    others: dict[str, list[str]] = defaultdict(list)
    for line, cells in _rows(alt, ALT_COLUMNS, problems):
        if not cells[0].isdigit() or not cells[3]:
            problems.append(ListProblem(line, "ent_num", cells[0], "an other name needs its entry's number and a name"))
        others[cells[0]].append(cells[3])
    entries: dict[str, ListEntry] = {}
    for line, cells in _rows(sdn, SDN_COLUMNS, problems):
        number, name, kind, programme = cells[:4]
        if not number.isdigit() or not name:
            problems.append(ListProblem(line, "ent_num", number, "an entry needs a number and a name"))
            continue
        told = ", ".join(part for part in (kind or "entity", f"programme {programme}" if programme else "") if part)
        entries[number] = ListEntry(
            entry_id=f"ofac-{number}",
            values=tuple(
                dict.fromkeys((_in_order(name, kind), *(_in_order(each, kind) for each in others.get(number, ()))))
            ),
            words=f"Named by OFAC: {told}.",
            source=SOURCE,
        )
    if not entries and not problems:
        problems.append(ListProblem(1, "", "", "there is no entry"))
    if problems:
        raise ListFileError(tuple(problems))
    return tuple(entries[number] for number in sorted(entries, key=int))


def _rows(text: str, columns: int, problems: list[ListProblem]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text.rstrip(f"\r\n {_END_OF_FILE}"), newline=""), strict=True)
    try:
        for row in reader:
            if not row:
                continue
            if len(row) != columns:
                words = f"it has {len(row)} cells where {columns} are wanted"
                problems.append(ListProblem(reader.line_num, "", ",".join(row), words))
                continue
            yield reader.line_num, ["" if cell.strip() == NOTHING else cell.strip() for cell in row]
    except csv.Error as error:
        problems.append(ListProblem(reader.line_num, "", "", f"it is no CSV: {error}"))


def _in_order(name: str, kind: str) -> str:
    """ "LAST, First" of a person as it is spoken."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and kind == "individual" else name
