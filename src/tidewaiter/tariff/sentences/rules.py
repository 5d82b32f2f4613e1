"""Rates that a tariff names in the law's own words instead of stating them.

The openings are those of the Harmonized Tariff Schedule's general notes and
chapters 98 and 99, and TARIC's entry price. What begins like none of them is
not taken for a rule.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from tidewaiter.tariff.sentences.expression import LegalRule, RuleKind

_FIGURE = r"\d+(?:\.\d+)?"
_TO_NEXT_TERM = r"[^+]*?(?=\s*\+|\s+(?:minus|less)\s+[\d$]|\s*$)"

OPENINGS: tuple[tuple[RuleKind, str], ...] = (
    (RuleKind.ENTRY_PRICE, rf"entry\s+price(?:\s*-\s*{_FIGURE}\s*%\s*\+\s*specific\s*{_FIGURE}\s*%)?"),
    (RuleKind.QUOTA_QUANTITY, r"the\s+quantity\s.+"),
    (RuleKind.OTHER_PROVISION, rf"the\s+(?:column\s+\d\s+|general\s+)?(?:rates?|dut(?:y|ies))\s{_TO_NEXT_TERM}"),
    (RuleKind.NOTE, r"see\s.+"),
    (RuleKind.CONDITIONALLY_FREE, r"free\s*(?:[,(]|(?:if|under|for|when|subject|provided)\b).+"),
    (RuleKind.DUTY_ON_PART, rf"a\s+duty\s(?!\s*of\s+{_FIGURE}).+"),
    (RuleKind.NO_ADDITIONAL_DUTY, r"no\s+additional\s+dut(?:y|ies)"),
    (RuleKind.UNCHANGED, r"no\s+change"),
    (RuleKind.SUSPENDED, r"(?:rate\s+)?suspended"),
)

# What is needed to go on, in words an officer can act on; the rule's own words follow.
ASKS: dict[RuleKind, str] = {
    RuleKind.ENTRY_PRICE: "entry price of the day",
    RuleKind.OTHER_PROVISION: "the duty of the provision that the law points to",
    RuleKind.NOTE: "the rate in the note that the law points to",
    RuleKind.CONDITIONALLY_FREE: "whether the condition of the exemption is met",
    RuleKind.DUTY_ON_PART: "the duty on the part of the value that the law names",
    RuleKind.CAP_ELSEWHERE: "the duty for the article that caps this one",
    RuleKind.QUOTA_QUANTITY: "the rate: the text states a quota quantity, not a rate",
    RuleKind.NO_ADDITIONAL_DUTY: "nothing",
    RuleKind.UNCHANGED: "the rate that was not changed",
    RuleKind.SUSPENDED: "the rate that holds while this provision is suspended",
}


@cache
def rule_pattern() -> str:
    """A regular expression that matches the text of any legal rule."""
    return "|".join(f"(?:{pattern})" for _, pattern in OPENINGS)


def rule_of(text: str) -> LegalRule:
    """The rule that a text matched by `rule_pattern` names."""
    words = " ".join(text.split())
    kind = next(kind for kind, pattern in _compiled() if pattern.fullmatch(words))
    figures = re.findall(rf"({_FIGURE})\s*%", words) if kind is RuleKind.ENTRY_PRICE else ()
    return LegalRule(kind=kind, words=words, figures=tuple(map(Decimal, figures)))


@cache
def _compiled() -> tuple[tuple[RuleKind, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in OPENINGS)
