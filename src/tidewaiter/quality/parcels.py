"""One parcel declared twice: told by two senders, or in two forms, and known by its transport document.

Each sender gives each declaration a reference of its own, so that a parcel which post and courier both declare, or a
marketplace and its broker, has two. What both have is on the label: the number of the postal item or of the house
waybill, and where the parcel goes. `parcel_key` makes one number of these, compared without regard to spaces, hyphens
and capitals:

- A postal item number is one item's alone for twelve months (UPU S10, version 12, as the public encyclopaedia quotes it:
  "no S10 identifier is reused within a period of 12 calendar months"; https://en.wikipedia.org/wiki/S10_(UPU_standard),
  read 2026-11-27; the standard's own text was not read). It is a key by itself.
- A house waybill's number is unique with who issued it alone, and few declarations name the carrier. So it counts with
  the place of delivery: postcode and the first number in the address, which senders spell alike.
- A master waybill, and an air waybill's number that nobody calls a house's, may stand for a whole consolidation, and so
  may consignment notes of road, rail and sea. None is a key.

A declaration of several parcels is known by the first of its numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tidewaiter.model.declaration import Declaration, Document
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import Awb, S10Id
from tidewaiter.model.parcel import DeclaredBefore

DECLARED_BEFORE: Final = "submission.transport_document_used"
HOUSES: Final = ("N703", "N714")  # house waybill, house bill of lading: types of document of Annex B, as TARIC has them
OF_ONE_PARCEL: Final = (*HOUSES, "N750", "N740", "")  # despatch note of postal parcels, air waybill, not said
NUMBER_LENGTH_MIN: Final = 6
NUMBER_LENGTH_MAX: Final = 70  # of a transport document, as Annex B has it
VALUE_LENGTH_MAX: Final = 200
SOURCE: Final = "UPU S10 (numbers are not used again within 12 months); the transport document of the declaration"
MEANING: Final = (
    "A parcel is declared once. Another declaration of the same postal item or house waybill stands, made within"
    " twelve months by the same sender or by another; until it is clear which of them holds, the goods wait, so that"
    " duty and tax are not taken twice."
)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
# First digits of the procedures that goods on import were under before: free circulation, processing and temporary
# admission, warehouses and zones, others (codes of Annex B, data element 11 09 002; from memory, not read again). Goods
# that come back after export (1 to 3) are declared for import once; so are those of clearance requests ("0020").
_UNDER_BEFORE: Final = ("4", "5", "7", "9")


def parcel_key(declaration: Declaration) -> int | None:
    """What a parcel is known by whoever declares it, a signed 64-bit number; None where nothing tells it from others.

    None, too, for goods that come out of another procedure: they were declared before, and must be again.
    """
    if any(item.previous_procedure_code.startswith(_UNDER_BEFORE) for item in declaration.goods_items):
        return None
    known_by = _known_by(declaration)
    if known_by is None:
        return None
    text = f"{declaration.jurisdiction_code}\n{known_by.number}\n{known_by.delivered_to}"
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def plain_number(document_id: str) -> str:
    """A number as it is compared: capitals and digits alone."""
    text = document_id.upper()
    return text if text.isalnum() else "".join(filter(str.isalnum, text))


def declared_before(declaration: Declaration, others: Sequence[DeclaredBefore]) -> list[Finding]:
    """That other declarations of the same parcel stand: one finding, at the transport document, or none."""
    if not others:
        return []
    own = next((each for each in others if each.is_of_same_sender), None)
    if own is None:
        words = "Another declaration of this parcel stands, known by its transport document."
        hint = "If the goods are the same, withdraw one of the two; if not, show by papers that they are others."
    else:
        named = f", registered as {own.registered_id}" if own.registered_id else ""
        reference = f" (reference “{own.reference[:60]}”)" if own.reference else ""
        words = f"You declared this parcel before, in declaration {own.declaration_id}{reference}{named}."
        hint = "To change that one send an amendment; if the goods are the same, withdraw one of the two."
    known_by = _known_by(declaration)
    pointer, value = (known_by.pointer, known_by.written) if known_by else ("consignment.transport_documents", "")
    return [Finding(DECLARED_BEFORE, Severity.WARNING, pointer, words, value[:VALUE_LENGTH_MAX], hint)]


def rows() -> list[dict[str, str]]:
    """This rule as a row of the reference, as `quality.report` has them."""
    return [
        {
            "rule": DECLARED_BEFORE,
            "severity": "warning",
            "scope": "where duty and tax are worked out",
            "words": MEANING,
            "source": SOURCE,
        }
    ]


class _KnownBy(NamedTuple):
    number: str
    delivered_to: str  # "" where the number alone is enough
    pointer: str
    written: str  # the number as the sender wrote it


def _known_by(declaration: Declaration) -> _KnownBy | None:
    """The number that tells a parcel from all others: a postal item's before a house waybill's."""
    documents = list(_documents(declaration))
    for pointer, document in documents:
        number = plain_number(document.document_id)
        if S10Id.shape_problem(number) is None:
            return _KnownBy(number, "", pointer, document.document_id)
    place = _place_of_delivery(declaration) if documents else ""
    if not place:
        return None
    master = plain_number(declaration.consignment.master_document_id)
    for pointer, document in documents:
        number = plain_number(document.document_id)
        if number != master and _is_of_one_parcel(number, document.type_code):
            return _KnownBy(number, place, pointer, document.document_id)
    return None


def _documents(declaration: Declaration) -> Iterator[tuple[str, Document]]:
    """The transport documents with their pointers: those of the whole, else those of the lines."""
    whole = declaration.consignment.transport_documents
    for position, document in enumerate(whole, start=1):
        yield f"consignment.transport_documents[{position}].document_id", document
    if not whole:
        for line, item in enumerate(declaration.goods_items, start=1):
            for position, document in enumerate(item.transport_documents, start=1):
                yield f"goods_items[{line}].transport_documents[{position}].document_id", document


def _is_of_one_parcel(number: str, type_code: str) -> bool:
    kind = f"N{type_code}" if type_code.isdigit() else type_code  # the code without the letter of its group
    if kind not in OF_ONE_PARCEL or not NUMBER_LENGTH_MIN <= len(number) <= NUMBER_LENGTH_MAX:
        return False
    return any(map(str.isdigit, number)) and (kind in HOUSES or Awb.shape_problem(number) is not None)


def _place_of_delivery(declaration: Declaration) -> str:
    """Postcode and first number of the address; "" where no postcode is given."""
    for party in (declaration.consignee, declaration.importer, declaration.buyer):
        if party is not None and party.address is not None and party.address.postcode:
            found = _DIGITS.search(party.address.line)
            return f"{plain_number(party.address.postcode)} {found[0] if found else ''}"
    return ""
