"""What a member answers others: batches, blocks, checkpoints, tiles, receipts. docs/reference/network.md tells the same."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Protocol, TypeVar

import msgspec

from tidewaiter.ledger.batches import BATCH_BYTES_MAX, Batch
from tidewaiter.ledger.contracts.statements import STATEMENT_BYTES_MAX, Statement
from tidewaiter.ledger.effects import Message, Refuse
from tidewaiter.ledger.notes import NOTE_BYTES_MAX
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.witnessing import origin_of
from tidewaiter.network.agreeing import is_signed_by_one
from tidewaiter.network.driving import now_ms
from tidewaiter.network.holding import Holding
from tidewaiter.network.mirror_side import MirrorSide
from tidewaiter.network.outbox import BLOCKS_PATH, GROUP_MAX, Sent
from tidewaiter.network.sequencer_side import EVIDENCE_PATH, FINAL_PATH, SequencerSide
from tidewaiter.network.serving import (
    JSON,
    MSGPACK,
    OCTETS,
    TEXT,
    RefusedError,
    Request,
    Response,
    Route,
    as_json,
    refused,
)
from tidewaiter.network.standing import DECISIONS_PATH, standing_of
from tidewaiter.network.witness_side import WitnessSide

STATEMENTS_PATH: Final = "/record/statements"
BLOCKS_BYTES_MAX: Final = GROUP_MAX * (BATCH_BYTES_MAX + 1_000_000)
EVIDENCE_BYTES_MAX: Final = 4 * NOTE_BYTES_MAX
FINAL_SECONDS_MAX: Final = 20
WAITING_MAX: Final = 64
"""Who may wait at once for something to become final; members tell one another and do not wait so."""
_STATUS: Final = {
    "batch.gap": 409, "batch.replayed": 409, "batch.forged": 403, "batch.key_unknown": 403, "batch.oversized": 413,
    "entry.oversized": 413, "sequencer.busy": 503, "sequencer.stopped": 503, "sequencer.closed": 503, "sequencer.beginning": 503, "storage.failed": 503,
}  # fmt: skip
_BATCH_JSON: Final = msgspec.json.Decoder(Batch)
_BATCH: Final = msgspec.msgpack.Decoder(Batch)
_BLOCKS: Final = msgspec.msgpack.Decoder(Annotated[list[Sent], msgspec.Meta(min_length=1, max_length=GROUP_MAX)])
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_IMMUTABLE: Final = ((b"cache-control", b"public, max-age=31536000, immutable"),)

Side = SequencerSide | MirrorSide | WitnessSide
_S = TypeVar("_S", SequencerSide, MirrorSide, WitnessSide)


class Sides(Protocol):
    """The origins a member takes part in."""

    @property
    def label(self) -> str:
        """How the network calls the member."""

    @property
    def sides(self) -> dict[str, Side]:
        """What the member does in each origin, the oldest first."""


class Answering:
    """A member's answers to others."""

    def __init__(self, member: Sides) -> None:
        self._member = member
        self._waiting = 0

    def routes(self) -> list[Route]:
        """What it answers."""
        return [
            Route("GET", "/", self.status),
            Route("POST", "/record/batch", self.batch, BATCH_BYTES_MAX * 3 // 2),
            Route("POST", STATEMENTS_PATH, self.take_statement, STATEMENT_BYTES_MAX),
            Route("GET", "/record/numbers/{key}", self.number),
            Route("POST", BLOCKS_PATH, self.take_blocks, BLOCKS_BYTES_MAX),
            Route("GET", "/record/blocks/{first}", self.give_blocks),
            Route("POST", FINAL_PATH, self.take_final, NOTE_BYTES_MAX),
            Route("GET", FINAL_PATH, self.give_final),
            Route("POST", EVIDENCE_PATH, self.take_evidence, EVIDENCE_BYTES_MAX),
            Route("GET", "/record/receipts/{index}", self.receipt),
            Route("GET", DECISIONS_PATH, self.decisions),
            Route("POST", "/add-checkpoint", self.add_checkpoint, NOTE_BYTES_MAX + 10_000),
            Route("GET", "/{log}/checkpoint", self.checkpoint),
            Route("GET", "/{log}/tile/{path*}", self.tile),
        ]

    async def status(self, request: Request) -> Response:
        """What the member does, and how far it is."""
        origins = [_state(origin, side) for origin, side in self._member.sides.items()]
        return as_json({"member": self._member.label, "origins": origins})

    async def batch(self, request: Request) -> Response:
        """A batch is handed in: the promise."""
        as_text = request.content_type == JSON
        batch = _decoded(_BATCH_JSON if as_text else _BATCH, request.body, "batch.malformed")
        promise = await self._side(SequencerSide, batch.origin).submit(batch)
        _raise_refusal(promise)
        return as_json(promise) if as_text else Response(_ENCODE(promise), 200, MSGPACK)

    async def take_statement(self, request: Request) -> Response:
        """A statement, before the batch with the entry that stands for it."""
        side = self._any(request.query.get("origin", ""))
        if isinstance(side, WitnessSide):
            if why := side.take_statement(request.body):
                raise refused(422, "statement.quorum", why, "Have more members sign.")
            return Response(b"", 204)
        sequencer = self._side(SequencerSide, side.charter.origin)
        if not is_signed_by_one(Statement.parse(request.body), sequencer.machine.setup.submitters):
            why = "no key that is known here has signed the statement, or a signature of one does not hold"
            raise refused(403, "statement.unsigned", why, "Sign it with a key that the network knows.")
        sequencer.take_statement(Statement.parse(request.body))
        return Response(b"", 204)

    async def number(self, request: Request) -> Response:
        """The running number that the next batch of a key has."""
        side = self._side(SequencerSide, request.query.get("origin", ""))
        key = request.path["key"]
        if key not in side.machine.setup.submitters:
            raise refused(
                404, "batch.key_unknown", f"nobody is known by the key {key[:40]}", "Have it registered first."
            )
        return as_json({"next": side.machine.numbers.get(key, 0) + 1})

    async def take_blocks(self, request: Request) -> Response:
        """The sequencer sends blocks: a cosignature for each, or why there is none."""
        blocks = _decoded(_BLOCKS, request.body, "block.malformed")
        origin = blocks[0].block.note.partition(b"\n")[0].decode(errors="replace")
        answers = await self._side(MirrorSide, origin).receive(blocks)
        return Response(_ENCODE(answers), 200, MSGPACK)

    async def give_blocks(self, request: Request) -> Response:
        """Blocks from one on, for a member that catches up."""
        count = min(GROUP_MAX, _number(request.query.get("count", "1"), "count"))
        holding = self._holding(request.query.get("origin", ""))
        return Response(_ENCODE(holding.blocks(_number(request.path["first"], "first"), count)), 200, MSGPACK)

    async def take_final(self, request: Request) -> Response:
        """A checkpoint that is final, told by whoever has it."""
        origin = request.body.partition(b"\n")[0].decode(errors="replace")
        side = self._member.sides.get(origin)
        if side is None:
            raise _unknown(origin)
        if isinstance(side, MirrorSide | WitnessSide) and not side.take_final(request.body):
            hint = "A quorum has to have cosigned it, and the member has to hold its entries: send it again later."
            raise refused(409, "final.unproved", "the checkpoint is not final for this member", hint)
        return Response(b"", 204)

    async def give_final(self, request: Request) -> Response:
        """The last final checkpoint; with `after`, one of more entries than that, once there is one."""
        side = self._any(request.query.get("origin", ""))
        if isinstance(side, WitnessSide):
            note = side.final
        else:
            after = _number(request.query.get("after", "-1") if "after" in request.query else "0", "after")
            seconds = FINAL_SECONDS_MAX if "after" in request.query else 0
            note = await self._final_of(side.holding, after + 1, seconds)
        if not note:
            raise refused(404, "final.none", "nothing is final yet", "Ask again in a second.")
        return Response(note, 200, TEXT)

    async def _final_of(self, holding: Holding, size: int, seconds: float) -> bytes:
        """The last final checkpoint, waited for if need be; so many at once may wait, each of whom holds a connection."""
        if not seconds or holding.final_size >= size:
            return holding.final
        if self._waiting >= WAITING_MAX:
            why = f"{WAITING_MAX} wait here already for what becomes final"
            raise refused(503, "final.crowded", why, "Ask again in a second, or without `after`.")
        self._waiting += 1
        try:
            return await holding.await_final(size, seconds)
        finally:
            self._waiting -= 1

    async def take_evidence(self, request: Request) -> Response:
        """Somebody shows that a log told two histories."""
        for side in self._member.sides.values():
            if isinstance(side, MirrorSide) and side.take_evidence(request.body):
                return Response(b"", 204)
        raise refused(422, "evidence.none", "it does not show that a log mirrored here told two histories")

    async def receipt(self, request: Request) -> Response:
        """The receipt of an entry (c2sp.org/tlog-proof)."""
        holding = self._holding(request.query.get("origin", ""))
        try:
            return Response(holding.receipt(_number(request.path["index"], "index")).text, 200, TEXT)
        except LedgerError as error:
            raise refused(404, "receipt.none", error.detail, error.hint) from error

    async def decisions(self, request: Request) -> Response:
        """What members have decided so far: how often, on which quorum, who is in, and whose keys count."""
        side = self._any(request.query.get("origin", ""))
        if isinstance(side, WitnessSide):
            raise refused(421, "network.role", "a witness replays nothing", "Ask a mirror or the sequencer.")
        return as_json(standing_of(side.contract.state, now_ms() // 1000))

    async def add_checkpoint(self, request: Request) -> Response:
        """As c2sp.org/tlog-witness has it."""
        side = self._member.sides.get(origin_of(request.body))
        if not isinstance(side, WitnessSide):
            return Response(b"this member witnesses no such log\n", 404)
        answer = await side.add_checkpoint(request.body)
        return Response(answer.body, answer.status, answer.content_type)

    async def checkpoint(self, request: Request) -> Response:
        """The checkpoint of a log as this member has it, with its cosignatures."""
        side = self._by_hash(request.path["log"])
        note = side.note if isinstance(side, WitnessSide) else side.holding.final
        if not note:
            raise refused(404, "final.none", "there is no checkpoint yet", "Ask again in a second.")
        return Response(note, 200, TEXT)

    async def tile(self, request: Request) -> Response:
        """A tile or bundle (c2sp.org/tlog-tiles)."""
        side = self._by_hash(request.path["log"])
        if isinstance(side, WitnessSide):
            raise refused(404, "tile.none", "a witness keeps no entries", "Ask a mirror.")
        data = side.holding.tiles.read(f"tile/{request.path['path']}")
        if data is None:
            raise refused(404, "tile.none", "the log has no such tile yet", "A checkpoint says how far it goes.")
        return Response(data, 200, OCTETS, _IMMUTABLE)

    def _any(self, origin: str) -> Side:
        sides = self._member.sides
        side = sides.get(origin) if origin else next(reversed(sides.values()), None)
        if side is None:
            raise _unknown(origin)
        return side

    def _side(self, kind: type[_S], origin: str) -> _S:
        side = self._any(origin)
        if not isinstance(side, kind):
            why = f"{self._member.label} is not the {_CALLED[kind]} of “{side.charter.origin}”"
            raise refused(
                421, "network.role", why, f"Ask {side.charter.members[side.charter.sequencer].url} for its log."
            )
        return side

    def _holding(self, origin: str) -> Holding:
        side = self._any(origin)
        if isinstance(side, WitnessSide):
            raise refused(421, "network.role", "a witness keeps no entries", "Ask a mirror.")
        return side.holding

    def _by_hash(self, log: str) -> Side:
        for origin, side in self._member.sides.items():
            if hashlib.sha256(origin.encode()).hexdigest() == log:
                return side
        raise refused(404, "origin.unknown", "no log here has an origin of this SHA-256")


_CALLED: Final[dict[type, str]] = {SequencerSide: "sequencer", MirrorSide: "mirror", WitnessSide: "witness"}
_T = TypeVar("_T")


def _decoded(decoder: msgspec.msgpack.Decoder[_T] | msgspec.json.Decoder[_T], body: bytes, code: str) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = "docs/reference/network.md has the members; MessagePack, or JSON with bytes in base 64."
        raise refused(400, code, f"the body cannot be read: {error}", hint) from error


def _raise_refusal(message: Message) -> None:
    if isinstance(message, Refuse):
        raise RefusedError(_STATUS.get(message.code, 422), message)


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise refused(400, "http.number", f"“{text[:40]}” is no number", place=what)
    return int(text)


def _unknown(origin: str) -> RefusedError:
    return refused(404, "origin.unknown", f"this member takes part in no log “{origin[:200]}”", "GET / lists them.")


def _state(origin: str, side: Side) -> dict[str, object]:
    sequencer = side.charter.sequencer
    if isinstance(side, WitnessSide):
        return {"origin": origin, "role": "witness", "sequencer": sequencer}
    holding = side.holding
    state: dict[str, object] = {
        "origin": origin, "role": _CALLED[type(side)], "sequencer": sequencer, "size": holding.size,
        "final_size": holding.final_size, "root": holding.root(holding.size).hex() if holding.size else "",
        "is_stopped": side.machine.is_stopped,
    }  # fmt: skip
    if isinstance(side, SequencerSide):
        state["mirrors"] = side.machine.followers.held()
        state["refusing"] = side.machine.followers.refusing()
        state["is_closed"] = side.machine.is_closed
    else:
        state["frozen"] = side.machine.frozen.why if side.machine.frozen else ""
        state["caught_lying"] = side.machine.evidence is not None
    return state
