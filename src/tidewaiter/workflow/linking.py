"""From a seizure to what is tied to it: keys kept behind the evidence, an alarm put in use, parcels in flight held.

    Linking(store).follow_up()

Keys are written block by block behind the decisions, and brought up to date before a seizure is followed: bulk intake pays
nothing, and nothing that was decided by then is missed. The alarm is in use before the keys are read a second time, so
that what is decided meanwhile either asks it or is found. Each step is taken again after a crash.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from tidewaiter.model.canonical import digest
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.risk.knowledge import PartKind
from tidewaiter.risk.links import Alarm, Alarmed, Linked, LinkKey, LinkKind, Neighbours, expand, link_keys
from tidewaiter.risk.links.alarm import in_force
from tidewaiter.risk.links.expanding import DEGREE_MAX, WORTH
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.outcome_records import Alert, AlertKind, KeptOutcome
from tidewaiter.workflow.ports import DeclarationRow, Store
from tidewaiter.workflow.records import Kept
from tidewaiter.workflow.targeting import Change

ACTOR: Final = "links"
ALARM: Final = "seizures"  # the part's name
ALARM_DAYS: Final = 90  # that a seizure's keys stay on the alarm
BLOCKS_AT_ONCE: Final = 16
IN_FLIGHT: Final = frozenset(
    (State.RECEIVED, State.ACCEPTED, State.AWAITING_DOCUMENTS, State.AWAITING_PERMIT, State.AWAITING_PAYMENT)
)
GONE: Final = frozenset((State.RELEASED, State.CLEARED))

_LOG = logging.getLogger(__name__)


class LinkStore(Store, Protocol):
    """What linking needs of a store."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


class Linking:
    """Follows seizures. For one thread; two at once do the same twice, which is harmless."""

    def __init__(self, store: LinkStore, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock
        self._desk = Desk(store, clock=clock)
        self._law = KeptLaw(store)
        self._salt = hashlib.blake2b(b"links", digest_size=16, key=store.history.secret()[:64]).digest()

    def catch_up(self) -> int:
        """Keep the keys of what was decided since; how many decisions were gone through."""
        count = 0
        position = self._store.links.position()
        while blocks := self._store.blocks(position, BLOCKS_AT_ONCE):
            for block in blocks:
                told = dict(self._told(block))  # of one decided twice, the last
                self._store.links.keep(block.block_id, told.items())
                count += len(block.kept)
            position = blocks[-1].block_id
        return count

    def follow_up(self) -> list[Alert]:
        """Follow the seizures that were not followed yet; every parcel tied to them, and what was done with it."""
        waiting = self._store.outcomes.seizures_to_follow()
        if not waiting:
            return []
        self.catch_up()
        return [alert for seizure in waiting for alert in self._followed(seizure)]

    def renew_alarm(self, jurisdiction_code: str) -> bool:
        """Take off the alarm what has ended, or is of a seizure that was corrected; whether anything changed."""
        return self._publish(jurisdiction_code, ())

    def linked(self, declaration_id: int) -> tuple[Linked, ...]:
        """What is tied to a declaration, as far as keys are kept."""
        return expand(declaration_id, Neighbours(self._store.links.keys_of, self._store.links.sharing))

    def _followed(self, seizure: KeptOutcome) -> Iterator[Alert]:
        assert seizure.declaration_id is not None  # it is in effect
        row = self._store.outcome(seizure.declaration_id).row
        for _ in range(2):  # what was decided before the alarm was in use is found the second time
            found = self.linked(seizure.declaration_id)
            self._publish(row.jurisdiction_code, self._alarmed(seizure, row, found))
            self.catch_up()
        found = self.linked(seizure.declaration_id)
        for linked in found:
            alert = self._alert(seizure, linked)
            if alert is not None:
                self._store.links.alert(alert)
                yield alert
        self._store.links.followed(seizure.outcome_id, self._clock())

    def _alarmed(self, seizure: KeptOutcome, row: DeclarationRow, found: Sequence[Linked]) -> list[Alarmed]:
        """What the seizure puts on the alarm: its own keys that few share, and the parcels tied to it that are in flight."""
        seized_on = seizure.outcome.examined_at.date()

        def alarmed(key: LinkKey, words: str = "") -> Alarmed:
            ends_on = seized_on + timedelta(ALARM_DAYS)
            return Alarmed(key, seizure.outcome_id, _name(row), seized_on, ends_on, words)

        own = [
            key
            for key in self._store.links.keys_of([row.declaration_id]).get(row.declaration_id, ())
            if key.kind in WORTH
        ]
        sharing = self._store.links.sharing(own)
        told = [alarmed(key) for key in own if len(sharing.get(key, ())) <= DEGREE_MAX]
        keys = self._store.links.keys_of([each.declaration_id for each in found])
        for linked in found:
            told += [
                alarmed(key, linked.words(self._name))
                for key in keys.get(linked.declaration_id, ())
                if key.kind is LinkKind.PARCEL
            ]
        return told

    def _publish(self, jurisdiction_code: str, added: Sequence[Alarmed]) -> bool:
        at = self._clock()
        seizures = {each.outcome_id for each in self._store.outcomes.seizures(at - timedelta(ALARM_DAYS + 1))}
        before = self._alarm(jurisdiction_code)
        kept = [each for each in (before.alarmed if before else ()) if each.outcome_id in seizures]
        alarm = Alarm(salt=self._salt.hex(), alarmed=in_force((*kept, *added), at.date()))
        if (before is not None and alarm == before) or (before is None and not alarm.alarmed):
            return False
        name = digest(alarm.content)
        self._store.keep_knowledge({name: (PartKind.LINKS.value, alarm.content)})
        change = Change(
            kind=PartKind.LINKS,
            name=ALARM,
            digest=name if alarm.alarmed else None,
            jurisdiction_code=jurisdiction_code,
        )
        self._store.parts.change((change,), actor=ACTOR, words=f"{len(alarm.alarmed)} keys", at=at)
        return True

    def _alarm(self, jurisdiction_code: str) -> Alarm | None:
        """The alarm in use; None where there is none."""
        for each in self._store.parts.in_use():
            if (each.part.kind, each.part.name, each.jurisdiction_code) == (PartKind.LINKS, ALARM, jurisdiction_code):
                return Alarm.from_content(self._store.knowledge(each.part.digest))
        return None

    def _alert(self, seizure: KeptOutcome, linked: Linked) -> Alert | None:
        """What is done with one parcel tied to a seizure; None where it came to nothing."""
        row = self._store.outcome(linked.declaration_id).row
        words = linked.words(self._name)
        if row.state in IN_FLIGHT:
            done, done_words = self._held(row, f"linked to a seizure: {words}")
        elif row.state is State.UNDER_CONTROL:
            done, done_words = AlertKind.AT_CUSTOMS, "under examination already"
        elif row.state in GONE:
            done, done_words = AlertKind.AUDIT, f"{row.state.value} before: to be audited"
        else:
            return None
        return Alert(
            outcome_id=seizure.outcome_id,
            declaration_id=linked.declaration_id,
            strength=linked.strength,
            words=words,
            done=done,
            done_words=done_words,
            told_at=self._clock(),
        )

    def _held(self, row: DeclarationRow, words: str) -> tuple[AlertKind, str]:
        try:
            state = self._desk.hold_linked(row.declaration_id, ACTOR, words)
        except TidewaiterError as error:  # the others are held all the same
            return AlertKind.FAILED, error.detail
        if state is State.RECEIVED:
            lane = self._store.outcome(row.declaration_id).row.lane
            return AlertKind.HELD, f"decided anew before it arrives: {lane.value if lane else 'no lane'}"
        return AlertKind.HELD, "sent to examination" if state is State.UNDER_CONTROL else state.value

    def _told(self, block: Block) -> Iterator[tuple[int, Sequence[LinkKey]]]:
        """The keys of a block's decisions; one that cannot be read is logged, and has none."""
        if block.problem:
            _LOG.warning("block %s of evidence cannot be read: its parcels have no links", block.block_id)
        for index, kept in enumerate(block.kept):
            try:
                found = None if _is_change_of_state(kept) else self._declared(kept, block, index)
            except TidewaiterError as error:
                _LOG.warning("declaration %s cannot be read for links: %s", kept.declaration_id, error.detail)
                continue
            if found is not None:
                yield kept.declaration_id, link_keys(found, self._salt)

    def _declared(self, kept: Kept, block: Block, index: int) -> Declaration | None:
        return self._law.declaration(kept, block.bodies[index] if block.bodies else None)

    def _name(self, declaration_id: int) -> str:
        return _name(self._store.outcome(declaration_id).row)


def _name(row: DeclarationRow) -> str:
    return row.registered_id or row.functional_reference_id or str(row.declaration_id)


def _is_change_of_state(kept: Kept) -> bool:
    prior = kept.prior
    return prior is not None and (kept.declaration_id, kept.version) == (prior.declaration_id, prior.version)
