"""Which dataset a declaration is of, and whether customs works out duty and tax on it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.money import Money
from tidewaiter.regimes import load_regime
from tidewaiter.regimes.reading import codes

ON = date(2026, 11, 22)


def declared(
    procedure: str = "", *additional: str, price: str = "20", currency: str = "GBP", **header: Any
) -> Declaration:
    item = GoodsItem(
        line_no=1,
        invoice_price=Money(Decimal(price), currency),
        procedure_code=procedure[:2],
        previous_procedure_code=procedure[2:],
        additional_procedure_codes=additional,
    )
    return Declaration(goods_items=(item,), **header)


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        (declared("4000", "1H7", "C07", type_code="IMA"), ("H7", False)),
        (declared("4000", "1H7", "C08", type_code="IMD"), ("H7", False)),
        (declared("0020", "21V", "15F", type_code="COJ"), ("BIRDS", True)),
        (declared("0020", type_code="IMJ"), ("C21i", True)),
        (declared("4000", type_code="IMK"), ("C21i", True)),
        (declared("4000", "C07", "F48", type_code="IMY"), ("H1", True)),
        (declared("4000", "C07", "F48", type_code="IMB"), ("I1", True)),
        (declared("4000", type_code="IMC"), ("I1", False)),
        (declared("4071", type_code="IMZ"), ("H1", True)),
        (declared("4071", "1EN", "1NR", "1RD", "1SP", type_code="IMZ"), ("H8", False)),
        (declared("0700", "1AG", "1EL", "F06", type_code="IMY"), ("H8", False)),
        (declared("7122", "B02", type_code="IMD"), ("H2", False)),
        (declared("5300", "D15", type_code="IMA"), ("H3", True)),
        (declared("5100", type_code="IMA"), ("H4", True)),
        (declared("4000", type_code="IMA"), ("H1", True)),
        (declared("1040", type_code="EXD"), ("B1", False)),
        (declared("1040", type_code="EXF"), ("C1", False)),
        (declared("0012", type_code="EXK"), ("C21e", False)),
        (declared("0090", type_code="IMQ"), ("FSD", False)),
        (declared(), ("BIRDS", True)),
        (declared(price="135.01"), ("H1", True)),
        (declared(price="180", currency="USD"), ("BIRDS", True)),
        (declared(price="190", currency="USD"), ("H1", True)),
        (declared(price="NaN"), ("H1", True)),
        (declared(price="1", currency="???"), ("H1", True)),
    ],
)
def test_datasets_of_the_united_kingdom(declaration: Declaration, expected: tuple[str, bool]) -> None:
    dataset = load_regime("GB", ON).dataset_of(declaration)
    assert (dataset.code, dataset.is_assessed) == expected


@pytest.mark.parametrize(
    ("declaration", "code"),
    [
        (declared(procedure_category="H7", currency="DKK"), "H7"),
        (declared("4000", procedure_category="H1", currency="DKK"), "H1"),
        (declared(currency="DKK", price="1150"), "H7"),
        (declared(currency="DKK", price="1150.01"), "H1"),
        (declared("4000", currency="DKK"), "H1"),
        (declared(procedure_category="I1"), "I1"),
    ],
)
def test_datasets_of_denmark(declaration: Declaration, code: str) -> None:
    for on in (ON, date(2026, 6, 30)):
        assert load_regime("DK", on).dataset_of(declaration).code == code


@pytest.mark.parametrize("code", codes())
def test_what_a_dataset_requires_exists(code: str) -> None:
    for dataset in load_regime(code, ON).law.datasets:
        for pointers in dataset.required:
            for pointer in pointers.split("|"):
                record: Any = Declaration
                for step in pointer.split("."):
                    name = step.removesuffix("[]")
                    assert name in record.__struct_fields__, pointer
                    record = GoodsItem if name == "goods_items" else _inner(record, name)


def _inner(record: Any, name: str) -> Any:
    from tidewaiter.model import declaration as words

    hint = str(record.__annotations__[name])
    inner = (words.Party, words.Consignment, words.TransportMeans, words.Address)
    return next((kind for kind in inner if kind.__name__ in hint), Declaration)


def test_low_value_scenarios_have_the_tax_notices_they_name(samples: Path) -> None:
    """Each low-value scenario of the annotated samples: tax notices come exactly where the workbook lists them."""
    import io

    import openpyxl

    from tidewaiter.messages.wco_dm.form import WcoDmForm

    folder = samples / "wco-dm-hmrc-cds"
    (workbook,) = folder.glob("*.xlsx")
    rows = openpyxl.load_workbook(workbook, read_only=True)["Annotated Scenario Descriptions"].iter_rows(
        values_only=True
    )
    named = {str(row[0]).strip(): str(row[9]) for row in rows if row[0] and "REJ" not in str(row[9])}
    form, regime, seen = WcoDmForm(), load_regime("GB", ON), 0
    for path in sorted((folder / "examples" / "annotated_XML_samples").glob("TT_IM*/*.xml")):
        if path.parent.name not in named:
            continue
        for record in form.split(io.BytesIO(path.read_bytes())):
            declaration = form.read(record.body).declaration
            wanted = {"C07", "C08", "1H7", "21V"}
            if declaration is None or not any(
                wanted & set(item.additional_procedure_codes) for item in declaration.goods_items
            ):
                continue
            seen += 1
            assert regime.dataset_of(declaration).is_assessed == ("TAX" in named[path.parent.name]), path.name
    assert seen
