"""The suite `descriptions`: how well vague wording is told, and goods are classified, on lists that no one here wrote.

Nothing is split at random. Vague wording is measured on terms whose first word the model never saw, in two ways that mean
different things, and the lower one is held against the aim (ADR 17). Against a tariff's search terms: are words that name
goods told from words that name none? Against all plain texts, among them what shops and carriers wrote and somebody found
a code for: is what one person called too vague told from what another coded? Texts that stand in both lists are left out
and counted; those that say the same in other words stay in and are counted. Products are reported in parts by ten-digit
code: half were looked at before the names of goods were written, of a quarter the misses once, a quarter never (ADR 17).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from tidewaiter.classification import vagueness
from tidewaiter.classification.agreement import disagreement
from tidewaiter.classification.candidates import Candidate, candidates
from tidewaiter.classification.features import telling_words
from tidewaiter.classification.goods import votes
from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.description_files import (
    Part,
    Product,
    Texts,
    held_out,
    learned_from,
    products,
    texts,
)
from tidewaiter.quality.wording import fault, listed_fault

PRECISION = Fraction(9, 10)
AIMS = {"recall": Fraction(6, 10), 6: Fraction(4, 10), 4: Fraction(58, 100), "per second": Fraction(150)}
DIGITS = (2, 4, 6)
TOP = 3
LISTED = 10_000  # above every score of the model


def threshold_of(scores: Sequence[int], labels: Sequence[int], precision: Fraction) -> int:
    """The lowest score from which on at least this share of the texts is vague."""
    found = max(scores, default=0) + 1
    for score, (right, called) in _curve(scores, labels):
        if Fraction(right, called) >= precision:
            found = score
    return found


def recall_at_precision(scores: Sequence[int], labels: Sequence[int]) -> Fraction:
    """The share of the vague texts found where nine in ten that are called vague are."""
    best = max(
        (right for _, (right, called) in _curve(scores, labels) if Fraction(right, called) >= PRECISION), default=0
    )
    return Fraction(best, sum(labels) or 1)


def _curve(scores: Sequence[int], labels: Sequence[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """For each score, from the highest: how many at or above it are vague, and how many there are; equals together."""
    ordered = sorted(zip(scores, labels, strict=True), reverse=True)
    right = 0
    for called, (score, label) in enumerate(ordered, 1):
        right += label
        if called == len(ordered) or ordered[called][0] != score:
            yield score, (right, called)


def cases(folder: Path) -> Iterator[Case]:
    """One case for each aim: what was reached is the reason where it was missed."""
    for name, reached, aim in _aims(folder):
        yield Case(f"{name}, aim {_figure(aim)}", reached >= aim, f"reached {_figure(reached)}")


def _aims(folder: Path) -> Iterator[tuple[str, Fraction, Fraction]]:
    lists = texts(folder)
    if lists.vague:
        yield (
            "recall of vague unseen terms at 90 % precision, the lower figure",
            _lower_recall(folder, lists),
            AIMS["recall"],
        )
    goods_seen = products(folder)
    if goods_seen:
        answers, per_second = _answers(goods_seen)
        for digits in (6, 4):
            yield f"HS{digits} of products, first candidate", _hits(goods_seen, answers, digits, 1), AIMS[digits]
        yield "descriptions a second on one core", per_second, AIMS["per second"]


def _lower_recall(folder: Path, lists: Texts) -> Fraction:
    """The lower of the recalls against search terms and against all plain texts, none of them learned from."""
    vague, plain = held_out(lists.vague), _plain_texts(folder, lists)
    search, everything = plain[0][1], [text for _, texts_ in plain for text in texts_]
    return min(recall_at_precision(*_scored(vague, each)) for each in (search, everything))


def _plain_texts(folder: Path, lists: Texts) -> list[tuple[str, list[str]]]:
    """Plain texts that the model was not learned from, with what they are."""
    return [
        ("tariff search terms", held_out(text for text, _ in lists.search_terms)),
        ("product titles", [each.title for each in products(folder)]),
        ("references of shops and carriers", held_out(text for text, _ in lists.references)),
    ]


def _figure(value: Fraction) -> str:
    return f"{float(value):.0f}" if value > 1 else f"{float(value):.3f}"


def information(folder: Path) -> list[str]:
    """Every figure, with how many texts it rests on."""
    return [*_vague_figures(folder), *_product_figures(folder), *_reference_figures(folder), *_mismatch_figures(folder)]


def _vague_figures(folder: Path) -> Iterator[str]:
    lists = texts(folder)
    if not lists.vague:
        return
    vague, plain = held_out(lists.vague), _plain_texts(folder, lists)
    yield (
        f"vague: {len(vague)} of {len(lists.vague)} terms have an unseen first word; {lists.contradicted} more are left out,"
        " which one list calls vague and another gives a code"
    )
    (_, search), (_, titles), (_, references) = plain
    for meaning, against in (
        ("tariff search terms: are words that name goods told from words that name none?", search),
        ("product titles", titles),
        ("references of shops and carriers: is what one person called vague told from what another coded?", references),
        ("all of these", search + titles + references),
    ):
        recall = recall_at_precision(*_scored(vague, against))
        yield f"vague: recall at 90 % precision {_figure(recall)} against {len(against)} {meaning}"
    yield from _strange_words_figures(lists, vague, plain)
    called = ", ".join(f"{_called(texts_)} of {name}" for name, texts_ in plain)
    yield f"vague: the rule as it runs finds {_called(vague)} of the unseen vague terms, and calls vague {called}"
    yield _same_words_figure(lists)


def _strange_words_figures(lists: Texts, vague: list[str], plain: list[tuple[str, list[str]]]) -> Iterator[str]:
    """The same on texts that have telling words, none of which stands in a text that the model was learned from."""
    learned = learned_from([*lists.vague, *(text for text, _ in (*lists.search_terms, *lists.references))])
    known = {word for text in learned for word in telling_words(text)}

    def is_strange(text: str) -> bool:
        words = telling_words(text)
        return bool(words) and known.isdisjoint(words)

    strange = list(filter(is_strange, vague))
    everything = [text for _, texts_ in plain for text in texts_ if is_strange(text)]
    if strange and everything:
        recall = recall_at_precision(*_scored(strange, everything))
        yield (
            f"vague: recall at 90 % precision {_figure(recall)} of {len(strange)} terms against {len(everything)} of all"
            " these, of whose telling words no learned text holds any"
        )


def _same_words_figure(lists: Texts) -> str:
    """How many references say the same as a vague term does: no model can tell those apart."""
    said = {words for text in lists.vague if (words := telling_words(text))}
    same = sum(telling_words(text) in said for text, _ in lists.references)
    return (
        f"vague: {same} of {len(lists.references)} references say the same as a vague term, sizes, colours, numbers and"
        " order aside; they are counted among the plain ones nevertheless"
    )


def _is_called_vague(text: str) -> bool:
    return fault(text) is not None


def _called(texts_: Sequence[str]) -> str:
    return _share(sum(map(_is_called_vague, texts_)), texts_)


def _share(part: int, of: Sequence[object]) -> str:
    return f"{part / (len(of) or 1):.3f}"


def _scored(vague: Sequence[str], plain: Sequence[str]) -> tuple[list[int], list[int]]:
    return [_score(text) for text in (*vague, *plain)], [1] * len(vague) + [0] * len(plain)


def _score(text: str) -> int:
    """As the rule does: what the lists find comes first, then what the model says."""
    return vagueness.score(text) + (LISTED if listed_fault(text) else 0)


def _answers(goods_seen: Sequence[Product]) -> tuple[list[tuple[Candidate, ...]], Fraction]:
    """Candidates of each product, and how many descriptions one core does in a second."""
    votes()
    started = time.process_time()
    answers = [candidates(each.title, details=each.details, category=each.category) for each in goods_seen]
    seconds = time.process_time() - started
    return answers, Fraction(len(answers)) / Fraction(max(seconds, 1e-9))


def _hits(goods_seen: Sequence[Product], answers: Sequence[tuple[Candidate, ...]], digits: int, top: int) -> Fraction:
    right = sum(
        any(candidate.hs_code[:digits] == product.code[:digits] for candidate in answer[:top])
        for product, answer in zip(goods_seen, answers, strict=True)
    )
    return Fraction(right, len(goods_seen) or 1)


def _product_figures(folder: Path) -> Iterator[str]:
    for part, seen in _parts(products(folder)):
        for told, given in (
            ("title, details and category", seen),
            ("title alone", [each._replace(details="", category="") for each in seen]),
        ):
            answers, per_second = _answers(given)
            figures = "; ".join(
                f"HS{digits} {_figure(_hits(given, answers, digits, 1))}, in three {_figure(_hits(given, answers, digits, TOP))}"
                for digits in DIGITS
            )
            yield f"products, {part} ({len(seen)}), {told}: {figures}; {_figure(per_second)} a second"


def _parts(everything: Sequence[Product]) -> Iterator[tuple[str, list[Product]]]:
    """All products, then those of each part that has any."""
    if everything:
        yield "all", list(everything)
    for part in Part:
        if seen := [each for each in everything if each.part is part]:
            yield part.value, seen


def _reference_figures(folder: Path) -> Iterator[str]:
    lists = texts(folder)
    for name, pairs in (
        ("tariff search terms", lists.search_terms),
        ("references of shops and carriers", lists.references),
    ):
        if pairs:
            answers = [candidates(text) for text, _ in pairs]
            right = [
                sum(
                    bool(answer) and answer[0].hs_code[:digits] == code[:digits]
                    for answer, (_, code) in zip(answers, pairs, strict=True)
                )
                for digits in DIGITS
            ]
            figures = ", ".join(f"HS{digits} {_share(hits, pairs)}" for digits, hits in zip(DIGITS, right, strict=True))
            yield f"cross-corpus, {name} ({len(pairs)}), first candidate: {figures}"


def _mismatch_figures(folder: Path) -> Iterator[str]:
    named = [(part, [(each.title, each.code) for each in seen]) for part, seen in _parts(products(folder))]
    for name, pairs in [*named, ("tariff search terms", texts(folder).search_terms)]:
        if not pairs:
            continue
        false = sum(disagreement(text, code) is not None for text, code in pairs)
        turned = len(pairs) // 3
        swapped = [
            (text, other)
            for (text, code), (_, other) in zip(pairs, pairs[turned:] + pairs[:turned], strict=True)
            if code[:2] != other[:2]
        ]
        found = sum(disagreement(text, code) is not None for text, code in swapped)
        yield (
            f"code and description, {name}: {false} of {len(pairs)} right codes doubted;"
            f" {found} of {len(swapped)} codes taken from another's chapter found"
        )
