"""One run of a plan: build the network, let things fail, let them heal, and look at what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from msgspec import Struct

from tidewaiter.cli.bench.faults.attackers import Attacker
from tidewaiter.cli.bench.faults.changes import Council
from tidewaiter.cli.bench.faults.checking import EMPTY, Observer, Place
from tidewaiter.cli.bench.faults.forgers import Forger
from tidewaiter.cli.bench.faults.judging import judged
from tidewaiter.cli.bench.faults.liars import Liar
from tidewaiter.cli.bench.faults.members import MirrorMember, SequencerMember
from tidewaiter.cli.bench.faults.people import Opener, People
from tidewaiter.cli.bench.faults.plans import ORIGINS, Plan, drawn
from tidewaiter.cli.bench.faults.processes import Member
from tidewaiter.cli.bench.faults.roster import Roster, key
from tidewaiter.cli.bench.faults.rules import Founding, Inventor, MakeRules, contract, founded, lawless, opened
from tidewaiter.cli.bench.faults.snapshots import Begun
from tidewaiter.cli.bench.faults.submitters import Epoch, Submitter
from tidewaiter.cli.bench.faults.world import Weather, World
from tidewaiter.ledger import mirroring, sequencing
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.effects import Block
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.sequencing import Limits, Sequencer, Start
from tidewaiter.network.agreeing import Agreements
from tidewaiter.network.charter import Charter
from tidewaiter.network.charter import Member as CharterMember
from tidewaiter.network.rules import named_in
from tidewaiter.simulation.chance import Chance

CALM_AT_MS: Final = 4_000
END_MS: Final = 24_000
FAULT_MS: Final = 150
HANDED_OVER_MS: Final = 3_000
"""How much longer things fail where the origin is handed over meanwhile."""
AWAY_MS: Final = 3_000
WORDS: Final = ("assessed", "assessed", "arrived", "released", "held", "hold_lifted", "paid")


class Machines(Struct, frozen=True):
    """What members run: replaced in tests by machines with a fault planted in them."""

    sequencer: type[Sequencer] = Sequencer
    mirror: type[Mirror] = Mirror
    quorum: int | None = None
    agreements: type[Agreements] = Agreements


class Outcome(Struct, frozen=True):
    """What came of a seed: figures, refusals by code, and complaints."""

    plan: Plan
    figures: Counter[str]
    refusals: Counter[str]
    complaints: list[str]


class Network:
    """The members of one run, and what befalls them."""

    def __init__(self, plan: Plan, machines: Machines) -> None:
        self.plan, self.machines = plan, machines
        self.world = World(Chance("run", plan.seed), plan.weather)
        self.chance = Chance("faults", plan.seed)
        self.roster = Roster(plan, machines.quorum)
        self.gone = set(self.roster.honest[-plan.gone :] if plan.gone else [])
        self.told = list(self.roster.names)
        """The mirrors that the first sequencer sends blocks to."""
        self.policy = self.roster.policy(self.roster.names)
        self.logs = [key(origin, KeyType.ED25519) for origin in ORIGINS]
        self.observers = [
            Observer(origin, log.verifier, self.policy, self.roster)
            for origin, log in zip(ORIGINS, self.logs, strict=True)
        ]
        self.keys = {number: each.verifier.public for number, each in self.roster.signers.items()}
        self.second: MakeRules = partial(contract, b"")
        self.members: list[Member] = []
        self.mirrors: list[dict[str, MirrorMember]] = [{}, {}]
        self.closed: Place | None = None
        self.calm_at = CALM_AT_MS + (HANDED_OVER_MS if plan.manner == "hands over" else 0)
        self.leaving: set[str] = set()
        self._build()

    def _build(self) -> None:
        epoch = Epoch(ORIGINS[0], "sequencer", self.logs[0].verifier, {})
        self.submitters = [self._submitter(Submitter, f"s{number}", epoch) for number in range(self.plan.submitters)]
        self.attacker = self._submitter(Attacker, "attacker", epoch)
        forger = key("forger", KeyType.ED25519)
        customs = {each.name: each.key for each in (*self.submitters, self.attacker)} | {forger.name: forger}
        members = {name: self.roster.speakers[name][0] for name in self.roster.names}
        beginning = founded(Founding(members, customs, self.policy, self.logs[0]))
        self.lawful: MakeRules = partial(contract, beginning)
        rules = partial(lawless, beginning) if self.plan.manner == "breaks the rules" else self.lawful
        self.charters = [self._charter(0, self.policy, {})]
        self._mirrors(0, self.roster.names)
        self.sequencer = self._sequencer("sequencer", 0, rules, self.told)
        self.people = People(self.world, self.observers[0], self.roster.names, self.logs[1].verifier)
        self.people.done = self._next_epoch
        self.people.is_lawful = lambda place: self._late(0, place, self.lawful, {}).size == place[0]
        self.people.quorums = self._quorums
        self.council = Council(self.world, Chance("council", self.plan.seed), self.roster, self, epoch)
        self.council.budget = self.plan.changes
        self.council.gone = self.gone
        self.forger = Forger(self.world, forger, self.roster, self.council)
        self.world.seen = self._seen
        self.world.every(FAULT_MS, self._fault)
        self.world.every(FAULT_MS, self._leave)
        for name in sorted(self.gone):
            self.world.after(self.chance.between(500, CALM_AT_MS), partial(self._goes, name))
        self._sequencer_faults()

    def _submitter(self, kind: type[Any], name: str, epoch: Epoch) -> Any:
        made = kind(self.world, name, key(name, KeyType.ED25519), epoch)
        self.keys[made.actor] = made.key.verifier.public
        self.world.skew[name] = self.chance.one_of((0, 0, -400_000, 300_000, 4_000_000)) if made.is_plain else 0
        scopes = [f"{name}/{number}" for number in range(4)]
        for _ in range(self.plan.batches):
            made.work.append(
                [(self.chance.one_of(scopes), self.chance.one_of(WORDS)) for _ in range(self.chance.between(1, 5))]
            )
        return made

    def _charter(self, number: int, policy: Policy, numbers: dict[str, int]) -> Charter:
        sequencer = "sequencer2" if number else "sequencer"
        members = {
            name: CharterMember(part="mirror", url=name, key=each.key.text) for name, each in policy.witnesses.items()
        }
        members[sequencer] = CharterMember(part="sequencer", url=sequencer, key="")
        text = policy.text.decode()
        return Charter(
            origin=ORIGINS[number],
            at=0,
            log=self.logs[number].verifier.text,
            policy=text,
            members=members,
            numbers=numbers,
        )

    def _mirrors(self, number: int, names: Iterable[str]) -> None:
        """Members begin to mirror an origin; those that know one another show what they hold."""
        suffix, charter = "/2" if number else "", self.charters[number]
        rules = self.second if number else self.lawful
        for name in names:
            keys = self.roster.cosigners[name]
            if name in self.roster.liars:
                Liar(self.world, name + suffix, ORIGINS[number], keys[0])
                continue
            made = MirrorMember(
                self.world, name + suffix, charter, self._mirror, rules, keys=keys, agreements=self.machines.agreements
            )
            made.shelf |= self.roster.statements
            made.restarted, made.took = self.observers[number].check_restarted, self._took
            self.world.skew.setdefault(name, self.chance.between(-900_000, 900_000))
            self.mirrors[number][name] = made
            self.members.append(made)
        for name, each in self.mirrors[number].items():
            each.peers = tuple(other + suffix for other in self.mirrors[number] if other != name)

    def _mirror(self, member: MirrorMember, begun: Begun[Any], records: Iterable[bytes]) -> Mirror:
        charter = member.standing
        setup = mirroring.Setup(
            charter.origin, charter.log_key, member.key, _view(begun.contract), dict(charter.numbers)
        )
        return self.machines.mirror.recovered(setup, begun.contract, records, *begun.resumed)

    def _took(self, mirror: MirrorMember, block: Block) -> None:
        for each in named_in(block.entries):
            self.roster.statements[each] = mirror.shelf[each]
        self.observers[mirror.name != mirror.label].took(mirror, Checkpoint.parse(SignedNote.parse(block.note).text))

    def _sequencer(self, name: str, number: int, rules: MakeRules, mirrors: list[str] | None = None) -> SequencerMember:
        inventing = number == 0 and self.plan.manner == "makes entries up"
        kind = Inventor if inventing else self.machines.sequencer

        def make(member: SequencerMember, begun: Begun[Any], records: Iterable[bytes]) -> Sequencer:
            charter = member.standing
            told = tuple(charter.of_part("mirror") if mirrors is None or charter is not self.charters[0] else mirrors)
            setup = sequencing.Setup(
                charter.origin, self.logs[number], charter.read_policy, told, _view(begun.contract), Limits(12, 200, 400),
                Start(dict(charter.numbers), begun.contract.state.realm.clock),
            )  # fmt: skip
            return kind.recovered(setup, begun.contract, records, *begun.resumed)

        member = SequencerMember(
            self.world, name, self.charters[number], make, rules, agreements=self.machines.agreements
        )
        member.shelf |= self.roster.statements
        member.suffix = "/2" if number else ""
        self.members.append(member)
        return member

    def _sequencer_faults(self) -> None:
        at = self.chance.between(300, 1_800)
        match self.plan.manner:
            case "hands over":
                self.world.after(at, self._hand_over)
            case "dies":
                self.world.after(at, lambda: self._goes("sequencer"))
                self.world.after(CALM_AT_MS + 500, self._end_epoch)
            case "two tongues":
                self.world.after(at // 3, self._fork)
                self.world.after(CALM_AT_MS + 1_500, self._end_epoch)
            case "breaks the rules" | "makes entries up":
                self.world.after(CALM_AT_MS + 1_500, self._end_epoch)

    def _goes(self, name: str) -> None:
        """A member goes, and never comes back."""
        member = self.world.nodes[name]
        if isinstance(member, Member) and not member.is_gone:
            member.is_gone = True
            member.crash()
            self.world.tally["gone for good"] += 1

    def _leave(self) -> None:
        """Who has left is switched off once it is final that the others count without it."""
        number = int(self.closed is not None)
        for name in sorted(self.leaving):
            if all(name not in each.standing.members for each in self.live()):
                self.leaving.discard(name)
                if name in self.mirrors[number]:
                    self._goes(self.mirrors[number][name].name)

    def admit(self, name: str) -> None:
        """As `changes.Network` has it."""
        self._mirrors(int(self.closed is not None), [name])

    def leave(self, name: str) -> None:
        """As `changes.Network` has it."""
        self.leaving.add(name)

    def live(self) -> list[MirrorMember]:
        """As `changes.Network` has it."""
        return [each for each in self.mirrors[int(self.closed is not None)].values() if each.is_up]

    def _fork(self) -> None:
        """The sequencer goes on from where it is in two ways, each for some of the mirrors and submitters."""
        honest, liars = self.roster.honest, sorted(self.roster.liars)
        size = self.chance.between(1, len(honest) - 1)  # of the honest mirrors that are told the other history
        twin = self._sequencer("twin", 0, self.lawful, [*honest[:size], *liars])
        twin.disk.append(self.sequencer.disk.read())
        twin.shelf |= self.sequencer.shelf
        twin.standing = self.sequencer.standing
        twin.is_up = False
        twin.start()
        if self.chance.happens(750_000):
            self.told[:] = [*honest[size:], *liars]
            machine = self.sequencer.machine
            machine.change(machine.setup.policy, self.told)
        for place, submitter in enumerate(self.submitters):
            if place % 2 == 0:
                submitter.epoch = Epoch(ORIGINS[0], "twin", self.logs[0].verifier, {})
        self.council.also = "twin"
        self.world.tally["split views"] += 1

    def _hand_over(self) -> None:
        """The sequencer takes nothing more; people end its origin once all it has is final, or they have waited long enough."""
        until = self.world.now + HANDED_OVER_MS // 2
        self.world.tally["handed over"] += 1

        def look() -> None:
            machine = self.sequencer.machine
            if self.sequencer.is_up:
                self.sequencer.run(machine.close())
                if (machine.final_size == machine.size and self.council.open is None) or self.world.now > until:
                    self._end_epoch()
                    return
            self.world.after(50, look)

        look()

    def _end_epoch(self) -> None:
        """People cut the sequencer off and end its origin."""
        self.council.epoch = Epoch("", "", self.logs[0].verifier, {})
        for member in self.members:
            if isinstance(member, SequencerMember):
                member.is_gone = True
                member.crash()
        self.people.members = list(self.mirrors[0]) + sorted(self.roster.liars)
        self.people.begin()

    def _quorums(self, place: Place) -> list[Policy]:
        """Those that have to cosign an end: who counts there, and who did where it is not known to be final that they do."""
        observer = self.observers[0]
        settled = max((each for each in observer.final if observer.is_prefix(each, place)), default=EMPTY)
        counts = observer.decided.get(settled)  # once that is final, who counted before it is asked no more
        found = [Policy.parse(counts.encode()) if counts else observer.in_force(settled)]
        found += [Policy.parse(text.encode()) for at, text in observer.decided.items()
                  if observer.is_prefix(at, place) and at[0] > settled[0]]  # fmt: skip
        return found

    def _next_epoch(self, last: Place) -> None:
        """The origin has ended: the next begins with the state that it led to, at the member of an honest mirror."""
        replayed = self.replayed(0, last, self.lawful, {})
        ended = contract_of(replayed)
        speakers = self.council.live_keys(ended.state)
        begun = opened(ended, last[1], self.logs[1], speakers)
        self.roster.statements |= begun.statements
        numbers, self.second = replayed.numbers, partial(contract, begun.snapshot)
        policy = Policy.parse(ended.state.realm.policy.encode())
        self.observers[1].policy = policy
        self.charters.append(self._charter(1, policy, numbers))
        self.closed = last
        self._mirrors(1, [name for name in self.roster.names if name in policy.witnesses or name in self.mirrors[0]])
        self._sequencer("sequencer2", 1, self.second)
        epoch = Epoch(ORIGINS[1], "sequencer2", self.logs[1].verifier, numbers)
        for name in sorted(self.gone):
            if name in self.mirrors[1]:
                self._goes(f"{name}/2")

        def begins() -> None:
            self.council.begin(epoch)
            for submitter in (*self.submitters, self.attacker):
                submitter.begin(epoch)

        Opener(self.world, speakers[0], begun.entry, epoch, begins)

    def replayed(self, number: int, last: Place, rules: MakeRules, numbers: dict[str, int]) -> Mirror:
        """The whole log, taken in by somebody who was not there; a complaint where that cannot be."""
        late = self._late(number, last, rules, numbers)
        if (late.size, late.root) != last:
            why = late.frozen.why if late.frozen else "it does not say why"
            self.observers[number].complaints.append(f"the final log of {last[0]} entries does not replay: {why}")
        return late

    def _late(self, number: int, last: Place, rules: MakeRules, numbers: dict[str, int]) -> Mirror:
        """Somebody who was not there takes the log in up to a place, verifying all of it."""
        made = rules(self.roster.statements)
        setup = mirroring.Setup(
            ORIGINS[number], self.logs[number].verifier, key("late.example"), _view(made), dict(numbers)
        )
        late = Mirror(setup, made)
        for block in self.observers[number].blocks(last):
            late.receive(block, "late", self.world.clock(""))
            if named_in(block.entries):
                late.setup.submitters = _view(made)
        return late

    def _seen(self, sender: str, to: str, message: Any) -> None:
        for observer in self.observers:
            observer.saw(sender, message)
        self.attacker.overhear(sender, to, message)
        self.forger.overhear(sender, to, message)

    def _fault(self) -> None:
        """Something fails, while it may."""
        if self.world.now >= self.calm_at:
            return
        up = [member for member in self.members if member.is_up]
        if not up:
            return
        member = self.chance.one_of(up)
        match self.chance.weighed((24, 14, 12, 10, 8, 4, 14, 5)):
            case 1:
                member.crash()
            case 7 if isinstance(member, MirrorMember):
                member.rest = AWAY_MS
                member.crash()
                self.world.tally["away for long"] += 1
            case 2 if not self.world.cut:
                names = [each.name for each in self.members]
                self.world.cut = {name for name in names if self.chance.happens(350_000)}
                self.world.tally["partitions"] += bool(self.world.cut)
                self.world.after(self.chance.between(200, 1_500), self.world.cut.clear)
            case 3:
                member.disk.is_full = True
                self.world.tally["disks full"] += 1
                self.world.after(self.chance.between(100, 900), lambda: self._mended(member))
            case 4:
                member.disk.is_failing = True
                self.world.after(self.chance.between(50, 400), lambda: self._mended(member))
            case 5:
                self.world.skew[member.name] = self.chance.between(-900_000, 900_000)
                self.world.tally["clocks set"] += 1
            case 6:
                member.is_trapped = True

    @staticmethod
    def _mended(member: Member) -> None:
        member.disk.is_full = member.disk.is_failing = False

    def _heal(self) -> None:
        self.world.weather = Weather(delay=10)
        self.world.cut.clear()
        self.attacker.is_calm = self.council.is_calm = self.forger.is_calm = True
        for member in self.members:
            self._mended(member)

    def run(self) -> Outcome:
        """Let it happen, and look."""
        self.world.after(self.calm_at, self._heal)
        self.world.run(END_MS, self.is_done)
        return Outcome(self.plan, self.world.tally, self.world.refusals, judged(self))

    def is_done(self) -> bool:
        """Whether all that was handed in is final, and every mirror that can has followed."""
        if self.world.now < self.calm_at + 200:
            return False
        if any(
            each.done < len(each.work) or each.epoch.origin != ORIGINS[self.closed is not None]
            for each in (*self.submitters, self.attacker)
        ):
            return False
        if self.plan.manner != "honest" and self.closed is None:
            return False
        number = 1 if self.closed is not None else 0
        sequencer = self.world.nodes["sequencer2" if number else "sequencer"]
        assert isinstance(sequencer, SequencerMember)
        if not sequencer.is_up or sequencer.machine.final_size < sequencer.machine.size or not self.council.is_done:
            return False
        return all(
            mirror.is_up and mirror.machine.size >= sequencer.machine.final_size
            and mirror.standing.policy == sequencer.standing.policy
            for name, mirror in self.mirrors[number].items()
            if not mirror.is_gone and name in sequencer.standing.members
        )  # fmt: skip


def _view(made: Contract) -> dict[str, bytes]:
    return made.state.submitters


def contract_of(mirror: Mirror) -> Contract:
    """The contract in the state that a mirror's log has led to."""
    assert isinstance(mirror.rules, Contract)
    return mirror.rules


def run(seed: int, machines: Machines = Machines()) -> Outcome:  # noqa: B008 (frozen)
    """What comes of a seed."""
    return Network(drawn(seed), machines).run()
