"""`tidewaiter notice`: what customs told the senders."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="notice")


@app.command(name="list")
def list_(
    *,
    after: Annotated[int, Parameter(help="Notices with a larger id than this.")] = 0,
    limit: int = 100,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """List notices, oldest first."""
    with opened_store() as store:
        notices = store.notices(None, after, limit)
    rows = [
        {
            "id": notice.notice_id,
            "declaration": notice.declaration_id,
            "registered as": notice.registered_id,
            "reference": notice.functional_reference_id,
            "notice": notice.kind.value,
            "issued": f"{notice.issued_at:%Y-%m-%d %H:%M:%S}Z",
        }
        for notice in notices
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
