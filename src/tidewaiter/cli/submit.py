"""`tidewaiter submit`: hand in messages and see at once what became of each parcel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import LOCAL_SENDER, opened_store
from tidewaiter.workflow.records import Receipt

FINDINGS_SHOWN_MAX = 20
VALUE_SHOWN_MAX = 60  # characters


def submit(
    files: Annotated[list[Path], Parameter(help="Message files; gzip and zip are read as they are.")],
    *,
    form: Annotated[
        str, Parameter(help="wco-dm, h7, cargo-xml, cargo-imp, json or csv; recognised from the content if not given.")
    ] = "",
    sender: Annotated[str, Parameter(help="In whose name; added to the senders when new.")] = LOCAL_SENDER,
    on: Annotated[date | None, Parameter(help="The legal day, YYYY-MM-DD; today if not given.")] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Submit files: each is kept as it is, then read, checked, assessed, judged and decided; what is owed is posted."""
    from tidewaiter.cli.accounts.booking import catch_up
    from tidewaiter.cli.receipts import hand_in, receipt_row

    for path in files:
        path.open("rb").close()  # all can be read, before the first is handed in
    receipts: list[Receipt] = []
    with opened_store() as store, output.progress() as bar:
        task = bar.add_task("submitting", total=len(files))
        for path in files:
            receipts.append(hand_in(store, path, sender=sender, form=form, on=on))
            bar.advance(task)
        catch_up(store)
    if output_as.json:
        output.print_json(receipts)
    else:
        rows = [receipt_row(path.name, receipt) for path, receipt in zip(files, receipts, strict=True)]
        output.print_rows(rows, output_as)
        if not output_as.csv:
            _print_findings(receipts)
    return output.EXIT_FINDINGS if any(r.findings or r.message_findings for r in receipts) else output.EXIT_OK


def _print_findings(receipts: Sequence[Receipt]) -> None:
    console = output.out()
    for receipt in receipts:
        found = [*receipt.message_findings, *receipt.findings]
        for finding in found[:FINDINGS_SHOWN_MAX]:
            place = finding.place or finding.pointer
            value = finding.value if len(finding.value) <= VALUE_SHOWN_MAX else f"{finding.value[:VALUE_SHOWN_MAX]}…"
            seen = f" (seen: {value})" if value else ""
            console.print(f"{finding.severity.value:8}{place}: {finding.words}{seen} [{finding.rule_id}]", markup=False)
            if finding.hint:
                console.print(f"{'':8}hint: {finding.hint}", markup=False)
        if len(found) > FINDINGS_SHOWN_MAX:
            console.print(f"… and {len(found) - FINDINGS_SHOWN_MAX} more; --json shows them", markup=False)
