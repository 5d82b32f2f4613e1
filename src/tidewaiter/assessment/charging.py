"""From a scheme's charges and the values of the lines to the amounts: one charge for each line and kind."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from tidewaiter.assessment.compiled import CompiledCharge, FixedAmount, Unknown
from tidewaiter.assessment.valuation import Line, rounded
from tidewaiter.model.assessment import Charge, ChargeKind, Collection, Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.model.money import Money

ZERO = Decimal(0)
HUNDRED = Decimal(100)
DUTY_BASE = "customs_value_and_duty"
RELIEVED = "relieved"


class Circumstances(NamedTuple):
    """What all lines of one declaration share."""

    lines: Sequence[Line]
    dataset_code: str
    currency: str


class Tally:
    """The charges as they come, the duty on each line, and what could not be worked out."""

    def __init__(self, count: int) -> None:
        self.charges: list[Charge] = []
        self.duty: list[Decimal | None] = [ZERO] * count  # None: not known
        self.unresolved: dict[str, None] = {}  # in order, each once
        self.used: set[str] = set()  # measure ids

    def owe(self, place: int, kind: ChargeKind, amount: Decimal) -> None:
        """Duty counts into the base of what is reckoned on it."""
        if kind is ChargeKind.DUTY:
            known = self.duty[place]
            self.duty[place] = None if known is None else known + amount

    def unknown(self, place: int, words: str, kind: ChargeKind) -> None:
        """Something is owed on a line and how much is not known."""
        self.unresolved[words] = None
        if kind is ChargeKind.DUTY:
            self.duty[place] = None


def charge_all(charges: Sequence[CompiledCharge], circumstances: Circumstances) -> Tally:
    """Every charge of a scheme on every line, in the order of the scheme: duties before what is reckoned on them."""
    tally = Tally(len(circumstances.lines))
    for charge in charges:
        if isinstance(charge.rate, FixedAmount) and not charge.is_relieved:
            _charge_groups(charge, charge.rate, circumstances, tally)
            continue
        fitting = _fitting(charge, circumstances.lines)
        for place, line in enumerate(circumstances.lines):
            use = charge
            if charge.otherwise is not None and line.item.commodity_code.startswith(charge.excluded):
                use = charge.otherwise
            elif fitting is not None:
                use = (
                    charge._replace(is_relieved=True) if place in fitting else charge._replace(relief="", relief_id="")
                )
            tally.used.add(use.measure_id)
            if use.relief_id:
                tally.used.add(use.relief_id)
            if use.is_relieved:
                _relieve(use, line, circumstances, tally)
            else:
                _charge_line(use, place, circumstances, tally)
    return tally


def _relieve(charge: CompiledCharge, line: Line, circumstances: Circumstances, tally: Tally) -> None:
    """A charge that is not owed, shown with what relieves it."""
    tally.charges.append(
        Charge(
            kind=charge.kind,
            type_code=charge.type_code,
            line_no=line.line_no,
            base=Money(line.customs_value, circumstances.currency),
            rate=RELIEVED,
            unrounded=ZERO,
            rounding="",
            result=Money(ZERO, circumstances.currency),
            collection=Collection.NONE,
            measure_id=charge.measure_id,
            steps=line.steps,
            relief=charge.relief,
        )
    )


def _charge_line(charge: CompiledCharge, place: int, circumstances: Circumstances, tally: Tally) -> None:
    """A percentage of the value of one line."""
    line = circumstances.lines[place]
    rate = Unknown("") if isinstance(charge.rate, FixedAmount) else charge.rate(line.item)
    if isinstance(rate, Unknown):
        tally.unknown(place, rate.words.replace("{line}", str(line.line_no)), charge.kind)
        return
    base, steps = _base(charge, place, circumstances, tally)
    if base is None:
        tally.unknown(
            place, f"line {line.line_no}: {charge.kind} is reckoned on the duty, which is not known", charge.kind
        )
        return
    unrounded = base * rate.percent / HUNDRED
    result = rounded(unrounded, charge.rounding)
    tally.owe(place, charge.kind, result)
    tally.used.add(rate.measure_id)
    tally.used.add(charge.rounding_id)
    tally.charges.append(
        Charge(
            kind=charge.kind,
            type_code=charge.type_code,
            line_no=line.line_no,
            base=Money(base, circumstances.currency),
            rate=rate.words,
            unrounded=unrounded,
            rounding=charge.rounding.words,
            result=Money(result, circumstances.currency),
            collection=charge.collection,
            measure_id=charge.measure_id,
            steps=steps,
            relief=charge.relief,
        )
    )


def _base(
    charge: CompiledCharge, place: int, circumstances: Circumstances, tally: Tally
) -> tuple[Decimal | None, tuple[Step, ...]]:
    """What the rate is applied to, with the step that shows it; None where a duty in it is not known."""
    line = circumstances.lines[place]
    if charge.base == "intrinsic_value":
        return line.intrinsic_value, ()
    if charge.base != DUTY_BASE:
        return line.customs_value, line.steps
    duty = tally.duty[place]
    if duty is None:
        return None, line.steps
    if not duty:
        return line.customs_value, line.steps
    base = line.customs_value + duty
    step = Step(f"customs value {line.customs_value!s} + duty {duty!s}", f"{base!s} {circumstances.currency}")
    return base, (*line.steps, step)


def _charge_groups(charge: CompiledCharge, rate: FixedAmount, circumstances: Circumstances, tally: Tally) -> None:
    """One amount for each group of lines, on the first line of the group."""
    tally.used.update((charge.measure_id, rate.measure_id, rate.exchange_id, charge.rounding_id))
    fields = rate.group_of.get(circumstances.dataset_code) or rate.group_of.get("other", ())
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, line in enumerate(circumstances.lines):
        groups.setdefault(tuple(_likeness(line.item, field) for field in fields), []).append(place)
    for places in groups.values():
        result = rounded(rate.amount, charge.rounding)
        first = circumstances.lines[places[0]]
        steps: tuple[Step, ...] = ()
        if len(places) > 1:
            numbers = ", ".join(str(circumstances.lines[place].line_no) for place in places)
            alike = " and ".join(field.replace("_", " ") for field in fields)
            steps = (
                Step(f"lines {numbers} have the same {alike}: one line to the law", "counted once", charge.measure_id),
            )
        tally.owe(places[0], charge.kind, result)
        tally.charges.append(
            Charge(
                kind=charge.kind,
                type_code=charge.type_code,
                line_no=first.line_no,
                base=Money(
                    sum((circumstances.lines[place].customs_value for place in places), ZERO), circumstances.currency
                ),
                rate=rate.words,
                unrounded=rate.amount,
                rounding=charge.rounding.words,
                result=Money(result, circumstances.currency),
                collection=charge.collection,
                measure_id=charge.measure_id,
                steps=steps,
                relief=charge.relief,
            )
        )


def _likeness(item: GoodsItem, field: str) -> str:
    """A field as it is compared: letter case and blanks do not make a difference."""
    value = str(getattr(item, field))
    return " ".join(value.casefold().split()) if field == "description" else value


def _fitting(charge: CompiledCharge, lines: Sequence[Line]) -> frozenset[int] | None:
    """The lines that fit under a limit together, the smallest values first; None where there is no limit."""
    if charge.items_up_to is None:
        return None
    room = charge.items_up_to
    chosen = []
    for place in sorted(range(len(lines)), key=lambda place: (lines[place].intrinsic_value, place)):
        if lines[place].intrinsic_value > room:
            break
        room -= lines[place].intrinsic_value
        chosen.append(place)
    return frozenset(chosen)
