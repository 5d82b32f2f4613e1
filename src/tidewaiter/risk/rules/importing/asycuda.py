"""Selectivity criteria of ASYCUDA, from the text officers write in MODSEL.

Syntax and the four variables known here as in UNCTAD's reference document "MODSEL: Selectivity management"
(ASYCUDA++ functional manual V1.15, section 6, pages 6.10, 6.11 and 6.16; read on 2026-11-27 from a copy at vegesa.com.mk):

    Criteria "APPLES";
    If ComCod = "080810" and CtyOrigCod = "US" Then
      RedLane IS 100;
    Endif;

`RedLane IS 50` sends half of the hits to the red lane. Other variables differ from country to country: say what they
are with `fields`. What has no meaning here (value control, variables set outside) is told with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules.errors import Mistake, Problem, line_and_column
from tidewaiter.risk.rules.importing.imported import (
    CONTENT_LENGTH_MAX,
    Cell,
    Imported,
    checked,
    field_for,
    identifier,
    said,
)
from tidewaiter.risk.rules.reading import decimal_of
from tidewaiter.risk.rules.rule import PERCENT_ALL, Rule, RuleSet
from tidewaiter.risk.rules.writing import write_number, write_text

FIELDS: Mapping[str, str] = {
    "ComCod": "item.commodity_code",
    "CtyOrigCod": "item.origin_country_code",
    "StatVal": "item.statistical_value.amount",
    "SuppUnits": "item.quantity",
}
LISTS: Mapping[str, tuple[str, str]] = {  # function → field, and the part of the list it looks into
    "inlisttar": ("item.commodity_code", "codes"),
    "inlistcty": ("item.origin_country_code", "countries"),
    "inlistdec": ("declarant.party_id", "declarants"),
}
_LANES = {"redlane": Lane.RED, "yellowlane": Lane.YELLOW, "bluelane": Lane.BLUE, "greenlane": Lane.GREEN}
_CODES = frozenset(("item.commodity_code",))  # fields of which ASYCUDA's texts may be the beginning
_HS_DIGITS = 6
_DEPTH_MAX = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\n]*"|“[^”\n]*”)|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign><>|<=|>=|[=<>(),;*/+-]))"""
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        return self.text.casefold() if self.kind == "name" else self.text


class _Sent(NamedTuple):
    """A lane set under a condition."""

    condition: str
    lane: Lane
    percent: int
    at: int


def read_asycuda(text: str, fields: Mapping[str, str]) -> Imported:
    """The rules of ASYCUDA criteria, one for each lane that a condition sends to; `fields` beside those known here."""
    if len(text) > CONTENT_LENGTH_MAX:
        return Imported(RuleSet(()), (Problem(code="unreadable", words=f"more than {CONTENT_LENGTH_MAX} characters"),))
    rules: list[Rule] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for name, start, body in _criteria(text):
        try:
            reader = _Reader(text, (start, start + len(body)), {**FIELDS, **fields})
            sent = reader.statements()
        except Mistake as mistake:
            problems.append(_problem(text, mistake, name))
            continue
        problems += [_problem(text, each, name, is_warning=True) for each in reader.remarks]
        found = _rules(name, sent, seen)
        for rule, at in found:
            line, _ = line_and_column(text, at)
            condition, faults = checked(rule.condition, Cell("", line, f"criteria {name}"))
            problems += faults
            if not faults:
                rules.append(
                    Rule(
                        rule_id=rule.rule_id,
                        title=rule.title,
                        words=rule.words,
                        condition=condition,
                        lane=rule.lane,
                        percent=rule.percent,
                    )
                )
        if not found:
            problems.append(_problem(text, Mistake("no_lane", f"the criteria {name} send to no lane", start), name))
    if not rules and not problems:
        problems.append(Problem(code="empty", words="the text holds no criteria", line=1, column=1))
    return Imported(RuleSet(tuple(rules)), tuple(problems))


def _criteria(text: str) -> list[tuple[str, int, str]]:
    """Name, place and body of each part that a Criteria line begins; a text without one is one part."""
    heads = list(re.finditer(r'(?im)^[ \t]*criteria[ \t]+["“]([^"”\n]*)["”][ \t]*;?', text))
    found = []
    end = heads[0].start() if heads else len(text)
    if text[:end].strip():
        found.append(("criteria", 0, text[:end]))
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        found.append((head.group(1), head.end(), text[head.end() : end]))
    return found


def _rules(name: str, sent: list[_Sent], seen: dict[str, int]) -> list[tuple[Rule, int]]:
    found = []
    left: dict[str, int] = {}
    for each in sorted(sent, key=lambda one: -one.lane.rank):
        rest = left.get(each.condition, PERCENT_ALL)  # what higher lanes leave of the same hits
        if not each.percent or not rest:
            continue
        percent = min(PERCENT_ALL, -(-each.percent * PERCENT_ALL // rest))
        left[each.condition] = rest - min(rest, each.percent)
        words = said(f"ASYCUDA criteria: {each.percent} % to the {each.lane} lane. {name}")
        rule = Rule(
            rule_id=identifier(f"asycuda.{name}.{each.lane}", seen),
            title=said(f"{name} ({each.lane})"),
            words=words,
            condition=each.condition,
            lane=each.lane,
            percent=percent,
        )
        found.append((rule, each.at))
    return found


class _Reader:
    """Statements of one criteria: conditions within conditions, lanes, variables that are set and used."""

    def __init__(self, text: str, span: tuple[int, int], fields: Mapping[str, str]) -> None:
        self.tokens = _tokens(text, *span)
        self.end = span[1]
        self.place = 0
        self.fields = {name.casefold(): field for name, field in fields.items()}
        self.variables: dict[str, str] = {}
        self.remarks: list[Mistake] = []
        self._depth = 0

    def statements(self) -> list[_Sent]:
        """Everything to the end of the text."""
        found: list[_Sent] = []
        while self.place < len(self.tokens):
            found += self._statement("")
        return found

    def _statement(self, under: str) -> list[_Sent]:
        token = self._next()
        if token.word == ";":
            return []
        if token.word == "if":
            return self._if(under)
        if token.word in _LANES:
            self._take("is")
            percent = self._next()
            if percent.kind != "number" or not percent.text.isdigit() or int(percent.text) > PERCENT_ALL:
                raise Mistake("lane", f"{percent.text!r} is no percentage", percent.at, "RedLane IS 100")
            if not under:
                raise Mistake(
                    "no_condition",
                    f"{token.text} stands under no condition",
                    token.at,
                    "If … Then RedLane IS 100; Endif;",
                )
            return [_Sent(under, _LANES[token.word], int(percent.text), token.at)]
        if token.kind == "name" and self._is("is"):
            if under:
                raise Mistake(
                    "variable", f"{token.text} is set only under a condition", token.at, "set it before the If"
                )
            self.place += 1
            self.variables[token.word] = f"({self._sum()})"
            return []
        raise Mistake(
            "statement", f"{token.text!r} is not understood", token.at, "If … Then …; Endif; or RedLane IS 100;"
        )

    def _if(self, under: str) -> list[_Sent]:
        self._depth += 1
        start = self._peek().at
        if self._depth > _DEPTH_MAX:
            raise Mistake("too_deep", f"more than {_DEPTH_MAX} conditions within one another", start)
        condition = self._or()
        self._take("then")
        inside = f"{under} && ({condition})" if under else f"({condition})"
        found = self._block(inside)
        if self._is("else"):
            self.remarks.append(
                Mistake("else", "Else holds here only where the fields it speaks of are there", self._next().at)
            )
            found += self._block(f"{under} && !({condition})" if under else f"!({condition})")
        if self._is("endif"):
            self.place += 1
        self._depth -= 1
        return found

    def _block(self, under: str) -> list[_Sent]:
        found: list[_Sent] = []
        while self.place < len(self.tokens) and self._peek().word not in ("endif", "else"):
            found += self._statement(under)
        return found

    def _or(self) -> str:
        return self._chain("or", "||")

    def _and(self) -> str:
        return self._chain("and", "&&")

    def _chain(self, word: str, sign: str) -> str:
        read = self._and if word == "or" else self._test
        parts = [read()]
        while self._is(word):
            self.place += 1
            parts.append(read())
        return parts[0] if len(parts) == 1 else "(" + f" {sign} ".join(parts) + ")"

    def _test(self) -> str:
        token = self._peek()
        if token.word == "not":
            self.place += 1
            return f"!({self._test()})"
        if token.word == "(" and self._is_condition():
            self.place += 1
            inner = self._or()
            self._take(")")
            return f"({inner})"
        if token.word.startswith("inlist"):
            return self._in_list()
        left = self._sum()
        sign = self._next()
        if sign.text not in ("=", "<>", "<", "<=", ">", ">="):
            raise Mistake(
                "comparison", f"{sign.text!r} stands where a comparison is looked for", sign.at, "= <> < <= > >="
            )
        written = {"=": "==", "<>": "!="}.get(sign.text, sign.text)
        value = self._peek()
        if value.kind == "text" and left in _CODES and written in ("==", "!="):
            return self._of_code(left, written)
        return f"{left} {written} {self._sum()}"

    def _of_code(self, field: str, sign: str) -> str:
        """A code: six digits or fewer stand for all codes that begin so, as declarations here have six to ten digits."""
        token = self._next()
        code = token.text[1:-1]
        if len(code) > _HS_DIGITS:
            return f"{field} {sign} {write_text(code)}"
        test = f"{field}.startsWith({write_text(code)})"
        return test if sign == "==" else f"!{test}"

    def _in_list(self) -> str:
        function = self._next()
        self._take("(")
        name = self._next()
        self._take(")")
        if self._is("="):
            self.place += 1
            self._take("found")
        known = LISTS.get(function.word)
        if known is None or name.kind != "text":
            hint = f"known: {', '.join(LISTS)} of a list's name"
            raise Mistake("function", f"{function.text} is not understood", function.at, hint)
        field, part = known
        return f'{field} in list("{re.sub(r"[^A-Za-z0-9_.@-]", "_", name.text[1:-1])}.{part}")'

    def _is_condition(self) -> bool:
        """Whether a bracket that opens here holds a condition and not a term."""
        depth = 0
        for token in self.tokens[self.place :]:
            depth += (token.text == "(") - (token.text == ")")
            if depth and (token.text in ("=", "<>", "<", "<=", ">", ">=") or token.word in ("and", "or", "not")):
                return True
            if not depth:
                return False
        return False

    def _sum(self) -> str:
        found = self._term()
        while self._peek().text in ("+", "-", "*", "/"):
            sign = self._next().text
            found = f"({found} {sign} {self._term()})"
        return found

    def _term(self) -> str:
        token = self._next()
        if token.kind == "text":
            return write_text(token.text[1:-1])
        if token.kind == "number":
            return write_number(decimal_of(token.text, token.at))
        if token.text == "(":
            inner = self._sum()
            self._take(")")
            return f"({inner})"
        if token.kind != "name":
            raise Mistake("term", f"{token.text!r} stands where a value is looked for", token.at)
        if token.word in self.variables:
            return self.variables[token.word]
        try:
            return field_for(self.fields.get(token.word, token.text), {})
        except Mistake as mistake:
            hint = f'say what it is: --field "{token.text}=item.commodity_code"'
            raise Mistake(mistake.code, mistake.args[0], token.at, hint) from mistake

    def _peek(self) -> _Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else _Token("end", "", self.end)

    def _next(self) -> _Token:
        token = self._peek()
        if token.kind == "end":
            raise Mistake("unfinished", "the criteria end in the middle", self.end, "If … Then RedLane IS 100; Endif;")
        self.place += 1
        return token

    def _is(self, word: str) -> bool:
        return self._peek().word == word

    def _take(self, word: str) -> None:
        token = self._peek()
        if token.word != word:
            raise Mistake("syntax", f"{token.text or 'the end'!r} stands where {word!r} is looked for", token.at)
        self.place += 1


def _tokens(text: str, start: int, end: int) -> list[_Token]:
    found, at = [], start
    while text[at:end].strip():
        match = _TOKEN.match(text, at, end)
        if match is None:
            at += len(text[at:end]) - len(text[at:end].lstrip())
            raise Mistake("character", f"{text[at]!r} is not understood", at)
        kind = match.lastgroup or ""
        found.append(_Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return found


def _problem(text: str, mistake: Mistake, name: str, *, is_warning: bool = False) -> Problem:
    line, column = line_and_column(text, mistake.at)
    return Problem(
        code=mistake.code,
        words=mistake.words,
        line=line,
        column=column,
        hint=mistake.hint,
        where=f"criteria {name}",
        is_warning=is_warning,
    )
