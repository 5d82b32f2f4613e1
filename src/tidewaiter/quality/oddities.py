"""What is odd in a declaration, looked for once for all rules: nearly always nothing, so that rules about it need not be asked."""

from __future__ import annotations

from enum import StrEnum

from tidewaiter.model.declaration import Declaration
from tidewaiter.quality import wording


class Oddity(StrEnum):
    """Something that several rules have something to say about, and only then."""

    TEXT = "text"  # one does not simply print: see `texts.unprintable`
    NUMBER = "number"  # an amount, a mass, a quantity or a count is zero or less: see `numbers.Numbers`
    DESCRIPTION = "description"  # one is empty or long, or its words say too little


NOTHING_ODD: frozenset[Oddity] = frozenset()
_ODD = {
    (text, number, description): frozenset(
        oddity for oddity, is_there in zip(Oddity, (text, number, description), strict=True) if is_there
    )
    for text in (False, True)
    for number in (False, True)
    for description in (False, True)
}


def oddities(declaration: Declaration, *, has_odd_text: bool, has_odd_number: bool) -> frozenset[Oddity]:
    """What is odd in a declaration."""
    return _ODD[has_odd_text, has_odd_number, _has_odd_description(declaration)]


def _has_odd_description(declaration: Declaration) -> bool:
    for item in declaration.goods_items:  # noqa: SIM110 (a loop is faster than a generator)
        if not wording.is_plain(item.description):
            return True
    return False
