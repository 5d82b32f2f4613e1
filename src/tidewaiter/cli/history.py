"""`tidewaiter history`: what came before from and to the same people; see docs/how-to/history.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="history")


@app.command
def features(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the features that rules and scores may ask for."""
    from tidewaiter.risk.history import definitions

    rows = [
        {
            "feature": each.name,
            "version": each.version,
            "by": each.key.value,
            "days": each.days,
            "of": each.aggregate.value,
            "same": each.same.value if each.same is not None else "",
            "words": each.words,
        }
        for each in definitions().values()
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def show(
    reference: Annotated[
        str, Parameter(help="An MRN, the sender's reference, a transport document or our own number.")
    ],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Show what was known of one parcel's history when it was decided, and what would be known now."""
    from tidewaiter.risk.history import definitions
    from tidewaiter.workflow.history import present

    with opened_store() as store:
        declaration_id = store.find(reference)
        kept = store.kept(declaration_id)
        now = present(store, declaration_id)
    then = kept.facts.numbers
    rows = [
        {"feature": name, "when decided": then.get(name, ""), "now": now.get(name, ""), "words": each.words}
        for name, each in definitions().items()
        if name in then or name in now
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def rebuild(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Tell history of what was decided while nothing asked for it: every declaration that stands, as it stands."""
    from tidewaiter.workflow.history import rebuild as work

    with opened_store() as store, output.progress() as bar:
        task = bar.add_task("declarations", total=None)
        told = work(store, on_progress=lambda count: bar.update(task, completed=count))
    output.print_one({"declarations that stand": told}, output_as)
    return output.EXIT_OK


@app.command
def export(file: Annotated[Path, Parameter(help="Where to write it; - for standard output.")]) -> int:
    """Write all that history ever knew as CSV: keys are numbers made under a secret, and name nobody."""
    with opened_store() as store:
        if str(file) == "-":
            store.history.export(sys.stdout.buffer)
        else:
            with file.open("wb") as stream:
                store.history.export(stream)
    return output.EXIT_OK


@app.command
def compute(
    file: Annotated[Path, Parameter(help="What `tidewaiter history export` wrote.")],
    *,
    at: Annotated[
        int | None, Parameter(help="As it was known after the change of this number; now if left out.")
    ] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Work out the features of every parcel in an export at once (DuckDB: the extra `risk`)."""
    from tidewaiter.store.happenings import features as computed

    rows = [
        {"message": row.message_id, "record": row.position, **{name: str(value) for name, value in row.numbers.items()}}
        for row in computed(file, at)
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
