"""Commodity codes by day: which six-digit subheadings of the Harmonized System exist."""

from __future__ import annotations

from datetime import date
from functools import cache, lru_cache
from importlib import resources

from ruamel.yaml import YAML

EDITIONS = ("hs-2022",)
# Chapters 98 and 99 are left to each country for goods of its own choosing (HS General Rules; CN chapters 98, 99).
NATIONAL_CHAPTERS = ("98", "99")


class Edition:
    """One edition of the Harmonized System: its days and its six-digit codes."""

    __slots__ = ("subheadings", "title", "valid_from", "valid_to")

    def __init__(self, content: str) -> None:
        fields = YAML(typ="safe", pure=True).load(content)
        self.title: str = fields["title"]
        self.valid_from = date.fromisoformat(fields["valid_from"])
        self.valid_to = date.fromisoformat(fields["valid_to"])
        self.subheadings = frozenset(
            heading + ending
            for heading, *endings in (line.split() for line in fields["headings"].splitlines())
            for ending in endings
        )
        if len(self.subheadings) != fields["subheadings"]:
            raise ValueError(f"{self.title}: {len(self.subheadings)} codes, {fields['subheadings']} expected")

    def under(self, prefix: str) -> tuple[str, ...]:
        """The codes that begin with `prefix`, in order."""
        return tuple(sorted(code for code in self.subheadings if code.startswith(prefix)))


@cache
def _edition(name: str) -> Edition:
    return Edition(resources.files(__name__).joinpath(f"{name}.yaml").read_text("utf-8"))


@lru_cache(maxsize=64)
def edition_on(day: date) -> Edition | None:
    """The edition in force on `day`; None where none is held, which means unknown, not "no codes"."""
    return next((e for e in map(_edition, EDITIONS) if e.valid_from <= day <= e.valid_to), None)


def nearest_edition(day: date) -> Edition:
    """The edition in force on `day`, or the one whose days are nearest: to measure the size of a list by, not its codes."""
    return edition_on(day) or min(map(_edition, EDITIONS), key=lambda each: abs((each.valid_from - day).days))
