"""What a pre-loading programme says to a filing: errors by their published codes, or where the assessment stands.

Lane green or blue: assessment complete. Yellow: request for information (RFI). Red: request for screening (RFS). Goods
that the law prohibits, or that an officer refused: do not load (DNL). This mapping is this project's choice; the codes
are the published ones, kept as data.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final

from msgspec import Struct

from tidewaiter.messages.air_cargo.values import HOUSE, PRE_LOADING
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Lane, ReasonKind


class Status(StrEnum):
    """Where the assessment of a filing stands."""

    RECEIVED = "received"
    COMPLETE = "complete"
    INFORMATION = "information"  # RFI
    SCREENING = "screening"  # RFS
    DO_NOT_LOAD = "do_not_load"  # DNL


class Moment(StrEnum):
    """What happens to a hold."""

    ISSUED = "issued"
    IN_PLACE = "in_place"
    LIFTED = "lifted"


class Error(Struct, frozen=True):
    """One published error, and what of the findings led to it. `http` is the status that goes with it."""

    code: str
    http: int
    findings: tuple[Finding, ...]


class Saying(Struct, frozen=True):
    """A status as it is said: codes of both languages ("" where there is none) and words."""

    status: Status
    moment: Moment
    xml_code: str
    camir_code: str
    words: str
    camir_words: str


_REFUSALS: Final = (NoticeKind.REJECTED, NoticeKind.REQUEST_REFUSED)
_BY_KIND: Final = {
    NoticeKind.REFUSED: Status.DO_NOT_LOAD,
    NoticeKind.CONTROL: Status.SCREENING,
    NoticeKind.DOCUMENTS: Status.INFORMATION,
    NoticeKind.REQUEST: Status.INFORMATION,
}
_BY_JUDGEMENT: Final = {
    NoticeKind.RECEIVED: Moment.ISSUED,
    NoticeKind.ACCEPTED: Moment.ISSUED,
    NoticeKind.AMENDED: Moment.IN_PLACE,
    NoticeKind.REQUEST_GRANTED: Moment.IN_PLACE,
    NoticeKind.RELEASED: Moment.LIFTED,
    NoticeKind.CLEARED: Moment.LIFTED,
}
_LANES: Final = {
    Lane.GREEN: Status.COMPLETE,
    Lane.BLUE: Status.COMPLETE,
    Lane.YELLOW: Status.INFORMATION,
    Lane.RED: Status.SCREENING,
}


def answer(kind: NoticeKind, declaration: Declaration, evaluation: Evaluation) -> tuple[Error, ...] | Saying | None:
    """What a notice says: the errors of a filing that is refused, or where the assessment of any other stands.

    None where the programme has no words: for anything but pre-loading filings, for money and for withdrawals.
    """
    if declaration.procedure_category not in ("", PRE_LOADING):
        return None
    if kind in _REFUSALS:
        return published(declaration, evaluation.findings) or None
    if kind in _BY_KIND:
        return said(_BY_KIND[kind], Moment.ISSUED, declaration.jurisdiction_code)
    if kind in _BY_JUDGEMENT:
        return said(_status(evaluation), _BY_JUDGEMENT[kind], declaration.jurisdiction_code)
    return None


def published(declaration: Declaration, findings: Sequence[Finding]) -> tuple[Error, ...]:
    """The errors among findings, by published code; at least one where there is an error."""
    against = [finding for finding in findings if finding.severity is Severity.ERROR]
    kind = "house" if declaration.type_code == HOUSE else "master"
    by_code: dict[str, list[Finding]] = {}
    for finding in _without_missing_of_faulty(against):
        by_code.setdefault(_code(finding, kind), []).append(finding)
    for entry in catalogue():
        parts = entry.get("all_of", ())
        if parts and all(part in by_code for part in parts):
            by_code[entry["code"]] = [finding for part in parts for finding in by_code.pop(part)]
    return tuple(
        Error(entry["code"], entry["http"], tuple(by_code[entry["code"]]))
        for entry in catalogue()
        if entry["code"] in by_code
    )


def said(status: Status, moment: Moment, jurisdiction_code: str) -> Saying:
    """A status in the words of the programme of a jurisdiction. One that holds nothing is only ever issued."""
    data = _data()
    entry = data["status"][status.value]
    if status in (Status.RECEIVED, Status.COMPLETE):
        return Saying(status, moment, entry.get("xml", ""), entry["camir"]["issued"], *[entry["words"]] * 2)
    name = data["name"].get(jurisdiction_code, "")
    words = " ".join(part for part in (name, entry["words"] + data["moment"][moment.value]) if part)
    own = entry.get("lifted_words", {}).get("camir", "") if moment is Moment.LIFTED else ""
    camir_words = " ".join(part for part in (name, own) if part) if own else words
    xml_code = data["status"]["complete"]["xml"] if moment is Moment.LIFTED else entry["xml"]
    return Saying(status, moment, xml_code, entry["camir"][moment.value], words, camir_words)


def name_of(jurisdiction_code: str) -> str:
    """What the programme of a jurisdiction calls itself; "PLACI" where that is not known."""
    named: str = _data()["name"].get(jurisdiction_code, PRE_LOADING)
    return named


@cache
def catalogue() -> tuple[dict[str, Any], ...]:
    """The published errors as they stand in the data."""
    return tuple(_data()["error"])


def _status(evaluation: Evaluation) -> Status:
    judgement = evaluation.judgement
    if judgement is None:
        return Status.RECEIVED
    if any(reason.kind is ReasonKind.PROHIBITED and not reason.is_lifted for reason in judgement.reasons):
        return Status.DO_NOT_LOAD
    return _LANES[judgement.lane]


def _without_missing_of_faulty(findings: Sequence[Finding]) -> list[Finding]:
    """Findings without those that miss what another says is there but cannot be read."""
    faulty = {finding.pointer for finding in findings if finding.rule_id != "data.required"}
    return [finding for finding in findings if finding.rule_id != "data.required" or finding.pointer not in faulty]


def _code(finding: Finding, kind: str) -> str:
    for code, of_kind, rules, pointer in _patterns():
        if of_kind in ("", kind) and rules.fullmatch(finding.rule_id) and pointer.fullmatch(finding.pointer):
            return code
    other: str = _data()["other"]["code"]
    return other


@cache
def _patterns() -> tuple[tuple[str, str, re.Pattern[str], re.Pattern[str]], ...]:
    return tuple(
        (
            entry["code"],
            entry.get("kind", ""),
            re.compile(entry.get("rules", ".*"), re.DOTALL),
            re.compile(entry.get("pointer", ".*"), re.DOTALL),
        )
        for entry in catalogue()
        if "all_of" not in entry
    )


@cache
def _data() -> dict[str, Any]:
    text = (resources.files("tidewaiter.data") / "messages" / "air_cargo" / "programme.toml").read_text("utf-8")
    return tomllib.loads(text)
