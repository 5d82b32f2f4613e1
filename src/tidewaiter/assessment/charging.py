"""From a scheme's charges and the values of the lines to the amounts: one charge for each line and kind."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tidewaiter.assessment.by_tariff import ByTariff, Goods
from tidewaiter.assessment.compiled import (
    DUTY_BASE,
    HUNDRED,
    CompiledCharge,
    CompiledWaiver,
    FixedAmount,
    Formula,
    Unknown,
)
from tidewaiter.assessment.formulas import amount_of
from tidewaiter.assessment.valuation import ZERO, Line, Rounder, rounded, shares
from tidewaiter.model.assessment import Charge, Collection, Step
from tidewaiter.model.declaration import GoodsItem
from tidewaiter.model.money import Money

RELIEVED = "relieved"


class Circumstances(NamedTuple):
    """What all lines of one declaration share."""

    lines: Sequence[Line]
    dataset_code: str
    currency: str
    documents: frozenset[str] = frozenset()  # declared for the whole; asked for where a tariff is imported


class Tally:
    """The charges as they come, the duty on each line, and what could not be worked out."""

    def __init__(self, count: int, terms: Sequence[str] = ()) -> None:
        self.charges: list[Charge] = []
        self.duty: list[Decimal | None] = [ZERO] * count  # None: not known
        self.unresolved: dict[str, None] = {}  # in order, each once
        self.used: set[str] = set()  # measure ids
        # What other bases count: by kind of charge or charge, line by line; only those that the law asks for.
        self.terms: dict[str, list[Decimal | None]] = {"duty": self.duty, **{term: [ZERO] * count for term in terms}}

    def owe(self, place: int, charge: CompiledCharge, amount: Decimal) -> None:
        """What is charged on a line counts into the base of what is reckoned on it."""
        for term in (charge.kind, charge.measure_id):
            column = self.terms.get(term)
            if column is not None:
                known = column[place]
                column[place] = None if known is None else known + amount

    def unknown(self, place: int, words: str, charge: CompiledCharge) -> None:
        """Something is owed on a line and how much is not known."""
        self.unresolved[words] = None
        for term in (charge.kind, charge.measure_id):
            if term in self.terms:
                self.terms[term][place] = None


def charge_all(charges: Sequence[CompiledCharge], circumstances: Circumstances, terms: Sequence[str]) -> Tally:
    """Every charge on every line, in the order given: duties before what is reckoned on them."""
    tally = Tally(len(circumstances.lines), terms)
    for charge in charges:
        if isinstance(charge.rate, FixedAmount) and not charge.is_relieved:
            _charge_groups(charge, charge.rate, circumstances, tally)
            continue
        if isinstance(charge.rate, Formula) and charge.rate.is_whole and not charge.is_relieved:
            _charge_whole(charge, charge.rate, circumstances, tally)
            continue
        begins = len(tally.charges)
        fitting = _fitting(charge, circumstances.lines)
        for place, line in enumerate(circumstances.lines):
            if charge.only and not line.item.commodity_code.startswith(charge.only):
                continue
            if charge.origins and line.item.origin_country_code not in charge.origins:
                continue
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
        if isinstance(charge.rate, Formula) and charge.rate.total_rounding is not None:
            _round_total(charge, charge.rate.total_rounding, tally, begins)
    return tally


def _round_total(charge: CompiledCharge, rounding: Rounder, tally: Tally, begins: int) -> None:
    """The sum of a charge over the lines rounded once more: what is cut off stands as a charge of its own."""
    owed = [each for each in tally.charges[begins:] if each.collection is not Collection.NONE]
    if not owed or tally.unresolved:
        return
    total = sum((each.result.amount for each in owed), ZERO)
    change = rounded(total, rounding) - total
    if not change:
        return
    currency = owed[0].result.currency
    tally.charges.append(
        Charge(
            kind=charge.kind,
            type_code=charge.type_code,
            line_no=0,
            base=Money(total, currency),
            rate="sum of the lines, rounded",
            unrounded=change,
            rounding=rounding.words,
            result=Money(change, currency),
            collection=charge.collection,
            measure_id=charge.measure_id,
        )
    )


def waive(waiver: CompiledWaiver, tally: Tally) -> None:
    """Charges that together come to too little are shown, and not collected. Not where one of them is not known."""
    places = [
        place
        for place, charge in enumerate(tally.charges)
        if charge.measure_id in waiver.charges and charge.collection is Collection.BORDER
    ]
    total = sum((tally.charges[place].result.amount for place in places), ZERO)
    if tally.unresolved or not total or total > waiver.limit or (total == waiver.limit and not waiver.is_included):
        return
    tally.used.add(waiver.relief_id)
    for place in places:
        tally.charges[place] = replace(tally.charges[place], collection=Collection.NONE, relief=waiver.relief)


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
    """A percentage of the value of one line, or a formula on it."""
    if isinstance(charge.rate, Formula):
        _charge_formula(charge, charge.rate, (place,), circumstances, tally)
        return
    if isinstance(charge.rate, ByTariff):
        _charge_by_tariff(charge, charge.rate, place, circumstances, tally)
        return
    line = circumstances.lines[place]
    rate = Unknown("") if isinstance(charge.rate, FixedAmount) else charge.rate(line.item)
    if isinstance(rate, Unknown):
        tally.unknown(place, rate.words.replace("{line}", str(line.line_no)), charge)
        return
    base, steps = _base(charge, place, circumstances, tally)
    if base is None:
        tally.unknown(place, _depends(charge, line.line_no), charge)
        return
    unrounded = base * rate.percent / HUNDRED
    result = rounded(unrounded, charge.rounding)
    tally.owe(place, charge, result)
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


def _charge_by_tariff(
    charge: CompiledCharge, rate: ByTariff, place: int, circumstances: Circumstances, tally: Tally
) -> None:
    """Every duty of the imported tariff on one line, each a charge of its own."""
    line = circumstances.lines[place]
    base, steps = _base(charge, place, circumstances, tally)
    if base is None:
        tally.unknown(place, _depends(charge, line.line_no), charge)
        return
    declared = frozenset(document.type_code for document in line.item.documents) | circumstances.documents
    worked = rate.worked_out(Goods(line.item, base, declared))
    for words in worked.unresolved:
        tally.unknown(place, f"line {line.line_no}: {words}", charge)
    tally.used.update((*rate.measure_ids, charge.rounding_id))
    for duty in worked.duties:
        result = rounded(duty.amount, charge.rounding)
        tally.owe(place, charge, result)
        tally.charges.append(
            Charge(
                kind=charge.kind,
                type_code=duty.type_code or charge.type_code,
                line_no=line.line_no,
                base=Money(base, circumstances.currency),
                rate=duty.words,
                unrounded=duty.amount,
                rounding=charge.rounding.words,
                result=Money(result, circumstances.currency),
                collection=charge.collection,
                measure_id=charge.measure_id,
                steps=(*steps, *duty.steps),
                relief=charge.relief,
            )
        )


def _depends(charge: CompiledCharge, line_no: int) -> str:
    return f"line {line_no}: {charge.kind} is reckoned on the duty, which is not known"


def _charge_whole(charge: CompiledCharge, rate: Formula, circumstances: Circumstances, tally: Tally) -> None:
    """A formula on the consignment as a whole."""
    tally.used.add(charge.measure_id)
    if charge.relief_id:
        tally.used.add(charge.relief_id)
    _charge_formula(charge, rate, range(len(circumstances.lines)), circumstances, tally)


def _charge_formula(
    charge: CompiledCharge, rate: Formula, places: Sequence[int], circumstances: Circumstances, tally: Tally
) -> None:
    """A formula on one line or on all together; what it comes to is shared by value among the lines it is on."""
    lines = [circumstances.lines[place] for place in places]
    base, steps = ZERO, tuple[Step, ...]()
    for place, line in zip(places, lines, strict=True):
        part, more = _base(charge, place, circumstances, tally)
        if part is None:
            tally.unknown(place, _depends(charge, line.line_no), charge)
            return
        base += part
        steps = (*steps, *more)
    if rate.base_rounding is not None:
        exact, base = base, rounded(base, rate.base_rounding)
        steps = (*steps, Step(f"{exact!s} rounded {rate.base_rounding.words}", f"{base!s} {circumstances.currency}"))
    line_no = 0 if rate.is_whole else lines[0].line_no
    outcome = amount_of(rate, base, [line.item for line in lines], circumstances.currency)
    if isinstance(outcome, Unknown):
        for place in places:
            tally.unknown(place, outcome.words.replace("{line}", str(lines[0].line_no)), charge)
        return
    unrounded = outcome.full * rate.share
    result = rounded(unrounded, charge.rounding)
    counted = result if rate.share == 1 else rounded(outcome.full, charge.rounding)
    if rate.counted_rounding is not None:
        counted = rounded(counted, rate.counted_rounding)
    weights = [line.customs_value for line in lines]
    for place, share in zip(places, shares(counted, weights, charge.rounding.quantum), strict=True):
        tally.owe(place, charge, share)
    tally.used.update((*rate.measure_ids, *outcome.measure_ids, charge.rounding_id))
    tally.charges.append(
        Charge(
            kind=charge.kind,
            type_code=charge.type_code,
            line_no=line_no,
            base=Money(base, circumstances.currency),
            rate=outcome.words,
            unrounded=unrounded,
            rounding=charge.rounding.words,
            result=Money(result, circumstances.currency),
            collection=charge.collection,
            measure_id=charge.measure_id,
            steps=(*steps, *outcome.steps),
            relief=charge.relief,
        )
    )


def _base(
    charge: CompiledCharge, place: int, circumstances: Circumstances, tally: Tally
) -> tuple[Decimal | None, tuple[Step, ...]]:
    """What the rate is applied to, with the step that shows it; None where a duty in it is not known."""
    line = circumstances.lines[place]
    if not charge.base:
        return _sum_of_terms(charge.terms, place, circumstances, tally)
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


def _sum_of_terms(
    terms: Sequence[str], place: int, circumstances: Circumstances, tally: Tally
) -> tuple[Decimal | None, tuple[Step, ...]]:
    line = circumstances.lines[place]
    base, words = ZERO, []
    for term in terms:
        if term in tally.terms:
            part = tally.terms[term][place]
            if part is None:
                return None, line.steps
        else:
            part = getattr(line, term)
        base += part
        if part:
            words.append(f"{term.replace('_', ' ')} {part!s}")
    if len(words) < 2:
        return base, line.steps
    return base, (*line.steps, Step(" + ".join(words), f"{base!s} {circumstances.currency}"))


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
        tally.owe(places[0], charge, result)
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
