"""What a rule is, and a version of the rules: who is refused by it reads its text."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.ledger.contracts.records import Key, Payment, Realm, Scope
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.contracts.vocabulary import ENTRY_TYPES, EntryType, mask_of
from tidewaiter.ledger.jcs import canonical_json
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.verdict import LedgerError

DAY: Final = 86_400


class Windows(Struct, frozen=True):
    """How long what is remembered, in seconds of the log's own time; and how much."""

    late: int = 7 * DAY
    """How far an entry's moment may lie before the log's."""
    ahead: int = 900
    """How far it may lie ahead of the entry that closes its block."""
    ended: int = 120 * DAY
    """How long after its last entry a scope is known where nothing more is expected."""
    idle: int = 400 * DAY
    """How long after its last entry any other scope is known, and a payment that nobody settled."""
    entries: int = 1024
    """Entries of one scope."""


class Refusal(Struct, frozen=True):
    """Why an entry is not taken: the rule's id, what is wrong with this entry, and what can be done."""

    code: str
    why: str
    hint: str


class Applied(Struct, frozen=True):
    """An entry was taken. `marks` say what was irregular about it."""

    marks: tuple[str, ...] = ()


APPLIED: Final = Applied()


class View(Protocol):
    """The state, as far as rules look at it."""

    scopes: dict[str, Scope]
    keys: dict[str, Key]
    payments: dict[str, Payment]
    realm: Realm
    windows: Windows

    def root(self) -> bytes:
        """The hash over the whole state."""


class Case(Struct, gc=False):
    """An entry before the rules: its type and who may write it, how its commitment begins (as scopes keep it), the state of
    its scope, the key of its actor (if any is known), the state of everything else, and the statement that an entry of
    governance is bound to."""

    leaf: Leaf
    kind: EntryType
    mask: int
    begins: str
    scope: Scope
    key: Key | None
    state: View
    statement: Statement | None = None


Check = Callable[[Case], str]
"""Says what is wrong, in words; nothing where nothing is."""


class Rule(Struct, frozen=True):
    """One rule: which types of entries it looks at (all, where none is named), its text, where it comes from."""

    id: str
    types: frozenset[str]
    hint: str
    source: str
    check: Check

    @property
    def text(self) -> str:
        """What the refused party reads of it."""
        return inspect.cleandoc(self.check.__doc__ or "")


def rule(id: str, types: str, hint: str, source: str) -> Callable[[Check], Rule]:  # noqa: A002
    """Make a rule of a check; `types` with blanks between them. Raises LedgerError for a check without a docstring."""

    def made(check: Check) -> Rule:
        if not check.__doc__:
            raise LedgerError(f"the rule {id} does not say what it is")
        return Rule(id, frozenset(types.split()), hint, source, check)

    return made


class RuleSet(Struct, frozen=True):
    """A version of the rules, with everything that decides whether an entry is taken."""

    version: int
    before: tuple[Rule, ...]
    """What is asked first: rules that look at the key, the moment, the type and the facts of an entry, and at no scope."""
    within: tuple[Rule, ...]
    """What is asked then."""
    windows: Windows = Windows()
    types: tuple[EntryType, ...] = ENTRY_TYPES

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them, in their order."""
        return (*self.before, *self.within)

    @property
    def description(self) -> bytes:
        """What members read and sign when the rules change: canonical JSON of rules, vocabulary and windows."""
        windows = self.windows
        told = {
            "version": self.version,
            "windows": {name: getattr(windows, name) for name in windows.__struct_fields__},
            "rules": [
                {
                    "id": each.id,
                    "types": sorted(each.types),
                    "text": each.text,
                    "hint": each.hint,
                    "source": each.source,
                }
                for each in self.rules
            ],
            "types": [
                {
                    "name": each.name,
                    "says": each.says,
                    "roles": sorted(each.roles),
                    "facts": {name: kind.told for name, kind in each.facts.items()},
                    "optional": {name: kind.told for name, kind in each.optional.items()},
                }
                for each in self.types
            ],
        }
        return canonical_json(told)

    @property
    def hash(self) -> str:
        """SHA-256 of the description, in hexadecimal: by it the log names these rules."""
        return hashlib.sha256(self.description).hexdigest()

    def compiled(self) -> dict[str, Program]:
        """What to do for each type of entry."""
        programs = {}
        for each in self.types:
            before, within = (
                tuple(rule for rule in rules if not rule.types or each.name in rule.types)
                for rules in (self.before, self.within)
            )
            programs[each.name] = Program(each, mask_of(each.roles), before, within, tuple(r.check for r in within))
        return programs


class Program(Struct, frozen=True):
    """What is checked for one type of entry, in order."""

    kind: EntryType
    mask: int
    before: tuple[Rule, ...]
    within: tuple[Rule, ...]
    checks: tuple[Check, ...]
    """Those of `within`, in their order."""
