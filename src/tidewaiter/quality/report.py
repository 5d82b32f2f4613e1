"""The rules as rows, for the command line and the generated reference."""

from __future__ import annotations

from tidewaiter.quality import matching, parcels, timing
from tidewaiter.quality.registry import Rule, Scope, rules


def rows() -> list[dict[str, str]]:
    """One row for each rule, in the order in which they run."""
    return [*(_row(rule) for rule in rules()), *matching.rows(), *parcels.rows(), *timing.rows()]


def _row(rule: Rule) -> dict[str, str]:
    return {
        "rule": rule.rule_id,
        "severity": rule.severity.value,
        "scope": scope_words(rule.scope),
        "words": " ".join(rule.words.split()),
        "source": rule.source,
    }


def scope_words(scope: Scope) -> str:
    """A scope in words: "declared H7 in DK", "everywhere"."""
    words = [f"declared {' or '.join(scope.declared_as)}"] if scope.declared_as else []
    if scope.jurisdictions:
        words.append(f"in {' or '.join(scope.jurisdictions)}")
    if scope.valid_from:
        words.append(f"from {scope.valid_from}")
    if scope.valid_to:
        words.append(f"to {scope.valid_to}")
    return " ".join(words) or "everywhere"
