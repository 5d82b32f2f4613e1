"""Somebody in the network who forges decisions of its members, with the keys of those that lie and of those that count no more."""

from __future__ import annotations

from typing import Any, Final

from msgspec import structs

from tidewaiter.cli.bench.faults.asking import End, Told
from tidewaiter.cli.bench.faults.changes import Council, entry_of
from tidewaiter.cli.bench.faults.members import MirrorMember
from tidewaiter.cli.bench.faults.roster import Roster, key
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.batches import Batch, Promise, write_batch
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts.statements import Body, EpochClosed, KeyRotated, MemberLeft, QuorumChanged, Statement
from tidewaiter.ledger.effects import Block, Refuse
from tidewaiter.ledger.epochs import Closing, is_closed
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, key_number
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Group, Party, Policy
from tidewaiter.ledger.signing import cosign
from tidewaiter.ledger.wire import written_base64

STRIKE_MS: Final = 200
FORGERIES: Final = (
    "too few signatures", "keys that count no more", "decisions handed in again", "sequencers of their own",
    "signatures that do not hold", "entries by keys that count no more", "signatures left out",
    "checkpoints with too few cosignatures", "final checkpoints shown again", "ends of an origin",
)  # fmt: skip


class Forger:
    """Hands in statements that ought to be refused, under a key that is registered; shows notes and ends that nobody gave."""

    def __init__(self, world: World, own: SignerKey, roster: Roster, council: Council) -> None:
        self.world, self.name, self.own, self.roster, self.council = world, "forger", own, roster, council
        self.actor = key_number(own.verifier.public)
        self.is_calm = False
        self.complaints: list[str] = []
        self._due = 1
        self._stated: list[tuple[str, Stated]] = []
        self._blocks: list[Block] = []
        self._told: list[tuple[str, bytes]] = []
        world.nodes[self.name] = self
        world.every(STRIKE_MS, self._strike)

    def overhear(self, sender: str, to: str, message: Any) -> None:
        """Remember what goes by."""
        if not sender.startswith(("sequencer", "twin")):
            return
        match message:
            case Stated(Block() as block):
                self._stated = [*self._stated[-7:], (to, message)]
                self._blocks = [*self._blocks[-7:], block]
            case Block():
                self._blocks = [*self._blocks[-7:], message]
            case Told(note):
                self._told = [*self._told[-7:], (to, note)]

    def take(self, sender: str, message: Any) -> None:
        """The number that is due next."""
        match message:
            case Promise(_, number_of, number) if number_of == self.actor:
                self._due = max(self._due, number + 1)
            case Refuse("batch.gap" | "batch.replayed", _, _, place):
                self._due = int(place)

    def _strike(self) -> None:
        mirror = self.council.view()
        if self.is_calm or mirror is None or not self.council.epoch.sequencer:
            return
        chance = self.world.chance
        match chance.below(9):
            case 0 | 1 | 2 | 3:
                self._hand_in(mirror, self._forged(mirror))
            case 4 if self.council.ended:
                self._with_ended(chance.one_of(self.council.ended))
            case 5 if self._stated:
                self._strip(*chance.one_of(self._stated))
            case 6 if self._blocks:
                self._tell(mirror, chance.one_of(self._blocks))
            case 7 if self._told:
                to, note = chance.one_of(self._told)
                self.world.send(self.name, to, Told(note))
                self._count("final checkpoints shown again")
            case _:
                self._end(mirror)

    def _count(self, what: str) -> None:
        self.world.tally["attacks"] += 1
        self.world.tally[f"forged: {what}"] += 1

    def _forged(self, mirror: MirrorMember) -> Statement:
        """A statement that lacks something."""
        state, chance = mirror.contract.state, self.world.chance
        due, origin = state.realm.decisions + 1, self.council.epoch.origin
        liars = [self.roster.speakers[name][-1] for name in sorted(self.roster.liars)]
        keys, body = liars, self._body(mirror, due)
        live = self.council.live_keys(state)
        match chance.below(5):
            case 0:
                self._count("too few signatures")
            case 1 if self.council.ended:
                self._count("keys that count no more")
                keys = [*liars, *self.council.ended]
            case 2 if self.council.past:
                self._count("decisions handed in again")
                return Statement.parse(chance.one_of(self.council.past))
            case 3:
                self._count("sequencers of their own")
                public = written_base64(key("own.example", KeyType.ED25519).verifier.public)
                size, root = mirror.machine.size, mirror.machine.root.hex()
                body = EpochClosed(
                    origin=origin, decision=due, closed="record.example/2025", size=size, root=root,
                    state=root, key=public,
                )  # fmt: skip
                keys = [*liars, key("own.example", KeyType.ED25519)]
            case _:
                self._count("signatures that do not hold")
                statement = Statement.of(body)
                made = {key_number(each.verifier.public): bytes(64) for each in live}
                return structs.replace(statement, signatures=made)
        statement = Statement.of(body)
        for each in keys:
            statement = statement.signed(each)
        return statement

    def _body(self, mirror: MirrorMember, due: int) -> Body:
        state, chance = mirror.contract.state, self.world.chance
        origin = self.council.epoch.origin
        names = list(Policy.parse(state.realm.policy.encode()).witnesses)
        match chance.below(3):
            case 0:
                few = sorted(self.roster.liars) or names[:1]
                own = Policy(
                    (), {name: Party(self.roster.cosigners[name][0].verifier) for name in few},
                    {"quorum": Group(1, tuple(few))}, "quorum",
                )  # fmt: skip
                return QuorumChanged(origin=origin, decision=due, policy=own.text.decode())
            case 1:
                return MemberLeft(origin=origin, decision=due, name=chance.one_of(names))
            case _:
                numbers = [key_number(each.verifier.public) for each in self.council.live_keys(state)]
                return KeyRotated(origin=origin, old=chance.one_of(numbers), decision=due)

    def _hand_in(self, mirror: MirrorMember, statement: Statement) -> None:
        batch = write_batch(self.council.epoch.origin, self.own, self._due, (entry_of(mirror, self.own, statement),))
        self._send(Stated(batch, (statement.data,)))

    def _send(self, message: Stated | Batch) -> None:
        for to in (self.council.epoch.sequencer, self.council.also):
            if to:
                self.world.send(self.name, to, message)

    def _with_ended(self, ended: SignerKey) -> None:
        """An entry by a key that was rotated away, under each number that may be due."""
        self._count("entries by keys that count no more")
        actor = key_number(ended.verifier.public)
        at = self.world.clock("") // 1000
        leaf = Leaf(
            actor=actor,
            at=at - at % BUCKET_SECONDS,
            commitment=f"{self.world.now:064x}",
            facts={},
            scope="e" * 32,
            type="arrived",
        )
        mirror = self.council.view()
        assert mirror is not None
        number = mirror.machine.numbers.get(actor, 0) + 1
        self._send(write_batch(self.council.epoch.origin, ended, number, (leaf.entry(),)))

    def _strip(self, to: str, message: Stated) -> None:
        """A block that goes by, whose statements lack signatures."""
        self._count("signatures left out")
        bare = []
        for each in message.statements:
            statement = Statement.parse(each)
            kept = dict(list(statement.signatures.items())[:1])
            bare.append(structs.replace(statement, signatures=kept).data)
        self.world.send(self.name, to, Stated(message.carried, tuple(bare)))

    def _tell(self, mirror: MirrorMember, block: Block) -> None:
        """A checkpoint as final, which only those have cosigned that lie."""
        self._count("checkpoints with too few cosignatures")
        note = SignedNote.parse(block.note)
        for name in sorted(self.roster.liars):
            note = note.with_signatures(
                cosign(note.text, self.roster.cosigners[name][-1], self.world.clock("") // 1000)
            )
        self.world.send(self.name, mirror.name, Told(note.data))

    def _end(self, mirror: MirrorMember) -> None:
        """An end of the origin with a sequencer of their own: where a mirror goes on, or has cosigned another end."""
        machine = mirror.machine
        if not machine.size or (machine.frozen is not None and not mirror.has_ended):
            return
        self._count("ends of an origin")
        last = Checkpoint(machine.setup.origin, machine.size, machine.root)
        closing = Closing(last, key("own.example/2026", KeyType.ED25519).verifier)
        self.world.send(self.name, mirror.name, End(closing.checkpoint.text))
        note = SignedNote(closing.checkpoint.text, ())
        for each in sorted(self.roster.liars):
            for own in self.roster.cosigners[each]:
                note = note.with_signatures(cosign(note.text, own, self.world.clock("") // 1000))
        if is_closed(note.data, mirror.standing.read_policy):
            self.complaints.append("those that lie have ended an origin by themselves")
