"""`tidewaiter outcome`: what examinations found, and what is tied to a seizure; see docs/how-to/examine.md."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.model.outcome import Control, Found, Result, RiskType

if TYPE_CHECKING:
    from tidewaiter.workflow.outcome_records import Alert, KeptOutcome

app = App(name="outcome")

LISTED = 1_000
ControlName = Literal["documentary", "nii", "physical", "laboratory", "other_agency"]
IdentityKind = Literal["seller", "identifier", "address", "phone"]
Officer = Annotated[str, Parameter(help="Who does it: the officer's name or number.")]
Since = Annotated[date, Parameter(name="--from", help="The first day of examination (UTC), YYYY-MM-DD.")]
Until = Annotated[date, Parameter(name="--to", help="The last day of examination.")]


@app.command
def record(
    reference: Annotated[str, Parameter(help="The parcel: MRN, reference, transport document or number.")],
    result: Annotated[Literal["A1", "A2", "A3", "B1"], Parameter(help="A1, A2, A3: in order; B1: not.")],
    *,
    examiner: Annotated[str, Parameter(help="Who examined it.")],
    by: Officer,
    examined_at: Annotated[datetime | None, Parameter(help="When, with time zone; now if not given.")] = None,
    control: Annotated[tuple[ControlName, ...], Parameter(help="What was done; may be given more than once.")] = (),
    found: Annotated[
        tuple[str, ...],
        Parameter(help="RISK_TYPE[:LINE[:AMOUNT CURRENCY]], with ! behind the type where it was seized: ipr!:1."),
    ] = (),
    words: Annotated[str, Parameter(help="More, in words.")] = "",
    corrects: Annotated[int | None, Parameter(help="The outcome in whose place it stands.")] = None,
    release: Annotated[bool, Parameter(negative="", help="Let the declaration go on: the control is over.")] = False,
) -> int:
    """Record what an examination found. What was not in order takes effect when another person approves it."""
    from tidewaiter.model.outcome import ExaminationOutcome
    from tidewaiter.release import Trigger
    from tidewaiter.workflow.outcomes import Examinations

    outcome = ExaminationOutcome(
        reference=reference,
        result=Result(result),
        examined_at=examined_at or datetime.now(UTC),
        examiner=examiner,
        controls=tuple(map(Control, control)),
        found=tuple(_found(each) for each in found),
        words=words,
    )
    then = Trigger.EXAMINED_SATISFACTORY if release else None
    with opened_store() as store:
        done = Examinations(store).record(outcome, by, then=then, corrects=corrects)
    output.out().print(f"outcome {done.kept.outcome_id}: {done.kept.standing}", markup=False)
    return output.EXIT_OK


@app.command
def approve(
    outcome_id: int,
    *,
    by: Officer,
    words: str = "",
    refuse_goods: Annotated[bool, Parameter(negative="", help="Refuse the goods in the same act.")] = False,
) -> int:
    """Let what was not in order take effect; not by who examined or recorded it. A seizure is followed at once."""
    from tidewaiter.release import Trigger
    from tidewaiter.workflow.linking import Linking
    from tidewaiter.workflow.outcomes import Examinations

    then = Trigger.EXAMINED_NOT_SATISFACTORY if refuse_goods else None
    with opened_store() as store:
        kept = Examinations(store).approve(outcome_id, by, then=then, words=words)
        alerts = Linking(store).follow_up() if kept.outcome.is_seized else []
    output.out().print(f"outcome {outcome_id}: {kept.standing}; {len(alerts)} parcels are tied to it", markup=False)
    return output.EXIT_OK


@app.command
def refuse(outcome_id: int, *, by: Officer, words: Annotated[str, Parameter(help="Why.")]) -> int:
    """Do not approve what was said not to be in order: it takes no effect."""
    from tidewaiter.workflow.outcomes import Examinations

    with opened_store() as store:
        kept = Examinations(store).refuse(outcome_id, by, words)
    output.out().print(f"outcome {outcome_id}: {kept.standing}", markup=False)
    return output.EXIT_OK


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="JSON Lines, or CSV with a header (name ends in .csv).")],
    *,
    by: Annotated[str, Parameter(help="Which system or person tells them.")],
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Take in outcomes from another system. What cannot be kept is told by line; 3 where there is any."""
    from tidewaiter.workflow.linking import Linking
    from tidewaiter.workflow.outcome_files import read_csv, read_json_lines
    from tidewaiter.workflow.outcomes import Examinations

    read = read_csv if file.suffix.lower() == ".csv" else read_json_lines
    with opened_store() as store, file.open("rb") as stream:
        done = Examinations(store).take_in(read(stream), by)
        Linking(store).follow_up()
    output.print_one(
        {
            "kept": done.kept,
            "told before": done.known,
            "no declaration yet": done.unmatched,
            "wrong": len(done.findings),
        },
        output_as,
    )
    for each in done.findings:
        output.say("error", each.words, hint=each.hint, place=f"{each.place} {each.pointer}".strip(), code=each.rule_id)
    return output.EXIT_FINDINGS if done.findings else output.EXIT_OK


@app.command(name="list")
def list_(
    *,
    unmatched: Annotated[bool, Parameter(negative="", help="Only those whose declaration has not come.")] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List outcomes, the last told first."""
    with opened_store() as store:
        found = store.outcomes.unmatched(LISTED) if unmatched else store.outcomes.latest(LISTED)
    output.print_rows([_row(each) for each in found], output_as)
    return output.EXIT_OK


@app.command
def show(outcome_id: int, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Show one outcome, and what a seizure proposes for lists."""
    from tidewaiter.workflow.outcome_returns import proposed_entries

    with opened_store() as store:
        kept = store.outcomes.one(outcome_id)
        proposed = proposed_entries(store, kept)
    told = _row(kept) | {
        "recorded by": kept.recorded_by,
        "answered by": kept.answered_by,
        "controls": ", ".join(kept.outcome.controls),
        "words": kept.outcome.words,
    }
    told |= {f"found {n}": _found_words(each) for n, each in enumerate(kept.outcome.found, 1)}
    told |= {f"proposed {n}": f"{each.kind} {each.value}: {each.reason}" for n, each in enumerate(proposed, 1)}
    output.print_one(told, output_as)
    return output.EXIT_OK


@app.command
def queue(*, limit: Annotated[int, Parameter(help="At most so many.")] = 50, output_as: Output = Output()) -> int:  # noqa: B008
    """List the parcels that wait for an examination, those of which scores expect most revenue first.

    What was examined and waits for approval is left out. Of more than a thousand those that came first are put in order,
    and how many more wait is told.
    """
    from tidewaiter.workflow.examining_first import waiting

    with opened_store() as store:
        found = waiting(store)
    rows = [
        {
            "declaration": each.row.declaration_id,
            "reference": each.row.functional_reference_id or each.row.registered_id,
            "expected": str(each.promise or ""),
            "scores": "; ".join(f"{score.name} {score.probability}" for score in each.scores),
            "goods": each.row.description,
        }
        for each in found.parcels[: max(limit, 0)]
    ]
    output.print_rows(rows, output_as)
    if found.unread:
        output.say("note", f"{found.unread:,} more wait that came later; they are put in order as these are examined")
    return output.EXIT_OK


@app.command
def propose(
    outcome_id: int,
    *,
    to: Annotated[str, Parameter(help="The list of identities, in use or new.")],
    by: Officer,
    kind: Annotated[tuple[IdentityKind, ...], Parameter(help="Only such identities; all if left out.")] = (),
    words: Annotated[str, Parameter(help="Why; the seizure's own words if left out.")] = "",
    jurisdiction: Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")] = "",
) -> int:
    """Propose what a seizure tells (sender, address, phone …) for a list; another person approves it by `list approve`."""
    from tidewaiter.workflow.seized_lists import Draft, propose_seized

    draft = Draft(name=to, by=by, words=words, jurisdiction_code=jurisdiction.upper(), kinds=kind)
    with opened_store() as store:
        found = propose_seized(store, outcome_id, draft, lambda: datetime.now(UTC))
    output.out().print(
        f"version {found.version_id} of {found.name}: {found.entry_count:,} entries wait for a second person's answer"
    )
    return output.EXIT_OK


@app.command
def match(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Match outcomes that came before their declarations, and follow seizures among them."""
    from tidewaiter.workflow.linking import Linking
    from tidewaiter.workflow.outcomes import Examinations

    with opened_store() as store:
        found = Examinations(store).match()
        Linking(store).follow_up()
    output.print_rows([_row(each) for each in found], output_as)
    return output.EXIT_OK


@app.command
def follow(*, output_as: Output = Output()) -> int:  # noqa: B008
    """Follow seizures that were not followed yet to what is tied to them; hold what is in flight."""
    from tidewaiter.workflow.linking import Linking

    with opened_store() as store:
        linking = Linking(store)
        linking.catch_up()
        found = linking.follow_up()
        for code in sorted({each.jurisdiction_code for each in store.parts.in_use() if each.jurisdiction_code}):
            linking.renew_alarm(code)
    output.print_rows([_alert_row(each) for each in found], output_as)
    return output.EXIT_OK


@app.command
def alerts(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List the parcels that are tied to a seizure: how, and what was done with each."""
    with opened_store() as store:
        found = store.links.alerts(LISTED)
    output.print_rows([_alert_row(each) for each in found], output_as)
    return output.EXIT_OK


@app.command
def hit_rates(*, since: Since, until: Until, output_as: Output = Output()) -> int:  # noqa: B008
    """Of every reason that had parcels looked at: how many were examined, and the share not in order, with its interval."""
    from tidewaiter.workflow.outcome_returns import hit_rates as rates

    with opened_store() as store:
        found = rates(store, *_moments(since, until))
    rows = [
        {
            "reason": each.reason_id,
            "kind": each.kind.value,
            "examined": each.examined,
            "not in order": each.wrong,
            "share": f"{each.interval.share:.3f}",
            "from": f"{each.interval.low:.3f}",
            "to": f"{each.interval.high:.3f}",
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def training_set(
    file: Annotated[Path, Parameter(help="The CSV to write, for `score train`.")], *, since: Since, until: Until
) -> int:
    """Write a row for each parcel examined: what was declared before it was, features, labels, propensity."""
    from tidewaiter.workflow.learning import training_rows

    with opened_store() as store:
        rows = list(training_rows(store, *_moments(since, until)))
    names = list(dict.fromkeys(name for row in rows for name in row))
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    output.out().print(f"{len(rows):,} rows", markup=False)
    return output.EXIT_OK


def _moments(since: date, until: date) -> tuple[datetime, datetime]:
    if until < since:
        raise UsageError("the last day comes before the first")
    return datetime.combine(since, time(), UTC), datetime.combine(until + timedelta(1), time(), UTC)


def _found(text: str) -> Found:
    """RISK_TYPE[!][:LINE[:AMOUNT CURRENCY]]."""
    from tidewaiter.model.money import Money

    kind, _, rest = text.partition(":")
    line, _, value = rest.partition(":")
    amount, _, currency = value.partition(" ")
    try:
        return Found(
            risk_type=RiskType(kind.removesuffix("!")),
            line_no=int(line) if line else None,
            value=Money(Decimal(amount), currency) if value else None,
            is_seized=kind.endswith("!"),
        )
    except (ValueError, InvalidOperation):
        raise UsageError(
            f"{text[:60]!r} does not say what was found", hint=f"ipr!:1 or undervaluation:2:120.00 EUR; {_TYPES}"
        ) from None


def _found_words(found: Found) -> str:
    line = f", line {found.line_no}" if found.line_no is not None else ""
    value = f", {found.value}" if found.value is not None else ""
    return f"{found.risk_type.value}{line}{value}{', seized' if found.is_seized else ''}{': ' if found.words else ''}{found.words}"


def _row(kept: KeptOutcome) -> dict[str, Any]:
    outcome = kept.outcome
    return {
        "id": kept.outcome_id,
        "parcel": outcome.reference,
        "declaration": kept.declaration_id or "",
        "result": outcome.result.value,
        "found": ", ".join(each.risk_type.value for each in outcome.found),
        "seized": "yes" if outcome.is_seized else "",
        "examined at": f"{outcome.examined_at:%Y-%m-%d %H:%M}",
        "examiner": outcome.examiner,
        "stands": kept.standing,
    }


def _alert_row(alert: Alert) -> dict[str, Any]:
    return {
        "outcome": alert.outcome_id,
        "declaration": alert.declaration_id,
        "strength": alert.strength,
        "tied": alert.words,
        "done": alert.done.value,
        "": alert.done_words,
    }


_TYPES = "risk types: " + ", ".join(each.value for each in RiskType)
