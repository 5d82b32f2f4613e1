"""Danish customs' rules beyond the published H7 table: procedures, corrections and invalidations.

Their codes stand in "Error and warning codes"; the published test cases of H7
amendments and invalidations show them in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.finding import Severity
from tidewaiter.quality.registry import Context, Rule, Seen, rule
from tidewaiter.quality.rules.h7_dk import SCOPE, Function, codes, items

SOURCE = "Danish Customs Agency, DMS import: Error and warning codes; Import XML Guide 1.18"
REASON_LENGTH_MIN = 10


def _danish(code: str, *, about: tuple[str, ...] = (), by_outline: bool = False) -> Callable[[Function], Rule]:
    source = f"{SOURCE}; {code}"
    return rule(code, Severity.ERROR, source=source, scope=SCOPE, about=about, by_outline=by_outline)


@_danish("DK1102", by_outline=True)
def procedure_combination(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Low-value goods are released for free circulation straight from abroad: procedure 40, previous procedure 00."""
    return [
        Seen(
            f"{pointer}.procedure_code",
            f"{item.procedure_code} {item.previous_procedure_code}",
            "This combination of procedures is not possible here.",
            "Use 40 with previous procedure 00.",
        )
        for pointer, item in items(declaration)
        if item.procedure_code not in ("", "40") or item.previous_procedure_code not in ("", "00")
    ]


@_danish("DK1240", about=("amendments",))
def correction_reason(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A correction gives one of the published reasons."""
    if declaration.function is not MessageFunction.AMENDMENT:
        return ()
    known = codes("correction_reasons")
    return [
        Seen(f"amendments[{place}].reason_code", amendment.reason_code, "This reason for a correction does not exist.")
        for place, amendment in enumerate(declaration.amendments, 1)
        if amendment.reason_code not in known
    ]


@_danish("DK2158", about=("amendments",))
def invalidation_reason(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An invalidation gives one of the published reasons; those of partial invalidations are taken too."""
    if declaration.function is not MessageFunction.CANCELLATION:
        return ()
    known = codes("invalidation_reasons") | codes("invalidation_reasons_now") | codes("correction_reasons")
    return [
        Seen(
            f"amendments[{place}].reason_code", amendment.reason_code, "This reason for an invalidation does not exist."
        )
        for place, amendment in enumerate(declaration.amendments, 1)
        if amendment.reason_code not in known
    ]


@_danish("DK2156", about=("amendments",))
def reason_in_words(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The reason for a correction or invalidation is given in words, in at least 10 characters."""
    if declaration.function not in (MessageFunction.AMENDMENT, MessageFunction.CANCELLATION):
        return ()
    return [
        Seen(f"amendments[{place}].reason", amendment.reason, "Give the reason in at least 10 characters.")
        for place, amendment in enumerate(declaration.amendments, 1)
        if len(amendment.reason.strip()) < REASON_LENGTH_MIN
    ]
