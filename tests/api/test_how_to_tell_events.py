"""What `docs/how-to/tell-events.md` shows to carriers' developers runs as it stands there, from top to bottom."""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from api.conftest import Who
from receivers import Receiver
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.deliveries import posting
from tidewaiter.web.house import House
from tidewaiter.workflow.subscribing import Subscriber

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/tell-events.md").read_text()
FILE = re.compile(r"[Ss]ave this as `(?P<name>[a-z]+\.json)`[^`]*```json\n(?P<content>.*?)```", re.DOTALL)
BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def curl(client: TestClient, line: str, key: str, files: dict[str, str]) -> Any:
    """What curl would be answered."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("address")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-X", default="GET")
    parser.add_argument("-H", action="append")
    parser.add_argument("--data-binary", default="")
    words = shlex.split(line.replace("$EPCIS", PREFIX).replace("$KEY", key))
    assert words[0] == "curl"
    asked = parser.parse_args(words[1:])
    headers = dict(each.split(": ", 1) for each in asked.H)
    body = files[asked.data_binary.removeprefix("@")].encode() if asked.data_binary else None
    return client.request(asked.X, asked.address, headers=headers, content=body)


def events_in(document: Any) -> list[Any]:
    listed: list[Any] = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def test_the_page_runs_as_it_stands(client: TestClient, who: Who, house: House, receiver: Receiver) -> None:
    house.store.webhooks.add(who.courier_id, receiver.url, 0)
    files = {match["name"]: match["content"] for match in FILE.finditer(PAGE)}
    assert list(files) == ["arrived.json", "places.json", "query.json", "subscription.json"]
    for content in files.values():
        json.loads(content)
    at_kestrel = "https://kestrel.example/customs/events"
    assert at_kestrel in files["subscription.json"]
    files["subscription.json"] = files["subscription.json"].replace(at_kestrel, receiver.url)
    lines = [line for block in BLOCKS.findall(PAGE) for line in block.strip().splitlines()]
    key = who.courier["Authorization"].removeprefix("Bearer ")
    steps = iter(lines)

    def run() -> Any:
        return curl(client, next(steps), key, files)

    told = run()
    assert told.status_code == 202
    (job,) = run().json()
    assert (job["success"], len(job["eventIDs"]), f"{PREFIX}/capture/{job['captureID']}") == (
        True, 2, told.headers["Location"],
    )  # fmt: skip
    assert [each["bizStep"] for each in events_in(run().json())] == ["arriving", "packing"]
    assert run().status_code == 202
    (arrived,) = events_in(run().json())
    assert run().status_code == 201
    assert [each["eventID"] for each in events_in(run().json())] == [arrived["eventID"]]
    assert run().status_code == 201
    (subscription,) = run().json()
    assert (subscription["dest"], subscription["stream"]) == (receiver.url, True)
    with posting(trust_env=False) as post:
        assert Subscriber(house.store.events, post).round() == 1
    ((headers, body),) = receiver.got
    secret = json.loads(files["subscription.json"])["signatureToken"].encode()
    assert base64.b64decode(headers["gs1-signature"]) == hmac.digest(secret, body, "sha256")
    assert [each["eventID"] for each in events_in(json.loads(body))] == [arrived["eventID"]]
    assert run().status_code == 204
    assert list(steps) == []
