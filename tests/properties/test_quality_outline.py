"""Rules by outline look at nothing else, and at each line by itself: what they said of one outline holds for all of it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import (
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
from tidewaiter.model.money import Money
from tidewaiter.quality import check, registry
from tidewaiter.quality.outline import AMOUNTS, LINE, LINE_AMOUNTS, PARTIES, WHOLE, Silent, outline
from tidewaiter.quality.registry import PER_LINE, Context, Rule
from tidewaiter.regimes import Regime, load_regime

ON = date(2026, 11, 20)
BY_OUTLINE = [rule for rule in registry.rules() if rule.by_outline]

_WHOLLY = (*WHOLE, *(f"{PER_LINE}{name}" for name in LINE))  # elements that stand in the outline with all they hold
_PARTY = ("party_id", "name", "address.country_code", "address.line", "address.city", "address.postcode")
_PARTLY = {
    "consignment.transport_documents[].type_code", "goods_items[].transport_documents[].type_code",
    "fiscal_references[].party_id", "fiscal_references[].role_code", "amendments[].pointers",
    "goods_items[].fiscal_references[].party_id", "goods_items[].fiscal_references[].role_code",
    "goods_items[].line_no", "goods_items[].hs_code", "goods_items[].quantity", "goods_items[].packagings[].count",
    *(f"{name}.currency" for name in AMOUNTS), *(f"{PER_LINE}{name}.currency" for name in LINE_AMOUNTS),
    *(f"{name}.{part}" for name in (*PARTIES, f"{PER_LINE}consignor", f"{PER_LINE}importer") for part in _PARTY),
}  # fmt: skip
OUTLINED = {*_WHOLLY, *_PARTLY}


class Reading:
    """A record that notes which of its elements are read."""

    def __init__(self, record: Struct, path: str, read: set[str]) -> None:
        self._record, self._path, self._read = record, path, read

    def __getattr__(self, name: str) -> Any:
        path, value = f"{self._path}{name}", getattr(self._record, name)
        if isinstance(value, tuple) and any(isinstance(each, Struct) for each in value):
            return tuple(Reading(each, f"{path}[].", self._read) for each in value)
        if isinstance(value, Struct):
            return Reading(value, f"{path}.", self._read)
        if value is not None and value != ():
            self._read.add(path)
        return value


def is_in_outline(path: str) -> bool:
    return path in _PARTLY or any(path == name or path.startswith((f"{name}.", f"{name}[]")) for name in _WHOLLY)


CODES = st.sampled_from(["", "610910", "6109100010", "220421", "990000", "123", "61091X", "3303001000"])
COUNTRIES = st.sampled_from(["", "DK", "DE", "CN", "RS", "XX"])
NUMBERS = st.sampled_from(["", "DK09999981", "DK12345678", "DK12345674", "IM2460000013", "IM1", "GB123456789000", "?"])
TEXTS = st.sampled_from(["Lamp", "Cotton shirt"])
AMOUNTS_OF_MONEY = st.decimals("0.01", "5000", places=2)


def money() -> st.SearchStrategy[Any]:
    return st.none() | st.builds(Money, AMOUNTS_OF_MONEY, st.sampled_from(["EUR", "DKK", "XXX"]))


def party() -> st.SearchStrategy[Any]:
    address = st.none() | st.builds(
        Address, line=st.just("") | TEXTS, city=st.just("") | TEXTS, country_code=COUNTRIES, postcode=st.just("")
    )
    role = st.sampled_from(["", "FR5", "FR9"])
    return st.builds(Party, party_id=NUMBERS, name=st.just("") | TEXTS, address=address, role_code=role)


DOCUMENTS = st.lists(
    st.builds(Document, type_code=st.sampled_from(["N750", "N740", "Q1"]), document_id=TEXTS), max_size=1
)
ADDITIONAL = st.lists(st.sampled_from(["C07", "C08", "F48", "F49", "ZZZ"]), max_size=2).map(tuple)


def items(line_no: int) -> st.SearchStrategy[GoodsItem]:
    return st.builds(
        GoodsItem,
        line_no=st.just(line_no),
        description=TEXTS,
        commodity_code=CODES,
        origin_country_code=COUNTRIES,
        quantity=st.sampled_from([None, Decimal(3)]),
        gross_mass_kg=st.sampled_from([Decimal("0.2"), Decimal(3)]),
        invoice_price=money(),
        freight=money(),
        procedure_code=st.sampled_from(["", "40", "42"]),
        previous_procedure_code=st.sampled_from(["", "00", "71"]),
        additional_procedure_codes=ADDITIONAL,
        packagings=st.lists(st.builds(Packaging, count=st.sampled_from([None, 1, 60])), max_size=1).map(tuple),
        fiscal_references=st.lists(party(), max_size=1).map(tuple),
        transport_documents=DOCUMENTS.map(tuple),
        consignor=st.none() | party(),
        importer=st.none(),
    )


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    """Two lines and whatever rules by outline look at, mostly in order."""
    location = st.builds(
        GoodsLocation,
        type_code=st.sampled_from(["A", "B", "C", "Q"]),
        qualifier_code=st.sampled_from(["", "U", "V", "Y", "Z"]),
        location_id=st.sampled_from(["", "DKCPH-0011", "DK005600"]),
    )
    line_nos = draw(st.sampled_from([(1, 2), (1, 1), (1, 3)]))
    return Declaration(
        function=draw(st.sampled_from([MessageFunction.ORIGINAL, MessageFunction.AMENDMENT])),
        type_code=draw(st.sampled_from(["IMA", "IMD", "COA", "Q"])),
        registered_id=draw(st.sampled_from(["", "", "26DK1"])),
        amendments=draw(st.sampled_from([(), (Amendment(reason="r"),)])),
        goods_item_count=draw(st.sampled_from([None, 2, 3])),
        consignment=Consignment(
            export_country_code=draw(COUNTRIES),
            destination_country_code=draw(COUNTRIES),
            transport_documents=tuple(draw(DOCUMENTS)),
            goods_location=draw(st.none() | location),
            arrival_on=draw(st.sampled_from([None, ON, ON + timedelta(days=300)])),
        ),
        fiscal_references=tuple(draw(st.lists(party(), max_size=1))),
        goods_items=tuple(draw(items(number)) for number in line_nos),
        **{name: draw(st.none() | party()) for name in ("consignor", "importer", "exporter", "declarant")},
        **{name: draw(money()) for name in ("invoice_amount", "freight")},
    )


@pytest.fixture(scope="module")
def regime() -> Regime:
    return load_regime("DK", ON)


def sees(rule: Rule, declaration: Any, regime: Regime) -> bool:
    context = Context("DK", ON, regime.dataset_of(Declaration()), lambda money, _: money)
    return bool(rule.function(declaration, context))


@settings(max_examples=50, deadline=None)
@given(declarations())
def test_rules_by_outline_read_nothing_else(regime: Regime, declaration: Declaration) -> None:
    for rule in BY_OUTLINE:
        read: set[str] = set()
        sees(rule, Reading(declaration, "", read), regime)
        assert [path for path in sorted(read) if not is_in_outline(path)] == [], rule.rule_id


@pytest.mark.parametrize("rule", BY_OUTLINE, ids=[rule.rule_id for rule in BY_OUTLINE])
def test_whether_it_is_asked_is_told_by_the_outline_too(rule: Rule) -> None:
    assert rule.odd is None
    ways = ("", ".currency", ".name", "[].party_id")
    assert [name for name in rule.about if not any(f"{name}{way}" in OUTLINED for way in ways)] == []


@settings(max_examples=50, deadline=None)
@given(declarations())
def test_what_the_outline_leaves_out_makes_no_difference(regime: Regime, one: Declaration) -> None:
    other = reworded(one)
    assert outline(other) == outline(one)
    assert [sees(rule, other, regime) for rule in BY_OUTLINE] == [sees(rule, one, regime) for rule in BY_OUTLINE]


def reworded(declaration: Declaration) -> Declaration:
    """The same outline with other names, words, amounts and masses."""

    def renamed(party: Party | None) -> Party | None:
        if party is None:
            return None
        address = party.address and replace(party.address, line=party.address.line and "Elsewhere 7")
        return replace(party, name=party.name and "Somebody Else", address=address)

    changed: dict[str, Any] = {name: renamed(getattr(declaration, name)) for name in PARTIES}
    for name in AMOUNTS:
        if (amount := getattr(declaration, name)) is not None:
            changed[name] = replace(amount, amount=amount.amount + 7)
    lines = tuple(
        replace(
            item,
            description="Vase",
            gross_mass_kg=Decimal(9),
            quantity=item.quantity and Decimal(8),
            invoice_price=item.invoice_price and replace(item.invoice_price, amount=Decimal(44)),
        )
        for item in declaration.goods_items
    )
    return replace(declaration, goods_items=lines, **changed)


@settings(max_examples=50, deadline=None)
@given(declarations(), declarations())
def test_what_it_says_of_a_line_does_not_depend_on_the_others(
    regime: Regime, one: Declaration, other: Declaration
) -> None:
    numbers = [item.line_no for item in one.goods_items]
    lines = tuple(replace(item, line_no=no) for item, no in zip(other.goods_items, numbers, strict=True))
    mixed = replace(one, goods_items=(one.goods_items[0], lines[1]))
    silent = [
        rule
        for rule in BY_OUTLINE
        if not sees(rule, one, regime) and not sees(rule, replace(one, goods_items=lines), regime)
    ]
    assert silent
    assert [rule.rule_id for rule in silent if sees(rule, mixed, regime)] == []


@settings(max_examples=20, deadline=None)
@given(st.lists(declarations(), min_size=2, max_size=4))
def test_remembering_loses_no_finding(regime: Regime, several: list[Declaration]) -> None:
    several = [replace(each, procedure_category="H7") for each in several]
    assume(len({outline(each) for each in several}) > 1)
    fresh = []
    for each in several:
        registry._applicable.cache_clear()
        fresh.append(check(each, regime=regime))
    registry._applicable.cache_clear()
    assert [check(each, regime=regime) for each in several * 2] == fresh * 2


def test_what_is_remembered_stays_small() -> None:
    silent = Silent()
    first = outline(Declaration(type_code="A", goods_items=(GoodsItem(line_no=1),)))
    silent.add(first)
    assert first in silent
    long = outline(Declaration(type_code="A" * 30_000))
    silent.add(long)
    assert long not in silent
    for number in range(300):
        silent.add(outline(Declaration(type_code=f"{number:0>10000}")))
    assert first not in silent  # it began anew on the way


def test_datasets_that_no_rule_asks_for_share_one_set_of_rules() -> None:
    assert registry.applicable("DK", ON, "Q7") is registry.applicable("DK", ON, "")
    assert registry.applicable("DK", ON, "H7") is not registry.applicable("DK", ON, "")


def test_a_clean_parcel_does_not_vouch_for_the_numbers_of_the_next(regime: Regime) -> None:
    clean = msgspec.json.decode(
        b'{"function":"original","procedure_category":"H7","jurisdiction_code":"DK","goods_items":[{"line_no":1,'
        b'"description":"Cotton shirt","commodity_code":"610910","gross_mass_kg":"0.2","net_mass_kg":"0.1"}]}',
        type=Declaration,
    )
    heavy = replace(clean, goods_items=(replace(clean.goods_items[0], gross_mass_kg=Decimal(120)),))
    unknown = replace(clean, goods_items=(replace(clean.goods_items[0], commodity_code="000000"),))
    assert outline(heavy) == outline(clean) != outline(unknown)
    before = {finding.rule_id for finding in check(clean, regime=regime)}
    assert {finding.rule_id for finding in check(heavy, regime=regime)} - before == {"DK1020"}
    assert "DK11047" in {finding.rule_id for finding in check(unknown, regime=regime)} - before
