"""Lists of the United Kingdom: measures on declarable commodities, and tables of rates by code.

The first is the table `measures-on-declarable-commodities` of the dataset `uk-tariff-2021-01-01` of the Department for
Business and Trade's data API; the second the tables of the UK Global Tariff (columns that end in `_duty_rate`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tidewaiter.tariff.importing.parts import NOT_GIVEN, SHOWN, Parts, Placed, TariffFileError
from tidewaiter.tariff.importing.tables import Row, Table, rows
from tidewaiter.tariff.kinds import direction_of, effect_of, is_known, kind_of
from tidewaiter.tariff.records import ERGA_OMNES, Condition, Kind, Line, Measure
from tidewaiter.tariff.sentences import Style

UK_MEASURES = frozenset(
    {"commodity__code", "measure__type__id", "measure__duty_expression", "measure__geographical_area__id",
     "measure__effective_start_date", "measure__effective_end_date"}
)  # fmt: skip
RATE_SUFFIX = "_duty_rate"
RATES = frozenset({"commodity", "description"})
# What a table of rates says of other measures: that there are some, not which. They are kept without a rate.
REMARKS = {
    "trade_remedy_applies": Kind.ADDITIONAL_DUTY,
    "cet_applies_until_trade_remedy_transition_reviews_concluded": Kind.ADDITIONAL_DUTY,
    "suspension_applies": Kind.SUSPENSION,
    "atq_applies": Kind.QUOTA,
}
COUNTRY_LETTERS = 2
DEPTHS = {2: 0, 4: 1, 6: 2, 8: 3, 10: 4}


def read_uk_measures(found: Table, parts: Parts) -> None:
    """Measures by declarable commodity, each with its own and inherited ones; lines with code and indent only."""
    lines: dict[str, Line] = {}
    unknown: Counter[tuple[str, str]] = Counter()
    for at, row in rows(found, parts):
        code = parts.code(row["commodity__code"], at)
        if not code:
            continue
        if code not in lines:
            lines[code] = _line(row, code, at, parts)
        measure = _measure(row, code, at, parts)
        if not is_known(measure.type_code):
            unknown[measure.type_code, _given(row, "measure__type__description")] += 1
        parts.measures.append(measure)
    for (type_code, title), count in unknown.items():
        parts.gap(f"measure type {type_code}", f"type {type_code} ({title[:SHOWN]}) is not known: kept, {count} times")


def _line(row: Row, code: str, at: int, parts: Parts) -> Line:
    indent = _given(row, "commodity__indent") or "8"
    depth = int(indent) + 1 if indent.isdecimal() and len(indent) <= 2 else 9
    line = Line(code=code, depth=depth, description=_given(row, "commodity__description"))
    parts.lines.append(Placed(line, parts.place(at)))
    return line


def _measure(row: Row, code: str, at: int, parts: Parts) -> Measure:
    begins, ends = parts.days(row["measure__effective_start_date"], row["measure__effective_end_date"], at)
    type_code, area = _given(row, "measure__type__id"), _given(row, "measure__geographical_area__id")
    title = _given(row, "measure__type__description")
    if not type_code or not area:
        parts.fault(at, f"the measure on {code} has no {'type' if not type_code else 'area'}")
    excluded = tuple(
        each.strip() for each in _given(row, "measure__excluded_geographical_areas__ids").split("|") if each
    )
    for each in (area, *excluded):
        if len(each) != COUNTRY_LETTERS and each != ERGA_OMNES:
            parts.group(each, _given(row, "measure__geographical_area__description") if each == area else "", ())
    additional = _given(row, "measure__additional_code__code")
    if additional:
        parts.texts[additional] = _given(row, "measure__additional_code__description")
    kind = kind_of(type_code)
    parts.type_title(type_code, kind, title)
    return Measure(
        measure_id=_given(row, "measure__sid"),
        type_code=type_code,
        kind=kind,
        code=code,
        area=area,
        duty=parts.duty(_given(row, "measure__duty_expression"), Style.TARIC, at),
        valid_from=begins,
        valid_to=ends,
        excluded=excluded,
        regulation=_given(row, "measure__regulation__id"),
        additional_code=additional,
        order_number=_given(row, "measure__quota__order_number"),
        reduction=_given(row, "measure__reduction_indicator"),
        conditions=_conditions(_given(row, "measure__conditions"), at, parts),
        footnotes=tuple(filter(None, _given(row, "measure__footnotes").split("|"))),
        direction=direction_of(type_code, title),
    )


def _conditions(text: str, at: int, parts: Parts) -> tuple[Condition, ...]:
    """`condition:B,certificate:N853,action:29|condition:B,action:09`."""
    found = []
    for each in filter(None, text.split("|")):
        fields = dict(part.split(":", 1) for part in each.split(",") if ":" in part)
        condition, action = fields.pop("condition", ""), fields.pop("action", "")
        document = fields.pop("certificate", "")
        if not condition or fields:
            parts.gap(at, f"a condition is not understood: {each[:SHOWN]!r}")
        elif effect_of(action) is None:
            parts.gap(at, f"action {action[:SHOWN]!r} of a condition is not known")
        words = each if not condition or fields else ""
        found.append(Condition(condition_code=condition, action_code=action, action=words, document_code=document))
    return tuple(found)


def read_rates(found: Table, parts: Parts) -> None:
    """A table of rates, one column of which is taken. Codes whose zero in front was lost get it back."""
    column = _rate_column(found, parts)
    padded, twice = 0, 0
    listed: dict[str, tuple[int, str]] = {}
    for at, row in rows(found, parts):
        text = row["commodity"].strip()
        if len(text) % 2:
            text, padded = "0" + text, padded + 1
        code = parts.code(text, at)
        if not code:
            continue
        duty = parts.duty(row[column], Style.TARIC, at)
        parts.measures += _rate_measures(row, code, duty)
        if code in listed and listed[code][0] != len(text) and listed[code][1] == duty:
            twice += 1
            continue
        listed[code] = (len(text), duty)
        description = " ".join(row["description"].split())
        line = Line(code=code, depth=DEPTHS[len(text)], digits=len(text), description=description)
        parts.lines.append(Placed(line, parts.place(at)))
    if padded:
        parts.notes.append(f"{padded} codes had lost the zero at their front; it was put back")
    if twice:
        parts.notes.append(
            f"{twice} codes stand there with eight and again with ten digits, at the same rate; each is one"
        )


def _rate_measures(row: Row, code: str, duty: str) -> Iterator[Measure]:
    yield Measure(type_code="103", kind=Kind.THIRD_COUNTRY, code=code, area=ERGA_OMNES, duty=duty)
    for remark, kind in REMARKS.items():
        if row.get(remark, "").strip().casefold() == "true":
            yield Measure(type_code=remark.removesuffix("_applies"), kind=kind, code=code, area=ERGA_OMNES)


def _rate_column(found: Table, parts: Parts) -> str:
    columns = [column for column in found.columns if column.endswith(RATE_SUFFIX)]
    wanted = parts.heading.rate_column
    if wanted and wanted not in columns:
        raise TariffFileError(
            f"there is no column {wanted[:SHOWN]!r}", hint=f"columns: {', '.join(columns)}", place=parts.place(1)
        )
    if not wanted and len(columns) > 1:
        raise TariffFileError(
            f"the table has rates in {len(columns)} columns: {', '.join(columns)}",
            hint=f"say which with --column, as --column {columns[-1]}",
            place=parts.place(1),
        )
    return wanted or columns[0]


def _given(row: Row, column: str) -> str:
    """A field with blanks at its ends taken off; "" where it is not given."""
    value = row.get(column, "").strip()
    return "" if value in NOT_GIVEN else value
