"""`tidewaiter database`: where the data is and whether it is up to date."""

from __future__ import annotations

from cyclopts import App

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="database")


@app.command
def status(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Bring the schema up to date and show what is kept."""
    with opened_store() as store:
        rows = {**store.health(), **{name: str(count) for name, count in store.counts().items()}}
    output.print_one(rows, output_as)
    return output.EXIT_OK
