"""Goods controls: what may not come in, or only with a permit, in one jurisdiction on one day.

Facts with their source, as data under `data/controls/<jurisdiction>/`. A control points
at goods by the first digits of the commodity code, by words of the description, or both
(`requires: both`); a document of one of its permit codes lifts it.
"""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources.abc import Traversable

from msgspec import Struct

from tidewaiter.model.assessment import Citation
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.model.words import words_of
from tidewaiter.risk import packaged

CODE_DIGITS_MAX = 6  # a reduced declaration carries no more of the commodity code


class ControlKind(StrEnum):
    """Whether any document can let the goods in."""

    PROHIBITED = "prohibited"
    RESTRICTED = "restricted"


class Requires(StrEnum):
    """What must match for a control to hold, where it has both codes and words."""

    EITHER = "either"
    BOTH = "both"


class Permit(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A document that lifts a control: its code and what to call it.

    A waiver says the control does not concern these goods; it needs no number.
    """

    code: str
    words: str
    is_waiver: bool = False


class GoodsControl(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prohibition or restriction; `kind` decides the lane unless `lane` was given in the data."""

    control_id: str
    title: str
    kind: ReasonKind
    lane: Lane
    effective_from: date | None
    effective_until: date | None
    source: Citation
    commodity_codes: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()
    except_words: tuple[str, ...] = ()
    requires: Requires = Requires.EITHER
    permits: tuple[Permit, ...] = ()

    def is_in_force(self, on: date) -> bool:
        """True on days from `effective_from` to `effective_until`, both included; an open end is no limit."""
        return (self.effective_from or on) <= on <= (self.effective_until or on)


class _Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a control stands; without `read_on` it was written from knowledge of the act, not from its text."""

    title: str
    address: str
    read_on: date | None = None


class _Control(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A control as written in a file."""

    title: str
    kind: ControlKind
    source: str
    confirmed: bool
    lane: Lane | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    commodity_codes: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    except_words: tuple[str, ...] = ()
    requires: Requires = Requires.EITHER
    permits: tuple[Permit, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    sources: dict[str, _Source]
    controls: dict[str, _Control]


class _Jurisdiction(Struct, frozen=True, forbid_unknown_fields=True):
    """`jurisdiction.yaml`: its name, and whose controls it also applies."""

    title: str
    includes: tuple[str, ...] = ()


def controls_in_force(jurisdiction_code: str, on: date) -> tuple[GoodsControl, ...]:
    """The controls of `jurisdiction_code` and of those it includes, by id.

    Raises NotInForceError for a jurisdiction without any control data: "nothing
    is controlled" is never assumed.
    """
    return tuple(control for control in _all_controls(jurisdiction_code)[0] if control.is_in_force(on))


def control_versions(jurisdiction_code: str) -> dict[str, str]:
    """File → SHA-256 of its content, for every file of controls that applies."""
    return dict(_all_controls(jurisdiction_code)[1])


def whose_controls() -> dict[str, str]:
    """Each jurisdiction with the titles of the collections of controls that apply there, its own first."""
    root = packaged.folder("controls")
    found = {}
    for entry in sorted(root.iterdir(), key=lambda each: each.name):
        if (entry / "jurisdiction.yaml").is_file():
            applied = [code for code in _chain(entry.name) if _files(code)]
            found[entry.name] = "; ".join(_title(code) for code in applied)
    return found


def _title(code: str) -> str:
    content = packaged.folder("controls", code, "jurisdiction.yaml").read_bytes()
    return packaged.read_yaml(content, f"controls/{code}", _Jurisdiction).title


def read_controls(content: bytes, prefix: str, place: str) -> tuple[GoodsControl, ...]:
    """The controls in one file, their ids beginning with `prefix`. Raises LawDataError."""
    file = packaged.read_yaml(content, place, _File)
    return tuple(_control(f"{prefix}.{key}", raw, file, place) for key, raw in sorted(file.controls.items()))


@cache
def _all_controls(jurisdiction_code: str) -> tuple[tuple[GoodsControl, ...], tuple[tuple[str, str], ...]]:
    controls: list[GoodsControl] = []
    versions: list[tuple[str, str]] = []
    for code in _chain(jurisdiction_code):
        for file in _files(code):
            content = file.read_bytes()
            place = f"controls/{code}/{file.name}"
            controls += read_controls(content, f"{code}.{file.name.removesuffix('.yaml')}", place)
            versions.append((place, hashlib.sha256(content).hexdigest()))
    return tuple(sorted(controls, key=lambda control: control.control_id)), tuple(sorted(versions))


def _chain(jurisdiction_code: str) -> list[str]:
    file = packaged.folder("controls", jurisdiction_code, "jurisdiction.yaml")
    if not jurisdiction_code.isalnum() or not file.is_file():
        raise NotInForceError(
            f"no goods controls are known for {jurisdiction_code!r}",
            hint="controls are never assumed to be absent; add them under data/controls",
        )
    jurisdiction = packaged.read_yaml(file.read_bytes(), f"controls/{jurisdiction_code}", _Jurisdiction)
    return [jurisdiction_code, *(code for included in jurisdiction.includes for code in _chain(included))]


def _files(code: str) -> list[Traversable]:
    found = packaged.folder("controls", code).iterdir()
    return sorted(
        (file for file in found if file.name.endswith(".yaml") and file.name != "jurisdiction.yaml"),
        key=lambda file: file.name,
    )


def _control(control_id: str, raw: _Control, file: _File, place: str) -> GoodsControl:
    source = file.sources.get(raw.source)
    if source is None:
        raise LawDataError(f"{place}: {control_id} names the source {raw.source!r}, which the file does not have")
    if not raw.commodity_codes and not raw.words:
        raise LawDataError(f"{place}: {control_id} has neither commodity codes nor words")
    if raw.kind is ControlKind.RESTRICTED and not raw.permits and raw.lane is None:
        raise LawDataError(f"{place}: {control_id} is restricted but names neither a permit nor a lane")
    if raw.confirmed and source.read_on is None:
        raise LawDataError(f"{place}: {control_id} is confirmed by a source that nobody has read")
    return GoodsControl(
        control_id=control_id,
        title=raw.title,
        kind=ReasonKind(raw.kind),
        lane=raw.lane or (Lane.RED if raw.kind is ControlKind.PROHIBITED else Lane.YELLOW),
        effective_from=raw.effective_from,
        effective_until=raw.effective_until,
        source=Citation(source.title, source.address, source.read_on, raw.confirmed),
        commodity_codes=_codes(raw.commodity_codes, control_id, place),
        phrases=_phrases(raw.words),
        except_words=tuple(sorted({word for text in raw.except_words for word in words_of(text)})),
        requires=raw.requires,
        permits=raw.permits,
    )


def _codes(codes: tuple[str, ...], control_id: str, place: str) -> tuple[str, ...]:
    for code in codes:
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= CODE_DIGITS_MAX):
            raise LawDataError(f"{place}: {control_id}: {code!r} is not 2 to {CODE_DIGITS_MAX} digits of a code")
    return codes


def _phrases(words: dict[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Every phrase of every language, folded; an English one also in its plural with -s."""
    phrases = {tuple(words_of(text)) for texts in words.values() for text in texts}
    plurals = {(*phrase[:-1], f"{phrase[-1]}s") for phrase in map(tuple, map(words_of, words.get("en", ()))) if phrase}
    return tuple(sorted(phrase for phrase in phrases | plurals if phrase))
