"""The documents in which declarations are handed to other customs systems, by name.

A *target* writes one document about one declaration. Those that come with the house are below; another is added without
changing it, by a package that names an object with the members of `Target` as an entry point:

    [project.entry-points."tidewaiter.targets"]
    our-system = "our_package.tidewaiter:OurSystem"

It is then known wherever a target is named: `tidewaiter connector add … --to our-system`, `declaration export`, and
`GET /declarations/{reference}/document`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final, Protocol, cast

import msgspec

from tidewaiter.messages import asycuda, forms
from tidewaiter.messages.answers import Telling
from tidewaiter.messages.characters import shown
from tidewaiter.messages.form import Form
from tidewaiter.messages.wco_dm.notification import write_notification
from tidewaiter.model.decision import CAME_TO_NOTHING, NoticeKind
from tidewaiter.model.errors import NotFoundError, TidewaiterError, TransitionError

GROUP: Final = "tidewaiter.targets"
SAD: Final = "asycuda-sad"
_ENDS: Final = frozenset({NoticeKind.REFUSED, NoticeKind.INVALIDATED})  # what an officer or the sender ends
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,10}(?:\.[a-z0-9]{1,10})?")
_SUFFIXES: Final[Mapping[str, str]] = {"application/xml": ".xml", "application/json": ".json", "text/csv": ".csv"}


class Target(Protocol):
    """One form of document for another customs system. It is asked again and again, from several threads."""

    name: str  # as typed on the command line: small letters, digits, hyphens; at most 40
    media_type: str  # what is posted is labelled so
    suffix: str  # of a file that holds it, with its dot: ".xml"

    def write(self, telling: Telling) -> bytes:
        """The document, as text in UTF-8; of the same telling always the same bytes.

        The telling holds one version of a declaration as it was decided, with what happened to it (`kind`), the number
        it is registered under here and the notice's own. Nothing else may be looked at: no clock, no network, no file.
        Raises MessageError where the document would lack what it must have, with a hint at what to do and the place
        where it is missing: it is then set aside with these words, and what follows goes on.
        """


class TargetError(TidewaiterError):
    """A target that was installed cannot be used."""

    code = "connector.target"


class Sad:
    """ASYCUDA World's single administrative document, with the charges worked out here as its taxation lines."""

    name = SAD
    media_type = "application/xml"
    suffix = ".xml"

    def write(self, telling: Telling) -> bytes:
        """The document. Raises MessageError for a text that XML cannot hold, TransitionError where nothing came of it."""
        evaluation = telling.evaluation
        if telling.kind in _ENDS:
            raise nothing_to_hand_on(telling.kind.value)
        if evaluation.assessment is None or evaluation.decision.state in CAME_TO_NOTHING:
            raise nothing_to_hand_on(evaluation.decision.state.value)
        return asycuda.write_sad(telling.declaration, telling.evaluation.assessment, telling.registered_id)


class WcoResponse:
    """What happened, as a response of the WCO Data Model: the notice itself, without the goods."""

    name = "wco-response"
    media_type = "application/xml"
    suffix = ".xml"

    def write(self, telling: Telling) -> bytes:
        """The response."""
        return write_notification(
            telling.kind, telling.declaration, telling.evaluation, registered_id=telling.registered_id,
            issued_at=telling.issued_at, version=telling.version, reference_id=telling.reference_id,
        )  # fmt: skip


class Own:
    """All that is known, as JSON in our own words: what happened, the declaration, the evaluation with lane and charges."""

    name = "tidewaiter"
    media_type = "application/json"
    suffix = ".json"

    def write(self, telling: Telling) -> bytes:
        """The members of `Telling`, as docs/how-to/connect.md shows them."""
        return msgspec.json.encode(telling)


class Declared:
    """The declaration alone, in one of the forms that are read here too."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.name = form.name
        self.media_type = form.media_types[0]
        self.suffix = _SUFFIXES.get(self.media_type, ".txt")

    def write(self, telling: Telling) -> bytes:
        """A message with the one declaration in it."""
        return self._form.write([telling.declaration])


@cache
def targets() -> Mapping[str, Target]:
    """Every target by its name: our own, then those that were installed. Raises TargetError for one that cannot be used."""
    declared = (Declared(form) for name, form in forms.forms().items() if name not in forms.READ_ONLY)
    own: tuple[Target, ...] = (*declared, Sad(), WcoResponse(), Own())
    known = {target.name: target for target in own}
    for entry in entry_points(group=GROUP):
        known[entry.name] = _installed(entry.name, entry.load(), known)
    return known


def open_to_senders() -> tuple[str, ...]:
    """The targets of our own that hold what its sender may know anyway: the declaration and its charges, nothing of risk."""
    return (*(name for name in forms.forms() if name not in forms.READ_ONLY), SAD)


def nothing_to_hand_on(state: str) -> TransitionError:
    """What is said where what was decided is to be handed on, and nothing came of it or nothing was to be decided."""
    return TransitionError(
        f"the declaration is {state!r}: there is nothing to hand on",
        hint="hand on what was accepted; any other form gives what was declared",
    )


def by_name(name: str) -> Target:
    """The target of that name. Raises NotFoundError, which lists the names there are, and TargetError."""
    found = targets().get(name)
    if found is None:
        raise NotFoundError(f"there is no target “{shown(name[:60])}”", hint=f"Known are {', '.join(targets())}.")
    return found


def _installed(name: str, loaded: Any, known: Mapping[str, Target]) -> Target:
    """What an entry point named, made if it is a class. Raises TargetError where it is no target."""
    found = loaded() if isinstance(loaded, type) else loaded
    wrong = ""
    if name in known:
        wrong = "there is one of this name already"
    elif getattr(found, "name", None) != name or not _NAME.fullmatch(name):
        wrong = f"its name must be that of the entry point, and of small letters, digits and hyphens; it is {getattr(found, 'name', None)!r}"
    elif not callable(getattr(found, "write", None)) or not isinstance(getattr(found, "media_type", None), str):
        wrong = "it must have `media_type` and `write`"
    elif not _SUFFIX.fullmatch(str(getattr(found, "suffix", ""))):
        wrong = f"its suffix must be like .xml; it is {getattr(found, 'suffix', None)!r}"
    if wrong:
        raise TargetError(
            f"the installed target {name!r} cannot be used: {wrong}", hint="see tidewaiter.workflow.targets"
        )
    return cast("Target", found)
