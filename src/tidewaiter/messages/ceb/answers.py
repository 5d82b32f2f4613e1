"""Answers to cross-border e-commerce messages: what was done with each (returnStatus), and the electronic tax bill.

Source: the specification of 202205, 3.2 to 3.17. What an answer repeats it takes from the message as this form
writes it, so that what only the extras hold is there too. What the electronic port alone would give, its number of
the declaration list (preNo), is the number given here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from tidewaiter.messages.ceb.read import VERSION
from tidewaiter.messages.ceb.tables import Message, Table, load
from tidewaiter.messages.ceb.values import CHINA
from tidewaiter.messages.ceb.write import guid_of, message_of, texts_of
from tidewaiter.messages.characters import writable
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Severity

INFORMATION_MAX: Final = 1000  # characters of returnInfo
NUMBER_LENGTH: Final = 18  # of preNo and invtNo
COMPANY_NUMBER_MAX: Final = 20  # copNo, import
_TAXES: Final = frozenset({NoticeKind.TAX_LIABILITY, NoticeKind.TAX_FINAL})
_CLAIMS: Final = frozenset({"ORDER", "PAYMENT", "LOGISTICS"})
_CONSUMPTION_TAX: Final = "CT"
_MADE: Final = "1"  # state of a tax bill: made
_CENT: Final = Decimal("0.01")


def message_of_answer(kind: NoticeKind, declaration: Declaration) -> str:
    """The root element of the message that tells this ("CEB622Message"); "" where the set has none for it."""
    table = load()
    if kind in _TAXES:
        is_import = message_of(table, declaration).number == "621"
        return table.messages[table.answers["tax"]].root if is_import else ""
    number = table.answers.get(message_of(table, declaration).number)
    return table.messages[number].root if number and kind.value in table.statuses else ""


def write_answer(
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    *,
    registered_id: str,
    issued_at: datetime,
    reference_id: str = "",
) -> bytes:
    """The message as XML in UTF-8. Raises KeyError for a kind that `message_of_answer` has no message for.

    `issued_at` is aware; moments are written by the clock of China, to the millisecond. The answer's number is
    made of `reference_id`, or of what it is about.
    """
    table = load()
    number = guid_of(reference_id or f"{kind.value}|{registered_id}|{issued_at.isoformat()}")
    at = f"{issued_at.astimezone(CHINA):%Y%m%d%H%M%S%f}"[:17]
    if kind in _TAXES:
        bill = table.messages[table.answers["tax"]]
        return _document(table, bill, number, _bill(declaration, evaluation, registered_id, at, number))
    asked = message_of(table, declaration)
    answer = table.messages[table.answers[asked.number]]
    said = texts_of(declaration) | {
        "guid": number,
        "returnStatus": _status(table, kind, declaration),
        "returnTime": at,
        "returnInfo": writable(_words(kind, evaluation))[:INFORMATION_MAX],
    }
    if "preNo" in answer.fields.ranks:
        said |= _numbers(asked, declaration, said, registered_id, number)
    fields = [(each.name, said.get(each.name, "")) for each in answer.fields.order]
    return _document(table, answer, number, [(answer.record, [pair for pair in fields if pair[1]])])


def _status(table: Table, kind: NoticeKind, declaration: Declaration) -> str:
    status = table.statuses[kind.value]
    if declaration.procedure_category in _CLAIMS and status != table.statuses[NoticeKind.REJECTED.value]:
        return table.statuses[NoticeKind.RECEIVED.value]
    return status


def _words(kind: NoticeKind, evaluation: Evaluation) -> str:
    """Why, where something is wrong; else what was decided."""
    severity = Severity.ERROR if kind is NoticeKind.REJECTED else Severity.WARNING
    told = [
        f"{each.rule_id}: {each.words} ({each.place or each.pointer})"
        for each in evaluation.findings
        if each.severity is severity
    ]
    words = [evaluation.decision.words, *told] if kind is not NoticeKind.REJECTED else told
    return " ".join(each for each in words if each) or kind.value.replace("_", " ")


def _numbers(
    asked: Message, declaration: Declaration, said: dict[str, str], registered_id: str, number: str
) -> dict[str, str]:
    """The numbers of a declaration list: customs' own, that of the port, the sender's; each always of its length."""
    given = registered_id if len(registered_id) == NUMBER_LENGTH else ""
    made = given or number.replace("-", "")[:NUMBER_LENGTH]
    numbers = {"preNo": said["preNo"] if len(said.get("preNo", "")) == NUMBER_LENGTH else made}
    if given or asked.number in ("603", "605"):
        numbers["invtNo"] = made
    elif len(said.get("invtNo", "")) != NUMBER_LENGTH:
        numbers["invtNo"] = ""
    if not said.get("copNo"):
        numbers["copNo"] = (declaration.invoice_id or made)[-COMPANY_NUMBER_MAX:]
    return numbers


# --- the tax bill --------------------------------------------------------------------------------------------------

Fields = Sequence[tuple[str, str]]


def _bill(
    declaration: Declaration, evaluation: Evaluation, registered_id: str, at: str, number: str
) -> list[tuple[str, Fields]]:
    """What is levied on the whole, and on each line."""
    said = texts_of(declaration)
    charges = list(_levied(evaluation.assessment)) if evaluation.assessment else []
    lines = [_bill_line(item, charges) for item in declaration.goods_items]
    head = [
        ("guid", number), ("returnTime", at), ("invtNo", registered_id[:NUMBER_LENGTH]),
        ("taxNo", registered_id[:50]), *_taxes(charges), ("status", _MADE),
    ]  # fmt: skip
    head += [
        (name, said.get(name, "")) for name in ("assureCode", "ebcCode", "logisticsCode", "agentCode", "customsCode")
    ]
    return [("TaxHeadRd", [pair for pair in head if pair[1]]), *lines]


def _bill_line(item: GoodsItem, charges: Sequence[Charge]) -> tuple[str, Fields]:
    own = [charge for charge in charges if charge.line_no == item.line_no]
    base = next((charge.base.amount for charge in own), Decimal(0))
    code = item.commodity_code[:10].ljust(10, "0")
    return "TaxListRd", [("gnum", str(item.line_no)), ("gcode", code), ("taxPrice", _amount(base)), *_taxes(own)]


def _levied(assessment: Assessment) -> Iterator[Charge]:
    return (charge for charge in assessment.charges if charge.collection is not Collection.NONE)


def _taxes(charges: Sequence[Charge]) -> Iterator[tuple[str, str]]:
    """Customs duty, value added tax and consumption tax."""
    sums = {"customsTax": Decimal(0), "valueAddedTax": Decimal(0), "consumptionTax": Decimal(0)}
    for charge in charges:
        if charge.kind is ChargeKind.DUTY:
            sums["customsTax"] += charge.result.amount
        elif charge.kind is ChargeKind.TAX:
            name = "consumptionTax" if charge.type_code == _CONSUMPTION_TAX else "valueAddedTax"
            sums[name] += charge.result.amount
    return ((name, _amount(amount)) for name, amount in sums.items())


def _amount(amount: Decimal) -> str:
    return f"{amount.quantize(_CENT):f}"


def _document(table: Table, message: Message, number: str, parts: Sequence[tuple[str, Fields]]) -> bytes:
    """A message with one record; the parts stand in it, or are it where it has no head of its own."""
    tag = f"{{{table.namespace}}}"
    root = etree.Element(f"{tag}{message.root}", None, {"ceb": table.namespace})
    root.set("guid", number)
    root.set("version", VERSION)
    parent = etree.SubElement(root, f"{tag}{message.record}") if message.head else root
    for name, fields in parts:
        element = etree.SubElement(parent, f"{tag}{name}")
        for field, text in fields:
            etree.SubElement(element, f"{tag}{field}").text = text
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
