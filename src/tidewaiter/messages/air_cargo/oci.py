"""Customs, security and regulatory lines of air waybills, interpreted: who is meant, and what is said of them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.faults import seen
from tidewaiter.model.declaration import Declaration, Document, Party
from tidewaiter.model.finding import MappingNote

LINES_MAX = 500  # of one waybill that are interpreted; further ones are noted
SECURITY = frozenset({"ISS", "OSS", "CSS"})  # information identifiers of security declarations


class Line(Struct, frozen=True):
    """One line: country, whom or what it is about ("SHP"), what it says ("T"), the text; and where it stands."""

    country_code: str
    subject: str
    identifier: str
    text: str
    place: str


def interpret(declaration: Declaration, lines: Sequence[Line]) -> tuple[Declaration, tuple[MappingNote, ...]]:
    """The declaration with what the lines say of its parties, and a note on each line that it has no element for.

    What the message says of a party elsewhere stands; a second identifier or telephone is left to a note.
    """
    table, notes, is_security = _table(), [], False
    mail: dict[str, list[str]] = {}
    for at, line in enumerate(lines):
        if at >= LINES_MAX:
            notes.append(_note(line, is_security=False))
            continue
        is_security = line.subject in SECURITY or (is_security and line.subject not in table["customs"]["subjects"])
        changed = None if is_security else _with(declaration, line)
        if changed is not None:
            declaration = changed
        elif line.identifier in (*table["mail"]["user"], *table["mail"]["domain"]) and line.subject in table["party"]:
            part = int(line.identifier in table["mail"]["domain"])
            mail.setdefault(line.subject, ["", ""])[part] = line.text
        else:
            notes.append(_note(line, is_security=is_security))
    for subject, (user, domain) in mail.items():
        name = table["party"][subject]
        party = getattr(declaration, name) or Party()
        if user and domain and not party.email:
            declaration = replace(declaration, **{name: replace(party, email=f"{user}@{domain}")})
    return declaration, tuple(notes)


def _with(declaration: Declaration, line: Line) -> Declaration | None:
    """The declaration with what one line says; None where it has no element for it, or it is taken."""
    table = _table()
    if not line.text:
        return None
    name, field = table["party"].get(line.subject), table["about_party"].get(line.identifier)
    if name and field:
        party = getattr(declaration, name) or Party()
        if getattr(party, field) not in ("", line.text):
            return None
        return replace(declaration, **{name: replace(party, **{field: line.text})})
    if line.identifier == "U" and declaration.consignment.ucr in ("", line.text):
        return replace(declaration, consignment=replace(declaration.consignment, ucr=line.text))
    type_code = table["document"].get(line.identifier, {}).get(line.subject)
    if type_code:
        document = Document(type_code=type_code, document_id=line.text)
        if document in declaration.previous_documents:
            return declaration
        return replace(declaration, previous_documents=(*declaration.previous_documents, document))
    return None


def _note(line: Line, *, is_security: bool) -> MappingNote:
    meanings = _table()["meaning"]
    own, other = ("security", "customs") if is_security else ("customs", "security")
    meaning = meanings[own].get(line.identifier) or meanings[other].get(line.identifier, "")
    about = "/".join(part for part in (line.country_code, line.subject, line.identifier) if part)
    words = f"{meaning} ({about}): kept, a declaration has no element for it" if meaning else "kept, not interpreted"
    return MappingNote(line.place, seen(line.text), words)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(
        (resources.files("tidewaiter.data") / "messages" / "air_cargo" / "oci.toml").read_text("utf-8")
    )
