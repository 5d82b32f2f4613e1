"""`tidewaiter risk policy`: how much is looked at, of what, and where; see docs/how-to/select.md."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

app = App(name="policy", help="How much is looked at: show, check, plan from budgets, put in use.")
File = Annotated[Path, Parameter(help="A policy: YAML like data/risk/policy.yaml.")]
Jurisdiction = Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")]


@app.command
def check(file: File) -> int:
    """Say whether a policy can be used; what is wrong is told with its place."""
    from tidewaiter.risk.policy import read_policy

    policy = read_policy(file.read_bytes(), file.name)
    output.out().print(f"{policy.title}: nothing is wrong with it")
    return output.EXIT_OK


@app.command
def show(*, jurisdiction: Jurisdiction = "", output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show the policy in use, and who put it there."""
    from tidewaiter.risk import PartKind
    from tidewaiter.risk.policy import load_policy, read_policy
    from tidewaiter.workflow.targeting import in_use

    with opened_store() as store:
        used = in_use(store)
        mine = next((part for part in used.of(jurisdiction) if part.kind is PartKind.POLICY), None)
        policy = load_policy() if mine is None else read_policy(store.knowledge(mine.digest), mine.name)
        by = next((f"{each.actor}: {each.words}" for each in used.parts if mine is not None and each.part == mine), "")
    found = {name: value for name, value in msgspec.to_builtins(policy).items() if value not in ({}, [])}
    output.print_one({**found, "put in use by": by or "ships with the package"}, output_as)
    return output.EXIT_OK


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
    """Work out the rates with which an office keeps its budget on average. Chance keeps its minimum in any case."""
    from tidewaiter.risk.policy import read_policy
    from tidewaiter.risk.selection import Volume, planned

    policy = read_policy(file.read_bytes(), file.name)
    if office not in policy.budgets:
        raise UsageError(f"the policy has no budget for {office}")
    volume = Volume(parcels=parcels, mandatory=mandatory, rules=rules, score=score)
    rates = planned(policy, {office: volume}).rates_of(office)
    random = rates.random or Decimal(0)
    used = mandatory + random * (parcels - mandatory) + rates.rules * rules + rates.score * score
    found = {"office": office, "rules": rates.rules, "score": rates.score, "random": random, "looked at in a day": used}
    output.print_one({name: str(value) for name, value in found.items()}, output_as)
    return output.EXIT_OK


@app.command
def use(
    file: File,
    *,
    by: Annotated[str, Parameter(help="Who wrote it.")],
    approved_by: Annotated[str, Parameter(help="Who approves it: somebody else.")],
    why: Annotated[str, Parameter(help="Why, in words.")],
    jurisdiction: Jurisdiction = "",
) -> int:
    """Put a policy in use: every decision from now on names it by its digest. Two persons are needed."""
    from tidewaiter.risk import PartKind
    from tidewaiter.risk.policy import read_policy
    from tidewaiter.workflow.targeting import Change

    if not by.strip() or by.strip().casefold() == approved_by.strip().casefold() or not approved_by.strip():
        raise UsageError("whoever approves a policy is somebody else than who wrote it")
    content = file.read_bytes()
    policy = read_policy(content, file.name)
    digest = hashlib.sha256(content).hexdigest()
    with opened_store() as store:
        store.keep_knowledge({digest: (PartKind.POLICY, content)})
        change = Change(kind=PartKind.POLICY, name="policy", digest=digest, jurisdiction_code=jurisdiction.upper())
        words = f"{why} (approved by {approved_by})"
        number = store.parts.change((change,), actor=by, words=words, at=datetime.now(UTC))
    output.out().print(f"{policy.title}: in use since change {number}, as {digest[:12]}")
    return output.EXIT_OK
