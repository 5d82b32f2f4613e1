"""`tidewaiter rule`: the rules that data is checked by."""

from __future__ import annotations

from cyclopts import App

from tidewaiter.cli import output
from tidewaiter.cli.output import Output

app = App(name="rule")


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List every rule with its severity, scope and source."""
    from tidewaiter.quality.report import rows

    output.print_rows(rows(), output_as)
    return output.EXIT_OK
