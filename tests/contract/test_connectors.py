"""Connectors on a real database, real folders and a real receiver: each step once, in order, whole, over any crash."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from receivers import Clock, Receiver
from tidewaiter.messages import forms
from tidewaiter.messages.answers import Telling
from tidewaiter.model.decision import NoticeKind
from tidewaiter.model.declaration import Declaration, GoodsItem, MessageFunction, Party
from tidewaiter.model.errors import ConflictError, MessageError
from tidewaiter.model.money import Money
from tidewaiter.release import Trigger
from tidewaiter.store import PostgresStore
from tidewaiter.web.deliveries import posting
from tidewaiter.workflow import connectors as handing
from tidewaiter.workflow import targets
from tidewaiter.workflow.connector_folders import prepare
from tidewaiter.workflow.connectors import Connector, Handing, NewConnector, name_of
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Notice
from tidewaiter.workflow.pushing import PAUSES, SHARE, Answer, Sent, shown

DAY = date(2026, 6, 15)
ALL = tuple(NoticeKind)


def declared(reference: str, description: str = "Wool scarf, woven", **changes: Any) -> Declaration:
    return replace(
        Declaration(
            functional_reference_id=reference, jurisdiction_code="GB", importer=Party(name="Jo Example"),
            consignor=Party(name="Lana Srl"), type_code="IMA",
            goods_items=(
                GoodsItem(
                    line_no=1, description=description, commodity_code="6214200000", gross_mass_kg=Decimal("0.4"),
                    invoice_price=Money(Decimal(30), "GBP"), origin_country_code="IT", procedure_code="40",
                    previous_procedure_code="00",
                ),
            ),
        ),
        **changes,
    )  # fmt: skip


def hand_in(store: PostgresStore, *declarations: Declaration) -> None:
    sender_id = store.senders.ensure("A courier").sender_id
    body = forms.by_name("json").write(declarations)
    with Intake(store, workers=1) as intake:
        intake.submit(io.BytesIO(body), sender_id=sender_id, file_name="p.json", transport="test", legal_day=DAY)


def connect(store: PostgresStore, place: Path | str, *kinds: NoticeKind, **changes: Any) -> Connector:
    is_folder = isinstance(place, Path)
    if is_folder:
        prepare(place)
    given = NewConnector(
        name="Old system", jurisdiction_code="GB", kinds=kinds or ALL, datasets=(), target="asycuda-sad",
        address=str(place), is_folder=is_folder, after=0,
    )  # fmt: skip
    return store.connectors.add(replace(given, **changes))


def hand_over(store: PostgresStore, clock: Callable[[], datetime] | None = None) -> Sent:
    with posting(trust_env=False) as post:
        return Handing(store, store.connectors, post, **({"clock": clock} if clock else {})).round()


def documents(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "documents").iterdir() if path.is_file())


def told(store: PostgresStore, *kinds: NoticeKind) -> list[Notice]:
    return [notice for notice in store.notices(None, 0, 1_000) if notice.kind in (kinds or ALL)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_each_step_asked_for_is_handed_over_once_in_order(store: PostgresStore, tmp_path: Path) -> None:
    connect(store, tmp_path, NoticeKind.ACCEPTED, NoticeKind.RELEASED)
    hand_in(store, declared("C-1"), declared("C-2"))
    hand_in(store, declared("D-1", jurisdiction_code="NO"))
    wanted = [n for n in told(store, NoticeKind.ACCEPTED, NoticeKind.RELEASED) if n.functional_reference_id != "D-1"]
    assert wanted
    assert hand_over(store) == Sent(taken=len(wanted))
    assert hand_over(store) == Sent()
    assert documents(tmp_path) == [f"{name_of(notice)}.xml" for notice in wanted]
    root = etree.parse(tmp_path / "documents" / documents(tmp_path)[0]).getroot()
    assert root.tag == "ASYCUDA"
    assert root.findtext("Declarant/Reference/Number") == "C-1"
    assert not list((tmp_path / "documents" / ".ready").iterdir())


def test_what_happens_at_the_desk_is_handed_over_and_what_was_not_asked_for_is_passed_by(
    store: PostgresStore, tmp_path: Path
) -> None:
    made = connect(store, tmp_path, NoticeKind.REFUSED, target="tidewaiter")
    hand_in(store, declared("C-1", type_code="IMD"))
    assert hand_over(store) == Sent()
    assert store.connectors.by_id(made.connector_id).taken >= told(store)[-1].notice_id
    Desk(store).act(store.find("C-1"), Trigger.REFUSED, "officer 7", "counterfeit")
    assert hand_over(store) == Sent(taken=1)
    assert "-refused-v1-" in documents(tmp_path)[0]


def test_a_document_is_that_of_the_version_it_tells_of_however_late_it_is_written(
    store: PostgresStore, tmp_path: Path
) -> None:
    made = connect(store, tmp_path, target="tidewaiter")
    hand_in(store, declared("C-1", type_code="IMD"))
    hand_in(store, declared("C-1", "Silk scarf, woven", type_code="IMD", function=MessageFunction.AMENDMENT))
    hand_over(store)
    first = {name: (tmp_path / "documents" / name).read_bytes() for name in documents(tmp_path)}
    versions = {name.split("-v")[1][0]: content for name, content in first.items()}
    assert b"Wool scarf" in versions["1"]
    assert b"Silk scarf" in versions["2"]
    for name in first:
        (tmp_path / "documents" / name).unlink()
    store.connectors.replay(made.connector_id, 0)
    assert hand_over(store).taken == len(first)
    assert {name: (tmp_path / "documents" / name).read_bytes() for name in documents(tmp_path)} == first


def test_a_replay_goes_on_from_where_it_is_told(store: PostgresStore, tmp_path: Path) -> None:
    made = connect(store, tmp_path)
    hand_in(store, declared("C-1"), declared("C-2"))
    hand_over(store)
    notices = told(store)
    for path in list((tmp_path / "documents").glob("*.xml")):
        path.unlink()
    store.connectors.replay(made.connector_id, notices[1].notice_id)
    hand_over(store)
    assert documents(tmp_path) == [f"{name_of(notice)}.xml" for notice in notices[2:]]


DYING = """
import os, signal, sys
from pathlib import Path
from tidewaiter.store import PostgresStore
from tidewaiter.workflow import connectors
from tidewaiter.workflow.connectors import Handing

url, place, dies_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
count = 0

def dying(does):
    def first(*given):
        global count
        if count == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        return does(*given)
    return first

connectors.TOGETHER = 3
with PostgresStore(url) as store:
    if place == "before the cursor is kept":
        store.connectors.advance = dying(store.connectors.advance)
    elif place == "behind it":
        connectors._show = dying(connectors._show)
    else:
        Path.replace = dying(Path.replace)
    Handing(store, store.connectors, lambda *_: None).round()
"""


@pytest.mark.parametrize(
    ("place", "dies_at", "shown"),
    [
        ("before the cursor is kept", 0, 0),
        ("before the cursor is kept", 1, 3),
        ("behind it", 0, 0),
        ("behind it", 1, 3),
        ("while they are shown", 0, 0),
        ("while they are shown", 4, 4),
    ],
)
def test_killed_on_either_side_of_the_cursor_each_document_comes_exactly_once(
    store: PostgresStore, tmp_path: Path, place: str, dies_at: int, shown: int
) -> None:
    connect(store, tmp_path)
    hand_in(store, *(declared(f"C-{number}") for number in range(4)))
    died = subprocess.run([sys.executable, "-c", DYING, store.url, place, str(dies_at)], check=False)
    assert died.returncode == -signal.SIGKILL
    before = documents(tmp_path)
    taken_away = [path.rename(tmp_path / path.name) for path in (tmp_path / "documents").glob("*.xml")]
    hand_over(store)
    after = documents(tmp_path)
    assert len(before) == len(taken_away) == shown
    assert before + after == [f"{name_of(notice)}.xml" for notice in told(store)], "each once, none again, none lost"
    assert not list((tmp_path / "documents" / ".ready").iterdir())


def test_what_waits_behind_the_cursor_is_shown_though_nothing_else_is_due(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(store, tmp_path)
    hand_in(store, declared("C-1"))
    with monkeypatch.context() as patched:
        patched.setattr(handing, "_show", lambda *_: None)
        while hand_over(store).taken:
            pass
    assert documents(tmp_path) == []
    while hand_over(store).taken:
        pass
    assert documents(tmp_path) == [f"{name_of(notice)}.xml" for notice in told(store)]


def test_a_folder_that_is_gone_fails_and_nothing_is_lost(store: PostgresStore, tmp_path: Path) -> None:
    folder, clock = tmp_path / "share", Clock()
    made = connect(store, folder)
    hand_in(store, declared("C-1"))
    folder.rename(tmp_path / "elsewhere")
    clock.at = datetime.now(UTC)
    assert hand_over(store, clock) == Sent(0, 1)
    assert not folder.exists(), "a disk that is not there is not made up"
    assert "No such file" in store.connectors.by_id(made.connector_id).last_error
    (tmp_path / "elsewhere").rename(folder)
    clock.at += PAUSES[0]
    assert hand_over(store, clock) == Sent(len(told(store)))


class Picky:
    """A target that must have a country of origin for wool, and has a fault of its own for leather."""

    name = "picky"
    media_type = "text/plain"
    suffix = ".txt"

    def write(self, telling: Telling) -> bytes:
        words = telling.declaration.goods_items[0].description
        if "Wool" in words:
            raise MessageError("it has no mark", hint="declare one", place="goods_items[0].packagings")
        if "Leather" in words:
            raise ZeroDivisionError("oops \ud800\x00")
        return f"{telling.kind.value} {telling.registered_id} {words}\n".encode()


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The target, installed as a package would install it."""
    entry = EntryPoint("picky", "contract.test_connectors:Picky", targets.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: Picky)
    monkeypatch.setattr(targets, "entry_points", lambda group: [entry] if group == targets.GROUP else [])
    targets.targets.cache_clear()
    yield
    targets.targets.cache_clear()


def test_what_cannot_be_written_is_set_aside_with_the_reason_and_the_rest_goes_on(
    store: PostgresStore, tmp_path: Path, picky: None
) -> None:
    made = connect(store, tmp_path, NoticeKind.ACCEPTED, target="picky")
    hand_in(store, declared("C-1"), declared("C-2", "Leather belt"), declared("C-3", "Silk scarf"))
    assert hand_over(store) == Sent(taken=1)
    (document,) = documents(tmp_path)
    assert (tmp_path / "documents" / document).read_text().endswith("Silk scarf\n")
    ours, theirs = store.connectors.not_written(made.connector_id, 0, 10)
    assert (ours.words, ours.hint, ours.place) == ("it has no mark", "declare one", "goods_items[0].packagings")
    assert ours.declaration_id == store.find("C-1")
    assert (theirs.code, theirs.words) == ("connector.target", "the target failed: ZeroDivisionError: oops ?")
    assert store.connectors.by_id(made.connector_id).set_aside == 2
    store.connectors.replay(made.connector_id, 0)
    assert store.connectors.by_id(made.connector_id).set_aside == 0
    hand_over(store)
    assert len(store.connectors.not_written(made.connector_id, 0, 10)) == 2


def test_a_target_that_is_not_installed_any_more_holds_everything_until_it_is(
    store: PostgresStore, tmp_path: Path, picky: None
) -> None:
    made, clock = connect(store, tmp_path, NoticeKind.ACCEPTED, target="picky"), Clock()
    hand_in(store, declared("C-1", "Silk scarf"))
    clock.at = datetime.now(UTC)
    installed = targets.targets()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(targets, "targets", lambda: {k: v for k, v in installed.items() if k != "picky"})
        assert hand_over(store, clock) == Sent(0, 1)
    assert "no target" in store.connectors.by_id(made.connector_id).last_error
    clock.at += PAUSES[0]
    assert hand_over(store, clock) == Sent(1)


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("name", "other", "its name"),
        ("suffix", "xml", "its suffix"),
        ("media_type", None, "media_type"),
        ("write", 1, "write"),
    ],
)
def test_an_installed_target_that_cannot_be_used_is_refused_by_name(
    picky: None, monkeypatch: pytest.MonkeyPatch, member: str, value: object, words: str
) -> None:
    monkeypatch.setattr(Picky, member, value)
    with pytest.raises(targets.TargetError, match=f"'picky' cannot be used.*{words}"):
        targets.targets()


def test_to_an_address_it_is_signed_in_order_and_again_under_the_same_name(
    store: PostgresStore, receiver: Receiver
) -> None:
    made, clock = connect(store, receiver.url, NoticeKind.ACCEPTED), Clock()
    hand_in(store, declared("C-1"), declared("C-2"))
    clock.at = datetime.now(UTC)
    receiver.answers = [204, 500]
    assert hand_over(store, clock) == Sent(1, 1)
    clock.at += PAUSES[0]
    assert hand_over(store, clock) == Sent(1)
    one, two = told(store, NoticeKind.ACCEPTED)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [name_of(one), name_of(two), name_of(two)]
    assert made.secret is not None
    for headers, body in receiver.got:
        assert headers["content-type"] == "application/xml"
        verifier = Verifier(shown(made.secret))
        with pytest.raises(json.JSONDecodeError):  # the library reads the body as JSON once the signature is right
            verifier.verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, headers | {"webhook-id": headers["webhook-id"].replace("accepted", "released")})
        assert etree.fromstring(body).tag == "ASYCUDA"


def test_gone_ends_it_and_its_key(store: PostgresStore, receiver: Receiver) -> None:
    made = connect(store, receiver.url)
    hand_in(store, declared("C-1"))
    receiver.answers = [410]
    hand_over(store)
    assert store.connectors.by_id(made.connector_id).ended_at is not None
    assert hand_over(store) == Sent()


def test_many_steps_that_are_not_asked_for_are_passed_by_in_one_round(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidewaiter.store.connectors.STRETCH_ROWS", 2)
    connect(store, tmp_path, NoticeKind.ACCEPTED)
    hand_in(store, *(declared(f"D-{number}", jurisdiction_code="NO") for number in range(7)), declared("C-1"))
    assert hand_over(store) == Sent(taken=1)


def test_only_the_datasets_named(store: PostgresStore, tmp_path: Path) -> None:
    hand_in(store, declared("C-1"))
    dataset = store.outcome(store.find("C-1")).row.dataset
    connect(store, tmp_path / "one", NoticeKind.ACCEPTED, datasets=(dataset,))
    connect(store, tmp_path / "none", NoticeKind.ACCEPTED, datasets=("OTHER",), name="Another")
    assert hand_over(store) == Sent(taken=1)
    assert documents(tmp_path / "none") == []


def test_every_form_that_comes_with_the_house_can_be_handed_over(store: PostgresStore, tmp_path: Path) -> None:
    hand_in(store, declared("C-1"))
    for name in targets.targets():
        connect(store, tmp_path / name, NoticeKind.ACCEPTED, target=name, name=name)
    assert hand_over(store) == Sent(taken=len(targets.targets()))
    for name, target in targets.targets().items():
        (document,) = documents(tmp_path / name)
        assert document.endswith(target.suffix)
    (own,) = documents(tmp_path / "tidewaiter")
    said = json.loads((tmp_path / "tidewaiter" / "documents" / own).read_bytes())
    assert (said["kind"], said["version"]) == ("accepted", 1)
    assert said["evaluation"]["decision"]["lane"]
    (response,) = documents(tmp_path / "wco-response")
    assert b"FunctionCode" in (tmp_path / "wco-response" / "documents" / response).read_bytes()


def test_a_folder_and_a_name_are_given_once(store: PostgresStore, tmp_path: Path) -> None:
    made = connect(store, tmp_path)
    with pytest.raises(ConflictError, match="folder"):
        connect(store, tmp_path, name="Another")
    with pytest.raises(ConflictError, match="is or was"):
        connect(store, tmp_path / "other")
    store.connectors.end(made.connector_id, datetime.now(UTC))
    connect(store, tmp_path, name="Another")


def test_while_one_process_hands_over_another_does_not(store: PostgresStore, tmp_path: Path) -> None:
    made = connect(store, tmp_path)
    hand_in(store, declared("C-1"))
    with PostgresStore(store.url) as other, other.connectors.held(made.connector_id) as theirs:
        assert theirs is not None
        assert hand_over(store) == Sent()


class Replaying:
    """A form of document that somebody does something to its connector while it is written."""

    name, media_type, suffix = "replaying", "text/plain", ".txt"

    def __init__(self, does: Callable[[], object]) -> None:
        self._does = does
        self.written: list[str] = []

    def write(self, telling: Telling) -> bytes:
        self.written.append(telling.reference_id)
        if len(self.written) == 1:
            self._does()
        return telling.reference_id.encode()


def test_a_replay_asked_for_while_documents_are_handed_over_is_not_forgotten(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(store, declared("C-1"))
    notices = told(store)
    made = connect(store, tmp_path, target="replaying", after=notices[0].notice_id)
    target = Replaying(lambda: store.connectors.replay(made.connector_id, 0))
    monkeypatch.setattr(targets, "by_name", lambda _: target)
    hand_over(store)
    assert store.connectors.by_id(made.connector_id).taken == 0
    assert documents(tmp_path) == []
    hand_over(store)
    assert documents(tmp_path) == [f"{name_of(notice)}.txt" for notice in notices]


def test_what_ends_while_documents_are_handed_over_is_handed_nothing_more(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(store, declared("C-1"), declared("C-2"))
    monkeypatch.setattr(handing, "TOGETHER", 1)
    made = connect(store, tmp_path, target="replaying")
    target = Replaying(lambda: store.connectors.end(made.connector_id, datetime.now(UTC)))
    monkeypatch.setattr(targets, "by_name", lambda _: target)
    hand_over(store)
    assert len(target.written) == 1
    assert documents(tmp_path) == []
    with pytest.raises(ConflictError, match="has ended"):
        store.connectors.replay(made.connector_id, 0)


def test_a_slow_address_has_its_share_of_a_round_and_keeps_no_other_waiting(store: PostgresStore) -> None:
    hand_in(store, declared("C-1"), declared("C-2"))
    connect(store, "http://127.0.0.1:9/slow")
    connect(store, "http://127.0.0.1:9/other", name="Another")
    clock, has_other, sent = Clock(), threading.Event(), []

    def post(url: str, _: bytes, __: dict[str, str]) -> Answer:
        if url.endswith("other"):
            has_other.set()
            return Answer(204)
        sent.append(has_other.wait(60))
        clock.at += SHARE
        return Answer(204)

    Handing(store, store.connectors, post, clock=clock).round()
    assert sent == [True]


def test_of_what_came_to_nothing_there_is_no_sad(store: PostgresStore, tmp_path: Path) -> None:
    made = connect(store, tmp_path, NoticeKind.REJECTED, NoticeKind.REFUSED)
    hand_in(store, replace(declared("C-1"), goods_items=()))
    hand_in(store, declared("C-2", type_code="IMD"))
    Desk(store).act(store.find("C-2"), Trigger.REFUSED, "officer 7", "counterfeit")
    hand_over(store)
    given = store.connectors.not_written(made.connector_id, 0, 10)
    assert [(each.kind, each.code) for each in given] == [
        (NoticeKind.REJECTED, "declaration.transition"),
        (NoticeKind.REFUSED, "declaration.transition"),
    ]
    assert all("nothing to hand on" in each.words for each in given)
    assert documents(tmp_path) == []


def test_a_change_that_waits_for_its_declaration_is_no_document(store: PostgresStore, tmp_path: Path) -> None:
    made = connect(store, tmp_path, target="tidewaiter")
    hand_in(store, replace(declared("C-1"), function=MessageFunction.AMENDMENT))
    assert hand_over(store) == Sent()
    assert store.connectors.not_written(made.connector_id, 0, 10) == []
    hand_in(store, declared("C-1"))
    hand_over(store)
    assert all("-v" in name for name in documents(tmp_path))
    number, _ = store.connectors.find(store.connectors.by_id(made.connector_id), "C-1")
    assert number == store.find("C-1")
