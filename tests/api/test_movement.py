"""From an alarm to a hold over HTTP: events captured, a reading posted, the parcel held, shown, and answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from api import parcels
from api.conftest import Who
from tidewaiter.model.event_words import reference
from tidewaiter.movement.readings import Algorithm, DeviceKind, sign_with_secret
from tidewaiter.web.house import House
from tidewaiter.workflow.device_events import document
from tidewaiter.workflow.device_ports import Device
from tidewaiter.workflow.event_ports import Captor

SECRET = b"k" * 32
BAG = reference("receptacle", "GBLALBDKCPHAAUN60001001110005")


def at(minutes: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


def tell(house: House, **event: Any) -> None:
    whole = {"eventTime": at(30), "eventTimeZoneOffset": "+00:00", "action": "ADD"} | event
    captured = house.capturing.capture(document(whole, datetime.now(UTC)), Captor("test"), datetime.now(UTC))
    assert captured.is_success, captured.findings


def post(client: TestClient, device_id: str, body: dict[str, Any], signer: str = "") -> Any:
    content = json.dumps(body).encode()
    signature = sign_with_secret(SECRET, signer or device_id, content)
    return client.post(
        f"/api/v1/devices/{device_id}/readings", content=content,
        headers={"Tidewaiter-Signature": signature, "Content-Type": "application/json"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def guarded_parcel(client: TestClient, house: House, who: Who) -> str:
    """A parcel that waits for payment, in a bag under a seal."""
    declared = parcels.parcel("SEALED-1", parcels.item(1, "Wool scarf, woven", "6214200000", "180.00"), type_code="IMA")
    answer = client.post("/api/v1/messages", content=parcels.message(declared), headers=who.post)
    assert answer.status_code == 201, answer.text
    found = client.get("/api/v1/declarations/SEALED-1", headers=who.post).json()
    house.store.devices.add(
        Device(
            device_id="seal-7",
            kind=DeviceKind.SEAL,
            algorithm=Algorithm.HMAC_SHA256,
            key=SECRET,
            created_at=datetime.now(UTC),
        )
    )
    tell(
        house, type="AggregationEvent", eventID="urn:uuid:6f0c7b60-0000-4000-8000-000000000001", parentID=BAG,
        childEPCs=[reference("mrn", found["mrn"])], bizStep="packing",
    )  # fmt: skip
    tell(
        house, type="AssociationEvent", eventID="urn:uuid:6f0c7b60-0000-4000-8000-000000000002", parentID=BAG,
        childEPCs=[reference("device", "seal-7")], bizStep="installing",
    )  # fmt: skip
    return "SEALED-1"


def test_an_alarm_holds_the_parcel_and_is_answered(client: TestClient, guarded_parcel: str, who: Who) -> None:
    before = client.get(f"/api/v1/declarations/{guarded_parcel}", headers=who.post).json()
    assert before["state"] != "under_control"
    taken = post(client, "seal-7", {"counter": 1, "at": at(), "alarm": "wire cut", "position": "geo:51.96,1.35"})
    assert taken.status_code == 200, taken.text
    assert taken.json()["outcome"] == "taken"
    assert client.get(f"/api/v1/declarations/{guarded_parcel}", headers=who.post).json()["state"] == "under_control"
    movement = client.get(f"/api/v1/declarations/{guarded_parcel}/movement", headers=who.officer).json()
    assert [each["step"] for each in movement["passed"]][-1] == "seal_alarm"
    (finding,) = movement["findings"]
    assert (finding["rule_id"], finding["done"]) == ("movement.seal_alarm", "held")
    assert client.get(f"/api/v1/declarations/{guarded_parcel}/movement", headers=who.post).json()["findings"] == []
    listed = client.get("/api/v1/movement/findings", headers=who.officer).json()["findings"]
    assert finding in listed
    page = client.get(f"/parcels/{finding['declaration_id']}")
    assert "movement.seal_alarm" in page.text
    answer = {"rule_id": finding["rule_id"], "event_id": finding["event_id"], "words": "the seal froze"}
    address = f"/api/v1/declarations/{guarded_parcel}/movement/answers"
    assert client.post(address, json=answer, headers=who.post).status_code == 403
    assert client.post(address, json=answer, headers=who.officer).json()["answer"] == "the seal froze"
    assert client.post(address, json=answer, headers=who.officer).status_code == 409


@pytest.mark.parametrize(
    ("status", "code", "device_id", "body", "signer"),
    [
        (404, "device.unknown", "seal-8", {"counter": 9}, ""),
        (403, "device.forged", "seal-7", {"counter": 9}, "seal-8"),
        (409, "device.replayed", "seal-7", {"counter": 1, "seal": "closed"}, ""),
        (422, "device.reading", "seal-7", {"counter": 9, "position": "here"}, ""),
    ],
)
def test_what_is_refused_has_code_place_and_hint(
    client: TestClient, guarded_parcel: str, status: int, code: str, device_id: str, body: dict[str, Any], signer: str
) -> None:
    if code == "device.replayed":
        post(client, "seal-7", {"counter": 2, "at": at()})
    answer = post(client, device_id, {"at": at()} | body, signer)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["hint"]
    assert problem["place"]
