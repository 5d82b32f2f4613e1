"""A name as words in Latin letters, without titles and legal forms, each with the sounds that it keeps when misspelt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from tidewaiter.model.transliteration import latin

PLACED_TITLE_WORDS: Final = 3  # of a name whose first may be such a title
WORDS_MAX: Final = 12  # of a name; what is longer is no name
REMEMBERED_MAX: Final = 65_536
_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile(r"['’`´ʼ]")
_DOTTED = re.compile(r"\b(?:[a-z]\.\s?){2,}")  # "A.Ş.", "S. A. S.": one form, not letters
_FORMS_IN_HAN = re.compile("(?:股份)?有限(?:责任)?公司|集团|株式会社|有限会社")
_DIGIT_LETTERS = str.maketrans("015", "ols")  # read for letters by scanners, within a word of letters

# fmt: off
LEGAL_FORMS: Final = frozenset((
    "ltd", "limited", "plc", "llp", "llc", "inc", "incorporated", "corp", "corporation", "co", "company", "gmbh", "ug",
    "ag", "kg", "kgaa", "ohg", "mbh", "gbr", "se", "sa", "sas", "sarl", "sprl", "srl", "spa", "snc", "bv", "nv", "cv", "vof",
    "aps", "as", "ivs", "ab", "oy", "oyj", "asa", "ou", "uab", "sia", "doo", "dd", "zrt", "kft", "sp", "zoo", "pty", "pte",
    "pvt", "ooo", "oao", "zao", "pao", "ao", "rao", "npo", "tov", "jsc", "ojsc", "sdn", "bhd", "tbk", "pt", "sti", "lda", "eirl",
    "cong", "ty", "tnhh", "mtv", "doanh", "nghiep", "nhan", "phan", "tap", "doan", "koncern", "grupp", "gruppe",
    "the", "and", "und", "et", "y", "e", "of", "de", "la", "le",
))
TITLES: Final = frozenset((
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "dame", "hr", "herr", "frau", "fru", "dipl", "ing", "mba", "md", "phd",
    "jr", "sr", "ii", "iii", "iv", "bsc", "msc", "dds", "pan", "pani", "sig", "sra", "don", "dona", "monsieur", "madame",
    "quy", "ong", "lmhnds", "ldktwr", "jnb", "aqy", "kyria", "kyrios",
    "univ", "habil", "bed", "beng",
))
LEADING_TITLES: Final = frozenset(("ba", "bac", "anh", "chi", "co", "em", "ong"))  # Vietnamese, and given names, too
LONG_FORMS: Final = {  # abbreviations of firms' names, and given names that are written in many ways
    "intl": "international", "int": "international", "mfg": "manufacturing", "bros": "brothers", "assoc": "associates",
    "tech": "technology", "trdg": "trading", "trad": "trading", "imp": "import", "exp": "export", "ind": "industries",
    "svcs": "services", "serv": "services", "grp": "group", "hldg": "holding", "holdings": "holding", "elec": "electronics",
    "mohamed": "muhammad", "mohammed": "muhammad", "mohammad": "muhammad", "muhammed": "muhammad", "mhmd": "muhammad",
    "mohamad": "muhammad", "ahmad": "ahmed", "hasan": "hassan", "husein": "hussein", "hussain": "hussein",
    "bill": "william", "bob": "robert", "rob": "robert", "jim": "james", "joe": "joseph", "tom": "thomas", "mike": "michael",
    "dave": "david", "kate": "katherine", "liz": "elizabeth", "alex": "alexander", "sasha": "alexander", "dima": "dmitriy",
    "tony": "anthony", "dan": "daniel", "sam": "samuel", "steve": "stephen", "steven": "stephen", "chris": "christopher",
}
_SOUNDS: Final = tuple((re.compile(pattern), written) for pattern, written in (
    ("sch", "s"), ("tch", "c"), ("tsch", "c"), ("zh", "j"), ("kh", "h"), ("ch", "c"), ("sh", "s"), ("ph", "f"), ("th", "t"),
    ("ck", "k"), ("qu", "kv"), ("x", "ks"), ("ts", "c"), ("tz", "c"), ("dj", "j"), ("gh", "g"), ("wh", "v"), ("w", "v"),
    ("q", "k"), ("c(?=[eiy])", "s"), ("c", "k"), ("z", "s"), ("(?<=.)[aeiouyhj]+", ""), (r"(.)\1+", r"\1"),
))
# fmt: on


class Name(Struct, frozen=True, gc=False):
    """The words of a name in order and their sounds; `whole` are the words joined, `sounds_whole` its sounds."""

    words: tuple[str, ...]
    sounds: tuple[str, ...]
    whole: str
    sounds_whole: str


@lru_cache(maxsize=REMEMBERED_MAX)
def name_of(text: str) -> Name:
    """The name that a text holds; one that is nothing but titles and legal forms keeps them."""
    plain = _APOSTROPHES.sub("", latin(_FORMS_IN_HAN.sub(" ", text)))
    plain = _DOTTED.sub(lambda found: found[0].replace(".", "").replace(" ", "") + " ", plain)
    every = [_read(word) for word in _WORD.findall(plain)][:WORDS_MAX]
    if len(every) >= PLACED_TITLE_WORDS and every[0] in LEADING_TITLES:
        del every[0]
    kept = [word for word in every if word not in LEGAL_FORMS and word not in TITLES] or every
    words = tuple(LONG_FORMS.get(word, word) for word in kept)
    whole = "".join(words)
    return Name(words, tuple(map(sound_of, words)), whole, sound_of(whole))


@lru_cache(maxsize=REMEMBERED_MAX)
def sound_of(word: str) -> str:
    """The first letter's sound and the consonants behind it, spelt one way: "Schmidt" and "Schmitt" begin alike."""
    if not word:
        return ""
    found = word
    for pattern, written in _SOUNDS:
        found = pattern.sub(written, found)
    return found or word[0]


def _read(word: str) -> str:
    """A word with digits read as letters where it is mostly letters."""
    if word.isalpha() or word.isdigit():
        return word
    letters = sum(character.isalpha() for character in word)
    return word.translate(_DIGIT_LETTERS) if letters * 2 > len(word) else word
