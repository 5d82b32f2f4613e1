"""The EDIFACT form: interchanges of customs messages, as posts hand them over. It is read and not written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from msgspec.structs import replace

from tidewaiter.messages.edifact.draft import place_of
from tidewaiter.messages.edifact.read import SEGMENTS, read
from tidewaiter.messages.edifact.split import records
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.postal.form import BY_POST, POSTAL_ITEM, item_id
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError
from tidewaiter.model.identifiers import S10Id

_STARTS: Final = (b"UNA", b"UNB+", b"UNB\x1d")


class EdifactForm:
    """Customs messages of the UN/EDIFACT directory D.00A."""

    name = "edifact"
    title = "UN/EDIFACT interchange (CUSCAR, CUSDEC, CUSEXP D.00A)"
    media_types: tuple[str, ...] = ("application/edifact",)

    def recognises(self, head: bytes) -> bool:
        """True when the message begins with a service string advice or an interchange header."""
        return head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith(_STARTS)

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The consignments of a message, one at a time. Raises MessageError where it cannot be followed further."""
        return records(stream)

    def read(self, body: bytes) -> Reading:
        """The declaration of one consignment, or findings with segment and element; other segments are kept."""
        reading = read(body)
        if reading.declaration is None:
            return reading
        return replace(reading, declaration=_completed(reading.declaration))

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """Raises MessageError: interchanges are read and not written."""
        hint = "Write them as postal, json or csv."
        raise MessageError("EDIFACT interchanges are read here and not written", hint=hint)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The segment that said it, UNH being 1: `segment 7 NAD`; where none did, that with which the consignment begins."""
        kept = next((extra.value for extra in declaration.extras if extra.path == SEGMENTS), "")
        told: Mapping[str, str] = dict(entry.split("=", 1) for entry in kept.split(";") if "=" in entry)
        return place_of(told, pointer)


def _completed(declaration: Declaration) -> Declaration:
    """What goes without saying: the consignment's number is its reference, and an S10 number is of the post."""
    consignment = declaration.consignment
    number = item_id(consignment)
    if number and S10Id.shape_problem(number) is None:
        first, *others = consignment.transport_documents
        consignment = replace(
            consignment,
            transport_documents=(replace(first, type_code=first.type_code or POSTAL_ITEM), *others),
            border_transport=consignment.border_transport or BY_POST,
        )
    reference = declaration.functional_reference_id or number
    return replace(
        declaration,
        consignment=consignment,
        functional_reference_id=reference,
        jurisdiction_code=declaration.jurisdiction_code or consignment.destination_country_code,
    )
