"""`tidewaiter sender`: who may hand in messages, and their API keys."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="sender")

Name = Annotated[str, Parameter(help="The sender's name.")]


@app.command
def add(name: Name) -> int:
    """Add a sender: a post, courier, marketplace or broker."""
    with opened_store() as store:
        sender = store.senders.add(name)
    output.out().print(f"sender {sender.sender_id}: {sender.name}", markup=False)
    return output.EXIT_OK


@app.command
def key(name: Name, *, role: Literal["declarant", "officer"] = "declarant") -> int:
    """Issue an API key; it is printed once and only its hash is kept. A declarant's key acts for that sender."""
    from tidewaiter.store.senders import KeyHolder

    with opened_store() as store:
        sender_id = store.senders.by_name(name).sender_id if role == "declarant" else None
        print_once = store.senders.issue_key(KeyHolder(name=name, role=role, sender_id=sender_id))
    output.out().print(print_once, markup=False)
    return output.EXIT_OK


@app.command
def revoke(name: Name) -> int:
    """End every API key of this name."""
    with opened_store() as store:
        count = store.senders.revoke_keys(name)
    output.out().print(f"{count} keys revoked")
    return output.EXIT_OK


@app.command
def entrust(
    name: Name,
    *,
    ended: Annotated[bool, Parameter(negative="", help="It is believed of its own parcels alone from now on.")] = False,
) -> int:
    """Believe what a carrier, post or port tells of others' parcels: arrivals, seals, what is in which receptacle.

    What anybody else tells is kept, and moves the parcels that it declared itself.
    """
    with opened_store() as store:
        store.senders.entrust(store.senders.by_name(name).sender_id, tells_of_all=not ended)
    output.out().print(f"{name}: believed of {'its own parcels' if ended else 'all parcels'}", markup=False)
    return output.EXIT_OK


@app.command
def quality(
    name: Annotated[str, Parameter(help="The sender's name; all senders if not given.")] = "",
    *,
    form: Annotated[str, Parameter(help="Only what came in this form.")] = "",
    since: Annotated[
        date | None, Parameter(help="Received on this day or later; eight weeks ago if not given.")
    ] = None,
    until: Annotated[date | None, Parameter(help="Received on this day or earlier; today if not given.")] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show how good a sender's data is: complete, valid, plausible, in time; how it went week by week; the worst rules."""
    from tidewaiter.workflow.quality_record import Scoring, asked_for, shape_of

    with opened_store() as store:
        Scoring(store, store.quality).catch_up()
        sender_id = store.senders.by_name(name).sender_id if name else None
        found = store.quality.records(asked_for(sender_id, form, since, until))
    if output_as.json:
        output.print_json([shape_of(each) for each in found])
        return output.EXIT_OK
    rows = [
        {
            "sender": each.sender_name, "form": each.form, "records": each.total.records, "score": each.total.score,
            "trend": each.trend, "complete": each.total.complete_share, "valid": each.total.valid_share,
            "plausible": each.total.plausible_share, "in time": each.total.timely_share,
        }
        for each in found
    ]  # fmt: skip
    output.print_rows(rows, output_as)
    if not output_as.csv:
        for each in found:
            if each.worst:
                worst = [
                    {"rule": rule.rule_id, "severity": rule.severity.value, "records": rule.records}
                    for rule in each.worst
                ]
                output.print_rows(worst, output_as, title=f"{each.sender_name}, {each.form}: found most")
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the senders."""
    with opened_store() as store:
        senders = store.senders.all()
    rows = [{"id": s.sender_id, "name": s.name, "active": s.is_active} for s in senders]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
