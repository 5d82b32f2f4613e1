"""What is wrong with a rule: always with line, column, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError


class Problem(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One mistake, or one thing to look at (`is_warning`), in the text of rules.

    `line` and `column` count from 1; `where` says the place in a source's own terms where it has others.
    """

    code: str
    words: str
    line: int = 0
    column: int = 0
    hint: str = ""
    rule_id: str = ""
    is_warning: bool = False
    where: str = ""

    @property
    def place(self) -> str:
        """Where: "line 3, column 7"."""
        line = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}" if self.line else ""
        return ", ".join(each for each in (self.where, line) if each)


class RuleError(TidewaiterError):
    """A text that is no rule, or no condition. `problems` has every mistake, the first of which is told."""

    code = "risk.rule"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        about = f"rule {first.rule_id}: " if first.rule_id else ""
        super().__init__(f"{about}{first.words}{more}", hint=first.hint, place=first.place)


class Mistake(Exception):
    """A mistake at a position of one condition's text, before line and column are known."""

    def __init__(self, code: str, words: str, at: int, hint: str = "") -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.at = at
        self.hint = hint


def meant(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """ "did you mean …?" where something known is close to `word`, else `otherwise`."""
    lowered = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), lowered, n=3, cutoff=3 / 5)
    if not close:
        tail = word.rpartition(".")[2].casefold()
        close = [each for each in lowered if each.rpartition(".")[2] == tail][:3]
    return f"did you mean {' or '.join(lowered[each] for each in close)}?" if close else otherwise


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """The line and column, both from 1, of a position in a text."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
