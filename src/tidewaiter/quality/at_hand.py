"""The words and codes that rules read by, loaded ahead of the first declaration."""

from __future__ import annotations

from datetime import date

from tidewaiter.classification.agreement import disagreement
from tidewaiter.data import nomenclature
from tidewaiter.quality.wording import is_plain

_WORDS, _CODE = "Cotton T-shirt", "610910"  # any goods: asking after them loads what all others are asked after


def load(on: date) -> None:
    """Load lists of words, the lexicon of goods and the nomenclature of a day; what is at hand already costs nothing."""
    is_plain(_WORDS)
    disagreement(_WORDS, _CODE)
    nomenclature.edition_on(on)
