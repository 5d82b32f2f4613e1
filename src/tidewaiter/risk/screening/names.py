"""A name as words in Latin letters, without titles and forms of firms, each with the spelling and sounds it keeps misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tidewaiter.model.transliteration import latin

PLACED_TITLE_WORDS: Final = 3  # of a name whose first may be such a title
WORDS_MAX: Final = 12  # of a name; what is longer is no name
REMEMBERED_MAX: Final = 65_536
_HAN: Final = "\u3400-\u9fff\uf900-\ufaff"
_HAS_HAN = re.compile(f"[{_HAN}]")
_PIECES = re.compile(f"[{_HAN}]|[^{_HAN}]+")  # characters one by one, what is between them as it stands
_FORMS_IN_HAN = re.compile("株式会社|有限会社|(?<=..)[股份有限责任公司集团]{2,}(?!.)")  # also miswritten
_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile(r"['’`´ʼ]")
_DOTTED = re.compile(r"\b(?:[a-z]\.\s?){2,}")  # "A.Ş.", "S. A. S.": one form, not letters
_SIGNED = re.compile(r"\b(?:a/s|g-(?:n|zha|ca))(?![a-z])")  # a form in Danish, titles in Russian and Bulgarian
_PHRASES = re.compile(  # forms of several words
    r"\b(?:omilos etair[ei]+on|(?:gu ?fen )?you ?xian (?:ze ?ren )?gong ?si|ji ?tuan"
    r"|cong ty(?: (?:tnhh|co phan|hop danh|trach nhiem huu han))?(?: mtv)?|doanh nghiep tu nhan|tap doan|va doi tac)\b"
)
_DIGIT_LETTERS = str.maketrans("015", "ols")  # read for letters by scanners, within a word of letters

# fmt: off
LEGAL_FORMS: Final = frozenset((
    "ltd", "limited", "plc", "llp", "llc", "inc", "incorporated", "corp", "corporation", "co", "company", "gmbh", "ug",
    "ag", "kg", "kgaa", "ohg", "mbh", "gbr", "se", "sa", "sas", "sarl", "sprl", "srl", "spa", "snc", "bv", "nv", "cv", "vof",
    "aps", "as", "ivs", "ab", "oy", "oyj", "asa", "ou", "uab", "sia", "doo", "dd", "zrt", "kft", "sp", "zoo", "pty", "pte",
    "pvt", "ooo", "oao", "zao", "pao", "ao", "rao", "npo", "tov", "ink", "jsc", "ojsc", "sdn", "bhd", "tbk", "pt", "sti",
    "tic", "lda", "eirl", "tnhh", "mtv", "ae", "epe", "ike", "koncern", "grupp", "gruppe",
    "the", "and", "und", "et", "y", "e", "of", "de", "la", "le",
))
TITLES: Final = frozenset((
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "dame", "hr", "herr", "frau", "fru", "dipl", "ing", "mba", "md", "phd",
    "jr", "sr", "ii", "iii", "iv", "bsc", "msc", "dds", "pan", "pani", "sig", "sra", "srta", "don", "dona", "monsieur",
    "madame", "quy", "ong", "bay", "bayan", "sayin", "ogr", "gor", "uz", "kyria", "kyrios", "univ", "habil", "bed", "beng",
    # Arabic and Persian: engineer, doctor, professor, sir and madam, with and without the article
    "lmhnds", "lmhndsh", "mhnds", "ldktwr", "ldktwrh", "dktr", "dktwr", "lstdh", "lstdhh", "lstd", "lsyd", "lsydh", "jnb",
    "aqy", "khnm", "srkr", "lansh", "lnsh",
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
    "tony": "anthony", "steve": "stephen", "steven": "stephen", "chris": "christopher",
}
_FORM_WORDS: Final = (
    *sorted(form for form in LEGAL_FORMS if len(form) > 2 and form not in ("the", "and", "und")),
    "cong", "trach", "nhiem", "huu", "han", "hop", "danh", "doanh", "nghiep", "nhan", "phan", "tap", "doan", "doi", "tac",
    "omilos", "etaireion", "you", "xian", "gong",
)
_SPELLINGS: Final = tuple((re.compile(pattern), written) for pattern, written in (
    ("t?sch|sh|ch", "s"), ("zh|dj", "j"), ("kh|gh", "h"), ("ph", "f"), ("th", "t"), ("wh", "v"),
    ("ck|c(?![eiy])|q", "k"), ("x", "ks"), ("t[sz]", "s"), ("eff|ev(?![aeiouy])", "ev"), ("w", "v"), ("[cz]", "s"), ("iy|yi|y", "i"),
    (r"(.)\1+", r"\1"),
))
_VOWELS = re.compile("(?<=.)[aeiouyhj]+")
_DOUBLED = re.compile(r"(.)\1+")
# fmt: on


class Name(Struct, frozen=True, gc=False):
    """The words of a name in order. Of each word: its spelling once letters that sound alike are one, its consonants, and
    the Chinese character it was read from ("": none). `whole` are the words joined, `in_order` the same in the order of the
    alphabet with spaces between, `sounds_whole` the consonants of the whole; `is_han` tells that every word was read from a
    Chinese character.
    """

    words: tuple[str, ...]
    spelt: tuple[str, ...]
    sounds: tuple[str, ...]
    han: tuple[str, ...]
    whole: str
    in_order: str
    sounds_whole: str
    is_han: bool


@lru_cache(maxsize=REMEMBERED_MAX)
def name_of(text: str) -> Name:
    """The name that a text holds; one that is nothing but titles and legal forms keeps them."""
    every = list(_words(text))[:WORDS_MAX]
    if len(every) >= PLACED_TITLE_WORDS and every[0][0] in LEADING_TITLES:
        del every[0]
    kept = [each for each in every if each[0] not in LEGAL_FORMS and each[0] not in TITLES] or every
    words = tuple([word if han else LONG_FORMS.get(word, word) for word, han in kept])
    han = tuple([han for _, han in kept])
    spelt = tuple([spelling_of(word) for word in words])
    whole = "".join(words)
    return Name(
        words=words,
        spelt=spelt,
        sounds=tuple([consonants_of(word) for word in spelt]),
        han=han,
        whole=whole,
        in_order=" ".join(sorted(words)),
        sounds_whole=consonants_of("".join(spelt)),
        is_han=bool(han) and all(han),
    )


@lru_cache(maxsize=REMEMBERED_MAX)
def spelling_of(word: str) -> str:
    """A word with letters that sound alike written one way: "Schmidt" as "smidt", "Yuri" as "iuri"."""
    found = word
    for pattern, written in _SPELLINGS:
        found = pattern.sub(written, found)
    return found


@lru_cache(maxsize=REMEMBERED_MAX)
def consonants_of(spelt: str) -> str:
    """The first letter of a spelling and the consonants behind it."""
    return _DOUBLED.sub(r"\1", _VOWELS.sub("", spelt)) or spelt[:1]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Each word, with the Chinese character it stands for, if it does."""
    if text.isascii() or not _HAS_HAN.search(text):
        for word in _latin_words(text):
            yield word, ""
        return
    for piece in _PIECES.findall(_FORMS_IN_HAN.sub(" ", text)):
        if _HAS_HAN.match(piece):
            yield latin(piece).strip() or piece, piece
        else:
            for word in _latin_words(piece):
                yield word, ""


def _latin_words(text: str) -> list[str]:
    plain = _SIGNED.sub(" ", _APOSTROPHES.sub("", latin(text)))
    plain = _DOTTED.sub(lambda found: found[0].replace(".", "").replace(" ", "") + " ", plain)
    words = _WORD.findall(plain)
    joined = " ".join(words)
    if _PHRASES.search(joined):
        words = _PHRASES.sub(" ", joined).split()
    return [_read(word) for word in words]


@lru_cache(maxsize=REMEMBERED_MAX)
def is_like_a_form(word: str) -> bool:
    """True for a word of a legal form, and for one that is a slip away from it: it tells nobody from anybody."""
    return len(word) > 2 and bool(
        process.extractOne(word, _FORM_WORDS, scorer=OSA.distance, processor=None, score_cutoff=1)
    )


def _read(word: str) -> str:
    """A word with digits read as letters where it is mostly letters."""
    if word.isalpha() or word.isdigit():
        return word
    letters = sum(character.isalpha() for character in word)
    return word.translate(_DIGIT_LETTERS) if letters * 2 > len(word) else word
