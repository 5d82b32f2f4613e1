"""Answers in Cargo-XML: XFNM (response: errors or acknowledgement) and XCSN (customs status notification).

Written as the PACT Technical Implementation Guide 1.9 of Transport Canada describes them (sections 3.3.1 and 3.3.2, and
figures 7 and 8); of the response, which the guide shows as pictures only, the elements are those in common use. There
is no open schema to validate against.
"""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.air_cargo import programme
from tidewaiter.messages.air_cargo.programme import Status
from tidewaiter.messages.air_cargo.values import DIRECT, HOUSE
from tidewaiter.messages.cargo_xml.document import Leaf, in_order, tree_of
from tidewaiter.messages.characters import FORBIDDEN
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration

RESPONSE = "iata:response:3"
STATUS = "iata:customsstatusnotification:1"
_RESPONSE_CODE = "294"  # UN/EDIFACT 1001: application acknowledgement and error report
_STATUS_CODE = "962"  # document response (customs), as the guide's figures have it


def write_answer(
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    *,
    registered_id: str,
    issued_at: datetime,
    reference_id: str = "",
) -> bytes | None:
    """The message as XML in UTF-8; None where pre-loading has no words for the notice. `issued_at` is aware."""
    told = programme.answer(kind, declaration, evaluation)
    if told is None:
        return None
    header = _header(declaration, issued_at, reference_id or registered_id)
    if isinstance(told, tuple):
        return _response(declaration, header, [(each.code, each.findings[0].words) for each in told])
    if told.status is Status.RECEIVED:
        return _response(declaration, header, [])
    return _status(declaration, header, told)


def acknowledgement(declaration: Declaration, *, issued_at: datetime, reference_id: str) -> bytes:
    """The response that a filing has come in without errors, before it is assessed."""
    return _response(declaration, _header(declaration, issued_at, reference_id), [])


class _Header(Struct, frozen=True):
    """What the header of every answer says."""

    number: str
    issued_at: datetime
    reference_id: str
    sender: str
    recipient: str

    def texts(self, name: str, type_code: str, purpose: str, version: str) -> dict[str, str]:
        """Its elements in their order."""
        own = "MessageHeaderDocument"
        at = f"{self.issued_at.astimezone(UTC):%Y%m%d%H%M%S}"
        return {
            f"{own}/ID": "_".join(part for part in (self.number, at) if part),
            f"{own}/Name": name,
            f"{own}/TypeCode": type_code,
            f"{own}/IssueDateTime": _moment(self.issued_at),
            f"{own}/PurposeCode": purpose,
            f"{own}/VersionID": version,
            f"{own}/ConversationID": self.reference_id,
            f"{own}/SenderParty/PrimaryID": self.sender,
            f"{own}/RecipientParty/PrimaryID": self.recipient,
        }


def _header(declaration: Declaration, issued_at: datetime, reference_id: str) -> _Header:
    sender = programme.name_of(declaration.jurisdiction_code)
    recipient = declaration.submitter.party_id if declaration.submitter else ""
    return _Header(_number(declaration), issued_at, reference_id, sender, recipient)


def _response(declaration: Declaration, header: _Header, errors: list[tuple[str, str]]) -> bytes:
    texts = header.texts("Application acknowledgement and error report", _RESPONSE_CODE, "Response", "3.00") | {
        "BusinessHeaderDocument/ID": _number(declaration),
        "BusinessHeaderDocument/Name": "House Waybill" if declaration.type_code == HOUSE else "Master Air Waybill",
        "BusinessHeaderDocument/TypeCode": declaration.type_code,
        "BusinessHeaderDocument/StatusCode": "Rejected" if errors else "Processed",
    }
    for at, (code, words) in enumerate(errors, start=1):
        own = "ResponseStatus" if at == 1 else f"ResponseStatus[{at}]"
        texts |= {f"{own}/ConditionCode": "Error", f"{own}/Reason": code, f"{own}/Information": words}
    if not errors:
        texts |= {"ResponseStatus/ConditionCode": "Acknowledgement", "ResponseStatus/Reason": "No Errors"}
    return _document("Response", RESPONSE, texts)


def _status(declaration: Declaration, header: _Header, said: programme.Saying) -> bytes:
    issued_at = header.issued_at
    texts = header.texts("Document Response Customs", _STATUS_CODE, "Creation", "1.00") | {
        "BusinessHeaderDocument/StatusCode": said.xml_code,
        "BusinessHeaderDocument/ActionTypeCode": "000",
        "BusinessHeaderDocument/ActionTypeName": "IMP",
        "BusinessHeaderDocument/Information": said.words,
        "BusinessHeaderDocument/IssueDateTime": _moment(issued_at),
    }
    texts |= _movements(declaration)
    day = f"{issued_at.astimezone(UTC):%Y-%m-%d}"
    for at, (code, number) in enumerate(_waybills(declaration), start=1):
        own = f"MasterConsignment/AssociatedReferenceDocument{'' if at == 1 else f'[{at}]'}"
        texts |= {f"{own}/ID": number, f"{own}/IssueDate": day, f"{own}/TypeCode": code}
    return _document("CustomsStatusNotification", STATUS, texts)


def _movements(declaration: Declaration) -> dict[str, str]:
    """The flights as the message named them, else the one that the declaration names."""
    found = {}
    for extra in sorted(declaration.extras, key=lambda extra: in_order(extra.path)):
        _, mark, below = extra.path.partition("Consignment/SpecifiedLogisticsTransportMovement")
        if mark and not extra.attributes:
            found[f"MasterConsignment/SpecifiedLogisticsTransportMovement{below}"] = extra.value
    means = declaration.consignment.border_transport
    if not found and means is not None and means.means_id:
        own = "MasterConsignment/SpecifiedLogisticsTransportMovement"
        found = {f"{own}/StageCode": "Main-Carriage", f"{own}/ModeCode": means.mode_code, f"{own}/ID": means.means_id}
    return found


def _waybills(declaration: Declaration) -> list[tuple[str, str]]:
    """The waybills that an answer is about, each with the code of its kind: the master first."""
    number, master = _number(declaration), declaration.consignment.master_document_id
    if declaration.type_code == HOUSE:
        return [(code, each) for code, each in ((DIRECT, master), (HOUSE, number)) if each]
    return [(declaration.type_code or DIRECT, number)] if number else []


def _number(declaration: Declaration) -> str:
    documents = declaration.consignment.transport_documents
    return next((each.document_id for each in documents if each.document_id), declaration.functional_reference_id)


def _document(root: str, namespace: str, texts: dict[str, str]) -> bytes:
    leaves = {}
    for path, text in texts.items():
        line = " ".join(FORBIDDEN.sub("", text).split())
        if line:
            scheme = (("schemeID", "C"),) if path.endswith("Party/PrimaryID") else ()
            leaves[f"/{root}/{path}"] = Leaf(line, scheme)
    return etree.tostring(
        tree_of(root, namespace, leaves, as_came=True), xml_declaration=True, encoding="UTF-8", pretty_print=True
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
