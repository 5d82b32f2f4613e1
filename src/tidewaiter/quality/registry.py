"""What a rule is, and which rules apply: one registry for all of them.

A rule is a function `(declaration, context) -> things seen`, made a `Rule` by the
decorator. It may say what it is about: elements, or an oddity, without which it has
nothing to say, so that it is not even asked where they are absent. Its docstring is
read by senders and officers, its source says on what it rests; a rule without either
is refused. It must not raise for bad data: it is
given declarations whose numbers are sound (see `quality.numbers`), and texts of
any content.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain, cycle
from operator import attrgetter, is_not
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.quality.oddities import NOTHING_ODD, Oddity
from tidewaiter.quality.outline import LINES_MAX, Silent, outline
from tidewaiter.tariff.tariff import Tariff

MODULES = (
    "required",
    "structure",
    "codes",
    "identifiers",
    "amounts",
    "masses",
    "dates",
    "parties",
    "descriptions",
    "pre_loading",
)
NATIONAL_MODULES = ("h7_dk", "h7_dk_documents", "h7_dk_parties", "h7_dk_location", "h7_dk_messages", "cbec_cn")

SETS_MAX = 64  # of rules, for jurisdictions, days and datasets
COMBINATIONS_MAX = 1024  # of elements there and absent, remembered for one scope
PER_LINE = "goods_items[]."
VALUE_LENGTH_MAX = 200  # characters of a value repeated in a finding


class RuleError(TidewaiterError):
    """A rule is written in a way the registry does not accept."""

    code = "quality.rule"


class Seen(NamedTuple):
    """One thing a rule saw: where, what, and what to say of it."""

    pointer: str
    value: object
    words: str
    hint: str = ""


class Dataset(Protocol):
    """What quality needs to know of a dataset (a set of data required for one kind of declaration)."""

    @property
    def code(self) -> str:
        """Short code: H7, H1, postal."""

    @property
    def title(self) -> str:
        """What the dataset is for."""

    @property
    def required(self) -> tuple[str, ...]:
        """Canonical pointers of what must be there."""

    @property
    def is_advance(self) -> bool:
        """Whether it is a filing ahead of the goods, for which a heading is enough of a commodity code."""


class Law(Protocol):
    """What quality needs of a regime."""

    @property
    def jurisdiction_code(self) -> str:
        """Whose law."""

    @property
    def legal_day(self) -> date:
        """The day of the law."""

    @property
    def tariff(self) -> Tariff | None:
        """The tariff that is imported for the day; None where none is."""

    def dataset_of(self, declaration: Declaration) -> Dataset:
        """The dataset that applies to a declaration."""


class Context(Struct, frozen=True):
    """What a rule may know besides the declaration."""

    jurisdiction_code: str
    legal_day: date
    dataset: Dataset
    convert: Callable[[Money, str], Money | None]  # None where no rate is known
    unprintable: Sequence[tuple[str, str]] = ()  # places and texts with characters that do not print
    tariff: Tariff | None = None  # the one that is imported for the day


class Scope(Struct, frozen=True):
    """Where a rule applies; an empty tuple means everywhere, a missing day means open."""

    jurisdictions: tuple[str, ...] = ()
    declared_as: tuple[str, ...] = ()  # datasets the sender names (Declaration.procedure_category)
    valid_from: date | None = None
    valid_to: date | None = None

    def holds(self, jurisdiction_code: str, legal_day: date, declared_as: str) -> bool:
        """True where a rule of this scope applies."""
        return (
            (not self.jurisdictions or jurisdiction_code in self.jurisdictions)
            and (not self.declared_as or declared_as in self.declared_as)
            and (self.valid_from is None or self.valid_from <= legal_day)
            and (self.valid_to is None or legal_day <= self.valid_to)
        )


EVERYWHERE = Scope()

Function = Callable[[Declaration, Context], Sequence[Seen]]


class Rule(Struct, frozen=True):
    """One rule of data quality.

    `rule_id` is the standard's own where it has one. `words` is its docstring.
    `replaces` names general rules whose findings at the same place this rule's
    finding makes superfluous: the sender is told a thing once, with the code of
    the customs concerned. `about` names elements (`freight`, `consignment.ucr`,
    `goods_items[].gtin`): where none of them is there the rule sees nothing.
    Nor does it where `odd` names an oddity and nothing is odd in that way.
    `by_outline` is true where it looks at nothing but what the outline of a
    declaration holds (see `quality.outline`), and at each line by itself.
    """

    rule_id: str
    severity: Severity
    words: str
    source: str
    scope: Scope
    replaces: tuple[str, ...]
    about: tuple[str, ...]
    odd: Oddity | None
    by_outline: bool
    function: Function

    def findings(self, seen: Sequence[Seen]) -> list[Finding]:
        """What the rule saw, as findings of its id and severity."""
        return [
            Finding(self.rule_id, self.severity, each.pointer, each.words, shown(each.value), each.hint)
            for each in seen
        ]


def rule(
    rule_id: str,
    severity: Severity,
    *,
    source: str,
    scope: Scope = EVERYWHERE,
    replaces: tuple[str, ...] = (),
    about: tuple[str, ...] = (),
    odd: Oddity | None = None,
    by_outline: bool = False,
) -> Callable[[Function], Rule]:
    """Makes a function a rule. Raises RuleError where it has no docstring or no source."""

    def make(function: Function) -> Rule:
        words = inspect.cleandoc(function.__doc__ or "")
        if not words:
            raise RuleError(f"rule {rule_id} has no docstring", hint="say in it what the sender should know")
        if not source.strip():
            raise RuleError(f"rule {rule_id} has no source")
        return Rule(rule_id, severity, words, source, scope, replaces, about, odd, by_outline, function)

    return make


def shown(value: object) -> str:
    """A value as it stands in a finding: plain digits, at most 200 characters."""
    if isinstance(value, Decimal):
        # A number like 1E+999999 must not be written out.
        text = f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 30 else str(value)
    elif isinstance(value, Money):
        text = f"{shown(value.amount)} {value.currency}"
    else:
        text = "" if value is None else str(value)
    return text[:VALUE_LENGTH_MAX]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule there is, general ones first. Raises RuleError where two share an id."""
    found = tuple(
        value
        for name in (*MODULES, *NATIONAL_MODULES)
        for value in vars(importlib.import_module(f"tidewaiter.quality.rules.{name}")).values()
        if isinstance(value, Rule)
    )
    ids = [each.rule_id for each in found]
    if twice := {rule_id for rule_id in ids if ids.count(rule_id) > 1}:
        raise RuleError(f"more than one rule is called {', '.join(sorted(twice))}")
    return found


def by_id(rule_id: str) -> Rule | None:
    """The rule of that id, or None."""
    return next((each for each in rules() if each.rule_id == rule_id), None)


class Asked(NamedTuple):
    """The rules that have something to say to a declaration, and those of them that look beyond its outline."""

    rules: tuple[Rule, ...]
    beyond_outline: tuple[Rule, ...]


class RuleSet:
    """The rules of one scope, and of them those that have something to say to a declaration."""

    def __init__(self, rules_in_scope: tuple[Rule, ...]) -> None:
        self.rules = rules_in_scope
        self._by_outline = frozenset(each.rule_id for each in rules_in_scope if each.by_outline)
        named = dict.fromkeys(name for each in rules_in_scope for name in each.about)
        self._on_lines = tuple(name for name in named if name.startswith(PER_LINE))
        self._on_whole = tuple(name for name in named if not name.startswith(PER_LINE))
        self._of_line = _getter(tuple(name.removeprefix(PER_LINE) for name in self._on_lines))
        self._of_whole = _getter(self._on_whole)
        self._blank_line = self._of_line(GoodsItem(line_no=1))
        self._blank_whole = self._of_whole(Declaration())
        self._by_what_is_there: dict[tuple[object, ...], Asked] = {}
        self._silent = Silent()

    def findings(self, declaration: Declaration, context: Context, odd: frozenset[Oddity]) -> list[Finding]:
        """What the rules find, in their order."""
        asked = self._asked(declaration, odd)
        seen_outline = outline(declaration) if len(declaration.goods_items) <= LINES_MAX else None
        if seen_outline is not None and seen_outline in self._silent:
            return _found(asked.beyond_outline, declaration, context)
        found = _found(asked.rules, declaration, context)
        if seen_outline is not None and (not found or self._by_outline.isdisjoint([each.rule_id for each in found])):
            self._silent.add(seen_outline)
        return found

    def for_declaration(self, declaration: Declaration, odd: frozenset[Oddity] = NOTHING_ODD) -> tuple[Rule, ...]:
        """The rules, in order, without those about elements that are absent or about oddities other than these."""
        return self._asked(declaration, odd).rules

    def _asked(self, declaration: Declaration, odd: frozenset[Oddity]) -> Asked:
        # An element that is not the very blank of the record may be there; one too many is only asked in vain.
        there = tuple(map(is_not, self._of_whole(declaration), self._blank_whole))
        for item in declaration.goods_items:
            if (values := self._of_line(item)) != self._blank_line:
                there += tuple(map(is_not, values, self._blank_line))
        found = self._by_what_is_there.get((odd, there))
        if found is None:
            if len(self._by_what_is_there) >= COMBINATIONS_MAX:
                self._by_what_is_there.clear()
            rules = self._about(there, odd)
            found = self._by_what_is_there[odd, there] = Asked(
                rules, tuple(each for each in rules if not each.by_outline)
            )
        return found

    def _about(self, there: tuple[bool, ...], odd: frozenset[Oddity]) -> tuple[Rule, ...]:
        """The rules about what is there: on the whole first, then on each line that has anything of it."""
        names = chain(self._on_whole, cycle(self._on_lines))
        present = {name for name, is_there in zip(names, there, strict=False) if is_there}
        return tuple(
            each
            for each in self.rules
            if (not each.about or not present.isdisjoint(each.about)) and (each.odd is None or each.odd in odd)
        )


def _found(asked: Sequence[Rule], declaration: Declaration, context: Context) -> list[Finding]:
    found: list[Finding] = []
    for each in asked:
        if seen := each.function(declaration, context):
            found += each.findings(seen)
    return found


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[object, ...]]:
    """The values of these elements, always as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(attrgetter(name)(record) for name in names)


def applicable(jurisdiction_code: str, legal_day: date, declared_as: str) -> RuleSet:
    """The rules in scope."""
    # What a sender names freely, and no rule asks for, must not make sets of rules without end.
    return _applicable(jurisdiction_code, legal_day, declared_as if declared_as in _asked_for() else "")


@lru_cache(maxsize=SETS_MAX)
def _applicable(jurisdiction_code: str, legal_day: date, declared_as: str) -> RuleSet:
    return RuleSet(tuple(each for each in rules() if each.scope.holds(jurisdiction_code, legal_day, declared_as)))


@cache
def _asked_for() -> frozenset[str]:
    """The datasets that some rule's scope names."""
    return frozenset(name for each in rules() for name in each.scope.declared_as)


@cache
def replaced() -> dict[str, frozenset[str]]:
    """For each rule that replaces others, which."""
    return {each.rule_id: frozenset(each.replaces) for each in rules() if each.replaces}
