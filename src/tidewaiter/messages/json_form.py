"""Tidewaiter's own declaration as JSON (RFC 8259): names and structure are those of the model.

The normal path is one decoding by msgspec and a proof that nothing was passed
over; everything that fails either is looked at again, slowly and in detail, by
`json_faults`. Members are described in `docs/reference/declaration.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import cache
from typing import Any, BinaryIO

import msgspec
from msgspec import Raw, Struct, UnsetType

from tidewaiter.messages import json_extras, json_faults, json_split
from tidewaiter.messages.faults import Fault, fault
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.leaves import moments_of
from tidewaiter.messages.limits import RECORD_BYTES_MAX
from tidewaiter.messages.pointers import json_pointer, steps
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.model.declaration import Declaration

_DECODER = msgspec.json.Decoder(Declaration)
_ENCODER = msgspec.json.Encoder(decimal_format="string")
_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(?:\{|\[[ \t\r\n]*(?:\{|\]|\Z))")


class JsonForm:
    """JSON Lines, a list, an object with the list, or single declarations; written as JSON Lines."""

    name = "json"
    title = "Tidewaiter declaration, JSON"
    media_types: tuple[str, ...] = ("application/json", "application/x-ndjson", "application/jsonl")

    def recognises(self, head: bytes) -> bool:
        """True when the message begins with an object, or with a list of objects, in UTF-8."""
        return _HEAD.match(head) is not None

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The declarations of a message, one at a time. Raises MessageError where it cannot be followed further."""
        return json_split.records(stream)

    def read(self, body: bytes) -> Reading:
        """The declaration in one record, or findings with JSON pointers; unknown members are kept as extras."""
        return self.proven(body)[0]

    def proven(self, body: bytes) -> tuple[Reading, bool]:
        """The same, and whether decoding alone gives it (`read_again`): nothing was passed over, and nothing is odd."""
        if (too_large := beyond_limit(body)) is not None:
            return too_large, False
        try:
            declaration = _DECODER.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return json_faults.examine(body), False
        is_plain = json_faults.has_plain_values(body, declaration) and _has_no_more_members(body, declaration)
        return (Reading(declaration), True) if is_plain else (json_faults.examine(body), False)

    def read_again(self, body: bytes) -> Reading:
        """The reading of a record of which `proven` said that decoding alone gives it."""
        return Reading(_DECODER.decode(body))

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """The declarations as JSON Lines; kept members stand where they stood."""
        return b"".join(_line(declaration) + b"\n" for declaration in declarations)

    def write_list(self, declarations: Sequence[Declaration]) -> bytes:
        """The declarations as one JSON list, one a line."""
        return b"[\n" + b",\n".join(_line(declaration) for declaration in declarations) + b"\n]\n"

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The JSON pointer (RFC 6901) within the declaration: `goods_items[2].sku` → `/goods_items/1/sku`."""
        return json_pointer(steps(pointer))


def beyond_limit(body: bytes) -> Reading | None:
    """What a record is answered that is larger than any declaration; None for all others."""
    if len(body) <= RECORD_BYTES_MAX:
        return None
    words = f"the declaration is larger than {RECORD_BYTES_MAX // 1024**2} MiB"
    return Reading(None, (fault(Fault.LIMIT, "", words, hint="Split it into several declarations."),))


def _line(declaration: Declaration) -> bytes:
    line = json_extras.with_extras_in_place(declaration) if declaration.extras else None
    # What was put back is only trusted when reading gives the same declaration.
    if line and JsonForm().read(line).declaration == declaration:
        return line
    return _ENCODER.encode(declaration)


# --- the proof that nothing was passed over ----------------------------------------------------------------------


def _has_no_more_members(body: bytes, declaration: Declaration) -> bool:
    """True when every member was taken up: the decoder ignores unknown members and the first of two of one name.

    Each member has a colon. Written again, a declaration has as many as it was
    read with unless something was passed over, or was there and empty. The second
    case is told from the first by decoding into records of bare text that
    remember which members were there, and writing those.
    """
    colons = body.count(b":")
    if colons == _ENCODER.encode(declaration).count(b":") and _moments_are_utc(declaration):
        return True
    return colons == _ENCODER.encode(_bare_decoder().decode(body)).count(b":")


def _moments_are_utc(declaration: Declaration) -> bool:
    """Whether moments are written again with as many colons: `+0200` would gain one."""
    return all(moment is None or moment.tzinfo is UTC for moment in moments_of(declaration))


@cache
def _bare_decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_bare(Declaration))


@cache
def _bare(record: type[Struct]) -> type[Struct]:
    """The record type with each single value left as the text it was, and absent members left out."""
    fields = [(element.name, _bare_type(element), msgspec.UNSET) for element in elements(record).values()]
    return msgspec.defstruct(f"Bare{record.__name__}", fields, omit_defaults=True, kw_only=True)


def _bare_type(element: Element) -> Any:
    if element.kind is not Kind.GROUP or element.group is None:
        return Raw | UnsetType
    group = _bare(element.group)
    return (list[group] if element.is_list else group | None) | UnsetType  # type: ignore[valid-type]
