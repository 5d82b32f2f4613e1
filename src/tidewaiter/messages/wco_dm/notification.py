"""Notifications: what customs tells the sender, as the response message of the WCO Data Model 3.6.

MetaData with one Response, in the subset that the United Kingdom's Customs Declaration
Service publishes (WCO_RES_2_DMS.xsd 2.2, DocumentMetaData_2_DMS.xsd 2.1). Function
codes and the names of the notices are those of its trader notifications.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.characters import writable
from tidewaiter.messages.wco_dm.notification_places import Section, sections
from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.decision import Evaluation, HoldKind, NoticeKind
from tidewaiter.model.declaration import Amendment, Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money

METADATA: Final = "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"
RESPONSE: Final = "urn:wco:datamodel:WCO:RES-DMS:2"
RESPONSE_TYPES: Final = "urn:wco:datamodel:WCO:Response_DS:DMS:2"

ERROR_WORDS_MAX: Final = 512  # characters of Error/Description and StatementDescription
VALIDATION_CODE_MAX: Final = 8  # characters of Error/ValidationCode
ERRORS_MAX: Final = 999  # errors in one notice; the rest is counted in words


class NoticeCode(Struct, frozen=True):
    """How a notice is coded: its name among traders, the function code, and the status where one tells two apart."""

    name: str
    function_code: str
    status_code: str = ""


CODES: Final[Mapping[NoticeKind, NoticeCode]] = {
    NoticeKind.ACCEPTED: NoticeCode("DMSACC", "01"),
    NoticeKind.RECEIVED: NoticeCode("DMSRCV", "02"),
    NoticeKind.REJECTED: NoticeCode("DMSREJ", "03"),
    NoticeKind.CONTROL: NoticeCode("DMSCTL", "05"),
    NoticeKind.DOCUMENTS: NoticeCode("DMSDOC", "06"),
    NoticeKind.AMENDED: NoticeCode("DMSRES", "07"),
    NoticeKind.RELEASED: NoticeCode("DMSROG", "08"),
    NoticeKind.CLEARED: NoticeCode("DMSCLE", "09"),
    NoticeKind.INVALIDATED: NoticeCode("DMSINV", "10"),
    NoticeKind.REQUEST_GRANTED: NoticeCode("DMSREQ", "11", "39"),
    NoticeKind.REQUEST_REFUSED: NoticeCode("DMSREQ", "11", "41"),
    NoticeKind.TAX_LIABILITY: NoticeCode("DMSTAX", "13", "67"),
    NoticeKind.TAX_FINAL: NoticeCode("DMSTAX", "13", "4"),
    NoticeKind.REQUEST: NoticeCode("DMSQRY", "51"),
    NoticeKind.REFUSED: NoticeCode("", "27"),  # UN/EDIFACT 1225: not accepted; traders have no name for it
}

_AGENCIES: Final = {"GB": "HMRC"}
_CLEARANCE_INSTRUCTIONS = "AFB"  # UN/EDIFACT 4451
_DOCUMENTS_WANTED = "ACA"
_REASON = "AES"  # UN/EDIFACT 4451: reason for amending
_SATISFACTORY = "A1"  # outcome of the control: satisfactory
_ASSESSED_SECTIONS = (Section("07B", 1),)


def write_notification(
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    *,
    registered_id: str,
    issued_at: datetime,
    version: int = 1,
    reference_id: str = "",
    answer_until: datetime | None = None,
) -> bytes:
    """The notice as XML in UTF-8.

    `issued_at` is aware; it is written in UTC. `reference_id` (at most 35
    characters) is the notice's own number, by default derived from what it is
    about; `answer_until` is the last moment for documents or information.
    """
    root, response = _envelope(declaration.jurisdiction_code)
    code = CODES[kind]
    _text(response, "FunctionCode", code.function_code)
    _text(response, "FunctionalReferenceID", reference_id or _reference(kind, registered_id, version, issued_at))
    _moment(response, "IssueDateTime", issued_at)
    _additional_information(response, kind, declaration, evaluation, answer_until)
    if kind is NoticeKind.AMENDED:
        _amendments(response, declaration.amendments)
    if kind in (NoticeKind.REJECTED, NoticeKind.ACCEPTED, NoticeKind.RECEIVED):
        _errors(response, _told(kind, evaluation.findings))
    if code.status_code:
        _text(_element(response, "Status"), "NameCode", code.status_code)
    body = _declaration(response, kind, declaration, registered_id=registered_id, issued_at=issued_at)
    _text(body, "VersionID", str(version))
    if kind in (NoticeKind.TAX_LIABILITY, NoticeKind.TAX_FINAL) and evaluation.assessment is not None:
        _charges(body, declaration, evaluation.assessment)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def kind_of(function_code: str, status_code: str = "") -> NoticeKind | None:
    """The kind that is coded so; None for codes that stand for nothing here. Codes may lack their leading zero."""
    wanted = function_code.strip().zfill(2)
    coded = {kind: code for kind, code in CODES.items() if code.function_code == wanted}
    exact = (kind for kind, code in coded.items() if code.status_code == status_code.strip())
    return next(exact, next(iter(coded), None))


def _envelope(jurisdiction_code: str) -> tuple[etree._Element, etree._Element]:
    root = etree.Element(f"{{{METADATA}}}MetaData", nsmap={"md": METADATA, "res": RESPONSE, "ds": RESPONSE_TYPES})
    for name, value in (
        ("WCODataModelVersionCode", "3.6"),
        ("WCOTypeName", "RES"),
        ("ResponsibleCountryCode", jurisdiction_code),
        ("ResponsibleAgencyName", _AGENCIES.get(jurisdiction_code, "")),
    ):
        if value:
            etree.SubElement(root, f"{{{METADATA}}}{name}").text = value
    return root, etree.SubElement(root, f"{{{RESPONSE}}}Response")


def _element(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{RESPONSE}}}{name}")


def _text(parent: etree._Element, name: str, value: str) -> None:
    _element(parent, name).text = writable(value)


def _moment(parent: etree._Element, name: str, at: datetime) -> None:
    text = etree.SubElement(_element(parent, name), f"{{{RESPONSE_TYPES}}}DateTimeString", formatCode="304")
    text.text = f"{at.astimezone(UTC):%Y%m%d%H%M%S}Z"


def _reference(kind: NoticeKind, registered_id: str, version: int, issued_at: datetime) -> str:
    about = f"{registered_id}|{version}|{kind.value}|{issued_at.astimezone(UTC).isoformat()}"
    return hashlib.sha256(about.encode()).hexdigest()[:32]


def _additional_information(
    response: etree._Element,
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    answer_until: datetime | None,
) -> None:
    match kind:
        case NoticeKind.DOCUMENTS | NoticeKind.REQUEST:
            for words in _wanted(evaluation) or [""]:
                information = _element(response, "AdditionalInformation")
                _text(information, "StatementCode", _DOCUMENTS_WANTED)
                _text(information, "StatementDescription", words[:ERROR_WORDS_MAX])
                if answer_until is not None:
                    _moment(information, "LimitDateTime", answer_until)
                _text(information, "StatementTypeCode", _DOCUMENTS_WANTED)
        case NoticeKind.CLEARED | NoticeKind.RELEASED:
            information = _element(response, "AdditionalInformation")
            _text(information, "StatementCode", _SATISFACTORY)
            _text(information, "StatementTypeCode", _CLEARANCE_INSTRUCTIONS)
        case NoticeKind.REQUEST_GRANTED | NoticeKind.REQUEST_REFUSED:
            _text(_element(response, "AdditionalInformation"), "StatementTypeCode", _CLEARANCE_INSTRUCTIONS)
        case NoticeKind.AMENDED:
            for position, amendment in enumerate(declaration.amendments, 1):
                if amendment.reason:
                    information = _element(response, "AdditionalInformation")
                    _text(information, "StatementDescription", amendment.reason[:ERROR_WORDS_MAX])
                    _text(information, "StatementTypeCode", _REASON)
                    _pointers(information, (*_ASSESSED_SECTIONS, Section("06A", position)))
        case _:
            return


def _wanted(evaluation: Evaluation) -> list[str]:
    return [hold.words for hold in evaluation.decision.holds if hold.kind in (HoldKind.DOCUMENTS, HoldKind.PERMIT)]


def _amendments(response: etree._Element, amendments: Iterable[Amendment]) -> None:
    for amendment in amendments:
        element = _element(response, "Amendment")
        if amendment.reason_code:
            _text(element, "ChangeReasonCode", amendment.reason_code)
        _pointers(element, (Section(p.section_code, p.sequence, p.tag_id) for p in amendment.pointers))


def _told(kind: NoticeKind, findings: Iterable[Finding]) -> list[Finding]:
    """Errors where the declaration is rejected, warnings where it is taken in."""
    wanted = Severity.ERROR if kind is NoticeKind.REJECTED else Severity.WARNING
    return [finding for finding in findings if finding.severity is wanted]


def _errors(response: etree._Element, findings: list[Finding]) -> None:
    for finding in findings[:ERRORS_MAX]:
        error = _element(response, "Error")
        is_short = len(finding.rule_id) <= VALIDATION_CODE_MAX
        words = finding.words if is_short else f"{finding.rule_id}: {finding.words}"
        _text(error, "Description", words[:ERROR_WORDS_MAX])
        if is_short:
            _text(error, "ValidationCode", finding.rule_id)
        _pointers(error, sections(finding.pointer))
    if len(findings) > ERRORS_MAX:
        left = len(findings) - ERRORS_MAX
        _text(_element(response, "Error"), "Description", f"{left} more errors are not listed here.")


def _pointers(parent: etree._Element, steps: Iterable[Section]) -> None:
    for step in steps:
        pointer = _element(parent, "Pointer")
        if step.sequence is not None:
            _text(pointer, "SequenceNumeric", str(step.sequence))
        if step.section_code:
            _text(pointer, "DocumentSectionCode", step.section_code)
        if step.tag_id:
            _text(pointer, "TagID", step.tag_id)


def _declaration(
    response: etree._Element, kind: NoticeKind, declaration: Declaration, *, registered_id: str, issued_at: datetime
) -> etree._Element:
    """The declaration the notice is about, up to where its version goes."""
    body = _element(response, "Declaration")
    if kind is NoticeKind.ACCEPTED:
        _moment(body, "AcceptanceDateTime", issued_at)
    if kind is NoticeKind.INVALIDATED:
        _moment(body, "CancellationDateTime", issued_at)
    if declaration.functional_reference_id:
        _text(body, "FunctionalReferenceID", declaration.functional_reference_id[:35])
    _text(body, "ID", registered_id)
    if kind in (NoticeKind.REJECTED, NoticeKind.REFUSED):
        _moment(body, "RejectionDateTime", issued_at)
    return body


def _charges(body: etree._Element, declaration: Declaration, assessment: Assessment) -> None:
    """Base, rate, assessed and payable amount of every charge, by line; those on the whole are summed at the top."""
    on_the_whole = [charge for charge in assessment.charges if not charge.line_no]
    for charge in on_the_whole:
        _payment(_element(body, "DutyTaxFee"), charge)
    shipment = _element(body, "GoodsShipment")
    for item in declaration.goods_items:
        element = _element(shipment, "GovernmentAgencyGoodsItem")
        _text(element, "SequenceNumeric", str(item.line_no))
        charges = [charge for charge in assessment.charges if charge.line_no == item.line_no]
        if charges:
            commodity = _element(element, "Commodity")
            for charge in charges:
                _charge(_element(commodity, "DutyTaxFee"), charge, item.duty_regime_code)


def _charge(element: etree._Element, charge: Charge, duty_regime_code: str) -> None:
    _amount(element, "AdValoremTaxBaseAmount", charge.base)
    _amount(element, "DeductAmount", Money(_relieved(charge), charge.result.currency))
    if duty_regime_code:
        _text(element, "DutyRegimeCode", duty_regime_code[:3])
    rate = _percent(charge.rate)
    if rate is not None:
        _text(element, "TaxRateNumeric", f"{rate:.2f}")
    _text(element, "TypeCode", charge.type_code[:3])
    _payment(element, charge)


def _payment(element: etree._Element, charge: Charge) -> None:
    payment = _element(element, "Payment")
    _amount(payment, "TaxAssessedAmount", charge.result)
    is_due = charge.collection is Collection.BORDER
    _amount(payment, "PaymentAmount", charge.result if is_due else Money(Decimal(0), charge.result.currency))


def _relieved(charge: Charge) -> Decimal:
    return charge.result.amount if charge.collection is Collection.NONE else Decimal(0)


def _percent(rate: str) -> Decimal | None:
    """12.5 for "12.5 %"; None for a rate that is not a percentage."""
    text = rate.strip()
    if not text.endswith("%"):
        return None
    try:
        return Decimal(text[:-1].strip())
    except InvalidOperation:
        return None


def _amount(parent: etree._Element, name: str, money: Money) -> None:
    element = _element(parent, name)
    element.set("currencyID", money.currency)
    element.text = f"{money.amount:.2f}"
