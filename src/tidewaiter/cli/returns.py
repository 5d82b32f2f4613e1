"""`tidewaiter return`: goods that go back, the proof that they have left, and what is given back on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import LOCAL_SENDER, opened_store
from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.returns import Outcome, RefundDecision
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.return_records import CaseFile, CaseFilter, CaseRow, ReturnReceipt
from tidewaiter.workflow.returning import Handed, Returning, Said

app = App(name="return")

Files = Annotated[list[Path], Parameter(help="JSON (one, a list, or one a line) or CSV; docs/reference/returns.md.")]
SenderName = Annotated[str, Parameter(name="--sender", help="In whose name; added to the senders when new.")]
On = Annotated[date | None, Parameter(help="The day on which it counts as received, YYYY-MM-DD; today if not given.")]
Reference = Annotated[str, Parameter(help="Number of a case, or the sender's own number of a return.")]
CASE_DIGITS_MAX = 18


@app.command
def submit(files: Files, *, sender: SenderName = LOCAL_SENDER, on: On = None, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Hand in returns: each is kept as it is, matched to its imports, decided, and given back where all is sure."""
    return _hand_in(files, sender, on, output_as, lambda returning: returning.submit)


@app.command(name="exit-event")
def exit_event(
    files: Files,
    *,
    sender: SenderName = LOCAL_SENDER,
    on: On = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Hand in exit events: the cases that wait for them are decided by themselves."""
    return _hand_in(files, sender, on, output_as, lambda returning: returning.submit_events)


@app.command(name="list")
def list_(
    *,
    outcome: Annotated[Outcome | None, Parameter(help="Only cases that came to this.")] = None,
    text: Annotated[str, Parameter(help="The sender's number of a return, or how it begins.")] = "",
    limit: int = 50,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List cases, newest first: one for each import that a return undoes."""
    with opened_store() as store:
        rows = store.returns.cases(CaseFilter(outcome=outcome, text=text, limit=limit))
    if output_as.json:
        output.print_json(rows)
    else:
        output.print_rows([_case_row(row) for row in rows], output_as)
    return output.EXIT_OK


@app.command
def show(reference: Reference, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Show a return: what became of it, import by import, what is given back, and why."""
    found = _cases(reference)
    if output_as.json:
        output.print_json([_as_json(file) for file in found])
        return output.EXIT_OK
    for file in found:
        output.print_one(_summary(file), output_as)
    return output.EXIT_OK


@app.command
def explain(reference: Reference, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Explain what became of a return: every reason, step, amount and source, and what officers said."""
    found = _cases(reference)
    if output_as.json:
        output.print_json([_as_json(file) for file in found])
        return output.EXIT_OK
    for file in found:
        output.print_one(_summary(file), output_as)
        for title, rows in _explanation(file):
            if rows:
                output.out().print()
                output.print_rows(rows, output_as, title=title)
    return output.EXIT_OK


@app.command
def decide(
    case: Annotated[int, Parameter(help="Number of the case.")],
    *,
    by: Annotated[str, Parameter(help="The officer; the name is kept.")],
    words: Annotated[str, Parameter(help="Why; the sender reads it.")],
    grant: Annotated[bool, Parameter(negative="", help="Give back what was worked out.")] = False,
    refuse: Annotated[bool, Parameter(negative="", help="Give back nothing.")] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Decide a case. Above the policy's amount, and against the law's own answer, it counts when a second officer agrees."""
    if grant == refuse:
        raise UsageError("say --grant or --refuse", hint='tidewaiter return decide 7 --grant --by anna --words "…"')
    with opened_store() as store:
        file = Returning(store).say(Said(case_no=case, is_granted=grant, officer=by, words=words))
    output.print_one(_summary(file), output_as)
    return output.EXIT_OK


@app.command
def replay(
    case: Annotated[int | None, Parameter(help="Number of the case.")] = None,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="", help="Every decision kept.")] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Make decisions on returns again from what was kept, and compare byte for byte."""
    from tidewaiter.workflow import return_reading

    if (case is not None) == all_:
        raise UsageError("say which case, or --all", hint="tidewaiter return replay 7")
    with opened_store() as store:
        report = return_reading.replay_all(store) if case is None else return_reading.replay(store, case)
    if output_as.json:
        output.print_json(report)
    else:
        for difference in report.differences:
            output.out().print(str(difference), markup=False)
        output.out().print(
            f"{report.same} of {report.replayed} decisions came out byte for byte the same", markup=False
        )
    return output.EXIT_OK if report.is_clean else output.EXIT_ERROR


# --- rows ----------------------------------------------------------------------------------------------------------


def _hand_in(
    files: list[Path],
    sender: str,
    on: date | None,
    output_as: Output,
    way: Callable[[Returning], Callable[[Handed], ReturnReceipt]],
) -> int:
    bodies = [path.read_bytes() for path in files]  # all can be read, before the first is handed in
    receipts = []
    with opened_store() as store:
        take = way(Returning(store))
        sender_id = store.senders.ensure(sender).sender_id
        for path, body in zip(files, bodies, strict=True):
            handed = Handed(body=body, sender_id=sender_id, transport="cli", file_name=path.name, received_on=on)
            receipts.append(take(handed))
    if output_as.json:
        output.print_json(receipts)
    else:
        output.print_rows(receipt_rows(files, receipts), output_as)
        if not output_as.csv:
            print_findings(receipts)
    return output.EXIT_FINDINGS if any(receipt.findings for receipt in receipts) else output.EXIT_OK


def receipt_rows(files: list[Path], receipts: list[ReturnReceipt]) -> list[dict[str, Any]]:
    """One row for each file."""
    return [
        {
            "file": path.name,
            "message": receipt.return_message_id,
            "records": receipt.record_count,
            "became": ", ".join(f"{count} {outcome}" for outcome, count in sorted(receipt.counts.items())),
            "cases": [case.case_no for line in receipt.lines for case in line.cases],
            "findings": len(receipt.findings),
            "seen before": receipt.is_repeat,
        }
        for path, receipt in zip(files, receipts, strict=True)
    ]


def print_findings(receipts: list[ReturnReceipt]) -> None:
    """What was wrong, where, and what to do about it."""
    console = output.out()
    for receipt in receipts:
        for finding in receipt.findings:
            seen = f" (seen: {finding.value})" if finding.value else ""
            console.print(
                f"{finding.severity.value:8}{finding.place or 'the file'}: {finding.words}{seen} [{finding.rule_id}]",
                markup=False,
            )
            if finding.hint:
                console.print(f"{'':8}hint: {finding.hint}", markup=False)


def _cases(reference: str) -> list[CaseFile]:
    """Every case of a return. Raises NotFoundError."""
    with opened_store() as store:
        return [store.returns.case(case_no) for case_no in _numbers(store, reference)]


def _numbers(store: PostgresStore, reference: str) -> list[int]:
    """The cases a reference leads to. Raises NotFoundError."""
    rows = [row for row in store.returns.cases(CaseFilter(text=reference, limit=1000)) if row.return_id == reference]
    if rows:
        return sorted(row.case_no for row in rows)
    if reference.isascii() and reference.isdigit() and len(reference) <= CASE_DIGITS_MAX:
        return [int(reference)]
    raise NotFoundError(
        f"no return is known by {reference[:60]!r}", hint="tidewaiter return list shows those there are"
    )


def _case_row(row: CaseRow) -> dict[str, Any]:
    return {
        "case": row.case_no,
        "return": row.return_id,
        "sender": row.sender_name,
        "import": row.declaration_id or "not found",
        "reason": row.reason,
        "became": row.outcome.value if row.outcome else "being worked through",
        "amount": f"{row.amount:f} {row.currency}" if row.amount else "",
        "waits for": f"a second officer (after {row.proposed_by})" if row.proposed_by else "",
        "received": row.received_on,
    }


def _decision(file: CaseFile) -> RefundDecision | None:
    from tidewaiter.workflow.return_reading import decision_of

    return decision_of(file.decisions[-1]) if file.decisions else None


def _as_json(file: CaseFile) -> dict[str, Any]:
    return {
        "case": file.row, "return": file.kept.record, "decision": _decision(file), "verdicts": file.verdicts,
        "exit_events": file.events,
    }  # fmt: skip


def _summary(file: CaseFile) -> dict[str, Any]:
    decision = _decision(file)
    summary = _case_row(file.row)
    if decision is not None:
        summary["why"] = "; ".join(reason.words for reason in decision.reasons)
        summary["by type"] = ", ".join(f"{code} {amount:f}" for code, amount in decision.amounts.items())
        summary["to"] = ", ".join(each.party for each in decision.settled)
        summary["paid out"] = sum((each.paid_out for each in decision.settled), start=0 * decision.total)
        summary["taken off what is owed"] = sum((each.remitted for each in decision.settled), start=0 * decision.total)
        summary["guarantee released"] = sum((each.amount for each in decision.released), start=0 * decision.total)
        summary["to be claimed by"] = decision.window_ends_on
    return summary


def _explanation(file: CaseFile) -> list[tuple[str, list[dict[str, Any]]]]:
    decision = _decision(file)
    if decision is None:
        return []
    reasons = [
        {"reason": r.code, "does": r.bearing.value, "words": r.words, "rests on": r.measure_id}
        for r in decision.reasons
    ]
    steps = [{"step": step.words, "result": step.result, "rests on": step.measure_id} for step in decision.steps]
    lines = [
        {
            "type": each.type_code, "line": each.line_no or "all", "charged": each.charged, "share": each.share,
            "due back": each.entitled, "before": each.before, "now": each.amount,
        }
        for each in decision.lines
    ]  # fmt: skip
    sources = [
        {"measure": measure, "source": citation.title, "address": citation.address, "confirmed": citation.confirmed}
        for measure, citation in decision.citations.items()
    ]
    events = [
        {"event": each.event.event_id, "what": each.event.kind.value, "at": each.event.place, "when": each.event.happened_at,
         "says": each.event.reported_by}
        for each in file.events
    ]  # fmt: skip
    verdicts = [
        {
            "officer": each.officer,
            "says": "grant" if each.is_granted else "refuse",
            "words": each.words,
            "at": each.recorded_at,
        }
        for each in file.verdicts
    ]
    return [
        ("Reasons", reasons), ("How this was worked out", steps), ("What is given back", lines), ("Exit events", events),
        ("Officers", verdicts), ("Sources", sources),
    ]  # fmt: skip
