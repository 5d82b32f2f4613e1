"""`tidewaiter drop`: messages that partners leave in folders, by SFTP or on a shared disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.model.errors import UnavailableError

app = App(name="drop")

LOOK_SECONDS = 1.0

Root = Annotated[Path, Parameter(help="The folder that holds one folder for each sender.")]


@app.command
def add(root: Root, sender: Annotated[str, Parameter(help="The sender's name; added to the senders when new.")]) -> int:
    """Make the folders of one sender: in, out, done, refused."""
    from tidewaiter.workflow.dropping import prepare

    if sender != Path(sender).name or sender.startswith("."):
        raise UsageError(
            f"{sender!r} is no name for a folder", hint="a name without slashes that does not begin with a dot"
        )
    with opened_store() as store:
        store.senders.ensure(sender)
    prepare(root, sender)
    output.out().print(str(root / sender / "in"), markup=False)
    return output.EXIT_OK


@app.command
def watch(
    root: Root,
    *,
    once: Annotated[bool, Parameter(negative="", help="Take what is there now, and end.")] = False,
    quiet: Annotated[float, Parameter(help="Seconds without a change after which a file counts as whole.")] = 2.0,
) -> int:
    """Take messages from `in`, answer in `out`, and put them away in `done`, or `refused`; until Ctrl-C.

    A folder whose name is no sender's is left alone, and said so once. Files under a name that clients use while
    sending (.part, .tmp, …) are waited for.
    """
    from tidewaiter.cli.accounts.booking import catch_up
    from tidewaiter.web.api import shapes
    from tidewaiter.web.api.shapes import ReceiptShape
    from tidewaiter.web.api.submission import holds_nothing, unreadable
    from tidewaiter.web.principal import Principal, Role
    from tidewaiter.workflow.books import Books
    from tidewaiter.workflow.dropping import Dropped, take, waiting
    from tidewaiter.workflow.intake import Intake

    if not root.is_dir():
        raise UsageError(f"there is no folder {root}", hint="tidewaiter drop add makes the folders of a sender")
    refused = False
    told: set[str] = set()  # what was said once of what is left alone

    def leave(name: str, why: str) -> None:
        if name not in told:
            told.add(name)
            output.err().print(f"{name}: {why}; left alone", markup=False)

    with opened_store() as store, Intake(store, books=Books.from_environment()) as intake:

        def hand_in(dropped: Dropped, stream: BinaryIO) -> ReceiptShape:
            sender_id = known[dropped.sender]
            receipt = intake.submit(stream, sender_id=sender_id, file_name=dropped.file_name, transport="drop")
            if holds_nothing(receipt):
                raise unreadable(receipt)
            return shapes.receipt(receipt, [], Principal(dropped.sender, Role.DECLARANT, sender_id))

        def look() -> bool:
            """Take what is there; whether a file was refused."""
            took = is_refused = False
            for dropped in waiting(root, time.time(), quiet, lambda path, error: leave(str(path), _why(error))):
                if dropped.sender not in known:
                    leave(dropped.sender, "no sender of this name")
                    continue
                try:
                    taken = take(dropped, hand_in)
                except OSError as error:  # gone meanwhile, a link in its place, not ours to read
                    leave(f"{dropped.sender}/{dropped.file_name}", _why(error))
                    continue
                took, is_refused = True, is_refused or bool(taken.reason)
                said = f"refused: {taken.reason}" if taken.reason else "taken"
                output.out().print(f"{taken.sender}/{taken.file_name}: {said}", markup=False)
            if took:
                catch_up(store)
            return is_refused

        while True:
            try:
                known = {sender.name: sender.sender_id for sender in store.senders.all() if sender.is_active}
                refused = look() or refused
            except UnavailableError as error:
                if once:
                    raise
                output.err().print(f"it waits: {error.detail}", markup=False)  # the files stay where they are
            if once:
                return output.EXIT_FINDINGS if refused or told else output.EXIT_OK
            time.sleep(LOOK_SECONDS)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
