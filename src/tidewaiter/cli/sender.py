"""`tidewaiter sender`: who may hand in messages, and their API keys."""

from __future__ import annotations

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


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the senders."""
    with opened_store() as store:
        senders = store.senders.all()
    rows = [{"id": s.sender_id, "name": s.name, "active": s.is_active} for s in senders]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
