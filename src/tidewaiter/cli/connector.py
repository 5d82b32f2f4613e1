"""`tidewaiter connector`: an administration's own declaration system, handed what is decided and telling what happened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.addresses import checked
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.model.decision import NoticeKind

app = App(name="connector")

LOOK_SECONDS = 1.0
LIST_MAX = 1_000

ConnectorId = Annotated[int, Parameter(help="The connector's number, as `list` shows it.")]


@app.command
def add(
    name: Annotated[str, Parameter(help="What the system is called: named as the actor of what it tells.")],
    jurisdiction: Annotated[str, Parameter(help="Whose parcels it is handed, as declarations name it: GB, DK, …")],
    place: Annotated[str, Parameter(help="A folder, or the address where documents are posted: https://…")],
    *,
    to: Annotated[
        str, Parameter(help="The form of document; `tidewaiter connector targets` lists them.")
    ] = "asycuda-sad",
    at: Annotated[
        list[NoticeKind], Parameter(help="The steps at which a document is handed over.", consume_multiple=True)
    ],
    dataset: Annotated[list[str], Parameter(help="Only of these datasets; of all if not given.")] = [],  # noqa: B006 (read)
    after: Annotated[
        int | None, Parameter(help="Hand over what comes after this notice; from now on if not given.")
    ] = None,
) -> int:
    """Connect an administration's own system. The secret that signs what is posted is printed once.

    Each step of each parcel that it asks for is handed over once, in order: released, control (sent to examination), and
    so on. Into a folder, whole files appear under `documents`; what it leaves in `in` as JSON lines is carried out. To an
    address, each document is posted and signed as webhooks are, and again until it is answered with a 2xx.
    """
    from tidewaiter.regimes import jurisdictions
    from tidewaiter.workflow import targets
    from tidewaiter.workflow.connector_folders import prepare
    from tidewaiter.workflow.connectors import NewConnector
    from tidewaiter.workflow.pushing import shown

    code = jurisdiction.upper()
    if code not in jurisdictions():
        raise UsageError(f"no law of {code!r} is known", hint=f"one of {', '.join(jurisdictions())}")
    if not name.strip() or not name.isprintable() or len(name) > 60:
        raise UsageError(f"{name[:60]!r} is no name", hint="up to 60 characters that can be read")
    is_folder = "://" not in place
    folder = Path(place).resolve()
    given = NewConnector(
        name=name, jurisdiction_code=code, kinds=tuple(dict.fromkeys(at)), datasets=tuple(dataset),
        target=targets.by_name(to).name, address=str(folder) if is_folder else checked(place), is_folder=is_folder,
        after=after,
    )  # fmt: skip
    with opened_store() as store:
        if is_folder:
            prepare(folder)
        made = store.connectors.add(given)
    output.out().print(f"connector {made.connector_id}", markup=False)
    output.out().print(str(folder / "documents") if made.secret is None else shown(made.secret), markup=False)
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List connectors: how far each is, what stands in the way, and how much could not be written."""
    from tidewaiter.workflow.batching import now

    with opened_store() as store:
        found = store.connectors.all()
    rows = [
        {
            "id": each.connector_id,
            "name": each.name,
            "jurisdiction": each.jurisdiction_code,
            "at": ", ".join(each.kinds),
            "of": ", ".join(each.datasets),
            "to": each.target,
            "place": each.address,
            "taken up to": each.taken,
            "state": each.state(now()),
            "failures": each.failures,
            "set aside": each.set_aside,
            "last error": each.last_error,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command(name="targets")
def targets_() -> int:
    """List the forms of document: those of the house, and those that were installed."""
    from tidewaiter.workflow.targets import targets

    for name in targets():
        output.out().print(name, markup=False)
    return output.EXIT_OK


@app.command
def set_aside(
    connector_id: ConnectorId,
    *,
    after: Annotated[int, Parameter(help="Those of notices with a larger number than this.")] = 0,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """List the documents that could not be written, and why. `replay` tries them again."""
    with opened_store() as store:
        store.connectors.by_id(connector_id)
        found = store.connectors.not_written(connector_id, after, LIST_MAX)
    rows = [
        {
            "notice": each.notice_id,
            "declaration": each.declaration_id,
            "version": each.version,
            "step": each.kind.value,
            "code": each.code,
            "why": each.words,
            "place": each.place,
            "what to do": each.hint,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if rows else output.EXIT_OK


@app.command
def replay(
    connector_id: ConnectorId,
    *,
    after: Annotated[int, Parameter(help="Hand over again what comes after this notice; 0 hands over all there is.")],
) -> int:
    """Hand documents over again from a notice on, with those set aside; also wakes a connector that failed for too long."""
    with opened_store() as store:
        found = store.connectors.replay(connector_id, after)
    output.out().print(f"connector {found.connector_id} is handed what comes after notice {found.taken}", markup=False)
    return output.EXIT_OK


@app.command
def end(connector_id: ConnectorId) -> int:
    """Hand nothing over to a connector any more, and take nothing from it."""
    from tidewaiter.workflow.batching import now

    with opened_store() as store:
        store.connectors.end(connector_id, now())
    output.out().print(f"connector {connector_id} is ended", markup=False)
    return output.EXIT_OK


@app.command
def key(connector_id: ConnectorId) -> int:
    """Issue an API key with which the system tells events; it is printed once and only its hash is kept."""
    from tidewaiter.store.senders import KeyHolder

    with opened_store() as store:
        found = store.connectors.by_id(connector_id)
        holder = KeyHolder(name=_key_name(found.name), role="administration", connector_id=connector_id)
        print_once = store.senders.issue_key(holder)
    output.out().print(print_once, markup=False)
    return output.EXIT_OK


@app.command
def revoke(connector_id: ConnectorId) -> int:
    """End every API key of a connector; it goes on being handed documents."""
    with opened_store() as store:
        count = store.senders.revoke_keys(_key_name(store.connectors.by_id(connector_id).name))
    output.out().print(f"{count} keys revoked")
    return output.EXIT_OK


@app.command
def run(
    *,
    once: Annotated[bool, Parameter(negative="", help="Do what is due now, and end.")] = False,
) -> int:
    """Hand over documents and carry out events left in folders, until Ctrl-C. The server does so by itself."""
    from tidewaiter.web.connecting import Round, connecting

    def said(done: Round) -> None:
        words = f"{done.sent.taken} handed over, {done.sent.failed} failed, {done.files} files of events taken"
        output.out().print(words, markup=False)

    with opened_store() as store:
        one_round, has_failed = connecting(store), False
        while True:
            done = one_round()
            has_failed = has_failed or bool(done.sent.failed)
            if done.is_any or once:
                said(done)
            if once and not done.is_more:
                return output.EXIT_FINDINGS if has_failed else output.EXIT_OK
            if not done.is_more:
                time.sleep(LOOK_SECONDS)


@app.command
def tell(
    connector_id: ConnectorId,
    file: Annotated[Path, Parameter(help="Events as JSON: one, a list, or one a line.")],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Carry out events from a file, as if the connector had told them; one answer each."""
    from tidewaiter.workflow.connector_events import ConnectorEvents, EventOutcome
    from tidewaiter.workflow.desk import Desk

    body = file.read_bytes()
    with opened_store() as store:
        events = ConnectorEvents(store, store.connectors, Desk(store))
        answers = events.take(store.connectors.by_id(connector_id), body, transport="cli")
    rows = [
        {
            "event": each.event_id or f"(no. {each.position})",
            "became": each.outcome.value,
            "registered as": each.mrn,
            "state": each.state.value if each.state else "",
            "why": each.detail,
            "place": each.place,
            "what to do": each.hint,
        }
        for each in answers.answers
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if answers.count(EventOutcome.REFUSED) else output.EXIT_OK


def _key_name(name: str) -> str:
    """What its keys are called: no sender's keys are ended with them."""
    return f"connector {name}"
