"""What members change among themselves: a new member, a key, the quorum, the sequencer. All as statements in the log."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import structs

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import EpochClosed, KeyRotated, MemberJoined, QuorumChanged
from tidewaiter.ledger.epochs import Closing, is_closed
from tidewaiter.ledger.leaves import bucket
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.charter import Charter, Follows, Member
from tidewaiter.network.demo.clock import quarter
from tidewaiter.network.demo.stage import Stage
from tidewaiter.network.founding import threshold
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.local import LocalError, Wanted

EIGHTH: Final = Wanted(label="logistics", part="mirror", roles=(Role.CARRIER,), database="own")
SIGNERS: Final = ("customs-north", "customs-south", "marketplace", "permits", "free-zone")
NEXT_ORIGIN: Final = "record.example/2"
NEXT_SEQUENCER: Final = "customs-south"


class Governing:
    """The members' own affairs."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.decision = 0

    def run(self) -> None:
        """All of it."""
        self._join()
        self._rotate()
        self._hand_over()
        self._count_anew()

    def _next(self) -> int:
        self.decision += 1
        return self.decision

    def _join(self) -> None:
        """An eighth member: the quorum lets it in, and then counts it."""
        stage, network = self.stage, self.stage.network
        stage.scene("An eighth member joins, and the quorum grows")
        home = network.make(EIGHTH)
        card = home.card("mirror")
        key = next(home.keyring.submitters())
        joined = MemberJoined(
            origin=stage.charter.origin, decision=self._next(), name=EIGHTH.label, roles=EIGHTH.roles,
            key=written_base64(key.verifier.public),
        )  # fmt: skip
        stage.decide("customs-north", joined, SIGNERS, key)
        members = {**stage.charter.members, EIGHTH.label: card}
        others = [name for name in members if name != stage.charter.sequencer]
        standing = structs.replace(stage.charter, members=members).with_policy(threshold("quorum", 5, others))
        home.begin(stage.charter, standing)
        network.start(EIGHTH.label)
        changed = QuorumChanged(origin=stage.charter.origin, decision=self._next(), policy=standing.policy)
        stage.decide("customs-north", changed, SIGNERS)
        stage.charter = standing
        (placed,) = stage.tell(
            EIGHTH.label, [stage.told("moved", self._own_subject(EIGHTH.label), fields=(("to", "hub 9"),))]
        )
        stage.await_final(placed)
        note = network.await_final(EIGHTH.label, (placed.index or 0) + 1)
        stage.line(EIGHTH.label, "has taken all entries and replayed them", f"{checkpoint_of(note).size} entries")
        signed = [each.key.name for each in standing.read_policy.believed(note).signed]
        stage.line("the quorum", "is 5 of 7 now", f"signed by {', '.join(signed)}")

    def _own_subject(self, who: str) -> str:
        with self.stage.network.operator(who) as operator:
            operator.keep_key("pallet 12")
        return "pallet 12"

    def _rotate(self) -> None:
        """A key is followed by another one: the old one signs, and counts no more."""
        stage, who = self.stage, "courier"
        stage.scene("The courier changes its key")
        keyring = stage.network.homes[who].keyring
        old = next(keyring.submitters())
        new = keyring.make_submitter()
        body = KeyRotated(
            origin=stage.charter.origin, old=submitter_number(old), new=written_base64(new.verifier.public)
        )
        placed = stage.decide(who, body, (who,), new)
        subject = self._own_subject(who)
        with stage.network.operator(who) as operator:
            try:
                placed = operator.tell([stage.told("moved", subject)])[0]
                why = placed.refuse.why if placed.refuse else "was taken"
            except Exception as error:
                why = getattr(error, "detail", str(error))
        stage.line(who, "uses the old key once more", f"refused: {why}")
        keyring.retire_submitter(old)
        stage.network.stop(who)
        stage.network.start(who)
        (placed,) = stage.tell(who, [stage.told("moved", subject)])
        stage.await_final(placed)
        stage.line(who, "goes on with the new key", f"final as entry {placed.index}")

    def _hand_over(self) -> None:
        """The origin is closed by its members, and goes on under another sequencer."""
        stage, network = self.stage, self.stage.network
        stage.scene("The members end the origin, and another one becomes sequencer")
        origin, old = stage.charter.origin, stage.charter.sequencer
        with network.operator(old) as operator:
            operator.ask(f"/end?origin={origin}")
            operator.await_quiet()
        mirrors = list(stage.charter.of_part("mirror"))
        held = {}
        for label in mirrors:
            with network.operator(label) as operator:
                held[label] = msgspec.json.decode(operator.ask(f"/freeze?origin={origin}"), type=dict[str, object])
        stage.line(", ".join(mirrors), "freeze: they cosign nothing more of it", f"{held[mirrors[0]]['size']} entries")
        if len({str(each) for each in held.values()}) != 1:
            raise LocalError("the mirrors do not hold the same", hint="bring the larger copy to the others first")
        log = network.homes[NEXT_SEQUENCER].keyring.make_log(NEXT_ORIGIN)
        last = Checkpoint(origin, int(str(held[mirrors[0]]["size"])), bytes.fromhex(str(held[mirrors[0]]["root"])))
        closing = Closing(last, log.verifier)
        note = SignedNote(closing.checkpoint.text, ())
        for label in mirrors:
            with network.operator(label) as operator:
                line = operator.ask(f"/close?origin={origin}", closing.checkpoint.text.encode()).decode()
            note = note.with_signatures(NoteSignature.parse(line.removesuffix("\n")))
        verdict = is_closed(note.data, stage.charter.read_policy)
        stage.line("the quorum", f"cosigns the end of {origin}", "closed" if verdict else verdict.reason)
        charter = self._following(note, log.verifier.text)
        for label in charter.members:
            with network.operator(label) as operator:
                operator.ask("/origins", {"charter": msgspec.json.decode(charter.data)})
        stage.charter = charter
        with network.operator(NEXT_SEQUENCER) as operator:
            state = operator.state_root()
        told = EpochClosed(
            origin=NEXT_ORIGIN, decision=self._next(), closed=origin, size=last.size, root=last.root.hex(), state=state,
            key=written_base64(log.verifier.public),
        )  # fmt: skip
        stage.decide("customs-north", told, SIGNERS, log)
        (placed,) = stage.tell("courier", [stage.told("moved", "pallet 12")])
        stage.await_final(placed)
        stage.line(
            "courier", f"records under {NEXT_SEQUENCER} as sequencer", f"final as entry {placed.index} of {NEXT_ORIGIN}"
        )

    def _count_anew(self) -> None:
        """The member that was sequencer counts among the others now, and the new sequencer does not."""
        stage = self.stage
        others = [name for name in stage.charter.members if name != NEXT_SEQUENCER]
        standing = stage.charter.with_policy(threshold("quorum", 5, others))
        changed = QuorumChanged(origin=NEXT_ORIGIN, decision=self._next(), policy=standing.policy)
        stage.decide("customs-north", changed, SIGNERS)
        stage.charter = standing
        stage.line("the quorum", "is 5 of the 7 members beside the sequencer", "any two quorums have three in common")

    def _following(self, closing: SignedNote, log: str) -> Charter:
        """The next origin's charter: the same members, of whom another one runs the log."""
        before = self.stage.charter
        members: dict[str, Member] = {}
        for name, member in before.members.items():
            part = "sequencer" if name == NEXT_SEQUENCER else "mirror" if member.part == "sequencer" else member.part
            members[name] = structs.replace(member, part=part)
        with self.stage.network.operator(NEXT_SEQUENCER) as operator:
            numbers = operator.numbers(before.origin)
        return Charter(
            origin=NEXT_ORIGIN, at=bucket(quarter()), log=log, policy=before.policy, members=members, numbers=numbers,
            follows=Follows(origin=before.origin, closing=closing.data),
        )  # fmt: skip
