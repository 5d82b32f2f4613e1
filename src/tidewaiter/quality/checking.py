"""The one way in: every rule in scope, run over one declaration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.quality import numbers
from tidewaiter.quality.oddities import oddities
from tidewaiter.quality.registry import Context, Law, applicable, replaced
from tidewaiter.quality.texts import unprintable

REQUIRED = "data.required"
OF_NO_KIND = "message.kind"  # found in reading: there is no declaration in it to be checked


def check(declaration: Declaration, *, regime: Law, found: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """What all rules in scope on the regime's legal day find; empty for a clean declaration.

    `found` is what reading it found already: what could not be read is not said to be missing, too.
    Never raises for bad data. Findings stand in the order of the rules, without their place in the
    sender's terms, which the message form adds.
    """
    if any(each.rule_id == OF_NO_KIND for each in found):
        return ()
    findings: list[Finding] = []
    seen_numbers = numbers.looked_at(declaration)
    if not seen_numbers.are_sound:
        declaration, findings = numbers.sound(declaration)
    context = Context(
        regime.jurisdiction_code,
        regime.legal_day,
        regime.dataset_of(declaration),
        partial(_convert, regime),
        unprintable(declaration),
        regime.tariff,
    )
    in_scope = applicable(context.jurisdiction_code, context.legal_day, declaration.procedure_category)
    odd = oddities(declaration, has_odd_text=bool(context.unprintable), has_odd_number=not seen_numbers.are_above_zero)
    findings += in_scope.findings(declaration, context, odd)
    unread = [each.pointer for each in found if each.severity is Severity.ERROR and each.pointer]
    if unread:
        findings = [each for each in findings if not (each.rule_id == REQUIRED and _is_told(each.pointer, unread))]
    return tuple(_told_once(findings)) if len(findings) > 1 else tuple(findings)


def _is_told(pointer: str, unread: Sequence[str]) -> bool:
    """Whether something at the place, or within it, was found unreadable."""
    return any(each == pointer or each.startswith((f"{pointer}.", f"{pointer}[")) for each in unread)


def _convert(regime: Any, money: Money, currency: str) -> Money | None:
    """`money` in another currency at the regime's rate of the day; None where there is none."""
    if money.currency == currency:
        return money
    convert = getattr(regime, "convert", None)
    if convert is None:
        return None
    try:
        converted = convert(money, currency)
    except NotInForceError:
        return None
    return converted if isinstance(converted, Money) else None


def _told_once(findings: list[Finding]) -> list[Finding]:
    """Without findings that a more particular rule makes at the same place; "missing" is the least particular error."""
    superseded = {
        (other, finding.pointer) for finding in findings for other in replaced().get(finding.rule_id, frozenset())
    }
    superseded |= {
        (REQUIRED, finding.pointer)
        for finding in findings
        if finding.severity is Severity.ERROR and finding.rule_id != REQUIRED
    }
    return [finding for finding in findings if (finding.rule_id, finding.pointer) not in superseded]
