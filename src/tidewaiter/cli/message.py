"""`tidewaiter message`: messages as they were received."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

if TYPE_CHECKING:
    from tidewaiter.workflow.inspecting import Inspected

app = App(name="message")

MessageId = Annotated[int, Parameter(help="The message's id.")]


@app.command(name="list")
def list_(*, limit: int = 50, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List messages, newest first."""
    with opened_store() as store:
        messages = store.messages(None, limit)
    rows = [
        {
            "id": m.message_id,
            "sender": m.sender_name,
            "file": m.file_name,
            "form": m.form,
            "received": f"{m.received_at:%Y-%m-%d %H:%M:%S}Z",
            "bytes": m.size_bytes,
            "declarations": m.declaration_count,
            "SHA-256": m.digest,
        }
        for m in messages
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def raw(message_id: MessageId) -> int:
    """Write one message to standard output, byte for byte as it was received."""
    with opened_store() as store:
        for chunk in store.message_bytes(message_id):
            sys.stdout.buffer.write(chunk)
    return output.EXIT_OK


@app.command
def inspect(
    file: Annotated[Path, Parameter(help="The message: a file, or an archive of files.")],
    *,
    form: Annotated[str, Parameter(help="Its form, where it is not to be recognised from its content.")] = "",
    on: Annotated[date | None, Parameter(help="The day by whose law it is checked; today where none is given.")] = None,
    limit: Annotated[int, Parameter(help="How many records to show; the rest is counted.")] = 10,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show a message as a person reads it: every element in words, what is wrong at its place, what was not understood.

    Nothing is handed in. The exit code is 3 where a record would be rejected.
    """
    from tidewaiter.workflow.books import Books
    from tidewaiter.workflow.inspecting import inspect as inspected_records

    day = on or date.today()  # noqa: DTZ011 (the day of whoever asks)
    shown: list[Inspected] = []
    count = faulty = 0
    broken: MessageError | None = None
    try:
        with file.open("rb") as stream:
            for record in inspected_records(stream, file.name, form, day, Books.from_environment()):
                count += 1
                faulty += record.has_error
                if len(shown) < limit:
                    shown.append(record)
    except MessageError as error:
        broken = error
    if output_as.json:
        output.print_json({"records": count, "faulty": faulty, "shown": shown})
    else:
        for record in shown:
            _print(record)
        output.out().print(
            f"{count:,} record{'s' * (count != 1)}, {faulty:,} of them would be rejected"
            + (f"; the first {len(shown)} are shown" if count > len(shown) else "")
        )
    if broken is not None:
        raise broken
    return output.EXIT_FINDINGS if faulty else output.EXIT_OK


def _print(record: Inspected) -> None:
    from tidewaiter.workflow.inspecting import unplaced

    console = output.out()
    console.print(f"[bold]Record {record.position}[/] {record.title}", highlight=False)
    for line in record.lines:
        indent = "  " * (line.depth + 1)
        console.print(
            f"{indent}{line.words}{': ' if line.value else ''}", line.value, sep="", markup=False, soft_wrap=True
        )
        for finding in line.findings:
            _print_finding(finding, indent + "  ")
    for finding in unplaced(record):
        _print_finding(finding, "  ")
    for note in record.notes:
        console.print(f"  ~ {note.place}: {note.value} ({note.words})", markup=False, soft_wrap=True)
    console.print()


def _print_finding(finding: Finding, indent: str) -> None:
    sign = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "i"}[finding.severity]
    place = f" [at {finding.place}]" if finding.place else ""
    hint = f" → {finding.hint}" if finding.hint else ""
    output.out().print(f"{indent}{sign} {finding.words}{hint} ({finding.rule_id}){place}", markup=False, soft_wrap=True)
