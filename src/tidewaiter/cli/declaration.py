"""`tidewaiter declaration`: lists of declarations."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.decision import State
from tidewaiter.model.errors import MessageError
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


@app.command
def export(
    reference: Annotated[str, Parameter(help="Declaration id, registered number (MRN) or the sender's own reference.")],
    *,
    to: Annotated[str, Parameter(help="The form to write; `tidewaiter connector targets` lists them.")] = "asycuda-sad",
) -> int:
    """Write one declaration for another customs system to standard output, as it stands with its amendments."""
    from tidewaiter.workflow.exporting import export as exported

    with opened_store() as store:
        document = exported(store, store.find(reference), to)
    sys.stdout.buffer.write(document.content)
    return output.EXIT_OK


@app.command
def manifest(
    voyage: Annotated[Path, Parameter(help="The flight or sailing as JSON; docs/how-to/connect.md has the names.")],
    references: Annotated[list[str], Parameter(help="Its declarations: ids, registered numbers or references.")],
) -> int:
    """Write the consignments of one voyage as a manifest for ASYCUDA World to standard output."""
    from tidewaiter.messages.asycuda import Voyage
    from tidewaiter.workflow.exporting import manifest as written

    try:
        sailing = msgspec.json.decode(voyage.read_bytes(), type=Voyage)
    except msgspec.DecodeError as error:
        wanted = ", ".join(Voyage.__struct_fields__)
        raise MessageError(f"{voyage.name} is no voyage: {error}", hint=f"a JSON object with {wanted}") from error
    with opened_store() as store:
        document = written(store, sailing, [store.find(reference) for reference in references])
    sys.stdout.buffer.write(document)
    return output.EXIT_OK
