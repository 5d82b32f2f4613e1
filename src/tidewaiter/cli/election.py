"""`tidewaiter election`: alternatives of the law that an operator elects for a time; one proposes, another answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

app = App(name="election")

Officer = Annotated[str, Parameter(help="Who does it: the officer's name or number.")]


@app.command
def propose(
    measure_id: Annotated[str, Parameter(help="The election's id in the law, as us.postal.duty.")],
    option: Annotated[str, Parameter(help="Which alternative.")],
    *,
    jurisdiction: Annotated[str, Parameter(help="ISO 3166-1 alpha-2 code of whose law it is.")],
    operator: Annotated[str, Parameter(help="The operator's number, as in their declarations.")],
    starts_on: Annotated[date, Parameter(help="The first day, YYYY-MM-DD.")],
    by: Officer,
) -> int:
    """Propose what an operator elects from a day on."""
    from tidewaiter.workflow.elections import Elections
    from tidewaiter.workflow.records import Proposal

    proposal = Proposal(
        jurisdiction_code=jurisdiction.upper(),
        measure_id=measure_id,
        operator_id=operator,
        option=option,
        starts_on=starts_on,
        proposed_by=by,
    )
    with opened_store() as store:
        election = Elections(store).propose(proposal)
    output.out().print(f"election {election.election_id} waits for the answer of another than {by}", markup=False)
    return output.EXIT_OK


@app.command
def approve(election_id: int, *, by: Officer) -> int:
    """Bring a proposal into force; not by who made it."""
    return _answer(election_id, by, is_approved=True)


@app.command
def refuse(election_id: int, *, by: Officer) -> int:
    """Turn a proposal down; not by who made it."""
    return _answer(election_id, by, is_approved=False)


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List proposals and what became of them, the newest first."""
    words = {None: "waits", True: "approved", False: "refused"}
    from tidewaiter.workflow.elections import Elections

    with opened_store() as store:
        found = Elections(store).all()
    rows = [
        {
            "id": each.election_id,
            "jurisdiction": each.jurisdiction_code,
            "election": each.measure_id,
            "operator": each.operator_id,
            "option": each.option,
            "starts_on": each.starts_on,
            "proposed_by": each.proposed_by,
            "answer": words[each.is_approved],
            "answered_by": each.answered_by or "",
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


def _answer(election_id: int, by: str, *, is_approved: bool) -> int:
    from tidewaiter.workflow.elections import Elections

    with opened_store() as store:
        election = Elections(store).answer(election_id, is_approved=is_approved, by=by)
    what = f"from {election.starts_on} on" if is_approved else "not"
    output.out().print(f"{election.operator_id} elects {election.option} {what}", markup=False)
    return output.EXIT_OK
