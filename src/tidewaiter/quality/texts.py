"""The texts of a declaration that do not simply print: nearly always none, so looked for once for all rules."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model.declaration import Declaration, Party

_PARTIES = ("consignor", "consignee", "importer", "exporter", "seller", "buyer", "declarant", "representative")
_REFERENCES = ("functional_reference_id", "registered_id", "invoice_id")


def unprintable(declaration: Declaration) -> list[tuple[str, str]]:
    """Places and texts with at least one character that does not print (controls, format marks, odd spaces)."""
    found: list[tuple[str, str]] = []
    for place, item in enumerate(declaration.goods_items, 1):
        if not item.description.isprintable():
            found.append((f"goods_items[{place}].description", item.description))
        if item.consignor is not None:
            found.extend(_party(f"goods_items[{place}].consignor", item.consignor))
        if item.consignee is not None:
            found.extend(_party(f"goods_items[{place}].consignee", item.consignee))
        if item.importer is not None:
            found.extend(_party(f"goods_items[{place}].importer", item.importer))
    for name in _PARTIES:
        if (party := getattr(declaration, name)) is not None:
            found.extend(_party(name, party))
    for name in _REFERENCES:
        if not (text := getattr(declaration, name)).isprintable():
            found.append((name, text))
    for place, document in enumerate(declaration.consignment.transport_documents, 1):
        if not document.document_id.isprintable():
            found.append((f"consignment.transport_documents[{place}].document_id", document.document_id))
    return found


def _party(pointer: str, party: Party) -> Iterator[tuple[str, str]]:
    if not party.name.isprintable():
        yield f"{pointer}.name", party.name
    if not party.party_id.isprintable():
        yield f"{pointer}.party_id", party.party_id
    if (address := party.address) is not None:
        if not address.line.isprintable():
            yield f"{pointer}.address.line", address.line
        if not address.city.isprintable():
            yield f"{pointer}.address.city", address.city
