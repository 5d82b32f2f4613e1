"""What `docs/how-to/connect.md` shows to integrators runs as it stands there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tidewaiter.messages.answers import Telling
from tidewaiter.model.decision import Decision, Evaluation, NoticeKind, State
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.errors import MessageError
from tidewaiter.workflow import targets
from tidewaiter.workflow.connector_events import Happening, read, split

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "how-to" / "connect.md").read_text()
SECTION = PAGE.split("## An administration's own declaration system")[1].split("\n## ")[0]
TELLING = Telling(
    kind=NoticeKind.ACCEPTED,
    declaration=Declaration(importer=Party(name="Jo Example", party_id="GB123456789000")),
    evaluation=Evaluation(
        legal_day=date(2026, 6, 15), findings=(), assessment=None, judgement=None,
        decision=Decision(
            state=State.ACCEPTED, lane=None, category=None, dataset="", holds=(), on_arrival=None, words="", notices=()
        ),
    ),
    registered_id="26GB00000000000042A1",
    issued_at=datetime(2026, 6, 15, 9, tzinfo=UTC),
)  # fmt: skip


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_form_of_ones_own() -> None:
    made: dict[str, type[targets.Target]] = {}
    exec(compile(block("python"), "connect.md", "exec"), made)
    target = targets._installed("our-register", made["Register"], {})
    assert target.write(TELLING) == b"26GB00000000000042A1;GB123456789000;accepted\n"
    with pytest.raises(MessageError) as caught:
        target.write(replace(TELLING, declaration=Declaration()))
    assert caught.value.place == "importer.party_id"


def test_the_events() -> None:
    events = [read(body, datetime.now(UTC)) for _, body in split(block("json").encode())]
    assert [event.event_id for event in events] == ["A-730", "A-731", "A-732"]


def test_everything_that_can_happen_and_every_form_is_named() -> None:
    assert [name for name in Happening if f"`{name.value}`" not in SECTION] == []
    assert [name for name in ("asycuda-sad", "wco-response", "tidewaiter") if f"`{name}`" not in SECTION] == []
