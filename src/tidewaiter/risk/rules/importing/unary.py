"""Cells of decision tables as conditions: a subset of FEEL's unary tests (not confirmed against DMN's text).

What is read: values and lists of them, comparisons, intervals, not(…), null, date("…"); of the JSON decision model also
tests of `$`, the cell's own field: startsWith($, "61"). Anything else is a mistake, told with its place in the cell.

Both take what is missing for unequal to a value, so "not equal" is written `x != 3 || !has(x)` here. ZEN 2.1 takes
`]1..5[` for outside of the interval, where FEEL takes it for inside without its ends; it has no not(…) and no single =:
of its cells these are told as mistakes.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from tidewaiter.risk.rules.errors import Mistake
from tidewaiter.risk.rules.reading import decimal_of
from tidewaiter.risk.rules.writing import write_number, write_text

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<number>-?(?:\d+(?:\.\d+)?|\.\d+)(?!\.\d))"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|==|\.\.|[<>=,()\[\]$+*/-]))"""
)
_TESTS = {"startsWith": "startsWith", "endsWith": "endsWith", "contains": "contains", "matches": "matches"}


class Dialect(StrEnum):
    """Whose cells are read."""

    FEEL = "feel"
    ZEN = "zen"


class _Piece(NamedTuple):
    kind: str
    text: str
    at: int


def unary_test(term: str, cell: str, dialect: Dialect = Dialect.FEEL) -> str:
    """The condition that a cell says of a term of ours. Raises Mistake with the place in the cell."""
    reader = _Cell(term, cell, dialect)
    found = reader.tests()
    reader.end()
    return found


class _Cell:
    def __init__(self, term: str, cell: str, dialect: Dialect) -> None:
        self.term = term
        self.cell = cell
        self.is_feel = dialect is Dialect.FEEL
        self.pieces = _pieces(cell)
        self.place = 0

    def tests(self) -> str:
        """Tests between commas, of which one must hold; a run of values becomes one list."""
        if self.is_feel and self._is("name", "not") and self._is("sign", "(", ahead=1):
            self.place += 2
            inner = self.tests()
            self._take("sign", ")")
            is_unequal = inner.startswith((f"{self.term} == ", f"{self.term} in "))
            return f"(!({inner}) || !has({self.term}))" if is_unequal else f"!({inner})"
        values: list[str] = []
        others: list[str] = []
        while True:
            is_value, text = self._test()
            (values if is_value else others).append(text)
            if not self._is("sign", ","):
                break
            self.place += 1
        if len(values) == 1:
            others.insert(0, f"{self.term} == {values[0]}")
        elif values:
            others.insert(0, f"{self.term} in [{', '.join(values)}]")
        return others[0] if len(others) == 1 else "(" + " || ".join(others) + ")"

    def end(self) -> None:
        """Raises Mistake where something is left."""
        if self.place < len(self.pieces):
            self._unexpected()

    def _test(self) -> tuple[bool, str]:
        piece = self._piece()
        if piece.kind == "sign" and piece.text in ("<", "<=", ">", ">=", "=", "==", "!="):
            return False, self._compared(piece.text)
        if piece.kind == "sign" and piece.text in (("[", "(", "]") if self.is_feel else ("[", "(")):
            return False, self._interval()
        if piece.kind == "name" and piece.text == "null":
            self.place += 1
            return False, f"!has({self.term})"
        if piece.kind == "name" and piece.text in _TESTS:
            return False, self._of_itself(piece)
        if piece.kind == "name" and piece.text in ("true", "false"):
            self.place += 1
            return False, f"{self.term} == {piece.text}"
        return True, self._value()

    def _compared(self, sign: str) -> str:
        if sign == "=" and not self.is_feel:
            self._unexpected()
        self.place += 1
        value = self._value()
        if sign == "!=":
            return f"({self.term} != {value} || !has({self.term}))"
        return f"{self.term} {'==' if sign == '=' else sign} {value}"

    def _interval(self) -> str:
        least_sign = ">=" if self._piece().text == "[" else ">"
        self.place += 1
        least = self._value()
        self._take("sign", "..")
        most = self._value()
        closing = self._piece()
        if closing.kind != "sign" or closing.text not in (("]", ")", "[") if self.is_feel else ("]", ")")):
            self._unexpected()
        self.place += 1
        most_sign = "<=" if closing.text == "]" else "<"
        return f"({self.term} {least_sign} {least} && {self.term} {most_sign} {most})"

    def _of_itself(self, piece: _Piece) -> str:
        self.place += 1
        self._take("sign", "(")
        self._take("sign", "$")
        self._take("sign", ",")
        text = self._value()
        self._take("sign", ")")
        return f"{self.term}.{_TESTS[piece.text]}({text})"

    def _value(self) -> str:
        piece = self._piece()
        self.place += 1
        if piece.kind == "text":
            return write_text(re.sub(r"\\(.)", r"\1", piece.text[1:-1]))
        if piece.kind == "number":
            return write_number(decimal_of(piece.text, piece.at))
        if piece.kind == "name" and piece.text in ("date", "timestamp", "money") and self._is("sign", "("):
            self.place += 1
            inner = self._value()
            self._take("sign", ")")
            return f"{piece.text}({inner})"
        self.place -= 1
        self._unexpected()
        return ""

    def _piece(self) -> _Piece:
        if self.place >= len(self.pieces):
            raise Mistake("cell", "the cell ends in the middle", len(self.cell), _WRITTEN)
        return self.pieces[self.place]

    def _is(self, kind: str, text: str, ahead: int = 0) -> bool:
        at = self.place + ahead
        return at < len(self.pieces) and self.pieces[at].kind == kind and self.pieces[at].text == text

    def _take(self, kind: str, text: str) -> None:
        if not self._is(kind, text):
            self._piece()
            self._unexpected()
        self.place += 1

    def _unexpected(self) -> None:
        piece = self._piece()
        raise Mistake("cell", f"{piece.text!r} at {piece.at + 1} is not understood", piece.at, _WRITTEN)


_WRITTEN = '"61", "62"; > 150; [1..5]; not("61"); null; date("2026-07-01"); - for anything'


def _pieces(cell: str) -> list[_Piece]:
    found, at = [], 0
    while cell[at:].strip():
        match = _TOKEN.match(cell, at)
        if match is None:
            at += len(cell[at:]) - len(cell[at:].lstrip())
            raise Mistake("cell", f"{cell[at]!r} at {at + 1} is not understood", at, _WRITTEN)
        kind = match.lastgroup or ""
        found.append(_Piece(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return found
