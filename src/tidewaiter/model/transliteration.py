"""Text in Latin letters, whatever script it was written in: so that one name is one name.

Transliterated by AnyAscii first and folded afterwards: a Cyrillic «й» or a Danish «ø» is a letter of its own, not a mark
on another one, and would be lost if marks were stripped before.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from anyascii import anyascii

REMEMBERED_MAX = 65_536  # texts of other scripts at hand


def latin(text: str) -> str:
    """`text` in the letters a to z, digits and ASCII signs, in lower case: "Müller" → "muller", "Дмитрий" → "dmitriy".

    Characters of Chinese and Japanese are told by their usual sound, each a word of its own.
    """
    return text.lower() if text.isascii() else _transliterated(text)


@lru_cache(maxsize=REMEMBERED_MAX)
def _transliterated(text: str) -> str:
    return "".join(_sound(character) for character in unicodedata.normalize("NFC", text)).lower()


def _sound(character: str) -> str:
    if character.isascii():
        return character
    found = anyascii(character)
    return f" {found} " if "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" else found
