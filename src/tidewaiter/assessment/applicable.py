"""Which measures of a tariff apply to one line: by additional code, by conditions, and what cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidewaiter.tariff.kinds import Effect, effect_of, title_of
from tidewaiter.tariff.records import Condition, Kind, Measure

OPTIONS = frozenset({Kind.THIRD_COUNTRY, Kind.PREFERENCE, Kind.SUSPENSION, Kind.QUOTA, Kind.PREFERENTIAL_QUOTA})
QUOTAS = frozenset({Kind.QUOTA, Kind.PREFERENTIAL_QUOTA})
STACKED = frozenset({Kind.ANTI_DUMPING, Kind.COUNTERVAILING, Kind.SAFEGUARD, Kind.ADDITIONAL_DUTY})
RESIDUAL = "999"  # TARIC's additional codes for "other" end so


class Applied(NamedTuple):
    """A measure with the sentence that holds for these goods, and why it is that one where conditions decide."""

    measure: Measure
    duty: str
    why: str = ""


class Open(NamedTuple):
    """What cannot be told, in words."""

    words: str


def by_additional_code(measures: Sequence[Measure], declared: Iterable[str]) -> tuple[list[Measure], list[Open]]:
    """Of measures of one type, those that hold for the additional codes declared; else for all other goods.

    Where a code decides and neither a declared one nor the residual is among them, that is open: never nothing owed.
    """
    plain = [each for each in measures if not each.additional_code]
    coded = [each for each in measures if each.additional_code]
    if not coded:
        return plain, []
    codes = set(declared)
    mine = [each for each in coded if each.additional_code in codes]
    mine = mine or [each for each in coded if each.additional_code.endswith(RESIDUAL)]
    if mine:
        return [*plain, *mine], []
    known = ", ".join(sorted({each.additional_code for each in coded}))
    return plain, [Open(f"{named(coded[0])} depends on the additional code ({known}), and none of them is declared")]


def by_conditions(measure: Measure, documents: frozenset[str]) -> Applied | Open | None:
    """The sentence that holds by the measure's conditions and the documents declared; None where it does not apply.

    Conditions of one kind are tried in order; the first that is met says what follows. Those that compare with a
    price or quantity cannot be told from a declaration, and are open.
    """
    groups: dict[str, list[Condition]] = {}
    for condition in measure.conditions:
        groups.setdefault(condition.condition_code, []).append(condition)
    duty, why = measure.duty, ""
    for group in groups.values():
        if any(each.threshold is not None for each in group):
            if any(effect_of(each.action_code) is Effect.APPLY_DUTY for each in group):
                return Open(f"{named(measure)} depends on a price or quantity that the tariff sets ({_limits(group)})")
            continue
        met = next((each for each in group if not each.document_code or each.document_code in documents), None)
        if met is None:
            return Open(f"{named(measure)} depends on a document ({_documents(group)}), and none of them is declared")
        outcome = _outcome(met, measure)
        if isinstance(outcome, Open) or outcome is None:
            return outcome
        duty = outcome.duty or duty
        why = outcome.why or why
    return Applied(measure, duty, why)


def _outcome(met: Condition, measure: Measure) -> Applied | Open | None:
    effect = effect_of(met.action_code)
    because = (
        f"document {met.document_code} is declared"
        if met.document_code
        else "no document is declared that says otherwise"
    )
    if effect is None:
        words = met.action or met.action_code
        return Open(f"{named(measure)} depends on a condition that is not understood ({words[:80]})")
    if effect is Effect.NOT_APPLICABLE:
        return None
    if effect is Effect.REFUSE:
        needed = ", ".join(each.document_code for each in measure.conditions if each.document_code)
        return Open(
            f"{named(measure)} is allowed with a document alone ({needed or 'not named'}), and none of them is declared"
        )
    if effect is Effect.REDUCE:
        return Open(f"{named(measure)} is reduced or lifted by an undertaking that cannot be checked here")
    return Applied(measure, met.duty if effect is Effect.APPLY_DUTY else "", because)


def named(measure: Measure) -> str:
    """A measure as it is named in words: type, whom it is on, where it stands."""
    code = f", additional code {measure.additional_code}" if measure.additional_code else ""
    order = f", order number {measure.order_number}" if measure.order_number else ""
    act = f" ({measure.regulation})" if measure.regulation else ""
    return f"{title_of(measure)}{code}{order}{act}"


def of_type(measures: Iterable[Measure]) -> Mapping[tuple[str, str], list[Measure]]:
    """The measures by type and quota, in their order."""
    found: dict[tuple[str, str], list[Measure]] = {}
    for measure in measures:
        found.setdefault((measure.type_code, measure.order_number), []).append(measure)
    return found


def _limits(group: Iterable[Condition]) -> str:
    limits = [each.threshold for each in group if each.threshold is not None]
    return ", ".join(dict.fromkeys(f"{each.amount} {each.currency}{each.unit}".strip() for each in limits))


def _documents(group: Iterable[Condition]) -> str:
    return ", ".join(dict.fromkeys(each.document_code for each in group if each.document_code))
