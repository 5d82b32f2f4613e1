"""What a rule of movement is, and all there are: held against a course, they say what is missing or cannot be.

A rule is a function `(course, circumstances) -> things seen`, made a `Rule` by the decorator. Its docstring is read by
officers, its source says on what it rests; a rule without either is refused. It never raises for what was told.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from msgspec import Struct, field

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement.course import Course
from tidewaiter.movement.limits import Limits, limits

MODULES: Final = ("sequence", "places", "seals", "corrections")
VALUE_LENGTH_MAX: Final = 200


class RuleError(TidewaiterError):
    """A rule is written in a way the registry does not accept."""

    code = "movement.rule"


class Circumstances(Struct, frozen=True, kw_only=True):
    """What a rule may know besides the course: the moment (aware UTC), and how the declaration stands.

    `released_at` is when customs released the goods, None where they did not; `controlled_at` when they first said that
    they examine them. `is_closed`: refused, withdrawn or rejected.
    `acted_on` are the events on which something was done that cannot be undone in silence, with words for it.
    """

    at: datetime
    released_at: datetime | None = None
    controlled_at: datetime | None = None
    is_closed: bool = False
    acted_on: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=limits)


class Seen(NamedTuple):
    """One thing a rule saw: the event it is about, the value, and what to say of it."""

    event_id: str
    value: object
    words: str
    hint: str = ""


Function = Callable[[Course, Circumstances], Sequence[Seen]]


class Rule(Struct, frozen=True):
    """One rule of movement. `holds`: goods of which it sees something are held until somebody has looked."""

    rule_id: str
    severity: Severity
    words: str
    source: str
    holds: bool
    function: Function

    def findings(self, way: Course, circumstances: Circumstances) -> list[Finding]:
        """What it sees, as findings; `pointer` names the event."""
        return [
            Finding(
                self.rule_id, self.severity, each.event_id, each.words, str(each.value)[:VALUE_LENGTH_MAX], each.hint
            )
            for each in self.function(way, circumstances)
        ]


def rule(rule_id: str, severity: Severity, *, source: str) -> Callable[[Function], Rule]:
    """Makes a function a rule; one of severity error holds the goods. Raises RuleError without docstring or source."""

    def make(function: Function) -> Rule:
        words = inspect.cleandoc(function.__doc__ or "")
        if not words:
            raise RuleError(f"rule {rule_id} has no docstring", hint="say in it what the officer should know")
        if not source.strip():
            raise RuleError(f"rule {rule_id} has no source")
        return Rule(rule_id, severity, words, source, severity is Severity.ERROR, function)

    return make


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule there is. Raises RuleError where two share an id."""
    found = tuple(
        value
        for name in MODULES
        for value in vars(importlib.import_module(f"tidewaiter.movement.rules.{name}")).values()
        if isinstance(value, Rule)
    )
    ids = [each.rule_id for each in found]
    if twice := {rule_id for rule_id in ids if ids.count(rule_id) > 1}:
        raise RuleError(f"more than one rule is called {', '.join(sorted(twice))}")
    return found


def by_id(rule_id: str) -> Rule | None:
    """The rule of that id, or None."""
    return next((each for each in rules() if each.rule_id == rule_id), None)


def find(way: Course, circumstances: Circumstances) -> list[Finding]:
    """What all rules see in a course, in their order."""
    return [finding for each in rules() for finding in each.findings(way, circumstances)]
