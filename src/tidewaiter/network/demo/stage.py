"""The members of the demonstration, running, and how they are spoken with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import Body, QuorumChanged, Statement
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.network.charter import Charter
from tidewaiter.network.demo.clock import quarter
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import Placed, Told
from tidewaiter.network.local import LocalNetwork, Wanted

ORIGIN: Final = "record.example/1"
MEMBERS: Final = (
    Wanted(label="port", part="sequencer", roles=(Role.PORT, Role.DEVICE), database="own"),
    Wanted(label="customs-north", part="mirror", roles=(Role.CUSTOMS, Role.CUSTOMS_ORIGIN), database="own", house=True),
    Wanted(label="customs-south", part="mirror", roles=(Role.CUSTOMS, Role.CUSTOMS_ORIGIN), database="own"),
    Wanted(label="courier", part="mirror", roles=(Role.CARRIER, Role.COLLECTOR), database="own"),
    Wanted(label="marketplace", part="mirror", roles=(Role.MARKETPLACE, Role.COLLECTOR), database="own"),
    Wanted(label="free-zone", part="witness", roles=(Role.ZONE,), database="own"),
    Wanted(label="permits", part="witness", roles=(Role.PERMITS,), database="own"),
)
QUORUM: Final = 4
"""Of the six members beside the sequencer; any four and any other four have two in common."""


class Line(Struct, frozen=True):
    """One line of the account: in which scene, by whom, what was done, and what came of it."""

    scene: str
    who: str
    what: str
    result: str


class Stage:
    """The members, running. `say` is told each line as it happens."""

    def __init__(self, folder: Path, say: Callable[[Line], None]) -> None:
        self.network = LocalNetwork(folder)
        self.lines: list[Line] = []
        self._say = say
        self._scene = ""
        self.charter: Charter
        self.decisions = 0

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._scene = title

    def line(self, who: str, what: str, result: str) -> None:
        """Tell one line."""
        line = Line(self._scene, who, what, result)
        self.lines.append(line)
        self._say(line)

    def begin(self) -> None:
        """Found the network and start every member."""
        self.scene("Seven members are founded and started")
        parts = {self.network.make(wanted): wanted.part for wanted in MEMBERS}
        others = [each.label for each in MEMBERS if each.part != "sequencer"]
        self.charter = found(ORIGIN, parts, threshold("quorum", QUORUM, others), datetime.now(UTC))
        self.network.start(*(each.label for each in MEMBERS))
        for each in MEMBERS:
            process = self.network.processes[each.label]
            roles = ", ".join(role.value for role in each.roles)
            home = self.network.homes[each.label]
            self.line(
                each.label, f"runs as {each.part}", f"pid {process.pid}, {home.config.listen}; may write as {roles}"
            )

    def tell(self, who: str, told: Sequence[Told]) -> list[Placed]:
        """Have a member record things; what was refused is a line of the account."""
        with self.network.operator(who) as operator:
            placed = operator.tell(told)
        for each, result in zip(told, placed, strict=True):
            if result.refuse is not None:
                why = f"refused: {result.refuse.why} ({result.refuse.code}); {result.refuse.hint}"
                self.line(who, f"{each.type} on {each.subject}", why)
        return placed

    def key_of(self, who: str) -> SignerKey:
        """The key that a member signs statements with: that which it submits with."""
        return next(self.network.homes[who].keyring.submitters())

    def decide(self, by: str, body: Body, signers: Sequence[str], *more: SignerKey) -> Placed:
        """Hand in a statement that these members have signed, and further keys; one of them carries it."""
        statement = Statement.of(body)
        for key in (*(self.key_of(who) for who in signers), *more):
            statement = statement.signed(key)
        with self.network.operator(by) as operator:
            placed = operator.state(statement.data)
        kind = str(body.__struct_config__.tag)
        if placed.refuse is not None:
            self.line(by, kind, f"refused: {placed.refuse.why} ({placed.refuse.code})")
            return placed
        if isinstance(body, QuorumChanged):
            # Others count under the new quorum from the next block on; who holds this one knows that it is final.
            self.network.await_final(by, (placed.index or 0) + 1)
        else:
            self.await_final(placed)
        signed = ", ".join(signers)
        self.line(
            by, kind, f"final as entry {placed.index}, signed by {signed}" + (", and the new key" if more else "")
        )
        return placed

    def await_final(self, placed: Placed) -> None:
        """Return once an entry is final at every member that runs."""
        if placed.index is not None:
            for label in self.running():
                self.network.await_final(label, placed.index + 1)

    def running(self) -> list[str]:
        """The members that run and take part in the last origin."""
        return [label for label in self.charter.members if self.network.is_running(label)]

    def told(self, kind: str, subject: str, *, fields: Sequence[tuple[str, str]] = (), **facts: str | int) -> Told:
        """A thing to record at this moment; its label is its type and number on the subject."""
        self.decisions += 1
        return Told(
            type=kind,
            subject=subject,
            label=f"{kind}:{self.decisions}",
            fields=tuple(fields),
            facts=dict(facts),
            at=quarter(),
        )
