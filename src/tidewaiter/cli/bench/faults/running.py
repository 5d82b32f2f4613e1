"""One run of a plan: build the network, let things fail, let them heal, and look at what is left."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any, Final

from msgspec import Struct

from tidewaiter.cli.bench.faults.attackers import Attacker
from tidewaiter.cli.bench.faults.checking import Observer, Place, by_submitter
from tidewaiter.cli.bench.faults.members import Liar, Member, MirrorMember, SequencerMember
from tidewaiter.cli.bench.faults.people import Opener, People
from tidewaiter.cli.bench.faults.plans import Plan, drawn
from tidewaiter.cli.bench.faults.rules import Founding, Inventor, MakeRules, contract, founded, lawless, opened
from tidewaiter.cli.bench.faults.snapshots import Begun, Kept, start
from tidewaiter.cli.bench.faults.submitters import Epoch, Submitter
from tidewaiter.cli.bench.faults.world import Weather, World
from tidewaiter.ledger import mirroring, sequencing
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.joining import parts
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.policies import Group, Party, Policy
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.resuming import Log
from tidewaiter.ledger.sequencing import Limits, Sequencer, Start
from tidewaiter.simulation.chance import Chance

ORIGINS: Final = ("record.example/2026", "record.example/2026-2")
CALM_AT_MS: Final = 4_000
END_MS: Final = 24_000
FAULT_MS: Final = 150
WORDS: Final = ("assessed", "assessed", "arrived", "released", "held", "hold_lifted", "paid")


class Machines(Struct, frozen=True):
    """What members run: replaced in tests by machines with a fault planted in them."""

    sequencer: type[Sequencer] = Sequencer
    mirror: type[Mirror] = Mirror
    quorum: int | None = None


class Outcome(Struct, frozen=True):
    """What came of a seed: figures, refusals by code, and complaints."""

    plan: Plan
    figures: Counter[str]
    refusals: Counter[str]
    complaints: list[str]


def key(name: str, key_type: KeyType = KeyType.COSIGNATURE_ED25519) -> SignerKey:
    """A key whose seed follows from its name."""
    return SignerKey(name, key_type, key_number(name.encode()).encode())


class Network:
    """The members of one run, and what befalls them."""

    def __init__(self, plan: Plan, machines: Machines) -> None:
        self.plan, self.machines = plan, machines
        self.world = World(Chance("run", plan.seed), plan.weather)
        self.chance = Chance("faults", plan.seed)
        self.names = [f"m{number}" for number in range(plan.mirrors)]
        self.told = list(self.names)
        """The mirrors that the first sequencer sends blocks to."""
        self.liars = set(self.names[: plan.liars])
        self.honest = [name for name in self.names if name not in self.liars]
        quorum = machines.quorum or plan.quorum
        witnesses = {name: Party(key(f"{name}.example").verifier) for name in self.names}
        self.policy = Policy((), witnesses, {"quorum": Group(quorum, tuple(self.names))}, "quorum")
        self.logs = [key(origin, KeyType.ED25519) for origin in ORIGINS]
        self.observers = [
            Observer(origin, log.verifier, self.policy, self.liars)
            for origin, log in zip(ORIGINS, self.logs, strict=True)
        ]
        self.speakers = {name: key(f"{name}.speaks", KeyType.ED25519) for name in self.names}
        """The keys with which members sign statements, and what they hand in."""
        self.keys = {key_number(each.verifier.public): each.verifier.public for each in self.speakers.values()}
        self.second: MakeRules = partial(contract, b"")
        self.members: list[Member] = []
        self.mirrors: list[dict[str, MirrorMember]] = [{}, {}]
        self.closed: Place | None = None
        self._build()

    def _build(self) -> None:
        epoch = Epoch(ORIGINS[0], "sequencer", self.logs[0].verifier, {})
        self.submitters = [self._submitter(Submitter, f"s{number}", epoch) for number in range(self.plan.submitters)]
        self.attacker = self._submitter(Attacker, "attacker", epoch)
        customs = {each.name: each.key for each in (*self.submitters, self.attacker)}
        beginning = founded(Founding(self.speakers, customs, self.policy, self.logs[0]))
        self.lawful: MakeRules = partial(contract, beginning)
        rules = partial(lawless, beginning) if self.plan.manner == "breaks the rules" else self.lawful
        self._mirrors(0, self.lawful, {})
        self.sequencer = self._sequencer("sequencer", 0, rules, Start(), self.told)
        self.people = People(self.world, self.observers[0], self.names, self.logs[1].verifier)
        self.people.done = self._next_epoch
        self.people.is_lawful = lambda place: self._late(0, place, self.lawful, {}).size == place[0]
        self.world.seen = self._seen
        self.world.every(FAULT_MS, self._fault)
        for name in self.honest[-self.plan.gone :] if self.plan.gone else []:
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

    def _mirrors(self, number: int, rules: MakeRules, numbers: dict[str, int]) -> None:
        suffix = "" if number == 0 else "/2"
        for name in self.names:
            member_key = key(f"{name}.example")
            if name in self.liars:
                Liar(self.world, name + suffix, ORIGINS[number], member_key)
                continue
            setup = mirroring.Setup(ORIGINS[number], self.logs[number].verifier, member_key, self.keys, numbers)
            made = MirrorMember(self.world, name + suffix, partial(self._mirror, setup, rules))
            made.peers = tuple(each + suffix for each in self.honest if each != name)
            self.world.skew[name] = self.chance.between(-900_000, 900_000)
            self.mirrors[number][name] = made
            self.members.append(made)

    def _mirror(
        self, setup: mirroring.Setup, rules: MakeRules, records: list[bytes], snapshot: Kept[Any] | None
    ) -> Mirror:
        begun = self._begun(rules, records, snapshot, Log(setup.origin, setup.log))
        return self.machines.mirror.recovered(setup, begun.contract, begun.records, *begun.resumed)

    def _begun(self, rules: MakeRules, records: list[bytes], snapshot: Kept[Any] | None, log: Log) -> Begun[Any]:
        begun = start(rules, records, snapshot, log)
        self.world.tally["started from snapshots"] += len(begun.resumed)
        return begun

    def _sequencer(self, name: str, number: int, rules: MakeRules, start: Start, mirrors: list[str]) -> SequencerMember:
        def make(records: list[bytes], snapshot: Kept[Any] | None) -> Sequencer:
            setup = sequencing.Setup(
                ORIGINS[number], self.logs[number], self.policy, tuple(mirrors), self.keys, Limits(12, 200, 400), start
            )
            kind = Inventor if number == 0 and self.plan.manner == "makes entries up" else self.machines.sequencer
            begun = self._begun(rules, records, snapshot, Log(setup.origin, setup.key.verifier))
            return kind.recovered(setup, begun.contract, begun.records, *begun.resumed)

        made = SequencerMember(self.world, name, make)
        made.suffix = "" if number == 0 else "/2"
        self.members.append(made)
        return made

    def _sequencer_faults(self) -> None:
        at = self.chance.between(300, 1_800)
        match self.plan.manner:
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
        if isinstance(member, Member):
            member.is_gone = True
            member.crash()
            self.world.tally["gone for good"] += 1

    def _fork(self) -> None:
        """The sequencer goes on from where it is in two ways, each for some of the mirrors and submitters."""
        size = self.chance.between(1, len(self.honest) - 1)  # of the honest mirrors that are told the other history
        other = [*self.honest[:size], *self.liars]
        twin = self._sequencer("twin", 0, self.lawful, Start(), other)
        twin.disk.append(self.sequencer.disk.read())
        twin.is_up = False
        twin.start()
        if self.chance.happens(750_000):
            self.told[:] = [*self.honest[size:], *self.liars]
            self.sequencer.machine.change(self.policy, self.told)
        for place, submitter in enumerate(self.submitters):
            if place % 2 == 0:
                submitter.epoch = Epoch(ORIGINS[0], "twin", self.logs[0].verifier, {})
        self.world.tally["split views"] += 1

    def _end_epoch(self) -> None:
        """People cut the sequencer off and end its origin."""
        for member in self.members:
            if isinstance(member, SequencerMember):
                member.is_gone = True
                member.crash()
        self.people.begin()

    def _next_epoch(self, last: Place) -> None:
        """The origin has ended: the next begins with the state that it led to, at the member of an honest mirror."""
        self.closed = last
        replayed = self._replayed(0, last, self.lawful, {})
        speakers = [self.speakers[name] for name in self.honest]
        begun = opened(contract_of(replayed), last[1], self.logs[1], speakers)
        numbers, self.second = replayed.numbers, partial(contract, begun.snapshot, begun.statements)
        self._mirrors(1, self.second, numbers)
        self._sequencer("sequencer2", 1, self.second, Start(numbers), self.names)
        epoch = Epoch(ORIGINS[1], "sequencer2", self.logs[1].verifier, numbers)
        for name in self.honest[-self.plan.gone :] if self.plan.gone else []:
            self._goes(f"{name}/2")

        def begins() -> None:
            for submitter in (*self.submitters, self.attacker):
                submitter.begin(epoch)

        Opener(self.world, speakers[0], begun.entry, epoch, begins)

    def _replayed(self, number: int, last: Place, rules: MakeRules, numbers: dict[str, int]) -> Mirror:
        """The whole log, taken in by somebody who was not there; a complaint where that cannot be."""
        late = self._late(number, last, rules, numbers)
        if (late.size, late.root) != last:
            why = late.frozen.why if late.frozen else "it does not say why"
            self.observers[number].complaints.append(f"the final log of {last[0]} entries does not replay: {why}")
        return late

    def _late(self, number: int, last: Place, rules: MakeRules, numbers: dict[str, int]) -> Mirror:
        """Somebody who was not there takes the log in up to a place, verifying all of it."""
        setup = mirroring.Setup(
            ORIGINS[number], self.logs[number].verifier, key("late.example"), self.keys, dict(numbers)
        )
        late = Mirror(setup, rules())
        for block in self.observers[number].blocks(last):
            late.receive(block, "late", self.world.clock(""))
        return late

    def _seen(self, sender: str, to: str, message: Any) -> None:
        for observer in self.observers:
            observer.saw(sender, message)
        self.attacker.overhear(sender, to, message)

    def _fault(self) -> None:
        """Something fails, while it may."""
        if self.world.now >= CALM_AT_MS:
            return
        up = [member for member in self.members if member.is_up]
        if not up:
            return
        member = self.chance.one_of(up)
        match self.chance.weighed((24, 14, 12, 10, 8, 4, 14)):
            case 1:
                member.crash()
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
        self.attacker.is_calm = True
        for member in self.members:
            self._mended(member)

    def run(self) -> Outcome:
        """Let it happen, and look."""
        self.world.after(CALM_AT_MS, self._heal)
        for members in self.mirrors:
            for mirror in members.values():
                mirror.restarted = self.observers[0 if mirror.name in self.names else 1].check_restarted
        self.world.run(END_MS, self._is_done)
        return judged(self)

    def _is_done(self) -> bool:
        """Whether all that was handed in is final, and every mirror that can has followed."""
        if self.world.now < CALM_AT_MS + 200:
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
        if not sequencer.is_up or sequencer.machine.final_size < sequencer.machine.size:
            return False
        return all(
            mirror.is_up and mirror.machine.size >= sequencer.machine.final_size
            for mirror in self.mirrors[number].values()
            if not mirror.is_gone
        )


def contract_of(mirror: Mirror) -> Contract:
    """The contract in the state that a mirror's log has led to."""
    assert isinstance(mirror.rules, Contract)
    return mirror.rules


def judged(network: Network) -> Outcome:
    """What is left of a run, and what is wrong with it."""
    world, plan = network.world, network.plan
    complaints = [each for observer in network.observers for each in observer.complaints]
    first, second = network.observers
    number = 1 if network.closed is not None else 0
    ends = [network.closed if network.closed is not None else first.latest(), second.latest()]
    if network.closed is not None and not all(first.is_prefix(place, network.closed) for place in first.final):
        complaints.append("the origin was ended beside or before what was final")
    if network.closed is None:
        network._replayed(0, ends[0], network.lawful, {})
    else:
        closed = network._replayed(0, ends[0], network.lawful, {})
        network._replayed(1, ends[1], network.second, closed.numbers)
    complaints += [each for observer in network.observers for each in observer.complaints if each not in complaints]
    said = by_submitter(first.entries(ends[0]) + second.entries(ends[1]))
    complaints += left_out(network, said) + joined(network)
    proved = world.tally["equivocations proved"]
    if proved and plan.manner != "two tongues":
        complaints.append("an honest sequencer was proved to have signed two logs")
    if not network._is_done():
        stuck = "after the origin had ended" if number else "in the first origin"
        if plan.manner == "two tongues" and network.closed is None and proved:
            world.tally["left to people, with evidence"] += 1
        else:
            complaints.append(f"it did not come to an end {stuck}")
    world.tally["final checkpoints"] = len(first.final) + len(second.final)
    world.tally["final entries"] = ends[0][0] + ends[1][0]
    return Outcome(plan, world.tally, world.refusals, complaints)


def joined(network: Network) -> list[str]:
    """Somebody joins and catches up from the tiles of each final log; complaints where that cannot be."""
    complaints = []
    rules = (network.lawful, network.second)
    for member in network.members:
        if not isinstance(member, SequencerMember) or member.final is None:
            continue
        number = int(bool(member.suffix))
        observer, note = network.observers[number], member.final.note
        end = next(place for place in observer.final if place[0] == member.final.size)
        files: dict[str, bytes] = {}
        writer = TileWriter()
        for tile, data in [*writer.add(observer.entries(end)), *writer.edge()]:
            files[tile.path] = data
        log = network.logs[number].verifier
        mirror = Mirror(mirroring.Setup(ORIGINS[number], log, key("joins.example"), network.keys), rules[number]())
        for part in parts(TileReader(files.get, end[0]), 0, note):
            mirror.fill(part, network.policy, "joins", network.world.clock(""))
        if (mirror.size, mirror.root, mirror.note) != (*end, note):
            complaints.append(f"nobody can join from the tiles of {end[0]} entries of {member.name}")
        network.world.tally["joined from tiles"] += 1
    return complaints


def left_out(network: Network, said: dict[str, list[tuple[str, str]]]) -> list[str]:
    """What was handed in or promised and is not in the final log, or more than once, or in another order."""
    complaints: list[str] = []
    for submitter in (*network.submitters, network.attacker):
        found = said.get(submitter.actor, [])
        if len(set(found)) != len(found):
            complaints.append(f"{submitter.name} has an entry in the log twice")
        order = {each: place for place, each in enumerate(submitter.all_entries())}
        places = [order.get(each, -1) for each in found]
        if -1 in places or places != sorted(places):
            complaints.append(f"{submitter.name} has entries in the log that it did not hand in, or out of order")
        complaints += promises_broken(network, submitter, set(found))
    return complaints


def promises_broken(network: Network, submitter: Submitter, found: set[tuple[str, str]]) -> list[str]:
    """Promises of sequencers that did not lie, whose entries are not in the final log."""
    if not network._is_done() and network.plan.manner == "two tongues":
        return []
    complaints = []
    for (origin, number), promise in submitter.promises.items():
        if origin == ORIGINS[0] and network.plan.manner not in ("honest", "dies"):
            continue
        refused = {each.place for each in promise.refused}
        for place, entry in enumerate(submitter.entries_of(number)):
            if place not in refused and entry not in found:
                complaints.append(f"{submitter.name} was promised entry {place} of batch {number}, and it is not final")
    return complaints


def run(seed: int, machines: Machines = Machines()) -> Outcome:  # noqa: B008 (frozen)
    """What comes of a seed."""
    return Network(drawn(seed), machines).run()
