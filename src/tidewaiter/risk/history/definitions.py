"""History features by name: what is counted, of whom, over how many days. Data, under data/risk/features.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import LawDataError
from tidewaiter.risk import packaged

DAYS_MAX: Final = 30
PLACE: Final = "risk/features.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]{2,59}")


class Key(StrEnum):
    """By what parcels are put together."""

    HOUSEHOLD = "household"
    PHONE = "phone"
    CONSIGNOR = "consignor"


class Aggregate(StrEnum):
    """What is worked out of them."""

    PARCELS = "parcels"
    VALUE = "value"  # the sum of what they are worth, in the regime's currency
    CONSIGNORS = "consignors"  # different ones
    PERSONS = "persons"
    HOUSEHOLDS = "households"
    KNOWN_DAYS = "known_days"  # days since the first of them; missing where there is none


class Same(StrEnum):
    """What must be the same beside the key."""

    CONSIGNOR = "consignor"
    PERSON = "person"


OF_HOT_KEYS: Final = frozenset((Aggregate.PARCELS, Aggregate.VALUE, Aggregate.KNOWN_DAYS))  # told from sums by day


class Definition(Struct, frozen=True, kw_only=True):
    """One feature. `days` counts days by UTC, that of the parcel itself the last."""

    name: str
    version: int
    words: str
    key: Key
    days: int
    aggregate: Aggregate
    same: Same | None = None

    def number(self, found: int) -> Decimal:
        """The feature from what an executor worked out: a count, days, or cents of a worth."""
        return Decimal(int(found)).scaleb(-2) if self.aggregate is Aggregate.VALUE else Decimal(int(found))


class _Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    words: str
    key: Key
    days: int
    aggregate: Aggregate
    same: Same | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    features: dict[str, _Definition]


@cache
def definitions() -> Mapping[str, Definition]:
    """The features that ship with the package, by name."""
    return read_definitions(_content(), PLACE)


@cache
def counted() -> tuple[Definition, ...]:
    """The same in the order in which they are counted: key by key."""
    every = definitions().values()
    return tuple(each for key in Key for each in every if each.key is key)


def numbers_of(counts: Sequence[int | None]) -> dict[str, Decimal]:
    """Features by name from what was `counted`, in that order; what is not known is left out."""
    return {
        name: Decimal(count).scaleb(-2) if is_value else Decimal(count)
        for (name, is_value), count in zip(_counted(), counts, strict=True)
        if count is not None
    }


@cache
def _counted() -> tuple[tuple[str, bool], ...]:
    return tuple((each.name, each.aggregate is Aggregate.VALUE) for each in counted())


def read_definitions(content: bytes, place: str) -> Mapping[str, Definition]:
    """The features of a file. Raises LawDataError naming the place for what cannot be worked out."""
    file = packaged.read_yaml(content, place, _File)
    return {name: _checked(name, each, place) for name, each in sorted(file.features.items())}


def _checked(name: str, raw: _Definition, place: str) -> Definition:
    wrong = ""
    if not _NAME.fullmatch(name):
        wrong = "its name must be of small letters, digits and _"
    elif not 1 <= raw.days <= DAYS_MAX:
        wrong = f"it looks back over {raw.days} days; 1 to {DAYS_MAX} are kept at hand"
    elif raw.version < 1 or not raw.words.strip():
        wrong = "it needs a version from 1 and words that an officer reads"
    elif raw.key is Key.CONSIGNOR and (raw.aggregate not in OF_HOT_KEYS or raw.same is not None):
        wrong = "of a sender only parcels, value and known_days are kept, as one may have very many"
    if wrong:
        raise LawDataError(f"{place}: {name}: {wrong}", hint="see the features beside it")
    return Definition(
        name=name,
        version=raw.version,
        words=raw.words,
        key=raw.key,
        days=raw.days,
        aggregate=raw.aggregate,
        same=raw.same,
    )


def _content() -> bytes:
    return packaged.folder("risk", "features.yaml").read_bytes()
