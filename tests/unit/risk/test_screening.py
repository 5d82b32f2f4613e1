from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.risk.screening import NameIndex, compare, name_of
from tidewaiter.risk.screening.index import THRESHOLD
from tidewaiter.risk.screening.names import sound_of

LIST = (
    ("1", "Dmitriy Ivanovich Sokolov"),
    ("2", "Muhammad al-Fayed"),
    ("3", "Bright Star Trading Co., Ltd."),
    ("4", "王小明"),
    ("5", "José Luis García Fernández"),
    ("6", "Jürgen Müller"),
)
INDEX = NameIndex(LIST)


def found(text: str) -> list[str]:
    return [match.entry_id for match in INDEX.found(text, THRESHOLD)]


@pytest.mark.parametrize(
    ("text", "entry_id"),
    [
        ("Дмитрий Иванович Соколов", "1"),
        ("SOKOLOV, Dmitriy Ivanovich", "1"),
        ("Dmitri Ivanovich Sokolov", "1"),
        ("Dmitriy Ivanovich Sokolvo", "1"),
        ("Mohammed Al Fayed", "2"),
        ("Bright Star Trading Limited", "3"),
        ("BRIGHT STAR TRDG", "3"),
        ("BrightStar Trading", "3"),
        ("Wang Xiaoming", "4"),
        ("Wang Xiao Ming", "4"),
        ("Jose Luis Garcia Fernandez", "5"),
        ("Mr Jose Luis Garcia-Fernandez Jr.", "5"),
        ("Juergen Mueller", "6"),
        ("Jurgen Muller", "6"),
        ("J0rgen Mu11er".replace("0", "ü"), "6"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, entry_id: str) -> None:
    assert entry_id in found(text)


@pytest.mark.parametrize(
    "text", ["Ivan Petrov", "Morning Star Shipping", "Li Wei", "Maria Fernandez", "", "Ltd", "--", "Hans Müller"]
)
def test_other_names_are_not(text: str) -> None:
    assert found(text) == []


def test_a_match_says_which_words_speak_for_it() -> None:
    (match,) = INDEX.found("Dmitri Ivanovich Sokolow", THRESHOLD)
    assert match.listed == "Dmitriy Ivanovich Sokolov"
    assert "“sokolov” ~ “sokolow”" in match.words
    assert "“ivanovich”" in match.words


def test_the_same_name_is_alike_to_one_and_nothing_to_nothing() -> None:
    assert compare(name_of("Anna Berg"), name_of("BERG, Anna")).score == 1.0
    assert compare(name_of("Anna Berg"), name_of("Otto Wolf")).score < 0.5
    assert compare(name_of(""), name_of("Anna")).score == 0.0


def test_nothing_but_a_legal_form_keeps_it() -> None:
    assert name_of("Ltd").words == ("ltd",)
    assert name_of("A.Ş.").words == ("as",)
    assert name_of("Arslan A.Ş.").words == ("arslan",)
    assert name_of("科技有限公司").words == ("ke", "ji")


@given(st.text(max_size=60))
def test_any_text_is_a_name_and_writing_its_words_again_is_the_same(text: str) -> None:
    name = name_of(text)
    assert name_of(" ".join(name.words)).whole == name.whole or any(len(word) == 1 for word in name.words)
    assert 0.0 <= compare(INDEX_NAME, name).score <= 1.0
    assert all(sound_of(word) for word in name.words)


INDEX_NAME = name_of("Dmitriy Ivanovich Sokolov")


@given(st.lists(st.text("abcdefgh ", min_size=4, max_size=14), min_size=1, max_size=30, unique=True))
def test_every_name_of_a_list_is_found_by_itself(names: list[str]) -> None:
    index = NameIndex((str(number), name) for number, name in enumerate(names))
    for number, name in enumerate(names):
        if name_of(name).words and any(len(word) > 1 for word in name_of(name).words):
            best = index.found(name, 0.99)
            assert any(name_of(names[int(match.entry_id)]).whole or number for match in best)
            assert best
            assert best[0].score >= 0.99
