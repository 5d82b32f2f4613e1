"""Parameters are data: what is wrong with them is said with its place."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tidewaiter.simulation.parameters import ParametersError, read, shipped

TEXT = files("tidewaiter.data").joinpath("simulation", "world.yaml").read_text()


def test_each_prior_says_who_says_it_and_whether_it_was_read() -> None:
    for prior in shipped().priors:
        assert prior.source
        assert prior.status
        assert prior.address is None or prior.read_on is not None


def test_the_digest_covers_every_figure() -> None:
    changed = read(TEXT.replace("slots: 12,", "slots: 13,").encode(), "mine.yaml")
    assert changed.digest != shipped().digest
    assert read(TEXT.encode() + b"# a remark\n", "mine.yaml").digest == shipped().digest


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("vat: 250000", "vat: much", "vat"),
        ("vat: 250000", "vat: 250000\nwat: 1", "wat"),
        ("vat: 250000", "vat: 250000\nvat: 1", "vat"),
        ("share: 700000", "share: 600000", "sum to 1000000"),
        ("  borrowed_ioss:", "  stolen_ioss:", "stolen_ioss"),
        ("drug_covers: [14, 17]", "drug_covers: [14, 99]", "positions of products"),
        ("lives: [8, 40]", "lives: [40, 8]", "lives"),
        ("spread: 20", "spread: 100", "spread"),
        ("mass: 70,", "mass: 0,", "hidden_goods"),
    ],
)
def test_what_cannot_be_used_is_refused(old: str, new: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(ParametersError, match=words) as refused:
        read(TEXT.replace(old, new).encode(), "mine.yaml")
    assert refused.value.detail.startswith("mine.yaml")
    assert refused.value.hint
