"""One case of a conformance suite."""

from __future__ import annotations

from msgspec import Struct


class Case(Struct, frozen=True):
    """Whether one outside example came out right; `reason` says why not, or what was checked."""

    name: str
    passed: bool
    reason: str = ""
