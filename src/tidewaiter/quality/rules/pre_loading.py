"""Pre-loading advance cargo information: what a filing before loading must be, and what it need not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidewaiter.data.nomenclature import edition_on
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import HSCode
from tidewaiter.quality.registry import Context, Scope, Seen, rule

GUIDE = "Transport Canada, PACT Technical Implementation Guide 1.9 (2025)"
FILED = Scope(declared_as=("PLACI",))

_ONE_LETTER = re.compile(r"(.)\1{2,}")
_EXTENSION = re.compile(r"\.?wpx\.?", re.IGNORECASE)


@rule(
    "pre_loading.no_words",
    Severity.ERROR,
    source=f"{GUIDE}, section 6.1",
    scope=FILED,
    replaces=("description.code", "description.vague"),
)
def no_words(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Names, addresses and descriptions are words: not digits or signs alone, nor one letter again and again."""
    return [
        Seen(pointer, text, "This is no name, address or description: it holds no words.")
        for pointer, text in _texts(declaration)
        if text and not _has_words(text)
    ]


@rule(
    "pre_loading.commodity_code",
    Severity.WARNING,
    source=f"{GUIDE}, section 2.2.5.1.2: the HS code is not required",
    scope=FILED,
    replaces=("code.commodity_shape", "code.commodity_unknown"),
)
def commodity_code(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A commodity code is not asked for before loading. One that is given should exist; a wrong one keeps nothing out."""
    edition = edition_on(context.legal_day)
    return [
        Seen(f"goods_items[{place}].commodity_code", code, "This is no code of the Harmonized System.")
        for place, item in enumerate(declaration.goods_items, 1)
        if (code := item.commodity_code)
        and (HSCode.shape_problem(code) is not None or (edition is not None and code[:6] not in edition.subheadings))
    ]


def _has_words(text: str) -> bool:
    """Whether there is a letter, and more than one letter or sign three times or more or a mere file extension."""
    plain = "".join(text.split())
    return any(map(str.isalpha, plain)) and not _ONE_LETTER.fullmatch(plain) and not _EXTENSION.fullmatch(plain)


def _texts(declaration: Declaration) -> Iterator[tuple[str, str]]:
    yield from _party("consignor", declaration.consignor)
    yield from _party("consignee", declaration.consignee)
    for place, item in enumerate(declaration.goods_items, 1):
        yield f"goods_items[{place}].description", item.description


def _party(name: str, party: Party | None) -> Iterator[tuple[str, str]]:
    if party is not None:
        yield f"{name}.name", party.name
        if party.address is not None:
            yield f"{name}.address.line", party.address.line
