"""A version of a rule set arranged for its page: the text line by line with what is wrong, forms, tables, what may be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import NotFoundError
from tidewaiter.risk.rules import Problem, Rule, RuleSet, read_rules
from tidewaiter.risk.rules.views import FormLine, Table, condition_of, form_of, rules_of_table, tables_of
from tidewaiter.workflow.rule_set_records import MAY, Event, Examined, Key, Step, Version, VersionState

VIEWS: Final = ("text", "form", "table")
LINES_SHOWN: Final = 3_000
RULES_SHOWN: Final = 300  # as forms or in tables
BUTTONS: Final = (
    Step.CHECK, Step.TRY, Step.END_TRIAL, Step.PROPOSE, Step.APPROVE, Step.PUBLISH, Step.REFUSE, Step.RETIRE,
)  # fmt: skip


class TextLine(Struct, frozen=True):
    """A line of the text with what is wrong in it."""

    number: int
    text: str
    problems: tuple[Problem, ...]


class RuleForm(Struct, frozen=True):
    """A rule as a form; `lines` is None where it is no plain conjunction and stays text."""

    rule: Rule
    lines: tuple[FormLine, ...] | None


class VersionView(Struct, frozen=True, kw_only=True):
    """What the page of a version shows."""

    version: Version
    told: Examined
    lines: tuple[TextLine, ...]
    unplaced: tuple[Problem, ...]
    forms: tuple[RuleForm, ...]
    tables: tuple[Table, ...]
    others: tuple[Rule, ...]
    buttons: tuple[Step, ...]
    is_open: bool  # to be written
    authors: tuple[str, ...]
    rule_set: RuleSet


def arrange(version: Version, told: Examined, events: tuple[Event, ...]) -> VersionView:
    """A version in reading order."""
    rule_set = read_rules(version.text).rule_set
    shown = RuleSet(rule_set.rules[:RULES_SHOWN])
    tables, others = tables_of(shown)
    texts = version.text.splitlines()
    by_line: dict[int, list[Problem]] = {}
    for each in told.problems:
        by_line.setdefault(each.line, []).append(each)
    own = [each for each in events if each.version == version.version]
    authors = tuple(dict.fromkeys(each.actor for each in own if each.step in (Step.WRITE, Step.PROPOSE)))
    was_published = any(each.step is Step.PUBLISH for each in own)
    return VersionView(
        version=version,
        told=told,
        lines=tuple(
            TextLine(number, text, tuple(by_line.get(number, ()))) for number, text in enumerate(texts[:LINES_SHOWN], 1)
        ),
        unplaced=tuple(each for each in told.problems if not 1 <= each.line <= min(len(texts), LINES_SHOWN)),
        forms=tuple(RuleForm(rule, form_of(rule.condition)) for rule in shown.rules),
        tables=tables,
        others=others,
        buttons=tuple(step for step in BUTTONS if _may(version, step, was_published=was_published)),
        is_open=version.state in MAY[Step.WRITE],
        authors=authors,
        rule_set=rule_set,
    )


def _may(version: Version, step: Step, *, was_published: bool) -> bool:
    if version.state not in MAY[step]:
        return False
    if step is Step.END_TRIAL:
        return version.is_on_trial
    return step is not Step.PROPOSE or version.state is not VersionState.RETIRED or was_published


def key_of(text: str) -> Key:
    """The rule set that an address names: "gifts", "gifts.GB"."""
    name, _, code = text.partition(".")
    return Key(name, code)


def address(key: Key) -> str:
    """The address of a rule set's page."""
    return f"/rules/{key.name}" + (f".{key.jurisdiction_code}" if key.jurisdiction_code else "")


def changed_forms(view: VersionView, fields: Mapping[str, str]) -> str:
    """The text with the values that were typed into forms. Raises RuleError with the row of each that cannot be read."""
    changed = []
    for each in view.forms:
        if each.lines is None:
            continue
        typed = tuple(
            FormLine(line.field, line.operator, fields.get(f"form-{each.rule.rule_id}-{place}", line.value).strip())
            for place, line in enumerate(each.lines, 1)
        )
        if typed != each.lines:
            changed.append(_with_condition(each.rule, typed))
    return view.rule_set.with_rules(changed).text


def changed_table(view: VersionView, fields: Mapping[str, str]) -> str:
    """The text with the cells that were typed into a table. Raises RuleError with row and column of each that cannot be read."""
    number = fields.get("table", "")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    if not 1 <= place <= len(view.tables):
        raise NotFoundError("there is no such table")
    table = view.tables[place - 1]
    cells = tuple(
        tuple(fields.get(f"cell-{row}-{column}", cell).strip() for column, cell in enumerate(line, 1))
        for row, line in enumerate(table.cells, 1)
    )
    return view.rule_set.with_rules(rules_of_table(Table(table.columns, table.rules, cells))).text


def _with_condition(rule: Rule, lines: tuple[FormLine, ...]) -> Rule:
    from msgspec.structs import replace

    kept = [line for line in lines if line.value or line.operator.endswith("has")]
    return replace(rule, condition=condition_of(kept))
