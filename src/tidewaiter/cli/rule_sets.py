"""`tidewaiter risk set`: the life of rule sets: draft, check, trial, propose, approve, publish, retire, back-test, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

if TYPE_CHECKING:
    from tidewaiter.store import PostgresStore
    from tidewaiter.workflow.rule_set_records import Examined, Key, Version
    from tidewaiter.workflow.rule_sets import RuleSets
    from tidewaiter.workflow.trying import Period

app = App(
    name="set", help="Keep rule sets: draft, check, trial, propose, approve, publish, retire, back-test, compare."
)

Name = Annotated[str, Parameter(help="The rule set's name: small letters, digits, _ and -.")]
Jurisdiction = Annotated[
    str, Parameter(help="ISO 3166-1 alpha-2 code of the jurisdiction it is for; none: everywhere.")
]
Number = Annotated[int | None, Parameter(name="--version", help="Which version; the newest where none is named.")]
Officer = Annotated[str, Parameter(help="Who does it: the officer's name or number.")]
Words = Annotated[str, Parameter(help="Why.")]
Since = Annotated[date | None, Parameter(help="The first legal day, YYYY-MM-DD; the first there is if not given.")]
Until = Annotated[date | None, Parameter(help="The last legal day; the last there is if not given.")]


@app.command
def draft(
    name: Name,
    file: Annotated[Path, Parameter(help="The text (docs/reference/risk-rules.md).")],
    *,
    by: Officer,
    jurisdiction: Jurisdiction = "",
    revision: Annotated[
        int | None,
        Parameter(help="Change the draft there is, which you read at this revision, instead of a new version."),
    ] = None,
    version: Number = None,
    words: Words = "",
) -> int:
    """Keep a text as a new version, or write a draft anew; what is wrong with it is told by `check`."""
    from tidewaiter.cli.risk import text_of
    from tidewaiter.workflow.rule_sets import Who

    text = text_of(file)
    with _life(name, jurisdiction) as (life, key):
        if revision is None:
            kept = life.begin(key, text, Who(by, words))
        else:
            kept = life.write(_as_read(_one(life, key, version), revision), text, Who(by, words))
    output.out().print(f"{kept} is a draft, revision {kept.revision}", markup=False)
    return output.EXIT_OK


@app.command
def check(
    name: Name,
    *,
    by: Officer,
    jurisdiction: Jurisdiction = "",
    version: Number = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Check a draft with the lists, features and scores that are there; exit code 3 where there is a mistake.

    Every mistake is told with line, column and hint, and what is only to be looked at as well: rules that can never hold,
    words that say no more than the title.
    """
    from tidewaiter.workflow.rule_sets import Who

    with _life(name, jurisdiction) as (life, key):
        found, told = life.check(key, _one(life, key, version).version, Who(by))
    _print_problems(told, output_as)
    if told.mistakes:
        return output.EXIT_FINDINGS
    output.err().print(f"{found} is checked: {told.rule_count} rules, {found.digest}", markup=False)
    return output.EXIT_OK


@app.command
def trial(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Put a checked version on trial: its rules are asked of every declaration from now on, and decide nothing."""
    return _step("start_trial", "is on trial", (name, jurisdiction, version), (by, words))


@app.command
def end_trial(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """End a trial."""
    return _step("end_trial", "is on trial no more", (name, jurisdiction, version), (by, words))


@app.command
def propose(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Ask a second person to approve a version that was checked, or one published before (to go back to it)."""
    return _step("propose", f"waits for another than {by}", (name, jurisdiction, version), (by, words))


@app.command
def approve(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Approve what was proposed; not by who wrote or proposed it."""
    return _step("approve", "is approved", (name, jurisdiction, version), (by, words))


@app.command
def refuse(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Turn down what was proposed or approved."""
    return _step("refuse", "is refused", (name, jurisdiction, version), (by, words))


@app.command
def publish(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Let an approved version decide from now on; the one before is retired in the same moment."""
    return _step("publish", "decides from now on", (name, jurisdiction, version), (by, words))


@app.command
def retire(
    name: Name, *, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = ""
) -> int:
    """Let a version decide no more, or give it up. Without --version, the one that decides, else the newest."""
    with _life(name, jurisdiction) as (life, key):
        deciding = [each.version for each in life.versions(key) if each.state.value == "published"]
    return _step("retire", "is retired", (name, jurisdiction, version or next(iter(deciding), None)), (by, words))


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List every rule set with its versions and how each stands."""
    from tidewaiter.workflow.rule_sets import RuleSets

    with opened_store() as store:
        found = RuleSets(store).all()
    rows = [
        {
            "rule set": version.key.name,
            "jurisdiction": version.key.jurisdiction_code,
            "version": version.version,
            "state": version.state.value,
            "on trial": version.is_on_trial,
            "revision": version.revision,
            "last step": f"{event.step.value} by {event.actor}",
            "at": f"{event.at:%Y-%m-%d %H:%M}",
            "digest": version.digest[:12],
        }
        for version, event in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def show(name: Name, *, jurisdiction: Jurisdiction = "", version: Number = None) -> int:
    """Print the text of a version as it was written."""
    with _life(name, jurisdiction) as (life, key):
        found = _one(life, key, version)
    output.err().print(f"{found}: {found.state.value}, revision {found.revision}", markup=False)
    sys.stdout.write(found.text)
    return output.EXIT_OK


@app.command
def history(name: Name, *, jurisdiction: Jurisdiction = "", output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List every step that was taken with a rule set: who, when and why."""
    with _life(name, jurisdiction) as (life, key):
        found = life.history(key)
    rows = [
        {
            "at": f"{each.at:%Y-%m-%d %H:%M:%S}",
            "version": each.version,
            "revision": each.revision,
            "step": each.step.value,
            "state": each.state.value,
            "by": each.actor,
            "why": each.words,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def compare(
    name: Name,
    before: Annotated[int, Parameter(help="The older version.")],
    after: Annotated[int, Parameter(help="The newer version.")],
    *,
    jurisdiction: Jurisdiction = "",
    since: Since = None,
    until: Until = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Compare two versions: rules added, removed and changed, and the parcels of a period that come to another lane."""
    with opened_store() as store:
        life, trials, key = _of(store, name, jurisdiction)
        old, new = life.version(key, before), life.version(key, after)
        changes = trials.compare(old, new)
        period = _period(store, key, since, until)
        with output.progress() as bar:
            task = bar.add_task("comparing", total=trials.count(period))
            lanes = trials.lanes(old, new, period, on_progress=lambda done: bar.update(task, completed=done))
    if output_as.json:
        output.print_json({"rules": changes, "lanes": lanes})
        return output.EXIT_OK
    for change in changes:
        output.out().print(f"{change.what}: {change.rule_id}", markup=False)
        for line in change.lines:
            output.out().print(f"    {line}", markup=False)
    output.out().print(
        f"{lanes.decided} decisions, {lanes.changed} to another lane, {lanes.unread} unread", markup=False
    )
    rows = [
        {
            "parcel": each.declaration_id,
            "lane": f"{each.before.value} → {each.after.value}",
            f"rules of {before}": each.rules_before,
            f"rules of {after}": each.rules_after,
        }
        for each in lanes.parcels
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def backtest(
    name: Name,
    *,
    by: Officer,
    jurisdiction: Jurisdiction = "",
    version: Number = None,
    since: Since = None,
    until: Until = None,
    parcels: Annotated[int, Parameter(help="List so many of the parcels with why.")] = 0,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Run a version over the decisions of a period: hits, work of each office, overlap, hit rate, lanes; kept to be looked at."""
    with opened_store() as store:
        life, trials, key = _of(store, name, jurisdiction)
        period = _period(store, key, since, until)
        with output.progress() as bar:
            task = bar.add_task("back-testing", total=trials.count(period))
            done, figures = trials.back_test(
                _one(life, key, version), period, by, on_progress=lambda count: bar.update(task, completed=count)
            )
        found = trials.hits(done, "", after=0, limit=parcels) if parcels else []
    if output_as.json:
        output.print_json({"back_test": done.back_test_id, "figures": figures, "parcels": found})
        return output.EXIT_OK
    output.out().print(
        f"back-test {done.back_test_id}: {figures.hits} of {figures.decided} decisions hit"
        f" ({figures.from_masks} told by their masks, {figures.unread} unread)",
        markup=False,
    )
    for title, rows in _tables(figures):
        output.print_rows(rows, output_as, title=title)
    for each in found:
        for hit in each.explained.hits if each.explained else ():
            held = " && ".join(test.condition for test in hit.held)
            output.out().print(f"parcel {each.hit.declaration_id}: {hit.rule.rule_id}: {held}", markup=False)
    return output.EXIT_OK


def _tables(figures: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    from tidewaiter.workflow.backtesting import rates

    rate = rates(figures.rules)
    yield (
        "rules",
        [
            {
                "rule": each.rule_id,
                "lane": each.lane.value,
                "hits": each.hits,
                "alone": each.alone,
                "wrong": rate[each.rule_id],
            }
            for each in figures.rules
        ],
    )
    yield (
        "lanes",
        [{"before": before.value, "after": after.value, "parcels": count} for before, after, count in figures.moved],
    )
    yield (
        "offices",
        [
            {
                "office": each.office or "(none named)",
                "parcels": each.parcels,
                "to control": each.to_control,
                "days": each.days,
                "most in a day": each.most,
                "on": each.most_on,
            }
            for each in figures.offices
        ],
    )
    yield (
        "overlap",
        [{"rule": each.rule_id, "with": each.other, "parcels": each.parcels} for each in figures.overlaps[:20]],
    )


@contextmanager
def _life(name: str, jurisdiction: str) -> Iterator[tuple[RuleSets, Key]]:
    from tidewaiter.workflow.rule_set_records import Key
    from tidewaiter.workflow.rule_sets import RuleSets

    with opened_store() as store:
        yield RuleSets(store), Key(name, jurisdiction.upper())


def _of(store: PostgresStore, name: str, jurisdiction: str) -> Any:
    from tidewaiter.workflow.rule_set_records import Key
    from tidewaiter.workflow.rule_sets import RuleSets
    from tidewaiter.workflow.rule_trials import RuleTrials

    return RuleSets(store), RuleTrials(store, outcomes=store.outcomes), Key(name, jurisdiction.upper())


def _one(life: RuleSets, key: Key, number: int | None) -> Version:
    return life.versions(key)[0] if number is None else life.version(key, number)


def _as_read(found: Version, revision: int) -> Version:
    from msgspec.structs import replace

    return replace(found, revision=revision)


def _step(verb: str, done: str, which: tuple[str, str, int | None], said: tuple[str, str]) -> int:
    from tidewaiter.workflow.rule_sets import Who

    name, jurisdiction, number = which
    with _life(name, jurisdiction) as (life, key):
        take: Any = getattr(life, verb)
        found = take(key, _one(life, key, number).version, Who(*said))
        warnings = life.examine(key, found.text).warnings
    for each in warnings if verb in ("start_trial", "propose") else ():
        about = f"{each.rule_id}: " if each.rule_id else ""
        output.say("look at", about + each.words, hint=each.hint, place=each.place)
    output.out().print(f"{found} {done}", markup=False)
    return output.EXIT_OK


def _period(store: PostgresStore, key: Key, since: date | None, until: date | None) -> Period:
    from tidewaiter.workflow.trying import Period

    span = store.periods.span()
    if span is None:
        raise UsageError("nothing was decided yet", hint="tidewaiter submit hands declarations in")
    return Period(since or span[0], until or span[1], key.jurisdiction_code)


def _print_problems(told: Examined, output_as: Output) -> None:
    from tidewaiter.cli.risk import problem_rows

    if told.problems or output_as.json or output_as.csv:
        output.print_rows(problem_rows(told.problems), output_as)
