"""Reading rate texts: one grammar per style (taric.lark, us.lark), one kind of result."""

from __future__ import annotations

import difflib
import re
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from tidewaiter.tariff.sentences.building import TaricBuilder, UsBuilder
from tidewaiter.tariff.sentences.errors import SentenceError
from tidewaiter.tariff.sentences.expression import DutyExpression
from tidewaiter.tariff.sentences.faults import told, unit_told
from tidewaiter.tariff.sentences.rules import rule_pattern
from tidewaiter.tariff.sentences.units import unit_table

TEXT_LENGTH_MAX = 2000  # the longest rate text seen is under 600 characters
CACHED_TEXTS_MAX = 32_768  # a national tariff has some 2,000 distinct rate texts per column

# 1,024.00 and 1024.00; a comma before one or two final digits is a decimal comma.
_NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+,\d{1,2}(?!\d)|\d+(?:\.\d+)?|\.\d+"
_SAME_LENGTH = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2013": "-", "\u2014": "-", "\uff05": "%"}
)
_WORDS = {
    "NUMBER": "an amount",
    "PERCENT": "'%'",
    "CURRENCY": "a currency such as EUR",
    "DOLLAR": "'$'",
    "_USD": "'USD'",
    "_CENTS": "'cents'",
    "UNIT": "a unit such as kg",
    "_PER": "'/' and a unit",
    "_OF": "'of the'",
    "EACH": "'each'",
    "PART": "'on' and the part of the goods",
    "PLUS": "'+'",
    "MINUS": "'minus'",
    "MINIMUM": "a minimum",
    "MAXIMUM": "a maximum",
    "MEURSING": "an agricultural component such as EA",
    "NIHIL": "'NIHIL'",
    "FREE": "'Free'",
    "RULE": "the words of a legal rule",
    "CAP": "'but if … shall not exceed …'",
    "OVER": "'over'",
    "_DEGREE_UNDER": "'for each degree under'",
    "_DEGREES": "'degrees'",
    "_A_DUTY_OF": "'a duty of'",
    "DAY": "a day of the month",
    "MONTH": "a month such as JAN",
    "DASH": "'-'",
    "LPAR": "the season in brackets",
    "RPAR": "')'",
    "COMMA": "','",
    "$END": "the end of the text",
}


class Style(StrEnum):
    """Whose manner of writing rates: TARIC (the EU and the UK), or the US schedule."""

    TARIC = "taric"
    US = "us"


@lru_cache(maxsize=CACHED_TEXTS_MAX)
def parse(text: str, style: Style) -> DutyExpression:
    """The duty that a rate text states, or names as a legal rule. Raises SentenceError with place, cause and hint."""
    if len(text) > TEXT_LENGTH_MAX:
        raise SentenceError(f"the text has {len(text)} characters", hint=f"a rate has at most {TEXT_LENGTH_MAX}")
    plain = text.translate(_SAME_LENGTH)
    if style is Style.US:
        plain = re.sub(r"\s+\d{1,2}/\s*$", "", plain)  # the mark of a footnote, as in "6.8% 1/"
    try:
        return _parser(style).parse(plain)  # type: ignore[return-value]  # the transformer's result, not a tree
    except UnexpectedInput as error:
        raise _located(error, plain, style) from error


@cache
def _parser(style: Style) -> Lark:
    grammar = resources.files(__package__).joinpath(f"{style}.lark").read_text("utf-8")
    patterns = {"@UNIT@": unit_table().patterns[style], "@RULE@": rule_pattern(), "@NUMBER@": _NUMBER}
    for name, pattern in patterns.items():
        grammar = grammar.replace(f"/{name}/", "/" + pattern.replace("/", r"\/") + "/")
    builder = TaricBuilder() if style is Style.TARIC else UsBuilder()
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=builder, maybe_placeholders=False)


def _located(error: UnexpectedInput, text: str, style: Style) -> SentenceError:
    names = _expected(error)
    expected = tuple(dict.fromkeys(_WORDS.get(name, name) for name in sorted(names)))
    position = len(text) if _is_at_end(error) else error.pos_in_stream or 0
    line, column = text.count("\n", 0, position) + 1, position - (text.rfind("\n", 0, position) + 1) + 1
    found = re.match(r"\s*([^\s/+()]+|.)?", text[position:])
    word = (found.group(1) if found else "") or ""
    rest = re.match(r"[^+()]*", text[position:])
    detail, hint = told(text, position, word, expected)
    if word and rest and text[:position].rstrip().endswith(("/", "per")):
        detail, hint = unit_told(rest.group().strip()), ""
    other = Style.US if style is Style.TARIC else Style.TARIC
    if _is_of_style(text, other):
        hint = f"this is a text in {other} style"
    return SentenceError(
        detail,
        hint=hint or _hint(rest.group().strip() if rest and "UNIT" in names else word, names, style),
        line=line,
        column=column,
        expected=expected,
    )


def _is_of_style(text: str, style: Style) -> bool:
    """Whether the other style reads it, and by more than a bare number or a percentage, which both write alike."""
    return bool(re.search(r"[A-Za-z$¢]", text)) and _reads(text, style)


def _reads(text: str, style: Style) -> bool:
    try:
        _parser(style).parse(text)
    except (UnexpectedInput, VisitError, SentenceError):
        return False
    return True


def _expected(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return set(error.accepts or error.expected)
    return set(error.allowed or ()) if isinstance(error, UnexpectedCharacters) else set()


def _is_at_end(error: UnexpectedInput) -> bool:
    return isinstance(error, UnexpectedToken) and error.token.type == "$END"


def _hint(word: str, names: set[str], style: Style) -> str:
    if word and "UNIT" in names:
        close = difflib.get_close_matches(word.casefold(), unit_table().texts(style), n=3, cutoff=1 / 2)
        if close:
            return f"did you mean {' or '.join(close)}?"
    if word and "UNIT" in names and not names & {"NUMBER", "RULE"}:
        return "units are written kg, 100 kg, l, hl, m2, p/st (item) …; see data/tariff"
    if word and names & {"NUMBER", "RULE"} and not word[0].isdigit():
        return "a rate begins with an amount or the words of a known legal rule"
    return "write it as the tariff does: " + (
        "10.20 % + 93.10 EUR / 100 kg" if style is Style.TARIC else "1.7 cents/kg + 5%"
    )
