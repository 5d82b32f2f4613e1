"""The decisions of a period: sampled evenly where they are kept, and only those whose goods are still in hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, Party, TransportMeans
from tidewaiter.model.money import Money
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.allocating import Wanted, allocated
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.trying import Period

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = Period(DAY, DAY)
MESSAGES, PARCELS = 5, 8


@pytest.fixture
def intake(store: PostgresStore) -> Iterator[Intake]:
    with Intake(store, workers=1, clock=lambda: NOON) as opened:
        for message in range(MESSAGES):
            hand_in(opened, store, *(parcel(message * PARCELS + n) for n in range(PARCELS)))
        yield opened


def parcel(number: int) -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(200), "GBP"),
    )  # fmt: skip
    means = TransportMeans(mode_code="4", means_id=f"SK{number % 2}")
    return Declaration(
        functional_reference_id=f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller"), consignee=Party(name="A buyer"), lodgement_office_id="GB000060",
        consignment=Consignment(gross_mass_kg=Decimal(2), arrival_transport=means),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *parcels: Declaration) -> None:
    sender_id = store.senders.ensure("A courier").sender_id
    body = io.BytesIO(forms.by_name("json").write(parcels))
    intake.submit(body, sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


@pytest.mark.usefixtures("intake")
def test_a_sample_is_even_bounded_and_the_same_every_time(store: PostgresStore) -> None:
    whole = {block.block_id: block.places for block in store.periods.blocks(PERIOD)}
    assert [len(places) for places in whole.values()] == [PARCELS] * MESSAGES
    assert {each.block_id: each.places for each in store.periods.sample(PERIOD, 200, 20_000)} == whole
    for blocks, most in ((2, 6), (3, 24), (5, 7), (1, 1), (4, 2)):
        found = store.periods.sample(PERIOD, blocks, most)
        assert len(found) == blocks
        share = max(1, PARCELS * most // (PARCELS * blocks))
        assert [len(each.places) for each in found] == [share] * blocks
        assert all(set(each.places) <= set(whole[each.block_id]) for each in found)
        assert store.periods.sample(PERIOD, blocks, most) == found
    (first, *_), (last, *_) = store.periods.sample(PERIOD, 2, 6)[0].places, store.periods.sample(PERIOD, 1, 2)[0].places
    assert first == last == whole[min(whole)][0]
    assert [place[1] for place in store.periods.sample(PERIOD, 1, 4)[0].places] == [0, 2, 4, 6]
    assert store.periods.sample(Period(DAY, DAY, "DK"), 2, 6) == []
    assert store.periods.sample(Period(DAY + timedelta(1), DAY + timedelta(9)), 2, 6) == []


@pytest.mark.usefixtures("intake")
def test_what_is_out_of_customs_hands_is_left_out_where_it_is_kept(store: PostgresStore) -> None:
    with store._connections.lend() as connection:
        connection.execute("UPDATE declaration SET state = 'released' WHERE declaration_id %% 4 = 0", [])
    released = set(range(0, 1000, 4))
    for states, left in (({State.RELEASED}, released), ((), set[int]())):
        found = {number for block in store.periods.blocks(PERIOD, states) for number, _ in block.places}
        everything = {store.find(f"REF{n}") for n in range(MESSAGES * PARCELS)}
        assert found == everything - left


@pytest.mark.usefixtures("intake")
def test_a_flight_is_found_block_by_block(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    blocks = store.blocks

    def counted(after: int, limit: int) -> list[Block]:
        read.append(after)
        return blocks(after, limit)

    monkeypatch.setattr(store, "blocks", counted)
    monkeypatch.setattr(store, "kept", lambda *_: pytest.fail("a decision was read by itself"))
    found = allocated(store, Wanted(period=PERIOD, office_id="GB000060", flight="SK1", parcels=4))
    assert {each.declaration_id for each in found} == {store.find(f"REF{n}") for n in range(1, MESSAGES * PARCELS, 2)}
    assert len(read) == MESSAGES
    assert allocated(store, Wanted(period=PERIOD, office_id="GB000081", parcels=4)) == []
