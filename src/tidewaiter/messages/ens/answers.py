"""Answers to entry summary declarations: IE328, IE304, IE305, IE316 and IE351 of the Import Control System.

What an answer repeats it takes from the declaration as this form writes it, so
that containers, languages and carriers, which only the extras hold, are there too.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from lxml import etree

from tidewaiter.messages import xml
from tidewaiter.messages.characters import writable
from tidewaiter.messages.ens.form import EnsForm
from tidewaiter.messages.ens.verdict import number_of
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.finding import Finding, Severity

NAMESPACE: Final = "http://ics.dgtaxud.ec/"
WORDS_MAX: Final = 350  # characters of a reason or an intervention text
POINTER_MAX: Final = 210
VALUE_MAX: Final = 140
REFERENCE_MAX: Final = 22  # RefNumHEA4
PARTNER_MAX: Final = 35  # message sender and recipient
IDENTIFICATION_MAX: Final = 14
ERRORS_MAX: Final = 999

_NO_ONE: Final = "UNKNOWN"


def message_of(kind: NoticeKind, declaration: Declaration) -> str:
    """The root element of the message that tells this ("CC328A"); "" where the set has none for it."""
    layout = _layout()
    is_amendment = declaration.function is MessageFunction.AMENDMENT
    own: str = layout["message_on_amendment"].get(kind.value, "") if is_amendment else ""
    return own or layout["message"].get(kind.value, "")


def write_answer(
    kind: NoticeKind,
    declaration: Declaration,
    evaluation: Evaluation,
    *,
    registered_id: str,
    issued_at: datetime,
    reference_id: str = "",
) -> bytes:
    """The message as XML in UTF-8. Raises KeyError for a kind that `message_of` has no message for.

    `issued_at` is aware; moments are written in UTC, to the minute. The answer's
    own number is `reference_id` or derived from what it is about.
    """
    root = Answering(declaration).answer(
        kind, evaluation, registered_id=registered_id, issued_at=issued_at, reference_id=reference_id
    )
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


class Answering:
    """Answers to one declaration, which is written as its own message once, however many there are."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._declared = _declared(declaration)

    def answer(
        self,
        kind: NoticeKind,
        evaluation: Evaluation,
        *,
        registered_id: str,
        issued_at: datetime,
        reference_id: str = "",
    ) -> etree._Element:
        """The message as a tree; as `write_answer`."""
        declaration, declared = self._declaration, self._declared
        name, at = message_of(kind, declaration), issued_at.astimezone(UTC)
        root = etree.Element(f"{{{NAMESPACE}{name}}}{name}", None, {"cc3": NAMESPACE + name})
        for child, text in _message(
            name, declared, declaration, at, reference_id or _reference(kind, registered_id, at)
        ):
            _text(root, child, text)
        said = _said(kind, declaration, evaluation, registered_id, at)
        header = etree.SubElement(root, "HEAHEA")
        for entry in _layout()["header"][name].split():
            child, _, source = entry.partition("=")
            source = source or child
            _text(header, child, said[source] if source.startswith("@") else _of(declared, f"HEAHEA/{source}"))
        for group in _layout()["groups"][name].split():
            if group == "FUNERRER1":
                for finding in _errors(evaluation)[:ERRORS_MAX]:
                    _error(etree.SubElement(root, group), finding)
            elif group == "CUSINT632":
                _interventions(root, kind, evaluation)
            else:
                _repeated(root, name, group, declared)
        return root


def _declared(declaration: Declaration) -> etree._Element:
    """The declaration as its own message, whatever was asked with it."""
    form = EnsForm()
    known = declaration.function if declaration.function in form.table.root_of_function else MessageFunction.ORIGINAL
    return form.document(declaration, known)


def _message(
    name: str, declared: etree._Element, declaration: Declaration, at: datetime, reference: str
) -> Iterator[tuple[str, str]]:
    recipient = declaration.submitter.party_id if declaration.submitter else ""
    yield "MesSenMES3", (_of(declared, "MesRecMES6") or declaration.supervising_office_id or _NO_ONE)[:PARTNER_MAX]
    yield "MesRecMES6", (recipient or _NO_ONE)[:PARTNER_MAX]
    yield "DatOfPreMES9", f"{at:%y%m%d}"
    yield "TimOfPreMES10", f"{at:%H%M}"
    yield "MesIdeMES19", reference[:IDENTIFICATION_MAX]
    yield "MesTypMES20", name
    yield "CorIdeMES25", _of(declared, "MesIdeMES19")[:IDENTIFICATION_MAX]


def _said(
    kind: NoticeKind, declaration: Declaration, evaluation: Evaluation, registered_id: str, at: datetime
) -> Mapping[str, str]:
    words = " ".join(finding.words for finding in _errors(evaluation))[:WORDS_MAX] if _is_refusal(kind) else ""
    declared_at = declaration.issued_at or at
    is_amendment = declaration.function is MessageFunction.AMENDMENT
    return {
        "@reference": (declaration.functional_reference_id or registered_id)[:REFERENCE_MAX],
        # An amendment that is not taken in has a number of its own here; its sender knows the one that it names.
        "@registered_id": (declaration.registered_id if is_amendment else "") or registered_id,
        "@at": f"{at:%Y%m%d%H%M}",
        "@declared_at": f"{declared_at.astimezone(UTC):%Y%m%d%H%M}",
        "@words": words,
        "@language": "EN" if words else "",
    }


def _is_refusal(kind: NoticeKind) -> bool:
    return kind in (NoticeKind.REJECTED, NoticeKind.REQUEST_REFUSED)


def _errors(evaluation: Evaluation) -> list[Finding]:
    return [finding for finding in evaluation.findings if finding.severity is Severity.ERROR]


def _reference(kind: NoticeKind, registered_id: str, at: datetime) -> str:
    return hashlib.sha256(f"{registered_id}|{kind.value}|{at.isoformat()}".encode()).hexdigest()


def _repeated(root: etree._Element, name: str, group: str, declared: etree._Element) -> None:
    """The groups of that name, as the declaration has them and the answer may."""
    layout = _layout()
    kept: Sequence[str] = layout["children"].get(group, "").split()
    left_out = layout["left_out"].get(name, "").split()
    for element in declared.findall(group):
        copy = etree.Element(group)
        for child in element:
            child_name = xml.local_name(child)
            if child_name not in left_out and (not kept or child_name in kept):
                copy.append(_copied(child))
        wanted = layout["identifier"].get(group, "")
        if wanted and not _of(copy, wanted) and group == "PERLODSUMDEC":
            # The answer must identify the declarant; who sent the message stands in for it (before the branch).
            _text(copy, wanted, _of(declared, "MesSenMES3").partition("/")[0])
        if len(copy) and (not wanted or _of(copy, wanted)):
            root.append(copy)


def _copied(element: etree._Element) -> etree._Element:
    copy = etree.Element(xml.local_name(element))
    copy.text = element.text
    copy.extend(_copied(child) for child in element)
    return copy


def _error(parent: etree._Element, finding: Finding) -> None:
    types, number = _layout()["error_type"], number_of(finding.rule_id)
    _text(parent, "ErrTypER11", types.get(number, types["incorrect"]))
    _text(parent, "ErrPoiER12", (finding.place or finding.pointer or "/")[:POINTER_MAX])
    _text(parent, "ErrReaER13", number)
    _text(parent, "OriAttValER14", finding.value[:VALUE_MAX])


def _interventions(root: etree._Element, kind: NoticeKind, evaluation: Evaluation) -> None:
    layout = _layout()
    holds = [hold.words for hold in evaluation.decision.holds if hold.words]
    for words in dict.fromkeys(holds) or (layout["intervention_words"][kind.value],):
        element = etree.SubElement(root, "CUSINT632")
        _text(element, "CusIntCodCUSINT665", layout["intervention"][kind.value])
        _text(element, "CusIntTexCUSINT666", words[:WORDS_MAX])
        _text(element, "CusIntTexCUSINT667LNG", "EN")


def _of(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _text(parent: etree._Element, name: str, text: str) -> None:
    """A child with this text on one line; none where there is nothing to say."""
    line = " ".join(writable(text).split())
    if line:
        etree.SubElement(parent, name).text = line


@cache
def _layout() -> dict[str, Any]:
    text = resources.files("tidewaiter.data").joinpath("messages", "ens", "answers.toml").read_text("utf-8")
    return tomllib.loads(text)
