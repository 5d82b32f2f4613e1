"""A rule: when it holds, where it sends the parcel, and what the officer reads; and a set of them, by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from tidewaiter.model.judgement import Lane

PRIORITY_MAX = 999  # 0 is looked at first
PERCENT_ALL = 100
PRIORITY_USUAL = 500  # where a rule does not say


class ControlTask(StrEnum):
    """What is to be done with a parcel that a rule points at."""

    DOCUMENTS = "documents"
    SCAN = "scan"
    EXAMINATION = "examination"
    LABORATORY = "laboratory"
    AGENCY = "agency"


class LoadingAnswer(StrEnum):
    """What is answered to pre-loading data (ICS2, PLACI)."""

    NONE = ""
    DO_NOT_LOAD = "DNL"
    REQUEST_FOR_SCREENING = "RFS"
    REQUEST_FOR_INFORMATION = "RFI"


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule.

    `condition` is canonical text; `words` is what the officer reads when it hits. Of the hits `percent` go to
    `lane`, by the draw of the policy. In force from `valid_from` to `valid_until`, both included; an open end is no
    limit. `offices` are offices of declaration it is for, none meaning all. `priority` orders the telling, least
    first, and settles nothing: every rule that holds is a reason. `notes` are the file's comments above and in it.
    """

    rule_id: str
    title: str
    words: str
    condition: str
    lane: Lane
    percent: int = PERCENT_ALL
    tasks: tuple[ControlTask, ...] = ()
    answer: LoadingAnswer = LoadingAnswer.NONE
    priority: int = PRIORITY_USUAL
    valid_from: date | None = None
    valid_until: date | None = None
    offices: tuple[str, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()

    def is_in_force(self, on: date) -> bool:
        """True on days from `valid_from` to `valid_until`, both included; an open end is no limit."""
        return (self.valid_from or on) <= on <= (self.valid_until or on)


class RuleSet(Struct, frozen=True, dict=True):
    """Rules in the order of their file; `text` is the canonical file and `digest` the version: SHA-256 over it.

    Two sets with the same digest decide alike, given the same lists, features and scores.
    """

    rules: tuple[Rule, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The canonical text of the whole."""
        from tidewaiter.risk.rules.files import write_rules

        return write_rules(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `text` as UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def in_force(self, on: date) -> RuleSet:
        """The rules of one day."""
        return RuleSet(tuple(rule for rule in self.rules if rule.is_in_force(on)))

    def with_rules(self, rules: Iterable[Rule]) -> RuleSet:
        """The set with these rules in the places of those with their ids; others come at the end."""
        anew = {rule.rule_id: rule for rule in rules}
        kept = tuple(anew.pop(rule.rule_id, rule) for rule in self.rules)
        return RuleSet((*kept, *anew.values()), self.notes)
