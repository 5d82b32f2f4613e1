"""Messages through the intake into a real PostgreSQL: kept, decided, answered, found again."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import psycopg
import pytest
from msgspec.structs import replace

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import ConflictError, NotFoundError, TransitionError
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    # What chance decides is fixed here: by this seed none of the parcels below is drawn.
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    return store.senders.ensure("A post").sender_id


def some(count: int, seed: int = 1) -> list[Declaration]:
    return list(islice(parcels.declarations("json", count, seed, DAY), count))


def as_json(*declarations: Declaration) -> bytes:
    return forms.by_name("json").write(declarations)


def hand_in(intake: Intake, sender_id: int, body: bytes, key: str | None = None, name: str = "parcels.json") -> Receipt:
    return intake.submit(
        io.BytesIO(body), sender_id=sender_id, file_name=name, transport="test", idempotency_key=key, legal_day=DAY
    )


def kinds(store: PostgresStore, declaration_id: int) -> list[NoticeKind]:
    return [notice.kind for notice in store.decision(declaration_id).notices]


# --- one message -----------------------------------------------------------------------------------------------------


def test_a_message_is_kept_decided_and_found_again(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    body = as_json(parcel)
    receipt = hand_in(intake, sender_id, body)
    assert receipt.is_complete
    assert not receipt.is_repeat
    assert receipt.counts == {"received": 1}
    (line,) = receipt.lines
    file = store.decision(line.declaration_id)
    assert file.declaration == parcel
    assert file.row.functional_reference_id == parcel.functional_reference_id
    assert file.row.registered_id == line.registered_id != ""
    assert file.message.digest == receipt.digest
    assert [notice.kind for notice in file.notices] == list(file.evaluation.decision.notices)
    assert [change.to_state for change in file.transitions] == [State.RECEIVED]
    assert b"".join(store.message_bytes(receipt.message_id)) == body
    assert store.record(line.declaration_id) == body.rstrip()
    for reference in (parcel.functional_reference_id, line.registered_id, str(line.declaration_id)):
        assert store.find(reference) == line.declaration_id
    with pytest.raises(NotFoundError):
        store.find("nothing like it")


@pytest.mark.parametrize("form_name", ["json", "wco-dm", "h7"])
def test_every_form_comes_through(store: PostgresStore, intake: Intake, sender_id: int, form_name: str) -> None:
    body = b"".join(parcels.message(form_name, 20, 3, DAY))
    receipt = hand_in(intake, sender_id, body)
    assert receipt.form == form_name
    assert receipt.record_count == 20
    assert receipt.counts == {"received": 20}
    assert replay.replay_all(store).same == 20


def test_gzip_is_kept_as_it_came_and_read(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    body = gzip.compress(as_json(*some(3)))
    receipt = hand_in(intake, sender_id, body, name="night.json.gz")
    assert receipt.record_count == 3
    assert b"".join(store.message_bytes(receipt.message_id)) == body


def test_a_bad_record_becomes_a_rejected_declaration_and_the_rest_goes_on(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    first, second = some(2)
    body = as_json(first) + b'{"goods_items": 7}\n' + as_json(second)
    receipt = hand_in(intake, sender_id, body)
    assert receipt.counts == {"received": 2, "rejected": 1}
    assert [line.state for line in receipt.lines] == [State.RECEIVED, State.REJECTED, State.RECEIVED]
    assert receipt.findings[0].place.startswith("record 2: ")
    assert kinds(store, receipt.lines[1].declaration_id) == [NoticeKind.REJECTED]


def test_a_message_that_breaks_off_keeps_what_was_good(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    body = b"".join(parcels.message("wco-dm", 5, 1, DAY))
    receipt = hand_in(intake, sender_id, body[: len(body) * 3 // 4])
    assert receipt.is_complete
    assert receipt.record_count == 3
    (finding,) = receipt.message_findings
    assert finding.words
    assert store.message(receipt.message_id).findings == (finding,)
    assert replay.replay_all(store).is_clean


@pytest.mark.parametrize("body", [b"", b"  \n", b"what is this", b"<unknown/>", b"[]"])
def test_what_holds_no_declaration_is_kept_and_says_so(
    store: PostgresStore, intake: Intake, sender_id: int, body: bytes
) -> None:
    receipt = hand_in(intake, sender_id, body)
    assert receipt.is_complete
    assert receipt.record_count == 0
    assert receipt.message_findings
    assert b"".join(store.message_bytes(receipt.message_id)) == body


HOSTILE = [
    Declaration(functional_reference_id="NUL\x00here", jurisdiction_code="DK"),
    Declaration(functional_reference_id="tab\there\\N", jurisdiction_code="G\tB"),
    Declaration(functional_reference_id="x" * 5000, jurisdiction_code="DK"),
    Declaration(jurisdiction_code="DK", goods_items=(GoodsItem(line_no=2**70, description="\u202egnp.exe\r\n\\."),)),
    Declaration(jurisdiction_code="'; DROP TABLE declaration; --"),
]


@pytest.mark.parametrize("declaration", HOSTILE)
def test_nothing_in_a_declaration_upsets_the_rows(
    store: PostgresStore, intake: Intake, sender_id: int, declaration: Declaration
) -> None:
    receipt = hand_in(intake, sender_id, as_json(declaration, *some(1)))
    assert receipt.record_count == 2
    assert receipt.lines[0].state is State.REJECTED
    assert len(store.declarations(Filter())) == 2
    assert not any(finding.rule_id == "submission.fault" for finding in receipt.findings)


# --- the same again --------------------------------------------------------------------------------------------------


def test_the_same_message_gets_the_same_answer(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    body = as_json(*some(3))
    first = hand_in(intake, sender_id, body)
    again = hand_in(intake, sender_id, body)
    assert again == replace(first, is_repeat=True)
    assert store.counts()["declarations"] == 3


def test_the_same_key_with_other_content_is_refused(intake: Intake, sender_id: int) -> None:
    hand_in(intake, sender_id, as_json(*some(1)), key="night 1")
    with pytest.raises(ConflictError) as refused:
        hand_in(intake, sender_id, as_json(*some(2)), key="night 1")
    assert refused.value.hint


def test_another_sender_may_use_the_same_key_and_references(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    body = as_json(*some(1))
    other = store.senders.ensure("A courier").sender_id
    assert hand_in(intake, sender_id, body).counts == hand_in(intake, other, body).counts == {"received": 1}


def test_a_reference_used_again_is_rejected(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    first = hand_in(intake, sender_id, as_json(parcel))
    other = replace(parcel, invoice_id="another")
    again = hand_in(intake, sender_id, as_json(other))
    assert again.counts == {"rejected": 1}
    assert again.findings[0].rule_id == "submission.reference_used"
    assert str(first.lines[0].declaration_id) in again.findings[0].words
    assert store.find(parcel.functional_reference_id) == first.lines[0].declaration_id


def test_a_reference_used_twice_in_one_message_counts_for_the_first(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    one, two = some(2)
    receipt = hand_in(intake, sender_id, as_json(one, replace(one, invoice_id="again"), two))
    assert [line.state for line in receipt.lines] == [State.RECEIVED, State.REJECTED, State.RECEIVED]
    assert replay.replay_all(store).is_clean


def test_after_a_rejection_the_reference_is_free(intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    assert hand_in(intake, sender_id, as_json(replace(parcel, goods_items=()))).counts == {"rejected": 1}
    assert hand_in(intake, sender_id, as_json(parcel)).counts == {"received": 1}


# --- changes to what was lodged --------------------------------------------------------------------------------------


def test_an_amendment_makes_a_new_version_and_keeps_the_old_evidence(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    amendment = Declaration(
        function=MessageFunction.AMENDMENT,
        registered_id=lodged.registered_id,
        importer=Party(name="Somebody Else"),
    )
    receipt = hand_in(intake, sender_id, as_json(amendment))
    assert receipt.lines[0].declaration_id == lodged.declaration_id
    file = store.decision(lodged.declaration_id)
    assert file.row.version == 2
    assert file.declaration is not None
    assert file.declaration.importer is not None
    assert file.declaration.importer.name == "Somebody Else"
    assert file.declaration.goods_items == parcel.goods_items
    assert file.row.message_id == lodged_message(store, lodged.declaration_id)
    assert [change.trigger for change in file.transitions][:2] == ["submission", "amended"]
    assert store.kept(lodged.declaration_id, 1).version == 1
    assert replay.replay(store, lodged.declaration_id).same == 2
    assert replay.replay_all(store).is_clean


def lodged_message(store: PostgresStore, declaration_id: int) -> int:
    message_id = store.kept(declaration_id, 1).message_id
    assert message_id is not None
    return message_id


def test_an_amendment_with_errors_leaves_the_original_as_it_was(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    bad = Declaration(
        function=MessageFunction.AMENDMENT,
        functional_reference_id=parcel.functional_reference_id,
        consignment=replace(parcel.consignment, destination_country_code="QQ"),
        goods_items=(replace(parcel.goods_items[0], commodity_code="000000", origin_country_code="QQ"),),
    )
    receipt = hand_in(intake, sender_id, as_json(bad))
    assert receipt.counts == {"rejected": 1}
    file = store.decision(lodged.declaration_id)
    assert file.row.version == 1
    assert file.row.state is State.RECEIVED
    assert file.transitions[-1].trigger == "amendment_rejected"
    assert file.notices[-1].kind is NoticeKind.REJECTED
    assert kinds(store, receipt.lines[0].declaration_id) == []
    assert replay.replay_all(store).is_clean


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (MessageFunction.PRESENTATION, {}),
        (MessageFunction.AMENDMENT, {"registered_id": "26DK000000000042R5"}),
        (MessageFunction.CANCELLATION, {"registered_id": "26DK000000000042R5"}),
        (MessageFunction.CANCELLATION, {"functional_reference_id": ""}),
    ],
)
def test_what_speaks_of_an_unknown_original_is_rejected(
    store: PostgresStore, intake: Intake, sender_id: int, function: MessageFunction, named: dict[str, str]
) -> None:
    (parcel,) = some(1)
    receipt = hand_in(intake, sender_id, as_json(replace(parcel, function=function, **named)))
    assert receipt.counts == {"rejected": 1}
    assert receipt.findings[0].rule_id == "submission.original_unknown"
    assert replay.replay_all(store).is_clean


def test_nobody_amends_what_another_sender_lodged(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    lodged = hand_in(intake, sender_id, as_json(*some(1))).lines[0]
    stranger = store.senders.ensure("A stranger").sender_id
    amendment = Declaration(function=MessageFunction.CANCELLATION, registered_id=lodged.registered_id)
    assert hand_in(intake, stranger, as_json(amendment)).findings[0].rule_id == "submission.original_unknown"
    assert store.decision(lodged.declaration_id).row.state is State.RECEIVED


def test_a_cancellation_invalidates_and_cannot_be_repeated(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    cancellation = Declaration(
        function=MessageFunction.CANCELLATION, functional_reference_id=parcel.functional_reference_id
    )
    receipt = hand_in(intake, sender_id, as_json(cancellation))
    assert receipt.counts == {"invalidated": 1}
    assert store.decision(lodged.declaration_id).row.state is State.INVALIDATED
    assert NoticeKind.REQUEST_GRANTED in kinds(store, lodged.declaration_id)
    again = hand_in(intake, sender_id, as_json(replace(cancellation, invoice_id="again")))
    assert again.findings[0].rule_id == "submission.not_allowed"
    assert replay.replay_all(store).is_clean


def test_a_presentation_decides_anew_with_the_goods_there(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    before = store.decision(lodged.declaration_id)
    presented = Declaration(function=MessageFunction.PRESENTATION, registered_id=lodged.registered_id)
    hand_in(intake, sender_id, as_json(presented))
    file = store.decision(lodged.declaration_id)
    assert file.row.is_arrived
    assert file.row.state is before.evaluation.decision.on_arrival
    assert file.row.version == 2
    assert file.declaration == parcel
    assert replay.replay_all(store).is_clean


def test_changes_in_the_same_message_as_their_original_apply_in_order(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    one, two = some(2)
    reference = one.functional_reference_id
    amendment = Declaration(
        function=MessageFunction.AMENDMENT, functional_reference_id=reference, importer=Party(name="Second")
    )
    third = replace(amendment, importer=Party(name="Third"))
    presented = Declaration(function=MessageFunction.PRESENTATION, functional_reference_id=reference)
    receipt = hand_in(intake, sender_id, as_json(one, amendment, two, third, presented))
    file = store.decision(receipt.lines[0].declaration_id)
    assert file.row.version == 4
    assert file.declaration is not None
    assert file.declaration.importer is not None
    assert file.declaration.importer.name == "Third"
    passed = [change.trigger for change in file.transitions if not change.trigger.endswith("required")]
    assert passed[:4] == ["submission", "amended", "amended", "arrived"]
    assert store.counts()["declarations"] == 2
    assert replay.replay(store, receipt.lines[0].declaration_id).same == 4
    assert replay.replay_all(store).is_clean


# --- at the desk -----------------------------------------------------------------------------------------------------


def test_writing_reads_no_table_from_end_to_end(store: PostgresStore) -> None:
    count = 6 * processing.SLICE_RECORDS
    lodged = some(count)
    amendments = [
        Declaration(function=MessageFunction.AMENDMENT, functional_reference_id=each.functional_reference_id)
        for each in lodged[:10]
    ]
    own = PostgresStore(store.url)
    with Intake(own, workers=1) as intake:
        sender_id = own.senders.ensure("A post").sender_id
        assert hand_in(intake, sender_id, as_json(*lodged)).record_count == count
        assert hand_in(intake, sender_id, as_json(*amendments), name="changes.json").record_count == len(amendments)
        for single in some(5, seed=2):
            assert hand_in(intake, sender_id, as_json(single)).record_count == 1
    own.close()  # a connection tells what it read when it ends
    with psycopg.connect(store.url) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        read = connection.execute(
            "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'declaration'"
        ).fetchone()
    assert read == (0,)


def test_an_officer_confirms_arrival_and_payment_clears(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    parcel = next(each for each in some(5) if each.jurisdiction_code == "DK")
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    desk = Desk(store)
    assert desk.confirm_arrival(lodged.declaration_id, "officer 7", on=DAY) is State.AWAITING_PAYMENT
    assert store.decision(lodged.declaration_id).row.version == 2
    assert desk.act(lodged.declaration_id, Trigger.PAYMENT_RECEIVED, "officer 7", "by card") is State.CLEARED
    file = store.decision(lodged.declaration_id)
    assert file.row.state is State.CLEARED
    paid = next(change for change in file.transitions if change.trigger == "payment_received")
    assert (paid.actor, paid.words) == ("officer 7", "by card")
    assert file.notices[-1].kind is NoticeKind.CLEARED
    with pytest.raises(TransitionError):
        desk.confirm_arrival(lodged.declaration_id, "officer 7", on=DAY)
    assert replay.replay_all(store).is_clean
    assert not store.broken_links()


def test_arrival_on_a_day_without_law_changes_nothing(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    with pytest.raises(TransitionError, match="cannot be decided here"):
        Desk(store).confirm_arrival(lodged.declaration_id, "officer 7", on=date(2999, 1, 1))
    presented = Declaration(function=MessageFunction.PRESENTATION, registered_id=lodged.registered_id)
    answer = intake.submit(
        io.BytesIO(as_json(presented)), sender_id=sender_id, file_name="", transport="test", legal_day=date(2999, 1, 1)
    )
    assert answer.findings[0].rule_id == "submission.not_allowed"
    assert store.decision(lodged.declaration_id).row.state is State.RECEIVED


def test_a_declaration_is_drawn_once(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (parcel,) = some(1)
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    amendment = Declaration(
        function=MessageFunction.AMENDMENT, registered_id=lodged.registered_id, importer=Party(name="Again")
    )
    hand_in(intake, sender_id, as_json(amendment))
    Desk(store).confirm_arrival(lodged.declaration_id, "officer 7", on=DAY)
    kept = [store.kept(lodged.declaration_id, version) for version in (1, 2, 3)]
    assert len({(each.seed_id, each.draw_key) for each in kept}) == 1
    assert replay.replay(store, lodged.declaration_id).same == 3


def test_an_amendment_under_control_waits_for_an_officer(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    parcel = next(each for each in some(5) if each.jurisdiction_code == "DK")
    lodged = hand_in(intake, sender_id, as_json(parcel)).lines[0]
    desk = Desk(store)
    desk.confirm_arrival(lodged.declaration_id, "officer 7", on=DAY)
    desk.act(lodged.declaration_id, Trigger.EXAMINATION_ORDERED, "officer 7", on=DAY)
    amendment = Declaration(
        function=MessageFunction.AMENDMENT, registered_id=lodged.registered_id, importer=Party(name="Waiting")
    )
    hand_in(intake, sender_id, as_json(amendment))
    waiting = store.decision(lodged.declaration_id)
    assert waiting.row.state is State.UNDER_CONTROL
    assert waiting.row.version == 2
    desk.act(lodged.declaration_id, Trigger.AMENDMENT_GRANTED, "officer 8")
    file = store.decision(lodged.declaration_id)
    assert file.row.version == 3
    assert file.declaration is not None
    assert file.declaration.importer is not None
    assert file.declaration.importer.name == "Waiting"
    assert replay.replay_all(store).is_clean
    with pytest.raises(TransitionError):
        desk.act(lodged.declaration_id, Trigger.AMENDMENT_GRANTED, "officer 8")


# --- many at once ----------------------------------------------------------------------------------------------------


def test_one_by_one_and_in_bulk_the_bytes_are_the_same(
    store: PostgresStore, intake: Intake, sender_id: int, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 16)
    body = as_json(*some(200))
    by_crew = hand_in(intake, sender_id, body)
    with psycopg.connect(
        database_url, autocommit=True
    ) as connection:  # that they are the same parcels is not the matter
        connection.execute("UPDATE declaration SET parcel_key = NULL")
    other = store.senders.ensure("The same, alone").sender_id
    monkeypatch.setattr(processing, "ALONE_SLICES", 1000)
    alone = hand_in(intake, other, body)
    assert by_crew.counts == alone.counts
    assert by_crew.record_count == 200
    for position in (1, 17, 128, 200):
        one, two = (
            next(
                row
                for row in store.declarations(Filter(message_id=receipt.message_id, limit=1000))
                if row.position == position
            )
            for receipt in (by_crew, alone)
        )
        assert (
            store.decision(one.declaration_id).evaluation_bytes == store.decision(two.declaration_id).evaluation_bytes
        )
    report = replay.replay_all(store, workers=2)
    assert report.is_clean
    assert report.replayed == 400


def test_notices_come_in_order_and_the_cursor_misses_none(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    hand_in(intake, sender_id, as_json(*some(30)))
    every = store.notices(None, 0, 1000)
    assert [notice.notice_id for notice in every] == sorted({notice.notice_id for notice in every})
    paged, after = [], 0
    while page := store.notices(sender_id, after, 7):
        paged += page
        after = page[-1].notice_id
    assert paged == list(every)
    assert len(every) == sum(len(store.decision(row.declaration_id).notices) for row in store.declarations(Filter()))


def test_the_legal_day_is_that_of_the_administration_s_clocks(store: PostgresStore, sender_id: int) -> None:
    """At 22:30 UTC the new day has begun in Copenhagen and Tokyo and not in London: one message, three days of law."""
    moment = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    (parcel,) = some(1)
    codes = ("DK", "GB", "JP", "")
    declarations = [
        replace(parcel, jurisdiction_code=code, functional_reference_id=f"day-{place}")
        for place, code in enumerate(codes)
    ]
    with Intake(store, workers=1, clock=lambda: moment) as intake:
        receipt = intake.submit(
            io.BytesIO(as_json(*declarations)), sender_id=sender_id, file_name="p.json", transport="test"
        )
    days = [store.outcome(line.declaration_id).evaluation.legal_day for line in receipt.lines]
    assert days == [date(2026, 7, 1), date(2026, 6, 30), date(2026, 7, 1), date(2026, 6, 30)]
    assert replay.replay_all(store, workers=1).is_clean


def test_goods_arrive_on_the_day_of_the_place(store: PostgresStore, sender_id: int) -> None:
    (parcel,) = some(1)
    noon, evening = datetime(2026, 6, 30, 12, tzinfo=UTC), datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    with Intake(store, workers=1, clock=lambda: noon) as intake:
        body = as_json(replace(parcel, jurisdiction_code="DK"))
        receipt = intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test")
    (line,) = receipt.lines
    assert store.outcome(line.declaration_id).evaluation.legal_day == date(2026, 6, 30)
    Desk(store, clock=lambda: evening).confirm_arrival(line.declaration_id, "officer 1")
    assert store.outcome(line.declaration_id).evaluation.legal_day == date(2026, 7, 1)
