"""Characters that cannot be kept (controls, lone surrogates), and how to show those that cannot be seen."""

from __future__ import annotations

import re

# Not characters of XML 1.0, and NUL not of PostgreSQL: they could be neither kept nor passed on.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9).
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")

_UNSEEN = re.compile(f"{FORBIDDEN.pattern}|{DIRECTION.pattern}")


def named(character: str) -> str:
    """The character's number as Unicode writes it: U+202E."""
    return f"U+{ord(character):04X}"


def shown(text: str) -> str:
    """The text with what cannot be seen written as ⟨U+202E⟩, so that it is safe to show."""
    return _UNSEEN.sub(lambda found: f"⟨{named(found[0])}⟩", text)


_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NONCHARACTER_BYTES = re.compile(rb"\xef\xbf[\xbe\xbf]")


def has_noncharacters(data: bytes) -> bool:
    """True when UTF-8 text holds U+FFFE or U+FFFF as they are."""
    return not data.isascii() and _NONCHARACTER_BYTES.search(data) is not None


def is_plain(data: bytes) -> bool:
    """True when UTF-8 text holds no forbidden character as it is (escapes of its form aside)."""
    return _CONTROL_BYTES.search(data) is None and not has_noncharacters(data)


def writable(value: str) -> str:
    """`value` without characters that XML cannot carry (they may stand in what a sender declared)."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(c for c in value if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe"))
