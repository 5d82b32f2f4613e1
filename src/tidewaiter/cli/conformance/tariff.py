"""The suite `tariff`: every rate text of published tariffs is understood, and worked out as others worked it out.

Files are told by their columns, wherever they lie under `tariff/`: lists of rates (`mfn_text_rate`, or a column that ends
in `_duty_rate`), USITC's own columns beside the text (`mfn_rate_type_code`), and duties that others expect at a value of
100, a quantity of 1 and a weight of 1 kg (`expected_2025_base_duty`).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from tidewaiter.cli.conformance.case import Case
from tidewaiter.tariff.sentences import Basis, Duty, DutyExpression, Needs, SentenceError, Style, evaluate, parse, write
from tidewaiter.tariff.sentences.evaluation import NeedKind
from tidewaiter.tariff.sentences.units import unit_table

FOLDER = "tariff"
US_TEXT = "mfn_text_rate"
US_TYPE = "mfn_rate_type_code"
US_EXPECTED = "expected_2025_base_duty"
TARIC_SUFFIX = "_duty_rate"
CODES = ("hts8", "commodity", "code", "hts10")
LAST_GOODS_CHAPTER = "97"
VALUE = Decimal(100)
HALF_A_CENT = Decimal("0.005")  # expected duties are rounded to cents, by binary arithmetic
HUNDRED = Decimal(100)

Row = Mapping[str, str]


def cases(folder: Path) -> Iterator[Case]:
    """Each rate of each list, then each comparison."""
    for path, line, row, columns in _rows(folder):
        place = f"{path.name} line {line}, {_code(row)}"
        if US_TYPE in columns:
            yield Case(f"{place}, as USITC's columns", *_verdict(_structured_problem(row)))
        elif US_EXPECTED in columns:
            if _comparable(row):
                yield Case(f"{place}, as others' duty", *_verdict(_duty_problem(row)))
        else:
            for column, style in _rate_columns(columns):
                if style is Style.TARIC or _code(row)[:2] <= LAST_GOODS_CHAPTER:
                    yield Case(f"{place}, {column}", *_verdict(_rate_problem(row[column] or "", style)))


def information(folder: Path) -> list[str]:
    """How many rates of each list were parsed, how many are named legal rules and of which kind, what was compared."""
    lists: dict[str, Counter[str]] = {}
    comparisons: dict[str, Counter[str]] = {}
    for path, _, row, columns in _rows(folder):
        if US_TYPE in columns:
            comparisons.setdefault(f"{path.name}, USITC's columns", Counter())[_structured_kind(row)] += 1
        elif US_EXPECTED in columns:
            comparisons.setdefault(f"{path.name}, others' duty", Counter())[_incomparable(row) or "compared"] += 1
        else:
            for column, style in _rate_columns(columns):
                is_special = style is Style.US and _code(row)[:2] > LAST_GOODS_CHAPTER
                name = f"{path.name}, {column}{', chapters 98 and 99 (not counted)' if is_special else ''}"
                lists.setdefault(name, Counter())[_kind(row[column] or "", style)] += 1
    return [
        f"{name}: {sum(found.values())} rows, " + ", ".join(f"{count} {kind}" for kind, count in found.most_common())
        for name, found in {**lists, **comparisons}.items()
    ]


def _rows(folder: Path) -> Iterator[tuple[Path, int, Row, list[str]]]:
    root = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    for path in sorted(root.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if US_TEXT in columns or any(column.endswith(TARIC_SUFFIX) for column in columns):
                for row in reader:
                    yield path, reader.line_num, row, columns


def _rate_columns(columns: Iterable[str]) -> list[tuple[str, Style]]:
    return [(column, Style.US) for column in columns if column == US_TEXT] + [
        (column, Style.TARIC) for column in columns if column.endswith(TARIC_SUFFIX)
    ]


def _code(row: Row) -> str:
    code = next((row[column] for column in CODES if row.get(column)), "")
    return code.zfill(len(code) + len(code) % 2)  # spreadsheets drop the zero in front


def _verdict(problem: str) -> tuple[bool, str]:
    return not problem, problem


def _rate_problem(text: str, style: Style) -> str:
    """What keeps a text from being understood, or from being written back; "" where nothing does."""
    try:
        expression = parse(text, style)
        again = write(expression, style)
        return "" if parse(again, style) == expression else f"{text!r} is written back as {again!r}, which differs"
    except SentenceError as error:
        return f"{text!r}: {error.detail}"


def _kind(text: str, style: Style) -> str:
    try:
        expression = parse(text, style)
    except SentenceError:
        return "not understood"
    rules = expression.rules()
    return f"typed as {rules[0].kind.replace('_', ' ')}" if rules else "parsed"


def _structured_kind(row: Row) -> str:
    figures = any(_number(row.get(column)) is not None for column in ("mfn_specific_rate", "mfn_other_rate"))
    if row.get(US_TYPE) == "9":
        return "legal text"
    return "compared" if figures else "without figures (sugar degrees, content)"


def _structured_problem(row: Row) -> str:
    """Where the text's figures differ from USITC's own columns."""
    try:
        expression = parse(row[US_TEXT] or "", Style.US)
    except SentenceError as error:
        return error.detail
    kind = _structured_kind(row)
    if kind == "legal text":
        return "" if expression.rules() else f"USITC takes {row[US_TEXT]!r} for legal text, and it was not typed as one"
    if kind != "compared":
        return ""
    per_cent, amounts = _figures(expression)
    stated = sorted(
        number for column in ("mfn_specific_rate", "mfn_other_rate") if (number := _number(row.get(column)))
    )
    theirs = (_number(row.get("mfn_ad_val_rate")) or Decimal(0), stated)
    ours = (per_cent, amounts)
    return "" if theirs == ours else f"{row[US_TEXT]!r} gives {ours}, USITC's columns {theirs}"


def _figures(expression: DutyExpression) -> tuple[Decimal, list[Decimal]]:
    """The sum of the percentages as a share, and the amounts of money in rising order."""
    stated = [each for each in expression.components if each.amount is not None]
    per_cent = sum((each.amount or Decimal(0) for each in stated if not each.monetary_unit), Decimal(0)) / HUNDRED
    return per_cent, sorted(each.amount or Decimal(0) for each in stated if each.monetary_unit)


def _comparable(row: Row) -> bool:
    return not _incomparable(row)


def _incomparable(row: Row) -> str:
    """Why a row's expected duty cannot be compared; "" where it can."""
    if _number(row.get(US_EXPECTED)) is None:
        return "no duty expected"
    try:
        found = _worked_out(row)
    except SentenceError:
        return ""  # a case, and a failed one
    if isinstance(found, Needs):
        kinds = {need.kind for need in found.needs}
        if kinds <= {NeedKind.RULE, NeedKind.RATE}:
            return "legal text without a figure"
        if kinds <= {NeedKind.PART_VALUE, NeedKind.RULE}:
            return "value of a part not given"
    return ""


def _duty_problem(row: Row) -> str:
    expected = _number(row[US_EXPECTED]) or Decimal(0)
    try:
        found = _worked_out(row)
    except SentenceError as error:
        return error.detail
    if isinstance(found, Needs):
        return f"{row[US_TEXT]!r} {found.words}"
    agrees = abs(found.amount - expected) <= HALF_A_CENT
    return "" if agrees else f"{row[US_TEXT]!r} comes to {found.amount}, expected {expected}"


def _worked_out(row: Row) -> Duty | Needs:
    expression = parse(row[US_TEXT] or "", Style.US)
    quantities = _ones(row)
    for component in expression.components:
        if component.of:
            quantities |= {f"{code} of {component.of}": one for code, one in _ones(row).items()}
    return evaluate(expression, Basis(value=VALUE, currency="USD", quantities=quantities | {"RET": VALUE}))


def _ones(row: Row) -> dict[str, Decimal]:
    """One of everything: of the line's own units of quantity, else of the base unit of each measure."""
    table = unit_table()
    found = {code: 1 / unit.size for code, unit in table.units.items()}
    for column in ("quantity2_code", "quantity1_code"):
        for unit in table.units.values():
            if row.get(column) and row[column] in unit.usitc_codes:
                found |= {code: unit.size / size for code, size in table.siblings(unit.code)}
    return found


def _number(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text and text.strip() else None
    except InvalidOperation:
        return None
