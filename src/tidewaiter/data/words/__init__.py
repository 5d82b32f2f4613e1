"""Word lists on descriptions of goods."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

from ruamel.yaml import YAML


class VagueWords(NamedTuple):
    """Words that say nothing of the goods: single words, whole phrases, words that never add anything, colours, sizes."""

    words: frozenset[str]
    phrases: frozenset[str]
    fillers: frozenset[str]
    colours: frozenset[str]
    sizes: frozenset[str]


def vague_words() -> VagueWords:
    """The list in all its languages, case-folded. Reads package data at each call: callers keep it."""
    fields = YAML(typ="safe", pure=True).load(resources.files(__name__).joinpath("vague.yaml").read_text("utf-8"))
    words: set[str] = set()
    phrases: set[str] = set()
    fillers: set[str] = set()
    colours: set[str] = set()
    sizes: set[str] = set()
    for language in fields["languages"].values():
        words.update(language["words"].casefold().split())
        phrases.update(phrase.casefold().strip() for phrase in language["phrases"])
        fillers.update(language["fillers"].casefold().split())
        colours.update(language["colours"].casefold().split())
        sizes.update(language["sizes"].casefold().split())
    return VagueWords(frozenset(words), frozenset(phrases), frozenset(fillers), frozenset(colours), frozenset(sizes))
