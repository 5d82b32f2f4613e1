"""Which rules name a list, a feature or a score: before it is taken away, for rules that name it could be asked no more."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from tidewaiter.risk import PartKind
from tidewaiter.risk.rules import read_condition, rules_of
from tidewaiter.risk.rules.syntax import External, NamedList, walk
from tidewaiter.workflow.targeting import Library

TEXTS_KEPT = 32


class Named(Struct, frozen=True):
    """What rules name beside the declaration."""

    lists: frozenset[str]
    features: frozenset[str]
    scores: frozenset[str]


class Naming(Struct, frozen=True):
    """A rule set in use that names something, where, and whether it is on trial only."""

    name: str
    jurisdiction_code: str
    is_shadow: bool

    def __str__(self) -> str:
        where = f" ({self.jurisdiction_code})" if self.jurisdiction_code else ""
        return f"{self.name}{where}{', on trial' if self.is_shadow else ''}"


def rule_sets_naming(store: Library, kind: PartKind, name: str) -> tuple[Naming, ...]:
    """The rule sets in use, on trial ones too, that name a list (PartKind.LIST) or a score (PartKind.MODEL)."""
    found = []
    for each in store.parts.in_use():
        if each.part.kind is not PartKind.RULES:
            continue
        named = named_by(store.knowledge(each.part.digest).decode())
        if name in (named.lists if kind is PartKind.LIST else named.scores):
            found.append(Naming(each.part.name, each.jurisdiction_code, each.part.is_shadow))
    return tuple(found)


@lru_cache(maxsize=TEXTS_KEPT)
def named_by(text: str) -> Named:
    """What a text of rules names. Raises RuleError where it cannot be read."""
    nodes = [node for rule in rules_of(text).rules for node in walk(read_condition(rule.condition))]
    given = [node for node in nodes if isinstance(node, External)]
    return Named(
        lists=frozenset(node.name for node in nodes if isinstance(node, NamedList)),
        features=frozenset(node.name for node in given if node.source == "feature"),
        scores=frozenset(node.name for node in given if node.source == "score"),
    )
