"""The scenario suite: reading the workbook, ordering the messages, comparing the notices.

The folder is made here; the published one is run where it is present.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from openpyxl import Workbook

from tidewaiter.cli.conformance import scenarios
from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.scenarios import SHEET, Scenario, information, scenario_cases
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Amendment,
    AmendmentPointer,
    Authorisation,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    GoodsLocation,
    MessageFunction,
    Party,
)
from tidewaiter.model.money import Money

HEADER = [
    "Annotated Sample Reference",
    "Declaration Type",
    "Data Set Category",
    "Scenario Title",
    "Scenario Description",
    "Additional Messages",
    "Notification Messages",
]


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


PARCEL = Declaration(
    function_code="9",
    functional_reference_id="REF-1",
    type_code="IMA",
    goods_item_count=1,
    declarant=Party(party_id="XI123456789000"),
    importer=Party(party_id="XI123456789000"),
    exporter=Party(name="A Shop", address=Address(line="1 Road", city="Oslo", country_code="NO", postcode="0150")),
    consignment=Consignment(goods_location=GoodsLocation(type_code="A", name="BELBFSBEL")),
    goods_items=(
        GoodsItem(
            line_no=1,
            description="Cotton socks, three pairs",
            commodity_code="611595",
            gross_mass_kg=Decimal("0.2"),
            customs_value=gbp("20"),
            procedure_code="40",
            previous_procedure_code="00",
            additional_procedure_codes=("1H7", "C07"),
            additional_information=(AdditionalInformation(statement_code="NIIMP"),),
        ),
    ),
)
FULL = replace(
    PARCEL,
    authorisations=(Authorisation(holder_id="XI123456789000", category_code="DPO"),),
    goods_items=(
        replace(
            PARCEL.goods_items[0],
            customs_value=None,
            invoice_price=gbp("20"),
            origin_country_code="NO",
            additional_procedure_codes=("C07", "F48"),
            net_mass_kg=Decimal("0.1"),
        ),
    ),
    fiscal_references=(Party(party_id="IM2080000017", role_code="FR5"),),
)
AMENDMENT = Declaration(
    function=MessageFunction.AMENDMENT,
    function_code="13",
    type_code="COR",
    functional_reference_id="REF-2",
    registered_id="25GB000000000000A1",
    amendments=(
        Amendment(reason_code="21", pointers=(AmendmentPointer("42A", "", 1), AmendmentPointer("68A", "108", 1))),
    ),
    goods_items=(GoodsItem(line_no=1, customs_value=gbp("30")),),
)
PRESENTATION = Declaration(
    function=MessageFunction.PRESENTATION,
    function_code="13",
    type_code="GPR",
    functional_reference_id="REF-3",
    registered_id="25GB000000000000A1",
)


def samples_of(folder: Path, row: list[str], messages: dict[str, Declaration | bytes]) -> Path:
    """A folder laid out as the published one is: a workbook, and the messages of one scenario."""
    base = folder / "wco-dm-hmrc-cds"
    for name, message in messages.items():
        path = base / "examples" / row[0].split()[-1] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(message if isinstance(message, bytes) else WcoDmForm().write([message]))
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    sheet.append(HEADER)
    sheet.append(row)
    book.save(base / "Scenarios.xlsx")
    return folder


def typed(declaration: Declaration, letter: str) -> Declaration:
    return replace(declaration, type_code=f"IM{letter}")


@pytest.mark.parametrize(
    ("declaration", "listed", "follow_ups", "notices"),
    [
        (typed(PARCEL, "A"), "", {}, "DMSACC\nDMSCLE"),
        (typed(PARCEL, "A"), "UKCIRM VMR", {}, "Trader Notifications:\nDMSACC\nDMSCLE\n\nCSP Notifications:\nIVL DSN"),
        (typed(PARCEL, "D"), "GPN", {}, "DMSRCV(1)\nDMSRCV(2)\nDMSACC\nDMSCLE"),
        (typed(PARCEL, "D"), "GPN", {"Step2_GPN.xml": PRESENTATION}, "DMSRCV,\nDMSRCV,\nDMSACC,\nDMSCLE"),
        (
            typed(PARCEL, "D"),
            "Amendment\nGPN",
            {"Step3_GPN.xml": PRESENTATION, "Step2_Amendment.xml": AMENDMENT},
            "DMSRCV(1)\nDMSRCV(2)\nDMSACC\nDMSRES\nDMSCLE",
        ),
        (typed(FULL, "Y"), "", {}, "DMSACC = Function Code 01\nDMSTAX = Function Code 13\nDSMTAX\nDMSCLE"),
        (typed(FULL, "B"), "", {}, "DMSACC, DMSTAX, DMSTAX, DMSCLE"),
        (typed(FULL, "D"), "GPN", {}, "DMSRCV, DMSTAX, DMSRCV, DMSACC, DMSTAX, DMSTAX, DMSCLE"),
    ],
)
def test_a_low_value_scenario_gives_its_notices(
    tmp_path: Path, declaration: Declaration, listed: str, follow_ups: dict[str, Declaration], notices: str
) -> None:
    row = ["Updated TT_X1", "A", "H7", "Low value goods", "", listed, notices]
    (case,) = scenario_cases(samples_of(tmp_path, row, {"TT_X1.xml": declaration, **follow_ups}))
    assert case.passed, case.reason
    assert case.name == "scenario Updated TT_X1"


def test_a_wrong_sequence_says_what_was_named_and_what_was_given(tmp_path: Path) -> None:
    row = ["TT_X2", "A", "H7", "SRDS", "", "", "DMSACC\nDMSCTL"]
    (case,) = scenario_cases(samples_of(tmp_path, row, {"a.xml": PARCEL}))
    assert case == Case("scenario TT_X2", passed=False, reason="named DMSACC DMSCTL; given DMSACC DMSCLE")


def test_a_rejection_gives_its_reason(tmp_path: Path) -> None:
    broken = replace(PARCEL, goods_items=(replace(PARCEL.goods_items[0], customs_value=gbp("-1")),))
    row = ["TT_X3", "A", "H7", "SRDS", "", "", "DMSACC\nDMSCLE"]
    (case,) = scenario_cases(samples_of(tmp_path, row, {"a.xml": broken}))
    assert not case.passed
    assert "given DMSREJ (amount.negative" in case.reason


def test_what_is_no_message_of_the_sender_is_left_out(tmp_path: Path) -> None:
    notice = b"<MetaData><Response><FunctionCode>01</FunctionCode><Declaration><ID>1</ID></Declaration></Response></MetaData>"
    others: dict[str, Declaration | bytes] = {
        "Example_Notifications/01_DMSACC.xml": notice,
        "02_DMSCLE.xml": notice,
        "Movement_Messages/arrival.xml": b"<arrival><entryNumber>1</entryNumber></arrival>",
        "broken.xml": b"<MetaData><Declaration>",
        "notes.txt": b"steps",
        "TT_X4.XML": PARCEL,
    }
    row = ["TT_X4", "A", "", "Bulk Import Reduced Data Set", "", "", "DMSACC\nDMSCLE"]
    (case,) = scenario_cases(samples_of(tmp_path, row, others))
    assert case.passed, case.reason


@pytest.mark.parametrize(
    ("title", "description", "dataset", "is_low_value"),
    [
        ("Imports using SRDS", "", "", True),
        ("", "for low value items", "", True),
        ("", "", "H7", True),
        ("where IOSS (Import One Stop Shop) is claimed", "", "H1", True),
        ("Bulk Import Reduced Data Set (BIRDS)", "", "C21i", True),
        ("Value per kilo too low", "A declaration of bird seed", "H1", False),
        ("BIRDSONG", "", "H71", False),
    ],
)
def test_low_value_is_what_the_scenario_says_it_is(
    *, title: str, description: str, dataset: str, is_low_value: bool
) -> None:
    row = Scenario(
        reference="TT_1",
        type_letter="A",
        dataset=dataset,
        title=title,
        description=description,
        messages="",
        notices="",
    )
    assert row.is_low_value is is_low_value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CSP: EMR(1), EMR(2),\nTrader: DMSACC, DMSRCV", ("DMSACC", "DMSRCV")),
        ("DMSACC\nDMSTAX(1)\n\nCSP Notification:\nDMSXYZ", ("DMSACC", "DMSTAX")),
        ("DSMRCV/ DMSACC", ("DMSRCV", "DMSACC")),
        ("DMSROG – Function Code 8 ", ("DMSROG",)),
        ("", ()),
    ],
)
def test_only_the_trader_notices_count(text: str, expected: tuple[str, ...]) -> None:
    row = Scenario(reference="T", type_letter="", dataset="", title="", description="", messages="", notices=text)
    assert row.expected == expected


def test_a_folder_without_scenarios_gives_no_cases(tmp_path: Path) -> None:
    assert list(scenario_cases(tmp_path)) == []
    assert information(tmp_path) == ["other import scenarios, for information: 0; export scenarios, not run: 0"]


def test_scenarios_of_other_kinds_are_information(tmp_path: Path) -> None:
    row = ["TT_X5", "A", "H1", "Standard declaration", "", "", "DMSACC\nDMSTAX\nDMSTAX\nDMSCLE"]
    folder = samples_of(
        tmp_path, row, {"a.xml": replace(FULL, documents=(Document(type_code="N740", document_id="1"),))}
    )
    assert list(scenario_cases(folder)) == []
    assert information(folder)[1:] == ["  1 as named"]


def test_published_low_value_scenarios(samples: Path) -> None:
    cases = list(scenario_cases(samples))
    assert len(cases) >= 7
    assert [case for case in cases if not case.passed] == []


def test_nothing_is_known_of_any_scenario() -> None:
    assert "TT_IM" not in Path(scenarios.__file__).read_text()
