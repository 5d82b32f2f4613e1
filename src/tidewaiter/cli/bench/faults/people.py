"""People who end an origin: they ask the members to freeze, look at what each holds, and have its end cosigned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from tidewaiter.cli.bench.faults.asking import Bring, End, Freeze, Report
from tidewaiter.cli.bench.faults.checking import EMPTY, Observer, Place
from tidewaiter.cli.bench.faults.submitters import Epoch
from tidewaiter.cli.bench.faults.world import World
from tidewaiter.ledger.batches import Promise, write_batch
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Cosigned, Declined
from tidewaiter.ledger.epochs import Closing, is_closed
from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.merkle import leaf_hash, root_of
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.signing import check

STEP_MS: Final = 500
PATIENCE_MS: Final = 2_500
"""How long reports are waited for, before an end is chosen: whoever can be reached has answered by then."""
LOST_MS: Final = 6_000
"""After how long nobody waits any more for who does not answer: longer than members are away who come back."""


class People:
    """Whoever runs the members, on the telephone."""

    def __init__(self, world: World, observer: Observer, members: Sequence[str], following: VerifierKey) -> None:
        self.world, self.observer, self.members, self.following = world, observer, members, following
        self.name = "people"
        self.reports: dict[str, Place] = {}
        self.heard: dict[str, int] = {}
        self.signatures: dict[str, NoteSignature] = {}
        self.closing: Closing | None = None
        self.began_at: int | None = None
        self.done: Callable[[Place], None] = lambda _: None
        self.is_lawful: Callable[[Place], bool] = lambda _: True
        self.quorums: Callable[[Place], list[Policy]] = lambda _: [observer.policy]
        """Those that have to cosign an end there."""
        self.is_done = False
        world.nodes[self.name] = self
        world.every(STEP_MS, self._step)

    def begin(self) -> None:
        """They have had enough of this sequencer."""
        if self.began_at is None:
            self.began_at = self.world.now

    def _step(self) -> None:
        if self.began_at is None or self.is_done:
            return
        for member in self.members:
            self.world.send(self.name, member, Freeze())
        waited = self.world.now - self.began_at
        are_most = 3 * len(self.reports) > 2 * len(
            self.members
        )  # else an end could be chosen that too few can follow to
        if waited < PATIENCE_MS or not self.reports or not (are_most or waited > 3 * PATIENCE_MS):
            return
        holders = self._holders()
        if not any(map(self._answers, holders)):  # nobody could bring it to others, nor have they cosigned it
            if not any(map(self._answers, self.reports)):
                return
            self.closing, self.signatures = self._chosen(), {}
            holders = self._holders()
        assert self.closing is not None
        last = self.closing.last
        for member in self.members:
            size, _ = self.reports.get(member, EMPTY)
            if size < last.size:
                for holder in holders:
                    self.world.send(self.name, holder, Bring(member, size))
            self.world.send(self.name, member, End(self.closing.checkpoint.text))
        self._count()  # what is known of decisions grows meanwhile

    def _holders(self) -> list[str]:
        """Who holds just what the origin is to end with; nobody before that is chosen."""
        if self.closing is None:
            return []
        end = self.closing.last.size, self.closing.last.root
        return [name for name in self.members if self.reports.get(name, EMPTY) == end]

    def _answers(self, member: str) -> bool:
        return self.world.now - self.heard.get(member, -LOST_MS) < LOST_MS

    def _chosen(self) -> Closing:
        """The end that most members who answer can follow to; of these the largest that the rules lead to."""
        reports = [place for name, place in self.reports.items() if self._answers(name)]
        places = {EMPTY, *filter(self.is_lawful, set(reports))}

        def followers(place: Place) -> tuple[int, int]:
            return sum(self.observer.is_prefix(held, place) for held in reports), place[0]

        size, root = max(places, key=followers)
        closing = Closing(Checkpoint(self.observer.origin, size, root), self.following)
        self.observer.texts.setdefault(size, set()).add(closing.checkpoint.text)
        return closing

    def take(self, sender: str, message: Any) -> None:
        """Reports and signatures come in."""
        match message:
            case Report(note, entries):
                read = Checkpoint.parse(SignedNote.parse(note).text)
                is_shown = (len(entries), root_of(map(leaf_hash, entries))) == (read.size, read.root)
                if is_shown and check(SignedNote.parse(note), [self.observer.log]).verdict:
                    self.reports[sender], self.heard[sender] = (read.size, read.root), self.world.now
            case Declined(_, 0):  # what it told before, its disk did not have yet when it died
                self.reports[sender], self.heard[sender] = EMPTY, self.world.now
            case Cosigned(_, _, line) if self.closing is not None:
                signature = NoteSignature.parse(line.removesuffix("\n"))
                self.signatures[f"{sender} {signature.key_id.hex()}"] = signature
                self._count()

    def _count(self) -> None:
        if self.closing is None or self.is_done:
            return
        note = SignedNote(self.closing.checkpoint.text, tuple(self.signatures.values()))
        if all(is_closed(note.data, each) for each in self.quorums((self.closing.last.size, self.closing.last.root))):
            self.is_done = True
            self.world.tally["origins ended"] += 1
            self.done((self.closing.last.size, self.closing.last.root))


class Opener:
    """A member that hands in how the origin before ended, as the first entry of the next, and tells when it is in."""

    def __init__(self, world: World, key: SignerKey, entry: bytes, epoch: Epoch, done: Callable[[], None]) -> None:
        self.world, self.name, self.epoch, self.done = world, "opener", epoch, done
        self.batch = write_batch(epoch.origin, key, epoch.numbers.get(key_number(key.verifier.public), 0) + 1, (entry,))
        self.is_in = False
        world.nodes[self.name] = self
        world.every(STEP_MS, self._step)

    def _step(self) -> None:
        if not self.is_in:
            self.world.send(self.name, self.epoch.sequencer, self.batch)

    def take(self, sender: str, message: Any) -> None:
        """The promise that it is in."""
        if isinstance(message, Promise) and message.is_by(self.epoch.log) and message.count and not self.is_in:
            self.is_in = True
            self.done()
