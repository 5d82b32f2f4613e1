"""A capture job runs until all that follows from its events is done."""

from __future__ import annotations

import pytest
from litestar.testing import TestClient

from api.conftest import Who
from api.test_epcis import capture
from api.test_epcis_rights import declare
from events import object_event
from tidewaiter.web.api.epcis_answers import PREFIX
from tidewaiter.web.house import House
from tidewaiter.web.watching import watching
from tidewaiter.workflow.following import SLICE, Following


def test_a_job_runs_while_an_arrival_is_still_to_be_decided(
    client: TestClient, who: Who, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"RR{number:09d}SE" for number in range(SLICE + 1)]
    for number, each in enumerate(numbers):
        declare(client, who.post, f"JOB-{number}", each)
    things = [f"https://tidewaiter.example/voc/ref/s10/{each}" for each in numbers]
    with monkeypatch.context() as broken:
        broken.setattr(Following, "go_on", lambda _: 0)
        job = capture(client, who.post, object_event(epcList=things, bizStep="tidewaiter:presenting"))
    assert (job["running"], job["success"], job["errors"], "finishedAt" in job) == (True, True, [], False)
    assert client.get(f"{PREFIX}/capture", headers=who.post).json()[0] == job
    assert len(house.store.following.waiting(0, 1_000)) == len(numbers)
    watching(house.store)()
    done = client.get(f"{PREFIX}/capture/{job['captureID']}", headers=who.post).json()
    assert done == job | {"running": False, "finishedAt": done["finishedAt"]}
    assert done["finishedAt"] > done["createdAt"]
    assert house.store.following.waiting(0, 1) == []
