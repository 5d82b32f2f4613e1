"""The marketplace form: our JSON and CSV under a marketplace's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.named_form import NamedForm
from tidewaiter.messages.vocabulary import vocabulary
from tidewaiter.model.claim import product_reference
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.finding import Finding

PRODUCT: Final = "PRODUCT"  # datasets of the law (data/regimes/COMMON)
ORDER: Final = "ORDER"
PAYMENT: Final = "PAYMENT"
IOSS_ROLE: Final = "FR5"

_DATASETS: Final[Mapping[str, str]] = {
    "product": PRODUCT,
    "order": ORDER,
    "payment": PAYMENT,
    "declaration": "",
}
_DATASET: Final = re.compile(
    r"PRODUCT|ORDER|PAYMENT|LOGISTICS|MANIFEST|[A-Z][A-Z0-9]{1,4}[a-z]?"
)  # as the law names data sets


class MarketplaceForm(NamedForm):
    """Products, orders, payments, and orders on their way."""

    name = "marketplace"
    title = "Marketplace product, order or payment, JSON or CSV"

    def __init__(self) -> None:
        super().__init__(vocabulary("marketplace"))

    def read(self, body: bytes) -> Reading:
        """As any form under other names; what says to be of an unknown kind is no declaration by default."""
        reading = super().read(body)
        kind = reading.declaration.procedure_category if reading.declaration is not None else ""
        if not kind or _DATASET.fullmatch(kind):
            return reading
        return replace(reading, findings=(*reading.findings, _unknown_kind(kind)))

    def completed(self, declaration: Declaration) -> Declaration:
        """The dataset of the kind of message, a reference of its own, the role of an IOSS number."""
        kind = declaration.procedure_category
        dataset = _DATASETS.get(kind, kind)
        if kind == "order" and _names_transport(declaration):
            dataset = ""
        declaration = replace(
            declaration,
            procedure_category=dataset,
            fiscal_references=_with_role(declaration.fiscal_references),
            jurisdiction_code=declaration.jurisdiction_code or declaration.consignment.destination_country_code,
        )
        reference = declaration.functional_reference_id or _reference(declaration)
        return replace(declaration, functional_reference_id=reference)

    def taken_from(self, declaration: Declaration) -> Mapping[str, str]:
        """The reference from the number of the product, payment or order, whose customs from where it goes."""
        kind, place = declaration.procedure_category, "invoice_id"
        if kind == PAYMENT and declaration.documents:
            place = "documents[1].document_id"
        if kind == PRODUCT:
            place = "goods_items[1].sku"
        return {
            "functional_reference_id": place,
            "jurisdiction_code": "consignment.destination_country_code",
        }

    def shortened(self, declaration: Declaration) -> Declaration:
        """Without what `completed` puts in."""
        dataset = declaration.procedure_category
        kind = {PRODUCT: "product", PAYMENT: "payment", "": "declaration"}.get(dataset, dataset)
        if dataset == ORDER and not _names_transport(declaration):
            kind = "order"
        references = declaration.fiscal_references
        if references and references[0].role_code == IOSS_ROLE:
            references = (replace(references[0], role_code=""), *references[1:])
        is_destinations = declaration.jurisdiction_code == declaration.consignment.destination_country_code
        is_own = declaration.functional_reference_id == _reference(declaration)
        return replace(
            declaration,
            procedure_category=kind,
            jurisdiction_code="" if is_destinations else declaration.jurisdiction_code,
            fiscal_references=references,
            functional_reference_id="" if is_own else declaration.functional_reference_id,
        )


def _unknown_kind(kind: str) -> Finding:
    words = f"“{seen(kind[:40])}” is no kind of message that is read here"
    hint = f"Write {', '.join(_DATASETS)}, or the name of a data set of the law such as H7."
    return fault(Fault.KIND, "procedure_category", words, value=kind, hint=hint)


def _names_transport(declaration: Declaration) -> bool:
    return any(document.document_id for document in declaration.consignment.transport_documents)


def _with_role(references: tuple[Party, ...]) -> tuple[Party, ...]:
    if not references or references[0].role_code or not references[0].party_id:
        return references
    return (replace(references[0], role_code=IOSS_ROLE), *references[1:])


def _reference(declaration: Declaration) -> str:
    """What tells the record from others of its sender; an order's declaration is another record than its claim."""
    marketplace = declaration.marketplace.party_id if declaration.marketplace else ""
    if declaration.procedure_category == PRODUCT:
        items = declaration.goods_items
        return product_reference(marketplace, items[0].sku or items[0].gtin) if items else ""
    if declaration.procedure_category == ORDER:
        return " ".join(filter(None, (ORDER, marketplace, declaration.invoice_id)))
    if declaration.procedure_category == PAYMENT:
        payment_id = declaration.documents[0].document_id if declaration.documents else ""
        return " ".join(filter(None, (PAYMENT, marketplace, payment_id or declaration.invoice_id)))
    return declaration.invoice_id
