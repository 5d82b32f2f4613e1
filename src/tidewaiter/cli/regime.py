"""`tidewaiter regime`: the law of one jurisdiction on one day."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output

app = App(name="regime")

Jurisdiction = Annotated[str, Parameter(help="ISO 3166-1 alpha-2 code, or EU.")]
Day = Annotated[date, Parameter(help="The legal day, YYYY-MM-DD.")]


@app.command
def show(jurisdiction: Jurisdiction, *, on: Day, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show every figure and measure in force on a day, with value and citation."""
    from tidewaiter.regimes import load_regime
    from tidewaiter.regimes.report import rows

    regime = load_regime(jurisdiction.upper(), on)
    output.print_rows(rows(regime), output_as, title=f"{regime.jurisdiction_code} on {on:%Y-%m-%d}")
    return output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List the jurisdictions whose law is modelled."""
    from tidewaiter.regimes import jurisdictions

    output.print_rows([{"jurisdiction": code, "title": title} for code, title in jurisdictions().items()], output_as)
    return output.EXIT_OK
