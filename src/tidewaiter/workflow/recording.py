"""What is told to the record (ADR 36): an entry for each decision, event and act, in the transaction that keeps it.

    transaction.record.append([Recording("held", "declaration:17", "alarm:9", (("reason", "seal opened"),), {}, at)])

An entry says in the open what contracts need, and is bound to fields that are told to whoever has a right to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from tidewaiter.ledger.leaves import Fact, Leaf, bucket
from tidewaiter.model.decision import HoldKind, State
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.money import Money
from tidewaiter.release import Standing

if TYPE_CHECKING:
    from tidewaiter.workflow.records import ChangeOfState

DECIDED: Final = "decided"
RELEASING: Final = frozenset({"released", "cleared"})
"""States in which goods are at the disposal of the declarant: who decides so lifts what held them."""
HOLD_LABEL: Final = "hold:"
LIFTED_LABEL: Final = "lifted:"

DECISION_FIELDS: Final = (
    "evaluation_sha256",
    "version",
    "reference",
    "registered_id",
    "transport_document",
    "due",
    "commodity_code",
    "description",
    "consignor",
    "consignee",
    "consignee_postcode",
    "consignee_phone",
)
"""What a decision's entry is bound to beside what it says in the open, in this order. A list that is changed is another list: entries under this one
are opened by it, so it stays."""

CHANGE_FIELDS: Final = ("version", "from_state", "state", "triggers", "actor", "words", "recorded_at")
"""What the entry of a change of state is bound to, in this order."""

OFFICERS_ONLY: Final = ("actor", "words")
"""Fields that senders and buyers are not told: which officer, and what one officer wrote for the next."""

TEXT_LENGTH_MAX: Final = 200
"""Characters of a field; longer ones are cut."""

# What PostgreSQL cannot hold, and what UTF-8 cannot write, is left out of fields: a field is what is found again.
_ABSENT: Final = {0: None} | dict.fromkeys(range(0xD800, 0xE000))


class Recording(Struct, frozen=True):
    """One thing to be recorded: what kind, on what, and when.

    `subject` names what it is on ("declaration:17", "device:9", "stock:4"): all entries on one subject have the same
    scope, and are erased together. `label` is its own among all on the subject. `fields` are what the entry is bound
    to, `facts` what it says in the open; never an amount, a name or a number of somebody's parcel.
    """

    type: str
    subject: str
    label: str
    fields: Sequence[tuple[str, str]]
    facts: Mapping[str, Fact]
    at: datetime


class Record(Protocol):
    """The record, as one transaction of the writer sees it."""

    def append(self, recordings: Sequence[Recording]) -> None:
        """Write an entry for each, in this order, behind all that were written before.

        Raises LedgerError for a type, fact or field that no entry can have.
        """

    def append_kept(self, recordings: Sequence[Recording]) -> None:
        """The same of decisions, whose fields are found again in their evidence and are not kept twice."""

    def held(self, subjects: Sequence[str]) -> set[str]:
        """Which of these are held, as the record has it."""


class Recorded(Protocol):
    """What has the record at hand: the writer's transaction."""

    @property
    def record(self) -> Record:
        """The record that entries are written to."""


def leaf_of(recording: Recording, actor: str, scope: str, commitment: str) -> Leaf:
    """The entry of a recording, by the key that answers for it, on this scope."""
    return Leaf(
        actor=actor,
        at=bucket(recording.at),
        commitment=commitment,
        facts=dict(recording.facts),
        scope=scope,
        type=recording.type,
    )


def subject_of(declaration_id: int) -> str:
    """The subject of a declaration's entries."""
    return f"declaration:{declaration_id}"


def decision_label(message_id: int | None, position: int, version: int) -> str:
    """The label of a decision on a record of a message; of one at a desk, which is a version of its own."""
    return f"decision:{version}" if message_id is None else f"record:{message_id}:{position}"


class DecisionTold(Struct, frozen=True, kw_only=True):
    """What of a decision goes into its fields beside what was declared."""

    evaluation_sha256: str
    version: int
    reference: str
    registered_id: str
    due: Money | None


def decision_fields(told: DecisionTold, declaration: Declaration | None) -> list[tuple[str, str]]:
    """The fields that a decision's entry is bound to; `declaration` is what was decided on."""
    return [
        ("evaluation_sha256", told.evaluation_sha256),
        ("version", str(told.version)),
        ("reference", clean(told.reference)),
        ("registered_id", told.registered_id),
        *zip(DECISION_FIELDS[4:], _declared(declaration, due_text(told.due)), strict=True),
    ]


def due_text(due: Money | None) -> str:
    """What is due as a field tells it; "" where nothing was assessed."""
    return "" if due is None else f"{due.amount:f} {due.currency}"


def _declared(declaration: Declaration | None, due: str) -> tuple[str, ...]:
    if declaration is None:
        return "", due, "", "", "", "", "", ""
    items, document = declaration.goods_items, ""
    for documents in (
        declaration.consignment.transport_documents,
        *(item.transport_documents for item in items[:1]),
    ):
        if documents:
            document = documents[0].document_id
            break
    first = items[0] if items else None
    consignor = declaration.consignor or (first.consignor if first else None) or _NOBODY
    consignee = declaration.consignee or (first.consignee if first else None) or _NOBODY
    texts = (
        document, due, first.commodity_code if first else "", first.description if first else "", consignor.name,
        consignee.name, consignee.address.postcode if consignee.address else "", consignee.phone,
    )  # fmt: skip
    joined = "".join(texts)
    return (
        texts if joined.isascii() and "\0" not in joined and len(joined) < TEXT_LENGTH_MAX else tuple(map(clean, texts))
    )


def decision_facts(state: State, debt: str, *, is_assessed: bool) -> dict[str, Fact]:
    """What a decision's entry says in the open."""
    return {"assessed": 1 if is_assessed else 0, "debt": debt, "state": state.value}


def debt_of(due: Decimal | None, standing: Standing | None) -> str:
    """How the debt stands: "none", "open" while release waits for it, "paid" once it was, else "guaranteed".

    `due` is what is, in whatever currency; None where nothing was assessed. What is due and holds nothing up stands on an account or guarantee that the law
    lets it stand on.
    """
    if not due or due <= 0:
        return "none"
    if standing is not None and HoldKind.PAYMENT in standing.open_holds:
        return "open"
    return "paid" if standing is not None and HoldKind.PAYMENT in standing.settled_holds else "guaranteed"


def change_recording(
    change: ChangeOfState, transition_id: int, version: int, due: Decimal | None, standing: Standing
) -> Recording:
    """The entry of a change of state that no decision of its own led to; `standing` is where the declaration stands then."""
    told = (
        str(version), (change.from_state or ""), change.passed[-1][1].value,
        " ".join(trigger for trigger, _ in change.passed), change.actor, change.words, change.recorded_at.isoformat(),
    )  # fmt: skip
    facts = decision_facts(change.passed[-1][1], debt_of(due, standing), is_assessed=standing.is_assessed)
    fields = tuple(zip(CHANGE_FIELDS, map(clean, told), strict=True))
    return Recording(
        DECIDED, subject_of(change.declaration_id), f"transition:{transition_id}", fields, facts, change.recorded_at
    )


def is_releasing(recording: Recording) -> bool:
    """Whether an entry says that goods are released."""
    return recording.type == DECIDED and recording.facts.get("state") in RELEASING


def lifted_by(decision: Recording) -> Recording:
    """The entry that what held the goods is over, since this decision releases them."""
    fields = (("decision", decision.label),)
    return Recording("hold_lifted", decision.subject, LIFTED_LABEL + decision.label, fields, {}, decision.at)


def clean(text: str) -> str:
    """A text as fields hold it."""
    return text.translate(_ABSENT)[:TEXT_LENGTH_MAX]


_NOBODY: Final = Party()
