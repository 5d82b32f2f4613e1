"""`tidewaiter decision`: what was decided, why, and whether it comes out the same again."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store
from tidewaiter.model.assessment import Assessment, Charge
from tidewaiter.model.decision import State
from tidewaiter.model.finding import Finding
from tidewaiter.model.timing import Deadline
from tidewaiter.workflow.ports import DecisionFile
from tidewaiter.workflow.quoting import NamedQuote

app = App(name="decision")

Reference = Annotated[str, Parameter(help="Declaration id, registered number (MRN) or the sender's own reference.")]


@app.command
def show(reference: Reference, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show one decision: state, lane, category, what is owed, what must happen first."""
    with opened_store() as store:
        file = store.decision(store.find(reference))
    if output_as.json:
        output.print_json(
            {
                "declaration": file.row,
                "evaluation": file.evaluation,
                "notices": file.notices,
                "transitions": file.transitions,
            }
        )
    else:
        output.print_one(_summary(file), output_as)
    return output.EXIT_FINDINGS if file.evaluation.findings else output.EXIT_OK


@app.command
def explain(reference: Reference, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Explain one decision: every finding, charge, step, reason and source behind it, and the quote it names."""
    from tidewaiter.workflow.covering import why_uncovered
    from tidewaiter.workflow.quoting import Quoting

    with opened_store() as store:
        file = store.decision(store.find(reference))
        named = Quoting(store).named(file)
        is_owed = file.row.state is State.AWAITING_PAYMENT
        number, version = file.row.declaration_id, file.row.version
        uncovered = why_uncovered(store, store.accounts.guarantees, number, version) if is_owed else ()
    if output_as.json:
        output.print_json(file.evaluation if named is None else {"evaluation": file.evaluation, "quote": named})
        return output.EXIT_OK
    output.print_one(_summary(file), output_as)
    waits = ("Why no guarantee it names covers it", [{"why": why} for why in uncovered])
    for title, rows in (waits, *_explanation(file), *(comparison_parts(named) if named else ())):
        if rows:
            output.out().print()
            output.print_rows(rows, output_as, title=title)
    return output.EXIT_OK


@app.command
def correct(
    reference: Reference,
    *,
    by: Annotated[str, Parameter(help="Who does it; the name is kept.")],
    words: Annotated[str, Parameter(help="What was put right: a rate of exchange, a figure of the law.")],
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Decide anew by the law of the same day as it is known now, where it was put right after the goods were cleared.

    The earlier version is kept; what was charged is reversed and charged as it should have been.
    """
    from tidewaiter.cli.accounts.booking import catch_up
    from tidewaiter.workflow.desk import Desk

    with opened_store() as store:
        number = store.find(reference)
        Desk(store).correct(number, by, words)
        catch_up(store)
        file = store.decision(number)
    output.print_one(_summary(file), output_as)
    return output.EXIT_OK


@app.command
def replay(
    reference: Annotated[str, Parameter(help="Declaration id, MRN or the sender's reference.")] = "",
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="", help="Every decision kept.")] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Run decisions again from the kept bytes, law and lists, and compare byte for byte."""
    from tidewaiter.workflow import replay as replaying

    if bool(reference) == all_:
        raise UsageError("say which decision, or --all", hint="tidewaiter decision replay 42")
    with opened_store() as store, output.progress() as bar:
        if all_:
            task = bar.add_task("replaying", total=store.decision_count())
            report = replaying.replay_all(store, on_progress=lambda done: bar.update(task, completed=done))
        else:
            report = replaying.replay(store, store.find(reference))
    if output_as.json:
        output.print_json(report)
    else:
        for difference in report.differences:
            output.out().print(str(difference), markup=False)
        output.out().print(
            f"{report.same} of {report.replayed} decisions came out byte for byte the same", markup=False
        )
    return output.EXIT_OK if report.is_clean else output.EXIT_ERROR


def _summary(file: DecisionFile) -> dict[str, Any]:
    row, decision = file.row, file.evaluation.decision
    return {
        "id": row.declaration_id,
        "registered as": row.registered_id,
        "sender's reference": row.functional_reference_id,
        "goods": row.description,
        "state": row.state.value,
        "lane": row.lane.value if row.lane else "",
        "category": row.category.value if row.category else "",
        "dataset": row.dataset,
        "decided": decision.words,
        "what must happen first": "; ".join(hold.words for hold in decision.holds) or "nothing",
        "due at the border": row.due,
        "legal day": row.legal_day,
        "law": f"{row.jurisdiction_code} {file.regime_digest[:16]}",
        "version": row.version,
    }


def _deadline_row(deadline: Deadline) -> dict[str, Any]:
    met = {True: "in time", False: f"{deadline.late_by} too late", None: "cannot be told"}
    return {
        "moment": deadline.moment.value.replace("_", "-"),
        "at the latest": deadline.words,
        "due": deadline.due_at.isoformat() if deadline.due_at else "",
        "filed": deadline.lodged_at.isoformat(timespec="seconds"),
        "result": met[deadline.is_met],
        "by": deadline.article,
        "confirmed": "yes" if deadline.is_confirmed else "no",
    }


def _explanation(file: DecisionFile) -> list[tuple[str, list[dict[str, Any]]]]:
    evaluation = file.evaluation
    parts = [("Findings", [_finding_row(finding) for finding in evaluation.findings])]
    if evaluation.deadlines:
        parts.append(("Deadlines", [_deadline_row(deadline) for deadline in evaluation.deadlines]))
    if evaluation.assessment:
        parts += _assessment_parts(evaluation.assessment)
    if evaluation.judgement:
        draw = evaluation.judgement.draw
        reasons = [
            {
                "reason": r.reason_id,
                "lane": r.lane.value,
                "why": r.words,
                "at": r.pointer,
                "seen": r.value,
                "lifted": r.is_lifted,
            }
            for r in evaluation.judgement.reasons
        ]
        parts.append(("Reasons", reasons))
        parts.append(
            (
                "Random draw",
                [
                    {
                        "seed": draw.seed_id,
                        "key": draw.key,
                        "drawn": draw.share,
                        "selected below": draw.selection_share,
                        "selected": draw.is_selected,
                    }
                ],
            )
        )
    return parts


def comparison_parts(named: NamedQuote) -> list[tuple[str, list[dict[str, Any]]]]:
    """The quote a declaration names beside it: what differs, one by one, and the totals."""
    parts = [(f"Quote {named.quote_id}", [_finding_row(finding) for finding in named.findings])]
    compared = named.comparison
    if compared is None:
        return parts
    changes = [
        {
            "what": f"{change.aspect.value}{f', line {change.line_no}' if change.line_no else ''}",
            "quoted": change.quoted,
            "declared": "; ".join((change.declared, *change.details)),
            "at the border": f"{change.due:+f}",
            "at the sale": f"{change.at_sale:+f}",
        }
        for change in compared.changes
    ]
    same = "the same to the cent" if compared.is_same else "not the same"
    totals = [
        {"": f"quoted, {named.quote_id}", "at the border": compared.quoted_due, "at the sale": compared.quoted_at_sale},
        {"": "declared", "at the border": compared.declared_due, "at the sale": compared.declared_at_sale},
    ]
    return [*parts, (f"Beside its quote: {same}", totals), ("What differs", changes)]


def _assessment_parts(assessment: Assessment) -> list[tuple[str, list[dict[str, Any]]]]:
    sources = [
        {"measure": measure, "source": citation.title, "address": citation.address, "confirmed": citation.confirmed}
        for measure, citation in assessment.citations.items()
    ]
    steps = [{"step": step.words, "result": step.result, "measure": step.measure_id} for step in assessment.steps]
    return [
        (f"How the value was worked out ({assessment.scheme})", steps),
        ("Charges", [_charge_row(charge) for charge in assessment.charges]),
        ("Sources", sources),
    ]


def _finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule_id,
        "severity": finding.severity.value,
        "at": finding.place or finding.pointer,
        "seen": finding.value,
        "words": finding.words,
        "hint": finding.hint,
    }


def _charge_row(charge: Charge) -> dict[str, Any]:
    return {
        "charge": f"{charge.kind.value} {charge.type_code}",
        "line": charge.line_no or "all",
        "base": charge.base,
        "rate": charge.rate,
        "exact": charge.unrounded,
        "rounding": charge.rounding,
        "result": charge.result,
        "collected": charge.collection.value + (f" ({charge.relief})" if charge.relief else ""),
    }
