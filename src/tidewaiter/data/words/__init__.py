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
    plain_colours: frozenset[str]  # without those that goods are called by too: olive, cream, chocolate
    sizes: frozenset[str]

    @property
    def empty(self) -> frozenset[str]:
        """Words that alone or together never say what goods are."""
        return self.words | self.fillers | self.plain_colours | self.sizes


def vague_words() -> VagueWords:
    """The list in all its languages, case-folded. Reads package data at each call: callers keep it."""
    fields = YAML(typ="safe", pure=True).load(resources.files(__name__).joinpath("vague.yaml").read_text("utf-8"))
    words: set[str] = set()
    phrases: set[str] = set()
    fillers: set[str] = set()
    colours: set[str] = set()
    plain_colours: set[str] = set()
    sizes: set[str] = set()
    for language in fields["languages"].values():
        words.update(language["words"].casefold().split())
        phrases.update(phrase.casefold().strip() for phrase in language["phrases"])
        fillers.update(language["fillers"].casefold().split())
        named = language["colours"].casefold().split()
        colours.update(named)
        plain_colours.update(word for word in named if word not in language.get("colours_of_goods", "").split())
        sizes.update(language["sizes"].casefold().split())
    return VagueWords(
        frozenset(words),
        frozenset(phrases),
        frozenset(fillers),
        frozenset(colours),
        frozenset(plain_colours),
        frozenset(sizes),
    )


def words_by_language() -> dict[str, frozenset[str]]:
    """The single words that say nothing, case-folded, by language (ISO 639-1). Reads package data at each call: callers keep it."""
    fields = YAML(typ="safe", pure=True).load(resources.files(__name__).joinpath("vague.yaml").read_text("utf-8"))
    return {code: frozenset(language["words"].casefold().split()) for code, language in fields["languages"].items()}


def words_around() -> dict[str, frozenset[str]]:
    """English words that name no goods, case-folded, by kind: services, trades, occasions, praise, groups, papers, receivers.

    Reads package data at each call: callers keep it.
    """
    fields = YAML(typ="safe", pure=True).load(resources.files(__name__).joinpath("around.yaml").read_text("utf-8"))
    return {kind: frozenset(words.casefold().split()) for kind, words in fields["kinds"].items()}


class Programme(NamedTuple):
    """An advance cargo programme and the wordings it refuses where they stand alone, case-folded."""

    programme: str
    title: str
    terms: frozenset[str]


def programmes() -> tuple[Programme, ...]:
    """The programmes whose lists are held. Reads package data at each call: callers keep it."""
    fields = YAML(typ="safe", pure=True).load(resources.files(__name__).joinpath("programmes.yaml").read_text("utf-8"))
    return tuple(
        Programme(
            each["programme"],
            each["title"],
            frozenset(" ".join(term.casefold().split()) for term in each["terms"].split(";")),
        )
        for each in fields["programmes"]
    )
