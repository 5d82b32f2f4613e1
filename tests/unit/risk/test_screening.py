from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.risk.screening import NEWEST, Manner, NameIndex, compare, name_of
from tidewaiter.risk.screening.index import THRESHOLD
from tidewaiter.risk.screening.names import consonants_of, is_like_a_form, spelling_of

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


OTHERS = tuple(
    (f"v{number}", f"{middle} {first} {last}")
    for number, (first, middle, last) in enumerate(
        (first, middle, last)
        for first in ("Minh", "Hương", "Phúc", "Khoa")
        for middle in ("Văn", "Thị", "Đức")
        for last in ("Trần", "Phạm", "Bùi")
    )
)


def test_two_frequent_words_of_three_are_many_peoples_and_two_rare_ones_are_ones() -> None:
    index = NameIndex((*OTHERS, ("r", "Zebulon Ignaz Quistgaard")))
    assert index.found("Minh Phạm", THRESHOLD) == ()
    assert [match.entry_id for match in index.found("Zebulon Quistgaard", THRESHOLD)] == ["r"]


@pytest.mark.parametrize(
    ("listed", "seen", "is_alike"),
    [
        ("张海燕", "Zhang Hai Yan", True),
        ("张海燕", "张海燕", True),
        ("张海燕", "张燕", False),  # another person's
        ("李婷婷", "刘婷婷", False),  # Latin letters would differ by one
        ("彩虹信息有限公司", "Cai Hong Xin Xi You Xian Gong Si", True),
        ("Đặng Phạm Công ty Trách nhiệm hữu hạn", "Dang Pham Cong Ty TNHH", True),
        ("Petersen A/S", "Petersen ApS", True),
        ("г-н Иван Соколов", "Ivan Sokolov", True),
        ("Trọng Bùi Xuân Hải", "Trọng  Bùi. Xuân-Hải", True),
        ("Gilbert Bernier", "GilbertBernier", True),
        ("Perrier", "Poirier", False),  # nothing else speaks for names of one word
        ("Laurent Schmitt", "Laursen A/S", False),
    ],
)
def test_what_a_name_is_made_of_is_known(listed: str, seen: str, is_alike: bool) -> None:  # noqa: FBT001
    index = NameIndex((*OTHERS, ("x", listed)))
    assert ("x" in [match.entry_id for match in index.found(seen, THRESHOLD)]) is is_alike


def test_a_word_of_a_legal_form_that_was_miswritten_tells_nobody_from_anybody() -> None:
    assert is_like_a_form("ltdd")
    assert not is_like_a_form("sokolov")
    assert "3" in found("Bright Star Trading Limted")


def test_each_manner_screens_as_it_always_did() -> None:
    first = Manner.FIRST.screener(OTHERS)
    assert Manner.FIRST.threshold == 0.83
    matches = first.found("Minh Phạm", 0.83)
    assert [(match.entry_id, match.score) for match in matches] == [("v1", 0.8765), ("v4", 0.8765), ("v7", 0.8765)]
    assert NEWEST is Manner.RARITY
    assert NEWEST.screener(OTHERS).found("Minh Phạm", NEWEST.threshold) == ()


def test_a_match_says_which_words_speak_for_it() -> None:
    (match,) = INDEX.found("Dmitri Ivanovich Sokolow", THRESHOLD)
    assert match.listed == "Dmitriy Ivanovich Sokolov"
    assert "“sokolov” ~ “sokolow”" in match.words
    assert "“ivanovich”" in match.words


def test_the_same_name_is_alike_to_one_and_nothing_to_nothing() -> None:
    assert compare(name_of("Anna Berg"), name_of("BERG, Anna")).score == 1.0
    assert compare(name_of("Anna Anna"), name_of("Anna Anna")).score == 1.0
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
    assert all(consonants_of(spelling_of(word)) for word in name.words)


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
