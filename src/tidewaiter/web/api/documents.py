"""Notices as documents in the sender's own form."""

from __future__ import annotations

from msgspec.structs import replace

from tidewaiter.messages.answers import Answer, write_answer
from tidewaiter.model.decision import Evaluation, Hold
from tidewaiter.model.declaration import Declaration
from tidewaiter.web.standing import told
from tidewaiter.workflow.exporting import telling_of
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Notice, Store


def document_of(store: Store, notice: Notice, form: str = "") -> Answer:
    """The notice in the answer language of a form, about the version it was issued on. Raises NotFoundError.

    Where no form is named, that of the declaration.

    Written as for the sender: why customs examines or asks is not in it.
    """
    kept = store.kept(notice.declaration_id, notice.version)
    declared = content(store, sources_of(kept))
    telling = telling_of(notice, kept, declared or Declaration(functional_reference_id=notice.functional_reference_id))
    return write_answer(form or kept.form, replace(telling, evaluation=_as_told(telling.evaluation)))


def _as_told(evaluation: Evaluation) -> Evaluation:
    holds: tuple[Hold, ...] = tuple(told(hold) for hold in evaluation.decision.holds)
    return replace(evaluation, decision=replace(evaluation.decision, holds=holds))
