"""The learned model of vague wording: what it calls so, what it leaves alone, and how it is learned."""

from __future__ import annotations

import pytest

from tidewaiter.classification.features import features_of, telling_words
from tidewaiter.classification.learning import boosted, group_of, nomenclature_index
from tidewaiter.classification.vagueness import PLAIN, Tree, is_named, is_vague, score


@pytest.mark.parametrize(
    "text", ["Christmas present for mum", "mystery box", "summer collection 2024", "lady red love"]
)
def test_words_that_name_nothing_are_vague(text: str) -> None:
    assert is_vague(text)


@pytest.mark.parametrize(
    "text",
    [
        "wireless earbuds", "blue ceramic mug", "LED lamp 12V", "red shoes size 42", "portable computer, 14 inch",
        "Herrenhemd aus Baumwolle", "chaussures en cuir", "手机壳", "Живые цветы", "x" * 300, "horses", "tea",
    ],
)  # fmt: skip
def test_names_of_goods_and_words_of_other_languages_are_left_alone(text: str) -> None:
    assert not is_vague(text)


def test_a_first_part_that_ends_in_a_name_is_named() -> None:
    assert is_named("LED lamp 12V")
    assert is_named("shoes, men, black")
    assert not is_named("men, black, shoe size 42 gift")


def test_long_texts_are_not_weighed() -> None:
    assert score("lady red love " * 10) == PLAIN


def test_features_are_whole_numbers_whatever_the_text() -> None:
    lengths = {len(features_of(text)) for text in ("", " ", "a", "12", "[x]", "Größe", "茶", "\x00")}
    assert len(lengths) == 1
    assert all(type(value) is int for value in features_of("red shoes, 42"))


def test_trees_learn_what_separates_examples() -> None:
    examples = [[value, value % 3] for value in range(100)]
    trees = boosted(examples, [int(value >= 60) for value in range(100)])
    scores = [sum(tree.value(example) for tree in trees) for example in examples]
    assert max(scores[:55]) < 0 < min(scores[65:])


def test_a_leaf_is_its_value() -> None:
    tree = Tree(feature=1, cut=5, below=Tree(leaf=-3), above=Tree(leaf=7))
    assert [tree.value([0, value]) for value in (4, 5)] == [-3, 7]


def test_texts_that_begin_alike_are_one_group() -> None:
    assert group_of("2 x Black, size M") == group_of("black gloves") == "black"
    assert group_of("12 34") == ""


def test_the_index_of_a_nomenclature_points_to_codes_and_leaves_out_what_is_excluded() -> None:
    texts = {f"{number:04}": f"Thing kind{number}; other" for number in range(1, 60)}
    texts |= {f"{number:04}10": f"Part of thing kind{number}, excluding horse" for number in range(1, 60)}
    texts["0001"], texts["000110"] = "Saddlery; leather", "Saddlery; bridles"
    index = dict(nomenclature_index(texts))
    assert [code for code, _ in index["bridle"]] == ["000110"]
    assert index["bridle"][0][1] > index["leather"][0][1]
    assert "horse" not in index
    assert "thing" not in index


def test_words_cut_short_are_told_by_the_names_they_come_from() -> None:
    """Of "hydrtng mstrsr", the second is a moisturiser without vowels; "moistu" is one without its end."""
    cut = features_of("mstrsr")[-15:-11]
    assert cut == [1, 1, 100, 0]
    assert features_of("cream moistu")[-15:-11] == [1, 0, 0, 1]
    assert features_of("zzxqv")[-15:-11] == [1, 0, 0, 0]


def test_the_words_that_could_tell_are_no_sizes_colours_numbers_or_fillers() -> None:
    assert telling_words("2 x red Shoes, size 42 and the box") == {"shoe"}


def test_what_counts_half_is_outvoted() -> None:
    """Two examples of one kind that count half each weigh as much as one."""
    examples = [[0]] * 90
    labels = [1] * 30 + [0] * 60
    evenly = boosted(examples, labels, [1.0] * 30 + [0.5] * 60)
    assert sum(tree.value([0]) for tree in evenly) == 0
    assert sum(tree.value([0]) for tree in boosted(examples, labels)) < 0
