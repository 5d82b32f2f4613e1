"""A message as a person reads it: record by record, element by element, with what is wrong at its place.

Nothing is kept or decided. What quality finds is that of the law of the day given; risk, which depends on who else
sent what, is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from typing import BinaryIO

from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.messages.pointers import canonical
from tidewaiter.messages.shape import Element, elements
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.finding import Finding, MappingNote, Severity
from tidewaiter.model.money import Money
from tidewaiter.quality import check
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.evaluate import no_law, placed
from tidewaiter.workflow.pieces import pieces

TOLD_AS_NOTES = ("extras",)


class Line(Struct, frozen=True, kw_only=True):
    """One element: `depth` is how many groups it stands in; `value` is "" for a group. `place` is the sender's own."""

    depth: int
    pointer: str
    words: str
    value: str = ""
    place: str = ""
    findings: tuple[Finding, ...] = ()


class Inspected(Struct, frozen=True, kw_only=True):
    """One record of a message. `lines` are empty where it could not be read; `findings` are all there are on it."""

    position: int
    form: str
    title: str
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    notes: tuple[MappingNote, ...]

    @property
    def has_error(self) -> bool:
        """Whether the record would be rejected."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def inspect(stream: BinaryIO, file_name: str, form_name: str, on: date, books: Books) -> Iterator[Inspected]:
    """The records of a message in order, holding one at a time, checked by the law of a day
    and by the published rules of `books`.

    Raises MessageError where the message cannot be followed any further; the records before it have then come.
    """
    for piece in pieces(stream, file_name, form_name):
        form = forms.by_name(piece.form)
        reading = form.read(piece.body)
        checks = books.of(piece.form, reading.declaration)
        if checks is not None:
            reading = checks.checked(reading, piece.body)
        own = reading.declaration
        findings = list(reading.findings)
        if own is not None:
            locate = partial(form.locate, own)
            law, absent = _law(own.jurisdiction_code, on)
            if law is not None:
                findings += check(own, regime=law, found=reading.findings)
            elif own.function is MessageFunction.ORIGINAL:  # what changes another falls under that one's law
                findings.append(no_law(own, absent))
            findings = [finding if finding.place else placed(finding, locate) for finding in findings]
        yield Inspected(
            position=piece.position,
            form=piece.form,
            title=form.title,
            lines=tuple(_lines(own, form.locate, findings)) if own is not None else (),
            findings=tuple(findings),
            notes=reading.notes,
        )


@lru_cache(maxsize=16)
def _law(jurisdiction_code: str, on: date) -> tuple[Regime | None, str]:
    """The law of a day; None and why where none is known."""
    try:
        return (load_regime(jurisdiction_code, on) if jurisdiction_code else None), ""
    except NotInForceError as error:
        return None, error.detail


def _lines(
    declaration: Declaration, locate: Callable[[Declaration, str], str], findings: list[Finding]
) -> Iterator[Line]:
    by_pointer: dict[str, list[Finding]] = {}
    for finding in findings:
        by_pointer.setdefault(finding.pointer, []).append(finding)
    for path, element, value in _walk(declaration, ()):
        pointer = canonical(path)
        is_group = element.group is not None and element.group is not Money
        yield Line(
            depth=sum(isinstance(step, str) for step in path) - 1,
            pointer=pointer,
            words=_words(element, path),
            value="" if is_group else _shown(value),
            place=locate(declaration, pointer),
            findings=tuple(by_pointer.get(pointer, ())),
        )


def _walk(record: Struct, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Element, object]]:
    """Every element that says something, groups before what is in them."""
    for element in elements(type(record)).values():
        value = getattr(record, element.name)
        if value in (None, "", ()) or element.name in TOLD_AS_NOTES:
            continue
        here = (*path, element.name)
        for at, one in enumerate(value) if element.is_list else ((None, value),):
            there = here if at is None else (*here, at)
            is_group = element.group is not None and element.group is not Money
            inner = list(_walk(one, there)) if is_group else []
            if inner or not is_group:
                yield there, element, one
                yield from inner


def _words(element: Element, path: tuple[str | int, ...]) -> str:
    """The element's name as one reads it: “Functional reference id”, “Goods item 2”."""
    words = element.name.replace("_", " ").capitalize()
    return f"{words.removesuffix('s')} {path[-1] + 1}" if isinstance(path[-1], int) else words


def _shown(value: object) -> str:
    if isinstance(value, Money):
        return str(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def unplaced(inspected: Inspected) -> tuple[Finding, ...]:
    """The findings that stand at no line: on what is missing, or on the record as a whole."""
    told = {line.pointer for line in inspected.lines}
    return tuple(finding for finding in inspected.findings if finding.pointer not in told)
