"""Signed notes: c2sp.org/signed-note. What is read here is not yet believed; `signing.check` tells who signed."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.keys import KEY_ID_BYTES, check_key_name
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_base64, written_base64

NOTE_BYTES_MAX: Final = 1_000_000
SIGNATURES_MAX: Final = 128
"""Signatures that are read from one note; the specification asks for 16."""
_PREFIX: Final = "— "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteSignature(Struct, frozen=True):
    """One signature line: who is said to have signed, by name and key id, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"{_PREFIX}{self.name} {written_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """The signature of a line without its newline. Raises LedgerError."""
        name, space, data = line.removeprefix(_PREFIX).rpartition(" ")
        if not line.startswith(_PREFIX) or not space:
            raise LedgerError("a line of signatures is not a dash, a name and base 64")
        check_key_name(name)
        signature = read_base64(data, f"the signature of {name}")
        if len(signature) <= KEY_ID_BYTES:
            raise LedgerError(f"the signature of {name} is too short")
        return cls(name, signature[:KEY_ID_BYTES], signature[KEY_ID_BYTES:])


class SignedNote(Struct, frozen=True):
    """A text, which ends in a newline, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @property
    def data(self) -> bytes:
        """The note as it is served."""
        return (self.text + "\n" + "".join(each.line for each in self.signatures)).encode()

    def with_signatures(self, *added: NoteSignature) -> SignedNote:
        """The note with these too, each once."""
        return SignedNote(self.text, tuple(dict.fromkeys((*self.signatures, *added))))

    @classmethod
    def parse(cls, data: bytes) -> SignedNote:
        """The note in these bytes. Raises LedgerError where they are none, or more than is read."""
        if len(data) > NOTE_BYTES_MAX:
            raise LedgerError(f"a note has {len(data)} bytes; {NOTE_BYTES_MAX} are the most")
        try:
            note = data.decode()
        except UnicodeDecodeError as error:
            raise LedgerError("a note is not UTF-8") from error
        if _CONTROL.search(note):
            raise LedgerError("a note holds a control character")
        text, blank, lines = note.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise LedgerError("a note is a text, an empty line and signatures, each line with its newline")
        signatures = lines[:-1].split("\n")
        if len(signatures) > SIGNATURES_MAX:
            raise LedgerError(f"a note has {len(signatures)} signatures; {SIGNATURES_MAX} are the most")
        return cls(text + "\n", tuple(map(NoteSignature.parse, signatures)))
