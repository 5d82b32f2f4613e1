"""Identifiers: are they built as their standards say, and do their check digits agree?

A wrong check digit is only ever a warning: published examples of the standards
themselves carry some, and the goods are none the worse for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidewaiter.model.declaration import Declaration, Document, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import Awb, Eori, Gtin, Ioss, Mrn, QuoteId, S10Id, Ucr, VatNumber, network_address_of
from tidewaiter.quality.registry import Context, Seen, rule

POSTAL_TYPES = ("N750", "750")  # movement by post including parcel post
IOSS_ROLE = "FR5"  # vendor registered in the import one-stop shop

_LOOKS_LIKE_AWB = re.compile(r"[0-9]{3}[- ]?[0-9]{8}", re.ASCII)
_OPERATORS = ("declarant", "representative", "importer", "exporter", "consignee", "consignor")


def _transport_documents(declaration: Declaration) -> Iterator[tuple[int, int, Document]]:
    """Line (0 for the whole), position and document of each."""
    for place, document in enumerate(declaration.consignment.transport_documents, 1):
        yield 0, place, document
    for line, item in enumerate(declaration.goods_items, 1):
        if item.transport_documents:
            for place, document in enumerate(item.transport_documents, 1):
                yield line, place, document


def _pointer(line: int, place: int) -> str:
    owner = f"goods_items[{line}]" if line else "consignment"
    return f"{owner}.transport_documents[{place}].document_id"


@rule("identifier.postal_item", Severity.WARNING, source="UPU S10 (13-character postal item identifier)")
def postal_item(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An item moved by post is named by its 13-character number: two letters, nine digits, two letters.

    Without it the Post cannot hold or hand over the item that customs means.
    """
    return [
        Seen(
            _pointer(line, place),
            document.document_id,
            f"As a postal item number {problem}.",
            "Copy it from under the bar code.",
        )
        for line, place, document in _transport_documents(declaration)
        if document.type_code in POSTAL_TYPES
        and document.document_id
        and (problem := S10Id.shape_problem(document.document_id))
    ]


@rule("identifier.postal_item_check_digit", Severity.WARNING, source="UPU S10, check digit by weights 8 6 4 2 3 5 9 7")
def postal_item_check_digit(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The ninth digit of a postal item number is computed from the eight before it; a wrong one hints at a typing error."""
    return [
        Seen(_pointer(line, place), document.document_id, f"In this postal item number {problem}.")
        for line, place, document in _transport_documents(declaration)
        if len(document.document_id) == 13
        and S10Id.shape_problem(document.document_id) is None
        and (problem := S10Id.check_digit_problem(document.document_id))
    ]


@rule(
    "identifier.air_waybill_check_digit",
    Severity.WARNING,
    source="IATA Resolution 600a: last digit is the serial modulo 7",
)
def air_waybill_check_digit(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The last digit of an air waybill number is computed from the seven before it; a wrong one hints at a typing error."""
    seen = []
    if len(master := declaration.consignment.master_document_id) in (11, 12):
        seen.extend(_waybill("consignment.master_document_id", master))
    for line, place, document in _transport_documents(declaration):
        if document.type_code[-3:] in ("740", "741"):
            seen.extend(_waybill(_pointer(line, place), document.document_id))
    return seen


def _waybill(pointer: str, number: str) -> list[Seen]:
    # House waybills are numbered as the carrier likes, so only numbers of IATA's shape are looked at.
    problem = Awb.check_digit_problem(number) if _LOOKS_LIKE_AWB.fullmatch(number) else None
    return [Seen(pointer, number, f"In this air waybill number {problem}.")] if problem else []


@rule(
    "identifier.eori",
    Severity.WARNING,
    source="Delegated Regulation (EU) 2015/2446, Annex B, 13 05 017 000",
    by_outline=True,
)
def eori(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An EORI number is a country code and up to 15 characters, built as its country builds them.

    Only numbers that begin with a country whose pattern is known are looked at: other numbers may be national.
    """
    seen = []
    for name in _OPERATORS:
        party: Party | None = getattr(declaration, name)
        if party and (text := party.party_id) and Eori.has_national_pattern(text) and (problem := Eori.problem(text)):
            seen.append(Seen(f"{name}.party_id", text, f"As an EORI number {problem}."))
    return seen


def _fiscal_references(declaration: Declaration) -> Iterator[tuple[str, Party]]:
    for place, party in enumerate(declaration.fiscal_references, 1):
        yield f"fiscal_references[{place}].party_id", party
    for line, item in enumerate(declaration.goods_items, 1):
        if not item.fiscal_references:
            continue
        for place, party in enumerate(item.fiscal_references, 1):
            yield f"goods_items[{line}].fiscal_references[{place}].party_id", party


@rule(
    "identifier.ioss",
    Severity.ERROR,
    source="Implementing Regulation (EU) 2020/194, Annex I; role FR5 of Annex B",
    about=("fiscal_references", "goods_items[].fiscal_references"),
    by_outline=True,
)
def ioss(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The number of a vendor in the import one-stop shop is IM and ten digits; VAT is not waived on any other.

    Its check digit is not published and not looked at.
    """
    return [
        Seen(pointer, party.party_id, f"As an IOSS number {problem}.", "Ask the marketplace or seller for its number.")
        for pointer, party in _fiscal_references(declaration)
        if (party.role_code == IOSS_ROLE or party.party_id.startswith("IM"))
        and party.party_id
        and (problem := Ioss.shape_problem(party.party_id))
    ]


@rule(
    "identifier.vat_number",
    Severity.WARNING,
    source="Directive 2006/112/EC, Article 215; national rules as in python-stdnum",
    about=("fiscal_references", "goods_items[].fiscal_references"),
    by_outline=True,
)
def vat_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A VAT number begins with its country and is built as that country builds them."""
    return [
        Seen(pointer, party.party_id, f"As a VAT number {problem}.")
        for pointer, party in _fiscal_references(declaration)
        if party.party_id
        and party.role_code != IOSS_ROLE
        and not party.party_id.startswith("IM")
        and (problem := VatNumber.problem(party.party_id))
    ]


@rule(
    "identifier.mrn",
    Severity.WARNING,
    source="Implementing Regulation (EU) 2015/2447, Annex B; ISO 6346 check digit",
    about=("registered_id",),
    by_outline=True,
)
def mrn(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A message about an earlier declaration names it by its MRN: 18 characters, the last a check digit."""
    text = declaration.registered_id
    if not text or (problem := Mrn.problem(text)) is None:
        return ()
    return [Seen("registered_id", text, f"As an MRN {problem}.")]


@rule("identifier.gtin", Severity.WARNING, source="GS1 General Specifications, 7.9", about=("goods_items[].gtin",))
def gtin(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A bar code number has 8, 12, 13 or 14 digits, the last a check digit."""
    return [
        Seen(f"goods_items[{place}].gtin", item.gtin, f"As a bar code number {problem}.")
        for place, item in enumerate(declaration.goods_items, 1)
        if item.gtin and (problem := Gtin.problem(item.gtin))
    ]


@rule(
    "identifier.ucr",
    Severity.WARNING,
    source="WCO guidelines on the unique consignment reference; element 016",
    about=("consignment.ucr",),
)
def ucr(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A unique consignment reference has up to 35 letters, digits and common marks."""
    text = declaration.consignment.ucr
    if not text or (problem := Ucr.shape_problem(text)) is None:
        return ()
    return [Seen("consignment.ucr", text, f"As a unique consignment reference {problem}.")]


@rule("identifier.quote", Severity.WARNING, source="Tidewaiter: the number it gives to a quote", about=("quote_id",))
def quote(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The number of a quote is TWQ and five groups of eight, as it was given.

    Without it nothing can be compared; the declaration itself stands. Whether the number was issued is told with the
    explanation of the decision.
    """
    problem = QuoteId.shape_problem(declaration.quote_id) if declaration.quote_id else None
    if problem is None:
        return ()
    words = f"This is not the number of a quote: {problem}."
    return [Seen("quote_id", declaration.quote_id, words, "Copy it whole from the quote.")]


@rule(
    "identifier.network",
    Severity.WARNING,
    source="RFC 791 and RFC 4291, section 2.2: how addresses are written",
    about=("network_address",),
)
def network_address(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The network address that an order was placed from is an IPv4 or IPv6 address.

    It ties a parcel to others ordered from the same place; what is no address ties nothing together.
    """
    text = declaration.network_address
    if not text or network_address_of(text) is not None:
        return ()
    words = "This is not an IPv4 or IPv6 address."
    return [Seen("network_address", text, words, "Send the one address that the order came from, as 8.8.8.8.")]
