"""`tidewaiter risk policy`: how much is looked at, of what, and where; see docs/how-to/select.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

if TYPE_CHECKING:
    from tidewaiter.workflow.policies import Policies
    from tidewaiter.workflow.rule_set_records import Key, Version

app = App(
    name="policy", help="How much is looked at: show, plan from budgets, draft, propose, approve, publish, retire."
)
File = Annotated[Path, Parameter(help="A policy: YAML like data/risk/policy.yaml.")]
Jurisdiction = Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")]
Number = Annotated[int | None, Parameter(name="--version", help="Which version; the newest where none is named.")]
Officer = Annotated[str, Parameter(help="Who does it: the officer's name or number.")]
Words = Annotated[str, Parameter(help="Why.")]
_NO_BUDGETS = "it has none at all: docs/how-to/select.md shows budgets"


@app.command
def check(file: File) -> int:
    """Say whether a policy can be used; what is wrong is told with its place."""
    from tidewaiter.cli.risk import problem_rows
    from tidewaiter.risk.policy import read_policy
    from tidewaiter.workflow.policies import odd_alone

    policy = read_policy(file.read_bytes(), file.name)
    if told := tuple(odd_alone(policy)):
        output.print_rows(problem_rows(told), Output())
        output.out().print(f"{policy.title}: it can be used; look at what is told", markup=False)
        return output.EXIT_OK
    output.out().print(f"{policy.title}: nothing is wrong with it", markup=False)
    return output.EXIT_OK


@app.command
def show(*, jurisdiction: Jurisdiction = "", output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show the policy in use, and who put it there."""
    from tidewaiter.workflow.policies import Policies

    with opened_store() as store:
        policy, since = Policies(store).deciding(jurisdiction)
    found = {name: value for name, value in msgspec.to_builtins(policy).items() if value not in ({}, [], ())}
    by = "ships with the package"
    if since is not None:
        found["digest"] = since.part.digest
        by = f"{since.actor}, {since.since:%Y-%m-%d %H:%M}" + (f": {since.words}" if since.words else "")
    shown = found if output_as.json else dict(told(found))
    output.print_one({**shown, "put in use by": by}, output_as)
    return output.EXIT_OK


def told(found: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """What a policy says, a row for each office, score and step."""
    for name, value in found.items():
        match value:
            case dict() if within and not any(isinstance(each, dict | list) for each in value.values()):
                yield f"{within}{name}", ", ".join(f"{key} {text}" for key, text in value.items() if text is not None)
            case dict():
                yield from told(value, f"{within}{name}.")
            case [dict(), *_]:
                yield from told({str(number): each for number, each in enumerate(value, 1)}, f"{within}{name}.")
            case _:
                yield f"{within}{name}", output.text(value)


@app.command
def plan(
    file: File,
    *,
    office: Annotated[str, Parameter(help="The office of declaration.")],
    parcels: Annotated[Decimal, Parameter(help="Parcels that come to it in a day.")],
    mandatory: Annotated[Decimal, Parameter(help="Of these, looked at for mandatory reasons.")],
    rules: Annotated[Decimal, Parameter(help="Of the rest, those that rules point at.")],
    score: Annotated[Decimal, Parameter(help="Of the rest, those that scores would send on.")],
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Work out the rates with which an office keeps its budget on average; 3 where it cannot.

    Chance keeps its minimum in any case, and what is mandatory is looked at: an office may have more by these alone.
    """
    from tidewaiter.risk.policy import read_policy
    from tidewaiter.risk.selection import Volume, planned

    policy = read_policy(file.read_bytes(), file.name)
    if office not in policy.budgets:
        hint = f"it has one for {', '.join(policy.budgets)}" if policy.budgets else _NO_BUDGETS
        raise UsageError(f"the policy has no budget for {office}", hint=hint)
    volume = Volume(parcels=parcels, mandatory=mandatory, rules=rules, score=score)
    rates = planned(policy, {office: volume}).rates_of(office)
    random = rates.random or Decimal(0)
    used = mandatory + random * (parcels - mandatory) + rates.rules * rules + rates.score * score
    found = {"office": office, "rules": rates.rules, "score": rates.score, "random": random, "looked at in a day": used}
    output.print_one({name: str(value) for name, value in found.items()}, output_as)
    least, budget = mandatory + random * (parcels - mandatory), policy.budgets[office].parcels
    if least > budget:
        output.say(
            "note", f"chance and what is mandatory come to {least} parcels in a day, more than the budget of {budget}",
            hint="neither is lowered: a larger budget, a smaller share for chance (random), or fewer that are mandatory",
        )  # fmt: skip
        return output.EXIT_FINDINGS
    return output.EXIT_OK


@app.command
def draft(
    file: File,
    *,
    by: Officer,
    jurisdiction: Jurisdiction = "",
    revision: Annotated[
        int | None,
        Parameter(help="Change the draft there is, which you read at this revision, instead of a new version."),
    ] = None,
    version: Number = None,
    words: Words = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Keep a policy as a new version, or write a draft anew, and check it; 3 where there is a mistake, and it stays a draft."""
    from msgspec.structs import replace

    from tidewaiter.cli.risk import problem_rows, text_of
    from tidewaiter.workflow.rule_sets import Who

    text = text_of(file)
    with _life(jurisdiction) as (life, key):
        if revision is None:
            kept = life.begin(key, text, Who(by, words))
        else:
            kept = life.write(replace(_one(life, key, version), revision=revision), text, Who(by, words))
        kept, told = life.check(key, kept.version, Who(by))
    if told.problems:
        output.print_rows(problem_rows(told.problems), output_as)
    output.err().print(f"{kept} is {kept.state.value}, revision {kept.revision}", markup=False)
    return output.EXIT_FINDINGS if told.mistakes else output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List every version of every policy with its last step."""
    with _life("") as (life, _):
        found = life.all()
    rows = [
        {
            "jurisdiction": version.key.jurisdiction_code or "everywhere",
            "version": version.version,
            "state": version.state.value,
            "last": f"{event.step.value} by {event.actor}",
            "at": f"{event.at:%Y-%m-%d %H:%M}",
            "digest": version.digest[:12],
        }
        for version, event in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def history(*, jurisdiction: Jurisdiction = "", output_as: Output = Output()) -> int:  # noqa: B008
    """Tell every step that was taken with a policy: who, when and why."""
    with _life(jurisdiction) as (life, key):
        found = life.history(key)
    rows = [
        {
            "at": f"{each.at:%Y-%m-%d %H:%M}",
            "version": each.version,
            "step": each.step.value,
            "by": each.actor,
            "state": each.state.value,
            "words": each.words,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def text(*, jurisdiction: Jurisdiction = "", version: Number = None) -> int:
    """Print the text of a version."""
    with _life(jurisdiction) as (life, key):
        sys.stdout.write(_one(life, key, version).text)
    return output.EXIT_OK


@app.command
def propose(*, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = "") -> int:
    """Ask a second person to approve a version that was checked, or one that was published before."""
    return _step("propose", "is proposed", (jurisdiction, version), (by, words))


@app.command
def approve(
    *,
    key_file: Annotated[
        Path,
        Parameter(help="A file whose first line is the API key of the officer who approves; - for standard input."),
    ],
    jurisdiction: Jurisdiction = "",
    version: Number = None,
    words: Words = "",
) -> int:
    """Approve what another wrote and proposed. Nobody's name is typed: the key says who it is."""
    from tidewaiter.web.principal import Role

    if str(key_file) == "-":
        key = sys.stdin.readline().strip()
    else:
        key = next(iter(key_file.read_text(encoding="utf-8").splitlines()), "").strip()
    with opened_store() as store:
        holder = store.senders.holder_of(key)
    if holder is None or holder.role != Role.OFFICER:
        raise UsageError("this is no officer's key", hint="tidewaiter sender key NAME --role officer makes one")
    return _step("approve", f"is approved by {holder.name}", (jurisdiction, version), (holder.name, words))


@app.command
def refuse(*, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = "") -> int:
    """Turn down what was proposed or approved."""
    return _step("refuse", "is refused", (jurisdiction, version), (by, words))


@app.command
def publish(*, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = "") -> int:
    """Let an approved version decide: every decision from now on names it by its digest; the one before is retired."""
    return _step("publish", "is published", (jurisdiction, version), (by, words))


@app.command
def retire(*, by: Officer, jurisdiction: Jurisdiction = "", version: Number = None, words: Words = "") -> int:
    """Let a version decide no more, or give it up; the policy that ships decides then."""
    return _step("retire", "is retired", (jurisdiction, version), (by, words))


@contextmanager
def _life(jurisdiction: str) -> Iterator[tuple[Policies, Key]]:
    from tidewaiter.workflow.policies import Policies, policy_key

    with opened_store() as store:
        yield Policies(store), policy_key(jurisdiction)


def _one(life: Policies, key: Key, number: int | None) -> Version:
    return life.versions(key)[0] if number is None else life.version(key, number)


def _step(verb: str, done: str, which: tuple[str, int | None], said: tuple[str, str]) -> int:
    from tidewaiter.workflow.rule_sets import Who

    jurisdiction, number = which
    with _life(jurisdiction) as (life, key):
        take: Any = getattr(life, verb)
        found = take(key, _one(life, key, number).version, Who(*said))
    output.out().print(f"{found} {done}", markup=False)
    return output.EXIT_OK
