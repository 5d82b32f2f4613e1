"""What a measure does and what an action of a condition leads to, told from TARIC's codes by a table of facts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML

from tidewaiter.tariff.records import Direction, Kind, Measure


class Effect(StrEnum):
    """What an action of a condition leads to."""

    APPLY_DUTY = "apply_duty"
    REFUSE = "refuse"
    NOT_APPLICABLE = "not_applicable"
    ALLOW = "allow"
    REDUCE = "reduce"


class MeasureTypes(Struct, frozen=True, kw_only=True):
    """TARIC's measure types, series and actions."""

    kinds: dict[str, Kind]
    decisive_series: dict[str, Kind]
    series: dict[str, Kind]
    others: frozenset[str]
    titles: dict[str, str]
    export_types: frozenset[str]
    effects: dict[str, Effect]
    action_words: dict[str, str]
    waivers: tuple[str, ...]  # how codes of documents begin by which goods are not concerned


def kind_of(type_code: str, series: str = "") -> Kind:
    """What a measure of this type does. Some publishers reuse a type's number in another series: that then decides."""
    types = measure_types()
    return types.decisive_series.get(series) or types.kinds.get(type_code) or types.series.get(series) or Kind.OTHER


def is_known(type_code: str, series: str = "") -> bool:
    """Whether what a measure of this type does is told by the table, by its type or its series."""
    types = measure_types()
    return (
        type_code in types.kinds
        or series in types.decisive_series
        or type_code in types.others
        or series in types.series
    )


def direction_of(type_code: str, title: str = "") -> Direction:
    """Whether measures of this type are about export; told from the type's own title where it has one."""
    words = title.casefold()
    is_export = "export" in words and "import" not in words if words else type_code in measure_types().export_types
    return Direction.EXPORT if is_export else Direction.IMPORT


def title_of(measure: Measure) -> str:
    """The measure's type in words."""
    return measure_types().titles.get(measure.type_code) or measure.kind.value.replace("_", " ")


def type_text(type_code: str, kind: Kind) -> str:
    """Under what a tariff's texts hold the publisher's own title of a type; some reuse its number in another series."""
    return f"{kind.value} {type_code}"


def control_title(measure: Measure, texts: Mapping[str, str]) -> str:
    """What a prohibition or control is called: in the publisher's words, in ours, or by its number."""
    own = texts.get(type_text(measure.type_code, measure.kind))
    if own or measure.kind is Kind.PROHIBITION:
        return own or title_of(measure)
    return f"import control, measure type {measure.type_code}"


def effect_of(action_code: str) -> Effect | None:
    """What an action leads to; None for one that is not in the table."""
    return measure_types().effects.get(action_code)


def code_of_action(words: str) -> str:
    """TARIC's code of an action that is given in words; "" where the words are not in the table."""
    plain = " ".join(words.casefold().split())
    return next((code for text, code in measure_types().action_words.items() if plain.startswith(text)), "")


@cache
def measure_types() -> MeasureTypes:
    """The table as it ships."""
    table = shipped("measure-types.yaml")
    return MeasureTypes(
        kinds={code: Kind(kind) for kind, codes in table["types"].items() for code in codes},
        decisive_series={code: Kind(kind) for code, kind in table["decisive_series"].items()},
        series={code: Kind(kind) for code, kind in table["series"].items()},
        others=frozenset(table["others"]),
        titles=dict(table["titles"]),
        export_types=frozenset(table["export_types"]),
        effects={code: Effect(effect) for effect, codes in table["actions"].items() for code in codes},
        action_words=dict(table["action_words"]),
        waivers=tuple(table["waivers"]),
    )


@cache
def shipped(name: str) -> Any:
    """A table of facts under data/tariff."""
    file = resources.files("tidewaiter.data") / "tariff" / name
    return YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
