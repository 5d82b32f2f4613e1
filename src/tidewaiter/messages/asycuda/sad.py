"""A declaration as ASYCUDA World's single administrative document (SAD).

Boxes are those of the SAD. What ASYCUDA works out itself (registration, selectivity) is left to it; the charges assessed
here are given as its taxation lines, so that they can be compared. Amounts are in major units with a decimal point.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from tidewaiter.messages.asycuda.tree import Branch, document, lines_of
from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.money import Money

PRECISIONS: Final = ((8, 11), (11, 14), (14, 17))  # digits of the code behind Precision_1, as slices
_COSTS: Final = ("external_freight", "internal_freight", "insurance", "other_cost", "deduction")
_PAYABLE, _GUARANTEED = "1", "0"


def write_sad(declaration: Declaration, assessment: Assessment | None = None, registered_id: str = "") -> bytes:
    """The document as XML, UTF-8. Raises MessageError for a text that XML cannot hold.

    `registered_id` is the number given here (MRN); it goes into the declarant's free text, for ASYCUDA gives its own.
    """
    root = etree.Element("ASYCUDA")
    top = Branch(root)
    if assessment is not None:
        for charge in _of_line(assessment, 0):
            top.add("Global_taxes/Global_tax_item").element.text = f"{charge.type_code} {charge.result.amount:f}"
    _general(top, declaration, registered_id)
    _valuation(top, declaration)
    for item in declaration.goods_items:
        _item(top.add("Item"), item, declaration, assessment)
    return document(root)


def _general(top: Branch, declaration: Declaration, registered_id: str) -> None:
    consignment, items = declaration.consignment, declaration.goods_items
    top.put("Property/Sad_flow", "E" if declaration.type_code.startswith("EX") else "I")
    top.put("Property/Forms/Number_of_the_form", 1)
    top.put("Property/Forms/Total_number_of_forms", 1 + max(0, len(items) - 1 + 2) // 3)  # three items a further form
    top.put("Property/Nbers/Total_number_of_items", len(items))
    top.put("Property/Nbers/Total_number_of_packages", _packages(declaration))
    if declaration.issued_at is not None:
        top.put("Property/Date_of_declaration", declaration.issued_at.date())
    top.put_null("Identification/Office_segment/Customs_clearance_office_code", declaration.lodgement_office_id)
    top.put("Identification/Type/Type_of_declaration", declaration.type_code[:2])
    top.put("Identification/Type/Declaration_gen_procedure_code", items[0].procedure_code[:1] if items else "")
    top.put_null("Identification/Manifest_reference_number", consignment.master_document_id)
    _trader(top, "Traders/Exporter/Exporter", declaration.exporter or declaration.consignor)
    _trader(top, "Traders/Consignee/Consignee", declaration.importer or declaration.consignee)
    _trader(top, "Traders/Financial/Financial", declaration.payer)
    declarant = declaration.declarant or declaration.submitter
    top.put("Declarant/Declarant_code", declarant.party_id if declarant else "")
    top.put("Declarant/Declarant_name", declarant.name if declarant else "")
    top.put_null("Declarant/Declarant_representative", declaration.representative and declaration.representative.name)
    top.put_null("Declarant/Reference/Number", declaration.functional_reference_id)
    top.put("General_information/Country/Export/Export_country_code", consignment.export_country_code)
    top.put_null(
        "General_information/Country/Destination/Destination_country_code",
        consignment.destination_country_code or declaration.jurisdiction_code,
    )
    origins = {item.origin_country_code for item in items if item.origin_country_code}
    top.put("General_information/Country/Country_of_origin_name", origins.pop() if len(origins) == 1 else "")
    top.put("General_information/Comments_free_text", registered_id)
    _transport(top, declaration)
    nature = declaration.transaction_nature_code
    top.put("Financial/Financial_transaction/code1", nature[:1])
    top.put("Financial/Financial_transaction/code2", nature[1:2])
    top.put("Financial/Total_invoice", declaration.invoice_amount and declaration.invoice_amount.amount)


def _transport(top: Branch, declaration: Declaration) -> None:
    consignment = declaration.consignment
    arrival, border = consignment.arrival_transport, consignment.border_transport
    means = "Transport/Means_of_transport"
    if arrival is not None:
        top.put(f"{means}/Departure_arrival_information/Identity", arrival.means_id)
        top.put(f"{means}/Departure_arrival_information/Nationality", arrival.nationality_code)
    if border is not None:
        top.put(f"{means}/Border_information/Identity", border.means_id)
        top.put(f"{means}/Border_information/Nationality", border.nationality_code)
        top.put(f"{means}/Border_information/Mode", border.mode_code)
    if consignment.container_code:
        top.put("Transport/Container_flag", consignment.container_code == "1")
    top.put("Transport/Delivery_terms/Code", declaration.incoterm_code)
    location = consignment.goods_location
    top.put("Transport/Location_of_goods", location.location_id or location.name if location else "")


def _valuation(top: Branch, declaration: Declaration) -> None:
    top.put("Valuation/Calculation_working_mode", 0)  # costs are shared out by value
    top.put("Valuation/Weight/Gross_weight", declaration.consignment.gross_mass_kg)
    invoiced = declaration.invoice_amount or declaration.prices_of_lines
    _amount(top, "Valuation/Gs_Invoice", invoiced)
    costs = (declaration.freight, None, declaration.insurance, None, declaration.discount)
    for name, money in zip(_COSTS, costs, strict=True):
        _amount(top, f"Valuation/Gs_{name}", money)
    top.put("Valuation/Total/Total_invoice", invoiced and invoiced.amount)
    top.put("Valuation/Total/Total_weight", declaration.consignment.gross_mass_kg)


def _item(at: Branch, item: GoodsItem, declaration: Declaration, assessment: Assessment | None) -> None:
    for paper in item.documents:
        attached = at.add("Attached_documents")
        attached.put("Attached_document_code", paper.type_code)
        attached.put("Attached_document_name", paper.name)
        attached.put("Attached_document_reference", paper.document_id)
    counts = [packaging.count for packaging in item.packagings if packaging.count is not None]
    at.put("Packages/Number_of_packages", sum(counts) if counts else None)
    first = item.packagings[0] if item.packagings else None
    at.put("Packages/Marks1_of_packages", first.marks if first else "")
    at.put("Packages/Kind_of_packages_code", first.type_code if first else "")
    at.element.append(_incoterms(declaration.incoterm_code))
    code = item.commodity_code
    at.put("Tarification/HScode/Commodity_code", code[:8])
    for number, (begin, end) in enumerate(PRECISIONS, start=1):
        at.put(f"Tarification/HScode/Precision_{number}", code[begin:end])
    at.put("Tarification/Preference_code", item.duty_regime_code)
    procedure = item.procedure_code + item.previous_procedure_code
    at.put("Tarification/Extended_customs_procedure", procedure)
    at.put("Tarification/National_customs_procedure", next(iter(item.additional_procedure_codes), "000"))
    if item.quantity is not None:
        unit = at.add("Tarification/Supplementary_unit")
        unit.put("Suppplementary_unit_code", item.quantity_unit)
        unit.put("Suppplementary_unit_quantity", item.quantity)
    at.put("Tarification/Item_price", item.invoice_price and item.invoice_price.amount)
    at.put("Tarification/Valuation_method_code", item.valuation_method_code)
    at.put("Goods_description/Country_of_origin_code", item.origin_country_code)
    at.put("Goods_description/Commercial_Description", item.description)
    documents = item.transport_documents or declaration.consignment.transport_documents
    at.put("Previous_doc/Summary_declaration", documents[0].document_id if documents else "")
    previous = item.previous_documents or declaration.previous_documents
    at.put("Previous_doc/Previous_document_reference", previous[0].document_id if previous else "")
    if assessment is not None:
        _taxation(at, item, assessment)
    _item_value(at, item)


def _taxation(at: Branch, item: GoodsItem, assessment: Assessment) -> None:
    charges = _of_line(assessment, item.line_no)
    at.put("Taxation/Item_taxes_amount", sum((each.result.amount for each in charges), Decimal(0)))
    for charge in charges:
        line = at.add("Taxation/Taxation_line")
        line.put("Duty_tax_code", charge.type_code)
        line.put("Duty_tax_Base", charge.base.amount)
        line.put("Duty_tax_rate", charge.rate)
        line.put("Duty_tax_amount", charge.result.amount)
        line.put("Duty_tax_MP", _PAYABLE if charge.collection is Collection.BORDER else _GUARANTEED)


def _item_value(at: Branch, item: GoodsItem) -> None:
    at.put("Valuation_item/Weight_itm/Gross_weight_itm", item.gross_mass_kg)
    at.put("Valuation_item/Weight_itm/Net_weight_itm", item.net_mass_kg)
    value = item.statistical_value or item.customs_value
    at.put("Valuation_item/Statistical_value", value and value.amount)
    _amount(at, "Valuation_item/Item_Invoice", item.invoice_price)
    _amount(at, "Valuation_item/item_external_freight", item.freight)


def _of_line(assessment: Assessment, line_no: int) -> list[Charge]:
    return [each for each in assessment.charges if each.line_no == line_no and each.collection is not Collection.NONE]


def _trader(top: Branch, path: str, party: Party | None) -> None:
    if party is None:
        return
    top.put_null(f"{path}_code", party.party_id)
    top.put_null(f"{path}_name", "\n".join(part for part in (party.name, lines_of(party.address)) if part))


def _amount(at: Branch, path: str, money: Money | None) -> None:
    if money is not None:
        at.put(f"{path}/Amount_foreign_currency", money.amount)
        at.put(f"{path}/Currency_code", money.currency)


def _incoterms(code: str) -> etree._Element:
    element = etree.Element("IncoTerms")
    etree.SubElement(element, "Code").text = code or None
    return element


def _packages(declaration: Declaration) -> int | None:
    if declaration.consignment.package_count is not None:
        return declaration.consignment.package_count
    counts = [each.count for item in declaration.goods_items for each in item.packagings if each.count is not None]
    return sum(counts) if counts else None
