"""Text as words: what is declared and what is looked for are folded alike."""

from __future__ import annotations

import pytest

from tidewaiter.model.words import PhraseIndex, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("T-shirt, size M", ["t", "shirt", "size", "m"]),
        ("Größe ÀÉÎ", ["grosse", "aei"]),
        ("FLICK\tKNIFE\n", ["flick", "knife"]),
        ("弹簧刀 gift", ["弹", "簧", "刀", "gift"]),
        ("ﬁrearm", ["firearm"]),
        ("peber\u200dspray", ["peberspray"]),
        ("\u202eknife", ["knife"]),
        ("fyrværkeri", ["fyrværkeri"]),
        ("a\x00b", ["a", "b"]),
        ("ＫＮＩＦＥ", ["knife"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_phrases_are_found_whole_and_in_order() -> None:
    index = PhraseIndex([(("flick", "knife"), 1), (("knife",), 2), (("弹", "簧", "刀"), 3)])
    assert index.found(words_of("a flick knife")) == {1: ("flick", "knife"), 2: ("knife",)}
    assert index.found(words_of("knife flick")) == {2: ("knife",)}
    assert index.found(words_of("大弹簧刀")) == {3: ("弹", "簧", "刀")}
    assert index.found(words_of("flickknife knives")) == {}
    assert index.found(["flick"]) == {}
