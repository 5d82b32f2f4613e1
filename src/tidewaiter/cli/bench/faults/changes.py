"""Members that change their network while it fails: who counts, with which keys, how many suffice, who joins and who leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct, structs

from tidewaiter.cli.bench.faults.members import MirrorMember
from tidewaiter.cli.bench.faults.roster import Roster
from tidewaiter.cli.bench.faults.submitters import Epoch
from tidewaiter.cli.bench.faults.world import Stated, World
from tidewaiter.ledger.batches import Batch, write_batch
from tidewaiter.ledger.contracts import Role, State
from tidewaiter.ledger.contracts.statements import Body, KeyRotated, MemberJoined, MemberLeft, QuorumChanged, Statement
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.wire import written_base64
from tidewaiter.simulation.chance import Chance

STEP_MS: Final = 150
PATIENCE_MS: Final = 900
"""How long a statement is handed in again, before members look what stands and sign anew."""
KINDS: Final = ("joins", "leaves", "cosigner", "quorum", "rotated", "lost")
COUNTED: Final = ("quorum", "cosigner rotated", "key rotated", "key lost", "joined", "left")
"""What is counted when a statement is in."""
SCOPE: Final = hashlib.sha256(b"tidewaiter governance v1").hexdigest()[:32]


class Network(Protocol):
    """What the council asks of the network."""

    def admit(self, name: str) -> None:
        """A member begins to mirror."""

    def leave(self, name: str) -> None:
        """A member's mirror is switched off for good."""

    def live(self) -> Sequence[MirrorMember]:
        """Honest mirrors of the origin that goes on, which are up."""


class Step(Struct, frozen=True):
    """One statement: what is counted when it is in, its body with a running number (none where it makes no sense any more),
    whether it stands, and keys that sign besides."""

    name: str
    body: Callable[[State, int], Body | None]
    is_done: Callable[[State], bool]
    keys: tuple[SignerKey, ...] = ()
    then: Callable[[], None] = lambda: None


class _Open(Struct):
    step: Step
    batch: Batch
    statement: bytes
    until: int


class Council:
    """Whoever decides for the honest members. It is told of the log by one of their mirrors."""

    def __init__(self, world: World, chance: Chance, roster: Roster, network: Network, epoch: Epoch) -> None:
        self.world, self.chance, self.roster, self.network, self.epoch = world, chance, roster, network, epoch
        self.name = "council"
        self.budget = 0
        self.is_calm = False
        self.steps: list[Step] = []
        self.open: _Open | None = None
        self.ended: list[SignerKey] = []
        """Keys that count no more, which somebody may have got hold of."""
        self.past: list[bytes] = []
        """Statements that were decided."""
        self.gone: set[str] = set()
        self.also: str = ""
        """A second sequencer, where the first tells two histories."""
        world.nodes[self.name] = self
        world.every(STEP_MS, self._step)

    def take(self, sender: str, message: Any) -> None:
        """What is answered is seen in the log."""

    def begin(self, epoch: Epoch) -> None:
        """The next origin has begun: what was not decided is decided there."""
        self.epoch, self.open, self.also = epoch, None, ""

    @property
    def is_done(self) -> bool:
        """Whether nothing is being decided."""
        return self.open is None and not self.steps

    def view(self) -> MirrorMember | None:
        """The mirror that holds most of the origin that is written now."""
        return max(self.network.live(), key=lambda each: each.machine.size, default=None)

    def _step(self) -> None:
        mirror = self.view()
        if mirror is None or mirror.machine.setup.origin != self.epoch.origin or self.epoch.sequencer == "":
            return
        state = mirror.contract.state
        if state.realm.previous is not None:
            return
        if self.open is not None and self._came_to_something(self.open, state):
            self.open = None
        if self.open is None and self.steps:
            self._decide(mirror, state)
        elif self.open is not None:
            self._hand_in(self.open)
        elif self.budget and not self.is_calm and self.chance.happens(500_000):
            self.budget -= 1
            self.steps = self._drawn(state)

    def _came_to_something(self, opened: _Open, state: State) -> bool:
        if opened.step.is_done(state):
            self._count(opened.step)
            self.past.append(opened.statement)
            return True
        return self.world.now > opened.until

    def _count(self, step: Step) -> None:
        self.world.tally[f"changes: {step.name}"] += 1
        self.steps.remove(step)
        step.then()

    def _decide(self, mirror: MirrorMember, state: State) -> None:
        step = self.steps[0]
        if step.is_done(state):
            self._count(step)
            return
        body = step.body(state, state.realm.decisions + 1)
        if body is None:
            self.steps.clear()
            return
        keys = self.live_keys(state)
        statement = Statement.of(body)
        for each in (*step.keys, *keys):
            statement = statement.signed(each)
        hander = self.chance.one_of(keys)
        batch = governing(mirror, self.epoch.origin, hander, statement)
        self.open = _Open(step, batch, statement.data, self.world.now + PATIENCE_MS)
        self._hand_in(self.open)

    def live_keys(self, state: State) -> list[SignerKey]:
        """The keys of honest members that count in a state."""
        signers = self.roster.signers
        return [
            signers[number] for number, each in sorted(state.keys.items())
            if number in signers and not each.ended and each.member in self.roster.honest and state.realm.members[each.member].is_in
        ]  # fmt: skip

    def _hand_in(self, opened: _Open) -> None:
        for to in (self.epoch.sequencer, self.also):
            if to:
                self.world.send(self.name, to, Stated(opened.batch, (opened.statement,)))

    def _drawn(self, state: State) -> list[Step]:
        names = list(Policy.parse(state.realm.policy.encode()).witnesses)
        kind = self.chance.one_of(KINDS)
        honest = [each for each in names if each in self.roster.honest]
        match kind:
            case "joins":
                return self._joins()
            case "leaves":
                away = [each for each in honest if each in self.gone] or honest
                return self._leaves(self.chance.one_of(away)) if len(names) > 3 * self.roster.tolerated + 1 else []
            case "cosigner":
                name = self.chance.one_of(honest)
                made = self.roster.next_cosigner(name)
                return [
                    self._quorum(
                        "cosigner rotated", lambda _, names: names if name in names else [],
                        lambda text: made.verifier.text in text,
                    )
                ]  # fmt: skip
            case "quorum":
                return self._counts(names)
            case _:
                return self._speaks(self.chance.one_of(honest), state, is_lost=kind == "lost")

    def _quorum(
        self, name: str, chosen: Callable[[State, list[str]], list[str]], is_done: Callable[[str], bool], more: int = 0
    ) -> Step:
        """Another policy, of members chosen from those of now: of none where another history has taken with it what made sense."""

        def body(state: State, number: int) -> Body | None:
            names = chosen(state, list(Policy.parse(state.realm.policy.encode()).witnesses))
            if not names:
                return None
            text = self.roster.policy(names, more).text.decode()
            return QuorumChanged(origin=state.realm.origin, decision=number, policy=text)

        return Step(name, body, lambda state: is_done(state.realm.policy))

    def _joins(self) -> list[Step]:
        name = self.roster.joined()
        made = self.roster.speakers[name][0]

        def body(state: State, number: int) -> Body:
            public = written_base64(made.verifier.public)
            return MemberJoined(origin=state.realm.origin, decision=number, name=name, roles=(Role.PORT,), key=public)

        return [
            Step("joined", body, lambda state: name in state.realm.members, (made,), lambda: self.network.admit(name)),
            self._quorum(
                "quorum",
                lambda state, names: [*names, name] if name in state.realm.members else [],
                lambda text: f"witness {name} " in text,
            ),
        ]

    def _leaves(self, name: str) -> list[Step]:
        def body(state: State, number: int) -> Body:
            return MemberLeft(origin=state.realm.origin, decision=number, name=name)

        return [
            self._quorum(
                "quorum", lambda _, names: [each for each in names if each != name],
                lambda text: f"witness {name} " not in text,
            ),
            Step("left", body, lambda state: name not in state.realm.members or not state.realm.members[name].is_in, (), lambda: self.network.leave(name)),
        ]  # fmt: skip

    def _counts(self, names: list[str]) -> list[Step]:
        """Another number suffices, or the same members in another order."""
        least = (len(names) + self.roster.tolerated) // 2 + 1
        more = self.chance.between(0, len(names) - self.roster.tolerated - least)
        turned = [*names[1:], names[0]]
        text = self.roster.policy(turned, more).text.decode()

        def chosen(_: State, now: list[str]) -> list[str]:
            return turned if set(turned) == set(now) else []

        return [self._quorum("quorum", chosen, lambda now: now == text, more)]

    def _speaks(self, name: str, state: State, *, is_lost: bool) -> list[Step]:
        """A member's key is followed by another: it signs that itself; where it is lost, the quorum does."""
        olds = [
            each
            for each in self.roster.speakers[name]
            if _number(each) in state.keys and not state.keys[_number(each)].ended
        ]
        old, new = olds[-1], self.roster.next_speaker(name)

        def body(now: State, number: int) -> Body | None:
            if _number(old) not in now.keys or now.keys[_number(old)].ended:
                return None
            made = written_base64(new.verifier.public)
            return KeyRotated(origin=now.realm.origin, old=_number(old), new=made, decision=number if is_lost else 0)

        word = "key lost" if is_lost else "key rotated"
        return [
            Step(word, body, lambda now: _number(new) in now.keys, (new, *(() if is_lost else (old,))), lambda: self.ended.append(old))
        ]  # fmt: skip


def governing(mirror: MirrorMember, origin: str, hander: SignerKey, statement: Statement) -> Batch:
    """A statement as a batch of one entry, under the next number of a key as a mirror has it."""
    return write_batch(
        origin, hander, mirror.machine.numbers.get(_number(hander), 0) + 1, (entry_of(mirror, hander, statement),)
    )


def entry_of(mirror: MirrorMember, hander: SignerKey, statement: Statement) -> bytes:
    """The entry that stands for a statement."""
    body = statement.said
    facts = {"policy": hashlib.sha256(body.policy.encode()).hexdigest()} if isinstance(body, QuorumChanged) else {}
    kind = str(body.__struct_config__.tag)
    at = mirror.contract.state.realm.clock
    leaf = Leaf(actor=_number(hander), at=at, commitment=statement.commitment, facts={}, scope=SCOPE, type=kind)
    return structs.replace(leaf, facts=facts).entry()


def _number(each: SignerKey) -> str:
    return key_number(each.verifier.public)
