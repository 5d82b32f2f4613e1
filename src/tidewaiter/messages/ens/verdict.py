"""What a publisher's schema and rules say of one message: nothing, or findings with the publisher's own numbers."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.messages.rulebooks import Breach, Rulebook
from tidewaiter.model.finding import Finding, Severity

PREFIX: Final = "ens."
LIMIT: Final = "ens.rules_limit"


def verdict(root: etree._Element, schemas: Schemas, rules: Rulebook, edition: str = "") -> tuple[Finding, ...]:
    """The findings on a CC315A or CC313A element. The rules are asked only of what is valid by its schema."""
    found = schemas.validate(root, edition)
    if any(finding.severity is Severity.ERROR for finding in found):
        return found
    return (*found, *findings_of(rules.breaches(root, edition)))


def findings_of(breaches: tuple[Breach, ...]) -> tuple[Finding, ...]:
    """The same breaches as findings: rule id ens.8107, place an XPath in local names."""
    return tuple(
        Finding(
            PREFIX + breach.code if breach.code else LIMIT,
            Severity.ERROR,
            "",
            breach.words,
            value=breach.value,
            place=breach.place,
        )
        for breach in breaches
    )


def number_of(rule_id: str) -> str:
    """The publisher's number within a rule id (8107 of ens.8107); "" where it is not one of theirs."""
    number = rule_id.removeprefix(PREFIX)
    return number if rule_id.startswith(PREFIX) and number.isdigit() else ""
