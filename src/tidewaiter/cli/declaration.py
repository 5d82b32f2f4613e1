"""`tidewaiter declaration`: lists of declarations."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.decision import State
from tidewaiter.model.judgement import Lane
from tidewaiter.workflow.ports import Filter

app = App(name="declaration")


@app.command(name="list")
def list_(
    *,
    text: Annotated[str, Parameter(help="Reference, registered number or transport document, or how it begins.")] = "",
    state: State | None = None,
    lane: Lane | None = None,
    jurisdiction: str = "",
    commodity: Annotated[str, Parameter(help="First digits of a commodity code.")] = "",
    received_from: date | None = None,
    received_to: date | None = None,
    limit: int = 50,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """List declarations, newest first."""
    wanted = Filter(
        text=text,
        state=state,
        lane=lane,
        jurisdiction_code=jurisdiction.upper(),
        commodity_prefix=commodity,
        received_from=received_from,
        received_to=received_to,
        limit=limit,
    )
    with opened_store() as store:
        rows = store.declarations(wanted)
    if output_as.json:
        output.print_json(rows)
        return output.EXIT_OK
    table = [
        {
            "id": row.declaration_id,
            "registered as": row.registered_id,
            "reference": row.functional_reference_id,
            "to": row.jurisdiction_code,
            "goods": row.description,
            "value": row.intrinsic_value,
            "state": row.state.value,
            "lane": row.lane.value if row.lane else "",
            "due": row.due,
            "findings": row.error_count + row.warning_count,
        }
        for row in rows
    ]
    output.print_rows(table, output_as)
    return output.EXIT_OK
