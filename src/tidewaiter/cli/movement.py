"""`tidewaiter movement`: where goods are by what was told, what somebody is to look at, and the places of arrival."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import opened_store

app = App(name="movement")

LIST_MAX = 1_000
Reference = Annotated[str, Parameter(help="Id, MRN or sender's reference of the declaration.")]


@app.command
def course(reference: Reference, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show what was told of a parcel, in the order in which it happened, and what rules see in it."""
    from tidewaiter.movement import course as course_of

    with opened_store() as store:
        declaration_id = store.find(reference)
        way = course_of(store.following.told([declaration_id])[declaration_id])
        findings = store.following.findings(declaration_id)
    rows = [
        {
            "happened": each.moved.happened_at.isoformat(timespec="seconds"),
            "step": each.moved.step.value,
            "state": each.after.value if each.after else "cannot be",
            "place": each.moved.place,
            "told": each.moved.recorded_at.isoformat(timespec="seconds"),
            "device": each.moved.device_id,
            "event": each.moved.event_id,
        }
        for each in way.passed
    ]
    output.print_rows(rows, output_as)
    for each in findings:
        answered = f" Answered by {each.answered_by}: {each.answer}" if each.answered_at else ""
        ended = " No longer seen." if each.ended_at else ""
        output.say(each.severity.value, f"{each.words}{ended}{answered}", hint=each.hint, code=each.rule_id)
    return output.EXIT_FINDINGS if any(each.is_open for each in findings) else output.EXIT_OK


@app.command
def findings(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List what somebody is still to look at: what holds goods first, then the oldest."""
    with opened_store() as store:
        found = store.following.open_findings(LIST_MAX)
    rows = [
        {
            "declaration": each.declaration_id,
            "rule": each.rule_id,
            "severity": each.severity.value,
            "words": each.words,
            "value": each.value,
            "done": each.done_words or each.done.value,
            "found": each.found_at.isoformat(timespec="seconds"),
            "event": each.event_id,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if rows else output.EXIT_OK


@app.command
def answer(
    reference: Reference,
    rule_id: Annotated[str, Parameter(help="The rule that saw it.")],
    event_id: Annotated[str, Parameter(help="The event it is about.")],
    *,
    by: Annotated[str, Parameter(help="Who has looked.")],
    words: Annotated[str, Parameter(help="What was found out.")],
) -> int:
    """Answer a finding. A parcel that has not arrived is taken off the alarm; one under examination stays there."""
    from tidewaiter.workflow.batching import now
    from tidewaiter.workflow.desk import Desk
    from tidewaiter.workflow.following import Following

    if not words.strip() or not by.strip():
        raise UsageError("an answer needs a name and words", hint="--by anna --words 'the seal froze'")
    with opened_store() as store:
        declaration_id = store.find(reference)
        jurisdiction_code = store.outcome(declaration_id).row.jurisdiction_code
        store.following.answer((declaration_id, rule_id, event_id), by, words, now())
        with store.writing() as transaction:
            Following(store, Desk(store)).renew_alarm(transaction, jurisdiction_code)
    output.out().print(f"answered: {rule_id}", markup=False)
    return output.EXIT_OK


@app.command
def look(
    *, days: Annotated[int, Parameter(help="Parcels of which something was told within so many days.")] = 120
) -> int:
    """Hold the courses of parcels that are on their way against the rules as time has passed; a running server does so each hour."""
    from tidewaiter.web.watching import look_at_all
    from tidewaiter.workflow.desk import Desk
    from tidewaiter.workflow.following import Following

    with opened_store() as store:
        count = look_at_all(store, Following(store, Desk(store)), days)
        open_findings = len(store.following.open_findings(LIST_MAX))
    output.out().print(f"{count} parcels looked at; {open_findings} findings are open", markup=False)
    return output.EXIT_FINDINGS if open_findings else output.EXIT_OK


@app.command
def place(
    uri: Annotated[str, Parameter(help="The read point or location as events name it: a URI.")],
    jurisdiction: Annotated[str, Parameter(help="Before whose customs goods arrive there: GB, DK, …")],
    *,
    name: Annotated[str, Parameter(help="What people call it.")] = "",
    by: Annotated[str, Parameter(help="Who says so.")] = "command line",
) -> int:
    """Say that goods which arrive at a place arrive before a customs. A place with a UN/LOCODE in its URI needs no saying."""
    from tidewaiter.regimes import jurisdictions
    from tidewaiter.workflow.batching import now

    code = jurisdiction.upper()
    if code not in jurisdictions():
        raise UsageError(f"no law of {code!r} is known", hint=f"one of {', '.join(jurisdictions())}")
    with opened_store() as store:
        store.following.add_place(uri, code, name, (by, now()))
    output.out().print(f"{uri} is a place of arrival for {code}", markup=False)
    return output.EXIT_OK


@app.command
def places(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the places of arrival that were said to be ones."""
    with opened_store() as store:
        found = store.following.places()
    output.print_rows([{"place": each[0], "jurisdiction": each[1], "name": each[2]} for each in found], output_as)
    return output.EXIT_OK


@app.command
def rules(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the rules of movement: what each sees, on what it rests, and whether it holds the goods."""
    from tidewaiter.movement import rules as all_rules
    from tidewaiter.movement.flights import RULES, SEVERE, SOURCE

    rows = [
        {
            "rule": each.rule_id,
            "severity": each.severity.value,
            "holds": "yes" if each.holds else "no",
            "words": " ".join(each.words.split()),
            "source": each.source,
        }
        for each in all_rules()
    ]
    rows += [
        {
            "rule": rule_id,
            "severity": "error" if rule_id in SEVERE else "warning",
            "holds": "yes" if rule_id in SEVERE else "no",
            "words": words,
            "source": SOURCE,
        }
        for rule_id, words in RULES.items()
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
