"""Files of rules: plain text that officers write, read with the place of every mistake, and written canonically.

    # Gifts may not be dearer than the relief for them.
    rule gift.above_relief
        title: Gift above the value of the relief
        words: Declared as a gift, but dearer than the relief for gifts.
        lane: yellow
        tasks: documents
        from: 2026-07-01
        source: Regulation (EC) 1186/2009, Article 26
        when:
            "C08" in item.additional_procedure_codes
            && sum_lines(item.invoice_price) > money("45 EUR")

A rule begins at the margin; its keys are indented; what follows a key on further lines belongs to it. Lines that begin
with # are notes and stay with the rule. A rule with a mistake is left out and told; the others are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.checking import Names, check
from tidewaiter.risk.rules.errors import Problem, RuleError, line_and_column, meant
from tidewaiter.risk.rules.reading import CONDITION_LENGTH_MAX, problems_of, read_condition
from tidewaiter.risk.rules.rule import (
    PERCENT_ALL,
    PRIORITY_MAX,
    PRIORITY_USUAL,
    ControlTask,
    LoadingAnswer,
    Rule,
    RuleSet,
)
from tidewaiter.risk.rules.syntax import External, Node, walk
from tidewaiter.risk.rules.writing import LINE_LENGTH, write_condition, write_lines

FILE_LENGTH_MAX = 8_000_000  # characters
RULES_MAX = 20_000
PROBLEMS_MAX = 500  # mistakes after which a file is read no further
WORDS_LENGTH_MAX = 1_000  # characters of a title, of words or of a source
KEYS = ("title", "words", "lane", "percent", "tasks", "answer", "priority", "from", "until", "office", "source", "when")
_REQUIRED = ("title", "words", "lane", "when")
_HEAD = re.compile(r"rule[ \t]+(\S+)[ \t]*:?[ \t]*")
_KEY = re.compile(r"[ \t]+([A-Za-z_]+)[ \t]*:(?:[ \t]+|$)")
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")


class Reading(Struct, frozen=True):
    """What a file gave: the rules without mistake, and all that is wrong or to be looked at."""

    rule_set: RuleSet
    problems: tuple[Problem, ...]

    @property
    def mistakes(self) -> tuple[Problem, ...]:
        """What kept rules out."""
        return tuple(each for each in self.problems if not each.is_warning)


def read_rules(text: str, names: Names | None = None) -> Reading:
    """The rules of a file, and every mistake with its place. `names` is what the context offers (`Names`)."""
    reader = _FileReader(names or Names())
    if len(text) > FILE_LENGTH_MAX:
        problem = Problem(
            code="too_long", words=f"the file has more than {FILE_LENGTH_MAX} characters", line=1, column=1
        )
        return Reading(RuleSet(()), (problem,))
    reader.read(text.replace("\r\n", "\n"))
    ordered = sorted(reader.problems, key=lambda each: (each.line, each.column))
    return Reading(RuleSet(tuple(reader.rules), tuple(reader.notes)), tuple(ordered))


def rules_of(text: str, names: Names | None = None) -> RuleSet:
    """The rules of a file without mistake. Raises RuleError with all of them otherwise: a set is read whole or not."""
    found = read_rules(text, names)
    if found.mistakes:
        raise RuleError(found.mistakes)
    return found.rule_set


def write_rules(rule_set: RuleSet) -> str:
    """The canonical text of a rule set: rules_of gives the same set back."""
    blocks = [write_rule(rule) for rule in rule_set.rules]
    if rule_set.notes:
        blocks.append("\n".join(f"# {note}".rstrip() for note in rule_set.notes) + "\n")
    return "\n".join(blocks)


def write_rule(rule: Rule) -> str:
    """One rule as it stands in a file."""
    lines = [f"# {note}".rstrip() for note in rule.notes]
    lines.append(f"rule {rule.rule_id}")
    told: list[tuple[str, object]] = [("title", rule.title), ("words", rule.words), ("lane", rule.lane)]
    if rule.percent != PERCENT_ALL:
        told.append(("percent", rule.percent))
    told += [("tasks", ", ".join(rule.tasks)), ("answer", rule.answer)]
    if rule.priority != PRIORITY_USUAL:
        told.append(("priority", rule.priority))
    told += [("from", rule.valid_from or ""), ("until", rule.valid_until or "")]
    told += [("office", ", ".join(rule.offices)), ("source", rule.source)]
    lines += [f"    {key}: {value}" for key, value in told if value != ""]
    indent = " " * 8
    is_short = len(indent + rule.condition) <= LINE_LENGTH
    lines += ["    when:", indent + rule.condition if is_short else write_lines(read_condition(rule.condition), indent)]
    return "\n".join(lines) + "\n"


class _Part(Struct):
    """A key of a rule, its text, and where the text begins in the file."""

    key: str
    text: str
    at: int


class _FileReader:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.rules: list[Rule] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._seen: dict[str, int] = {}
        self._conditions: dict[str, str] = {}
        self._text = ""

    def read(self, text: str) -> None:
        self._text = text
        lines = _lines(text)
        block: list[tuple[int, str]] = []
        for at, line in lines:
            if _HEAD.fullmatch(line):
                self._block(block)
                block = []
                if len(self.problems) >= PROBLEMS_MAX:
                    self._told(Problem(code="too_many", words="there are more mistakes than are told"), at)
                    return
            elif line[:1] not in ("", " ", "\t", "#"):
                hint = 'a rule begins with "rule" and its id: rule gift.above_relief; its keys are indented'
                self._told(Problem(code="layout", words="this line is part of no rule", hint=hint), at)
                continue
            if line.startswith("#") and block and _ends_with_blank(block):
                self._block(block)
                block = []
            block.append((at, line))
        self._block(block)

    def _told(self, problem: Problem, at: int) -> None:
        line, column = line_and_column(self._text, at)
        values = {name: getattr(problem, name) for name in ("code", "words", "hint", "rule_id", "is_warning")}
        self.problems.append(Problem(line=line, column=column, **values))

    def _block(self, block: list[tuple[int, str]]) -> None:
        notes = [line[1:].strip() for _, line in block if line.lstrip()[:1] == "#" for line in [line.lstrip()]]
        head = next((number for number, (_, line) in enumerate(block) if _HEAD.fullmatch(line)), None)
        if head is None:
            self.notes += notes
            for at, line in block:
                if line.strip() and line.lstrip()[:1] != "#":
                    self._told(Problem(code="layout", words="this line is part of no rule"), at)
            return
        match = _HEAD.fullmatch(block[head][1])
        rule_id = match.group(1).rstrip(":") if match else ""
        at = block[head][0]
        before = len(self.problems)
        parts = self._parts(block[head + 1 :], rule_id)
        rule = self._rule(rule_id, at, parts, (*self.notes, *notes))
        self.notes = []
        if rule is not None and all(each.is_warning for each in self.problems[before:]):
            self.rules.append(rule)

    def _parts(self, block: list[tuple[int, str]], rule_id: str) -> dict[str, _Part]:
        parts: dict[str, _Part] = {}
        current: _Part | None = None
        for at, line in block:
            key = _KEY.match(line)
            is_note = line.lstrip().startswith(("#", "//"))
            if key is not None and not is_note:
                name = key.group(1)
                if name not in KEYS:
                    hint = meant(name, KEYS, f"known: {', '.join(KEYS)}")
                    self._told(
                        Problem(code="unknown_key", words=f"there is no key {name}", hint=hint, rule_id=rule_id),
                        at + key.start(1),
                    )
                    current = None
                    continue
                if name in parts:
                    self._told(Problem(code="twice", words=f"{name} stands twice", rule_id=rule_id), at + key.start(1))
                current = parts[name] = _Part(name, line[key.end() :] + "\n", at + key.end())
            elif current is not None:
                current.text += (" " * len(line) if is_note else line) + "\n"
            elif line.strip() and not is_note and not any(each.rule_id == rule_id for each in self.problems):
                self._told(
                    Problem(
                        code="layout",
                        words="this line follows no key",
                        hint=f"keys: {', '.join(KEYS)}",
                        rule_id=rule_id,
                    ),
                    at,
                )
        return parts

    def _rule(self, rule_id: str, at: int, parts: dict[str, _Part], notes: tuple[str, ...]) -> Rule | None:
        def told(words: str, where: int, *, code: str = "value", hint: str = "") -> None:
            self._told(Problem(code=code, words=words, hint=hint, rule_id=rule_id), where)

        if not _ID.fullmatch(rule_id):
            told(f"{rule_id!r} is no id", at + 5, hint="lower-case letters, digits, _ . -, at most 80")
        if rule_id in self._seen:
            told(f"the id is taken by the rule in line {self._seen[rule_id]}", at + 5, code="twice")
        self._seen.setdefault(rule_id, line_and_column(self._text, at)[0])
        if len(self._seen) > RULES_MAX:
            told(f"a file holds at most {RULES_MAX} rules", at, code="too_many")
            return None
        missing = [key for key in _REQUIRED if key not in parts or not parts[key].text.strip()]
        for key in missing:
            told(f"it has no {key}", at, code="missing_key", hint=_EXAMPLES[key])
        values: dict[str, Any] = {}
        for key, part in parts.items():
            if key != "when" and part.text.strip():
                self._value(part, values, told)
        condition = self._condition(parts["when"], rule_id) if "when" in parts and "when" not in missing else None
        if missing or condition is None or "lane" not in values:
            return None
        rule = Rule(rule_id=rule_id, condition=write_condition(condition), notes=notes, **values)
        self._held_together(rule, condition, at, told)
        return rule

    def _value(self, part: _Part, values: dict[str, Any], told: Callable[..., None]) -> None:
        text = " ".join(part.text.split())
        name, read = _VALUES[part.key]
        try:
            values[name] = read(text)
        except ValueError as error:
            told(f"{part.key}: {error}", part.at, hint=_EXAMPLES[part.key])

    def _condition(self, part: _Part, rule_id: str) -> Node | None:
        blank = len(part.text) - len(part.text.lstrip())
        text, at = part.text.strip()[: CONDITION_LENGTH_MAX + 1], part.at + blank
        try:
            node = read_condition(text)
            problems = problems_of(text, check(node, self.names))
        except RuleError as error:
            problems, node = list(error.problems), None
        line, column = line_and_column(self._text, at)
        for each in problems:
            self.problems.append(
                Problem(
                    code=each.code,
                    words=each.words,
                    line=line + each.line - 1,
                    column=each.column + (column - 1 if each.line == 1 else 0),
                    hint=each.hint,
                    rule_id=rule_id,
                )
            )
        return None if problems else node

    def _held_together(self, rule: Rule, condition: Node, at: int, told: Callable[..., None]) -> None:
        if rule.valid_from and rule.valid_until and rule.valid_until < rule.valid_from:
            told("it ends before it begins", at, hint=f"until {rule.valid_until} lies before from {rule.valid_from}")
        rests = any(isinstance(each, External) and each.source == "score" for each in walk(condition))
        if rests and rule.answer is LoadingAnswer.DO_NOT_LOAD:
            told(
                "a score alone never keeps a parcel off the aircraft", at, code="score_answer", hint="answer RFS or RFI"
            )
        if self._conditions.setdefault(rule.condition, rule.rule_id) != rule.rule_id:
            other = self._conditions[rule.condition]
            self._told(
                Problem(
                    code="same_condition",
                    words=f"it holds whenever {other} does: the conditions are the same",
                    rule_id=rule.rule_id,
                    is_warning=True,
                ),
                at,
            )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _ends_with_blank(block: list[tuple[int, str]]) -> bool:
    return not block[-1][1].strip() and any(_HEAD.fullmatch(line) for _, line in block)


def _worded(text: str) -> str:
    if len(text) > WORDS_LENGTH_MAX:
        raise ValueError(f"more than {WORDS_LENGTH_MAX} characters")
    return text


def _lane(text: str) -> Lane:
    if text not in tuple(Lane):
        raise ValueError(f"there is no lane {text!r}")
    return Lane(text)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,4}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


def _tasks(text: str) -> tuple[ControlTask, ...]:
    tasks = _several(text)
    unknown = [task for task in tasks if task not in tuple(ControlTask)]
    if unknown:
        raise ValueError(f"there is no task {unknown[0]!r}")
    return tuple(map(ControlTask, tasks))


def _answer(text: str) -> LoadingAnswer:
    if text not in tuple(LoadingAnswer):
        raise ValueError(f"there is no answer {text!r}")
    return LoadingAnswer(text)


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(f"{text!r} is no day")
    return date.fromisoformat(text)


def _several(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


_VALUES: dict[str, tuple[str, Callable[[str], object]]] = {
    "title": ("title", _worded),
    "words": ("words", _worded),
    "lane": ("lane", _lane),
    "percent": ("percent", _whole(1, PERCENT_ALL)),
    "tasks": ("tasks", _tasks),
    "answer": ("answer", _answer),
    "priority": ("priority", _whole(0, PRIORITY_MAX)),
    "from": ("valid_from", _day),
    "until": ("valid_until", _day),
    "office": ("offices", _several),
    "source": ("source", _worded),
}
_EXAMPLES = {
    "title": "title: Gift above the value of the relief",
    "words": "words: what the officer reads when the rule hits",
    "lane": "lane: green, blue, yellow or red",
    "percent": "percent: 25 sends a quarter of the hits to the lane",
    "tasks": f"tasks: {', '.join(ControlTask)}",
    "answer": "answer: RFI, RFS or DNL",
    "priority": "priority: 100",
    "from": "from: 2026-07-01",
    "until": "until: 2026-12-31",
    "office": "office: XX000100, XX000200",
    "source": "source: the act, article and paragraph",
    "when": 'when: item.origin_country_code == "XX"',
}
