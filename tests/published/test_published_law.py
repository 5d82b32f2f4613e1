"""Worked examples published by others, one test each. An example is never edited to follow a change of code.

Each YAML file is one source with title, publisher, address and the day it was read.
`expect` states only what the source says; amounts are those of the source.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import load_regime

FOLDER = Path(__file__).parent


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        source = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        assert {"title", "publisher", "address", "read_on", "cases"} <= source.keys(), path.name
        found += [pytest.param(case, id=f"{path.stem}: {case['name']}") for case in source["cases"]]
    return found


@pytest.mark.parametrize("case", cases())
def test_published_example(case: dict[str, Any]) -> None:
    declaration = msgspec.convert(case["declaration"], Declaration)
    assessment = assess(declaration, load_regime(case["jurisdiction"], case["on"]))
    seen = {key: READINGS[key](assessment) for key in case["expect"]}
    assert seen == {key: plain(value) for key, value in case["expect"].items()}


def plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def charged(assessment: Assessment, kind: str) -> list[Any]:
    return [charge for charge in assessment.charges if charge.kind == kind and charge.collection is not Collection.NONE]


def total(assessment: Assessment, kind: str) -> str:
    return str(sum((charge.result.amount for charge in charged(assessment, kind)), Decimal(0)))


READINGS = {
    "scheme": lambda it: it.scheme,
    "due": lambda it: str(it.due.amount),
    "collected_at_sale": lambda it: str(it.collected_at_sale.amount),
    "intrinsic_value": lambda it: str(it.intrinsic_value.amount),
    "customs_value": lambda it: str(it.customs_value.amount),
    "duty": lambda it: total(it, "duty"),
    "tax": lambda it: total(it, "tax"),
    "duty_on_lines": lambda it: [str(charge.line_no) for charge in charged(it, "duty")],
    "tax_on_lines": lambda it: [str(charge.line_no) for charge in charged(it, "tax")],
    "duty_rates": lambda it: [charge.rate for charge in charged(it, "duty")],
    "relieved": lambda it: [f"{c.kind} {c.line_no}" for c in it.charges if c.collection is Collection.NONE],
}


def test_each_source_says_where_it_was_read() -> None:
    for path in FOLDER.glob("*.yaml"):
        source = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        assert isinstance(source["read_on"], date), path.name
        assert source["address"].startswith("https://"), path.name
