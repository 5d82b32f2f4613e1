"""`tidewaiter demo`: parcels written for this purpose, handed in, decided, and shown."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from ruamel.yaml import YAML

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.receipts import receipt_row
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.risk.watch_list import WatchListEntry
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter
from tidewaiter.workflow.records import Receipt


class DemoFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the demonstration: who hands it in, on which legal day, and what it shows."""

    file: str
    sender: str
    legal_day: date
    shows: str


class Demonstration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`data/samples/demo.yaml`."""

    title: str
    watch_list: tuple[WatchListEntry, ...]
    files: tuple[DemoFile, ...]


def demo(
    *,
    serve: Annotated[bool, Parameter(negative="", help="Serve the pages afterwards.")] = False,
    host: Annotated[str, Parameter(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to serve on.")] = 8400,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Load the demonstration into the database, decide every parcel, and print a summary; safe to repeat."""
    from tidewaiter.cli.session import opened_store

    with opened_store() as store:
        folder = resources.files("tidewaiter.data") / "samples"
        demonstration = _read(folder / "demo.yaml")
        _watch(store, demonstration.watch_list)
        receipts = _hand_in(store, folder, demonstration.files)
        rows = [receipt_row(entry.file, receipt) for entry, receipt in zip(demonstration.files, receipts, strict=True)]
        output.print_rows(rows, output_as, title=demonstration.title)
        _land(store, min(entry.legal_day for entry in demonstration.files))
        if not (output_as.json or output_as.csv):
            output.out().print()
            output.print_rows(_summary(store), output_as, title="All parcels kept")
        if serve:
            _serve(store, host, port)
    return output.EXIT_OK


def _read(manifest: Traversable) -> Demonstration:
    return msgspec.convert(YAML(typ="safe").load(manifest.read_text("utf-8")), Demonstration, strict=False)


def _watch(store: PostgresStore, entries: Iterable[WatchListEntry]) -> None:
    """Put entries on the watch list unless they stand there as they are."""
    kept = msgspec.json.decode(store.senders.watch_list().entries, type=list[WatchListEntry])
    fresh = [canonical_bytes(entry) for entry in entries if entry not in kept]
    if fresh:
        store.senders.change_watch_list(fresh, [], actor="demo", words="the demonstration")


def _hand_in(store: PostgresStore, folder: Traversable, files: tuple[DemoFile, ...]) -> list[Receipt]:
    receipts = []
    with Intake(store) as intake, output.progress() as bar:
        task = bar.add_task("clearing parcels", total=len(files))
        for entry in files:
            receipt = intake.submit(
                io.BytesIO((folder / entry.file).read_bytes()),
                sender_id=store.senders.ensure(entry.sender).sender_id,
                file_name=entry.file,
                transport="cli",
                legal_day=entry.legal_day,
            )
            receipts.append(receipt)
            bar.advance(task)
    return receipts


def _land(store: PostgresStore, on: date) -> None:
    """The parcels announced for the first day arrive; those of later days are still on their way."""
    desk = Desk(store)
    announced = store.declarations(Filter(state=State.RECEIVED, limit=1000))
    for row in announced:
        if row.legal_day == on:
            desk.confirm_arrival(row.declaration_id, "demo", "the demonstration's first flight has landed", on=on)


def _summary(store: PostgresStore) -> list[dict[str, Any]]:
    counts = Counter(store.counts())
    kinds = {"state": "state", "lane": "lane"}
    return [
        {"": kinds[kind], "is": name.replace("_", " "), "parcels": count}
        for key, count in sorted(counts.items(), key=lambda entry: (entry[0].split(":")[0], -entry[1]))
        if ":" in key
        for kind, name in [key.split(":", 1)]
        if kind in kinds
    ]


def _serve(store: PostgresStore, host: str, port: int) -> None:
    from tidewaiter.web.serve import serve as serve_web

    output.out().print(f"\nPages and REST: http://{host}:{port}/   (Ctrl-C ends)", markup=False)
    serve_web(host=host, port=port, store=store)
