"""How goods in a free zone or warehouse are declared, consumed and discharged: dated data, a file for each jurisdiction.

`data/stock/COMMON.yaml` is the frame; what a jurisdiction (or the union it is part of) says comes before it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.model.assessment import Citation
from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.regimes.library import lineage
from tidewaiter.stock.account import Consumption
from tidewaiter.stock.facts import OUTS, Kind

FRAME: Final = "COMMON"


class PlaceKind(StrEnum):
    """What kind of place goods are stored in."""

    FREE_ZONE = "free zone"
    WAREHOUSE = "warehouse"


class Flow(StrEnum):
    """What is declared of goods in a place."""

    INWARD = "inward"  # into the place, from abroad
    LOCAL = "local"  # out of it, to the market around
    ABROAD = "abroad"  # out of it, to the world
    SHORTAGE = "shortage"  # what is missing, for the debt on it


class Filing(StrEnum):
    """Whether a flow is declared to customs, or entered in the operator's records alone."""

    DECLARATION = "declaration"
    RECORD = "record"


class Debt(StrEnum):
    """What becomes of the duty that was suspended."""

    DUE = "due"
    NONE = "none"
    MOVES = "moves"


class _Source(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    address: str = ""
    read_on: date | None = None
    is_confirmed: bool = True


class Codes(Struct, frozen=True, forbid_unknown_fields=True):
    """How one flow is declared from a day on."""

    sources: tuple[str, ...]
    filing: Filing = Filing.DECLARATION
    procedure_category: str = ""
    type_code: str = ""
    procedure_code: str = ""
    previous_procedure_code: str = ""
    additional_procedure_codes: tuple[str, ...] = ()
    note: str = ""


class Discharge(Struct, frozen=True, forbid_unknown_fields=True):
    """What one way out does to the duty suspended, from a day on."""

    debt: Debt
    words: str
    sources: tuple[str, ...]
    note: str = ""


class _Order(Struct, frozen=True, forbid_unknown_fields=True):
    order: Consumption
    sources: tuple[str, ...]
    note: str = ""


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of law data on stock."""

    title: str
    sources: dict[str, _Source]
    note: str = ""
    consumption: dict[str, _Order] = {}
    flows: dict[PlaceKind, dict[Flow, dict[str, Codes]]] = {}
    discharge: dict[Kind, dict[str, Discharge]] = {}


class StockLaw(Struct, frozen=True):
    """What holds for one kind of place on one day. `citations` has the sources of each flow and each way out."""

    jurisdiction_code: str
    place_kind: PlaceKind
    on: date
    consumption: Consumption
    flows: dict[Flow, Codes]
    discharge: dict[Kind, Discharge]
    citations: dict[str, tuple[Citation, ...]]


def stock_law(jurisdiction_code: str, place_kind: PlaceKind, on: date) -> StockLaw:
    """The law of a place on a day. Raises NotInForceError where nothing is said for it, LawDataError."""
    pages = _pages(jurisdiction_code)
    orders, orders_page = _first(((page.consumption, page) for page in pages), on, "order of consumption")
    citations = {"consumption": _cited(orders_page, orders.sources)}
    flows: dict[Flow, Codes] = {}
    discharge: dict[Kind, Discharge] = {}
    for flow in Flow:
        dated = ((page.flows.get(place_kind, {}).get(flow, {}), page) for page in pages)
        flows[flow], page = _first(dated, on, f"way to declare {flow.value!r}")
        citations[flow.value] = _cited(page, flows[flow].sources)
    for kind in OUTS:
        ways = ((page.discharge.get(kind, {}), page) for page in pages)
        discharge[kind], page = _first(ways, on, f"rule for goods {kind.value}")
        citations[kind.value] = _cited(page, discharge[kind].sources)
    return StockLaw(jurisdiction_code, place_kind, on, orders.order, flows, discharge, citations)


T = TypeVar("T")


def _first(candidates: Iterable[tuple[Mapping[str, T], Page]], on: date, what: str) -> tuple[T, Page]:
    for dated, page in candidates:
        days = sorted(day for day in dated if date.fromisoformat(day) <= on)
        if days:
            return dated[days[-1]], page
    raise NotInForceError(f"no {what} is known for {on.isoformat()}", hint="data/stock has what is modelled")


def _cited(page: Page, names: tuple[str, ...]) -> tuple[Citation, ...]:
    found = (page.sources[name] for name in names)
    return tuple(Citation(each.title, each.address, each.read_on, each.is_confirmed) for each in found)


@cache
def _pages(jurisdiction_code: str) -> tuple[Page, ...]:
    """The files that speak of a jurisdiction, its own first, the frame last."""
    codes = [book.code for book in reversed(lineage(jurisdiction_code))]
    return tuple(page for page in map(page_of, dict.fromkeys((*codes, FRAME))) if page is not None)


@cache
def page_of(code: str) -> Page | None:
    """What a file says; None where there is none. Raises LawDataError."""
    file = resources.files("tidewaiter.data") / "stock" / f"{code}.yaml"
    if not file.is_file():
        return None
    place = f"stock/{code}.yaml"
    try:
        plain: Any = YAML(typ="safe", pure=True).load(io.StringIO(file.read_text("utf-8")))
        page = msgspec.convert(plain, type=Page, strict=True)
    except (YAMLError, msgspec.ValidationError) as error:
        raise LawDataError(f"{place}: {' '.join(str(error).split())}", place=place) from error
    named = [name for each in _rules(page) for name in each]
    if unknown := sorted(set(named) - page.sources.keys()):
        raise LawDataError(f"{place}: no source is called {', '.join(unknown)}", place=place)
    return page


def _rules(page: Page) -> Iterable[tuple[str, ...]]:
    yield from (each.sources for each in page.consumption.values())
    for flows in page.flows.values():
        yield from (codes.sources for dated in flows.values() for codes in dated.values())
    yield from (each.sources for dated in page.discharge.values() for each in dated.values())
