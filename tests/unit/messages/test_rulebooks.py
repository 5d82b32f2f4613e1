"""Rule files: what the test language means, and how a book that cannot be used is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree

from tidewaiter.messages.rulebooks import Rulebook, RulebookError
from tidewaiter.messages.rulebooks.compile import ExpressionError, compiled
from tidewaiter.messages.rulebooks.nodes import document
from tidewaiter.messages.rulebooks.patterns import Pattern, PatternError

MESSAGE = """<m:Root xmlns:m="urn:m">
  <Head><Mode>04</Mode><Total> 3 </Total><Name>  GB1  </Name><Empty/><Mass>2.5</Mass></Head>
  <Item><No>1</No><Mass>1.0</Mass><Kind>AA</Kind><Pack><Count>0</Count><Marks>x</Marks></Pack></Item>
  <Item><No>2</No><Mass>1.5</Mass><Kind> AA </Kind><Pack><Count>2</Count><Marks> x </Marks></Pack></Item>
</m:Root>"""


def holds(test: str, at: str = "Head") -> bool:
    top = document(etree.fromstring(MESSAGE))
    (root,) = top.by_name["Root"]
    return compiled(test)(root if at == "." else root.by_name[at][0])


@pytest.mark.parametrize(
    ("test", "is_true"),
    [
        ("exists('Mode')", True),
        ("not('Mode')", False),
        ("exists('../Item')", True),
        ("exists('../../Root')", True),
        ("exists('../../../Root')", False),
        ("exists('.') && !not(('.'))", True),
        ("exists('/m:Root/Item/Pack')", True),
        ("getValue('Name').startsWith('GB')", False),
        ("trim('Name').startsWith('GB')", True),
        ("trim(\"Name\") == 'GB1'", True),
        ("trim('Nothing') == ''", True),
        ("trim('Mode').take(1) != '0' || trim('Mode').length() <= 1", False),
        ("number('Mode') == 4", True),
        ("number('Mode') == 4.0 && number('Mode') >= 3.9 + 0.1", True),
        ("number('Name') == number('Name')", False),
        ("number('Nothing') != 0", True),
        ("number('Nothing') < 1 || number('Nothing') >= 1", False),
        ("-number('Mode') + 1 * 2 - 1 == -3", True),
        ("intOrElse('Mode', 7) == 4 && intOrElse('Name', 7) == 7", True),
        ("number('Mass') * (1 + 0.0000000000000001 * count('../Item/Mass')) >= sum('../Item/Mass')", True),
        ("sum('../Item/Nothing') == 0", True),
        ("sum('../Item/Kind') == 0", False),
        ("number('../Head/Total') == count('../Item') + 1", True),
        ("countEquals('../Item/Kind', 'AA') == 2", True),
        ("countDistinct('../Item/Kind', true) == 1 && countDistinct('../Item/Kind', false) == 2", True),
        ("countDistinctChildCount('../Item') == 1", True),
        ("areIndices('../Item/No')", True),
        ("areIndices('../Item/Pack/Count')", False),
        ("existsForAll('../Item', 'Kind', 'AA')", True),
        ("existsForAll('../Item', 'Pack/Count', '0')", False),
        ("existsForAll('../Nothing', 'Kind', 'AA')", True),
        ("applyRegex('Mode', '[0-9]{1,2}')", True),
        ("applyRegex('Nothing', '.*')", False),
        ("substringAfter(trim('Mass'), '.').length() == 1", True),
        ("substringAfter(trim('Mode'), '.') == ''", True),
        ("getValue('Mass').contains('+')", False),
        ("not('Nothing') || (exists('Nothing') && exists('Mode'))", True),
        ("exists('Mode') || not('Mode') && not('Mode')", True),
    ],
)
def test_what_a_test_comes_to(test: str, *, is_true: bool) -> None:
    assert holds(test) is is_true


def test_a_block_compares_the_element_asked_with_the_one_found() -> None:
    block = "{ContextHelper current, ContextHelper local -> local.number('Count') > 0 && current.trim('Marks') == local.trim('Marks')}"
    assert holds("exists('Item')", ".")
    top = document(etree.fromstring(MESSAGE))
    first = top.by_name["Root"][0].by_name["Item"][0].by_name["Pack"][0]
    assert compiled(f"exists('../../Item/Pack', {block})")(first)
    assert not compiled(f"exists('../../Item/Pack', {block.replace('> 0', '> 2')})")(first)


@pytest.mark.parametrize(
    ("test", "words", "column"),
    [
        ("exist('A')", "there is no function “exist”", 1),
        ("not('A') || trim('A').starts('B')", "there is no function “starts”", 23),
        ("count('A')", "comes to a number", 1),
        ("count('A') == 'A'", "a number is compared with a text", 12),
        ("trim('A') && not('B')", "“&&” takes true or false, not a text", 1),
        ("trim('A') > 2", "“>” takes numbers, not a text", 1),
        ("not('A', 'B')", "“not” takes a path in quotes; it is given 2 arguments", 1),
        ("not(trim('A'))", "“not” takes a path in quotes here", 5),
        ("exists('A', 'B')", "takes a block", 13),
        ("not({a, b -> not('A')})", "not a block", 5),
        ("exists('A', {one -> one.exists('B')})", "names two elements", 13),
        ("exists('A', {one, two -> three.exists('B')})", "“three” is not known here", 26),
        ("applyRegex('A', '[')", "this class is not closed", 17),
        ("not('A') ||", "ends in the middle", 12),
        ("not('A') not('B')", "“not” cannot stand here", 10),
        ("not('A') ? 1 : 2", "“?” cannot stand here", 10),
        ("not('A' + System.exit(1))", "“System” is not known here", 11),
        ("number('A').length() == 1", "is asked of a number", 13),
        ("!" * 100 + "not('A')", "nested deeper", 61),
        ("not('A')" + " || not('A')" * 3000, "characters; at most", 1),
    ],
)
def test_a_test_that_cannot_be_run_is_refused_with_its_place(test: str, words: str, column: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        compiled(test)
    assert words in caught.value.words
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"\s*[A-Z]{2}([\s]+|[^\n\r]){1,15}/[0-9]{10}\s*", " GBCD1234/1234567890 ", True),
        (r"\s*[A-Z]{2}([\s]+|[^\n\r]){1,15}/[0-9]{10}\s*", "GB" + "1" * 16 + "/1234567890", False),
        (r"^(?!\s*XFER).+\s*$|^\s*XFER[a-zA-Z0-9]+([:-][a-zA-Z0-9]+)?\s*$", "XFER12:a", True),
        (r"^(?!\s*XFER).+\s*$|^\s*XFER[a-zA-Z0-9]+([:-][a-zA-Z0-9]+)?\s*$", "XFER", False),
        (r"(?=a).b?", "ab", True),
        (r"a|b|", "", True),
        (r"a{2,}?b*", "aaab", True),
        (r"a{2}", "aaa", False),
        (r"[-a.\]]+", "a-.]", True),
        (r"\d\D\w\W\S", "1aa !", True),
        (r"\d", "\u0663", False),
        (r".", "\u2028", False),
        (r"a$\n", "a\n", True),
        (r"(a*)*b", "a" * 200, False),
        (r"(a|aa)+$", "a" * 200 + "b", False),
        (r"(?:a)(b)\.\\\t", "ab.\\\t", True),
    ],
)
def test_regular_expressions_fit_whole_texts_as_on_the_java_platform(pattern: str, text: str, *, fits: bool) -> None:
    spent: list[int] = []
    assert Pattern(pattern).fits(text, spent.append) is fits
    assert sum(spent) < 100_000


@pytest.mark.parametrize(
    "pattern",
    [r"(a", "a)", "[a", "[]", r"(a)\1", "a++", "*a", "a{2,1}", "a{x}", "a{9999}", "[a&&b]", "[a[b]]", r"\p{L}", "[z-a]", "(?<n>a)", "(" * 60 + ")" * 60],
)  # fmt: skip
def test_other_regular_expressions_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


# --- books -----------------------------------------------------------------------------------------------------------


def rule(element: str = "/Head", **codes: str) -> dict[str, Any]:
    asserts = [
        {"test": test, "errorCode": code[1:], "errorMessage": f"words of {code}"} for code, test in codes.items()
    ]
    return {"element": element, "name": "r", "asserts": asserts}


def book(**files: object) -> Rulebook:
    return Rulebook.from_files({f"{name}.json": json.dumps(content).encode() for name, content in files.items()})


def codes(rules: Rulebook, edition: str = "") -> list[tuple[str, str]]:
    return [(each.code, each.place) for each in rules.breaches(etree.fromstring(MESSAGE), edition)]


def test_a_breach_has_code_words_place_and_value() -> None:
    rules = book(a=rule("/Item/Pack/Count", e1="number('.') > 0"), b=rule("/", e2="not('Item')"))
    (first, second) = rules.breaches(etree.fromstring(MESSAGE))
    assert (first.code, first.words, first.place, first.rule, first.value) == (
        "1", "words of e1", "/Root[1]/Item[1]/Pack[1]/Count[1]", "a.json", "0",
    )  # fmt: skip
    assert (second.code, second.place, second.value) == ("2", "/Root[1]", "")


def test_a_file_with_codes_of_its_namesake_is_an_edition_of_it_and_one_without_is_a_further_file() -> None:
    rules = book(
        a=rule(e1="not('Mode')", e2="not('Mass')"),
        a_New=rule(e1="not('Total')"),
        a_more=rule(e3="not('Name')"),
        b=rule(e4="not('Empty')"),
    )
    assert rules.editions == ("", "New")
    place = "/Root[1]/Head[1]"
    assert codes(rules) == [("1", place), ("2", place), ("3", place), ("4", place)]
    assert codes(rules, "New") == [("1", place), ("3", place), ("4", place)]
    assert rules.codes("New") == {"1", "3", "4"}
    assert (rules.file_count, rules.assert_count) == (4, 5)
    with pytest.raises(RulebookError, match="no edition “Old”"):
        rules.rules("Old")


def test_a_book_is_known_by_its_digest() -> None:
    assert book(a=rule(e1="not('A')")).digest == book(a=rule(e1="not('A')")).digest
    assert book(a=rule(e1="not('A')")).digest != book(b=rule(e1="not('A')")).digest
    assert book(a=rule(e1="not('A')")).digest != book(a=rule(e1="not('B')")).digest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "a.json: line 1, column 2: not JSON"),
        (b"\xff", "a.json: byte 1: not text in UTF-8"),
        (b"[]", "a.json: a rule is a JSON object with element, name, asserts"),
        (b'{"name": "a", "asserts": []}', "a.json: “element” is missing"),
        (b'{"element": "/A", "name": "a", "name": "b", "asserts": []}', "“name” stands twice"),
        (b'{"element": "A", "name": "a", "asserts": [1]}', "a path begins with “/”"),
        (b'{"element": "/A", "name": "a", "asserts": []}', "not a list of 1 to"),
        (b'{"element": "/A", "name": "a", "asserts": [1], "x": 1}', "“x” is not known (known are element, name"),
        (b'{"element": "/A", "name": "a", "asserts": [1]}', "a.json: asserts[1]: an assert is a JSON object"),
        (b"[" * 100_000, "a.json"),
    ],
)
def test_a_file_that_is_no_rule_is_refused_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(RulebookError) as caught:
        Rulebook.from_files({"a.json": data})
    assert words in caught.value.detail


def test_every_fault_of_a_book_is_named_and_nothing_is_half_loaded() -> None:
    bad = rule(e1="not('A')", e2="nott('A')")
    del bad["asserts"][0]["errorCode"]
    with pytest.raises(RulebookError) as caught:
        book(a=rule(e1="not('A')"), b=bad, c=rule(e1="trim('A')"))
    detail = caught.value.detail
    assert "3 faults in the rules; none of them is used" in detail
    assert "b.json: asserts[1]: “errorCode” is missing" in detail
    assert "b.json: asserts[2], column 1 of the test: there is no function “nott” (Perhaps “not” is meant." in detail
    assert "c.json: asserts[1], column 1 of the test: the test comes to a text" in detail


def test_a_folder_without_rules_is_said(tmp_path: Any) -> None:
    with pytest.raises(RulebookError, match="no rule file was found"):
        Rulebook.from_folder(tmp_path)


def test_what_compares_everything_with_everything_ends_and_says_so() -> None:
    block = "{a, b -> a.trim('Marks') == b.trim('Marks') && b.number('Count') > 0}"
    rules = book(a=rule("/Item/Pack", e1=f"exists('../../Item/Pack', {block})"))
    packs = "<Pack><Count>0</Count><Marks>x</Marks></Pack>" * 5_000
    breaches = rules.breaches(etree.fromstring(f"<Root><Item>{packs}</Item></Root>"))
    assert [each.code for each in breaches][-1] in ("", "1")
    assert len(breaches) <= 1_001
