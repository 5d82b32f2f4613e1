"""What follows from events for declarations: their course, what cannot be, arrival decided, goods held.

    Capturing(store, (Following(store, Desk(store)),)).capture(…)

It happens in the transaction that keeps the events; but arrivals of more parcels than a transaction may decide without
holding up others wait, kept in that transaction, and are decided in slices, each a transaction of its own, whatever breaks off in between.
What is told of such a parcel meanwhile waits behind, while what holds goods holds them at once. Which declaration an event concerns is found by the numbers it
names, and by what is in the receptacle, container or aircraft that it names, or on which the device sits that tells it.
An arrival is decided as at the desk, by the law of the day on which it happened. Nobody's event examines, releases or
refuses: that stays with officers and their systems. What rules see is kept as findings; one that holds goods sends them to
examination, and those that have not arrived on an alarm that their decision on arrival asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final, cast

from tidewaiter.model.canonical import digest
from tidewaiter.model.decision import State
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.event import Event
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.movement import Circumstances, Moved, Step, course, find
from tidewaiter.movement.registry import by_id
from tidewaiter.movement.steps import MEANINGS, Meaning
from tidewaiter.movement.telling import associated, contained, moved, numbers_of, things_of, transactions_of
from tidewaiter.regimes import legal_day_at
from tidewaiter.release import Trigger, follow, may
from tidewaiter.risk.knowledge import PartKind
from tidewaiter.risk.links import Alarm, Alarmed
from tidewaiter.risk.links.keys import parcel_key
from tidewaiter.workflow.anew import Act, Happened, change_by
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.evaluate import passed
from tidewaiter.workflow.following_ports import (
    Alarming,
    Concerned,
    Done,
    Followed,
    FollowingBook,
    FollowingStore,
    FollowingWriting,
    Waiting,
)
from tidewaiter.workflow.ports import Writing
from tidewaiter.workflow.recording import HOLD_LABEL, Recording, subject_of
from tidewaiter.workflow.records import ChangeOfState, Prior
from tidewaiter.workflow.targeting import Change

ACTOR: Final = "movement"
ALARM: Final = "movement"  # the part's name
ALARM_DAYS: Final = 90  # that a parcel that is on its way stays on the alarm
FAILED: Final = "movement.not_carried_out"
SLICE: Final = 25  # declarations of one transaction: each takes some milliseconds, for which nobody else writes
_ON_DEVICES: Final = frozenset((Step.SEAL_BOUND, Step.SEAL_OPENED, Step.SEAL_CLOSED, Step.SEAL_ALARM))
_ON_PARCELS: Final = frozenset(
    (
        Step.LOADED,
        Step.DEPARTED,
        Step.ARRIVED,
        Step.PRESENTED,
        Step.HANDED_OVER,
        Step.EXITED,
        Step.DELIVERED,
        Step.RETURNED,
    )
)  # the steps that the record has entries for; release, refusal and examination are customs' own
_AFTER_RELEASE: Final = frozenset((Step.EXITED, Step.DELIVERED))
_CLOSED: Final = frozenset((State.REFUSED, State.INVALIDATED, State.REJECTED))
_GONE: Final = frozenset((State.RELEASED, State.CLEARED))


class Following:
    """A follower of events; safe in threads."""

    def __init__(self, store: FollowingStore, desk: Desk, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._desk = desk
        self._clock = clock
        self._renewing: set[str] = set()  # jurisdictions whose alarm is renewed when what changed it is kept
        self._salt = hashlib.blake2b(b"movement", digest_size=16, key=store.history.secret()[:64]).digest()

    def follow(self, writing: Writing, events: Sequence[Event]) -> bool:
        """Do what follows from events, in the order they were told; see `workflow.capturing.Follower`."""
        left, is_waiting = SLICE, False
        for event in events:
            done, waiting = self._follow(cast(FollowingWriting, writing), event, left)
            left, is_waiting = left - done, is_waiting or waiting > 0
        return is_waiting or bool(self._renewing)

    def go_on(self) -> int:
        """Carry out what waits, slice by slice; on how many declarations.

        What fails keeps back what was told later of the same declaration, and nothing else; it waits on, and the first that
        was raised is raised when all was tried.
        """
        count = after = 0
        failed: dict[int, Exception] = {}
        self._renew()
        while found := self._store.following.waiting(after, SLICE):
            after = found[-1].waiting_no
            ready = [each for each in found if each.declaration_id not in failed]
            try:
                count += self._slice(ready)
            except Exception:  # one of them: each alone
                for each in ready:
                    try:
                        count += self._slice([each]) if each.declaration_id not in failed else 0
                    except Exception as error:
                        failed[each.declaration_id] = error
        if failed:
            raise next(iter(failed.values()))
        return count

    def _renew(self) -> None:
        """Take off the alarm what is seen no more: only now that it is kept, lest a parcel slip through what was then not."""
        for jurisdiction_code in sorted(self._renewing):
            self._renewing.discard(jurisdiction_code)
            try:
                with self._store.writing() as transaction:
                    self.renew_alarm(transaction, jurisdiction_code)
            except Exception:
                self._renewing.add(jurisdiction_code)
                raise

    def _slice(self, waiting: Sequence[Waiting]) -> int:
        """Carry out some of what waits in a transaction; how many nobody else had carried out."""
        with self._store.writing() as transaction:
            writing = cast(FollowingWriting, transaction)
            taken = writing.following.take(waiting, self._clock())
            for (event_id, is_void), group in groupby(taken, lambda each: (each.event_id, each.is_void)):
                new = {each.declaration_id: each.is_new for each in group}
                told = (one for each in writing.following.told(list(new)).values() for one in each)
                moved_ = next(one for one in told if (one.event_id, one.is_void) == (event_id, is_void))
                concerned = writing.following.standing(list(new))
                self._carry_out(writing, moved_, concerned, [each for each in concerned if new[each.declaration_id]])
        return len(taken)

    def look_again(self, writing: Writing, declaration_ids: Sequence[int]) -> None:
        """Hold the courses of declarations against the rules as time has passed, or as they now stand."""
        self._look(cast(FollowingWriting, writing), declaration_ids)

    def _follow(self, writing: FollowingWriting, event: Event, most: int) -> tuple[int, int]:
        """Do what follows from one event; how many declarations it decided, and on how many it waits.

        Deciding takes time: where it is for more than `most`, all that are to be decided wait. What is told of a
        declaration on which something told earlier waits, waits behind it. Everything else is done now.
        """
        book, told = writing.following, moved(event)
        if told.is_void:
            book.take_back(event.event_id)
        now_in, now_on = contained(event), associated(event)  # nothing of an event that is taken back
        book.contain("in", event.event_id, now_in)
        book.contain("on", event.event_id, now_on)
        ids = self._concerned(book, event, told)
        if told.is_void:
            before = [each for each in book.told_of(event.event_id) if each not in ids]
            ids |= {each.declaration_id: each for each in book.standing(before)}
        writing.record.append(self._of_device(told))
        decided, waiting = self._tell(writing, told, ids, most, cause=told)
        # What is told late was so all the same: what is known to have happened since then happened to these things too.
        since = (*book.happened_to(now_in, "in", event.event_id), *book.happened_to(now_on, "on", event.event_id))
        for later in since:
            known, ids = set(book.told_of(later.event_id)), self._concerned(book, later, moved(later))
            new = {each: ids[each] for each in ids if each not in known}
            more, late = self._tell(writing, moved(later), new, most - decided, cause=told)
            decided, waiting = decided + more, waiting + late
        return decided, waiting

    def _concerned(self, book: FollowingBook, event: Event, told: Moved) -> dict[int, Concerned]:
        """The declarations that an event concerns, by their ids."""
        numbers: dict[int | None, dict[str, None]] = {None: {}}
        for each in book.within([*things_of(event), told.device_id], event.event_time):
            numbers.setdefault(each.only_for, {}).update(dict.fromkeys(numbers_of(each.thing)))
        numbers[None] |= dict.fromkeys(number for each in transactions_of(event) for number in numbers_of(each))
        return {
            each.declaration_id: each
            for only_for, wanted in numbers.items()
            for each in book.concerned(list(wanted), event.event_id, only_for)
        }

    def _tell(
        self, writing: FollowingWriting, told: Moved, ids: dict[int, Concerned], most: int, *, cause: Moved
    ) -> tuple[int, int]:
        """What follows for declarations that something is told of; how many it decided, and on how many it waits.

        `cause` is the event for whose sake it is told of them now.
        """
        if not ids:
            return 0, 0
        book = writing.following
        new, behind = set(book.add(sorted(ids), told)), book.waiting_among(sorted(ids))
        slow = {each.declaration_id for each in ids.values() if _is_decided(told, each)} - behind
        late = behind | (slow if len(slow) > most else set())
        if late:
            book.wait(told, sorted(late), sorted(new), cause)
        if behind:  # what holds goods holds them now
            self._look(writing, sorted(behind))
        ready = [each for declaration_id, each in sorted(ids.items()) if declaration_id not in late]
        if ready:
            self._carry_out(writing, told, ready, [each for each in ready if each.declaration_id in new])
        return len(slow - late), len(late)

    def _carry_out(
        self, writing: FollowingWriting, told: Moved, concerned: Sequence[Concerned], new: Sequence[Concerned]
    ) -> None:
        """Do what follows from an event for declarations, to some of which it is new."""
        writing.record.append(self._of_parcels(writing, told, new))
        failed = self._arrive(writing, told, concerned)
        self._look(writing, sorted(each.declaration_id for each in concerned), failed)

    def _of_device(self, told: Moved) -> list[Recording]:
        """The entry of what became of a seal, on its device, at the moment it was told."""
        if told.is_void or told.step not in _ON_DEVICES or not told.device_id:
            return []
        return [self._entry(told, f"device:{told.device_id}", {})]

    def _of_parcels(self, writing: FollowingWriting, told: Moved, concerned: Sequence[Concerned]) -> list[Recording]:
        """The entries of a step, at the moment it was told, on each parcel that took it.

        What left or was delivered without release, or while it was held, is told as irregular.
        """
        if told.is_void or told.step not in _ON_PARCELS:
            return []
        subjects = {subject_of(each.declaration_id): each.state for each in concerned}
        wrong: set[str] = set()
        if told.step in _AFTER_RELEASE:
            wrong = {subject for subject, state in subjects.items() if state not in _GONE}
            wrong |= writing.record.held(list(subjects))
        return [self._entry(told, subject, {"irregular": 1} if subject in wrong else {}) for subject in subjects]

    def _entry(self, told: Moved, subject: str, facts: dict[str, int]) -> Recording:
        """The entry of a step on a subject; where it was is not in the open."""
        fields = (
            ("event", told.event_id), ("step", told.step.value), ("happened_at", told.happened_at.isoformat()),
            ("place", told.place), ("device", told.device_id), ("words", told.words),
        )  # fmt: skip
        return Recording(told.step.value, subject, f"event:{told.event_id}", fields, facts, self._clock())

    # --- arrival -----------------------------------------------------------------------------------------------

    def _arrive(self, writing: FollowingWriting, told: Moved, concerned: Sequence[Concerned]) -> dict[int, Finding]:
        """Carry out an arrival on the declarations it is one for; what could not be, as findings."""
        failed: dict[int, Finding] = {}
        if not _is_arrival(told):
            return failed
        before = writing.following.jurisdiction_of(told.place) if told.step is Step.ARRIVED else None
        for each in concerned:
            is_there = before is None or before == each.jurisdiction_code
            if (
                not is_there
                or each.state is not State.RECEIVED
                or told.happened_at > self._clock() + timedelta(minutes=5)
            ):
                continue
            act = Act(
                declaration_id=each.declaration_id, trigger=Trigger.ARRIVED, actor=ACTOR,
                words=f"{told.step.value} at {told.place or 'no place told'}, event {told.event_id}",
                legal_day=_legal_day(each, told),
            )  # fmt: skip
            try:
                with writing.attempt():
                    state = self._desk.carry_out(writing, act)
            except TidewaiterError as error:
                failed[each.declaration_id] = Finding(
                    FAILED, Severity.WARNING, told.event_id, f"Arrival was not carried out: {error.detail}",
                    told.step.value, error.hint,
                )  # fmt: skip
                continue
            done = (each.declaration_id, told.event_id, f"arrival confirmed; {state.value}")
            writing.following.act([done], self._clock())
        return failed

    # --- what cannot be ----------------------------------------------------------------------------------------

    def _look(
        self, writing: FollowingWriting, declaration_ids: Sequence[int], failed: dict[int, Finding] | None = None
    ) -> None:
        book, at = writing.following, self._clock()
        told, acts = book.told(declaration_ids), book.acts(declaration_ids)
        standing = {each.declaration_id: each for each in book.standing(declaration_ids)}
        found: dict[int, list[Finding]] = {}
        for declaration_id, each in standing.items():
            circumstances = Circumstances(
                at=at, released_at=each.released_at, controlled_at=each.controlled_at,
                is_closed=each.state in _CLOSED, acted_on=acts[declaration_id],
            )  # fmt: skip
            found[declaration_id] = find(course(told[declaration_id]), circumstances)
            if failed and declaration_id in failed:
                found[declaration_id].append(failed[declaration_id])
        kept, changed = book.keep(found, at)
        self._renewing |= {standing[declaration_id].jurisdiction_code for declaration_id in changed}
        new = [(standing[declaration_id], finding) for declaration_id, finding in kept]
        holding = [(each, finding) for each, finding in new if _holds(finding)]
        if holding:
            self._hold(writing, holding, at)

    def _hold(self, writing: FollowingWriting, holding: Sequence[tuple[Concerned, Finding]], at: datetime) -> None:
        """Hold the goods that findings are about: examined now, or when they arrive; and keep what was done."""
        book = writing.following
        followed = [_followed(each, finding) for each, finding in holding]
        ordered = {
            each.declaration_id: finding
            for (each, finding), done in reversed(list(zip(holding, followed, strict=True)))
            if done.done is Done.HELD
        }
        changes = [self._order(prior, ordered[prior.declaration_id], at) for prior in book.priors(list(ordered))]
        if changes:
            book.change_together(changes)
        book.act([(each, finding.pointer, "sent to examination") for each, finding in ordered.items()], at)
        book.done(followed)
        writing.record.append([_held(each, finding, at) for each, finding in holding])
        waiting = {
            each.jurisdiction_code
            for (each, _), done in zip(holding, followed, strict=True)
            if done.done is Done.ON_ALARM
        }
        for jurisdiction_code in sorted(waiting):
            self._publish(book, jurisdiction_code)

    def _order(self, prior: Prior, finding: Finding, at: datetime) -> ChangeOfState:
        """An examination ordered, as the desk orders it: it neither ends a declaration nor decides it anew."""
        step = follow(prior.standing, Trigger.EXAMINATION_ORDERED)
        words = f"{finding.words} ({finding.rule_id}, event {finding.pointer})"
        act = Act(declaration_id=prior.declaration_id, trigger=Trigger.EXAMINATION_ORDERED, actor=ACTOR, words=words)
        return change_by(act, prior, Happened(passed(step), step.standing, step.notices), at)

    # --- the alarm ---------------------------------------------------------------------------------------------

    def renew_alarm(self, writing: Writing, jurisdiction_code: str) -> None:
        """Take off the alarm what was answered, or has ended."""
        self._publish(cast(FollowingWriting, writing).following, jurisdiction_code)

    def _publish(self, book: FollowingBook, jurisdiction_code: str) -> None:
        """Put in use what is on the alarm now, before what put it there is kept: nothing arrives in between."""
        at = self._clock()
        found = {self._alarmed(each) for each in book.alarming(jurisdiction_code)}
        alarmed = sorted(
            (each for each in found if each.ends_on >= at.date()), key=lambda each: (each.key, each.cause, each.words)
        )
        alarm = Alarm(salt=self._salt.hex(), alarmed=tuple(alarmed))
        name = digest(alarm.content)
        self._store.keep_knowledge({name: (PartKind.LINKS.value, alarm.content)})
        change = Change(
            kind=PartKind.LINKS, name=ALARM, digest=name if alarmed else None, jurisdiction_code=jurisdiction_code
        )
        self._store.parts.change((change,), actor=ACTOR, words=f"{len(alarmed)} parcels", at=at)

    def _alarmed(self, each: Alarming) -> Alarmed:
        found_on = each.found_at.date()
        return Alarmed(
            key=parcel_key(each.jurisdiction_code, each.transport_document_id, self._salt),
            outcome_id=each.declaration_id, seizure=each.rule_id, seized_on=found_on,
            ends_on=found_on + timedelta(ALARM_DAYS), words=each.words, cause=each.rule_id,
        )  # fmt: skip


def _is_arrival(told: Moved) -> bool:
    """Whether it may be that goods arrive."""
    return MEANINGS.get(told.step) is Meaning.ARRIVAL and not told.is_void


def _is_decided(told: Moved, each: Concerned) -> bool:
    """Whether a declaration may be decided by what was told."""
    return _is_arrival(told) and each.state is State.RECEIVED


def _legal_day(concerned: Concerned, told: Moved) -> date:
    """The day on which it happened where the law is made; of goods declared after they came, the day they were declared.

    No declaration is accepted before it is lodged (UCC, articles 171 and 172): whoever tells an arrival cannot choose
    older law by telling an older day.
    """
    return max(legal_day_at(concerned.jurisdiction_code, told.happened_at), concerned.legal_day)


def _holds(finding: Finding) -> bool:
    rule = by_id(finding.rule_id)
    return rule is not None and rule.holds


def _followed(each: Concerned, finding: Finding) -> Followed:
    """What follows from a finding that holds goods which stand so."""
    done, words = Done.FAILED, f"a parcel that is {each.state.value} cannot be sent to examination"
    if each.state is State.RECEIVED and each.transport_document_id:
        done, words = Done.ON_ALARM, "looked at when it arrives"
    elif each.state is State.UNDER_CONTROL:
        done, words = Done.AT_CUSTOMS, "under examination before"
    elif each.state in _GONE:
        done, words = Done.GONE, f"{each.state.value} before: call it back, or audit it"
    elif each.state in _CLOSED:
        done, words = Done.ENDED, f"{each.state.value} before"
    elif Trigger.EXAMINATION_ORDERED in may(each.state):
        done, words = Done.HELD, "sent to examination"
    return Followed(
        declaration_id=each.declaration_id, rule_id=finding.rule_id, event_id=finding.pointer, done=done, words=words
    )


def _held(each: Concerned, finding: Finding, at: datetime) -> Recording:
    """The entry of a hold: that there is one, and nothing of why in the open but its kind."""
    fields = (
        ("rule", finding.rule_id), ("event", finding.pointer), ("words", finding.words), ("value", finding.value),
    )  # fmt: skip
    label = f"{HOLD_LABEL}{finding.rule_id}:{finding.pointer}"
    return Recording("held", subject_of(each.declaration_id), label, fields, {"why": "movement"}, at)
