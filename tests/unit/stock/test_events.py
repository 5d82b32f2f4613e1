"""What events say of goods in a place."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tidewaiter.model.event import Action, Event, EventType, Quantity, Typed
from tidewaiter.model.event_words import STEP, VOCABULARY
from tidewaiter.model.money import Money
from tidewaiter.stock.events import GoodsMoved, Happening, entry_of, goods, goods_named, happening, names, places


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("https://id.gs1.org/01/09521321000018/10/LOT%2F7", ("09521321000018", "LOT/7")),
        ("https://shop.example/a/01/9521321000018/21/S-1", ("09521321000018", "")),
        ("https://id.gs1.org/01/70614141123451/10/998877?x=1", ("70614141123451", "998877")),
        ("urn:epc:class:lgtin:4012345.012345.998877", ("04012345123456", "998877")),  # GS1 TDS: GTIN 04012345123456
        ("urn:epc:id:sgtin:0614141.107346.2017", ("10614141073464", "")),  # the example of the EPC Tag Data Standard
        ("urn:epc:idpat:sgtin:0614141.107346.*", ("10614141073464", "")),
        (f"{VOCABULARY}ref/goods/TEE%20BLUE", ("TEE BLUE", "")),
        (f"{VOCABULARY}ref/goods/TEE/lot/L-1", ("TEE", "L-1")),
        (f"{VOCABULARY}ref/goods/", None),
        ("urn:epc:id:sscc:0614141.1234567890", None),
        (f"{VOCABULARY}ref/s10/RR123456785SE", None),
        ("", None),
    ],
)
def test_goods_are_known_by_class_item_or_our_own_name(uri: str, named: tuple[str, str] | None) -> None:
    assert goods_named(uri) == named


def event(**more: object) -> Event:
    plain = {
        "event_id": "urn:x:1", "type": EventType.OBJECT, "event_time": datetime(2026, 6, 1, tzinfo=UTC),
        "time_zone": "+00:00", "action": Action.OBSERVE,
    }  # fmt: skip
    return Event(**{**plain, **more})


def test_quantities_and_items_are_counted_together_and_what_cannot_be_counted_is_left_out() -> None:
    tee = f"{VOCABULARY}ref/goods/TEE"
    told = event(
        quantities=(
            Quantity(tee, Decimal(3)), Quantity(tee, Decimal(2)), Quantity(tee), Quantity("urn:x:9", Decimal(1)),
            Quantity(f"{tee}/lot/L-1", Decimal(4)),
        ),
        epcs=("urn:epc:id:sgtin:0614141.107346.1", "urn:epc:id:sgtin:0614141.107346.2", "urn:epc:id:sgtin:0614141.107346.2"),
    )  # fmt: skip
    assert goods(told) == (
        GoodsMoved("TEE", "", Decimal(5)), GoodsMoved("TEE", "L-1", Decimal(4)),
        GoodsMoved("10614141073464", "", Decimal(2)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "disposition", "what"),
    [
        (STEP["zone_entering"], "", Happening.ENTERING),
        ("receiving", "returned", Happening.RETURNING),
        ("shipping", "", Happening.LEAVING),
        (STEP["destroying"], "", Happening.DESTROYING),
        (STEP["losing"], "", Happening.LOSING),
        ("commissioning", "", None),
        ("", "", None),
    ],
)
def test_steps_are_what_happened(step: str, disposition: str, what: Happening | None) -> None:
    assert happening(event(biz_step=step, disposition=disposition)) is what


def test_names_are_those_of_business_and_of_what_is_no_goods() -> None:
    told = event(
        biz_transactions=(Typed("po", "https://shop.example/orders/Q%2D7"), Typed("inv", "urn:x:INV-1")),
        epcs=(f"{VOCABULARY}ref/s10/RR123456785SE", "urn:epc:id:sgtin:0614141.107346.1"),
        biz_location="urn:l:1", read_point="urn:l:1",
    )  # fmt: skip
    assert {"Q-7", "INV-1", "urn:x:INV-1", "RR123456785SE"} <= set(names(told))
    assert "1" not in names(told)
    assert places(told) == ("urn:l:1",)


def test_an_entry_is_told_by_master_data_or_not_at_all() -> None:
    words = {
        "commodity_code": "610910",
        "description": "T-shirts",
        "unit_value": "2.50",
        "currency": "AED",
        "origin": "CN",
    }
    moved = (GoodsMoved("TEE", "L-1", Decimal(4)),)
    entry = entry_of(event(ilmd={VOCABULARY + key: value for key, value in words.items()}), moved)
    assert entry is not None
    (line,) = entry.lines
    assert (line.value, line.lot_id, line.origin_country_code) == (Money(Decimal("10.00"), "AED"), "L-1", "CN")
    for missing in ("commodity_code", "description", "unit_value", "currency"):
        less = {VOCABULARY + key: value for key, value in words.items() if key != missing}
        assert entry_of(event(ilmd=less), moved) is None
    for wrong in ("-1", "1e9", "", "NaN", "1.1234567"):
        spoilt = {VOCABULARY + key: value for key, value in (words | {"unit_value": wrong}).items()}
        assert entry_of(event(ilmd=spoilt), moved) is None
    assert entry_of(event(ilmd={}), ()) is None
