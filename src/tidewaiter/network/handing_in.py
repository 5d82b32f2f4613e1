"""A member's own entries: bound, signed in batches under one of its keys, handed in to the sequencer, and remembered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from tidewaiter.ledger.batches import ENTRIES_MAX, Batch, Promise, write_batch
from tidewaiter.ledger.commitments import commit, entry_seed, scope_id
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import Fact, Leaf, bucket
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import Answer, Peer, PeerError
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.serving import JSON, MSGPACK, RefusedError, refused
from tidewaiter.network.vault import Opening, Vault

BATCH_PATH: Final = "/record/batch"
STATEMENTS_PATH: Final = "/record/statements"
TRIES_MAX: Final = 20
PAUSE_SECONDS: Final = 0.25
CATCH_UP_SECONDS: Final = 2.0
CLOSED: Final = "sequencer.closed"
AGAIN: Final = frozenset({408, 429})
"""Answers, beside 500 and above, that do not tell whether a batch was taken: by the sequencer, or by what stands before it."""
_LOG: Final = logging.getLogger(__name__)
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Told(Struct, frozen=True, kw_only=True):
    """One thing that a member records: what kind, on what (as the member calls it), and what it is bound to.

    `label` is its own among all on the subject. `facts` stand in the open: never an amount, a name or a number.
    """

    type: str
    subject: str
    label: str
    fields: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Fact] = field(default_factory=dict)
    at: datetime | None = None
    commitment: str = ""
    """Of what is public and bound elsewhere (a statement); the fields are none then."""
    scope: str = ""
    """Of what has a scope that everybody knows; the subject is only for the member then."""


class Placed(Struct, frozen=True, kw_only=True):
    """What became of one thing told: where its entry stands, or why it does not."""

    label: str
    entry: bytes
    index: int | None = None
    refuse: Refuse | None = None


class HandingIn:
    """One key's batches: numbered without a gap, written down before they are sent, sent again until answered."""

    def __init__(self, vault: Vault, key: SignerKey) -> None:
        self.key, self.number = key, submitter_number(key)
        self._vault = vault
        self._one_at_a_time = asyncio.Lock()
        self._known_to = ""

    async def tell(self, told: Sequence[Told], charter: Charter) -> list[Placed]:
        """What became of each, once the sequencer has promised. Raises RefusedError for the whole, PeerError."""
        promises: list[Promise] = []
        async with self._one_at_a_time:
            entries = [await self._entry(each) for each in told]
            await self._catch_up(charter)
            for start in range(0, len(entries), ENTRIES_MAX):
                promises.append(await self._hand_in(entries[start : start + ENTRIES_MAX], charter))
        placed: list[Placed] = []
        for promise in promises:
            placed += _placed(promise, told[len(placed) :], entries[len(placed) :])
        return placed

    async def change(self, key: SignerKey) -> None:
        """Go on under another key, once what is under way is handed in."""
        async with self._one_at_a_time:
            self.key, self.number, self._known_to = key, submitter_number(key), ""

    async def run(self, charter: Callable[[], Charter]) -> None:
        """Hand in again what an origin has not taken, as soon as it does, until cancelled; nobody has to ask for it."""
        while True:
            try:
                async with self._one_at_a_time:
                    await self._catch_up(charter())
            except TidewaiterError as error:
                _LOG.debug("what was handed in is not answered yet: %s", error.detail)
            except Exception:
                _LOG.exception("what was handed in before is not looked after")
            await asyncio.sleep(CATCH_UP_SECONDS)

    async def relay(self, entries: Sequence[bytes], charter: Charter) -> Promise:
        """Hand in entries as they are, which were bound elsewhere. Raises RefusedError, PeerError."""
        async with self._one_at_a_time:
            await self._catch_up(charter)
            return await self._hand_in(list(entries), charter)

    async def _entry(self, told: Told) -> bytes:
        scope, commitment = told.scope, told.commitment
        # Without a field an entry would be bound to the same nothing as any other one of its scope.
        fields = told.fields or (("label", told.label),)
        key = await self._vault.key_of(told.subject)
        if not commitment or not scope:
            if key is None:
                raise LedgerError(f"there is no key for “{told.subject}”", hint="it was erased, or never told")
            scope = scope or scope_id(key)
            commitment = commitment or commit(entry_seed(key, told.label), fields).root
        at = told.at or datetime.now(UTC)
        leaf = Leaf(
            actor=self.number, at=bucket(at), commitment=commitment, facts=dict(told.facts), scope=scope, type=told.type
        )
        entry = Leaf.parse(leaf.entry()).entry()
        if key is not None:
            await self._vault.keep_opening(scope, Opening(told.label, entry, fields))
        return entry

    async def _catch_up(self, charter: Charter) -> None:
        """Hand in again what was not answered; and, where an origin is new here, what was promised in one that ended without it.

        What counted in an origin before has a number that this one knows as taken; the answer to it got lost.
        """
        if charter.origin != self._known_to:
            due = await next_number(self.number, charter)
            if lacking := await self._vault.forget_promises(self.number, due):
                _LOG.warning("%d batches that “%s” does not have are handed in again", lacking, charter.origin)
            self._known_to = charter.origin
        for batch in await self._vault.unanswered(self.number):
            again = write_batch(charter.origin, self.key, batch.number, batch.entries)
            try:
                await self._vault.promised(await send_batch(again, charter))
            except RefusedError as error:
                if error.refuse.code != "batch.replayed":
                    raise
                await self._vault.counted(batch)

    async def _hand_in(self, entries: list[bytes], charter: Charter) -> Promise:
        batch = write_batch(charter.origin, self.key, await self._vault.last_number(self.number) + 1, entries)
        await self._vault.hand_in(batch)
        try:
            promise = await send_batch(batch, charter)
        except PeerError:
            raise
        except Exception:
            await self._vault.withdraw(batch)  # it was answered, and not taken: its number is free
            raise
        await self._vault.promised(promise)
        return promise


async def send_batch(batch: Batch, charter: Charter) -> Promise:
    """The promise for a batch, which is sent again while the sequencer is busy or away.

    Raises RefusedError where it is refused; PeerError where nobody answered, and it may have been taken.
    """
    peer = Peer(charter.members[charter.sequencer].url)
    body, said = _ENCODE(batch), Refuse("", "it is busy", "hand in the same again later")
    try:
        for attempt in range(TRIES_MAX):
            try:
                answer = await peer.post(BATCH_PATH, body, MSGPACK)
            except PeerError:
                if attempt + 1 == TRIES_MAX:
                    raise
            else:
                if answer.status not in AGAIN and answer.status < 500:
                    return _promise(answer, charter)
                said = refusal_of(answer)
                if said.code == CLOSED:
                    break
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        peer.close()
    raise PeerError(f"{charter.sequencer} takes nothing at the moment: {said.why} ({said.code})", hint=said.hint)


async def send_statement(statement: bytes, charter: Charter) -> None:
    """Hand a statement in, before the batch with the entry that stands for it. Raises RefusedError, PeerError."""
    peer = Peer(charter.members[charter.sequencer].url)
    try:
        answer = await peer.post(f"{STATEMENTS_PATH}?origin={quote(charter.origin, safe='')}", statement, JSON)
    finally:
        peer.close()
    if answer.status in AGAIN or answer.status >= 500:
        said = refusal_of(answer)
        raise PeerError(f"{charter.sequencer} takes nothing at the moment: {said.why} ({said.code})", hint=said.hint)
    if answer.status >= 300:
        said = refusal_of(answer)
        raise refused(answer.status, said.code, said.why, said.hint, said.place)


async def next_number(key: str, charter: Charter) -> int:
    """The number that the sequencer expects of a key's next batch. Raises RefusedError, PeerError."""
    peer = Peer(charter.members[charter.sequencer].url)
    try:
        answer = await peer.get(f"/record/numbers/{key}?origin={quote(charter.origin, safe='')}")
    finally:
        peer.close()
    if answer.status != 200:
        said = refusal_of(answer)
        raise refused(answer.status, said.code, said.why, said.hint, said.place)
    return int(msgspec.json.decode(answer.body, type=dict[str, int])["next"])


def _promise(answer: Answer, charter: Charter) -> Promise:
    if answer.status != 200:
        said = refusal_of(answer)
        raise refused(answer.status, said.code, said.why, said.hint, said.place)
    promise = msgspec.msgpack.decode(answer.body, type=Promise)
    if not promise.is_by(charter.log_key):
        raise PeerError("the promise is not signed by the log", hint="is the charter the one the network has?")
    return promise


def refusal_of(answer: Answer) -> Refuse:
    """What an answer that is a refusal says; some of its text where it is not one of ours, but of what stands before a member."""
    try:
        body = msgspec.json.decode(answer.body, type=dict[str, object])
    except msgspec.DecodeError:
        body = {"code": "network.peer", "detail": answer.body[:200].decode(errors="replace")}
    return Refuse(*(str(body.get(name, "")) for name in ("code", "detail", "hint", "place")))


def _placed(promise: Promise, told: Sequence[Told], entries: Sequence[bytes]) -> list[Placed]:
    """What became of the entries of one batch: those taken stand one after another, without the refused ones."""
    refusals: Mapping[int, Refuse] = {
        each.place: Refuse(each.code, each.why, each.hint, f"entries/{each.place}") for each in promise.refused
    }
    placed: list[Placed] = []
    index = promise.first
    for place in range(promise.count + len(refusals)):
        refuse = refusals.get(place)
        label = told[place].label
        placed.append(Placed(label=label, entry=entries[place], index=None if refuse else index, refuse=refuse))
        index += refuse is None
    return placed
