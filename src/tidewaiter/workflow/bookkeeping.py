"""The books keep themselves: decisions are posted, secured by guarantees, and their holds lifted when they are paid.

    Bookkeeper(store, store.accounts, Desk(store)).catch_up()

One process at a time does it. Each step is taken again after a crash and then finds itself done: charges are brought up to
what the decision says, a reservation is one posting under one key, a hold that is lifted is not open. Only then does the
position move on. A decision itself is never touched: a hold is lifted by an act of its own, as an officer's is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.revenue.guarantees import Cover, GuaranteeError, Waiting, chosen, drawn, may_be_secured, secured
from tidewaiter.revenue.payments import Debt
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting, released, reservations, standing_now
from tidewaiter.workflow import accounting, evidence
from tidewaiter.workflow.accounting import Ending, Happening, Reconciliation, Totals, owed, sum_of
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.evidence import Evidence, Posted, declaration_of

DECISIONS: Final = "decisions"  # sources, each with the position of what is posted last: a block of evidence,
ENDED: Final = "ended"  # a change of state,
PAID: Final = "paid"  # a posting
BLOCKS_AT_ONCE: Final = 16
ENDED_AT_ONCE: Final = 5_000
SUBJECTS_AT_ONCE: Final = 1_000
AGAIN_AT_ONCE: Final = 200  # declarations read again for a guarantee
TRIES: Final = 2  # to reserve, where another process took the cover first
ACTOR: Final = "accounts"
ZERO: Final = Decimal(0)


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

    def last_posting(self) -> int:
        """The number of the last posting."""

    def paid_between(self, after: int, until: int) -> list[tuple[Debt, str]]:
        """Which debts payments in a run of postings were laid onto."""

    def subjects_of(self, debt: Debt) -> list[str]:
        """The declarations charged on one account for one period that are secured or may wait for payment."""

    def still_open(self, subjects: Sequence[str]) -> set[str]:
        """Those of these subjects on which something is open."""

    def open_debts(self, party: str = "") -> list[Debt]:
        """Debts not yet paid, of one party or all."""

    def debts_of(self, subject: str) -> list[Debt]:
        """What is open on one subject."""


class Desk(Protocol):
    """Who lifts holds."""

    def lift_payment_holds(self, lifted: Mapping[tuple[int, int], str], actor: str) -> list[int]:
        """Lift the open payment holds of declarations in these versions, with words for each; which ones had one."""


class Caught(Struct, frozen=True):
    """What one round of keeping the books did. `is_ours`: no other process was at it."""

    is_ours: bool = True
    postings: int = 0
    secured: int = 0
    lifted: int = 0

    def __add__(self, other: Caught) -> Caught:
        return Caught(
            self.is_ours and other.is_ours, self.postings + other.postings, self.secured + other.secured,
            self.lifted + other.lifted,
        )  # fmt: skip


class Bookkeeper:
    """Keeps the books of one store up to date. `lock` is the books' lock that keeps others off."""

    def __init__(self, store: Evidence, books: Books, desk: Desk, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._books = books
        self._desk = desk
        self._clock = clock
        self._reader = evidence.Reader(store)

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
        while blocks := self._store.blocks(self._books.position(DECISIONS), BLOCKS_AT_ONCE):
            yield self._post(blocks)
        while True:
            before = self._books.position(ENDED)
            last, ended = self._store.ended(before, ENDED_AT_ONCE)
            if last <= before:
                break
            made = accounting.post(evidence.endings(ended), self._books, source=ENDED, position=last)
            yield Caught(postings=made)
        yield from self._settle()
        yield from self._cover_again()

    # --- decided ---------------------------------------------------------------------------------------------

    def _post(self, blocks: Sequence[evidence.Block]) -> Caught:
        read = list(self._reader.decisions(blocks))
        versions = self._store.versions([each.declaration_id for each in read])
        decided = _as_they_stand(read, versions)
        happenings = [each.happening for each in decided]
        # What an earlier version owes is neither secured nor paid for: a hold is the present version's.
        present = [
            each
            for each in decided
            if isinstance(each.happening, Happening) and versions[each.declaration_id] == each.version
        ]
        held_again = [each for each in present if each.is_held and each.version > 1]
        covers = self._covers(present)
        last = blocks[-1].block_id
        held = [each for each in present if each.is_held]
        if not covers and not held_again:
            self._let_wait(held)
            return Caught(postings=accounting.post(happenings, self._books, source=DECISIONS, position=last))
        done = Caught(postings=accounting.post(happenings, self._books))
        made, secured = self._secure(_concerned(present, covers), covers)
        done += made
        self._let_wait([each for each in held if each.declaration_id not in secured])
        for start in range(0, len(held_again), SUBJECTS_AT_ONCE):
            done += self._paid_before(held_again[start : start + SUBJECTS_AT_ONCE])
        self._books.post([], source=DECISIONS, position=last)
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

    def _secure(self, decided: Sequence[Posted], covers: dict[str, Cover]) -> tuple[Caught, set[int]]:
        """Secure what can be and lift its holds; what that did, and which declarations are secured."""
        standing = self._books.of_subjects([each.happening.subject for each in decided])
        made = 0
        lifted: dict[tuple[int, int], str] = {}
        for each in decided:
            postings, words = self._reserve(each, standing[each.happening.subject], covers)
            made += len([posting for posting in postings if posting.kind == Kind.RESERVED])
            if words and each.is_held:
                lifted[each.declaration_id, each.version] = words
        count = len(self._desk.lift_payment_holds(lifted, ACTOR))
        return Caught(postings=made, secured=made, lifted=count), {number for number, _ in lifted}

    def _reserve(
        self, decided: Posted, standing: Sequence[Posting], covers: dict[str, Cover]
    ) -> tuple[Sequence[Posting], str]:
        """Secure all that one declaration owes at the border, or nothing of it; in words what secures it.

        Reserved before, it is not reserved again. Another process may have taken what was free: then it is tried once
        more with what is free now.
        """
        for _ in range(TRIES):
            wanted, words, free = _planned(decided, standing, covers)
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
        waiting = [each for each in map(_waiting, held) if each is not None]
        if waiting:
            self._books.guarantees.let_wait(waiting)

    def _cover_again(self) -> Iterator[Caught]:
        """Look again at what waits, the oldest first, where a guarantee was granted, enlarged or freed since."""
        guarantees = self._books.guarantees
        for guarantee_id, change in guarantees.changed():
            after = 0
            while waiting := guarantees.waiting_for(guarantee_id, after, AGAIN_AT_ONCE):
                decided = [
                    each
                    for declaration_id, version in waiting
                    if (each := self._reader.again(declaration_id, version)) is not None
                ]
                covers = self._covers(decided)
                made, secured = self._secure(_concerned(decided, covers), covers)
                guarantees.no_longer_waiting(sorted(secured))
                yield made
                after = waiting[-1][0]
            guarantees.looked_at(guarantee_id, change)

    # --- paid ------------------------------------------------------------------------------------------------

    def _paid_before(self, decided: Sequence[Posted]) -> Caught:
        """Lift the holds of those decided anew on which nothing is left to pay: no later payment would lift them."""
        subjects = [each.happening.subject for each in decided]
        standing, still_open = self._books.of_subjects(subjects), self._books.still_open(subjects)
        lifted = {
            (each.declaration_id, each.version): "paid in full before it was decided anew"
            for each in decided
            if each.happening.subject not in still_open and _is_charged(standing[each.happening.subject])
        }
        return Caught(lifted=len(self._desk.lift_payment_holds(lifted, ACTOR)))

    def _settle(self) -> Iterator[Caught]:
        """Release what is paid, and lift its hold."""
        after, until = self._books.position(PAID), self._books.last_posting()
        if until <= after:
            return
        for debt, key in self._books.paid_between(after, until):
            subjects = [debt.about] if debt.about else self._books.subjects_of(debt)
            for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
                yield self._settled(subjects[start : start + SUBJECTS_AT_ONCE], key)
        self._books.post([], source=PAID, position=until)

    def _settled(self, subjects: Sequence[str], key: str) -> Caught:
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
                lifted[number, versions[number]] = f"paid in full: {key.partition(':')[2]}"
        self._books.guarantees.no_longer_waiting([number for number, _ in lifted])
        made = self._books.post(releases) if releases else 0
        return Caught(postings=made, lifted=len(self._desk.lift_payment_holds(lifted, ACTOR)))

    # --- proved ----------------------------------------------------------------------------------------------

    def reconcile(self, given_back: Callable[[Sequence[int]], Mapping[int, Totals]]) -> Reconciliation:
        """Hold all that was decided here and posted against postings and statements; memory does not grow with it.

        `given_back` says what decisions on returns gave back on declarations, by the decisions themselves. What is
        charged by now may be less than that: then nothing is, and the rest must have been called back.
        """
        totals: Totals = {}
        position, block_id = self._books.position(DECISIONS), 0
        while block_id < position and (blocks := self._store.blocks(block_id, BLOCKS_AT_ONCE)):
            decided = list(self._reader.decisions(blocks))
            valid = self._store.versions([each.declaration_id for each in decided])
            less = given_back(list(valid))
            for each in decided:
                is_last = valid.get(each.declaration_id) == each.version
                if is_last and isinstance(each.happening, Happening) and each.happening.assessment is not None:
                    charged: Totals = {}
                    sum_of(each.happening.assessment, charged)
                    for key, amount in charged.items():
                        rest = max(amount - less.get(each.declaration_id, {}).get(key, ZERO), ZERO)
                        totals[key] = totals.get(key, ZERO) + rest
            block_id = blocks[-1].block_id
        return accounting.reconcile(totals, self._books, "declaration:")


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


def _planned(
    decided: Posted, standing: Sequence[Posting], covers: Mapping[str, Cover]
) -> tuple[list[Posting], str, dict[str, Cover]]:
    """The reservations that secure all one declaration owes at the border, in words what secures it, and what is then free.

    No reservations and no words where something cannot be secured.
    """
    charges = {
        posting.key.rpartition(":")[2]: posting
        for posting in standing_now(standing)
        if posting.kind == Kind.CHARGE and posting.entries[0].account is Account.RECEIVABLE
    }
    held = {posting.key: posting for posting in reservations(standing)}
    named = [each.security_id for each in decided.named if each.security_id]
    wanted: list[Posting] = []
    names: list[str] = []
    free = dict(covers)
    for obligation in owed(decided.happening):
        charge = charges.get(obligation.measure_id)
        if obligation.is_at_sale or not obligation.amount.amount or charge is None:
            continue
        if reserved := held.get(f"reserve:{charge.key}"):
            names.append(reserved.entries[0].scheme)
            continue
        cover = chosen(obligation, free.values(), decided.happening.on, named)
        if cover is None:
            return [], "", free
        free[cover.grant.guarantee_id] = replace(cover, reserved=cover.reserved + obligation.amount.amount)
        wanted += secured(charge, cover, decided.happening.on)
        names.append(cover.grant.guarantee_id)
    return wanted, f"secured by {' and '.join(dict.fromkeys(names))}" if names else "", free


def _waiting(held: Posted) -> Waiting | None:
    """A held declaration as it waits for a guarantee; None where none may secure it."""
    found = [each for each in owed(held.happening) if may_be_secured(each)]
    parties = tuple(dict.fromkeys(party for each in found for party in each.sureties))
    if not parties:
        return None
    return Waiting(
        declaration_id=held.declaration_id,
        version=held.version,
        parties=parties,
        jurisdiction_code=found[0].jurisdiction_code,
        least=min((each.amount for each in found), key=lambda amount: amount.amount),
        on=held.happening.on,
    )


def _is_charged(standing: Sequence[Posting]) -> bool:
    """Whether something is charged at the border on a subject as it stands."""
    return any(
        posting.kind == Kind.CHARGE and posting.entries[0].account is Account.RECEIVABLE
        for posting in standing_now(standing)
    )


def _concerned(decided: Sequence[Posted], covers: Mapping[str, Cover]) -> list[Posted]:
    """Those on which somebody who has a guarantee owes something, or may secure it."""
    holders = {cover.grant.party for cover in covers.values()}
    return [
        each
        for each in decided
        if any(not holders.isdisjoint(obligation.sureties) for obligation in owed(each.happening))
    ]


def draw_overdue(books: Books, on: date, lock: int, party: str = "") -> list[Posting]:
    """Draw the guarantees that stand for debts overdue on a day, of one party or all: the guarantor owes them from now on.

    `lock` is the books' lock: whoever else keeps them is waited for.
    """
    with books.alone(lock):
        postings = [each for debt in books.open_debts(party) for each in _drawn(books, debt, on)]
        unique = list({posting.key: posting for posting in postings}.values())
        books.post(unique)
    return unique


def _drawn(books: Books, debt: Debt, on: date) -> Iterator[Posting]:
    """The guarantees that stand for one debt, drawn where it is overdue on a day."""
    if debt.due is None or debt.due >= on:
        return
    for subject, standing in books.of_subjects(books.subjects_of(debt)).items():
        is_open = {(each.party, each.scheme, each.period) for each in books.debts_of(subject)}
        for reservation in reservations(standing):
            stands_for = _debt_of(reservation, standing)
            if stands_for is not None and stands_for[1] is not None and stands_for[1] < on:
                entry = stands_for[0]
                if (entry.party, entry.scheme, entry.period) in is_open:
                    yield drawn(reservation, entry, on)


def _debt_of(reservation: Posting, standing: Sequence[Posting]) -> tuple[Entry, date | None] | None:
    """The receivable a reservation stands for, and when it is due: of the deferment, else of the charge."""
    charge_key = reservation.key.partition(":")[2]
    for key in (f"defer:{charge_key}", charge_key):
        for posting in standing_now(standing):
            if posting.key == key:
                return next(each for each in posting.entries if each.account is Account.RECEIVABLE), posting.due
    return None
