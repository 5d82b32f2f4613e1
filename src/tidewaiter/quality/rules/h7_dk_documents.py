"""Danish customs' rules for low-value declarations (H7): documents, references and statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidewaiter.model.declaration import Declaration, Document
from tidewaiter.quality.registry import Context, Seen
from tidewaiter.quality.rules.h7_dk import codes, danish, items


def _unknown(pointer: str, documents: tuple[Document, ...], known: frozenset[str], words: str) -> list[Seen]:
    return [
        Seen(f"{pointer}[{place}].type_code", document.type_code, words)
        for place, document in enumerate(documents, 1)
        if document.type_code not in known
    ]


@danish("DK1002", vr=2, about=("previous_documents", "goods_items[].previous_documents"))
def previous_document_type(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The type of a previous document is one of the published codes, N337 for temporary storage, NMRN for any MRN."""
    known, words = codes("previous_document_types"), "This type of previous document does not exist."
    seen = _unknown("previous_documents", declaration.previous_documents, known, words)
    for pointer, item in items(declaration):
        if item.previous_documents:
            seen += _unknown(f"{pointer}.previous_documents", item.previous_documents, known, words)
    return seen


@danish("DK1103", vr=178, by_outline=True)
def transport_document_type(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The type of a transport document is one of the published codes, N750 for post, N740 for an air waybill."""
    known, words = codes("transport_document_types"), "This type of transport document does not exist."
    transport = declaration.consignment.transport_documents
    seen = _unknown("consignment.transport_documents", transport, known, words)
    for pointer, item in items(declaration):
        if item.transport_documents:
            seen += _unknown(f"{pointer}.transport_documents", item.transport_documents, known, words)
    return seen


@danish("DK-VR52", vr=52, about=("additional_information", "goods_items[].additional_information"))
def additional_information_code(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The code of a statement is one of the published ones."""
    known = codes("additional_information_codes")
    places = [("additional_information", declaration.additional_information)]
    places += [
        (f"{pointer}.additional_information", item.additional_information) for pointer, item in items(declaration)
    ]
    return [
        Seen(f"{pointer}[{place}].statement_code", statement.statement_code, "This statement code does not exist.")
        for pointer, statements in places
        for place, statement in enumerate(statements, 1)
        if statement.statement_code and statement.statement_code not in known
    ]


IMPORTER_IS_DECLARANT = "00500"


@danish("DK1052", vr=69, about=("additional_information", "goods_items[].additional_information"))
def importer_is_declarant(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Statement 00500 says that the importer is the declarant: both must then have the same number."""
    statements = [*declaration.additional_information]
    for item in declaration.goods_items:
        statements += item.additional_information
    if not any(statement.statement_code == IMPORTER_IS_DECLARANT for statement in statements):
        return ()
    importer = declaration.importer.party_id if declaration.importer else ""
    declarant = declaration.declarant.party_id if declaration.declarant else ""
    if importer == declarant:
        return ()
    return [
        Seen("importer.party_id", importer, f"With statement 00500 this must be the declarant's number {declarant}.")
    ]


@danish("DK1003", vr=3, about=("documents", "goods_items[].documents"))
def supporting_document_type(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The type of a supporting document is one of the published codes, N380 for a commercial invoice."""
    words = "This type of supporting document does not exist."
    return [
        Seen(f"{pointer}.type_code", document.type_code, words)
        for pointer, document in _documents(declaration)
        if document.type_code not in codes("supporting_document_types") and not _is_reference(document, declaration)
    ]


@danish("DK11054", vr=41, about=("documents", "goods_items[].documents"))
def additional_reference_type(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The type of an additional reference is one of the published codes, which begin with Y."""
    words = "This type of additional reference does not exist."
    return [
        Seen(f"{pointer}.type_code", document.type_code, words)
        for pointer, document in _documents(declaration)
        if document.type_code not in codes("additional_reference_types")
        and document.type_code not in codes("supporting_document_types")
        and _is_reference(document, declaration)
    ]


def _documents(declaration: Declaration) -> Iterator[tuple[str, Document]]:
    for place, document in enumerate(declaration.documents, 1):
        yield f"documents[{place}]", document
    for pointer, item in items(declaration):
        if not item.documents:
            continue
        for place, document in enumerate(item.documents, 1):
            yield f"{pointer}.documents[{place}]", document


def _is_reference(document: Document, declaration: Declaration) -> bool:
    """True for an additional reference (12 04), false for a supporting document (12 03).

    Their published types tell them apart. Where a type is unknown, the H7 form has kept in the extras
    under which element it stood.
    """
    return document.type_code.startswith("Y") or any(
        extra.value == document.type_code and "/AdditionalReference[" in extra.path for extra in declaration.extras
    )
