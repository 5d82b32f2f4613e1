"""The life of a rule set: written, checked, tried, proposed, approved by a second person, published, retired.

    life = RuleSets(store)
    version = life.begin(Key("gifts"), text, Who("ann", "gifts above the relief"))
    found = life.check(version.key, 1, Who("ann"))          every mistake and warning, with line and column
    life.propose(version.key, 1, Who("ann"))
    life.approve(version.key, 1, Who("bob"))                another than any who wrote or proposed it
    life.publish(version.key, 1, Who("ann"))                the version before is retired in the same transaction

What decides is changed by `publish`, `retire` and the trials alone, each in one transaction with the state kept here:
whatever breaks off, the rules in use are those of before or those of after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import NotFoundError
from tidewaiter.regimes import legal_day_at
from tidewaiter.risk import Part, PartKind, RiskKnowledge, Targeting, load_policy
from tidewaiter.risk.rules import Context, Problem, RuleError, RuleSet, compile_rules, read_rules
from tidewaiter.risk.rules.contradiction import never_holding
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.rule_set_records import (
    MAY,
    Changing,
    DraftChangedError,
    Event,
    Examined,
    Key,
    RuleSetError,
    RuleSetStore,
    Said,
    SamePersonError,
    Step,
    Version,
    VersionState,
)
from tidewaiter.workflow.targeting import Change, Library, in_use

TEXT_LENGTH_MAX = 2_000_000  # characters of a rule set that is kept here
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # no point: a reason is called rule.NAME.RULE


class Who(Struct, frozen=True):
    """Who does it, and why."""

    actor: str
    words: str = ""


class RuleLibrary(Library, Protocol):
    """What the life of rule sets needs of a store."""

    @property
    def rule_sets(self) -> RuleSetStore:
        """The rule sets it keeps."""

    def keep_knowledge(self, contents: dict[str, tuple[str, bytes]]) -> None:
        """Keep contents by digest: digest → (kind, content)."""


class RuleSets:
    """What officers do with rule sets. Safe in threads. `policies.Policies` is the same for policies."""

    kind: ClassVar[PartKind] = PartKind.RULES
    noun: ClassVar[str] = "rule set"
    command: ClassVar[str] = "tidewaiter risk set"

    def __init__(self, store: RuleLibrary, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._sets = store.rule_sets
        self._clock = clock

    # --- looking -------------------------------------------------------------------------------------------------

    def all(self) -> Sequence[tuple[Version, Event]]:
        """Every version of every rule set with its last step, the rule sets by name, the newest version first."""
        return self._sets.all(self.kind)

    def versions(self, key: Key) -> Sequence[Version]:
        """The versions of a rule set, the newest first. Raises NotFoundError."""
        found = self._sets.versions(key)
        if not found:
            raise self._absent(key)
        return found

    def _absent(self, key: Key) -> NotFoundError:
        return NotFoundError(f"there is no {self.noun} {key}", hint=f"{self.command} list shows what there is")

    def version(self, key: Key, number: int) -> Version:
        """One version. Raises NotFoundError."""
        for each in self.versions(key):
            if each.version == number:
                return each
        raise NotFoundError(f"there is no version {number} of {key}", hint=f"{self.command} list shows them")

    def history(self, key: Key) -> Sequence[Event]:
        """Every step that was taken with a rule set, the oldest first. Raises NotFoundError."""
        self.versions(key)
        return self._sets.events(key)

    def examine(self, key: Key, text: str) -> Examined:
        """What is wrong with a text, by the lists, features and scores that are there or on trial for its jurisdiction."""
        return self._examined(key, text, in_use(self._store).of(key.jurisdiction_code))

    def context(self, key: Key) -> Context:
        """What rules may name there: what decides, and what is on trial."""
        return self._context(key, in_use(self._store).of(key.jurisdiction_code))

    # --- writing -------------------------------------------------------------------------------------------------

    def begin(self, key: Key, text: str, who: Who) -> Version:
        """Keep a text as a new version, a draft; mistakes are told when it is checked. Raises RuleSetError."""
        _refuse_odd(key, text)
        said = self._said(who)
        with self._sets.changing(key) as change:
            return change.add(_lines(text), said)

    def write(self, seen: Version, text: str, who: Who) -> Version:
        """Write a draft anew; `seen` is the version as it was read. It has to be checked again.

        Raises DraftChangedError where somebody wrote it meanwhile, RuleSetError where it is no draft any more.
        """
        _refuse_odd(seen.key, text)
        said = self._said(who)
        with self._sets.changing(seen.key) as change:
            found = change.version(seen.version)
            self._refuse_step(found, Step.WRITE)
            if found.revision != seen.revision:
                last = next(each for each in reversed(change.events(found.version)) if each.step is Step.WRITE)
                raise DraftChangedError(
                    f"{last.actor} wrote {found} at {last.at:%Y-%m-%d %H:%M} (revision {found.revision});"
                    f" you read revision {seen.revision}",
                    hint="read it again, and put your change into what is there now",
                )
            anew = replace(found, state=VersionState.DRAFT, revision=found.revision + 1, text=_lines(text), digest="")
            return change.step(anew, Step.WRITE, said)

    def check(self, key: Key, number: int, who: Who) -> tuple[Version, Examined]:
        """Check a draft; without a mistake it is checked from then on, with the digest of its canonical text."""
        found = self.version(key, number)
        self._refuse_step(found, Step.CHECK)
        told = self.examine(key, found.text)
        said = self._said(who)
        with self._sets.changing(key) as change:
            again = change.version(number)
            self._refuse_step(again, Step.CHECK)
            _refuse_other(again, found)
            state = VersionState.DRAFT if told.mistakes else VersionState.CHECKED
            return change.step(replace(again, state=state, digest=told.digest), Step.CHECK, said), told

    # --- going on ------------------------------------------------------------------------------------------------

    def start_trial(self, key: Key, number: int, who: Who) -> Version:
        """Ask its rules of every declaration from now on, without their deciding; ends another version's trial."""
        return self._take(key, number, Step.TRY, who, self._tried)

    def end_trial(self, key: Key, number: int, who: Who) -> Version:
        """Ask them no more."""
        return self._take(key, number, Step.END_TRIAL, who, _trial_ended)

    def propose(self, key: Key, number: int, who: Who) -> Version:
        """Ask a second person to approve it: a version that was checked, or one that was published before."""
        return self._take(key, number, Step.PROPOSE, who, self._proposed)

    def approve(self, key: Key, number: int, who: Who) -> Version:
        """Approve what was proposed. Raises SamePersonError for anybody who wrote or proposed it."""
        return self._take(key, number, Step.APPROVE, who, _approved)

    def refuse(self, key: Key, number: int, who: Who) -> Version:
        """Turn down what was proposed or approved; whoever proposed it may take it back so."""
        return self._take(key, number, Step.REFUSE, who, _refused)

    def publish(self, key: Key, number: int, who: Who) -> Version:
        """Let an approved version decide from now on, in the place of the one before, which is retired."""
        return self._take(key, number, Step.PUBLISH, who, self._published)

    def retire(self, key: Key, number: int, who: Who) -> Version:
        """Let it decide no more, or give it up."""
        return self._take(key, number, Step.RETIRE, who, _retired)

    # --- inside --------------------------------------------------------------------------------------------------

    def _take(
        self, key: Key, number: int, step: Step, who: Who, taken: Callable[[Changing, Version, Said], Version]
    ) -> Version:
        """One step, under lock; what it is refused for leaves everything as it was."""
        found = self.version(key, number)
        said = self._said(who)
        with self._sets.changing(key) as change:
            again = change.version(number)
            self._refuse_step(again, step)
            _refuse_other(again, found)
            return change.step(taken(change, again, said), step, said)

    def _tried(self, change: Changing, version: Version, said: Said) -> Version:
        self._kept_for_use(version, in_use(self._store).of(version.key.jurisdiction_code))
        _end_other_trials(change, version, said)
        change.use([_in_use_change(version, version.digest, is_shadow=True)], said)
        return replace(version, state=VersionState.SHADOW, is_on_trial=True)

    def _proposed(self, change: Changing, version: Version, said: Said) -> Version:
        if version.state is VersionState.RETIRED and not _was_published(change, version):
            raise RuleSetError(f"{version} was given up", hint="begin a new version with its text")
        self._kept_for_use(version, self._deciding(version.key))
        return replace(version, state=VersionState.PROPOSED)

    def _published(self, change: Changing, version: Version, said: Said) -> Version:
        self._kept_for_use(version, self._deciding(version.key))
        for other in change.versions():
            if other.state is VersionState.PUBLISHED:
                words = f"version {version.version} was published"
                change.step(replace(other, state=VersionState.RETIRED), Step.SUPERSEDE, replace(said, words=words))
        changes = [_in_use_change(version, version.digest)]
        if version.is_on_trial:
            changes.append(_in_use_change(version, None, is_shadow=True))
        change.use(changes, said)
        return replace(version, state=VersionState.PUBLISHED, is_on_trial=False)

    def _kept_for_use(self, version: Version, parts: Iterable[Part]) -> None:
        """Its canonical text kept under its digest, where nothing it names has gone since it was checked."""
        told = self._examined(version.key, version.text, parts)
        if told.mistakes:
            raise RuleError(told.mistakes)
        if told.digest != version.digest:
            raise RuleSetError(
                f"{version} reads otherwise than when it was checked", hint="begin a new version with its text"
            )
        self._store.keep_knowledge({told.digest: (self.kind.value, told.canonical.encode())})

    def _examined(self, key: Key, text: str, parts: Iterable[Part]) -> Examined:
        """What is wrong with a text beside these parts."""
        return examined(text, self._context(key, parts))

    def _deciding(self, key: Key) -> tuple[Part, ...]:
        """What decides there: rules that decide rest on nothing that is only on trial."""
        return tuple(part for part in in_use(self._store).of(key.jurisdiction_code) if not part.is_shadow)

    def _context(self, key: Key, parts: Iterable[Part]) -> Context:
        return context_of(self._store, key.jurisdiction_code, parts, self._clock())

    def _refuse_step(self, version: Version, step: Step) -> None:
        """Raises RuleSetError where a version stands otherwise than a step needs."""
        may = MAY[step]
        if version.state in may and (step is not Step.END_TRIAL or version.is_on_trial):
            return
        if step is Step.WRITE:
            hint = "begin a new version with its text"
        elif step in (Step.TRY, Step.PROPOSE) and version.state is VersionState.DRAFT:
            hint = f"check it first: {self.command} check"
        else:
            hint = f"it must be {' or '.join(state.value for state in VersionState if state in may)}"
        is_what = "is not on trial" if step is Step.END_TRIAL and version.state in may else f"is {version.state.value}"
        raise RuleSetError(f"{version} {is_what}", hint=hint)

    def _said(self, who: Who) -> Said:
        actor = _line(who.actor)
        if not actor:
            raise RuleSetError("nobody is named who does it", hint="say who: the officer's name or number")
        return Said(actor, _line(who.words), self._clock())


def _line(text: str) -> str:
    """A text as one line, without what no database takes."""
    return " ".join(text.replace("\x00", "").split())


def _lines(text: str) -> str:
    """A text as it is kept: lines end alike, however a browser or another system ends them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def context_of(store: Library, jurisdiction_code: str, parts: Iterable[Part], at: datetime) -> Context:
    """The lists, features and scores that rules of a jurisdiction may name, with these parts in use. It has no rates."""
    knowledge = RiskKnowledge(
        jurisdiction_code=jurisdiction_code,
        legal_day=legal_day_at(jurisdiction_code, at) if jurisdiction_code else at.date(),
        controls=(),
        watch_list=(),
        policy=load_policy(),
        versions={},
        parts=tuple(part for part in parts if part.kind is not PartKind.RULES),
    )
    return Targeting(knowledge, store.knowledge, {}).context


def examined(text: str, context: Context) -> Examined:
    """What is wrong with a text of rules, and what is to be looked at, each with its place in it."""
    found = read_rules(text, context.names)
    problems = [*found.problems, *_of_words(found.rule_set)]
    if not found.mistakes and not found.rule_set.rules:
        hint = 'a rule begins with "rule" and its id: rule gift.above_relief'
        problems.append(Problem(code="empty", words="there is no rule", line=1, column=1, hint=hint))
    try:
        problems += never_holding(compile_rules(found.rule_set, context))
    except RuleError as error:
        problems += [replace(each, line=0, column=0) for each in error.problems]
    placed = sorted(map(partial(_placed, _heads(text)), problems), key=lambda each: (each.line, each.column))
    is_wrong = any(not each.is_warning for each in placed)
    canonical, digest = ("", "") if is_wrong else (found.rule_set.text, found.rule_set.digest)
    return Examined(tuple(placed), len(found.rule_set.rules), canonical, digest)


def _of_words(rule_set: RuleSet) -> list[Problem]:
    """A warning for each rule whose words tell the officer no more than its title."""
    hint = "words: say what was seen and what to do about it"
    return [
        Problem(code="words", words="the words say no more than the title", rule_id=rule.rule_id, hint=hint, is_warning=True)
        for rule in rule_set.rules
        if rule.words == rule.title
    ]  # fmt: skip


def _heads(text: str) -> dict[str, int]:
    """The line on which each rule begins."""
    heads: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("rule") and len(parts := line.split(maxsplit=1)) > 1:
            heads.setdefault(parts[1].strip().rstrip(":"), number)
    return heads


def _placed(heads: dict[str, int], problem: Problem) -> Problem:
    """A problem that says its rule only, with the line on which the rule begins."""
    line = 0 if problem.line else heads.get(problem.rule_id, 0)
    return replace(problem, line=line, column=1) if line else problem


def _refuse_odd(key: Key, text: str) -> None:
    if not _NAME.fullmatch(key.name):
        raise RuleSetError(
            f"{key.name[:60]!r} is no name for a rule set", hint="small letters, digits, _ and -: gifts-2026"
        )
    if key.jurisdiction_code and not re.fullmatch("[A-Z]{2}", key.jurisdiction_code):
        raise RuleSetError(f"{key.jurisdiction_code[:20]!r} is no jurisdiction", hint="ISO 3166-1 alpha-2, or none")
    if len(text) > TEXT_LENGTH_MAX or "\x00" in text:
        raise RuleSetError("the text is too long, or no text", hint=f"at most {TEXT_LENGTH_MAX} characters")


def _refuse_other(again: Version, found: Version) -> None:
    """Raises DraftChangedError where the text changed between reading and doing."""
    if (again.revision, again.digest) != (found.revision, found.digest):
        raise DraftChangedError(f"{again} was written anew meanwhile", hint="read it again")


def _was_published(change: Changing, version: Version) -> bool:
    return any(event.step is Step.PUBLISH for event in change.events(version.version))


def _approved(change: Changing, version: Version, said: Said) -> Version:
    authors = {e.actor.casefold() for e in change.events(version.version) if e.step in (Step.WRITE, Step.PROPOSE)}
    if said.actor.casefold() in authors:
        raise SamePersonError(f"{said.actor} wrote or proposed {version}", hint="a second person approves it")
    return replace(version, state=VersionState.APPROVED)


def _refused(change: Changing, version: Version, _: Said) -> Version:
    if _was_published(change, version):
        return replace(version, state=VersionState.RETIRED)
    return replace(version, state=VersionState.SHADOW if version.is_on_trial else VersionState.CHECKED)


def _trial_ended(change: Changing, version: Version, said: Said) -> Version:
    change.use([_in_use_change(version, None, is_shadow=True)], said)
    state = VersionState.CHECKED if version.state is VersionState.SHADOW else version.state
    return replace(version, state=state, is_on_trial=False)


def _retired(change: Changing, version: Version, said: Said) -> Version:
    changes = []
    if version.state is VersionState.PUBLISHED:
        changes.append(_in_use_change(version, None))
    if version.is_on_trial:
        changes.append(_in_use_change(version, None, is_shadow=True))
    if changes:
        change.use(changes, said)
    return replace(version, state=VersionState.RETIRED, is_on_trial=False)


def _end_other_trials(change: Changing, version: Version, said: Said) -> None:
    for other in change.versions():
        if other.is_on_trial and other.version != version.version:
            anew = replace(other, is_on_trial=False)
            anew = replace(anew, state=VersionState.CHECKED) if other.state is VersionState.SHADOW else anew
            words = f"version {version.version} went on trial"
            change.step(anew, Step.END_TRIAL, replace(said, words=words))


def _in_use_change(version: Version, digest: str | None, *, is_shadow: bool = False) -> Change:
    return Change(
        kind=version.key.kind,
        name=version.key.name,
        digest=digest,
        is_shadow=is_shadow,
        jurisdiction_code=version.key.jurisdiction_code,
    )
