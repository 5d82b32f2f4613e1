"""Texts: do they say what the goods are, and can an officer read them as they are?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidewaiter.classification.agreement import disagreement, names_of
from tidewaiter.data.nomenclature import NATIONAL_CHAPTERS
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Severity
from tidewaiter.quality.oddities import Oddity
from tidewaiter.quality.registry import Context, Seen, rule
from tidewaiter.quality.rules.required import is_whole
from tidewaiter.quality.wording import Fault, fault, refused_by

CODE_MIN = 4  # digits of a code that can be held against words
LENGTH_MAX = 512  # an..512, Delegated Regulation (EU) 2015/2446, Annex B, 18 05 001 000

ANNEX_B = "Delegated Regulation (EU) 2015/2446, Annex B, 18 05 001 000"
FRAMEWORK = "WCO SAFE Framework and UPU-WCO joint guidelines: plain and precise description of the goods"
LEARNED = "Learned from published lists of vague and of plain terms, docs/adr/0017"
UNICODE = "Unicode Standard Annex 9 and Technical Report 36"

_WORDS = {
    Fault.VAGUE: "These words do not say what the goods are.",
    Fault.UNCLEAR: "No word here is a name of goods: most likely this does not say what the goods are.",
    Fault.REPEATED: "One word or letter repeated does not say what the goods are.",
    Fault.SHORT: "This is too short to say what the goods are.",
    Fault.CODE: "This is a code or a number; it does not say what the goods are.",
}
_HINT = "Say what it is, what it is made of and what it is for: “cotton T-shirts for men”."


@rule("description.missing", Severity.WARNING, source=FRAMEWORK, odd=Oddity.DESCRIPTION)
def missing(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Every line says in plain words what the goods are."""
    for item in declaration.goods_items:
        if not item.description or item.description.isspace():
            break
    else:
        return ()
    if not is_whole(declaration):
        return ()
    return [
        Seen(f"goods_items[{place}].description", item.description, "The description of the goods is empty.", _HINT)
        for place, item in enumerate(declaration.goods_items, 1)
        if not item.description.strip()
    ]


@rule("description.vague", Severity.WARNING, source=FRAMEWORK, odd=Oddity.DESCRIPTION)
def vague(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Words like “gift”, “parts” or “accessories” alone do not tell officers, carriers or the Post what is inside."""
    return [
        Seen(f"goods_items[{place}].description", item.description, _said_of(found, item), _better(item))
        for place, item in enumerate(declaration.goods_items, 1)
        if item.description and (found := fault(item.description)) and found not in (Fault.CODE, Fault.UNCLEAR)
    ]


@rule("description.unclear", Severity.WARNING, source=LEARNED, odd=Oddity.DESCRIPTION)
def unclear(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A description names the goods: “red, one size” or a brand alone may be clear to the seller, and to nobody else.

    A small learned model tells this, of short English texts. It was wrong on one in a hundred terms of a tariff and on eight
    in a hundred descriptions of carriers that somebody could code, so that this counts for the quality of data and for
    nothing else.
    """
    return [
        Seen(f"goods_items[{place}].description", item.description, _WORDS[Fault.UNCLEAR], _better(item))
        for place, item in enumerate(declaration.goods_items, 1)
        if item.description and fault(item.description) is Fault.UNCLEAR
    ]


def _said_of(found: Fault, item: GoodsItem) -> str:
    refusing = refused_by(item.description)
    return f"{_WORDS[found]} They are refused by {_listed(refusing, 'and', '')}." if refusing else _WORDS[found]


def _better(item: GoodsItem) -> str:
    """What to write instead; from the declared code where names of its goods are held."""
    names = names_of(item.commodity_code)
    if not names:
        return _HINT
    return f"{_HINT} Goods of {item.commodity_code[:6]} are called, for example, {_listed(names)}."


def _listed(names: Sequence[str], joining: str = "or", marks: str = "“”") -> str:
    """ "“a”, “b” or “c”"."""
    *first, last = [f"{marks[:1]}{name}{marks[1:]}" for name in names]
    return f"{', '.join(first)} {joining} {last}" if first else last


@rule("description.code", Severity.WARNING, source=FRAMEWORK, odd=Oddity.DESCRIPTION)
def code(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An article number, a link or a row of digits is no description: only the seller knows what it stands for."""
    return [
        Seen(f"goods_items[{place}].description", item.description, _WORDS[Fault.CODE], _HINT)
        for place, item in enumerate(declaration.goods_items, 1)
        if item.description and fault(item.description) is Fault.CODE
    ]


@rule("description.other_goods", Severity.WARNING, source=FRAMEWORK, about=("goods_items[].commodity_code",))
def other_goods(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A description and its commodity code speak of the same goods. Where the words plainly name goods of another chapter,
    one of the two is wrong; officers look at such lines first. It is told only where the words leave little doubt."""
    return [
        Seen(
            f"goods_items[{place}].description",
            item.description,
            f"The words “{', '.join(other.words[:2])}” name goods of {other.hs_code}, not of {item.commodity_code[:6]}.",
            _either(item, other.hs_code),
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if len(item.commodity_code) >= CODE_MIN
        and not item.commodity_code.startswith(NATIONAL_CHAPTERS)
        and item.description
        and (other := disagreement(item.description[:LENGTH_MAX], item.commodity_code[:CODE_MIN])) is not None
    ]


def _either(item: GoodsItem, other: str) -> str:
    names = names_of(item.commodity_code)
    if not names:
        return f"Correct the code, for example to {other}, or the description."
    return f"If the code is right, say so in words, for example {_listed(names)}; if the words are, correct the code."


@rule("description.too_long", Severity.ERROR, source=ANNEX_B, odd=Oddity.DESCRIPTION)
def too_long(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A description has at most 512 characters: nobody reads more, and no customs system takes it."""
    return [
        Seen(
            f"goods_items[{place}].description",
            item.description,
            f"The description has {len(item.description):,} characters; at most {LENGTH_MAX} are taken.",
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if len(item.description) > LENGTH_MAX
    ]


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_OVERRIDE = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ue000-\uf8ff]")


@rule("text.control_characters", Severity.ERROR, source=UNICODE, odd=Oddity.TEXT)
def control_characters(_: Declaration, context: Context) -> Sequence[Seen]:
    """Texts hold no control characters such as NUL: they hide or break what comes after them."""
    return _with(context, _CONTROL, "This text holds a control character (U+{0:04X}).")


@rule("text.direction_override", Severity.ERROR, source=UNICODE, odd=Oddity.TEXT)
def direction_override(_: Declaration, context: Context) -> Sequence[Seen]:
    """Texts hold no marks that turn the direction of reading: they make an officer read something else than was sent.

    Hebrew and Arabic need none of them.
    """
    return _with(context, _OVERRIDE, "This text turns the direction of reading (U+{0:04X}).")


@rule("text.invisible_characters", Severity.WARNING, source=UNICODE, odd=Oddity.TEXT)
def invisible_characters(_: Declaration, context: Context) -> Sequence[Seen]:
    """Texts hold no invisible characters: they keep words from being found."""
    return _with(context, _INVISIBLE, "This text holds an invisible character (U+{0:04X}).")


def _with(context: Context, wanted: re.Pattern[str], words: str) -> Sequence[Seen]:
    return [
        Seen(pointer, text.encode("unicode_escape").decode("ascii"), words.format(ord(found[0])), "Remove it.")
        for pointer, text in context.unprintable
        if (found := wanted.search(text))
    ]
