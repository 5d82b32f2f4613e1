"""An assessment arranged to be read: values, charges with their steps, and the law they rest on as footnotes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Charge, Citation, Step


class Source(Struct, frozen=True):
    """One footnote: its number, the figure's id, and where it stands."""

    number: int
    measure_id: str
    citation: Citation | None


class Line(Struct, frozen=True):
    """One step with the number of its footnote; 0 where it has none."""

    words: str
    result: str
    source: int


class ChargeLines(Struct, frozen=True):
    """One charge, its steps, and the number of its footnote."""

    charge: Charge
    steps: tuple[Line, ...]
    source: int


class Trace(Struct, frozen=True):
    """How amounts were worked out, in reading order; nothing in it is computed anew."""

    assessment: Assessment
    values: tuple[Line, ...]
    charges: tuple[ChargeLines, ...]
    sources: tuple[Source, ...]


def arrange(assessment: Assessment) -> Trace:
    """The assessment with each measure numbered in the order a reader meets it."""
    numbers = {measure_id: place for place, measure_id in enumerate(_measures(assessment), start=1)}
    return Trace(
        assessment=assessment,
        values=_lines(assessment.steps, numbers),
        charges=tuple(
            ChargeLines(charge, _lines(charge.steps, numbers), numbers.get(charge.measure_id, 0))
            for charge in assessment.charges
        ),
        sources=tuple(
            Source(number, measure_id, assessment.citations.get(measure_id)) for measure_id, number in numbers.items()
        ),
    )


def _measures(assessment: Assessment) -> Iterable[str]:
    """Measure ids without repetition, as they are met from the top; then those used without a footnote: roundings."""
    met = [step.measure_id for step in assessment.steps]
    for charge in assessment.charges:
        met += [charge.measure_id, *(step.measure_id for step in charge.steps)]
    return dict.fromkeys(measure_id for measure_id in [*met, *assessment.citations] if measure_id)


def _lines(steps: Iterable[Step], numbers: dict[str, int]) -> tuple[Line, ...]:
    return tuple(Line(step.words, step.result, numbers.get(step.measure_id, 0)) for step in steps)
