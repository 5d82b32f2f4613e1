"""`tidewaiter webhook`: senders told at an address of theirs, instead of asking."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.addresses import checked
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="webhook")

WebhookId = Annotated[int, Parameter(help="The webhook's number, as `list` shows it.")]


@app.command
def add(
    sender: Annotated[str, Parameter(help="The sender's name.")],
    url: Annotated[str, Parameter(help="Where its notices are posted: https, or http on this machine.")],
    *,
    after: Annotated[int | None, Parameter(help="Tell what comes after this notice; from now on if not given.")] = None,
) -> int:
    """Tell a sender of every notice at an address. The secret that signs them is printed once.

    What is sent follows Standard Webhooks; libraries for receivers are at standardwebhooks.com. A notice is sent until
    it is answered with a 2xx: in order, tried again after 5 s, 30 s, 2 min, 10 min, 1 h and then every 4 h, for 5 days.
    """
    from tidewaiter.workflow.pushing import shown

    checked(url)
    with opened_store() as store:
        sender_id = store.senders.by_name(sender).sender_id
        made = store.webhooks.add(sender_id, url, store.webhooks.last_notice() if after is None else after)
    output.out().print(f"webhook {made.webhook_id}", markup=False)
    output.out().print(shown(made.secret), markup=False)
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List webhooks: how far each is, and what stands in the way."""
    from tidewaiter.workflow.batching import now

    with opened_store() as store:
        found = store.webhooks.all()
    rows = [
        {
            "id": each.webhook_id,
            "sender": each.sender_name,
            "url": each.url,
            "taken up to": each.taken,
            "taken": f"{each.taken_at:%Y-%m-%d %H:%M:%S}Z" if each.taken_at else "",
            "state": each.state(now()),
            "failures": each.failures,
            "last error": each.last_error,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def replay(
    webhook_id: WebhookId,
    *,
    after: Annotated[int, Parameter(help="Send again what comes after this notice; 0 sends all there are.")],
) -> int:
    """Send notices again from one on; also wakes a webhook that failed for too long."""
    with opened_store() as store:
        found = store.webhooks.replay(webhook_id, after)
    output.out().print(f"webhook {found.webhook_id} is told what comes after notice {found.taken}", markup=False)
    return output.EXIT_OK


@app.command
def end(webhook_id: WebhookId) -> int:
    """Send nothing to a webhook any more."""
    from tidewaiter.workflow.batching import now

    with opened_store() as store:
        store.webhooks.end(webhook_id, now())
    output.out().print(f"webhook {webhook_id} is ended", markup=False)
    return output.EXIT_OK
