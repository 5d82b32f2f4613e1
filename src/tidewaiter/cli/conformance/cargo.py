"""`tidewaiter conformance cargo`: air waybills as others wrote them, and the answers a pre-loading programme gives.

Samples are told apart by what they hold, not by their names: waybills in XML and in text anywhere below the folder,
guides (Markdown) for the published codes. For each waybill: every one of the 7+1 elements that it states is found, it
is written and read back the same, its answers are well-formed; and with each element taken out of the message, the
published error for that element is the answer, alone.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lxml import etree
from msgspec import Struct

from tidewaiter.cli.conformance.cargo_spoilt import TEXT_CHANGES, XML_CHANGES
from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages import forms, xml
from tidewaiter.messages.air_cargo import pre_loading, programme, values
from tidewaiter.messages.cargo_imp import answers as text_answers
from tidewaiter.messages.cargo_xml import answers as xml_answers
from tidewaiter.messages.cargo_xml.document import leaves_of
from tidewaiter.messages.form import Form, Reading
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Consignment, Declaration, Document, Extra, Party
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import Draw, Judgement, Lane
from tidewaiter.quality import waybills
from tidewaiter.regimes import jurisdictions, load_regime
from tidewaiter.workflow.evaluate import Circumstances, evaluate

FOLDERS: Final = ("iata-cargo-xml", "placi-canada-pact")
FORMS: Final = ("cargo-xml", "cargo-imp")
FILE_BYTES_MAX: Final = 8 * 1024**2

_AT: Final = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
_OF_MASTERS: Final = ("MISSING_WBL_LINE", "MISSING_CONSOL_INDI")  # errors that only a master waybill can have
_FALLBACK: Final = "CA"  # whose law a waybill is tried under where that of its destination is not here
_CODE: Final = re.compile(r"<td[^>]*>(?:<p>)?((?:MISSING|INVALID|BAD)_[A-Z_]+)|ERR/([0-9]{3})/ ?([A-Z_]{6,})")
_STATUS: Final = re.compile(r"CSN/([A-Z0-9]{2})/[0-9]{2}[A-Z]{3}[0-9]{4}/|StatusCode\\?>([A-Z]{2})\\?<")
_ANSWER: Final = re.compile(rb"<(?:[\w.-]+:)?CustomsStatusNotification[\s/>]")
_TEXT_ANSWER: Final = re.compile(r"(?:PER|PSN)\s")
_RESPONSE: Final = re.compile(r"<(?:[\w.-]+:)?Response[\s/>]")
# What a status notification says that does not depend on who says it, and when.
_FIXED: Final = (
    "MessageHeaderDocument/Name", "MessageHeaderDocument/TypeCode", "MessageHeaderDocument/PurposeCode",
    "MessageHeaderDocument/VersionID", "StatusCode", "ActionTypeCode", "ActionTypeName",
    "AssociatedReferenceDocument/ID", "AssociatedReferenceDocument/TypeCode", "AssociatedReferenceDocument[2]/ID",
    "AssociatedReferenceDocument[2]/TypeCode", "SpecifiedLogisticsTransportMovement/ID",
)  # fmt: skip
_LEFT_OUT: Final = re.compile(r"^\s*(?:\.{3,}|…)\s*$", re.MULTILINE)


class Message(Struct, frozen=True):
    """One waybill or manifest below the folder."""

    name: str
    form: Form
    body: bytes


class Run:
    """One run of the suite and what it counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.remarks: list[str] = []
        self.filed: list[Declaration] = []

    def cases(self, samples: Path) -> Iterator[Case]:
        """The cases of every message and every guide."""
        for path in _files(samples):
            data = path.read_bytes()
            name = str(path.relative_to(samples))
            if path.suffix.lower() == ".md":
                yield from self._guide(name, data)
                continue
            if _ANSWER.search(data[: forms.HEAD_BYTES]):
                yield self._answer(name, data)
                continue
            if codes := _answered(data):
                self.counts["published answers looked through"] += 1
                unknown = sorted(codes - _known_codes())
                yield Case(f"{name}: codes", not unknown, f"not known here: {', '.join(unknown)}")
                continue
            form = next((form for form in map(forms.by_name, FORMS) if form.recognises(data[: forms.HEAD_BYTES])), None)
            if form is None:
                continue
            try:
                records = list(form.split(io.BytesIO(data)))
            except TidewaiterError as error:
                yield Case(f"{name}: split", False, error.detail)
                continue
            for record in records:
                told = name if len(records) == 1 else f"{name}[{record.position}]"
                yield from self._message(Message(told, form, record.body))

    def information(self, samples: Path) -> list[str]:
        """What was counted, and what is to be said beside."""
        for told in waybills.together(self.filed):
            self.counts["findings on waybills that belong together"] += 1
            number = next((each.document_id for each in self.filed[told.position].consignment.transport_documents), "")
            self.remarks.append(f"{number}: {told.finding.words}")
        counted = [f"{count:,} {words}" for words, count in sorted(self.counts.items())]
        no_schema = (
            "there is no open schema of Cargo-XML: answers are well-formed and hold what the guide names, no more"
        )
        return [*counted, *self.remarks, no_schema]

    # --- messages ----------------------------------------------------------------------------------------------

    def _message(self, message: Message) -> Iterator[Case]:
        reading = message.form.read(message.body)
        if reading.declaration is None:
            yield Case(f"{message.name}: read", False, "; ".join(each.words for each in reading.findings))
            return
        self.filed.append(reading.declaration)
        yield Case(f"{message.name}: round trip", *_round_trip(message, reading))
        if reading.declaration.procedure_category != values.PRE_LOADING:
            self.counts["manifests read"] += 1
            lacking = [item.line_no for item in reading.declaration.goods_items if not item.transport_documents]
            words = f"{len(reading.declaration.goods_items)} waybills listed; without a number: {lacking or 'none'}"
            yield Case(f"{message.name}: listed", bool(reading.declaration.goods_items) and not lacking, words)
            return
        self.counts["waybills read"] += 1
        yield Case(f"{message.name}: 7+1", *self._seven_and_one(message, reading.declaration))
        evaluation = _evaluated(reading, message.form)
        found = [error.code for error in programme.published(reading.declaration, evaluation.findings)]
        self.remarks.append(f"{message.name}: {', '.join(found) or 'no error'}")
        yield Case(f"{message.name}: answers", *_answers(message.form, reading.declaration, evaluation, found))
        yield Case(f"{message.name}: pieces", *_pieces(message, found))
        if not found:
            yield from self._mutated(message)

    def _seven_and_one(self, message: Message, declaration: Declaration) -> tuple[bool, str]:
        """Every element is found, or the message really does not state it (looked up without the reader)."""
        missing = pre_loading.missing(declaration)
        if not missing:
            self.counts["waybills with all of the 7+1 elements"] += 1
            return True, "complete"
        stated = [name for name in missing if _states(message, name)]
        if not stated:
            self.counts["waybills that leave elements out, named as missing"] += 1
            cut = " (the message marks that lines were left out)" if _LEFT_OUT.search(_text(message)) else ""
            self.remarks.append(f"{message.name}: does not state {', '.join(missing)}{cut}")
        return not stated, f"stated, but not found: {', '.join(stated)}"

    def _mutated(self, message: Message) -> Iterator[Case]:
        """The message without one element, or with something unreadable in it, has that error for its answer."""
        declaration = message.form.read(message.body).declaration
        assert declaration is not None
        is_house = declaration.type_code == values.HOUSE
        changes = XML_CHANGES if message.form.name == "cargo-xml" else TEXT_CHANGES
        for code, change in changes.items():
            if is_house if code in _OF_MASTERS else ("HOUSE" in code and not is_house):
                continue
            changed = change(_text(message))
            if changed is None:
                continue
            self.counts["messages spoilt in one place"] += 1
            reading = message.form.read(changed.encode())
            told = reading.declaration or Declaration()
            found = [each.code for each in programme.published(told, _evaluated(reading, message.form).findings)]
            yield Case(f"{message.name}: {code}", found == [code], f"answered {', '.join(found) or 'nothing'}")

    def _answer(self, name: str, data: bytes) -> Case:
        """A status notification as others wrote it: told the same thing, ours has every element that it has."""
        try:
            root = xml.parse(data)
        except xml.XmlFault as fault:
            return Case(f"{name}: status", False, fault.detail)
        theirs = {path: leaf.text for path, leaf in leaves_of(root).items() if leaf.text}
        declaration, kind, evaluation = _told_in(theirs)
        answer = xml_answers.write_answer(
            kind, declaration, evaluation, registered_id="1", issued_at=_AT, reference_id="1"
        )
        assert answer is not None
        own_root = xml.parse(answer)
        ours = {path: leaf.text for path, leaf in leaves_of(own_root).items()}
        lacking = [path for path in theirs if path not in ours]
        differing = [path for path in theirs if path.endswith(_FIXED) and theirs[path] != ours.get(path)]
        spaces = xml.namespace(root) == xml.namespace(own_root)
        self.counts["published status notifications compared"] += 1
        words = f"lacking {lacking}; differing {differing}; {'same' if spaces else 'other'} namespace"
        return Case(f"{name}: status", not lacking and not differing and spaces, words)

    # --- guides ------------------------------------------------------------------------------------------------

    def _guide(self, name: str, data: bytes) -> Iterator[Case]:
        """The codes that a guide publishes are those of the catalogue here, with the same status of HTTP."""
        text = data.decode("utf-8", "replace")
        published = {found[1] or found[3] for found in _CODE.finditer(text)}
        if not published:
            return
        ours = {entry["code"]: str(entry["http"]) for entry in programme.catalogue()}
        wrong = sorted(published ^ set(ours))
        yield Case(f"{name}: error codes", not wrong, f"on one side only: {', '.join(wrong)}")
        statuses = {(found[3], found[2]) for found in _CODE.finditer(text) if found[2]}
        differing = sorted(f"{code} {http}" for code, http in statuses if ours.get(code) != http)
        yield Case(f"{name}: HTTP statuses", not differing, f"differing: {', '.join(differing)}")
        unknown = sorted({found[1] or found[2] for found in _STATUS.finditer(text)} - _known_codes())
        yield Case(f"{name}: status codes", not unknown, f"not known here: {', '.join(unknown)}")
        self.counts["published codes compared"] += len(published) + len(statuses)


def _files(samples: Path) -> list[Path]:
    """The files to look at: below the two folders of the collection, or below the folder named."""
    named = [samples / name for name in FOLDERS if (samples / name).is_dir()]
    found = sorted(path for folder in named or [samples] for path in folder.rglob("*") if path.is_file())
    if not found:
        raise TidewaiterError(f"there is no file below {samples}", hint="name the folder with --samples DIR")
    return [path for path in found if path.stat().st_size <= FILE_BYTES_MAX]


def _answered(data: bytes) -> set[str]:
    """The codes in an answer, as text or as a response in XML; none for anything else."""
    text = data[: forms.HEAD_BYTES].decode("utf-8", "replace").lstrip("\ufeff \r\n")
    if _TEXT_ANSWER.match(text):
        return set(re.findall(r"^(?:ERR/[0-9]{3}|CSN)/ ?([A-Z0-9_]+)", text, re.MULTILINE))
    if _RESPONSE.search(text):
        return set(re.findall(r"Reason>((?:MISSING|INVALID|BAD)_[A-Z_]+)<", text))
    return set()


def _known_codes() -> set[str]:
    """Every code that an answer of ours may hold."""
    statuses = {code for said in _sayings() for code in (said.xml_code, said.camir_code)}
    return statuses | {entry["code"] for entry in programme.catalogue()}


def _sayings() -> list[programme.Saying]:
    return [programme.said(status, moment, "") for status in programme.Status for moment in programme.Moment]


def _round_trip(message: Message, reading: Reading) -> tuple[bool, str]:
    assert reading.declaration is not None
    again = message.form.read(message.form.write([reading.declaration]))
    return again.declaration == reading.declaration, "reads back differently"


def _evaluated(reading: Reading, form: Form) -> Evaluation:
    """The judgement that intake would come to, without risk: quality and the dataset's required data."""
    declaration = reading.declaration
    code = declaration.jurisdiction_code if declaration is not None else ""
    known = code if code in jurisdictions() else _FALLBACK
    regime = load_regime(known, _AT.date()) if code else None
    circumstances = Circumstances(legal_day=_AT.date(), regime=regime, knowledge=None, draw=None)
    locate = None if declaration is None else lambda pointer: form.locate(declaration, pointer)
    return evaluate(declaration, circumstances, reading.findings, locate)


def _answers(form: Form, declaration: Declaration, evaluation: Evaluation, found: list[str]) -> tuple[bool, str]:
    """Each notice that is told is well-formed and says what it should."""
    refused = bool(found)
    for kind in NoticeKind:
        if not programme.answer(kind, declaration, evaluation) or (kind is NoticeKind.REJECTED) is not refused:
            continue
        if form.name == "cargo-xml":
            answer = xml_answers.write_answer(kind, declaration, evaluation, registered_id="1", issued_at=_AT)
            assert answer is not None
            try:
                said = {xml.local_name(each): each.text or "" for each in xml.parse(answer).iter(etree.Element)}
            except xml.XmlFault as fault:
                return False, f"{kind.value}: not well-formed: {fault.detail}"
            is_right = (said.get("Reason") in found) if refused else bool(said.get("StatusCode"))
        else:
            answer = text_answers.write_answer(kind, declaration, evaluation, issued_at=_AT)
            assert answer is not None
            lines = answer.decode().splitlines()
            wanted = r"ERR/[0-9]{3}/[A-Z_]+" if refused else r"CSN/[A-Z0-9]{2}/[0-9]{2}[A-Z]{3}[0-9]{4}/[A-Z ]+"
            is_right = lines[0] in ("PER", "PSN") and re.fullmatch(wanted, lines[-1]) is not None
            is_right = is_right and all(len(line) <= 69 for line in lines)
        if not is_right:
            return False, f"{kind.value}: {answer.decode()}"
    return True, ""


def _pieces(message: Message, found: list[str]) -> tuple[bool, str]:
    """A waybill whose measurements are of another number of pieces has the error for that, and no other has it."""
    differs = _pieces_differ_in_xml(message) if message.form.name == "cargo-xml" else _pieces_differ_in_text(message)
    words = "differ" if differs else "agree"
    return ("INVALID_BILL_QTY" in found) is differs, f"pieces and measurements {words}; answered {', '.join(found)}"


def _pieces_differ_in_xml(message: Message) -> bool:
    for item in _elements(message, "IncludedMasterConsignmentItem", "IncludedHouseConsignmentItem"):
        own = {xml.local_name(child): child for child in item}
        measured = [
            int(quantity.text or 0)
            for child in item
            if xml.local_name(child) == "TransportLogisticsPackage"
            for quantity in child
            if xml.local_name(quantity) == "ItemQuantity"
        ]
        if measured and "PieceQuantity" in own and sum(measured) != int(own["PieceQuantity"].text or 0):
            return True
    return False


def _pieces_differ_in_text(message: Message) -> bool:
    text = _text(message)
    measured = [int(found) for found in re.findall(r"^/\d+/ND/.*/(\d+)\s*$", text, re.MULTILINE)]
    pieces = [
        int(found)
        for found in re.findall(r"^RTD/1/P(\d+)|^/\d+/P(\d+)/", text, re.MULTILINE)
        for found in found
        if found
    ]
    return bool(measured and pieces) and sum(measured) != sum(pieces)


def _told_in(texts: dict[str, str]) -> tuple[Declaration, NoticeKind, Evaluation]:
    """The filing, notice and judgement of which a status notification tells."""
    root = "/CustomsStatusNotification"
    numbers = {}
    for at in range(1, 10):
        own = f"{root}/MasterConsignment/AssociatedReferenceDocument{'' if at == 1 else f'[{at}]'}"
        if f"{own}/ID" in texts:
            numbers[texts.get(f"{own}/TypeCode", "")] = texts[f"{own}/ID"]
    master = next((number for code, number in numbers.items() if code != values.HOUSE), "")
    house = numbers.get(values.HOUSE, "")
    code = values.HOUSE if house else next(iter(numbers), values.DIRECT)
    mark = f"{root}/MasterConsignment/"
    declaration = Declaration(
        type_code=code,
        procedure_category=values.PRE_LOADING,
        jurisdiction_code=_FALLBACK,
        submitter=Party(party_id="SENDER"),
        consignment=Consignment(
            transport_documents=(Document(document_id=house or master),), master_document_id=master if house else ""
        ),
        extras=tuple(
            Extra(f"/Waybill/MasterConsignment/{path.removeprefix(mark)}", text)
            for path, text in texts.items()
            if path.startswith(f"{mark}SpecifiedLogisticsTransportMovement")
        ),
    )
    status = texts.get(f"{root}/BusinessHeaderDocument/StatusCode", "")
    kinds = {"RI": NoticeKind.REQUEST, "RS": NoticeKind.CONTROL, "CD": NoticeKind.REFUSED}
    draw = Draw("", "", "0", "0", is_selected=False)
    decision = Decision(
        state=State.RECEIVED, lane=None, category=None, dataset="", holds=(), on_arrival=None, words="", notices=()
    )
    evaluation = Evaluation(
        legal_day=_AT.date(),
        findings=(),
        assessment=None,
        judgement=Judgement(lane=Lane.GREEN, reasons=(), draw=draw, lists_digest=""),
        decision=decision,
    )
    return declaration, kinds.get(status, NoticeKind.RECEIVED), evaluation


# --- what a message states, looked up without the reader -------------------------------------------------------------

_XML_STATES: Final = {
    pre_loading.SHIPPER_NAME: "ConsignorParty/Name",
    pre_loading.SHIPPER_ADDRESS: "ConsignorParty/PostalStructuredAddress/StreetName",
    pre_loading.CONSIGNEE_NAME: "ConsigneeParty/Name",
    pre_loading.CONSIGNEE_ADDRESS: "ConsigneeParty/PostalStructuredAddress/StreetName",
    pre_loading.DESCRIPTION: "Identification",
    pre_loading.PIECES: "TotalPieceQuantity",
    pre_loading.MASS: "IncludedTareGrossWeightMeasure",
    pre_loading.WAYBILL: "BusinessHeaderDocument/ID",
}
_TEXT_STATES: Final = {
    pre_loading.SHIPPER_NAME: r"^SHP",
    pre_loading.SHIPPER_ADDRESS: r"^SHP",
    pre_loading.CONSIGNEE_NAME: r"^CNE",
    pre_loading.CONSIGNEE_ADDRESS: r"^CNE",
    pre_loading.DESCRIPTION: r"/N[GC]/|^TXT/|^HBS/(?:[^/\n]*/){5}[^/\n]+",
    pre_loading.PIECES: r"/T\d+K|^HBS/[^/\n]*/[^/\n]*/\d+/",
    pre_loading.MASS: r"/T\d+[KL]\d|^HBS/[^/\n]*/[^/\n]*/\d+/[KL]\d",
    pre_loading.WAYBILL: r"^\d{3}-?\d{8}|^HBS/[^/\n]+",
}


def _states(message: Message, name: str) -> bool:
    """Whether the message states an element, by the look of it."""
    if message.form.name == "cargo-imp":
        return re.search(_TEXT_STATES[name], _text(message), re.MULTILINE) is not None
    names = _XML_STATES[name].split("/")
    return any((element.text or "").strip() for element in _at(message, names))


def _at(message: Message, names: list[str]) -> Iterator[etree._Element]:
    for element in _elements(message, names[-1]):
        above = [xml.local_name(each) for each in element.iterancestors()]
        if above[: len(names) - 1] == names[-2::-1]:
            yield element


def _elements(message: Message, *names: str) -> Iterator[etree._Element]:
    for element in xml.parse(message.body).iter(etree.Element):
        if xml.local_name(element) in names:
            yield element


def _text(message: Message) -> str:
    return message.body.decode("utf-8", "replace")
