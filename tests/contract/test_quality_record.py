"""Data quality over time, counted from real evidence: each record once, on its day, in its form, with its shortfalls."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.quality_record import Counts, QualityRecord, Scoring, asked_for

TODAY = datetime.now(UTC).date()
GOOD = Declaration(
    functional_reference_id="Q-1", type_code="IMD", jurisdiction_code="GB", importer=Party(party_id="GB999999990000", name="Jo Example"),
    consignor=Party(name="Lana Srl", address=Address(line="Via Esempio 1", city="Como", country_code="IT")), consignment=Consignment(gross_mass_kg=Decimal("0.4")),
    goods_items=(
        GoodsItem(
            line_no=1, description="Wool scarf, woven", commodity_code="6214200000", gross_mass_kg=Decimal("0.4"),
            invoice_price=Money(Decimal(30), "GBP"), origin_country_code="IT",
        ),
    ),
)  # fmt: skip


def hand_in(store: PostgresStore, *declared: Declaration, sender: str = "A courier", form: str = "json") -> int:
    sender_id = store.senders.ensure(sender).sender_id
    with Intake(store, workers=1) as intake:
        body = forms.by_name(form).write(declared)
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p", transport="test")
    return sender_id


def vague(reference: str) -> Declaration:
    return replace(
        GOOD, functional_reference_id=reference, goods_items=(replace(GOOD.goods_items[0], description="goods"),)
    )


def bare(reference: str) -> Declaration:
    return replace(
        GOOD, functional_reference_id=reference, goods_items=(GoodsItem(line_no=1, description="Scarf, wool"),)
    )


def there(reference: str) -> Declaration:
    return replace(GOOD, functional_reference_id=reference, type_code="IMA")


def record(store: PostgresStore, sender_id: int, form: str = "json") -> QualityRecord:
    (found,) = store.quality.records(asked_for(sender_id, form))
    return found


def test_shortfalls_are_counted_each_in_its_way(store: PostgresStore) -> None:
    sender_id = hand_in(store, GOOD, vague("Q-2"), bare("Q-3"), there("Q-4"))
    hand_in(store, replace(GOOD, functional_reference_id="X-1"), sender="Another")
    assert Scoring(store, store.quality).catch_up() == 5
    found = record(store, sender_id)
    assert found.total == Counts(records=4, incomplete=1, invalid=1, implausible=1, late=1)
    assert (found.total.complete_share, found.total.valid_share, found.total.plausible_share) == (Decimal(75),) * 3
    assert found.total.timely_share == Decimal("66.7")
    assert found.total.score == Decimal("72.9")
    worst = {rule.rule_id: rule.records for rule in found.worst}
    assert worst["data.required"] == 1
    assert worst["description.vague"] == 1


def test_counted_once_however_often_and_by_however_many(store: PostgresStore) -> None:
    sender_id = hand_in(store, GOOD)
    first, second = Scoring(store, store.quality), Scoring(store, store.quality)
    assert (first.catch_up(), second.catch_up(), first.catch_up()) == (1, 0, 0)
    hand_in(store, vague("Q-2"))
    second.catch_up()
    assert record(store, sender_id).total.records == 2


def test_another_process_that_was_quicker_is_left_to_it(store: PostgresStore) -> None:
    hand_in(store, GOOD)
    position = store.quality.position()
    Scoring(store, store.quality).catch_up()
    from tidewaiter.workflow.quality_record import Counted

    assert not store.quality.count(Counted({}, {}), position, position + 9)
    assert store.quality.position() != position + 9


def test_forms_are_told_apart_and_what_officers_and_arrivals_do_does_not_count(store: PostgresStore) -> None:
    sender_id = hand_in(store, GOOD)
    hand_in(store, replace(GOOD, functional_reference_id="Q-2"), form="csv")
    Desk(store).act(store.find("Q-1"), Trigger.ARRIVED, "officer")
    hand_in(store, replace(GOOD, functional_reference_id="Q-2", function=MessageFunction.PRESENTATION))
    Scoring(store, store.quality).catch_up()
    assert record(store, sender_id, "json").total.records == 1
    assert record(store, sender_id, "csv").total.records == 1


def test_the_trend_is_the_last_week_against_those_before() -> None:
    def week(ago: int, invalid: int) -> tuple[date, Counts]:
        monday = TODAY - timedelta(days=TODAY.weekday(), weeks=ago)
        return monday, Counts(records=10, invalid=invalid, incomplete=invalid)

    found = QualityRecord(
        sender_id=1, sender_name="A", form="json", total=Counts(), weeks=(week(2, 4), week(1, 2), week(0, 0)), worst=()
    )
    assert found.trend == Decimal("15.0")
    assert QualityRecord(
        sender_id=1, sender_name="A", form="json", total=Counts(), weeks=(week(0, 0),), worst=()
    ).trend is None  # fmt: skip


def test_of_nothing_there_is_no_share() -> None:
    assert Counts().score is None
    assert Counts(records=1, invalid=1).timely_share is None
