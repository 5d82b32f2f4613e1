"""The answer about the declaration asked of last: whoever shows a message asks for place after place of the same one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tidewaiter.model.declaration import Declaration

T = TypeVar("T")


class ForLast(Generic[T]):
    """A function of a declaration that works once for the same one asked again and again."""

    def __init__(self, work: Callable[[Declaration], T]) -> None:
        self._work = work
        self._last: tuple[Declaration, T] | None = None

    def __call__(self, declaration: Declaration) -> T:
        """The answer for this very declaration."""
        last = self._last
        if last is None or last[0] is not declaration:
            last = self._last = (declaration, self._work(declaration))
        return last[1]
