"""The parts of the store by themselves: settings, migrations, senders and keys, watch list, filters, evidence."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import msgspec
import psycopg
import pytest

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.model.decision import Category, HoldKind, NoticeKind, State
from tidewaiter.model.errors import ConflictError, NotFoundError
from tidewaiter.model.judgement import Lane
from tidewaiter.release import Standing
from tidewaiter.store import PostgresStore, Settings, rows
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.store.migrate import MigrationError, migrate, migrations
from tidewaiter.store.senders import KeyHolder
from tidewaiter.workflow import replay
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter

DAY = date(2026, 11, 20)


# --- settings and server ---------------------------------------------------------------------------------------------


def test_settings_come_from_the_environment() -> None:
    assert Settings.from_environment({}) == Settings(data_folder=Path("var/postgres"))
    given = {"TIDEWAITER_DATA": "/somewhere", "TIDEWAITER_DATABASE_URL": "postgresql://h/d"}
    assert Settings.from_environment(given) == Settings(data_folder=Path("/somewhere"), database_url="postgresql://h/d")


def test_the_server_keeps_to_itself_and_to_the_disk(postgres_server: EmbeddedServer) -> None:
    assert postgres_server.socket_folder.stat().st_mode & 0o077 == 0
    assert postgres_server.cluster.stat().st_mode & 0o077 == 0
    with psycopg.connect(postgres_server.url("postgres")) as connection:
        for name, value in {
            "listen_addresses": "", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
            "server_encoding": "UTF8", "TimeZone": "UTC",
        }.items():  # fmt: skip
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    assert len(str(EmbeddedServer(deep).socket_folder)) < 90
    assert EmbeddedServer(deep).socket_folder != EmbeddedServer(deep / "z").socket_folder


# --- schema ----------------------------------------------------------------------------------------------------------


def test_migrating_again_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert migrate(connection) == migrate(connection) == migrations()[-1].number
        (count,) = connection.execute("SELECT count(*) FROM migration").fetchone() or (0,)
    assert count == len(migrations())


@pytest.mark.parametrize(
    "change", ["UPDATE migration SET checksum = 'other'", "INSERT INTO migration VALUES (9999, 'later', 'x')"]
)
def test_a_database_of_other_migrations_is_refused(database_url: str, change: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(change.encode())
        with pytest.raises(MigrationError) as refused:
            migrate(connection)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("type_name", "members"), [("state", State), ("lane", Lane), ("category", Category), ("notice_kind", NoticeKind)]
)
def test_the_database_knows_every_member(database_url: str, type_name: str, members: type) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(f"SELECT unnest(enum_range(NULL::{type_name}))::text").fetchall()
    assert {value for (value,) in found} == {member.value for member in members}  # type: ignore[attr-defined]


# --- senders ---------------------------------------------------------------------------------------------------------


def test_a_key_is_known_until_it_is_revoked_or_its_sender_put_to_rest(store: PostgresStore) -> None:
    sender = store.senders.add("A courier")
    holder = KeyHolder(name="A courier", role="declarant", sender_id=sender.sender_id)
    key = store.senders.issue_key(holder)
    assert store.senders.holder_of(key) == holder
    assert store.senders.holder_of(key + "x") is None
    store.senders.set_active(sender.sender_id, is_active=False)
    assert store.senders.holder_of(key) is None
    store.senders.set_active(sender.sender_id, is_active=True)
    assert store.senders.revoke_keys("A courier") == 1
    assert store.senders.holder_of(key) is None
    officer = KeyHolder(name="desk", role="officer")
    assert store.senders.holder_of(store.senders.issue_key(officer)) == officer


def test_keys_are_never_kept_themselves(store: PostgresStore, database_url: str) -> None:
    key = store.senders.issue_key(KeyHolder(name="desk", role="officer"))
    with psycopg.connect(database_url) as connection:
        (kept,) = connection.execute("SELECT row(api_key.*)::text FROM api_key").fetchone() or ("",)
    assert key not in kept
    assert key.removeprefix("tw_") not in kept


def test_a_sender_s_name_is_taken_once(store: PostgresStore) -> None:
    sender = store.senders.add("A post")
    with pytest.raises(ConflictError):
        store.senders.add("A post")
    assert store.senders.ensure("A post") == sender
    with pytest.raises(NotFoundError):
        store.senders.by_name("Nobody")


# --- watch list ------------------------------------------------------------------------------------------------------


def test_the_watch_list_is_versioned_and_decisions_follow_it(store: PostgresStore, database_url: str) -> None:
    assert store.watch_list().version == 0
    first, second = parcels.declarations("json", 2, 8, DAY)
    assert second.importer is not None
    entry = {"entry_id": "W1", "words": "Look.", "names": [second.importer.name]}
    assert store.senders.change_watch_list([msgspec.json.encode(entry)], [], actor="officer", words="a tip") == 1
    sender_id = store.senders.ensure("A post").sender_id
    with Intake(store) as intake:
        body = forms.by_name("json").write([second])
        receipt = intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x", transport="test", legal_day=DAY)
    assert receipt.lines[0].lane == "red"
    assert store.senders.change_watch_list([], ["W1"], actor="officer", words="cleared up") == 2
    assert store.watch_list().entries == b"[]"
    with pytest.raises(NotFoundError):
        store.senders.change_watch_list([], ["W1"], actor="officer", words="again")
    assert store.watch_list().version == 2
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT added_in, removed_in FROM watch_list_entry").fetchall() == [(1, 2)]
    assert first.goods_items


# --- lists -----------------------------------------------------------------------------------------------------------


def test_filters_narrow_and_pages_go_on(store: PostgresStore) -> None:
    sender_id = store.senders.ensure("A post").sender_id
    source = list(parcels.declarations("json", 25, 2, DAY))
    with Intake(store) as intake:
        receipt = intake.submit(
            io.BytesIO(forms.by_name("json").write(source)),
            sender_id=sender_id, file_name="x", transport="test", legal_day=DAY,
        )  # fmt: skip

    def ids(wanted: Filter) -> list[int]:
        return [row.declaration_id for row in store.declarations(wanted)]

    every = ids(Filter(limit=100))
    assert every == sorted(every, reverse=True)
    assert len(every) == 25
    assert ids(Filter(limit=10)) + ids(Filter(limit=100, before_id=every[9])) == every
    british = ids(Filter(jurisdiction_code="GB"))
    assert len(british) == sum(each.jurisdiction_code == "GB" for each in source)
    code = source[0].goods_items[1].commodity_code
    of_code = [each for each in source if any(item.commodity_code.startswith(code[:4]) for item in each.goods_items)]
    assert len(ids(Filter(commodity_prefix=code[:4]))) == len(of_code)
    reference = source[3].functional_reference_id
    assert len(ids(Filter(text=reference))) == 1
    assert len(ids(Filter(text=reference[:5], limit=100))) == 25
    assert ids(Filter(text="%")) == ids(Filter(text="_")) == ids(Filter(text="\\")) == []
    assert ids(Filter(text=str(every[4]))) == [every[4]]
    assert ids(Filter(state=State.CLEARED)) == []
    assert len(ids(Filter(state=State.RECEIVED, message_id=receipt.message_id, sender_id=sender_id, limit=99))) == 25
    received_on = store.message(receipt.message_id).received_at.date()
    assert len(ids(Filter(received_from=received_on, received_to=received_on, limit=99))) == 25
    assert ids(Filter(received_to=date(2000, 1, 1))) == []
    counts = store.counts()
    assert (counts["messages"], counts["declarations"], counts["state:received"]) == (1, 25, 25)
    assert store.health()["schema_version"] == str(migrations()[-1].number)


# --- evidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        ("UPDATE evidence_block SET content = content || 'x'::bytea WHERE block_id = 2", "content of block 2"),
        ("DELETE FROM evidence_block WHERE block_id = 2", "block 2 is missing"),
        ("UPDATE evidence_block SET message_id = 99 WHERE block_id = 2", "digest of block 2"),
        ("UPDATE evidence_block SET previous_digest = sha256('x') WHERE block_id = 3", "block 3 does not follow"),
    ],
)
def test_altered_evidence_shows(store: PostgresStore, database_url: str, alteration: str, words: str) -> None:
    sender_id = store.senders.ensure("A post").sender_id
    with Intake(store) as intake:
        for each in parcels.declarations("json", 3, 4, DAY):
            body = forms.by_name("json").write([each])
            intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="x", transport="test", legal_day=DAY)
    assert store.broken_links() == []
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(alteration.encode())
    assert any(words in problem for problem in store.broken_links())
    assert not replay.replay_all(store, workers=1).is_clean


@pytest.mark.parametrize(
    "standing",
    [
        Standing(state=State.RECEIVED),
        Standing(state=State.CLEARED, is_assessed=False),
        Standing(state=State.AWAITING_PAYMENT, open_holds=(HoldKind.PAYMENT,), settled_holds=(HoldKind.EXAMINATION,)),
    ],
)
def test_a_standing_is_read_as_it_was_written(standing: Standing) -> None:
    assert standing.state is not None
    written = rows.written_standing(standing)
    assert rows.read_standing(written, standing.state, is_assessed=standing.is_assessed) == standing


def test_copy_text_can_be_taken_apart_again() -> None:
    taken = msgspec.json.decode(rows.as_json("a, b, c", b"x\\ty\t\\N\tback\\\\slash\n1\t2\tend\\n\n"))
    assert taken == [{"a": "x\ty", "b": None, "c": "back\\slash"}, {"a": "1", "b": "2", "c": "end\n"}]
