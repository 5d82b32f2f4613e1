"""A finding: one thing a check found, said so that the sender can act on it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much a finding matters to the declaration."""

    ERROR = "error"  # the declaration cannot be accepted as it is
    WARNING = "warning"  # accepted, but lowers quality and may raise attention
    INFO = "info"  # worth knowing; nothing is expected of the sender


class Finding(Struct, frozen=True, omit_defaults=True, gc=False):
    """What one rule found at one place.

    `pointer` is a path in the canonical declaration (`goods_items[2].hs_code`,
    items counted from 1); `place` is the same place in the sender's own terms
    (an XPath, a CSV row and column, a JSON pointer), filled in by the message
    form. `value` is what was seen, cut to 200 characters.
    """

    rule_id: str
    severity: Severity
    pointer: str
    words: str
    value: str = ""
    hint: str = ""
    place: str = ""


class MappingNote(Struct, frozen=True, omit_defaults=True, gc=False):
    """A part of a message that was kept but not understood, at `place` in the sender's terms."""

    place: str
    value: str
    words: str = "kept, not interpreted"
