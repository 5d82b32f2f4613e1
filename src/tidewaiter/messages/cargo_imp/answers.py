"""Answers in text (CAMIR): PER, a preliminary error report, and PSN, a preliminary status notification.

Written as the PACT Technical Implementation Guide 1.9 of Transport Canada describes them (sections 3.4.1 and 3.4.2).
"""

from __future__ import annotations

from datetime import UTC, datetime

from tidewaiter.messages.air_cargo import programme
from tidewaiter.messages.air_cargo.programme import Moment, Status
from tidewaiter.messages.air_cargo.values import HOUSE
from tidewaiter.messages.characters import FORBIDDEN
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_END = "\r\n"


def write_answer(
    kind: NoticeKind, declaration: Declaration, evaluation: Evaluation, *, issued_at: datetime
) -> bytes | None:
    """The text, its lines ended by CR and LF; None where pre-loading has no words for the notice. `issued_at` is aware."""
    told = programme.answer(kind, declaration, evaluation)
    if told is None:
        return None
    if isinstance(told, tuple):
        return _text("PER", _numbers(declaration), *(f"ERR/{each.http}/{each.code}" for each in told))
    return _notification(declaration, told, issued_at)


def acknowledgement(declaration: Declaration, *, issued_at: datetime) -> bytes:
    """The notification that a filing has come in without errors, before it is assessed."""
    said = programme.said(Status.RECEIVED, Moment.ISSUED, declaration.jurisdiction_code)
    return _notification(declaration, said, issued_at)


def _notification(declaration: Declaration, said: programme.Saying, issued_at: datetime) -> bytes:
    at = issued_at.astimezone(UTC)
    moment = f"{at:%d}{_MONTHS[at.month - 1]}{at:%H%M}"
    return _text("PSN", _numbers(declaration), f"CSN/{said.camir_code}/{moment}/{said.camir_words}")


def _numbers(declaration: Declaration) -> str:
    """The master waybill, and for a house its own number after a dash."""
    documents = declaration.consignment.transport_documents
    number = next((each.document_id for each in documents if each.document_id), declaration.functional_reference_id)
    if declaration.type_code != HOUSE:
        return number
    return "-".join(part for part in (declaration.consignment.master_document_id, number) if part)


def _text(*lines: str) -> bytes:
    plain = (" ".join(FORBIDDEN.sub("", line).split()) for line in lines)
    return "".join(f"{line}{_END}" for line in plain if line).encode()
