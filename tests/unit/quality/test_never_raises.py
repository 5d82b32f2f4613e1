"""Whatever is declared, quality answers with findings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.model.declaration import (
    AdditionalInformation,
    Address,
    Amendment,
    Consignment,
    Declaration,
    Document,
    GoodsItem,
    GoodsLocation,
    MessageFunction,
    Packaging,
    Party,
)
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.quality import check
from tidewaiter.quality.codelists import code_list
from unit.quality.declared import Dataset, Law

TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\x00", "\u202e", "DK", "ZZ", "DKK", "C07", "C08", "F48", "FR5", "IM1", "DK09999981", "99"]
    ),
)
NUMBER = st.one_of(st.none(), st.decimals(), st.sampled_from(list(map(Decimal, ["1E+999999", "-0", "sNaN", "0.5"]))))
COUNT = st.one_of(st.none(), st.integers(), st.just(10**5000))
MONEY = st.one_of(st.none(), st.builds(Money, st.decimals(), TEXT))
MOMENT = st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)), st.just(datetime.max.replace(tzinfo=UTC)))
DAY = st.one_of(st.none(), st.dates())
ADDRESS = st.one_of(st.none(), st.builds(Address, line=TEXT, city=TEXT, country_code=TEXT))
PARTY = st.builds(Party, party_id=TEXT, name=TEXT, address=ADDRESS, contact_name=TEXT, status_code=TEXT, role_code=TEXT)
MAYBE = st.one_of(st.none(), PARTY)
DOCUMENTS = st.lists(st.builds(Document, type_code=TEXT, document_id=TEXT), max_size=2).map(tuple)
STATEMENTS = st.lists(st.builds(AdditionalInformation, statement_code=TEXT), max_size=2).map(tuple)
ITEM = st.builds(
    GoodsItem,
    line_no=st.integers(-1, 3),
    description=TEXT,
    commodity_code=TEXT,
    origin_country_code=TEXT,
    quantity=NUMBER,
    gross_mass_kg=NUMBER,
    net_mass_kg=NUMBER,
    invoice_price=MONEY,
    freight=MONEY,
    procedure_code=TEXT,
    previous_procedure_code=TEXT,
    additional_procedure_codes=st.lists(TEXT, max_size=2).map(tuple),
    packagings=st.lists(st.builds(Packaging, count=COUNT), max_size=2).map(tuple),
    documents=DOCUMENTS,
    transport_documents=DOCUMENTS,
    previous_documents=DOCUMENTS,
    additional_information=STATEMENTS,
    fiscal_references=st.lists(PARTY, max_size=2).map(tuple),
    consignor=MAYBE,
    gtin=TEXT,
)
LOCATION = st.builds(GoodsLocation, type_code=TEXT, qualifier_code=TEXT, location_id=TEXT, address=ADDRESS)
CONSIGNMENT = st.builds(
    Consignment,
    transport_documents=DOCUMENTS,
    master_document_id=TEXT,
    ucr=TEXT,
    gross_mass_kg=NUMBER,
    package_count=COUNT,
    export_country_code=TEXT,
    goods_location=st.one_of(st.none(), LOCATION),
    arrival_on=DAY,
    posted_on=DAY,
)
DECLARATION = st.builds(
    Declaration,
    function=st.sampled_from(MessageFunction),
    registered_id=TEXT,
    type_code=TEXT,
    procedure_category=st.sampled_from(["", "H7"]),
    issued_at=MOMENT,
    acceptance_at=MOMENT,
    goods_item_count=COUNT,
    invoice_amount=MONEY,
    freight=MONEY,
    discount=MONEY,
    declarant=MAYBE,
    representative=MAYBE,
    consignor=MAYBE,
    consignee=MAYBE,
    importer=MAYBE,
    fiscal_references=st.lists(PARTY, max_size=2).map(tuple),
    consignment=CONSIGNMENT,
    additional_information=STATEMENTS,
    goods_items=st.lists(ITEM, max_size=3).map(tuple),
    amendments=st.lists(st.builds(Amendment, reason_code=TEXT, reason=TEXT), max_size=1).map(tuple),
)
REQUIRED = (
    "declarant.party_id",
    "goods_items[].commodity_code",
    "consignor|exporter",
    "goods_items[].documents[].name",
)


@given(DECLARATION, st.sampled_from([date.min, date(2026, 6, 15), date.max]), st.sampled_from(["DK", "GB"]))
@settings(max_examples=40, deadline=None)
def test_any_declaration_gets_findings_and_no_exception(declaration: Declaration, day: date, jurisdiction: str) -> None:
    law = Law(jurisdiction_code=jurisdiction, legal_day=day, dataset=Dataset(required=REQUIRED))
    findings = check(declaration, regime=law)
    assert all(isinstance(finding, Finding) and finding.words and finding.pointer for finding in findings)
    assert all(len(finding.value) <= 200 for finding in findings)
    assert findings == check(declaration, regime=law)


def test_a_list_or_country_without_code_lists_is_told() -> None:
    with pytest.raises(LawDataError, match="no code list nothing"):
        code_list("DK", "nothing")
    with pytest.raises(LawDataError, match="no code lists are held for QQ"):
        code_list("QQ", "countries")
