"""What goes wrong with a duty sentence: always with the place, what was expected there, and a hint."""

from __future__ import annotations

from tidewaiter.model.errors import TidewaiterError


class SentenceError(TidewaiterError):
    """A text is no duty sentence, or an expression has no words in a style. `line` and `column` count from 1."""

    code = "tariff.sentence"

    def __init__(
        self, detail: str, *, hint: str = "", line: int = 0, column: int = 0, expected: tuple[str, ...] = ()
    ) -> None:
        place = f"line {line}, column {column}" if line else ""
        super().__init__(f"{place}: {detail}" if place else detail, hint=hint, place=place)
        self.line = line
        self.column = column
        self.expected = expected
