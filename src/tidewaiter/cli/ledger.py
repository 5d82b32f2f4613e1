"""`tidewaiter ledger`: the record beside the decisions: sealed, exported, verified; receipts; see docs/reference/record.md."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.ledger.verdict import LedgerError

if TYPE_CHECKING:
    from tidewaiter.ledger.policies import Policy
    from tidewaiter.workflow.recording_receipts import Shown

app = App(name="ledger")

Reference = Annotated[
    str, Parameter(help="Declaration id, registered number (MRN), transport document or the sender's own reference.")
]
Key = Annotated[str, Parameter(help="The key of the log, as /log/2026/key tells it; several with spaces between.")]
PolicyFile = Annotated[Path | None, Parameter(name="--policy", help="File with a policy, as /log/policy tells it.")]
To = Annotated[Path | None, Parameter(name="--to", help="File to write; standard output where not given.")]
PROBLEMS_SHOWN = 50


@app.command
def status(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show the logs of the record: one for each year, how many entries, how far sealed, and the key of each."""
    with opened_store() as store:
        rows = [
            {
                "log": log.origin,
                "entries": log.size,
                "sealed": log.sealed_size,
                "sealed at": log.sealed_at.isoformat(timespec="seconds") if log.sealed_at else "",
                "closed": log.is_closed,
                "key": store.logs.verifier(log.origin).text,
            }
            for log in store.logs.logs()
        ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def seal(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Put what was committed under a signed checkpoint now; a running server does so within a second."""
    with opened_store() as store:
        done = store.logs.seal()
    output.print_one({"entries sealed": done.entries, "checkpoints signed": done.checkpoints}, output_as)
    return output.EXIT_OK


@app.command
def export(
    folder: Annotated[Path, Parameter(help="Folder to write into; what is there already stays where it is the same.")],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Write the sealed logs as files that any reader of c2sp.org/tlog-tiles takes, and any server of files can serve."""
    from tidewaiter.cli.ledger_files import refuse_file, write_log
    from tidewaiter.workflow.recording_logs import policy_of

    refuse_file(folder)
    with opened_store() as store:
        rows = [
            {"log": log.origin, "entries": log.sealed_size, "files": write_log(store.logs, log, folder / str(log.year))}
            for log in store.logs.logs()
            if log.note
        ]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy").write_bytes(policy_of(store.logs).text)
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def verify(
    *,
    folder: Annotated[Path | None, Parameter(help="Verify what `ledger export` wrote here.")] = None,
    url: Annotated[str, Parameter(help="Verify what is served below this address, as http://localhost:8400/log.")] = "",
    key: Key = "",
    policy: PolicyFile = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Verify the whole record: every entry, every tile, every signature, and that each year goes on where the last ended.

    Without a folder or an address, that of the database, and then also that every decision has its entry, and every
    entry is bound to what is kept. Whose key is not given is believed by the policy beside the log: that tells whether
    it is whole, not whose it is.
    """
    from tidewaiter.cli import ledger_files

    if folder is not None and url:
        raise UsageError("a folder and an address cannot both be verified", hint="give one of them")
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name the one that tidewaiter ledger export wrote")
    if folder is not None or url:
        source = ledger_files.in_folder(folder) if folder is not None else ledger_files.at_address(url)
        believed = _policy(key, policy, source.read("policy"))
        problems = [*ledger_files.problems(source, believed)]
        counts: dict[str, Any] = {"logs": source.names, "entries": source.entries}
    else:
        with opened_store() as store, output.progress() as bar:
            task = bar.add_task("entries", total=None)
            known = ledger_files.in_database(store.logs)
            problems = [*ledger_files.problems(known, _policy(key, policy, known.read("policy")))]
            found = ledger_files.held_against_evidence(store, lambda count: bar.update(task, completed=count))
            problems += found.problems
            counts = {"logs": known.names, "entries": known.entries, **found.counts}
    if output_as.json:
        output.print_json({**counts, "problems": problems})
    else:
        output.print_one({**counts, "problems": len(problems)}, output_as)
        for words in problems[:PROBLEMS_SHOWN]:
            output.out().print(words)
    return output.EXIT_FINDINGS if problems else output.EXIT_OK


@app.command
def receipt(
    reference: Reference,
    *,
    entry: Annotated[int | None, Parameter(help="Only this one of the entries on the parcel, from 1.")] = None,
    to: To = None,
) -> int:
    """Write the receipt of a parcel: its entries, the proof that they stand in the log, and all fields."""
    from tidewaiter.workflow.recording_opened import receipt as issued

    with opened_store() as store:
        text = issued(store, store.find(reference), only=entry).text
    _write(text, to)
    return output.EXIT_OK


@app.command(name="open")
def open_(
    reference: Reference,
    *,
    fields: Annotated[str, Parameter(help="Names of the fields to tell, separated by commas.")],
    entry: Annotated[int | None, Parameter(help="Only this one of the entries on the parcel, from 1.")] = None,
    to: To = None,
) -> int:
    """Write a receipt that tells chosen fields only; of the others it shows nothing, not even how long they are."""
    from tidewaiter.workflow.recording_opened import receipt as issued

    names = [name.strip() for name in fields.split(",") if name.strip()]
    with opened_store() as store:
        found = issued(store, store.find(reference), names=names, only=entry)
    told = {each.name for one in found.entries for each in one.fields}
    if missing := [name for name in names if name not in told]:
        raise UsageError(
            f"no entry on it has a field {missing[0]!r}", hint="tidewaiter ledger receipt shows all fields"
        )
    _write(found.text, to)
    return output.EXIT_OK


@app.command(name="verify-receipt")
def verify_receipt(
    file: Annotated[Path, Parameter(help="The receipt; - for standard input.")],
    *,
    key: Key = "",
    policy: PolicyFile = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Tell what a receipt shows, with nothing but the keys one believes: no server is asked and no database opened."""
    from tidewaiter.workflow.recording_receipts import RECEIPT_BYTES_MAX
    from tidewaiter.workflow.recording_receipts import verify as shown

    believed = _policy(key, policy, None)
    if str(file) == "-":
        data = sys.stdin.buffer.read(RECEIPT_BYTES_MAX + 1)
    else:
        with file.open("rb") as opened:
            data = opened.read(RECEIPT_BYTES_MAX + 1)
    try:
        found = shown(data, believed)
    except LedgerError as error:
        raise LedgerError(error.detail, hint="tidewaiter ledger receipt writes one", place=str(file)) from error
    output.print_rows(list(_rows(found)), output_as)
    return output.EXIT_OK if all(each.verdict for each in found) else output.EXIT_FINDINGS


@app.command
def forget(
    reference: Reference,
    *,
    by: Annotated[str, Parameter(help="Who does it; the name is kept.")],
    words: Annotated[str, Parameter(help="Why, without naming the person; kept.")],
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Erase what opens the entries on a parcel. They stand in the log as before, and nobody can open or guess them.

    Messages and evidence are kept for as long as the law asks, and are no part of this.
    """
    from datetime import UTC, datetime

    from tidewaiter.workflow.recording import subject_of

    if not by.strip():
        raise UsageError("it was not said who does it", hint="--by NAME")
    with opened_store() as store:
        subject = subject_of(store.find(reference))
        was_there = store.logs.forget(subject, by, words, datetime.now(UTC))
    output.print_one({"erased": "yes" if was_there else "there was nothing to erase"}, output_as)
    return output.EXIT_OK


@app.command
def adopt(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Give declarations their first entry that were decided before there was a record: one each, of how they stand."""
    from tidewaiter.workflow.recording_opened import adopt as work

    with opened_store() as store, output.progress() as bar:
        task = bar.add_task("declarations", total=None)
        done = work(store, lambda count: bar.update(task, completed=count))
    output.print_one({"declarations": done}, output_as)
    return output.EXIT_OK


def _policy(key: str, file: Path | None, beside: bytes | None) -> Policy:
    from tidewaiter.ledger.keys import VerifierKey
    from tidewaiter.ledger.policies import NONE, Party, Policy

    if key and file is not None:
        raise UsageError("a key and a policy were given", hint="give one of them")
    if key:
        return Policy(tuple(Party(VerifierKey.parse(each)) for each in key.split()), {}, {}, NONE)
    data = beside if file is None else file.read_bytes()
    if data is None:
        raise UsageError("whom to believe was not said", hint="give --key or --policy; ledger export writes a policy")
    try:
        return Policy.parse(data)
    except LedgerError as error:
        raise LedgerError(error.detail, hint=error.hint, place=f"{file or 'policy'}") from error


def _rows(found: Iterable[Shown]) -> Iterable[dict[str, Any]]:
    for each in found:
        yield {
            "shown": "yes" if each.verdict else "no",
            "words": each.words,
            "fields": "; ".join(f"{name}: {value}" for name, value in each.fields),
        }


def _write(text: bytes, to: Path | None) -> None:
    if to is None:
        sys.stdout.buffer.write(text)
    else:
        to.write_bytes(text)
