"""What is learned from published lists, once, when the words or the lists change: nothing of this runs in service.

`nomenclature_index` makes `data/words/goods/nomenclature.csv`. `boosted` makes `data/words/vague_model.json` by gradient
boosting of small trees (Friedman, Greedy function approximation, Annals of Statistics 29, 2001) on whole-number
features; its leaves are rounded to whole numbers, so that a text has the same score on every machine.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tidewaiter.classification.goods import SCALE, goods_words
from tidewaiter.classification.vagueness import Tree

RARE_MIN = 2.5  # ln(headings / headings with the word): commoner words of the nomenclature say nothing
HEADING_WORD = 0.6  # what a word of the heading counts beside one of the subheading itself
CODE_LENGTH = 6
LAST_CHAPTER = "97"
VOTES_OF_NOMENCLATURE = 12
_EMPTY = frozenset(
    [
        "of",
        "and",
        "or",
        "the",
        "in",
        "other",
        "not",
        "for",
        "with",
        "to",
        "n",
        "e",
        "c",
        "whether",
        "including",
        "part",
        "their",
        "by",
        "a",
        "from",
        "which",
        "but",
        "if",
        "on",
        "as",
        "heading",
        "no",
        "subheading",
        "chapter",
        "specified",
        "elsewhere",
        "kind",
        "type",
        "used",
    ]
)
_TURNING = ("excluding", "than")  # what follows names other goods


def nomenclature_index(texts: Mapping[str, str]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Each telling word of a nomenclature with the six-digit codes in whose text it stands and points, best first.

    `texts` are the texts by code of four and six digits, as in the data set harmonized-system.
    """
    posted: dict[str, dict[str, float]] = defaultdict(dict)
    subheadings = [code for code in texts if len(code) == CODE_LENGTH and code[:2] <= LAST_CHAPTER]
    for code in subheadings:
        counts = dict.fromkeys(_telling(texts[code[:4]]), HEADING_WORD) | dict.fromkeys(_telling(texts[code]), 1.0)
        for word, count in counts.items():
            posted[word][code] = count / (1 + 0.04 * len(counts))
    headings = len({code[:4] for code in subheadings})
    found = []
    for word, codes in sorted(posted.items()):
        rarity = math.log(headings / len({code[:4] for code in codes}))
        if rarity >= RARE_MIN:
            best = sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))[:VOTES_OF_NOMENCLATURE]
            strength = SCALE * rarity**2 / math.sqrt(len(best))
            found.append((word, [(code, round(strength * count)) for code, count in best]))
    return found


def _telling(text: str) -> list[str]:
    words = goods_words(text)
    turning = next((place for place, word in enumerate(words) if word in _TURNING), len(words))
    return [word for word in words[:turning] if word not in _EMPTY and word.isalpha()]


TREES = 120
LEAVES_DEPTH = 4
RATE = 0.08
SOFTENING = 5.0
SMALLEST = 12  # examples in a leaf
BINS = 24


def boosted(
    examples: Sequence[Sequence[int]], labels: Sequence[int], counting: Sequence[float] | None = None
) -> list[Tree]:
    """Trees whose leaves add up to hundredths of the logarithm of the odds that a label is 1.

    `counting` says how much each example counts: 1 where nothing is said.
    """
    weights = counting or [1.0] * len(labels)
    cuts = [_cuts([example[feature] for example in examples]) for feature in range(len(examples[0]))]
    binned = [[_bin(example[feature], cuts[feature]) for feature in range(len(cuts))] for example in examples]
    scores = [0.0] * len(labels)
    trees = []
    for _ in range(TREES):
        chances = [1 / (1 + math.exp(-score)) for score in scores]
        slopes = [weight * (label - chance) for label, chance, weight in zip(labels, chances, weights, strict=True)]
        curves = [weight * chance * (1 - chance) for chance, weight in zip(chances, weights, strict=True)]
        tree = _grown(binned, cuts, (slopes, curves), list(range(len(labels))), LEAVES_DEPTH)
        trees.append(tree)
        for place, example in enumerate(examples):
            scores[place] += tree.value(example) / SCALE
    return trees


def _cuts(values: list[int]) -> list[int]:
    """Where the bins of a feature begin: at most `BINS`, with about as many examples each."""
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * part // BINS] for part in range(1, BINS)} - {ordered[0]})


def _bin(value: int, cuts: list[int]) -> int:
    return sum(value >= cut for cut in cuts)


def _grown(
    binned: list[list[int]],
    cuts: list[list[int]],
    slopes: tuple[list[float], list[float]],
    places: list[int],
    depth: int,
) -> Tree:
    first, second = slopes
    slope, curve = sum(first[place] for place in places), sum(second[place] for place in places)
    best = (0.0, -1, 0)
    for feature, edges in enumerate(cuts if depth else []):
        sums = [[0.0, 0.0, 0] for _ in range(len(edges) + 1)]
        for place in places:
            each = sums[binned[place][feature]]
            each[0] += first[place]
            each[1] += second[place]
            each[2] += 1
        best = max(best, _best_cut(sums, (slope, curve, len(places)), feature))
    gain, feature, cut = best
    if gain <= 0:
        return Tree(leaf=round(SCALE * RATE * slope / (curve + SOFTENING)))
    below = [place for place in places if binned[place][feature] <= cut]
    above = [place for place in places if binned[place][feature] > cut]
    return Tree(
        feature=feature,
        cut=cuts[feature][cut],
        below=_grown(binned, cuts, slopes, below, depth - 1),
        above=_grown(binned, cuts, slopes, above, depth - 1),
    )


def _best_cut(sums: list[list[float]], whole: tuple[float, float, int], feature: int) -> tuple[float, int, int]:
    slope, curve, count = whole
    base = slope**2 / (curve + SOFTENING)
    best = (0.0, -1, 0)
    left = [0.0, 0.0, 0.0]
    for cut, each in enumerate(sums[:-1]):
        left = [one + other for one, other in zip(left, each, strict=True)]
        if left[2] < SMALLEST or count - left[2] < SMALLEST:
            continue
        right = slope - left[0], curve - left[1]
        gain = left[0] ** 2 / (left[1] + SOFTENING) + right[0] ** 2 / (right[1] + SOFTENING) - base
        best = max(best, (gain, feature, cut))
    return best


def group_of(text: str) -> str:
    """What texts have in common that must not stand on both sides of a test: the first word of three letters or more."""
    return next((word for word in goods_words(text) if len(word) > 2 and word.isalpha()), "")
