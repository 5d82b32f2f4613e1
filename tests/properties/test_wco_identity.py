"""Reading what was written gives the declaration back, for whatever a form can carry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages.form import Form
from tidewaiter.messages.h7 import H7Form
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.model import declaration as model
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.money import Money

WCO, H7 = WcoDmForm(), H7Form()

# Whatever XML can hold, without blanks at the ends (they carry no meaning in a message) and never blank alone.
LETTERS = st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
TEXTS = st.text(LETTERS, min_size=1, max_size=20).map(str.strip).filter(bool)
CODES = st.text("ABCXYZ0123456789", min_size=1, max_size=6)
NUMBERS = st.decimals(min_value=-10, max_value=10**9, places=3, allow_nan=False, allow_infinity=False)
AMOUNTS = st.builds(Money, NUMBERS, st.sampled_from(["GBP", "EUR", "DKK"]))
COUNTS = st.integers(0, 99_999)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(lambda it: it.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


def some(record: type[Struct], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Records with at least one of these fields."""
    return st.fixed_dictionaries({}, optional=fields).filter(bool).map(lambda found: record(**found))


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=1, max_size=3).map(tuple)


ADDRESSES = some(model.Address, line=TEXTS, city=TEXTS, postcode=TEXTS, country_code=CODES)
WCO_ADDRESSES = some(model.Address, line=TEXTS, city=TEXTS, postcode=TEXTS, subdivision=TEXTS, country_code=CODES)
PARTIES = some(
    model.Party, party_id=CODES, name=TEXTS, address=WCO_ADDRESSES, phone=TEXTS, email=TEXTS, contact_name=TEXTS
)
H7_PARTIES = some(
    model.Party, party_id=CODES, name=TEXTS, address=ADDRESSES, phone=TEXTS, email=TEXTS, contact_name=TEXTS
)
AGENTS = some(model.Party, party_id=CODES, status_code=CODES, phone=TEXTS, contact_name=TEXTS)
FISCAL = some(model.Party, party_id=CODES, role_code=CODES)
TYPES = st.text("CNY0123456789", min_size=2, max_size=4)
DOCUMENTS = some(model.Document, type_code=TYPES, document_id=TEXTS, name=TEXTS, status_code=CODES)
PREVIOUS = some(model.Document, type_code=TYPES, document_id=TEXTS, line_no=CODES)
PLAIN_DOCUMENTS = some(model.Document, type_code=CODES, document_id=TEXTS)
STATEMENTS = some(model.AdditionalInformation, statement_code=CODES, statement=TEXTS)
PACKAGINGS = some(model.Packaging, type_code=CODES, count=COUNTS)
MARKED_PACKAGINGS = some(model.Packaging, type_code=CODES, count=COUNTS, marks=TEXTS)
MEANS = some(model.TransportMeans, mode_code=CODES, means_id=TEXTS, means_type_code=CODES)
LOCATIONS = some(
    model.GoodsLocation,
    type_code=CODES,
    qualifier_code=CODES,
    location_id=TEXTS,
    additional_id=TEXTS,
    address=WCO_ADDRESSES,
)
H7_LOCATIONS = some(
    model.GoodsLocation,
    type_code=CODES, qualifier_code=st.sampled_from("TUVWXYZ"), location_id=TEXTS, additional_id=TEXTS, address=ADDRESSES,
)  # fmt: skip
POINTERS = st.builds(model.AmendmentPointer, CODES, CODES, st.integers(1, 99))
AMENDMENTS = some(model.Amendment, reason_code=CODES, pointers=many(POINTERS))
DIGITS = st.text("0123456789", min_size=2, max_size=2)
PROCEDURES = {"procedure_code": DIGITS, "previous_procedure_code": DIGITS}
ADDITIONAL = many(st.from_regex(r"[A-Z0-9]{3}", fullmatch=True))
CODE = st.one_of(*(st.text("0123456789", min_size=size, max_size=size) for size in (6, 8, 10)))


def items(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    lines = st.lists(st.fixed_dictionaries(required, optional=optional), min_size=1, max_size=3)
    return lines.map(lambda found: tuple(model.GoodsItem(line_no=no, **fields) for no, fields in enumerate(found, 1)))


WCO_DECLARATIONS = some(
    Declaration,
    function_code=st.just("9"), functional_reference_id=TEXTS, registered_id=TEXTS, type_code=st.sampled_from(["IMA", "IMD"]),
    lodgement_office_id=TEXTS, supervising_office_id=TEXTS, issued_at=MOMENTS, acceptance_at=MOMENTS,
    goods_item_count=COUNTS, invoice_amount=AMOUNTS, invoice_id=TEXTS, freight=AMOUNTS, insurance=AMOUNTS, discount=AMOUNTS,
    transaction_nature_code=CODES, incoterm_code=CODES, submitter=PARTIES, declarant=PARTIES, representative=AGENTS,
    consignor=PARTIES, consignee=PARTIES, importer=PARTIES, exporter=PARTIES, seller=PARTIES, buyer=PARTIES, payer=PARTIES,
    fiscal_references=many(FISCAL), authorisations=many(some(model.Authorisation, holder_id=CODES, category_code=CODES)),
    guarantee_ids=many(CODES), documents=many(DOCUMENTS), previous_documents=many(PREVIOUS), amendments=many(AMENDMENTS),
    additional_information=many(STATEMENTS),
    consignment=some(
        model.Consignment,
        transport_documents=many(PLAIN_DOCUMENTS), ucr=TEXTS, border_transport=MEANS, arrival_transport=MEANS,
        container_code=CODES, gross_mass_kg=NUMBERS, package_count=COUNTS, export_country_code=CODES,
        destination_country_code=CODES, goods_location=LOCATIONS,
    ),
    goods_items=items({"procedure_code": DIGITS, "previous_procedure_code": DIGITS}, {
        "description": TEXTS, "commodity_code": CODE, "additional_codes": many(st.sampled_from(["VATZ", "X411", "2600"])),
        "origin_country_code": CODES, "preferential_origin_code": CODES, "quantity": NUMBERS, "gross_mass_kg": NUMBERS,
        "net_mass_kg": NUMBERS, "invoice_price": AMOUNTS, "customs_value": AMOUNTS, "statistical_value": AMOUNTS,
        "freight": AMOUNTS, "additional_procedure_codes": ADDITIONAL, "duty_regime_code": CODES, "valuation_method_code": CODES,
        "packagings": many(MARKED_PACKAGINGS), "documents": many(DOCUMENTS), "previous_documents": many(PREVIOUS),
        "transport_documents": many(PLAIN_DOCUMENTS), "additional_information": many(STATEMENTS),
        "fiscal_references": many(FISCAL), "consignor": PARTIES, "importer": PARTIES, "transaction_nature_code": CODES,
        "ucr": TEXTS, "undg_id": CODES, "sku": CODES, "gtin": CODES,
    }),
)  # fmt: skip

H7_DOCUMENTS = st.tuples(
    st.lists(st.builds(model.Document, type_code=st.just("N380"), document_id=TEXTS), max_size=2),
    st.lists(st.builds(model.Document, type_code=st.just("Y900"), document_id=TEXTS), max_size=2),
).map(lambda pair: tuple(pair[0] + pair[1]))

H7_DECLARATIONS = st.fixed_dictionaries(
    {"function_code": st.just("9"), "procedure_category": st.just("H7"), "lodgement_office_id": st.just("DK005600")},
    optional={
        "functional_reference_id": TEXTS, "type_code": st.sampled_from(["IMA", "IMD"]), "freight": AMOUNTS,
        "submitter": some(model.Party, party_id=CODES, name=TEXTS), "representative": AGENTS, "declarant": H7_PARTIES,
        "consignor": H7_PARTIES, "importer": H7_PARTIES, "fiscal_references": many(FISCAL), "documents": H7_DOCUMENTS,
        "previous_documents": many(some(model.Document, type_code=CODES, document_id=TEXTS, line_no=CODES)),
        "additional_information": many(STATEMENTS),
        "amendments": many(some(model.Amendment, reason_code=CODES, reason=TEXTS)),
        "consignment": some(
            model.Consignment,
            transport_documents=many(PLAIN_DOCUMENTS), ucr=TEXTS, gross_mass_kg=NUMBERS, goods_location=H7_LOCATIONS,
        ),
        "goods_items": items(PROCEDURES, {
            "description": TEXTS, "commodity_code": CODE, "quantity": NUMBERS, "gross_mass_kg": NUMBERS,
            "invoice_price": AMOUNTS, "freight": AMOUNTS, "additional_procedure_codes": ADDITIONAL,
            "packagings": many(PACKAGINGS), "documents": H7_DOCUMENTS, "transport_documents": many(PLAIN_DOCUMENTS),
            "additional_information": many(STATEMENTS), "consignor": H7_PARTIES, "ucr": TEXTS,
        }),
    },
).map(lambda fields: Declaration(**fields))  # fmt: skip


@pytest.mark.parametrize(
    ("form", "declarations"), [(WCO, WCO_DECLARATIONS), (H7, H7_DECLARATIONS)], ids=["wco-dm", "h7"]
)
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_what_is_written_reads_back_the_same(
    form: Form, declarations: st.SearchStrategy[Declaration], data: st.DataObject
) -> None:
    declaration = data.draw(declarations)
    reading = form.read(form.write([declaration]))
    assert reading.declaration is not None
    assert (reading.findings, reading.notes) == ((), ())
    # Whose customs it is for may be read off an office, an identifier or a country where it was not said.
    jurisdiction = declaration.jurisdiction_code or reading.declaration.jurisdiction_code
    assert reading.declaration == replace(declaration, jurisdiction_code=jurisdiction)
