"""Answers as documents in the sender's own form: which language tells a notice, by the form of the declaration.

A form with an answer language of its own has a writer here; what that language
has no message for, and every other form, is told in a response of the WCO Data
Model, which has a word for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypedDict

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


class _Numbers(TypedDict):
    """What every answer says of itself."""

    registered_id: str
    issued_at: datetime
    reference_id: str


class _Language(NamedTuple):
    """A language of answers: the document, None where it has no message for what is told, and its media type."""

    write: Callable[[Telling], bytes | None]
    media_type: str


def write_answer(form: str, telling: Telling) -> Answer:
    """The notice in the answer language of the form of that name."""
    own = _LANGUAGES.get(form)
    content = own.write(telling) if own is not None else None
    return Answer(content, own.media_type) if own is not None and content else Answer(_wco(telling), _XML)


def _numbers(telling: Telling) -> _Numbers:
    return _Numbers(registered_id=telling.registered_id, issued_at=telling.issued_at, reference_id=telling.reference_id)


def _wco(told: Telling) -> bytes:
    return write_notification(told.kind, told.declaration, told.evaluation, version=told.version, **_numbers(told))


def _postal(told: Telling) -> bytes:
    return postal.write_answer(told.kind, told.declaration, told.evaluation, version=told.version, **_numbers(told))


def _ens(told: Telling) -> bytes | None:
    if not ens.message_of(told.kind, told.declaration):
        return None
    return ens.write_answer(told.kind, told.declaration, told.evaluation, **_numbers(told))


def _ceb(told: Telling) -> bytes | None:
    if not ceb.message_of_answer(told.kind, told.declaration):
        return None
    return ceb.write_answer(told.kind, told.declaration, told.evaluation, **_numbers(told))


def _cargo_xml(told: Telling) -> bytes | None:
    return cargo_xml.write_answer(told.kind, told.declaration, told.evaluation, **_numbers(told))


def _cargo_imp(told: Telling) -> bytes | None:
    return cargo_imp.write_answer(told.kind, told.declaration, told.evaluation, issued_at=told.issued_at)


_XML: Final = "application/xml"
_LANGUAGES: Final[Mapping[str, _Language]] = {
    "ens": _Language(_ens, _XML),
    "ceb": _Language(_ceb, _XML),
    "cargo-xml": _Language(_cargo_xml, _XML),
    "cargo-imp": _Language(_cargo_imp, "text/plain"),
    "edifact": _Language(_postal, "application/json"),
    "postal": _Language(_postal, "application/json"),
}
