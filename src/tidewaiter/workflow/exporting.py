"""Declarations handed on to other customs systems: in any form that is read here, and as ASYCUDA World takes them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tidewaiter.messages import asycuda
from tidewaiter.messages.answers import Telling
from tidewaiter.model.decision import CAME_TO_NOTHING, Evaluation, NoticeKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError, NotFoundError
from tidewaiter.workflow import targets
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Notice, Store
from tidewaiter.workflow.records import Kept


class Exported(Struct, frozen=True):
    """A document and what it is."""

    content: bytes
    media_type: str
    target: str


def export(store: Store, declaration_id: int, target: str) -> Exported:
    """One declaration as it stands, amendments in it.

    Raises NotFoundError, MessageError where it cannot be written so, TransitionError where what was decided is to be
    handed on and nothing came of it.
    """
    form = targets.by_name(target)
    outcome = store.outcome(declaration_id)
    row, last = outcome.row, next(reversed(outcome.notices), None)
    if target == targets.SAD and row.state in CAME_TO_NOTHING:
        raise targets.nothing_to_hand_on(row.state.value)
    notice = Notice(
        notice_id=last.notice_id if last else 0, declaration_id=declaration_id, registered_id=row.registered_id,
        functional_reference_id=row.functional_reference_id, kind=last.kind if last else NoticeKind.RECEIVED,
        version=row.version, issued_at=last.issued_at if last else row.decided_at,
    )  # fmt: skip
    return Exported(form.write(telling(store, notice)), form.media_type, target)


def telling(store: Store, notice: Notice) -> Telling:
    """What a notice tells, about the version it was issued on. Raises NotFoundError, also where that cannot be read."""
    kept = store.kept(notice.declaration_id, notice.version)
    declared = content(store, sources_of(kept))
    if declared is None:
        raise NotFoundError(
            f"declaration {notice.declaration_id} could not be read", hint="its message is kept as received"
        )
    return telling_of(notice, kept, declared)


def telling_of(notice: Notice, kept: Kept, declared: Declaration) -> Telling:
    """What a notice tells, of evidence and declaration of its version."""
    return Telling(
        kind=notice.kind,
        declaration=declared,
        evaluation=msgspec.json.decode(kept.evaluation, type=Evaluation),
        registered_id=notice.registered_id,
        issued_at=notice.issued_at,
        version=notice.version,
        reference_id=f"N{notice.notice_id}",
    )


def manifest(store: Store, voyage: asycuda.Voyage, declaration_ids: list[int]) -> bytes:
    """Consignments of one voyage as ASYCUDA's manifest. Raises NotFoundError, MessageError for what it must have."""
    found: list[Declaration] = []
    for declaration_id in declaration_ids:
        declared = content(store, sources_of(store.kept(declaration_id)))
        if declared is None:
            raise MessageError(f"declaration {declaration_id} could not be read", hint="leave it out")
        found.append(declared)
    return asycuda.write_manifest(voyage, found)
