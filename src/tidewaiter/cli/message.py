"""`tidewaiter message`: messages as they were received."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store

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
