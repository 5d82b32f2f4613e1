"""History: PostgreSQL as parcels come in, DuckDB over whole periods and a plain count agree, whatever is told and retold."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.money import Money
from tidewaiter.risk import PartKind
from tidewaiter.risk.history import Aggregate, Definition, Happening, definitions
from tidewaiter.risk.rules import rules_of
from tidewaiter.store import PostgresStore
from tidewaiter.store.happenings import features
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Place, Receipt
from tidewaiter.workflow.targeting import Change

DAY = date(2026, 11, 20)
Told = dict[tuple[int, int], Happening]


def counted(definition: Definition, place: tuple[int, int], told: Told) -> Decimal | None:
    """The feature by its words: over every other parcel, one by one."""
    own = told[place]
    key = getattr(own, definition.key)
    if key is None:
        return None
    others = [
        each
        for where, each in told.items()
        if where != place
        and getattr(each, definition.key) == key
        and timedelta(0) <= own.day - each.day < timedelta(definition.days)
        and (
            definition.same is None
            or (
                getattr(own, definition.same) is not None
                and getattr(each, definition.same) == getattr(own, definition.same)
            )
        )
    ]
    match definition.aggregate:
        case Aggregate.PARCELS:
            return Decimal(len(others))
        case Aggregate.VALUE:
            return Decimal(sum(each.cents or 0 for each in others)).scaleb(-2)
        case Aggregate.KNOWN_DAYS:
            return Decimal((own.day - min(each.day for each in others)).days) if others else None
    field = definition.aggregate.value.removesuffix("s")
    return Decimal(len({getattr(each, field) for each in others} - {None}))


def expected(place: tuple[int, int], told: Told) -> dict[str, Decimal]:
    found = {name: counted(each, place, told) for name, each in definitions().items()}
    return {name: value for name, value in found.items() if value is not None}


def some(chance: random.Random) -> Happening:
    def key(many: int) -> int | None:
        return chance.randrange(-many, many) if chance.random() < 0.9 else None

    cents = chance.randrange(0, 50_000) if chance.random() < 0.9 else None
    return Happening(DAY - timedelta(chance.randrange(45)), key(4), key(6), key(3), key(5), cents)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_executors_agree_with_a_plain_count_at_every_moment(
    store: PostgresStore, tmp_path: Path, seed: int
) -> None:
    """With happenings that come late, twice, otherwise than before, and to nothing."""
    chance = random.Random(seed)
    told: Told = {}
    moments: dict[int, Told] = {}
    for step in range(1, 61):
        with store.writing() as transaction:
            history = transaction.history
            match chance.choice(("remember", "remember", "restate", "forget", "again")):
                case "remember":
                    fresh = [(position, some(chance)) for position in range(1, chance.randrange(2, 6))]
                    history.remember(step, fresh)
                    told |= {(step, position): each for position, each in fresh}
                case "restate" if told:
                    place, other = chance.choice(sorted(told)), some(chance)
                    history.restate(Place(*place), other)
                    told = {**told, place: other}
                case "again" if told:  # the same delivered twice changes nothing
                    place = chance.choice(sorted(told))
                    history.restate(Place(*place), told[place])
                case "forget" if told:
                    place = chance.choice(sorted(told))
                    history.forget(place[0], [place[1]])
                    told = {where: each for where, each in told.items() if where != place}
        for message_id in {place[0] for place in told}:
            for position, found in store.history.of_records(message_id, 1, 9).items():
                assert found.numbers == expected((message_id, position), told)
                moments[found.known] = dict(told)
    file = tmp_path / "happenings.csv"
    with file.open("wb") as stream:
        store.history.export(stream)
    assert len(moments) > 30
    for at, then in moments.items():
        rows = {(row.message_id, row.position): row.numbers for row in features(file, at)}
        assert rows == {place: expected(place, then) for place in then}
    latest = {(row.message_id, row.position): row.numbers for row in features(file)}
    assert latest == {place: expected(place, told) for place in told}


def test_what_is_asked_before_it_is_kept_leaves_itself_out_as_well(store: PostgresStore) -> None:
    one = Happening(DAY, 1, 2, 3, 4, 1000)
    with store.writing() as transaction:
        transaction.history.remember(1, [(1, one), (2, one)])
    fresh, kept = store.history.of(one, None).numbers, store.history.of(one, Place(1, 2)).numbers
    assert fresh["household_parcels_7d"] == 2
    assert fresh["consignor_value_30d"] == Decimal("20.00")
    assert kept["household_parcels_7d"] == 1
    assert kept["consignor_value_30d"] == Decimal("10.00")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\nc,d\n")
    with pytest.raises(TidewaiterError, match="no happenings"):
        list(features(tmp_path / "x.csv"))


# --- in decisions --------------------------------------------------------------------------------------------

TEXT = """\
rule split
    title: Split order
    words: Together with others from this sender to this address it is worth more than 135 pounds.
    lane: red
    when:
        feature("household_consignor_value_7d") > 135
"""


@pytest.fixture
def intake(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    monkeypatch.setattr("tidewaiter.workflow.intake.WATCH_LIST_SECONDS", -1)
    rules = rules_of(TEXT)
    store.keep_knowledge({rules.digest: ("rules", rules.text.encode())})
    change = Change(kind=PartKind.RULES, name="splitting", digest=rules.digest)
    store.parts.change((change,), actor="ann", words="a test", at=datetime.now(UTC))
    with Intake(store, workers=2) as opened:
        yield opened


def parcel(number: int, line: str = "Norregade 12", price: int = 100, phone: str = "", ref: str = "") -> Declaration:
    item = GoodsItem(
        line_no=1, description="Cotton T-shirts, men's", commodity_code="6109100010", origin_country_code="CN",
        gross_mass_kg=Decimal(2), net_mass_kg=Decimal("1.8"), invoice_price=Money(Decimal(price), "GBP"),
    )  # fmt: skip
    receiver = Party(
        name=f"Buyer {number}", phone=phone, address=Address(line=line, postcode="AB1 2CD", country_code="GB", city="X")
    )
    return Declaration(
        functional_reference_id=ref or f"REF{number}", type_code="IMD", jurisdiction_code="GB", procedure_category="H1",
        declarant=Party(name="A declarant", party_id="GB123456789000"), goods_items=(item,),
        consignor=Party(name="A seller Ltd"), consignee=receiver, consignment=Consignment(gross_mass_kg=Decimal(2)),
    )  # fmt: skip


def hand_in(intake: Intake, store: PostgresStore, *declarations: Declaration) -> Receipt:
    body = forms.by_name("json").write(declarations)
    sender_id = store.senders.ensure("A courier").sender_id
    return intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x.json", transport="test", legal_day=DAY)


def value_of(store: PostgresStore, number: int) -> Decimal | None:
    return store.kept(store.find(f"REF{number}")).facts.numbers.get("household_consignor_value_7d")


def is_pointed_at(store: PostgresStore, number: int) -> bool:
    judgement = store.decision(store.find(f"REF{number}")).evaluation.judgement
    assert judgement is not None
    return any(reason.reason_id == "rule.splitting.split" for reason in judgement.reasons)


def test_parcels_of_one_message_see_each_other_however_they_are_written(intake: Intake, store: PostgresStore) -> None:
    hand_in(
        intake,
        store,
        parcel(1),
        parcel(2, "Nørregade 12, st. tv."),
        parcel(3, "NORREGADE  12"),
        parcel(4, "Other street 1"),
    )
    assert [value_of(store, n) for n in (1, 2, 3, 4)] == [200, 200, 200, 0]
    assert [is_pointed_at(store, n) for n in (1, 2, 3, 4)] == [True, True, True, False]
    hand_in(intake, store, parcel(5))
    assert value_of(store, 5) == 300
    assert replay.replay_all(store).is_clean


def test_worker_processes_are_told_what_the_whole_message_holds(
    intake: Intake, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 4)
    hand_in(intake, store, *(parcel(n, f"Street {n % 3}") for n in range(36)))
    assert [value_of(store, n) for n in range(36)] == [1100] * 36
    assert replay.replay_all(store).is_clean


def test_odd_records_among_plain_ones_are_read_in_full_by_worker_processes(
    intake: Intake, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 4)
    monkeypatch.setattr(processing, "REMEMBERED_AT_ONCE", 7)
    lines = forms.by_name("json").write([parcel(n, f"Street {n % 3}") for n in range(36)]).splitlines()
    lines[5] = lines[5].replace(b'{"functional', b'{"colour":"blue","functional', 1)  # unknown: kept as it is
    lines[6] = lines[6].replace(b"A seller Ltd", b"A seller\\u0007 Ltd", 1)  # a control character: refused
    lines[21] = lines[21].replace(b'"type_code":"IMD"', b'"type_code":"IMD","type_code":"IMD"', 1)  # said twice
    lines[34] = lines[34][:-3]  # breaks off
    sender_id = store.senders.ensure("A courier").sender_id
    body = io.BytesIO(b"\n".join(lines))
    intake.submit(body, sender_id=sender_id, file_name="x.json", transport="test", form_name="json", legal_day=DAY)
    assert [value_of(store, n) for n in (1, 5, 22)] == [1000, 1100, 1000]  # without what broke off
    kept = {n: store.decision(store.find(f"REF{n}")) for n in (4, 5, 6, 21)}
    found = {n: {each.rule_id for each in file.evaluation.findings} for n, file in kept.items()}
    assert kept[5].row.state is kept[4].row.state
    assert kept[5].declaration is not None
    assert [each.path for each in kept[5].declaration.extras] == ["/colour"]
    assert "message.character" in found[6]
    assert "message.duplicate" in found[21]
    assert replay.replay_all(store).is_clean


def test_what_is_rejected_withdrawn_or_amended_counts_as_it_stands(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, replace(parcel(1), goods_items=()))  # rejected: no goods
    hand_in(intake, store, parcel(2))
    assert value_of(store, 2) == 0
    dearer = replace(parcel(2, price=120), function=MessageFunction.AMENDMENT)
    hand_in(intake, store, dearer)
    hand_in(intake, store, parcel(3))
    assert value_of(store, 3) == 120
    withdrawn = replace(parcel(2), function=MessageFunction.CANCELLATION)
    hand_in(intake, store, withdrawn)
    hand_in(intake, store, parcel(4))
    assert value_of(store, 4) == 100  # the third alone
    assert replay.replay_all(store).is_clean


def test_a_message_handed_in_again_is_remembered_once(intake: Intake, store: PostgresStore) -> None:
    hand_in(intake, store, parcel(1), parcel(2))
    hand_in(intake, store, parcel(1), parcel(2))
    hand_in(intake, store, parcel(3))
    assert value_of(store, 3) == 200
