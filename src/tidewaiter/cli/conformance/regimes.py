"""The suite `regimes`: worked amounts as YAML files, one source each, held against what the law data gives.

A file has title, publisher, address and the day it was read; `outside: false` marks amounts that were made from the
rules by ourselves. A case names jurisdiction, day and declaration, and expects only what its source says. What an
example itself takes as given (a rate of duty, an exchange rate, a list of goods) stands under `assume` and takes the
place of that part of the law.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from ruamel.yaml import YAML

from tidewaiter.assessment import assess
from tidewaiter.cli.conformance.case import Case
from tidewaiter.model.assessment import Assessment, Charge, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.standing import PersonalStanding
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.regime import EXCHANGE
from tidewaiter.regimes.report import Oracle

FOLDER = Path("tests", "published")  # in a checkout of the project


class Assumption(Struct, frozen=True, forbid_unknown_fields=True):
    """What an example takes as given."""

    rates: dict[str, str] = {}  # duty in % by commodity code
    exchange: dict[str, str] = {}  # units of the regime's currency for one unit of another
    goods: dict[str, str] = {}  # lists of goods by measure id: prefixes separated by blanks
    figures: dict[str, str] = {}  # figures by measure id
    no_gaps: bool = False  # goods that bear further charges are told apart from those the example speaks of
    used: dict[str, str] = {}  # counters of the person
    elections: dict[str, str] = {}  # alternatives elected


class Vector(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One worked amount."""

    name: str
    jurisdiction: str
    on: date
    declaration: Declaration
    expect: dict[str, Any]
    assume: Assumption = Assumption()


class VectorFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The worked amounts of one source."""

    title: str
    publisher: str
    address: str
    read_on: date
    cases: tuple[Vector, ...]
    about: str = ""
    outside: bool = True
    file: str = ""


def folder_of(samples: Path | None) -> Path:
    """Where the worked amounts are: `samples` itself or its `published` folder, else those of the checkout."""
    for folder in (samples, samples / "published" if samples else None, samples / FOLDER if samples else None, FOLDER):
        if folder is not None and folder.is_dir() and any(folder.glob("*.yaml")):
            return folder
    raise TidewaiterError(
        f"no worked amounts in {samples or FOLDER}", hint="name a folder of *.yaml files with --samples"
    )


def read(folder: Path) -> list[VectorFile]:
    """Every file of worked amounts under a folder, in order of name. Raises TidewaiterError naming file and key."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        try:
            vectors = msgspec.convert(_days_as_texts(data), VectorFile)
        except msgspec.ValidationError as error:
            raise TidewaiterError(f"{path.name}: {error}", hint="see the head of cli/conformance/regimes.py") from error
        found.append(replace(vectors, file=os.path.relpath(path, folder)))
    return found


def cases(folder: Path) -> Iterator[Case]:
    """Each worked amount, passed or with what came out instead."""
    for file in read(folder):
        for vector in file.cases:
            reason = problem(vector)
            name = f"{file.file}: {vector.name}"
            yield Case(name=name, passed=not reason, reason=reason)


def problem(vector: Vector) -> str:
    """What differs from the worked amount, in words; "" where nothing does."""
    try:
        assessment = assessed(vector)
    except TidewaiterError as error:
        return f"{type(error).__name__}: {error.detail}"
    seen = {key: READINGS[key](assessment) for key in vector.expect}
    expected = {key: _plain(value) for key, value in vector.expect.items()}
    differences = [f"{key} is {seen[key]}, expected {expected[key]}" for key in expected if seen[key] != expected[key]]
    if assessment.unresolved and "unresolved" not in expected and not expected.keys().isdisjoint(TOTALS):
        differences.append(f"unresolved: {'; '.join(assessment.unresolved)}")
    return "; ".join(differences)


def assessed(vector: Vector) -> Assessment:
    """The assessment of a worked example under the law of its day with what it takes as given."""
    regime = load_regime(vector.jurisdiction, vector.on)
    given = vector.assume
    used = {counter: Decimal(amount) for counter, amount in given.used.items()}
    return assess(vector.declaration, _with(regime, given), PersonalStanding(used=used, elections=given.elections))


def information(folder: Path) -> list[str]:
    """How many amounts come from outside and how many were made from the rules by ourselves, by jurisdiction."""
    outside, own = counted(folder)
    lines = [
        f"worked amounts from outside: {sum(outside.values())}; made from the rules by ourselves: {sum(own.values())}"
    ]
    lines += [f"{code}: {outside[code]} from outside, {own[code]} own" for code in sorted({*outside, *own})]
    return lines


def counted(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Worked examples that state an amount, by jurisdiction: from outside, and own."""
    outside, own = Counter[str](), Counter[str]()
    for file in read(folder):
        for vector in file.cases:
            if not vector.expect.keys() <= WITHOUT_AMOUNTS:
                (outside if file.outside else own)[vector.jurisdiction] += 1
    return outside, own


def oracles(folder: Path) -> dict[str, list[Oracle]]:
    """The sources of worked amounts of each jurisdiction, with how many each gives; those without amounts left out."""
    found: dict[str, list[Oracle]] = {}
    for file in read(folder):
        amounts = Counter(each.jurisdiction for each in file.cases if not each.expect.keys() <= WITHOUT_AMOUNTS)
        for code, count in sorted(amounts.items()):
            oracle = Oracle(file.title, file.publisher, file.address, count, file.outside)
            found.setdefault(code, []).append(oracle)
    return found


def _with(regime: Regime, given: Assumption) -> Regime:
    if given == Assumption():
        return regime
    law = regime.law
    tables = {name: table | given.rates for name, table in law.tables.items()}
    rates = {code: (Decimal(amount), Decimal(1)) for code, amount in given.exchange.items()}
    exchange = law.exchanges[EXCHANGE]
    figures = {name: replace(law.figures[name], value=Decimal(value)) for name, value in given.figures.items()}
    changed = replace(
        law,
        tables=tables,
        exchanges=law.exchanges | {EXCHANGE: replace(exchange, rates=exchange.rates | rates)},
        goods=law.goods | {name: tuple(prefixes.split()) for name, prefixes in given.goods.items()},
        figures=law.figures | figures,
        gaps={} if given.no_gaps else law.gaps,
    )
    return Regime.of(changed)


def _plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _days_as_texts(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _days_as_texts(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_days_as_texts(each) for each in data]
    return data.isoformat() if isinstance(data, date) else data


def _charged(assessment: Assessment, kind: str = "") -> list[Charge]:
    return [
        charge
        for charge in assessment.charges
        if charge.kind.startswith(kind) and charge.collection is not Collection.NONE
    ]


def _total(assessment: Assessment, kind: str) -> str:
    return str(sum((charge.result.amount for charge in _charged(assessment, kind)), Decimal(0)))


READINGS: dict[str, Callable[[Assessment], Any]] = {
    "scheme": lambda it: it.scheme,
    "due": lambda it: str(it.due.amount),
    "collected_at_sale": lambda it: str(it.collected_at_sale.amount),
    "intrinsic_value": lambda it: str(it.intrinsic_value.amount),
    "customs_value": lambda it: str(it.customs_value.amount),
    "duty": lambda it: _total(it, "duty"),
    "tax": lambda it: _total(it, "tax"),
    "fee": lambda it: _total(it, "fee"),
    "bases": lambda it: [str(charge.base.amount) for charge in _charged(it)],
    "amounts": lambda it: [str(charge.result.amount) for charge in _charged(it)],
    "duty_on_lines": lambda it: [str(charge.line_no) for charge in _charged(it, "duty")],
    "tax_on_lines": lambda it: [str(charge.line_no) for charge in _charged(it, "tax")],
    "duty_rates": lambda it: [charge.rate for charge in _charged(it, "duty")],
    "relieved": lambda it: [f"{c.kind} {c.line_no}" for c in it.charges if c.collection is Collection.NONE],
    "unresolved": lambda it: list(it.unresolved),
}
TOTALS = {"tax", "amounts"}  # what a source that states these leaves nothing out of
WITHOUT_AMOUNTS = {"scheme", "duty_on_lines", "tax_on_lines", "duty_rates", "relieved", "unresolved"}
