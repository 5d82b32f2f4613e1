"""Seals: opened by nobody who may, and alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tidewaiter.model.finding import Severity
from tidewaiter.movement.course import Course
from tidewaiter.movement.registry import Circumstances, Seen, rule
from tidewaiter.movement.steps import Step

_UCC: Final = "Regulation (EU) No 952/2013 (Union Customs Code)"


@rule("movement.seal_opened", Severity.ERROR, source=f"{_UCC}, Article 192(2)")
def seal_opened(way: Course, circumstances: Circumstances) -> Sequence[Seen]:
    """A seal was opened by nobody who may: customs had neither said that they examine the goods nor released them."""
    return [
        Seen(
            each.moved.event_id, each.moved.device_id or each.moved.place,
            "The seal was opened without authority.", "compare what is in it with what was declared",
        )
        for each in way.of(Step.SEAL_OPENED)
        if not _may_be_opened(each.moved.happened_at, circumstances)
    ]  # fmt: skip


@rule("movement.seal_alarm", Severity.ERROR, source=f"{_UCC}, Article 192(2); EPCIS 2.0 sensor type ALARM_CONDITION")
def seal_alarm(way: Course, _: Circumstances) -> Sequence[Seen]:
    """A device that guards the goods gave alarm."""
    return [
        Seen(
            each.moved.event_id, each.moved.device_id or each.moved.place,
            f"Alarm of a device{': ' + each.moved.words if each.moved.words else ''}.", "look at the goods and the seal",
        )
        for each in way.of(Step.SEAL_ALARM)
    ]  # fmt: skip


def _may_be_opened(at: datetime, circumstances: Circumstances) -> bool:
    return any(since is not None and since <= at for since in (circumstances.controlled_at, circumstances.released_at))
