"""`python -m tidewaiter.cli.conformance.learn_words SAMPLES`: learn anew what is learned from outside lists (ADR 17).

Writes the index of the nomenclature's words and the model of vague wording into `tidewaiter/data/words`; some minutes.
"""

from __future__ import annotations

import csv
import random
import sys
from fractions import Fraction
from importlib import resources
from pathlib import Path

import msgspec

from tidewaiter.classification.features import features_of
from tidewaiter.classification.goods import votes
from tidewaiter.classification.learning import boosted, nomenclature_index
from tidewaiter.classification.vagueness import Model
from tidewaiter.cli.conformance.description_files import learned_from, texts
from tidewaiter.cli.conformance.descriptions import threshold_of
from tidewaiter.data.words import vague_words
from tidewaiter.data.words.goods import goods_terms

SEED = 20261127
TITLES = 1_000
REFERENCES_COUNT = 0.5  # each; many are as vague as the vague terms, see ADR 17
SERVICE_PRECISION = Fraction(85, 100)  # on what it was learned from; less on what it was not
NOMENCLATURE_COLUMNS = {"hscode", "description"}


def learn(samples: Path) -> None:
    """Write both files from the samples, read in place."""
    words = Path(str(resources.files("tidewaiter.data.words")))
    _write_nomenclature(samples, words / "goods" / "nomenclature.csv")
    votes.cache_clear()
    lists = texts(samples)
    vague = learned_from(lists.vague)
    plain = learned_from(text for text, _ in lists.search_terms)
    plain += composed_titles()
    references = learned_from(text for text, _ in lists.references)
    examples = [features_of(text) for text in (*vague, *plain, *references)]
    labels = [1] * len(vague) + [0] * (len(plain) + len(references))
    counting = [1.0] * (len(vague) + len(plain)) + [REFERENCES_COUNT] * len(references)
    trees = boosted(examples, labels, counting)
    scores = [sum(tree.value(example) for tree in trees) for example in examples]
    model = Model(threshold=threshold_of(scores, labels, SERVICE_PRECISION), trees=tuple(trees))
    (words / "vague_model.json").write_bytes(msgspec.json.encode(model) + b"\n")


def composed_titles() -> list[str]:
    """Titles as sellers write them, put together from our own names: plain, long, and full of sizes and colours."""
    chance = random.Random(SEED)  # noqa: S311 (the same titles each time)
    rows = [[term.strip() for term in terms] for _, terms in goods_terms()]
    lists = vague_words()
    ornaments = sorted(lists.colours | lists.sizes | lists.fillers)
    titles = []
    for _ in range(TITLES):
        row = chance.choice(rows)
        words = chance.sample(row, min(len(row), chance.randint(1, 4)))
        words += chance.sample(ornaments, chance.randint(0, 6))
        words += [chance.choice(chance.choice(rows)) for _ in range(chance.randint(0, 3))]
        words += [f"{chance.choice('ABCX')}{chance.randint(1, 999)}"] * chance.randint(0, 1)
        chance.shuffle(words)
        titles.append(" ".join(words))
    return titles


def _write_nomenclature(samples: Path, into: Path) -> None:
    for path in sorted(samples.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if set(reader.fieldnames or ()) >= NOMENCLATURE_COLUMNS:
                index = nomenclature_index({row["hscode"]: row["description"] for row in reader})
                break
    else:
        raise FileNotFoundError(2, "no nomenclature of the Harmonized System", str(samples))
    with into.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["word", "codes"])
        writer.writerows([word, " ".join(f"{code}:{points}" for code, points in codes)] for word, codes in index)


if __name__ == "__main__":
    learn(Path(sys.argv[1]))
