"""The operator's door of a running member: tell entries, keep and share keys, look, take part in origins, end them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.commitments import KEY_BYTES, scope_id
from tidewaiter.ledger.contracts.statements import QuorumChanged, RulesChanged, Statement
from tidewaiter.ledger.effects import Cosigned, Declined, Refuse
from tidewaiter.ledger.envelopes import KEY_BYTES as ENVELOPE_KEY_BYTES
from tidewaiter.network.charter import CHARTER_BYTES_MAX, Charter, Member
from tidewaiter.network.client import Peer
from tidewaiter.network.envelopes import share_key
from tidewaiter.network.handing_in import HandingIn, Told, refusal_of
from tidewaiter.network.home import Home
from tidewaiter.network.mirror_side import MirrorSide
from tidewaiter.network.rules import Shelf
from tidewaiter.network.sequencer_side import SequencerSide
from tidewaiter.network.service import STATEMENTS_PATH, Side
from tidewaiter.network.serving import JSON, RefusedError, Request, Response, Route, as_json, refused
from tidewaiter.network.vault import Opening, Vault
from tidewaiter.network.viewing import Copy, fetched, opens
from tidewaiter.network.witness_side import WitnessSide

TOLD_BYTES_MAX: Final = 16_000_000
GOVERNANCE_SCOPE: Final = hashlib.sha256(b"tidewaiter governance v1").hexdigest()[:32]
"""The scope of all entries that stand for statements; everybody knows it."""


class SharedKey(Struct, frozen=True):
    """A consignment's key, in hexadecimal, and what the member calls the consignment."""

    subject: str
    key: str = ""


class Sharing(Struct, frozen=True):
    """Whom to tell a consignment's key: that which is kept, or the one given."""

    subject: str
    members: tuple[str, ...]
    key: str = ""


class Joining(Struct, frozen=True):
    """An origin's charter, and as it stands by now where it was changed since."""

    charter: Charter
    standing: Charter | None = None


class Card(Struct, frozen=True):
    """What the others have to know of a member, and how policies call it."""

    label: str
    card: Member


class SharedOpening(Struct, frozen=True):
    """What an entry was bound to, as one member tells another."""

    label: str
    entry: bytes
    fields: tuple[tuple[str, str], ...]


class Running(Protocol):
    """What the operator's door needs of a running member."""

    @property
    def label(self) -> str:
        """How the network calls the member."""

    @property
    def home(self) -> Home:
        """The member's folder."""

    @property
    def shelf(self) -> Shelf:
        """The statements that the member has."""

    @property
    def sides(self) -> dict[str, Side]:
        """What the member does in each origin, the oldest first."""

    def begin(self, charter: Charter, standing: Charter | None = None) -> None:
        """Take part in one more origin from now on."""


class Operating:
    """A member's answers to its operator."""

    def __init__(self, node: Running, vault: Vault | None, handing_in: HandingIn | None) -> None:
        self._node, self._vault, self._handing_in = node, vault, handing_in

    def routes(self) -> list[Route]:
        """What the operator can ask."""
        return [
            Route("POST", "/statement", self.state_it, TOLD_BYTES_MAX),
            Route("POST", "/tell", self.tell, TOLD_BYTES_MAX),
            Route("POST", "/keys", self.key, 10_000),
            Route("POST", "/share", self.share, 10_000),
            Route("POST", "/cards", self.meet, 100_000),
            Route("POST", "/openings", self.opening, TOLD_BYTES_MAX),
            Route("GET", "/scopes", self.scopes),
            Route("GET", "/view/{subject*}", self.view),
            Route("POST", "/erase", self.erase, 10_000),
            Route("POST", "/origins", self.begin, CHARTER_BYTES_MAX),
            Route("POST", "/freeze", self.freeze, 10_000),
            Route("POST", "/close", self.close, 100_000),
            Route("POST", "/end", self.end, 10_000),
            Route("GET", "/numbers", self.numbers),
            Route("GET", "/epoch", self.epoch),
        ]

    async def tell(self, request: Request) -> Response:
        """Record things: where each entry stands, or why it does not."""
        handing_in = self._handing_in
        if handing_in is None:
            raise refused(409, "network.no_vault", "this member keeps nothing, and so tells nothing", "database = own")
        told = _decoded(request.body, list[Told])
        return as_json(await handing_in.tell(told, self.charter()))

    async def state_it(self, request: Request) -> Response:
        """Hand in a statement of members and the entry that stands for it: where it stands, or why it does not."""
        handing_in = self._handing_in
        if handing_in is None:
            raise refused(409, "network.no_vault", "this member keeps nothing, and so tells nothing", "database = own")
        statement = Statement.parse(request.body)
        self._node.shelf.put(request.body)
        charter = self.charter()
        peer = Peer(charter.members[charter.sequencer].url)
        try:
            answer = await peer.post(STATEMENTS_PATH, request.body, JSON)
        finally:
            peer.close()
        if answer.status != 204:
            raise RefusedError(answer.status, refusal_of(answer))
        body = statement.said
        facts: dict[str, str | int] = {}
        match body:
            case QuorumChanged(policy=policy):
                facts = {"policy": hashlib.sha256(policy.encode()).hexdigest()}
            case RulesChanged(rules=rules, position=position):
                facts = {"rules": rules, "position": position}
        kind = str(body.__struct_config__.tag)
        told = Told(
            type=kind, subject="", label=f"{kind}:{statement.commitment[:8]}", facts=facts, scope=GOVERNANCE_SCOPE,
            commitment=statement.commitment,
        )  # fmt: skip
        return as_json(await handing_in.tell([told], charter))

    async def key(self, request: Request) -> Response:
        """Keep a consignment's key; without one that which is kept, or a new one: the key and the scope."""
        given = _decoded(request.body, SharedKey)
        key = _key(given.key) or await self._the_vault.key_of(given.subject) or secrets.token_bytes(KEY_BYTES)
        return as_json(
            {"subject": given.subject, "key": key.hex(), "scope": await self._the_vault.keep_key(key, given.subject)}
        )

    async def share(self, request: Request) -> Response:
        """Tell other members a consignment's key, in an envelope: who could not be reached."""
        asked = _decoded(request.body, Sharing)
        key = _key(asked.key) or await self._the_vault.key_of(asked.subject)
        if key is None:
            raise refused(404, "vault.key", f"there is no key for “{asked.subject[:200]}”", "Keep it first.")
        assert self._handing_in is not None, "who has a vault hands in"
        charter = self.charter()
        unknown = [label for label in asked.members if label not in charter.members]
        if unknown:
            raise refused(404, "network.member", f"nobody is called {', '.join(unknown)[:200]}")
        if closed := [label for label in asked.members if len(charter.members[label].envelope) != ENVELOPE_KEY_BYTES]:
            why = f"it is not known here to which key envelopes for {', '.join(closed)} are sealed"
            raise refused(409, "network.no_card", why, "tidewaiter node meet FOLDER CARD keeps a member's card")
        await self._the_vault.keep_key(key, asked.subject)
        own = self._handing_in.key
        return as_json({"missed": await share_key(asked.subject, key, asked.members, charter, own)})

    async def meet(self, request: Request) -> Response:
        """Keep a member's card, who joined after the charter was written."""
        given, charter = _decoded(request.body, Card), self.charter()
        side = self._node.sides[charter.origin]
        met = charter.with_card(given.label, given.card)
        self._node.home.origin(charter.origin).keep_standing(met)
        side.change(met)
        return Response(b"", 204)

    async def opening(self, request: Request) -> Response:
        """Keep what an entry was bound to, as another member tells it: only if it opens the entry."""
        subject = request.query.get("subject", "")
        key = await self._the_vault.key_of(subject)
        if key is None:
            raise refused(404, "vault.key", f"there is no key for “{subject[:200]}”", "Keep it first.")
        for each in _decoded(request.body, list[SharedOpening]):
            verdict = opens(key, each.label, each.fields, each.entry)
            if not verdict:
                raise refused(422, "vault.opening", verdict.reason, "Have it told again.", each.label)
            await self._the_vault.keep_opening(scope_id(key), Opening(each.label, each.entry, each.fields))
        return Response(b"", 204)

    async def scopes(self, request: Request) -> Response:
        """What the member calls each scope whose key it has."""
        return as_json(await self._the_vault.scopes())

    async def erase(self, request: Request) -> Response:
        """Forget what opens a consignment's entries."""
        subject = _decoded(request.body, SharedKey).subject
        if await self._the_vault.key_of(subject) is None:
            raise refused(
                404, "vault.key", f"there is no key for “{subject[:200]}”", "Nothing is kept under this name."
            )
        return as_json({"forgotten": await self._the_vault.erase(subject)})

    async def view(self, request: Request) -> Response:
        """A consignment as this member sees it: by what it calls it, or by its scope (`?scope=`)."""
        subject, scope = request.path["subject"], request.query.get("scope", "")
        opened: dict[bytes, tuple[str, tuple[tuple[str, str], ...]]] = {}
        if self._vault is not None:
            called = {name: each for each, name in (await self._vault.scopes()).items()}
            scope = scope or called.get(subject, "")
            opened = {each.entry: (each.label, each.fields) for each in await self._vault.openings(scope)}
        if not scope:
            raise refused(404, "vault.scope", f"this member knows no scope of “{subject[:200]}”", "Ask with ?scope=.")
        copies = [await self._copy(side) for side in self._node.sides.values()]
        seen = [each for copy in copies if copy is not None for each in copy.seen(scope, opened)]
        return as_json({"member": self._node.label, "scope": scope, "entries": seen})

    async def begin(self, request: Request) -> Response:
        """Take part in an origin, by its charter."""
        joining = _decoded(request.body, Joining)
        self._node.begin(joining.charter, joining.standing)
        return Response(b"", 204)

    async def freeze(self, request: Request) -> Response:
        """Cosign nothing more of an origin: what is held."""
        side = self._side(request)
        if not isinstance(side, MirrorSide):
            raise refused(409, "network.part", "only a mirror freezes")
        said = await side.freeze()
        if not isinstance(said, Declined):
            raise refused(503, "network.stopped", "the mirror did not freeze")
        settled = side.holding.last_settled
        last = settled.note if settled is not None and settled.size == said.size else b""
        return as_json({"size": said.size, "root": side.machine.root.hex(), "settled": last})

    async def close(self, request: Request) -> Response:
        """Cosign the end of an origin: a line by each key that the member cosigns with, did, or is to."""
        side = self._side(request)
        if not isinstance(side, MirrorSide):
            raise refused(409, "network.part", "only a mirror closes")
        closing, lines = Checkpoint.parse(request.body.decode()), b""
        for key in self._node.home.keyring.cosigners():
            said = await side.close(closing, key)
            if not isinstance(said, Cosigned):
                declined = Refuse("closing.declined", "it was declined", "")
                raise RefusedError(409, said if isinstance(said, Refuse) else declined)
            lines += said.line.encode()
        return Response(lines)

    async def end(self, request: Request) -> Response:
        """The sequencer takes nothing more, and seals what it has."""
        side = self._side(request)
        if not isinstance(side, SequencerSide):
            raise refused(409, "network.part", "only a sequencer ends its log")
        side.driver.carry_out(side.machine.close())
        return Response(b"", 204)

    async def numbers(self, request: Request) -> Response:
        """The last running number of each submitter."""
        side = self._side(request)
        if isinstance(side, WitnessSide):
            raise refused(409, "network.part", "a witness counts no batches")
        return as_json(side.machine.numbers)

    async def epoch(self, request: Request) -> Response:
        """How the origin before this one ended, as the contract has it; before that is told in the log."""
        side = self._side(request)
        ended = None if isinstance(side, WitnessSide) else side.contract.state.realm.previous
        if ended is None:
            raise refused(409, "network.epoch", "no origin before this one is to be told the end of")
        return as_json({"closed": ended.closed, "size": ended.size, "root": ended.root, "state": ended.state})

    @property
    def _the_vault(self) -> Vault:
        if self._vault is None:
            raise refused(409, "network.no_vault", "this member keeps nothing that only it may know", "database = own")
        return self._vault

    def charter(self) -> Charter:
        """The charter of the origin that the member takes part in last, as it stands. Raises RefusedError."""
        sides = self._node.sides
        if not sides:
            hint = "tidewaiter node join keeps its charter"
            raise refused(409, "network.no_origin", "the member takes part in no log yet", hint)
        return sides[next(reversed(sides))].charter

    def _side(self, request: Request) -> Side:
        origin = request.query.get("origin") or self.charter().origin
        side = self._node.sides.get(origin)
        if side is None:
            raise refused(404, "origin.unknown", f"this member takes part in no log “{origin[:200]}”")
        return side

    async def _copy(self, side: Side) -> Copy | None:
        """The log as this member has it; a witness asks a mirror, and verifies all of it."""
        policy = side.charter.read_policy
        if not isinstance(side, WitnessSide):
            note = side.holding.final
            return Copy(side.holding.tiles.read, note, policy) if note else None
        if not side.final:
            return None
        for member in side.charter.of_part("mirror").values():
            peer = Peer(member.url)
            try:
                copy = Copy(await fetched(peer, side.charter.origin, side.final), side.final, policy)
            except Exception:  # noqa: S112 another mirror is asked
                continue
            finally:
                peer.close()
            if copy.verified():
                return copy
        return None


def _key(text: str) -> bytes:
    """A consignment's key; empty where none is given. Raises RefusedError for what is none."""
    if text and (len(text) != 2 * KEY_BYTES or text.strip("0123456789abcdefABCDEF")):
        raise refused(
            422, "vault.key", "this is no key of a consignment", f"It has {2 * KEY_BYTES} hexadecimal digits."
        )
    return bytes.fromhex(text)


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused(400, "operator.malformed", f"the body cannot be read: {error}") from error
