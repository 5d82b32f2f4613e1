"""The books keep themselves: decisions are posted, secured by guarantees, and their holds lifted when they are paid.

    Bookkeeper(store, store.accounts, Desk(store)).catch_up()

One process at a time does it. Each step is taken again after a crash and then finds itself done: charges are brought up to
what the decision says, a reservation is one posting under one key, a hold that is lifted is not open. Only then does the
position move on. A decision itself is never touched: a hold is lifted by an act of its own, as an officer's is.

What cannot be read or posted is set aside as the position moves on, and `again` tries it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.revenue.guarantees import Cover, GuaranteeError, Waiting, may_be_secured
from tidewaiter.revenue.payments import Debt
from tidewaiter.revenue.postings import Account, Kind, Posting, released, reservations, standing_now
from tidewaiter.workflow import accounting, evidence, proving
from tidewaiter.workflow.accounting import Ending, Happening, Reconciliation, Totals, owed
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.evidence import Ended, Evidence, Posted, declaration_of, subject_of, told_apart
from tidewaiter.workflow.securing import concerned, planned, waiting_of
from tidewaiter.workflow.set_aside import SetAside, Spot, Tray

DECISIONS: Final = "decisions"  # sources, each with the position of what is posted last: a block of evidence,
ENDED: Final = "ended"  # a change of state,
PAID: Final = "paid"  # a posting
COVER: Final = "cover"  # what waits for a guarantee is set aside under this, with its version
BLOCKS_AT_ONCE: Final = 16
ENDED_AT_ONCE: Final = 5_000
SUBJECTS_AT_ONCE: Final = 1_000
MANY: Final = 50_000  # postings made in one go, after which the database counts anew
AGAIN_AT_ONCE: Final = 200  # declarations read again for a guarantee
TRIES: Final = 2  # to reserve, where another process took the cover first
ACTOR: Final = "accounts"
ZERO: Final = Decimal(0)

Part = TypeVar("Part")


class Guarantees(accounting.Guarantees, Protocol):
    """What securing needs of the guarantees."""

    def of(self, parties: Sequence[str]) -> list[Cover]:
        """The guarantees of these parties as they stand."""

    def let_wait(self, waiting: Sequence[Waiting]) -> None:
        """Remember what nothing secures yet, in place of its earlier versions."""

    def no_longer_waiting(self, declaration_ids: Sequence[int]) -> None:
        """Forget that these declarations wait."""

    def changed(self) -> list[tuple[str, int]]:
        """Guarantees granted, changed or freed since what waits was looked at, and how often they changed."""

    def waiting_for(self, guarantee_id: str, after: int, limit: int) -> list[tuple[int, int]]:
        """Declarations with a larger number, with their versions, that are held and a guarantee may now be enough for."""

    def looked_at(self, guarantee_id: str, change: int) -> None:
        """What waits for a guarantee was looked at after this change of it."""


class Books(accounting.Books, Protocol):
    """What keeping the books needs of the accounts."""

    @property
    def guarantees(self) -> Guarantees:
        """Guarantees and what is taken of them."""

    def alone(self, lock: int, *, waits: bool = True) -> AbstractContextManager[bool]:
        """Hold a lock of the books."""

    def analyze(self) -> None:
        """Let the database count anew what is in the books."""

    def last_posting(self) -> int:
        """The number of the last posting."""

    def paid_between(self, after: int, until: int) -> list[tuple[Debt, str]]:
        """Which debts payments in a run of postings were laid onto."""

    def subjects_of(self, debt: Debt) -> list[str]:
        """The declarations charged on one account for one period that are secured or may wait for payment."""

    def still_open(self, subjects: Sequence[str]) -> set[str]:
        """Those of these subjects on which something is open."""


class Desk(Protocol):
    """Who lifts holds."""

    def lift_payment_holds(self, lifted: Mapping[tuple[int, int], str], actor: str) -> list[int]:
        """Lift the open payment holds of declarations in these versions, with words for each; which ones had one."""


class Caught(Struct, frozen=True):
    """What one round of keeping the books did. `is_ours`: no other process was at it; `set_aside`: not in the books."""

    is_ours: bool = True
    postings: int = 0
    secured: int = 0
    lifted: int = 0
    set_aside: int = 0

    def __add__(self, other: Caught) -> Caught:
        return Caught(
            self.is_ours and other.is_ours, self.postings + other.postings, self.secured + other.secured,
            self.lifted + other.lifted, self.set_aside + other.set_aside,
        )  # fmt: skip


class Bookkeeper:
    """Keeps the books of one store up to date. `lock` is the books' lock that keeps others off."""

    def __init__(self, store: Evidence, books: Books, desk: Desk, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._books = books
        self._desk = desk
        self._clock = clock
        self._reader = evidence.Reader(store)
        self._aside: set[str] = set()  # subjects of which something is set aside

    def catch_up(self, lock: int) -> Caught:
        """Post all that was decided, ended and paid since; does nothing while another process is at it."""
        with self._books.alone(lock, waits=False) as is_ours:
            if not is_ours:
                return Caught(is_ours=False)
            done = Caught()
            for made in self.rounds():
                done += made
            return done

    def rounds(self) -> Iterator[Caught]:
        """The same, a few blocks at a time; for who holds the lock."""
        self._aside = {each.subject for each in self._books.set_asides.open()}
        postings = 0
        for done in chain(self._post(), self._end(), self._settle(), self._cover_again()):
            postings += done.postings
            yield done
        if postings >= MANY:
            self._books.analyze()

    def again(self, subjects: Sequence[str] = ()) -> Iterator[Caught]:
        """Try again what is set aside, all of it or on these subjects; for who holds the lock, after the rounds."""
        found = self._books.set_asides.open()
        self._aside = {each.subject for each in found}
        wanted = [each for each in found if not subjects or each.subject in subjects]
        for (source, position), group in groupby(wanted, key=lambda each: (each.source, each.position)):
            tray = Tray(source, self._aside, self._clock())
            yield _sum(self._again(source, position, list(group), tray)) + self._put_down(tray)

    def reconcile(self, given_back: Callable[[Sequence[int]], Mapping[int, Totals]]) -> Reconciliation:
        """Hold all that was decided here and posted against postings and statements; see `proving.reconcile`."""
        return proving.reconcile(self._store, self._books, given_back, self._clock(), self._books.position(DECISIONS))

    # --- decided ---------------------------------------------------------------------------------------------

    def _post(self) -> Iterator[Caught]:
        while blocks := self._store.blocks(self._books.position(DECISIONS), BLOCKS_AT_ONCE):
            tray = Tray(DECISIONS, self._aside, self._clock())
            read, unread = told_apart(self._reader.decisions(blocks))
            done = self._carried(read, tray)
            for each in unread:
                tray.add(each.spot, each.error)
            yield done + self._put_down(tray, DECISIONS, blocks[-1].block_id)

    def _carried(self, read: Sequence[Posted], tray: Tray) -> Caught:
        versions = self._store.versions([each.declaration_id for each in read])
        take = partial(
            self._take, versions=versions, last={each.declaration_id: each for each in read}, whole=len(read)
        )
        return _sum(tray.carry(take, _as_they_stand(read, versions), attrgetter("spot")))

    def _take(
        self, decided: Sequence[Posted], versions: Mapping[int, int], last: Mapping[int, Posted], whole: int
    ) -> Caught:
        if (
            len(decided) < whole
        ):  # what failed as a whole may be posted: an earlier version would take the last one back
            decided = [each for each in decided if each.version == last[each.declaration_id].version]
        done = Caught(postings=accounting.post([each.happening for each in decided], self._books))
        # What an earlier version owes is neither secured nor paid for: a hold is the present version's.
        present = [
            each
            for each in decided
            if isinstance(each.happening, Happening) and versions[each.declaration_id] == each.version
        ]
        made, left = self._secured(present)
        self._let_wait([each for each in left if each.is_held])
        done += made
        # Payments that came while it was set aside passed it over.
        if back := [each.happening.subject for each in decided if each.happening.subject in self._aside]:
            done += self._settled(back, "paid in full before it was posted")
        return done

    def _covers(self, decided: Sequence[Posted]) -> dict[str, Cover]:
        """The guarantees that may secure something here, by their id."""
        parties = {
            party
            for each in decided
            for obligation in owed(each.happening)
            if may_be_secured(obligation)
            for party in obligation.sureties
        }
        return (
            {cover.grant.guarantee_id: cover for cover in self._books.guarantees.of(sorted(parties))} if parties else {}
        )

    def _secured(self, present: Sequence[Posted]) -> tuple[Caught, list[Posted]]:
        """Secure what of these is owed, and let go what owes nothing any more; what that did, and which are left."""
        covers = self._covers(present)
        able = {each.declaration_id for each in concerned(present, covers)}
        asked = [each for each in present if each.is_held or each.declaration_id in able]
        still_open: set[str] = set()
        for some in _slices([each.happening.subject for each in asked]):
            still_open |= self._books.still_open(some)
        owing = [each for each in asked if each.happening.subject in still_open]
        done, secured, deferred = self._secure([each for each in owing if each.declaration_id in able], covers)
        # A debt taken over by an account that has a credit is paid by it.
        for let_go in _slices([each for each in asked if each.happening.subject not in still_open] + deferred):
            done += self._paid_before(let_go)
        return done, [each for each in owing if each.declaration_id not in secured]

    def _secure(self, decided: Sequence[Posted], covers: dict[str, Cover]) -> tuple[Caught, set[int], list[Posted]]:
        """Secure what can be and lift its holds; what that did, which are secured, and of which the debt was taken over.

        What was secured before comes first: goods may have gone on the strength of it.
        """
        if not decided:
            return Caught(), set(), []
        standing = self._books.of_subjects([each.happening.subject for each in decided])
        made = 0
        words_of_secured: dict[tuple[int, int], str] = {}
        deferred: list[Posted] = []
        for each in sorted(decided, key=lambda each: not _was_secured(standing[each.happening.subject])):
            postings, words = self._reserve(each, standing[each.happening.subject], covers)
            kinds = [posting.kind for posting in postings]
            made += kinds.count(Kind.RESERVED)
            if Kind.DEFERRED in kinds:
                deferred.append(each)
            if words:
                words_of_secured[each.declaration_id, each.version] = words
        secured = {number for number, _ in words_of_secured}
        held = {(each.declaration_id, each.version) for each in decided if each.is_held}
        lifted = {whose: words for whose, words in words_of_secured.items() if whose in held}
        count = len(self._desk.lift_payment_holds(lifted, ACTOR))
        self._books.guarantees.no_longer_waiting(sorted(secured))
        return Caught(postings=made, secured=made, lifted=count), secured, deferred

    def _reserve(
        self, decided: Posted, standing: Sequence[Posting], covers: dict[str, Cover]
    ) -> tuple[Sequence[Posting], str]:
        """Secure all that one declaration owes at the border, or nothing of it; in words what secures it.

        Reserved before, it is not reserved again. Another process may have taken what was free: then it is tried once
        more with what is free now.
        """
        for _ in range(TRIES):
            wanted, words, free = planned(decided, standing, covers)
            if not wanted:
                return (), words
            try:
                self._books.post(wanted)
            except GuaranteeError:
                covers.update(self._covers([decided]))
                continue
            covers.update(free)
            return wanted, words
        return (), ""

    # --- waiting for a guarantee -----------------------------------------------------------------------------

    def _let_wait(self, held: Sequence[Posted]) -> None:
        """Remember those that a guarantee could secure, so that they are looked at again when there is one."""
        waiting = [each for each in map(waiting_of, held) if each is not None]
        if waiting:
            self._books.guarantees.let_wait(waiting)

    def _cover_again(self) -> Iterator[Caught]:
        """Look again at what waits, the oldest first, where a guarantee was granted, enlarged or freed since."""
        guarantees = self._books.guarantees
        for guarantee_id, change in guarantees.changed():
            after = 0
            tray = Tray(COVER, self._aside, self._clock())
            while waiting := guarantees.waiting_for(guarantee_id, after, AGAIN_AT_ONCE):
                # Of what is set aside it is not known what is owed.
                known = [each for each in waiting if subject_of(each[0]) not in self._aside]
                yield _sum(tray.carry(self._covered, known, _waiting_spot))
                after = waiting[-1][0]
            yield self._put_down(tray)
            guarantees.looked_at(guarantee_id, change)

    def _covered(self, waiting: Sequence[tuple[int, int]]) -> Caught:
        """Secure what can be of declarations that wait, each in the version it waits in."""
        decided = [
            each
            for declaration_id, version in waiting
            if (each := self._reader.again(declaration_id, version)) is not None
        ]
        return self._secured(decided)[0]

    # --- paid ------------------------------------------------------------------------------------------------

    def _paid_before(self, decided: Sequence[Posted]) -> Caught:
        """Let go those on which nothing is left to pay, and what is reserved for them: no later payment would."""
        subjects = [each.happening.subject for each in decided]
        standing, still_open = self._books.of_subjects(subjects), self._books.still_open(subjects)
        paid = [
            each
            for each in decided
            if each.happening.subject not in still_open and _is_charged(standing[each.happening.subject])
        ]
        releases = [
            released(reservation, each.happening.on)
            for each in paid
            for reservation in reservations(standing[each.happening.subject])
        ]
        made = self._books.post(releases) if releases else 0
        self._books.guarantees.no_longer_waiting([each.declaration_id for each in paid])
        lifted = {
            (each.declaration_id, each.version): "paid in full before it was decided anew"
            if each.version > 1
            else "what its account has in credit pays it in full"
            for each in paid
            if each.is_held
        }
        return Caught(postings=made, lifted=len(self._desk.lift_payment_holds(lifted, ACTOR)))

    def _settle(self) -> Iterator[Caught]:
        """Release what is paid, and lift its hold."""
        after, until = self._books.position(PAID), self._books.last_posting()
        if until <= after:
            return
        tray = Tray(PAID, self._aside, self._clock())
        for debt, key in self._books.paid_between(after, until):
            # Of what is set aside it is not known what is still to be paid: it is looked at when it is posted.
            concerned = [debt.about] if debt.about else self._books.subjects_of(debt)
            subjects = [subject for subject in concerned if subject not in self._aside]
            settle, spot = partial(self._settled, words=_paid(key)), partial(_settling, position=until, key=key)
            for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
                yield _sum(tray.carry(settle, subjects[start : start + SUBJECTS_AT_ONCE], spot))
        yield self._put_down(tray, PAID, until)

    def _settled(self, subjects: Sequence[str], words: str) -> Caught:
        """Those of these subjects on which nothing is open any more: reservations released, holds lifted."""
        on = self._clock().date()
        standing = self._books.of_subjects(subjects)
        still_open = self._books.still_open(subjects)
        # Of a version that is not posted yet it is not known what is still to be paid.
        numbers = {subject: number for subject in subjects if (number := declaration_of(subject)) is not None}
        versions = self._store.versions(list(numbers.values()), self._books.position(DECISIONS))
        releases: list[Posting] = []
        lifted: dict[tuple[int, int], str] = {}
        for subject, number in numbers.items():
            if not standing[subject] or subject in still_open:
                continue
            releases += [released(each, on) for each in reservations(standing[subject])]
            if number in versions:
                lifted[number, versions[number]] = words
        self._books.guarantees.no_longer_waiting([number for number, _ in lifted])
        made = self._books.post(releases) if releases else 0
        return Caught(postings=made, lifted=len(self._desk.lift_payment_holds(lifted, ACTOR)))

    # --- ended, and set aside --------------------------------------------------------------------------------

    def _end(self) -> Iterator[Caught]:
        while True:
            before = self._books.position(ENDED)
            last, ended = self._store.ended(before, ENDED_AT_ONCE)
            if last <= before:
                return
            tray = Tray(ENDED, self._aside, self._clock())
            yield _sum(tray.carry(self._ended, ended, attrgetter("spot"))) + self._put_down(tray, ENDED, last)

    def _ended(self, ended: Sequence[Ended]) -> Caught:
        self._books.guarantees.no_longer_waiting([each.declaration_id for each in ended])
        return Caught(postings=accounting.post(evidence.endings(ended), self._books))

    def _put_down(self, tray: Tray, source: str = "", position: int = 0) -> Caught:
        """Write down what is set aside, and in the same transaction how far the source is gone through."""
        change = tray.change()
        self._books.post([], source=source, position=position, aside=change)
        self._aside -= set(change.ended)
        self._aside |= {each.subject for each in change.added}
        return Caught(set_aside=len(change.added))

    def _again(self, source: str, position: int, found: Sequence[SetAside], tray: Tray) -> list[Caught]:
        """Read again what was set aside at one place of a source, and do with it what was to be done."""
        wanted = {each.subject for each in found}
        if source == DECISIONS:
            return self._block_again(position, wanted, tray)
        if source == ENDED:
            _, ended = self._store.ended(position - 1, 1)
            return tray.carry(self._ended, [each for each in ended if each.spot.subject in wanted], attrgetter("spot"))
        if source == COVER:
            numbers = [number for subject in wanted if (number := declaration_of(subject)) is not None]
            valid = self._store.versions(numbers)
            tray.end(wanted)
            held = [(number, position) for number in numbers if valid.get(number) == position]
            return tray.carry(self._covered, held, _waiting_spot)
        done: list[Caught] = []
        for each in found:
            settle = partial(self._settled, words=_paid(each.place))
            done += tray.carry(settle, [each.subject], partial(_settling, position=position, key=each.place))
        return done

    def _block_again(self, block_id: int, wanted: set[str], tray: Tray) -> list[Caught]:
        """The decisions of a block, or those on some subjects, as they stand.

        What was decided anew since is not posted: that stands in a later block, and is posted or set aside as such.
        """
        blocks = self._store.blocks(block_id - 1, 1)
        if [each.block_id for each in blocks] != [block_id]:
            error = evidence.EvidenceError("the block is not kept any more", hint="restore it from a backup")
            for subject in wanted:
                tray.add(Spot(subject, block_id, f"block {block_id} of evidence"), error)
            return []
        read, unread = told_apart(self._reader.decisions(blocks))
        is_all = f"block:{block_id}" in wanted
        read = [each for each in read if is_all or each.spot.subject in wanted]
        valid = self._store.versions([each.declaration_id for each in read])
        tray.end(wanted)
        done = self._carried(
            [each for each in read if valid.get(each.declaration_id, each.version) == each.version], tray
        )
        for each in unread:
            if is_all or each.spot.subject in wanted:
                tray.add(each.spot, each.error)
        return [done]


def _sum(done: Iterable[Caught]) -> Caught:
    return sum(done, Caught())


def _paid(key: str) -> str:
    """Why a hold is lifted that a payment, by its key, was for."""
    return f"paid in full: {key.partition(':')[2]}"


def _waiting_spot(waiting: tuple[int, int]) -> Spot:
    declaration_id, version = waiting
    return Spot(subject_of(declaration_id), version, f"version {version}, which waits for a guarantee")


def _slices(found: Sequence[Part]) -> Iterator[Sequence[Part]]:
    return (found[start : start + SUBJECTS_AT_ONCE] for start in range(0, len(found), SUBJECTS_AT_ONCE))


def _was_secured(standing: Sequence[Posting]) -> bool:
    return any(posting.kind == Kind.RESERVED for posting in standing)


def _settling(subject: str, *, position: int, key: str) -> Spot:
    return Spot(subject, position, key)


def _as_they_stand(decided: Sequence[Posted], versions: Mapping[int, int]) -> list[Posted]:
    """The same, but nothing is owed on what came to nothing meanwhile: that it did may be told before it is charged."""
    return [
        each
        if each.declaration_id in versions
        else replace(
            each, happening=Ending(subject=each.happening.subject, on=each.happening.on, why="came to nothing")
        )
        for each in decided
    ]


def _is_charged(standing: Sequence[Posting]) -> bool:
    """Whether something is charged at the border on a subject as it stands."""
    return any(
        posting.kind == Kind.CHARGE and posting.entries[0].account is Account.RECEIVABLE
        for posting in standing_now(standing)
    )
