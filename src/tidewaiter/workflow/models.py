"""Models in use: registered by one person and approved by another, on trial or deciding; each kept by its digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.errors import NotFoundError, TransitionError
from tidewaiter.risk import PartKind
from tidewaiter.risk.scoring import ModelError, digest_of, read_model
from tidewaiter.risk.scoring.declared import check_columns
from tidewaiter.workflow.rules_naming import rule_sets_naming
from tidewaiter.workflow.targeting import Change, Library, PartInUse

NAME_HINT: Final = "small letters, digits and _, beginning with a letter"


class Keeping(Library, Protocol):
    """A store that keeps models."""

    def keep_knowledge(self, contents: dict[str, tuple[str, bytes]]) -> None:
        """Keep contents by digest: digest → (kind, content)."""


class Said(Struct, frozen=True, kw_only=True):
    """Who registers a model, who else approves it, why and when. On trial it needs nobody else."""

    by: str
    approved_by: str
    words: str
    at: datetime


def use_model(
    store: Keeping, name: str, content: bytes, said: Said, *, on_trial: bool, jurisdiction_code: str = ""
) -> str:
    """Put a model in use under a name, on trial or deciding; its digest.

    Raises ModelError for bytes that are none or that ask for what no declaration gives, TransitionError where nobody else
    approves what is to decide.
    """
    model = read_model(content)
    if not name.isidentifier() or name != name.lower():
        raise ModelError(f"{name!r} is no name of a score: {NAME_HINT}")
    check_columns(model, name)
    if not on_trial and (
        not said.approved_by.strip() or said.approved_by.strip().casefold() == said.by.strip().casefold()
    ):
        raise TransitionError("a model decides when somebody else approves it", hint="put it on trial until then")
    digest = digest_of(model)
    store.keep_knowledge({digest: (PartKind.MODEL, content)})
    change = Change(
        kind=PartKind.MODEL, name=name, digest=digest, is_shadow=on_trial, jurisdiction_code=jurisdiction_code
    )
    words = said.words if on_trial else f"{said.words} (approved by {said.approved_by})"
    store.parts.change((change,), actor=said.by, words=words, at=said.at)
    return digest


def retire_model(store: Library, name: str, said: Said, *, on_trial: bool, jurisdiction_code: str = "") -> None:
    """Take a model out of use. Raises NotFoundError, and TransitionError while rules in use name its score."""
    mine = [
        each for each in models_in_use(store) if each.part.name == name and each.jurisdiction_code == jurisdiction_code
    ]
    if not any(each.part.is_shadow is on_trial for each in mine):
        raise NotFoundError(f"no model {name!r} is {'on trial' if on_trial else 'in use'}")
    if len(mine) == 1 and (naming := rule_sets_naming(store, PartKind.MODEL, name)):
        told = ", ".join(map(str, naming))
        raise TransitionError(f"rules in use name its score: {told}", hint="publish rules that do not, first")
    change = Change(
        kind=PartKind.MODEL, name=name, digest=None, is_shadow=on_trial, jurisdiction_code=jurisdiction_code
    )
    store.parts.change((change,), actor=said.by, words=said.words, at=said.at)


def models_in_use(store: Library) -> Sequence[PartInUse]:
    """The models that decide or are on trial."""
    return [each for each in store.parts.in_use() if each.part.kind is PartKind.MODEL]
