"""What a tariff says against goods coming in: import prohibitions, and controls that ask for documents.

TARIC's measure types of series A and B. Whether goods may come in is told by a measure's conditions: the document
that lets them in, the document by which they are not concerned, a quantity that is free. Measures that only check
whether the right code was declared (actions "declared subheading allowed") say nothing of that and are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from tidewaiter.tariff.codes import DIGITS, stem
from tidewaiter.tariff.kinds import Effect, control_title, effect_of, measure_types
from tidewaiter.tariff.records import ERGA_OMNES, Condition, Direction, Kind, Measure
from tidewaiter.tariff.tariff import Tariff

BELOW_LOOKED_AT = 500  # declarable codes below one that is not
SUBHEADING_ACTIONS = frozenset({"08", "28"})  # the declared subheading is allowed, or not
DOCUMENT_TEXT = "document {}"  # how a tariff's texts name what documents are


class Control(NamedTuple):
    """One measure that stands against goods. `groups`: conditions that must each be met, in any way they name."""

    measure: Measure
    title: str
    groups: tuple[tuple[Condition, ...], ...]
    documents: tuple[str, ...]  # any of these lets the goods in, as far as documents do
    waivers: tuple[str, ...]  # of these documents, those that say the goods are not concerned
    has_free_quantity: bool  # under a limit that a declaration is not held against here
    doubt: str = ""  # why it may not be on these goods at all, in words

    @property
    def is_prohibition(self) -> bool:
        """Whether nothing lets the goods in."""
        return self.measure.kind is Kind.PROHIBITION and not self.documents and not self.has_free_quantity

    def lifting(self, coded: Collection[str], numbered: Collection[str]) -> str:
        """The document that meets the conditions: a waiver by its code, any other with its number; "" where none does."""
        declared = {each for each in self.documents if each in (coded if each in self.waivers else numbered)}
        used = [next((c.document_code for c in group if c.document_code in declared), "") for group in self.groups]
        return used[0] if used and all(used) else ""


class Controls:
    """The import controls of a tariff, by code and origin, worked out once for each."""

    __slots__ = ("_found", "_on", "_tariff")

    KEPT = 16_384

    def __init__(self, tariff: Tariff, on: date) -> None:
        self._tariff = tariff
        self._on = on
        self._found: dict[tuple[str, str], tuple[Control, ...]] = {}

    def on(self, code: str, origin: str) -> tuple[Control, ...]:
        """What stands against goods of a code and origin; nothing for a code that the tariff does not have.

        Of a code that goods cannot be declared under, what is on all codes below it; what is on some is in doubt.
        """
        key = (code, origin)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= self.KEPT:
                self._found.clear()
            found = self._found[key] = tuple(self._looked_up(code, origin))
        return found

    def _looked_up(self, code: str, origin: str) -> Iterator[Control]:
        tariff, on = self._tariff, self._on
        if not code or not tariff.has(code, on):
            return
        if tariff.is_declarable(code, on):
            yield from self._own(code, origin)
            return
        prefix = stem(code) if len(code) == DIGITS else code
        below = [line.code for line in tariff.declarable(prefix, on)[:BELOW_LOOKED_AT]]
        seen: dict[tuple[object, ...], list[Control]] = {}
        for each in below:
            for control in {_alike(found): found for found in self._own(each, origin)}.values():
                seen.setdefault(_alike(control), []).append(control)
        for controls in seen.values():
            some = (
                ""
                if len(controls) == len(below)
                else f"it is on {len(controls)} of the {len(below)} codes under {prefix}"
            )
            yield controls[0] if not some else controls[0]._replace(doubt=some)

    def _own(self, code: str, origin: str) -> Iterator[Control]:
        """The controls on a code that goods can be declared under."""
        tariff, on = self._tariff, self._on
        every = [each for each in tariff.all_measures(code, on) if is_control(each)]
        applying = set(tariff.measures(code, origin, on))
        unmatched = set(tariff.unmatched(code, on))
        for measure in every:
            if measure in applying:
                more = measure.additional_code
                doubt = f"it is on goods of the additional code {more} alone" if more else ""
            elif not origin and measure.area != ERGA_OMNES:
                doubt = f"no country of origin is known, and it is on goods of {measure.area}"
            elif measure in unmatched:
                doubt = f"who belongs to {measure.area}, whose goods it is on, is not known here"
            else:
                continue
            if (control := _control(measure, tariff)) is not None:
                yield control._replace(doubt=doubt)


def is_control(measure: Measure) -> bool:
    """Whether a measure says that goods may not come in, or not without more."""
    if measure.direction is not Direction.IMPORT or measure.duty:
        return False
    if any(each.action_code in SUBHEADING_ACTIONS for each in measure.conditions):
        return False
    is_listed = measure.kind is Kind.OTHER and measure.type_code in measure_types().others
    return measure.kind in (Kind.PROHIBITION, Kind.RESTRICTION) or is_listed


def states_controls(tariff: Tariff) -> bool:
    """Whether a tariff has any import prohibition or control in it: lists of rates have none."""
    return any(map(is_control, tariff.held.measures))


def _control(measure: Measure, tariff: Tariff) -> Control | None:
    """The control of a measure; None where its conditions let every goods in."""
    by_code: dict[str, list[Condition]] = {}
    for condition in measure.conditions:
        by_code.setdefault(condition.condition_code, []).append(condition)
    groups = tuple(tuple(group) for group in by_code.values() if not _lets_all_in(group))
    if measure.conditions and not groups:
        return None
    # A group that lets nothing in only says what follows where no other is met.
    groups = tuple(group for group in groups if any(map(_lets_in, group))) or groups
    documents = tuple(dict.fromkeys(each.document_code for group in groups for each in _letting_in(group)))
    prefixes = measure_types().waivers
    return Control(
        measure=measure,
        title=control_title(measure, tariff.held.texts),
        groups=groups,
        documents=documents,
        waivers=tuple(each for each in documents if each.startswith(prefixes)),
        has_free_quantity=any(each.threshold is not None and _lets_in(each) for group in groups for each in group),
    )


def _lets_all_in(group: Iterable[Condition]) -> bool:
    """Whether goods come in with no document and whatever their quantity."""
    rest = next((each for each in group if not each.document_code and each.threshold is None), None)
    return rest is not None and _lets_in(rest)


def _letting_in(group: Iterable[Condition]) -> Iterator[Condition]:
    return (each for each in group if each.document_code and _lets_in(each))


def _lets_in(condition: Condition) -> bool:
    return effect_of(condition.action_code) in (Effect.ALLOW, Effect.NOT_APPLICABLE)


def _alike(control: Control) -> tuple[object, ...]:
    """What makes the same control on two codes one."""
    measure = control.measure
    return (measure.type_code, measure.area, measure.excluded, measure.regulation, measure.conditions, control.doubt)


def document_text(code: str, tariff: Tariff) -> str:
    """What a document is, as the tariff says; "" where it does not."""
    return tariff.held.texts.get(DOCUMENT_TEXT.format(code), "")


def documents_in_words(control: Control, tariff: Tariff) -> str:
    """The documents with what they are, where the tariff says so: C644 (Certificate of inspection), Y929."""
    named = ((code, document_text(code, tariff)) for code in control.documents)
    return ", ".join(f"{code} ({words})" if words else code for code, words in named)
