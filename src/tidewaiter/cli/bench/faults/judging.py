"""What is left of a run, and what is wrong with it: looked at by whoever sees all, and by readers that know only what anybody may."""

from __future__ import annotations

from typing import Protocol

from tidewaiter.cli.bench.faults.attackers import Attacker
from tidewaiter.cli.bench.faults.checking import Observer, Place, by_submitter
from tidewaiter.cli.bench.faults.forgers import Forger
from tidewaiter.cli.bench.faults.members import MirrorMember, SequencerMember
from tidewaiter.cli.bench.faults.plans import ORIGINS, Plan
from tidewaiter.cli.bench.faults.processes import Member
from tidewaiter.cli.bench.faults.roster import Roster, key
from tidewaiter.cli.bench.faults.rules import MakeRules
from tidewaiter.cli.bench.faults.submitters import Submitter
from tidewaiter.cli.bench.faults.world import World
from tidewaiter.ledger import mirroring
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.joining import parts
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import range_hash
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import TileReader
from tidewaiter.network.holding import checkpoint_of


class Network(Protocol):
    """What is looked at."""

    plan: Plan
    world: World
    roster: Roster
    observers: list[Observer]
    logs: list[SignerKey]
    members: list[Member]
    submitters: list[Submitter]
    attacker: Attacker
    forger: Forger
    closed: Place | None
    lawful: MakeRules
    second: MakeRules
    keys: dict[str, bytes]

    def replayed(self, number: int, last: Place, rules: MakeRules, numbers: dict[str, int]) -> Mirror:
        """The whole log, taken in by somebody who was not there."""

    def is_done(self) -> bool:
        """Whether all that was handed in is final."""


class Reader:
    """Somebody outside, who knows the policy that an origin began with, and reads the log with its statements."""

    def __init__(self, network: Network, number: int, end: Place) -> None:
        self.network, self.number, self.end = network, number, end
        self.log = network.logs[number].verifier
        self.made: Contract = (network.lawful, network.second)[number](network.roster.statements)
        self.quorums: dict[int, tuple[bytes, Policy]] = {}
        self.wrong: list[str] = []
        self._read()

    def _read(self) -> None:
        """The root and the quorum that a checkpoint of each size is to be judged by; and whether a key speaks that has ended."""
        observer, origin = self.network.observers[self.number], ORIGINS[self.number]
        for block in observer.blocks(self.end):
            policy, keys = self.made.state.realm.policy, self.made.state.keys
            leaves = [Leaf.parse(entry) for entry in block.entries]
            self.wrong += [
                f"an entry of “{origin}” is by {each.actor}, which had ended before it"
                for each in leaves
                if each.actor in keys and keys[each.actor].ended
            ]
            if self.made.take(leaves):
                self.wrong.append(f"a reader's contract does not take what is final in “{origin}”")
                return
            checkpoint = checkpoint_of(block.note)
            self.quorums[checkpoint.size] = checkpoint.root, Policy.parse(policy.encode()).with_log(self.log)

    def complaints(self, observer: Observer) -> list[str]:
        """What members took for final, and the reader does not; and whom they believe, and the reader does not."""
        found = list(self.wrong)
        for member in self.network.members:
            if not isinstance(member, SequencerMember) or bool(member.suffix) != bool(self.number):
                continue
            for final in member.finals:
                root, policy = self.quorums.get(final.size, (b"", None))
                if policy is None or checkpoint_of(final.note).root != root:
                    continue
                if not (believed := policy.believed(final.note)).verdict:
                    why = believed.verdict.reason
                    found.append(f"{member.name} took {final.size} entries for final, a reader does not: {why}")
            if not member.is_gone and self.network.is_done() and member.standing.policy != self.made.state.realm.policy:
                found.append(f"{member.name} goes by another quorum than a reader of its log")
        return found


def gone_by(network: Network) -> list[str]:
    """What sequencers and mirrors went by that was not final, or not what was decided there."""
    complaints = []
    for member in network.members:
        if isinstance(member, SequencerMember):
            observer = network.observers[bool(member.suffix)]
            complaints += [
                f"{member.name} took {each.size} entries for final, for which no quorum in force spoke"
                for each in member.finals
                if not observer.is_final(each.note)
            ]
        elif isinstance(member, MirrorMember):
            observer = network.observers[member.name != member.label]
            for each in member.adopted:
                root = range_hash(member.log.node, 0, each.size) if each.size <= member.log.size else b""
                if not observer.is_final(each.note):
                    complaints.append(
                        f"{member.name} goes by what was decided in {each.size} entries that are not final"
                    )
                if observer.decided.get((each.size, root)) != each.policy:
                    complaints.append(f"{member.name} goes by another quorum than {each.size} entries decide")
    return complaints


def judged(network: Network) -> list[str]:
    """What is left of a run, and what is wrong with it."""
    world, plan = network.world, network.plan
    complaints = [each for observer in network.observers for each in observer.complaints]
    first, second = network.observers
    number = 1 if network.closed is not None else 0
    ends = [network.closed if network.closed is not None else first.latest(), second.latest()]
    if network.closed is not None and not all(first.is_prefix(place, network.closed) for place in first.final):
        complaints.append("the origin was ended beside or before what was final")
    if network.closed is None:
        network.replayed(0, ends[0], network.lawful, {})
    else:
        closed = network.replayed(0, ends[0], network.lawful, {})
        network.replayed(1, ends[1], network.second, closed.numbers)
    complaints += [each for observer in network.observers for each in observer.complaints if each not in complaints]
    said = by_submitter(first.entries(ends[0]) + second.entries(ends[1]))
    complaints += left_out(network, said) + joined(network) + gone_by(network)
    for place, observer in enumerate(network.observers[: number + 1]):
        complaints += Reader(network, place, ends[place]).complaints(observer)
    proved = world.tally["equivocations proved"]
    if proved and plan.manner != "two tongues":
        complaints.append("an honest sequencer was proved to have signed two logs")
    if not network.is_done():
        stuck = "after the origin had ended" if number else "in the first origin"
        if plan.manner == "two tongues" and network.closed is None and proved:
            world.tally["left to people, with evidence"] += 1
        else:
            complaints.append(f"it did not come to an end {stuck}")
    world.tally["final checkpoints"] = len(first.final) + len(second.final)
    world.tally["final entries"] = ends[0][0] + ends[1][0]
    return complaints + network.forger.complaints


def joined(network: Network) -> list[str]:
    """Somebody joins and catches up from the tiles of each final log; complaints where that cannot be."""
    complaints = []
    rules = (network.lawful, network.second)
    for member in network.members:
        if not isinstance(member, SequencerMember) or member.final is None:
            continue
        number = int(bool(member.suffix))
        observer, note = network.observers[number], member.final.note
        end = next((place for place in observer.final if place[0] == member.final.size), None)
        if end is None:
            continue  # `gone_by` complains of that
        files: dict[str, bytes] = {}
        writer = TileWriter()
        for tile, data in [*writer.add(observer.entries(end)), *writer.edge()]:
            files[tile.path] = data
        log = network.logs[number].verifier
        made = rules[number](network.roster.statements)
        mirror = Mirror(mirroring.Setup(ORIGINS[number], log, key("joins.example"), network.keys), made)
        for part in parts(TileReader(files.get, end[0]), 0, note):
            mirror.fill(part, observer.in_force(end), "joins", network.world.clock(""))
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
    if not network.is_done() and network.plan.manner == "two tongues":
        return []
    complaints = []
    for (origin, number), promise in submitter.promises.items():
        if origin == ORIGINS[0] and network.plan.manner not in ("honest", "hands over", "dies"):
            continue
        refused = {each.place for each in promise.refused}
        for place, entry in enumerate(submitter.entries_of(number)):
            if place not in refused and entry not in found:
                complaints.append(f"{submitter.name} was promised entry {place} of batch {number}, and it is not final")
    return complaints
