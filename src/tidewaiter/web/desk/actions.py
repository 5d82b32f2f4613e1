"""What an officer may do with a parcel as it stands, the likely things first."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidewaiter.model.decision import State
from tidewaiter.release.states import TABLE, Trigger
from tidewaiter.web.problem import WebError
from tidewaiter.web.standing import SETTLES, open_holds, open_request
from tidewaiter.workflow.ports import DecisionFile

NEXT: Final = {
    State.RECEIVED: Trigger.ARRIVED,
    State.UNDER_CONTROL: Trigger.EXAMINED_SATISFACTORY,
    State.AWAITING_DOCUMENTS: Trigger.DOCUMENTS_RECEIVED,
    State.AWAITING_PERMIT: Trigger.PERMIT_GRANTED,
    State.AWAITING_PAYMENT: Trigger.PAYMENT_RECEIVED,
    State.RELEASED: Trigger.CLEARED,
}
ENDING: Final = (Trigger.EXAMINED_NOT_SATISFACTORY, Trigger.PERMIT_REFUSED, Trigger.REFUSED)
ORDERING: Final = (
    Trigger.EXAMINATION_ORDERED,
    Trigger.DOCUMENTS_REQUESTED,
    Trigger.INFORMATION_REQUESTED,
    Trigger.PERMIT_REQUIRED,
)
WITHDRAWING: Final = (Trigger.INVALIDATION_REQUESTED, Trigger.INVALIDATION_GRANTED)


class Actions(Struct, frozen=True):
    """`likely` are done with one press; `other` want a reason, for they go against the sender or change the course."""

    likely: tuple[Trigger, ...]
    other: tuple[Trigger, ...]


def possible(file: DecisionFile) -> Actions:
    """What this parcel's state and open holds allow."""
    state = file.row.state
    row = TABLE[state]
    open_kinds = {hold.kind for hold in open_holds(file)}
    settling = [Trigger(trigger) for trigger, kind in SETTLES.items() if kind in open_kinds]
    likely = [NEXT[state]] if state in NEXT and not waits_for_nothing(file) else []
    likely += [trigger for trigger in settling if trigger not in likely]
    asked = open_request(file.transitions)
    answers = ANSWERS.get(asked, ())
    likely += [trigger for trigger in answers if trigger not in likely]
    withdrawing = [
        trigger for trigger in WITHDRAWING if trigger in row and row[trigger].to is State.INVALIDATED and not asked
    ]
    other = [*ENDING, *ORDERING, *withdrawing[:1]]
    return Actions(
        tuple(trigger for trigger in likely if trigger in row),
        tuple(trigger for trigger in other if trigger in row and trigger not in likely),
    )


def is_claim(file: DecisionFile) -> bool:
    """Whether it is what a third party says of a parcel."""
    return waits_for_nothing(file) and file.evaluation.decision.lane is None


def waits_for_nothing(file: DecisionFile) -> bool:
    """Whether it was received and no goods arrive under it: a claim, or a filing ahead of them."""
    return file.row.state is State.RECEIVED and file.evaluation.decision.on_arrival is None


ANSWERS: Final = {
    Trigger.AMENDED.value: (Trigger.AMENDMENT_GRANTED, Trigger.REQUEST_REFUSED),
    Trigger.INVALIDATION_REQUESTED.value: (Trigger.INVALIDATION_GRANTED, Trigger.REQUEST_REFUSED),
}


def chosen(name: str) -> Trigger:
    """The action of that name. Raises WebError where there is none."""
    try:
        return Trigger(name)
    except ValueError as error:
        raise WebError("request.invalid", f"There is no action {name[:40]!r}.", place="action") from error
