"""The record at the doors: logs for any reader, receipts for whose parcel it is, a page for who has number and code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from litestar.testing import TestClient
from msgspec import Struct

from api import parcels
from api.conftest import BASE, Who
from events import document, object_event
from tidewaiter.cli.ledger_files import Source, problems
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import TileReader
from tidewaiter.model.decision import State
from tidewaiter.web.house import House
from tidewaiter.workflow.event_ports import Captor
from tidewaiter.workflow.ports import DeclarationRow, Filter
from tidewaiter.workflow.recording import subject_of
from tidewaiter.workflow.recording_receipts import ParcelReceipt, verify

Ask = Callable[..., str]
TOKEN = re.compile(r'name="_token" value="([^"]+)"')


class Parcel(Struct, frozen=True):
    """One of the post's, with its code."""

    number: int
    reference: str
    code: str
    year: str


@pytest.fixture(scope="module")
def parcel(house: House, who: Who, client: TestClient) -> Parcel:
    """A night's load, sealed."""
    sent = client.post("/api/v1/messages", content=parcels.night(), headers=who.post)
    assert sent.status_code in (200, 201, 202), sent.text
    house.store.logs.seal()
    row = client.get("/api/v1/declarations?limit=1", headers=who.post).json()["declarations"][0]
    found = client.get(f"/api/v1/declarations/{row['declaration_id']}/record", headers=who.post).json()
    (log,) = house.store.logs.logs()
    return Parcel(row["declaration_id"], row["reference"], found["code"], str(log.year))


@pytest.fixture
def policy(client: TestClient, parcel: Parcel) -> Policy:
    return Policy.parse(client.get("/log/policy").content)


def test_a_reader_of_tiles_verifies_the_log_over_http(guarded: TestClient, parcel: Parcel, policy: Policy) -> None:
    def read(path: str) -> bytes | None:
        answer = guarded.get(f"/log/{path}")  # nobody signed in
        return answer.content if answer.status_code == 200 else None

    source = Source(read, [parcel.year])
    assert list(problems(source, policy)) == []
    assert source.entries > 0
    size = int(guarded.get(f"/log/{parcel.year}/checkpoint").text.split("\n")[1])
    assert TileReader(lambda path: read(f"{parcel.year}/{path}"), size).entry(size - 1).startswith(b'{"actor"')
    assert VerifierKey.parse(guarded.get(f"/log/{parcel.year}/key").text.strip()) == policy.logs[0].key


def test_caches_keep_what_never_changes_and_anybody_may_read(client: TestClient, house: House, parcel: Parcel) -> None:
    note = client.get(f"/log/{parcel.year}/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    assert note.headers["cache-control"] == "no-cache"
    size = int(note.text.split("\n")[1])
    partial = client.get(f"/log/{parcel.year}/tile/0/000.p/{size}" if size < 256 else f"/log/{parcel.year}/tile/0/000")
    assert partial.status_code == 200
    assert partial.headers["content-type"] == "application/octet-stream"
    assert partial.headers["access-control-allow-origin"] == "*"
    assert ("immutable" in partial.headers["cache-control"]) == (size >= 256)
    for path in (
        f"{parcel.year}/tile/0/999",
        f"{parcel.year}/tile/a",
        f"{parcel.year}/tile/0/000.p/255",
        "1999/checkpoint",
    ):
        assert client.get(f"/log/{path}").status_code == 404, path


def test_a_sender_has_receipts_of_its_own_and_no_officers_names(
    client: TestClient, who: Who, parcel: Parcel, policy: Policy
) -> None:
    address = f"/api/v1/declarations/{parcel.reference}/receipt"
    mine = client.get(address, headers=who.post)
    assert mine.status_code == 200
    shown = verify(mine.content, policy)
    assert all(each.verdict for each in shown)
    assert dict(shown[0].fields)["reference"] == parcel.reference
    assert client.get(address, headers=who.courier).status_code == 404
    assert client.get(address).status_code == 401
    one = client.get(f"{address}?fields=registered_id", headers=who.post)
    assert {field.name for each in ParcelReceipt.parse(one.content).entries for field in each.fields} == {
        "registered_id"
    }
    assert client.get(address, headers=who.officer).status_code == 200


def test_the_record_of_a_declaration_says_where_its_entries_stand(client: TestClient, who: Who, parcel: Parcel) -> None:
    found = client.get(f"/api/v1/declarations/{parcel.number}/record", headers=who.post).json()
    (entry,) = found["entries"]
    assert entry["is_sealed"]
    assert entry["type"] == "decided"
    assert re.fullmatch(r"[0-9a-f]{32}", found["scope"])
    assert re.fullmatch(r"([A-Z2-7]{4}-){2}[A-Z2-7]{4}", found["code"])


@pytest.fixture
def ask(guarded: TestClient) -> Ask:
    token = TOKEN.search(guarded.get("/track").text)
    assert token

    def ask(path: str = "/track", **fields: str) -> str:
        form = {"_token": token[1], **fields}
        answer = guarded.post(path, data=form, headers={"origin": BASE, "sec-fetch-site": "same-origin"})
        assert answer.status_code == 200, answer.text
        return answer.text

    return ask


def test_number_and_code_together_tell_and_either_alone_does_not(ask: Ask, parcel: Parcel, policy: Policy) -> None:
    page = ask(number=parcel.reference, code=parcel.code.lower().replace("-", " "))
    assert "data-verdict" in page
    wrong = ask(number=parcel.reference, code="AAAA-AAAA-AAAA")
    unknown = ask(number="no such parcel", code=parcel.code)
    for missed in (wrong, unknown):
        assert "Nothing is known under this number and code" in missed
        assert "data-verdict" not in missed
    kept = ask("/track/receipt", number=parcel.reference, code=parcel.code)
    shown = verify(kept.encode(), policy)
    assert all(each.verdict for each in shown)
    told = {name for each in shown for name, _ in each.fields}
    assert told <= {"reference", "registered_id", "transport_document", "due", "version", "state"}
    assert "this is no receipt of a parcel" in ask("/track/verify", receipt="{}")
    assert "What the receipt shows" in ask("/track/verify", receipt=kept)
    altered = ask("/track/verify", receipt=kept.replace("decided", "decidee"))
    assert "<strong>Not shown:</strong>" in altered


def test_how_long_it_takes_tells_no_stranger_whether_there_is_a_parcel(
    ask: Ask, house: House, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    codes, declarations = house.store.logs.codes, house.store.declarations

    def counted_codes(subjects: list[str]) -> dict[str, str]:
        asked.append(1)
        return codes(subjects)

    def counted_declarations(wanted: Filter) -> list[DeclarationRow]:
        asked.append(2)
        return declarations(wanted)

    monkeypatch.setattr(house.store.logs, "codes", counted_codes)
    monkeypatch.setattr(house.store, "declarations", counted_declarations)
    ask(number=parcel.reference, code="AAAA-AAAA-AAAA")
    there, asked[:] = list(asked), []
    ask(number=f"{parcel.reference}9", code="AAAA-AAAA-AAAA")
    assert asked == there == [2, 1]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("state", "cleared", "data-differs"), ("registered_id", "26GB00000000000000", "data-altered")],
)
def test_what_was_altered_beside_the_record_is_told_on_the_page(
    ask: Ask, house: House, parcel: Parcel, column: str, value: str, said: str
) -> None:
    def altered(to: str) -> str:
        with psycopg.connect(house.store.url, autocommit=True) as connection:
            change = f"UPDATE declaration d SET {column} = %s FROM declaration o WHERE d.declaration_id = %s"
            change += f" AND o.declaration_id = d.declaration_id RETURNING o.{column}"
            (before,) = connection.execute(change.encode(), [to, parcel.number]).fetchone() or ("",)
        return str(before)

    assert said not in ask(number=parcel.reference, code=parcel.code)
    before = altered(value)
    try:
        assert said in ask(number=parcel.reference, code=parcel.code)
    finally:
        altered(before)
    page = ask(number=parcel.reference, code=parcel.code)
    assert said not in page
    assert "data-verdict" in page


def test_what_was_erased_is_said_to_be(ask: Ask, house: House, parcel: Parcel) -> None:
    rows = house.store.declarations(Filter(limit=100))
    row = next(each for each in rows if each.state is State.RECEIVED and each.declaration_id != parcel.number)
    subject, reference = subject_of(row.declaration_id), row.functional_reference_id
    code = house.store.logs.code(subject)
    assert "data-verdict" in ask(number=reference, code=code)
    assert house.store.logs.forget(subject, "officer 7", "asked for", datetime.now(UTC))
    assert "Nothing is known under this number and code" in ask(number=reference, code=code)
    house.desk.confirm_arrival(row.declaration_id, "officer 7")
    new_code = house.store.logs.code(subject)
    assert new_code not in ("", code)
    assert "not sealed yet: 1." in ask(number=reference, code=new_code)
    house.store.logs.seal()
    page = ask(number=reference, code=new_code)
    assert "data-erased" in page
    assert "not sealed yet" not in page
    assert "data-verdict" not in page


def test_a_buyer_is_told_nobodys_name(ask: Ask, house: House, parcel: Parcel) -> None:
    page = ask(number=parcel.reference, code=parcel.code)
    declaration = house.store.decision(parcel.number).declaration
    assert declaration is not None
    for party in (declaration.consignee, declaration.consignor, declaration.seller, declaration.buyer):
        for value in (party.name, party.phone) if party else ():
            assert not value or value not in page
    for item in declaration.goods_items:
        assert item.description not in page


def test_whoever_has_the_code_is_told_the_way_and_no_door(
    client: TestClient, who: Who, house: House, ask: Ask, parcel: Parcel
) -> None:
    number = house.store.outcome(parcel.number).row.registered_id
    thing = f"https://tidewaiter.example/voc/ref/mrn/{number}"
    steps = [
        ("loading", "urn:epc:id:sgln:4012345.00001.0", "2026-06-14T08:00:00Z"),
        ("departing", "https://tidewaiter.example/voc/ref/place/north-quay", "2026-06-14T09:00:00Z"),
        ("https://tidewaiter.example/voc/handing_over", "geo:55.67,12.56", "2026-06-14T10:00:00Z"),
        ("https://tidewaiter.example/voc/delivering", "urn:example:door:7-main-street", "2026-06-14T11:00:00Z"),
    ]
    told = [
        object_event(epcList=[thing], bizStep=step, eventTime=at, eventTimeZoneOffset="+00:00", readPoint={"id": place})
        for step, place, at in steps
    ]
    by = Captor("Meridian Post", who.post_id)
    assert house.capturing.capture(document(*told), by, datetime(2026, 6, 14, 12, tzinfo=UTC)).is_success
    page = ask(number=parcel.reference, code=parcel.code)
    way = page[page.index("data-way") : page.index("What was decided")]
    assert [way.index(word) for word in ("loaded", "departed", "North quay")] == sorted(
        way.index(word) for word in ("loaded", "departed", "North quay")
    )
    assert "55.67" not in page
    assert "main street" not in page
    assert "Meridian" not in way
    assert way.count("as whoever declared it says") == 4
    house.store.senders.entrust(who.post_id, tells_of_all=True)
    assert ask(number=parcel.reference, code=parcel.code).count("as Meridian Post says") == 4
