"""Replicas of a sequencer that share one intake of NATS: all follow, one leads, and what a quorum cosigned is final.

Every replica keeps its own copy of the log (`following`). The one that holds the lease signs checkpoints with the log's key
and asks the others for cosignatures; each of them works the root out from its own copy, on its own disk, before it
signs. The lease decides who does the work, not what is true: two leaders sign beginnings of the same log.

Replicas share the log's key, so they are machines of one member. Members of a network that do not trust one another
change their sequencer by an epoch that they sign (ADR 35), not by this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError, NoKeysError, NotFoundError
from nats.js.kv import KeyValue

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.signing import cosign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.following import FollowedLog
from tidewaiter.network.adapters.intake import IntakeUnavailableError, room_for
from tidewaiter.network.adapters.nats import FAILURES, STATE, NatsIntake, told

LEASE_SECONDS: Final = 3.0
RENEW_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 0.02
COSIGNED_WITHIN_SECONDS: Final = 1.0
TOLD_SECONDS: Final = 0.2
"""How often the intake is told, at most, how far the log is final."""
SAID_SECONDS: Final = 10.0
"""How often is said, at most, how far the log is."""
TAKEN_TOGETHER: Final = 32
"""Batches that are made durable with one sync."""
_LEADER: Final = "leader"
_FINAL: Final = "final"
_POSITION: Final = "position."
_LOG: Final = logging.getLogger("tidewaiter.network")


class Replica:
    """One replica: follows the intake, cosigns what it can confirm, and leads while it holds the lease."""

    def __init__(self, intake: NatsIntake, log: FollowedLog, key: SignerKey, policy: Policy) -> None:
        self._intake = intake
        self._log = log
        self._key = key
        self._policy = policy
        self._reached, self._reached_at = (-1, 0), 0.0
        self._told_keys: Mapping[str, bytes] = {}
        self._said, self._said_at = 0, 0.0

    async def run(self) -> None:
        """Until cancelled; lets go of the lease then. Ends with an ExceptionGroup where its log cannot be gone on with."""
        lease = _Lease(await self._intake.bucket("LEASE", LEASE_SECONDS), self._key.name)
        kept = await state_of(self._intake)
        await self._intake.client.subscribe(checkpoints_subject(self._intake), cb=self._asked)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(kept))
                tasks.create_task(self._lead(lease, kept))
        finally:
            await lease.let_go()

    async def _follow(self, kept: KeyValue) -> None:
        """Take what the intake has, and tell, now and then, up to where this copy has it on its disk."""
        told, told_at = -1, 0.0
        while True:
            try:
                delivered = await self._intake.after(self._log.position, TAKEN_TOGETHER)
            except IntakeUnavailableError as error:
                _LOG.warning("%s", error.detail)
                delivered = []
            if delivered:
                for taken in await asyncio.to_thread(self._log.take, delivered):
                    if isinstance(taken.answer, Refuse):
                        _LOG.warning("batch at %d is not in the log: %s", taken.position, taken.answer.why)
            else:
                await asyncio.sleep(IDLE_SECONDS)
            is_waiting = self._log.position > told or self._log.final_position < self._log.position
            if is_waiting and time.monotonic() - told_at > RENEW_SECONDS:
                told_at = time.monotonic()
                with contextlib.suppress(UnavailableError, *FAILURES):
                    if self._log.position > told:
                        position = self._log.position
                        await kept.put(f"{_POSITION}{self._key.name}", str(position).encode())
                        told = position
                    self._log.learn(await final_of(kept) or b"")
            self._say()

    def _say(self) -> None:
        """Say, now and then, how far the log is, where it has grown."""
        if self._log.final_size > self._said and time.monotonic() - self._said_at > SAID_SECONDS:
            self._said, self._said_at = self._log.final_size, time.monotonic()
            _LOG.info(
                "%d entries are final; this copy has %d, up to batch %d",
                self._log.final_size, self._log.size, self._log.position,
            )  # fmt: skip

    async def _asked(self, message: Msg) -> None:
        """Answer a leader's checkpoint with a cosignature, where this copy has it on its disk and it is the same."""
        try:
            note = SignedNote.parse(message.data)
            checkpoint = Checkpoint.parse(note.text)
            own = self._log.note_at(checkpoint.size)
            if own is None:
                return
            if own.data != note.data:
                _LOG.error("a checkpoint of %d entries is not the one that this copy leads to", checkpoint.size)
                return
            await message.respond(cosign(note.text, self._key, int(time.time())).line.encode())
        except (LedgerError, nats.errors.Error) as error:
            _LOG.warning("a checkpoint is not cosigned: %r", error)

    async def _lead(self, lease: _Lease, kept: KeyValue) -> None:
        """Hold the lease or wait for it; while it is held, see that the log becomes final as it grows."""
        led = False
        while True:
            if led != (led := await lease.is_held()):
                _LOG.info("leads from here on" if led else "does not lead any more: the lease was lost")
            if not led:
                await asyncio.sleep(RENEW_SECONDS)
                continue
            await self._tell_reached()
            latest = self._log.latest
            if latest is None or Checkpoint.parse(latest.text).size <= self._log.final_size:
                await asyncio.sleep(IDLE_SECONDS)
                continue
            try:
                note = await self._cosigned(latest)
                if note is not None:
                    await self._tell_final(kept, note)
            except (UnavailableError, *FAILURES) as error:
                _LOG.warning("the log did not become final: %r", error)
                await asyncio.sleep(RENEW_SECONDS)

    async def _tell_reached(self) -> None:
        """Let the intake know how far the log is final, and how many batches like the last ones may stand behind that."""
        position, size = self._log.final_position, self._log.final_size
        before, size_before = self._reached
        if position <= before or time.monotonic() - self._reached_at < TOLD_SECONDS:
            return
        keys = self._log.submitters
        try:
            if keys != self._told_keys:  # before doors take more, which may be by a key that this brought
                await self._intake.tell_keys(keys)
                self._told_keys = keys
            await self._intake.tell_reached(position, room_for(size - size_before, position - max(before, 0)))
        except UnavailableError as error:
            _LOG.warning("%s", error.detail)
        else:
            self._reached = position, size
        self._reached_at = time.monotonic()

    async def _tell_final(self, kept: KeyValue, note: SignedNote) -> None:
        """Put a final checkpoint where all find it; not in the place of a larger one, from who leads meanwhile."""
        before = self._policy.believed(await final_of(kept) or b"")
        size = Checkpoint.parse(note.text).size
        if not before.verdict or before.checkpoint is None or before.checkpoint.size < size:
            await kept.put(_FINAL, note.data)
        self._log.learn(note.data)

    async def _cosigned(self, note: SignedNote) -> SignedNote | None:
        """The checkpoint with what makes it final; None where too few answered in time."""
        client, asked = self._intake.client, note.data
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        try:
            until = time.monotonic() + COSIGNED_WITHIN_SECONDS
            await client.publish(checkpoints_subject(self._intake), asked, reply=inbox)
            while (left := until - time.monotonic()) > 0:
                answer = await answers.next_msg(timeout=left)
                grown = self._with(note, answer.data)
                if grown is not None:
                    note = grown
                    if self._policy.believed(note.data).verdict:
                        return note
        except (TimeoutError, nats.errors.Error) as error:
            _LOG.info("a checkpoint is not final yet: %r", error)
        finally:
            await answers.unsubscribe()
        return None

    def _with(self, note: SignedNote, line: bytes) -> SignedNote | None:
        """The note with a cosignature, where it is one of the policy's and holds; None where not."""
        try:
            grown = note.with_signatures(NoteSignature.parse(line.decode().removesuffix("\n")))
        except (LedgerError, UnicodeDecodeError):
            return None
        return grown if len(self._policy.believed(grown.data).signed) > len(note.signatures) else None


class _Lease:
    """Who leads: a key that the servers forget when it is not renewed."""

    def __init__(self, bucket: KeyValue, name: str) -> None:
        self._bucket = bucket
        self._name = name
        self._revision = 0
        self._renewed_at = 0.0

    async def is_held(self) -> bool:
        """Whether it is held now; renews it, or takes it where nobody has it."""
        now = time.monotonic()
        if self._revision and now - self._renewed_at < RENEW_SECONDS:
            return True
        try:
            if self._revision and now - self._renewed_at < LEASE_SECONDS:
                self._revision = await self._bucket.update(_LEADER, self._name.encode(), last=self._revision)
            else:
                self._revision = await self._bucket.create(_LEADER, self._name.encode())
        except FAILURES:
            self._revision = 0
            return False
        self._renewed_at = now
        return True

    async def let_go(self) -> None:
        """Let another one lead at once, where it is held; else the servers forget it."""
        if self._revision and time.monotonic() - self._renewed_at < LEASE_SECONDS:
            with contextlib.suppress(*FAILURES):
                await self._bucket.delete(_LEADER, last=self._revision)
        self._revision = 0


async def state_of(intake: NatsIntake) -> KeyValue:
    """Where replicas keep what is final; made where it is not there yet. Raises UnavailableError."""
    return await intake.bucket(STATE)


async def final_of(kept: KeyValue) -> bytes | None:
    """The last final checkpoint, as its leader put it there; believe it by your policy. None before the first."""
    try:
        return (await kept.get(_FINAL)).value
    except (KeyNotFoundError, NotFoundError):
        return None
    except FAILURES as error:
        raise UnavailableError(f"the last final checkpoint cannot be read: {told(error)}") from error


async def positions_of(intake: NatsIntake) -> dict[str, int]:
    """Up to where each replica has the intake's batches on its disk, as it told last. Raises UnavailableError."""
    kept = await state_of(intake)
    try:
        names = [key for key in await kept.keys() if key.startswith(_POSITION)]
        values = [(await kept.get(name)).value or b"0" for name in names]
    except NoKeysError:
        return {}
    except FAILURES as error:
        raise UnavailableError(f"the replicas' positions cannot be read: {told(error)}") from error
    return {name.removeprefix(_POSITION): int(value) for name, value in zip(names, values, strict=True)}


async def leader_of(intake: NatsIntake) -> str:
    """The name of the replica that holds the lease; "" where none does now. Raises UnavailableError."""
    lease = await intake.bucket("LEASE", LEASE_SECONDS)
    try:
        return ((await lease.get(_LEADER)).value or b"").decode()
    except KeyNotFoundError:
        return ""
    except FAILURES as error:
        raise UnavailableError(f"who leads cannot be read: {told(error)}") from error


def checkpoints_subject(intake: NatsIntake) -> str:
    """Where a leader shows its checkpoints to the other replicas."""
    return f"tidewaiter.checkpoints.{intake.stream}"
