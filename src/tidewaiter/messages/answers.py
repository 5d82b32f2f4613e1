"""Answers as documents in the sender's own form: which language tells a notice, by the form of the declaration.

A form with an answer language of its own has a writer here; what that language
has no message for, and every other form, is told in a response of the WCO Data
Model, which has a word for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from tidewaiter.messages.cargo_imp import answers as cargo_imp
from tidewaiter.messages.cargo_xml import answers as cargo_xml
from tidewaiter.messages.ceb import answers as ceb
from tidewaiter.messages.ens import answers as ens
from tidewaiter.messages.postal import answers as postal
from tidewaiter.messages.wco_dm.notification import write_notification
from tidewaiter.model.decision import Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration


class Telling(Struct, frozen=True, kw_only=True):
    """One thing to be told about one declaration. `issued_at` is aware; `reference_id` is the notice's own number."""

    kind: NoticeKind
    declaration: Declaration
    evaluation: Evaluation
    registered_id: str
    issued_at: datetime
    version: int = 1
    reference_id: str = ""


class Answer(Struct, frozen=True):
    """A notice as a document, in UTF-8."""

    content: bytes
    media_type: str


def write_answer(form: str, telling: Telling) -> Answer:
    """The notice in the answer language of the form of that name."""
    own = _LANGUAGES.get(form)
    return (own(telling) if own else None) or _wco(telling)


def _wco(telling: Telling) -> Answer:
    content = write_notification(
        telling.kind,
        telling.declaration,
        telling.evaluation,
        registered_id=telling.registered_id,
        issued_at=telling.issued_at,
        version=telling.version,
        reference_id=telling.reference_id,
    )
    return Answer(content, "application/xml")


def _postal(telling: Telling) -> Answer:
    content = postal.write_answer(
        telling.kind,
        telling.declaration,
        telling.evaluation,
        registered_id=telling.registered_id,
        issued_at=telling.issued_at,
        version=telling.version,
        reference_id=telling.reference_id,
    )
    return Answer(content, "application/json")


def _ens(telling: Telling) -> Answer | None:
    if not ens.message_of(telling.kind, telling.declaration):
        return None
    content = ens.write_answer(
        telling.kind,
        telling.declaration,
        telling.evaluation,
        registered_id=telling.registered_id,
        issued_at=telling.issued_at,
        reference_id=telling.reference_id,
    )
    return Answer(content, "application/xml")


def _ceb(telling: Telling) -> Answer | None:
    if not ceb.message_of_answer(telling.kind, telling.declaration):
        return None
    content = ceb.write_answer(
        telling.kind,
        telling.declaration,
        telling.evaluation,
        registered_id=telling.registered_id,
        issued_at=telling.issued_at,
        reference_id=telling.reference_id,
    )
    return Answer(content, "application/xml")


def _cargo_xml(telling: Telling) -> Answer | None:
    content = cargo_xml.write_answer(
        telling.kind,
        telling.declaration,
        telling.evaluation,
        registered_id=telling.registered_id,
        issued_at=telling.issued_at,
        reference_id=telling.reference_id,
    )
    return Answer(content, "application/xml") if content else None


def _cargo_imp(telling: Telling) -> Answer | None:
    content = cargo_imp.write_answer(telling.kind, telling.declaration, telling.evaluation, issued_at=telling.issued_at)
    return Answer(content, "text/plain") if content else None


# By form: the document, or None where the language has no message for what is told.
_LANGUAGES: Final[Mapping[str, Callable[[Telling], Answer | None]]] = {
    "ens": _ens,
    "ceb": _ceb,
    "cargo-xml": _cargo_xml,
    "cargo-imp": _cargo_imp,
    "edifact": _postal,
    "postal": _postal,
}
