"""Nomenclatures: TARIC's with product line suffixes and indents, the HS by level, the UK's by parent."""

from __future__ import annotations

from datetime import date, datetime

from tidewaiter.tariff.codes import stem
from tidewaiter.tariff.importing.parts import NOT_GIVEN, SHOWN, Parts, Placed
from tidewaiter.tariff.importing.tables import Row, Table, rows
from tidewaiter.tariff.records import DECLARABLE_SUFFIX, Line

TARIC = frozenset({"goods_code", "suffix", "start", "end", "indent", "description"})
HS = frozenset({"hscode", "description", "parent", "level"})
UK_COMMODITIES = frozenset(
    {"commodity__sid", "commodity__code", "commodity__suffix", "commodity__description", "commodity__validity_start",
     "commodity__validity_end", "parent__sid"}
)  # fmt: skip
DEPTHS = {2: 0, 4: 1, 6: 2, 8: 3, 10: 4}


def read_taric(found: Table, parts: Parts) -> None:
    """The nomenclature as the Commission publishes it: days DD-MM-YYYY, depth by indent below the heading."""
    parts.is_complete = True
    for at, row in rows(found, parts):
        code = parts.code(row["goods_code"], at)
        begins, ends = _european_day(row["start"], at, parts), _european_day(row["end"], at, parts)
        if begins and ends and ends < begins:
            parts.fault(at, f"it ends on {ends}, before it begins on {begins}")
        if not code:
            continue
        suffix, indent = row["suffix"].strip(), _whole(row, "indent", at, parts)
        is_chapter = code[2:] == "00000000" and suffix == DECLARABLE_SUFFIX
        digits = _whole(row, "hier_pos", at, parts) if row.get("hier_pos") else max(4, len(stem(code)))
        line = Line(
            code=code,
            suffix=suffix,
            depth=0 if is_chapter else indent + 1,
            digits=2 if is_chapter else digits,
            valid_from=begins,
            valid_to=ends,
            description=_words(row["description"]),
        )
        parts.lines.append(Placed(line, parts.place(at)))


def read_hs(found: Table, parts: Parts) -> None:
    """The Harmonized System: chapters, headings and subheadings of six digits. A heading with one subheading is one."""
    parts.is_complete = True
    headings: dict[str, int] = {}
    for at, row in rows(found, parts):
        text = row["hscode"].strip()
        if text == row["parent"].strip():
            continue  # the root, which stands for everything
        code, level = parts.code(text, at), _whole(row, "level", at, parts)
        if not code:
            continue
        if level not in DEPTHS or level != len(text):
            parts.fault(at, f"code {text[:SHOWN]} does not have the {row['level'][:SHOWN]} digits of its level")
            continue
        line = Line(code=code, depth=DEPTHS[level], digits=level, description=_words(row["description"]))
        place = headings.get(code)
        if place is not None and level == 6 and parts.lines[place].line.digits == 4:
            parts.lines[place] = Placed(_as_deep_as(parts.lines[place].line, level), parts.lines[place].place)
            continue
        headings[code] = len(parts.lines)
        parts.lines.append(Placed(line, parts.place(at)))


def read_uk_commodities(found: Table, parts: Parts) -> None:
    """The UK's list of commodities, where each line names the one above it: depth is counted up to the chapter."""
    parts.is_complete = True
    read: dict[str, tuple[int, Row]] = {}
    for at, row in rows(found, parts):
        sid = row["commodity__sid"].strip()
        if sid in read:
            parts.fault(at, f"commodity__sid {sid[:SHOWN]} stands on line {read[sid][0]} too")
        read[sid] = (at, row)
    for at, row in read.values():
        code = parts.code(row["commodity__code"], at)
        begins, ends = parts.days(row["commodity__validity_start"], row["commodity__validity_end"], at)
        depth = _depth(row, read)
        if depth is None:
            parts.fault(at, f"the line above {code} (parent__sid {row['parent__sid'][:SHOWN]}) is not in the file")
        if not code or depth is None:
            continue
        line = Line(
            code=code,
            suffix=row["commodity__suffix"].strip(),
            depth=depth,
            digits=2 if depth == 0 else max(4, len(stem(code))),
            valid_from=begins,
            valid_to=ends,
            description=_words(row["commodity__description"]),
        )
        parts.lines.append(Placed(line, parts.place(at)))


def _depth(row: Row, read: dict[str, tuple[int, Row]]) -> int | None:
    """How many lines stand above one; None where one of them is missing or they go round in a circle."""
    depth, seen = 0, set[str]()
    while (parent := row["parent__sid"].strip()) not in NOT_GIVEN:
        if parent not in read or parent in seen:
            return None
        seen.add(parent)
        depth, row = depth + 1, read[parent][1]
    return depth


def _as_deep_as(line: Line, digits: int) -> Line:
    return Line(code=line.code, depth=line.depth, digits=digits, description=line.description)


def _european_day(text: str, at: int, parts: Parts) -> date | None:
    text = text.strip()
    if text in NOT_GIVEN:
        return None
    try:
        return datetime.strptime(text, "%d-%m-%Y").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        parts.fault(at, f"{text[:SHOWN]!r} is no day", "days of this file are written DD-MM-YYYY")
        return None


def _whole(row: Row, column: str, at: int, parts: Parts) -> int:
    """A small whole number, which spreadsheets write with ".0"."""
    text = row[column].strip().removesuffix(".0")
    if not text.isdecimal() or len(text) > 2:
        parts.fault(at, f"{column} {row[column][:SHOWN]!r} is no small whole number")
        return 0
    return int(text)


def _words(text: str) -> str:
    return " ".join(text.replace("|", " ").split())
