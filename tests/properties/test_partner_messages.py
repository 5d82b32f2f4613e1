"""Postal, marketplace and EDIFACT messages: written and read back the same; mutated ones end in findings, in bounded time."""

from __future__ import annotations

import io
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.test_messages_own_roundtrip import DECLARATIONS
from tidewaiter.cli.bench.fuzzing.mutating import Mutator
from tidewaiter.messages import forms
from tidewaiter.messages.form import Form
from tidewaiter.messages.marketplace import MarketplaceForm
from tidewaiter.messages.named_form import NamedForm
from tidewaiter.messages.postal import PostalForm
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError

SETTINGS = settings(max_examples=40, deadline=None)
MUTANTS = 1_000
SECONDS_MAX = 1.0

POSTAL = b"""{"item_id":"RR123456785DK","category_of_item":"gift","destination_country_code":"GB",
"sender":{"name":"A","address":{"line":"x 1","city":"C","country_code":"DK"}},"gross_mass_kg":0.5,
"contents":[{"description":"wool socks","hs_code":"611594","value":{"amount":12.50,"currency":"EUR"},"colour":"red"}]}
{"item_id":"RR1","contents":[{"hs_code":5}],"consignment":{"transport_documents":[{"document_id":"Y"}]}}
"""
TABLE = b"""item_id;category_of_item;sender.name;contents.description;contents.hs_code;contents.value.amount;contents.value.currency
RR123456785DK;gift;A;socks;611594;12;EUR
RR123456785DK;;;hat;650500;12,5;EUR
RR123456799DK;documents;B;;;;
"""
ORDER = b"""[{"message":"order","order_id":"O-1","ioss_id":"IM1","marketplace":{"party_id":"M"},"total":{"amount":"4","currency":"EUR"},
"lines":[{"sku":"S","title":"socks","price":{"amount":"4","currency":"EUR"},"attributes":{"a":[1,{"b":null}]}}]},
{"message":"payment","order_id":"O-1","payment_id":"P","paid":{"amount":"4","currency":"EUR"}}]"""
INTERCHANGE = (
    b"UNA:+.? 'UNB+UNOC:3+A+B+260615:1000+42'UNH+1+CUSCAR:D:00A:UN'BGM+785+M1+9'DTM+137:202606151000:203'"
    b"TDT+20+BA811+4'CNI+1+RR123456785DK'NAD+CZ+++J\xf8rgen+Vej 1+Odense++5000+DK'COM+?+45:TE'MOA+39:20:EUR'"
    b"MEA+WT+G+KGM:0.5'GID+1+1:BX'FTX+AAA+++wool socks?+ hat'CST+1+61159400'MOA+38:12,50:EUR'LOC+27+DK'"
    b"CNI+2+RR2'GIS+1'UNT+18+1'UNZ+1+42'"
)


def readings(form: Form, message: bytes) -> int:
    """How many records were read; a message that cannot be followed ends them."""
    count = 0
    try:
        for record in form.split(io.BytesIO(message)):
            reading = form.read(record.body)
            count += 1
            if reading.declaration is not None:
                form.locate(reading.declaration, "goods_items[1].commodity_code")
    except MessageError:
        return count  # the records before that place have been read
    return count


@pytest.mark.parametrize(
    ("name", "source"),
    [("postal", POSTAL), ("postal", TABLE), ("marketplace", ORDER), ("edifact", INTERCHANGE)],
)
def test_no_mutation_ends_in_anything_but_findings(name: str, source: bytes) -> None:
    form = forms.by_name(name)
    assert readings(form, source) >= 2
    mutator = Mutator([source], random.Random(f"{name}{len(source)}"))
    slowest, read = 0.0, 0
    for _ in range(MUTANTS):
        message = mutator.message()
        started = time.process_time()
        form.recognises(message)
        read += readings(form, message)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < SECONDS_MAX
    assert read > MUTANTS


@pytest.mark.parametrize("form", [PostalForm(), MarketplaceForm()])
@SETTINGS
@given(declarations=st.lists(DECLARATIONS, min_size=1, max_size=2))
def test_whatever_a_declaration_holds_is_written_and_read_back(
    form: NamedForm, declarations: list[Declaration]
) -> None:
    wanted = [form.completed(declaration) for declaration in declarations]
    message = form.write(wanted)
    found = [form.read(record.body) for record in form.split(io.BytesIO(message))]
    # A marketplace's message of a kind that the law does not know is told to be one, and read all the same.
    told = [finding.pointer for reading in found for finding in reading.findings]
    assert set(told) <= ({"procedure_category"} if form.name == "marketplace" else set())
    assert [reading.declaration for reading in found] == wanted


@pytest.mark.parametrize("form", [PostalForm(), MarketplaceForm()])
@SETTINGS
@given(declaration=DECLARATIONS)
def test_what_goes_without_saying_is_said_once(form: NamedForm, declaration: Declaration) -> None:
    once = form.completed(declaration)
    assert form.completed(once) == once
