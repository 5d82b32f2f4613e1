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
    from tidewaiter.workflow.books import Books
    from tidewaiter.workflow.dropping import Dropped, take, waiting
    from tidewaiter.workflow.intake import Intake
    from tidewaiter.workflow.records import Receipt

    if not root.is_dir():
        raise UsageError(f"there is no folder {root}", hint="tidewaiter drop add makes the folders of a sender")
    refused = False
    strangers: set[str] = set()
    with opened_store() as store, Intake(store, books=Books.from_environment()) as intake:

        def hand_in(dropped: Dropped, stream: BinaryIO) -> Receipt:
            sender_id = known[dropped.sender]
            return intake.submit(stream, sender_id=sender_id, file_name=dropped.path.name, transport="drop")

        while True:
            known = {sender.name: sender.sender_id for sender in store.senders.all() if sender.is_active}
            took = 0
            for dropped in waiting(root, time.time(), quiet):
                if dropped.sender not in known:
                    if dropped.sender not in strangers:
                        strangers.add(dropped.sender)
                        output.err().print(f"{dropped.sender}: no sender of this name; left alone", markup=False)
                    continue
                try:
                    taken = take(dropped, hand_in)
                except OSError as error:  # gone meanwhile, a link in its place, not ours to read: told once, left alone
                    if str(dropped.path) not in strangers:
                        strangers.add(str(dropped.path))
                        output.err().print(f"{dropped.path}: {error.strerror}; left alone", markup=False)
                    continue
                except UnavailableError as error:  # nothing is wrong with the file: it is taken when there is an answer
                    if once:
                        raise
                    output.err().print(f"{dropped.path}: {error.detail}; it waits", markup=False)
                    break
                took += 1
                refused = refused or bool(taken.reason)
                said = f"refused: {taken.reason}" if taken.reason else "taken"
                output.out().print(f"{taken.sender}/{taken.file_name}: {said}", markup=False)
            if took:
                catch_up(store)
            if once:
                return output.EXIT_FINDINGS if refused or strangers else output.EXIT_OK
            time.sleep(LOOK_SECONDS)
