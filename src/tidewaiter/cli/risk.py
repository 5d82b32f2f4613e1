"""`tidewaiter risk`: targeting rules: check, write canonically, show as tables and forms, import, try on parcels, explain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import draws, output, policies, selection
from tidewaiter.cli.output import Output, UsageError

if TYPE_CHECKING:
    from tidewaiter.risk.rules import Context, Problem, Record, RuleSet
    from tidewaiter.workflow.explaining import RulesExplained

T = TypeVar("T")
app = App(name="risk")
app.command(
    "tidewaiter.cli.rule_sets:app",
    name="set",
    help="Keep rule sets: draft, check, trial, propose, approve, publish, retire, back-test, compare.",
)
app.command(policies.app)
app.command(draws.draws)
app.command(draws.export_draws)
app.command(draws.audit_draw)
app.command(selection.budget)
app.command(selection.estimate)
app.command(selection.allocate)

Rules = Annotated[Path, Parameter(help="A file of rules (docs/reference/risk-rules.md).")]
WithContext = Annotated[
    Path | None,
    Parameter(name="--context", help="JSON with lists, features (kinds by name), scores and rates that rules may use."),
]


class ContextFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The context of rules as JSON; `rates` are what one unit of each currency is in one common currency."""

    lists: dict[str, tuple[str, ...]] = {}
    features: dict[str, str] = {}
    scores: tuple[str, ...] = ()
    rates: dict[str, Decimal] = {}


class FactsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of features and scores as JSON, each as text of its kind: "5", "10 EUR", "2026-07-01", "true"."""

    features: dict[str, str] = {}
    scores: dict[str, str] = {}


@app.command
def check(file: Rules, *, context: WithContext = None, output_as: Output = Output()) -> int:  # noqa: B008
    """Say every mistake in a file of rules with line, column and hint, and what is to be looked at; exit code 3 where any.

    Without a context any list, feature and score is taken for known. A file without mistake is told with its digest.
    """
    from tidewaiter.risk.rules import RuleError, compile_rules, read_rules
    from tidewaiter.risk.rules.contradiction import never_holding

    known = _context(context)
    found = read_rules(text_of(file), known.names if known else None)
    problems = list(found.problems)
    try:
        engine = compile_rules(found.rule_set, known or _open_context(found.rule_set))
        problems += never_holding(engine)
    except RuleError as error:
        problems += error.problems
    if problems:
        output.print_rows(problem_rows(problems), output_as)
        return output.EXIT_FINDINGS
    record = {"rules": len(found.rule_set.rules), "digest": found.rule_set.digest}
    output.print_one(record, output_as)
    return output.EXIT_OK


@app.command(name="format")
def format_(file: Rules, *, write: Annotated[bool, Parameter(negative="", help="Write the file anew.")] = False) -> int:
    """Print a file of rules in the one canonical form, or write it so; refused while it has mistakes."""
    from tidewaiter.risk.rules import rules_of

    text = rules_of(text_of(file)).text
    if write:
        file.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return output.EXIT_OK


@app.command
def table(
    file: Rules,
    *,
    number: Annotated[int | None, Parameter(help="Print that table alone, as CSV to be changed.")] = None,
    changed: Annotated[
        Path | None, Parameter(help="A table that was changed: print the file of rules with it.")
    ] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Show rules that ask the same columns as decision tables, and write changed tables back into the rules."""

    from tidewaiter.risk.rules import rules_of
    from tidewaiter.risk.rules.views import read_csv, tables_of, write_csv

    rule_set = rules_of(text_of(file))
    if changed is not None:
        sys.stdout.write(rule_set.with_rules(read_csv(text_of(changed), rule_set)).text)
        return output.EXIT_OK
    tables, others = tables_of(rule_set)
    if number is not None:
        if not 1 <= number <= len(tables):
            raise UsageError(f"there is no table {number}", hint=f"the file has {len(tables)}")
        sys.stdout.write(write_csv(tables[number - 1]))
        return output.EXIT_OK
    for place, each in enumerate(tables, 1):
        rows = [
            {"rule": rule.rule_id, "lane": rule.lane}
            | {f"{field} {operator}": cell for (field, operator), cell in zip(each.columns, cells, strict=True)}
            for rule, cells in zip(each.rules, each.cells, strict=True)
        ]
        output.print_rows(rows, output_as, title=f"table {place}")
    if others:
        rows = [{"rule": rule.rule_id, "lane": rule.lane, "when": rule.condition} for rule in others]
        output.print_rows(rows, output_as, title="rules in no table")
    return output.EXIT_OK


@app.command
def form(
    file: Rules,
    rule_id: Annotated[str, Parameter(help="The rule's id.")],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Show a rule as a form: field, operator, value."""
    from tidewaiter.risk.rules import rules_of
    from tidewaiter.risk.rules.errors import meant
    from tidewaiter.risk.rules.views import form_of

    rules = {rule.rule_id: rule for rule in rules_of(text_of(file)).rules}
    if rule_id not in rules:
        raise UsageError(f"there is no rule {rule_id}", hint=meant(rule_id, rules))
    lines = form_of(rules[rule_id].condition)
    if lines is None:
        raise UsageError(f"{rule_id} is no plain conjunction, and has no form", hint=rules[rule_id].condition)
    rows = [
        {"field": each.field, "operator": each.operator, "value": each.value, "meaning": each.label} for each in lines
    ]
    output.print_rows(rows, output_as, title=rule_id)
    return output.EXIT_OK


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="ASYCUDA selectivity text, DMN (XML) or a JSON decision model.")],
    *,
    source: Annotated[Literal["asycuda", "dmn", "jdm"], Parameter(name="--from", help="What it is.")],
    field: Annotated[
        tuple[str, ...], Parameter(help="What a name of the source is here: ComCod=item.commodity_code.")
    ] = (),
) -> int:
    """Print rules of another system as ours; what was not understood is told with its place, exit code 3 where anything."""
    from tidewaiter.risk.rules.importing import read_asycuda, read_dmn, read_jdm

    fields = dict(_pair(each) for each in field)
    match source:
        case "asycuda":
            found = read_asycuda(text_of(file), fields)
        case "dmn":
            found = read_dmn(file.read_bytes(), fields)
        case "jdm":
            found = read_jdm(file.read_bytes(), fields)
    sys.stdout.write(found.rule_set.text)
    for each in found.problems:
        about = f"{each.rule_id}: " if each.rule_id else ""
        output.say("note" if each.is_warning else "left out", about + each.words, hint=each.hint, place=each.place)
    return output.EXIT_FINDINGS if found.problems else output.EXIT_OK


@app.command
def fields(
    word: Annotated[str, Parameter(help="Part of a name or of its meaning.")] = "",
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List the fields that rules may speak of, with kind, WCO Data Model id and meaning."""
    from tidewaiter.risk.rules import catalogue

    sought = word.casefold()
    rows = [
        {"field": each.name, "kind": each.kind, "WCO": each.wco_id, "meaning": each.words}
        for each in catalogue().values()
        if sought in f"{each.name} {each.words}".casefold()
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command(name="try")
def try_(
    file: Rules,
    *,
    declaration: Annotated[Path, Parameter(help="A message in any form that is read; every record of it is tried.")],
    on: Annotated[date, Parameter(help="The legal day.")],
    context: WithContext = None,
    facts: Annotated[Path | None, Parameter(help="JSON with values of features and scores.")] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Say which rules hit the declarations of a message, why, which nearly did, and what would have changed the lane.

    What is assessed is not known here: `assessment.` fields are missing. Exit code 3 where a rule hits.
    """
    from tidewaiter.risk.rules import compile_rules, rules_of
    from tidewaiter.risk.rules.explaining import explain

    known = _context(context)
    rule_set = rules_of(text_of(file), known.names if known else None)
    used = known or _open_context(rule_set)
    engine = compile_rules(rule_set, used, on=on)
    told: list[dict[str, Any]] = []
    for number, record in enumerate(_records(declaration, on, used, facts), 1):
        outcome = engine.evaluate(record)
        told += _told(number, explain(engine, outcome.mask, outcome.line_masks))
    output.print_rows(told, output_as)
    return output.EXIT_FINDINGS if any(row["what"] == "hit" for row in told) else output.EXIT_OK


@app.command
def explain(
    reference: Annotated[str, Parameter(help="The declaration's id, registered id (MRN) or sender's reference.")],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Say why rules pointed at a declaration when it was decided, which nearly did, and which change would have been felt.

    From what was kept with the decision: rules that were on trial are told beside those that decided.
    """
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.explaining import Explaining

    with opened_store() as store:
        found = Explaining(store).of(store.kept(store.find(reference)))
    rows: list[dict[str, Any]] = []
    for each in found:
        about = {"rules": each.name, "decided": not each.is_shadow}
        rows += [about | row for row in _explained_rows(each)]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


def _explained_rows(found: RulesExplained) -> list[dict[str, Any]]:
    def row(what: str, lines: tuple[int, ...], rule: str, words: str) -> dict[str, Any]:
        return {"what": what, "lines": ", ".join(map(str, lines)), "rule": rule, "words": words}

    if found.problem:
        return [row("cannot be told", (), "", found.problem)]
    rows = [row("lane", (), "", found.lane.value)]
    for hit in found.hits:
        rows.append(row("hit", hit.lines, hit.rule.rule_id, " && ".join(each.condition for each in hit.held)))
    for miss in found.near_misses:
        seen = "missing" if miss.failed.is_missing else "not so"
        rows.append(row("near miss", miss.lines, miss.rule.rule_id, f"{miss.failed.condition}: {seen}"))
    rows += [
        row("would change", (each.line,) if each.line else (), "", f"{each.field}: {each.value} → {each.lane}")
        for each in found.changes
    ]
    return rows


def _told(number: int, found: Any) -> list[dict[str, Any]]:
    def row(what: str, line: int, rule: str, words: str) -> dict[str, Any]:
        return {"record": number, "what": what, "line": line or "", "rule": rule, "words": words}

    rows = [row("lane", 0, "", str(found.lane))]
    rows += [row("hit", hit.line, hit.rule_id, " && ".join(each.condition for each in hit.held)) for hit in found.hits]
    for miss in found.near_misses:
        seen = "missing" if miss.failed.is_missing else "not so"
        rows.append(row("near miss", miss.line, miss.rule_id, f"{miss.failed.condition}: {seen}"))
    rows += [row("would change", each.line, "", f"{each.field}: {each.value} → {each.lane}") for each in found.changes]
    return rows


def _records(file: Path, on: date, context: Context, facts: Path | None) -> list[Record]:
    from tidewaiter.messages import forms
    from tidewaiter.risk.rules import Record

    given = _decoded(facts, FactsFile) if facts else FactsFile()
    features = {name: _value(name, text, context.features.get(name)) for name, text in given.features.items()}
    scores = {name: _value(name, text, None) for name, text in given.scores.items()}
    with file.open("rb") as stream:
        reading = forms.detect(stream.read(forms.HEAD_BYTES))
        stream.seek(0)
        found = [reading.read(record.body) for record in reading.split(stream)]
    read = [each.declaration for each in found if each.declaration is not None]
    if not read:
        raise UsageError(
            f"no declaration could be read from {file.name}", hint="tidewaiter submit says what is wrong with it"
        )
    return [Record(declaration=each, legal_day=on, features=features, scores=scores) for each in read]


def _value(name: str, text: str, kind: object) -> Any:
    from tidewaiter.model.money import Money
    from tidewaiter.risk.rules import Kind

    try:
        match kind:
            case Kind.TEXT:
                return text
            case Kind.DATE:
                return date.fromisoformat(text)
            case Kind.TRUTH:
                return {"true": True, "false": False}[text]
            case Kind.MONEY:
                amount, currency = text.split()
                return Money(Decimal(amount), currency)
            case Kind.LIST:
                return tuple(text.split(","))
            case _:
                return Decimal(text)
    except (ValueError, KeyError, ArithmeticError) as error:
        raise UsageError(f"{text!r} is no value for {name}", hint=f"it is a {kind or 'number'}") from error


def _context(file: Path | None) -> Context | None:
    from tidewaiter.risk.rules import Context, Kind

    if file is None:
        return None
    found = _decoded(file, ContextFile)
    unknown = [kind for kind in found.features.values() if kind not in tuple(Kind)]
    if unknown:
        raise UsageError(f"there is no kind {unknown[0]!r}", hint=", ".join(Kind))
    kinds = {name: Kind(kind) for name, kind in found.features.items()}
    return Context(lists=found.lists, features=kinds, scores=frozenset(found.scores), rates=found.rates)


def _open_context(rule_set: RuleSet) -> Context:
    """A context that has what the rules name: lists empty, features as numbers."""
    from tidewaiter.risk.rules import Context, Kind, read_condition
    from tidewaiter.risk.rules.syntax import External, NamedList, walk

    nodes = [node for rule in rule_set.rules for node in walk(read_condition(rule.condition))]
    given = [node for node in nodes if isinstance(node, External)]
    return Context(
        lists={node.name: () for node in nodes if isinstance(node, NamedList)},
        features={node.name: Kind.NUMBER for node in given if node.source == "feature"},
        scores=frozenset(node.name for node in given if node.source == "score"),
    )


def _decoded(file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise UsageError(f"{file.name}: {error}", hint="see docs/reference/risk-rules.md") from error


def text_of(file: Path) -> str:
    """The text of a file. Raises UsageError where it is none."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file.name} is no UTF-8 text", hint=f"byte {error.start + 1} is none") from error


def _pair(text: str) -> tuple[str, str]:
    name, sign, field_name = text.partition("=")
    if not sign or not name.strip() or not field_name.strip():
        raise UsageError(f"{text!r} is no name and field", hint="ComCod=item.commodity_code")
    return name.strip(), field_name.strip()


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Mistakes and warnings as rows of a table."""
    return [
        {
            "place": each.place,
            "rule": each.rule_id,
            "kind": "look at" if each.is_warning else "mistake",
            "code": each.code,
            "words": each.words,
            "hint": each.hint,
        }
        for each in problems
    ]
