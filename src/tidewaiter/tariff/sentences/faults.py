"""Words for a rate text that cannot be read: what is wrong, in one sentence, and what to write instead.

Readers are tariff officers, not programmers: the commonest slips are told by what was
written; for the rest, the few things that could stand there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

LISTED_MAX = 4
SHOWN_MAX = 30  # characters of the word that is wrong
_MISSING_AFTER = re.compile(
    r"(\+|-|−|minus|less|plus|min\.?|max\.?|minimum|maximum|/|per|of|not less than)\s*$", re.IGNORECASE
)
# What can stand almost anywhere and is seldom meant comes last when only a few are listed.
_SELDOM = ("the end of the text", "the season in brackets", "'on' and the part of the goods", "'over'", "','")


def told(text: str, position: int, word: str, expected: Sequence[str]) -> tuple[str, str]:
    """What is wrong at a place in a rate text, and a hint; the hint is "" where only the manner of writing can be shown."""
    before, shown = text[:position], word[:SHOWN_MAX]
    if not word:
        return _ending(before, expected)
    found = (
        _doubled(before, shown)
        or _negative(before, shown)
        or _joined(shown)
        or _figures(before, shown, expected)
        or _mistyped(shown, expected)
    )
    return found or (f"{shown!r} cannot stand here: {_listed(expected)} can", "")


def unit_told(words: str) -> str:
    """What is wrong where a unit belongs."""
    return f"{words[:SHOWN_MAX]!r} is no unit that is known here"


def _ending(before: str, expected: Sequence[str]) -> tuple[str, str]:
    last = _MISSING_AFTER.search(before)
    if last:
        sign = last.group(1)
        if sign in ("/", "per", "of"):
            return f"after {sign!r} the unit is missing", "say of what, as in 93.10 EUR / 100 kg"
        return f"after {sign!r} the next amount is missing", "is the text cut off? look at the tariff again"
    number = re.search(r"(\d[\d.,]*)\s*$", before)
    if number:
        what = number.group(1)
        return f"{what} of what is not said", f"write {what}%, {what} cents/kg or ${what} each, as the tariff does"
    return f"the text ends too early: {_listed(expected)} should follow", "is it cut off? look at the tariff again"


def _doubled(before: str, word: str) -> tuple[str, str] | None:
    last = before.rstrip()
    if word and last.endswith(word):
        return f"{word!r} stands here twice", "take one away"
    return None


def _negative(before: str, word: str) -> tuple[str, str] | None:
    if not before.strip() and re.match(r"-\s*\.?\d", word):
        return "a duty is never below nothing", "take the minus away; a deduction follows what it is taken from"
    return None


def _joined(word: str) -> tuple[str, str] | None:
    if word.casefold() in ("and", "und", "et", "og", "y", "&", ";", "plus"):
        return f"{word!r} does not join two amounts", "write +, as in 10.20 % + 93.10 EUR / 100 kg"
    return None


def _figures(before: str, word: str, expected: Sequence[str]) -> tuple[str, str] | None:
    if re.match(r"[.,]\d", word) and re.search(r"\d$", before):
        whole = re.search(r"[\d.,]+$", before)
        return f"{(whole.group() if whole else '') + word!r} is no number", "write 1,024.50, 1024.50 or 1024,5"
    if "a day of the month" in expected and not word[:1].isdigit():
        return f"{word!r} stands where a season begins", "write it with both its days: 12 % (01 JAN-31 MAR)"
    if word == "%" and "an amount" in expected:
        return "'%' stands before its number", "write the number first: 12 %"
    return None


def _mistyped(word: str, expected: Sequence[str]) -> tuple[str, str] | None:
    known = {"EUR": "a currency such as EUR", "GBP": "a currency such as EUR", "USD": "'USD'", "cents": "'cents'",
             "Free": "'Free'", "NIHIL": "'NIHIL'", "MIN": "a minimum", "MAX": "a maximum"}  # fmt: skip
    possible = {each.casefold(): each for each, name in known.items() if name in expected}
    if "'NIHIL'" in expected:
        possible["free"] = "Free"
    close = difflib.get_close_matches(word.casefold(), possible, n=1)
    if close:
        return f"{word!r} is not known here", f"did you mean {possible[close[0]]}?"
    return None


def _listed(expected: Sequence[str]) -> str:
    """The first few of what could stand here, what is seldom meant last."""
    ordered = [*(each for each in expected if each not in _SELDOM), *(each for each in expected if each in _SELDOM)]
    first = ordered[:LISTED_MAX]
    return " or ".join(first) if first else "nothing"
