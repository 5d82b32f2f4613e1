"""Our JSON and CSV under other names: a form that is a vocabulary and what goes without saying in it.

A message is JSON as `json_form` describes it, or a table as `csv_form` does; a
form is written as JSON Lines.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from msgspec.structs import replace

from tidewaiter.messages import csv_split, json_extras, json_faults, json_split
from tidewaiter.messages.csv_form import CsvForm
from tidewaiter.messages.csv_rows import ROW
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.json_form import beyond_limit
from tidewaiter.messages.pointers import json_pointer, steps
from tidewaiter.messages.vocabulary import Vocabulary
from tidewaiter.model.declaration import Declaration

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="string")
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[{\[]")
_FIRST = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:"\$schema"\s*:\s*"[^"]*"\s*,\s*)?"declarations"\s*:\s*)?(?:\[\s*)?(?=\{)'
)
_TOKEN = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*:)?|[{}\[\]]', re.DOTALL)
_NAMES_MAX = 1_000  # tokens of the first declaration that are looked at for the kind of message it is


class NamedForm:
    """A form by its vocabulary. Subclasses say what goes without saying: `completed` and its reverse, `shortened`."""

    name: str
    title: str
    media_types: tuple[str, ...] = ("application/json", "application/x-ndjson", "text/csv")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table = CsvForm(vocabulary)

    def completed(self, declaration: Declaration) -> Declaration:
        """The declaration with what goes without saying in this form."""
        return declaration

    def shortened(self, declaration: Declaration) -> Declaration:
        """The declaration without what `completed` would add."""
        return declaration

    def taken_from(self, declaration: Declaration) -> Mapping[str, str]:
        """Pointers of what goes without saying, and of what is written, where it is taken from that."""
        return {}

    def recognises(self, head: bytes) -> bool:
        """True when the first declaration, or the header of the table, has a name that only this vocabulary has."""
        if _JSON.match(head):
            return any(self.vocabulary.is_telling(name) for name in _first_names(head))
        return self._table.recognises(head)

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The declarations of a message, one at a time. Raises MessageError where it cannot be followed further."""
        head = stream.read(json_split.HEAD_BYTES)
        whole = io.BufferedReader(_Again(head, stream), json_split.CHUNK_BYTES)
        if _JSON.match(head) or not head.strip():
            return json_split.records(whole)
        return csv_split.records(whole, self.vocabulary)

    def read(self, body: bytes) -> Reading:
        """The declaration in one record, or findings with their places; unknown members and columns are kept."""
        is_table = body.startswith(csv_split.ROW_MARK)
        reading = self._table.read(body) if is_table else self._json(body)
        if reading.declaration is None:
            return reading
        return replace(reading, declaration=self.completed(reading.declaration))

    def _json(self, body: bytes) -> Reading:
        if (too_large := beyond_limit(body)) is not None:
            return too_large
        declaration = self._at_once(body)
        if declaration is not None and json_faults.has_plain_values(body, declaration):
            return Reading(declaration)
        return json_faults.examine(body, self.vocabulary)

    def _at_once(self, body: bytes) -> Declaration | None:
        """The declaration where every member was taken up, each told from its fellows; None where a closer look is due."""
        try:
            tree: Any = _DECODER.decode(body)
            # As many members as colons: none stood twice.
            if not isinstance(tree, dict) or body.count(b":") != _ENCODER.encode(tree).count(b":"):
                return None
            renamed, taken = self.vocabulary.renamed(tree)
            declaration = msgspec.convert(renamed, Declaration)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError):
            return None
        is_whole = _ENCODER.encode(renamed).count(b":") == _ENCODER.encode(declaration).count(b":")
        return declaration if is_whole and not taken else None

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """The declarations as JSON Lines; kept members stand where they stood."""
        return b"".join(self._line(declaration) + b"\n" for declaration in declarations)

    def _line(self, declaration: Declaration) -> bytes:
        short = self.shortened(declaration)
        if self.completed(short) != declaration:
            short = declaration
        line = json_extras.with_extras_in_place(short, self.vocabulary.under_own_names) if short.extras else None
        # What was put back is only trusted when reading gives the same declaration.
        if line and self.read(line).declaration == declaration:
            return line
        return _ENCODER.encode(self.vocabulary.under_own_names(msgspec.to_builtins(short)))

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The JSON pointer in this form's names (`/contents/0/hs_code`), or row and column of the table.

        What was not written is placed where it was taken from.
        """
        taken_from = self.taken_from(declaration)
        if pointer in taken_from and not getattr(self.shortened(declaration), pointer):
            pointer = taken_from[pointer]
        if any(extra.path == ROW for extra in declaration.extras):
            return self._table.locate(declaration, pointer)
        return json_pointer(self.vocabulary.own(steps(pointer)))


def _first_names(head: bytes) -> Iterator[str]:
    """The names of the first declaration's members, as far as the head goes, however broken what follows."""
    found = _FIRST.match(head)
    if found is None:
        return
    depth = 0
    for _, token in zip(range(_NAMES_MAX), _TOKEN.finditer(head, found.end()), strict=False):
        mark = token[0][:1]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                return
        elif depth == 1 and token[2]:
            yield token[1].decode("utf-8", "replace")


class _Again(io.RawIOBase):
    """A stream with its first bytes put back."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._read = getattr(stream, "read1", stream.read)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer from what is next; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if not self._head:
            self._head = memoryview(self._read(len(view)))
        count = min(len(view), len(self._head))
        view[:count] = self._head[:count]
        self._head = self._head[count:]
        return count
