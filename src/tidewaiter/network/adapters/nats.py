"""Intake through a stream of NATS JetStream that several servers hold: a batch counts once a quorum of them has it.

Each submitter writes on a subject of its own. A batch carries its number, its message id (submitter and number) and the
position of the batch before it; the stream takes it only while that is the last one there (`Nats-Expected-Last-Subject-Sequence`).
So order and once do not hang on the time for which message ids are remembered.

Positions are the stream's sequence numbers. Reading asks any server for messages from a position on (direct get, in
batches), and keeps nothing at the servers: whoever is sequencer begins where its own log ends.

**The servers have to be run with `sync_interval: always`**, else they tell that a batch is stored up to two minutes
before it is on a disk (https://docs.nats.io/reference/config/jetstream/sync_interval, read on 2026-11-28;
https://jepsen.io/analyses/nats-2.12.1). Needs the extra `nats`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
import nats.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError, ServiceUnavailableError
from nats.js.kv import KeyValue

from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.intake import (
    AGAIN_AFTER_SECONDS,
    BUSY_SECONDS,
    WAITING_MAX,
    Check,
    Delivered,
    IntakeUnavailableError,
    Offered,
    Reached,
    Stored,
    refuse_out_of_turn,
    refuse_unfit,
    refuse_when_behind,
    replayed,
    told_again,
)

ANSWERS_WITHIN_SECONDS: Final = 1.0
CONNECTED_WITHIN_SECONDS: Final = 10.0
AGREED_WITHIN_SECONDS: Final = 30.0
RECONNECT_AFTER_SECONDS: Final = 0.1
STALE_SECONDS: Final = 5.0
"""Beyond this age what is known of how far the log is does not do for the next batch, and is waited for."""
REMEMBERED_SECONDS: Final = 120.0
"""How long the stream remembers message ids; what comes later is caught by the expected position."""
NUMBER: Final = "Tidewaiter-Number"
STATE: Final = "STATE"
_REACHED: Final = "reached"
_KEYS: Final = "keys"
_SEQUENCE: Final = "Nats-Sequence"
_STORED_AT: Final = "Nats-Time-Stamp"
_SUBJECT: Final = "Nats-Subject"
_STATUS: Final = "Status"
_END_OF_BATCH: Final = "204"
_NOT_FOUND: Final = "404"
_WRONG_LAST_SEQUENCE: Final = 10071  # github.com/nats-io/nats-server, server/errors.json, JSStreamWrongLastSequenceErrF
FAILURES: Final = (nats.errors.Error, NoStreamResponseError, asyncio.TimeoutError, OSError)
_INCOMPLETE, _NO_PEERS, _NO_LEADER, _NOT_LEADER = 10004, 10005, 10008, 10009  # errors.json, as above
_NAME_IN_USE, _NO_STREAM, _SUBJECTS_OVERLAP = 10058, 10059, 10065
_PASSING: Final = frozenset(
    {_INCOMPLETE, _NO_PEERS, _NO_LEADER, _NOT_LEADER, _NAME_IN_USE, _NO_STREAM, _SUBJECTS_OVERLAP}
)
"""What servers say of a stream for a moment too: one of them was not heard of just now, or did not hear of the stream yet, or
the first asking, whose answer was lost, is still under way."""


_Answer = TypeVar("_Answer")


class _Last(Struct, frozen=True):
    """A submitter's last batch in the stream: its number and position; zeroes where there is none."""

    number: int = 0
    position: int = 0


def stream_name(origin: str) -> str:
    """The name of the stream that takes batches for a log."""
    return f"TIDEWAITER-INTAKE-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def subject_of(origin: str, submitter: str) -> str:
    """The subject on which a submitter writes; `*` for all of them."""
    return f"tidewaiter.intake.{hashlib.sha256(origin.encode()).hexdigest()[:16]}.{submitter}"


class NatsIntake:
    """Batches in a stream. Implements `Intake`. Open it with `opened`.

    `start` holds the last numbers that were taken in the origin before this one.
    """

    def __init__(self, client: Client, origin: str, check: Check, start: Mapping[str, int]) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWERS_WITHIN_SECONDS)
        self.stream = stream_name(origin)
        self._origin = origin
        self._check = check
        self._start = start
        self._last: dict[str, _Last] = {}
        self._highest, self._looked_at = 0, float("-inf")
        self._reached: Reached | None = None
        self._looking: asyncio.Task[None] | None = None
        self._buckets: dict[str, KeyValue] = {}

    @classmethod
    async def opened(
        cls,
        servers: Sequence[str],
        origin: str,
        check: Check,
        *,
        replicas: int = 5,
        start: Mapping[str, int] = MappingProxyType({}),
        credentials: Path | None = None,
    ) -> NatsIntake:
        """The intake of a log at these servers; its stream is made where it is not there yet.

        Raises UnavailableError where no server answers, or the stream is there and kept otherwise than it has to be.
        """
        client = await connected(servers, credentials)
        try:
            intake = cls(client, origin, check, start)
            await intake._prepare(replicas)
        except BaseException:
            await client.close()
            raise
        return intake

    async def _prepare(self, replicas: int) -> None:
        wanted = api.StreamConfig(
            name=self.stream,
            description=f"batches for {self._origin}",
            subjects=[subject_of(self._origin, "*")],
            retention=api.RetentionPolicy.LIMITS,
            storage=api.StorageType.FILE,
            num_replicas=replicas,
            # A full stream refuses what is new; it never drops what it told that it has.
            discard=api.DiscardPolicy.NEW,
            duplicate_window=REMEMBERED_SECONDS,
            allow_direct=True,
            deny_delete=True,
        )
        found = (await patiently(lambda: self._stream(wanted), f"the stream {self.stream} cannot be made")).config
        kept = (found.retention, found.storage, found.num_replicas, found.discard, found.allow_direct)
        if kept != (wanted.retention, wanted.storage, replicas, wanted.discard, True):
            raise UnavailableError(f"the stream {self.stream} is kept otherwise than an intake has to be: {kept}")

    async def _stream(self, wanted: api.StreamConfig) -> api.StreamInfo:
        try:
            return await self.jetstream.stream_info(self.stream)
        except NotFoundError:
            return await self.jetstream.add_stream(wanted)

    async def offer(self, batch: Offered) -> Stored:
        """Where the batch is stored, once a quorum of servers has it. Raises RefusedError, BusyError or IntakeUnavailableError."""
        refuse_unfit(batch, self._check)
        try:
            last = self._last.get(batch.submitter) or await self._read_last(batch.submitter)
            if batch.number != last.number + 1:
                # Another connection may have written since; only the stream knows.
                last = await self._read_last(batch.submitter)
            refuse_out_of_turn(batch, last.number + 1)
            if batch.number <= last.number:
                return await self._told_before(batch, last)
            await self._keep_looking()
            if self._reached is not None:
                refuse_when_behind(self._highest, self._reached)
            return await self._publish(batch, last)
        except FAILURES as error:
            self._last.pop(batch.submitter, None)
            raise IntakeUnavailableError(
                f"whether batch {batch.number} of {batch.submitter} was stored is not known: {told(error)}",
                hint="offer the same batch again",
            ) from error

    async def _publish(self, batch: Offered, last: _Last) -> Stored:
        headers = {
            api.Header.MSG_ID: f"{batch.submitter}:{batch.number}",
            api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(last.position),
            NUMBER: str(batch.number),
        }
        subject = subject_of(self._origin, batch.submitter)
        try:
            answer = await self._published(subject, batch.data, headers)
        except APIError as error:
            if error.err_code != _WRONG_LAST_SEQUENCE:
                raise
            # Another connection was quicker, or an answer was lost: the stream tells what stands there.
            last = await self._read_last(batch.submitter)
            if batch.number > last.number:
                raise
            return await self._told_before(batch, last)
        if answer.duplicate:
            return told_again(batch, answer.seq, await self._data_at(answer.seq))
        self._last[batch.submitter] = _Last(batch.number, answer.seq)
        self._highest = max(self._highest, answer.seq)
        return Stored(answer.seq)

    async def _published(self, subject: str, data: bytes, headers: dict[str, str]) -> api.PubAck:
        """The servers' word on a message, which is offered again while none of them knows of the stream.

        That is so for a moment after it was made, and while its leader is chosen; nothing is stored by it.
        """
        until = time.monotonic() + ANSWERS_WITHIN_SECONDS
        while True:
            try:
                return await self.jetstream.publish(subject, data, stream=self.stream, headers=headers)
            except NoStreamResponseError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(AGAIN_AFTER_SECONDS)

    async def _told_before(self, batch: Offered, last: _Last) -> Stored:
        """Where a batch stands whose number was taken before: looked for by halves, since positions grow with numbers."""
        if batch.number <= self._start.get(batch.submitter, 0):
            raise replayed(batch, last.number + 1)
        subject = subject_of(self._origin, batch.submitter)
        low, high = 1, last.position
        while low < high:
            middle = (low + high) // 2
            found = await self.jetstream.get_msg(self.stream, seq=middle, subject=subject, next=True)
            if _number(found.headers) < batch.number:
                low = (found.seq or middle) + 1
            else:
                high = middle
        found = await self.jetstream.get_msg(self.stream, seq=high, subject=subject, next=True)
        if _number(found.headers) != batch.number:
            raise replayed(batch, last.number + 1)
        return told_again(batch, found.seq or 0, found.data or b"")

    async def next_number(self, submitter: str) -> int:
        """The number under which this submitter's next batch is taken. Raises IntakeUnavailableError."""
        try:
            return (await self._read_last(submitter)).number + 1
        except FAILURES as error:
            raise IntakeUnavailableError(f"the stream {self.stream} does not answer: {told(error)}") from error

    async def _read_last(self, submitter: str) -> _Last:
        try:
            found = await self.jetstream.get_last_msg(self.stream, subject_of(self._origin, submitter))
        except NotFoundError:
            return _Last(self._start.get(submitter, 0))
        self._last[submitter] = _Last(_number(found.headers), found.seq or 0)
        return self._last[submitter]

    async def _data_at(self, position: int) -> bytes:
        return (await self.jetstream.get_msg(self.stream, seq=position)).data or b""

    async def after(self, position: int, count: int) -> Sequence[Delivered]:
        """Up to `count` batches behind a position, in order. Raises IntakeUnavailableError where no server answers.

        A server that is behind the others gives fewer of them, and never others.
        """
        wanted: dict[str, Any] = {"seq": position + 1, "batch": count, "next_by_subj": subject_of(self._origin, "*")}
        inbox = self.client.new_inbox()
        found: list[Delivered] = []
        try:
            answers = await self.client.subscribe(inbox)
            try:
                where = f"$JS.API.DIRECT.GET.{self.stream}"
                await self.client.publish(where, json.dumps(wanted).encode(), reply=inbox)
                while len(found) < count:
                    message = await answers.next_msg(timeout=ANSWERS_WITHIN_SECONDS)
                    headers = message.headers or {}
                    if _STATUS in headers:
                        if headers[_STATUS] in (_END_OF_BATCH, _NOT_FOUND):
                            break
                        raise IntakeUnavailableError(f"the stream {self.stream} answers {headers}")
                    submitter = headers[_SUBJECT].rpartition(".")[2]
                    batch = Offered(submitter, _number(headers), message.data)
                    found.append(Delivered(int(headers[_SEQUENCE]), batch, _milliseconds(headers[_STORED_AT])))
            finally:
                await answers.unsubscribe()
        except FAILURES as error:
            if not found:
                raise IntakeUnavailableError(f"the stream {self.stream} does not answer: {told(error)}") from error
        return found

    async def _keep_looking(self) -> None:
        """See that what is known of the log is not old, without keeping a batch waiting for it where that can be helped."""
        age = time.monotonic() - self._looked_at
        if age >= BUSY_SECONDS and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        if age >= STALE_SECONDS and self._looking is not None:
            await asyncio.shield(self._looking)

    async def _look(self) -> None:
        """Learn how far the stream goes and how far the log is final; what is not answered stays as it was."""
        self._looked_at = time.monotonic()
        with contextlib.suppress(UnavailableError):
            reached = await self.reached()
            if self._reached is None or (reached.position, reached.at) > (self._reached.position, self._reached.at):
                self._reached = reached
            self._highest = max(self._highest, await self.last_position())

    async def reached(self) -> Reached:
        """How far the log is final, as replicas or a feeder told last. Raises IntakeUnavailableError."""
        bucket = f"{self.stream}-{STATE}"
        try:
            found = await self.jetstream.get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{_REACHED}")
            return msgspec.json.decode(found.data or b"{}", type=Reached)
        except NotFoundError:
            return Reached()
        except (*FAILURES, msgspec.DecodeError) as error:
            raise IntakeUnavailableError(f"how far the log is final cannot be read: {told(error)}") from error

    async def tell_reached(self, position: int, room: int = WAITING_MAX) -> None:
        """Tell all doors how far the log is final; never less than before. Raises UnavailableError."""
        if position < (await self.reached()).position:
            return
        reached = Reached(position, room, time.time_ns() // 1_000_000)
        kept = await self.bucket(STATE)
        try:
            await kept.put(_REACHED, msgspec.json.encode(reached))
        except FAILURES as error:
            raise IntakeUnavailableError(f"how far the log is final cannot be told: {told(error)}") from error

    async def keys(self) -> dict[str, bytes]:
        """The keys that the log knows, by number, as replicas told last; none before. Raises IntakeUnavailableError."""
        bucket = f"{self.stream}-{STATE}"
        try:
            found = await self.jetstream.get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{_KEYS}")
            return msgspec.json.decode(found.data or b"{}", type=dict[str, bytes])
        except NotFoundError:
            return {}
        except (*FAILURES, msgspec.DecodeError) as error:
            raise IntakeUnavailableError(f"the keys that the log knows cannot be read: {told(error)}") from error

    async def tell_keys(self, keys: Mapping[str, bytes]) -> None:
        """Tell all doors which keys the log knows. Raises IntakeUnavailableError."""
        kept = await self.bucket(STATE)
        try:
            await kept.put(_KEYS, msgspec.json.encode(dict(keys)))
        except FAILURES as error:
            raise IntakeUnavailableError(f"the keys that the log knows cannot be told: {told(error)}") from error

    async def bucket(self, name: str, forgets_after_seconds: float | None = None) -> KeyValue:
        """A bucket of keys beside the stream, made where it is not there yet. Raises UnavailableError."""
        if name in self._buckets:
            return self._buckets[name]

        async def made() -> KeyValue:
            info = await self.jetstream.stream_info(self.stream)
            config = api.KeyValueConfig(
                bucket=f"{self.stream}-{name}",
                replicas=info.config.num_replicas or 1,
                history=1,
                ttl=forgets_after_seconds,
            )
            return await self.jetstream.create_key_value(config)

        self._buckets[name] = await patiently(made, f"the state of {self.stream} cannot be made")
        return self._buckets[name]

    async def last_position(self) -> int:
        """The position of the last batch that is stored; 0 before the first. Raises IntakeUnavailableError."""
        try:
            return (await self.jetstream.stream_info(self.stream)).state.last_seq
        except FAILURES as error:
            raise IntakeUnavailableError(f"the stream {self.stream} does not answer: {told(error)}") from error

    async def trim(self, position: int) -> None:
        """Forget batches up to a position, but each submitter's last one, which tells what its next number is.

        For a position that every replica has told to have on its disk. Raises IntakeUnavailableError.
        """
        try:
            info = await self.jetstream.stream_info(self.stream, subjects_filter=subject_of(self._origin, "*"))
            for subject in info.state.subjects or {}:
                last = await self.jetstream.get_last_msg(self.stream, subject)
                await self.jetstream.purge_stream(self.stream, seq=min(position + 1, last.seq or 0), subject=subject)
        except FAILURES as error:
            raise IntakeUnavailableError(f"the stream {self.stream} was not trimmed: {told(error)}") from error

    async def leader(self) -> str:
        """The name of the server that leads the stream; "" while none does. Raises IntakeUnavailableError."""
        try:
            info = await self.jetstream.stream_info(self.stream)
        except FAILURES as error:
            raise IntakeUnavailableError(f"the stream {self.stream} does not answer: {told(error)}") from error
        return (info.cluster.leader if info.cluster else "") or ""

    async def close(self) -> None:
        """Let go of the connection."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.client.close()


def _number(headers: dict[str, str] | None) -> int:
    """The running number a message carries; 0 where it carries none, as no batch of ours does."""
    number = (headers or {}).get(NUMBER, "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 20 else 0


def _milliseconds(moment: str) -> int:
    """A moment as servers stamp it, in milliseconds since 1970; finer digits are cut off."""
    seconds, _, fraction = moment.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp())
    return whole * 1000 + int(fraction[:3].ljust(3, "0") or 0)


async def patiently(ask: Callable[[], Awaitable[_Answer]], failing: str) -> _Answer:
    """The answer to a question that may be asked again, asked until the servers have had time to agree on a leader.

    Raises UnavailableError, which begins with `failing`, where they have not.
    """
    until = time.monotonic() + AGREED_WITHIN_SECONDS
    while True:
        try:
            return await ask()
        except FAILURES as error:
            if not _may_pass(error) or time.monotonic() > until:
                raise UnavailableError(f"{failing}: {told(error)}") from error
            await asyncio.sleep(AGAIN_AFTER_SECONDS)


def _may_pass(error: Exception) -> bool:
    """Whether the same question may be answered when it is asked again."""
    if isinstance(error, APIError):
        return isinstance(error, ServiceUnavailableError) or error.err_code in _PASSING
    return True


def told(error: Exception) -> str:
    """What a failure says, in words for a message: many of them print as nothing, and some only as their class."""
    return str(error) or repr(error)


async def connected(servers: Sequence[str], credentials: Path | None = None) -> Client:
    """A connection to one of these servers that looks for another one when it ends. Raises UnavailableError.

    Servers are `nats://` or `tls://` addresses, with name and password before an `@` where they are asked for;
    `credentials` is a file as `nsc` writes it (a token and its key).
    """
    client = Client()
    connecting = client.connect(
        list(servers),
        connect_timeout=2,
        reconnect_time_wait=RECONNECT_AFTER_SECONDS,  # type: ignore[arg-type]  # any number of seconds will do
        max_reconnect_attempts=-1,
        ping_interval=2,
        max_outstanding_pings=2,
        error_cb=_quiet,
        user_credentials=str(credentials) if credentials else None,
    )
    try:
        # It never gives up by itself, which is right for later and wrong for now.
        await asyncio.wait_for(connecting, CONNECTED_WITHIN_SECONDS)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        await client.close()
        where = ", ".join(server.rpartition("@")[2] for server in servers)  # no passwords in messages
        raise UnavailableError(f"no server of NATS answers at {where}: {told(error)}") from error
    return client


async def _quiet(error: Exception) -> None:
    """Connections that end are made again; whoever waits for an answer is told by its own time limit."""
