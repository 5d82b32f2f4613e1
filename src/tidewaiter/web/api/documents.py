"""Notices as documents in the sender's own form."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tidewaiter.messages.answers import Answer, Telling, write_answer
from tidewaiter.model.decision import Evaluation, Hold
from tidewaiter.model.declaration import Declaration
from tidewaiter.web.standing import told
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Notice, Store


def document_of(store: Store, notice: Notice, form: str = "") -> Answer:
    """The notice in the answer language of a form, about the version it was issued on. Raises NotFoundError.

    Where no form is named, that of the declaration.

    Written as for the sender: why customs examines or asks is not in it.
    """
    kept = store.kept(notice.declaration_id, notice.version)
    evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
    declared = content(store, sources_of(kept))
    telling = Telling(
        kind=notice.kind,
        declaration=declared or Declaration(functional_reference_id=notice.functional_reference_id),
        evaluation=_as_told(evaluation),
        registered_id=notice.registered_id,
        issued_at=notice.issued_at,
        version=notice.version,
        reference_id=f"N{notice.notice_id}",
    )
    return write_answer(form or kept.form, telling)


def _as_told(evaluation: Evaluation) -> Evaluation:
    holds: tuple[Hold, ...] = tuple(told(hold) for hold in evaluation.decision.holds)
    return replace(evaluation, decision=replace(evaluation.decision, holds=holds))
