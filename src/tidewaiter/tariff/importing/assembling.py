"""From the records of all files of one import to a tariff: joined, checked against one another, in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tidewaiter.tariff.importing.parts import Fault, Heading, Parts, Placed, refusal
from tidewaiter.tariff.records import Content, Gap, Kind, Line, Measure, days, overlaps
from tidewaiter.tariff.tariff import EDITION
from tidewaiter.tariff.tree import in_order

Key = tuple[str, str, str, str, str]


def assembled(read: Sequence[Parts], heading: Heading) -> Content:
    """All that was read as one tariff. Raises TariffFileError where the files contradict themselves or one another."""
    faults: list[Fault] = []
    is_complete = any(parts.is_complete and parts.lines for parts in read)
    lines = _lines([placed for parts in read if parts.is_complete or not is_complete for placed in parts.lines], faults)
    measures = _measures(read)
    if not lines:
        faults.append(
            Fault(read[0].place(1), "no line of a nomenclature is in it", "import it with the file of the codes")
        )
    if faults:
        raise refusal(faults)
    for parts in read[1:]:
        for code, area in parts.areas.items():
            read[0].group(code, area.title, (member.code for member in area.members))
    gaps = [gap for parts in read for gap in parts.gaps]
    return Content(
        edition=EDITION,
        jurisdiction_code=heading.jurisdiction_code,
        in_force_from=heading.in_force_from,
        is_complete=is_complete,
        lines=lines,
        areas=dict(read[0].areas),
        measures=measures,
        duties={text: typed for parts in read for text, typed in parts.duties.items()},
        texts={code: words for parts in read for code, words in parts.texts.items() if code},
        gaps=(*gaps, *_unplaced(measures, lines), *_contradictory(measures)),
    )


def _lines(placed: list[Placed], faults: list[Fault]) -> tuple[Line, ...]:
    """The lines in order. The same line in two files is one; two that hold on the same day are a fault."""
    placed = sorted(placed, key=lambda each: (in_order(each.line), each.place))
    kept: list[Placed] = []
    for each in placed:
        before = kept[-1] if kept else None
        if before is None or (before.line.code, before.line.suffix) != (each.line.code, each.line.suffix):
            kept.append(each)
        elif before.line == each.line and before.place.split(" line ")[0] != each.place.split(" line ")[0]:
            continue
        elif overlaps(before.line, each.line):
            words = (
                f"code {each.line.code} (suffix {each.line.suffix}) stands at {before.place} too, {days(before.line)}"
            )
            hint = (
                "a code has one line on any day: take one of them out, or end the earlier one before the later begins"
            )
            faults.append(Fault(each.place, words, hint))
        else:
            kept.append(each)
    return tuple(each.line for each in kept)


def _measures(read: Sequence[Parts]) -> tuple[Measure, ...]:
    """The measures in order; the same one said twice is one."""
    found = dict.fromkeys(measure for parts in read for measure in parts.measures)
    return tuple(sorted(found, key=lambda each: (*_key(each), str(each.valid_from or ""), each.measure_id)))


def _key(measure: Measure) -> Key:
    return (measure.code, measure.type_code, measure.area, measure.additional_code, measure.order_number)


def _unplaced(measures: Sequence[Measure], lines: Sequence[Line]) -> list[Gap]:
    """Measures on codes that have no line: they are held, and nobody can ask for them."""
    codes = {line.code for line in lines}
    missing = dict.fromkeys(measure.code for measure in measures if measure.code not in codes)
    return [Gap(f"code {code}", "there are measures on it and no line of the nomenclature") for code in missing]


def _contradictory(measures: Sequence[Measure]) -> list[Gap]:
    """Third-country duties that hold on the same day for the same goods and differ: neither is applied by guess."""
    found = []
    for one, other in pairwise(measures):
        same = one.kind is other.kind is Kind.THIRD_COUNTRY and _key(one) == _key(other)
        if same and one.duty != other.duty and one.excluded == other.excluded and overlaps(one, other):
            words = f"two third-country duties hold on the same days: {one.duty!r} {days(one)}, {other.duty!r} {days(other)}"
            found.append(Gap(f"code {one.code}", words))
    return found
