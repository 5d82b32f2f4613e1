"""Declarations handed on to other customs systems: in any form that is read here, and as ASYCUDA World takes them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tidewaiter.messages import asycuda, forms
from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError, NotFoundError, TransitionError
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Store

SAD = "asycuda-sad"
CAME_TO_NOTHING = frozenset({State.REJECTED, State.REFUSED, State.INVALIDATED})


class Exported(Struct, frozen=True):
    """A document and what it is."""

    content: bytes
    media_type: str
    target: str


def targets() -> tuple[str, ...]:
    """What a declaration can be exported as."""
    return (*(name for name in forms.forms() if name not in forms.READ_ONLY), SAD)


def export(store: Store, declaration_id: int, target: str) -> Exported:
    """One declaration as it stands, amendments in it.

    Raises NotFoundError, MessageError where it cannot be written so, TransitionError where what was decided is to be
    handed on and nothing came of it.
    """
    row = store.outcome(declaration_id).row
    kept = store.kept(declaration_id)
    declared = content(store, sources_of(kept))
    if declared is None:
        raise NotFoundError(f"declaration {declaration_id} could not be read", hint="its message is kept as received")
    if target == SAD:
        assessment = msgspec.json.decode(kept.evaluation, type=Evaluation).assessment
        if assessment is None or row.state in CAME_TO_NOTHING:
            raise TransitionError(
                f"declaration {declaration_id} is {row.state.value!r}: there is nothing to hand on",
                hint="hand on what was accepted; any other form gives what was declared",
            )
        return Exported(asycuda.write_sad(declared, assessment, row.registered_id), "application/xml", target)
    form = forms.by_name(target)
    return Exported(form.write([declared]), form.media_types[0], target)


def manifest(store: Store, voyage: asycuda.Voyage, declaration_ids: list[int]) -> bytes:
    """Consignments of one voyage as ASYCUDA's manifest. Raises NotFoundError, MessageError for what it must have."""
    found: list[Declaration] = []
    for declaration_id in declaration_ids:
        declared = content(store, sources_of(store.kept(declaration_id)))
        if declared is None:
            raise MessageError(f"declaration {declaration_id} could not be read", hint="leave it out")
        found.append(declared)
    return asycuda.write_manifest(voyage, found)
