"""Goods controls, compiled: which of them concern a declaration, and which its documents lift."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.model.declaration import Declaration, Document, GoodsItem
from tidewaiter.model.judgement import Reason
from tidewaiter.model.words import Phrase, PhraseIndex, words_of
from tidewaiter.risk.controls import GoodsControl, Permit, Requires


class GoodsIndex:
    """Controls by commodity code and by words. Each description is read once, each code looked up by its beginnings."""

    def __init__(self, controls: Sequence[GoodsControl]) -> None:
        self._controls = tuple(controls)
        self._by_code: dict[str, list[int]] = {}
        for number, control in enumerate(controls):
            for code in control.commodity_codes:
                self._by_code.setdefault(code, []).append(number)
        self._code_lengths = tuple(sorted({len(code) for code in self._by_code}))
        self._phrases = PhraseIndex(
            (phrase, number) for number, control in enumerate(controls) for phrase in control.phrases
        )

    def reasons(self, declaration: Declaration) -> list[Reason]:
        """One reason for each control that concerns a line, lifted ones too; by line, then by control."""
        found: list[Reason] = []
        for position, item in enumerate(declaration.goods_items, 1):
            by_code = self._code_hits(item.commodity_code) if item.commodity_code else None
            words = words_of(item.description)
            by_words = self._phrases.found(words)
            if by_code or by_words:
                found += self._line(declaration, position, (by_code or {}, by_words, words))
        return found

    def _code_hits(self, code: str) -> dict[int, str] | None:
        hits: dict[int, str] | None = None
        for length in self._code_lengths:
            beginning = code[:length]
            if len(beginning) < length:
                break
            for number in self._by_code.get(beginning, ()):
                hits = hits or {}
                hits[number] = beginning
        return hits

    def _line(
        self,
        declaration: Declaration,
        position: int,
        hits: tuple[dict[int, str], dict[int, Phrase], list[str]],
    ) -> list[Reason]:
        by_code, by_words, words = hits
        found = []
        for number in sorted(by_code.keys() | by_words.keys()):
            control = self._controls[number]
            if control.requires is Requires.BOTH and not (number in by_code and number in by_words):
                continue
            if control.except_words and not set(control.except_words).isdisjoint(words):
                continue
            found.append(_reason(control, declaration, position, by_words.get(number)))
        return found


def _reason(control: GoodsControl, declaration: Declaration, position: int, phrase: Phrase | None) -> Reason:
    item = declaration.goods_items[position - 1]
    lifting = _lifting(control.permits, declaration, item)
    permit = lifting or (control.permits[0] if control.permits else None)
    because = f'the words "{" ".join(phrase)}"' if phrase else f"the commodity code {item.commodity_code}"
    field = "description" if phrase else "commodity_code"
    return Reason(
        reason_id=control.control_id,
        kind=control.kind,
        lane=control.lane,
        words=f"{control.title}: {because}.",
        pointer=f"goods_items[{position}].{field}",
        value=(item.description if phrase else item.commodity_code)[:200],
        permit_code=permit.code if permit else "",
        permit_words=permit.words if permit else "",
        is_lifted=lifting is not None,
        measure_id=control.control_id,
    )


def _lifting(permits: tuple[Permit, ...], declaration: Declaration, item: GoodsItem) -> Permit | None:
    """The first permit among those declared on the line or on the whole; one that is no waiver needs its number."""
    documents: tuple[Document, ...] = item.documents + declaration.documents
    if not permits or not documents:
        return None
    coded = {document.type_code for document in documents}
    numbered = {document.type_code for document in documents if document.document_id}
    for permit in permits:
        if permit.code in (coded if permit.is_waiver else numbered):
            return permit
    return None
