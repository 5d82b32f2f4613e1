"""Finding a declaration by whatever somebody calls it."""

from __future__ import annotations

from typing import Final

from tidewaiter.model.errors import NotFoundError
from tidewaiter.web.principal import Principal
from tidewaiter.workflow.ports import DecisionFile, DeclarationRow, Filter, Reader

ID_DIGITS_MAX: Final = 18
CANDIDATES_MAX: Final = 50


def number(store: Reader, reference: str) -> int:
    """The declaration's number. Digits are a number first, for that is what our own links use. Raises NotFoundError."""
    row = by_number(store, reference)
    return row.declaration_id if row else store.find(reference)


def decision(store: Reader, reference: str, asking: Principal) -> DecisionFile:
    """The decision file behind a reference. What is another's is, to a declarant, not there. Raises NotFoundError."""
    if asking.is_officer:
        return store.decision(number(store, reference))
    row = by_number(store, reference)
    if row is None or row.sender_id != asking.sender_id:
        # Two senders may use the same reference: only the declarant's own are looked through.
        like = store.declarations(Filter(text=reference, sender_id=asking.sender_id, limit=CANDIDATES_MAX))
        row = next((found for found in like if reference in names(found)), None)
    if row is None:
        raise NotFoundError(f"Nothing is kept under {reference}.")
    return store.decision(row.declaration_id)


def by_number(store: Reader, reference: str) -> DeclarationRow | None:
    """The declaration whose number is written in `reference`, if it is one and there is one."""
    if not (reference.isascii() and reference.isdigit() and len(reference) <= ID_DIGITS_MAX):
        return None
    found = store.declarations(Filter(before_id=int(reference) + 1, limit=1))
    return found[0] if found and found[0].declaration_id == int(reference) else None


def names(row: DeclarationRow) -> tuple[str, ...]:
    """What a declaration may be called by its sender."""
    return (row.functional_reference_id, row.registered_id, row.transport_document_id)
