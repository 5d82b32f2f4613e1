"""A member that witnesses an origin's log: it keeps no entries, and cosigns that the log only grew (c2sp.org/tlog-witness)."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import structs

from tidewaiter.ledger.contracts.statements import KeyRotated, QuorumChanged, Statement, read_key
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.witnessing import Answer, Witness, add_checkpoint
from tidewaiter.network.charter import Charter
from tidewaiter.network.driving import now_ms
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.files import write_durably
from tidewaiter.network.holding import FINAL, checkpoint_of
from tidewaiter.network.home import Origin

DECISION: Final = "decision"
WITNESSED: Final = "witnessed"


class WitnessSide:
    """One origin's witness: the last checkpoint it cosigned is on disk before anybody has the cosignature."""

    def __init__(self, origin: Origin, key: SignerKey, failpoints: Failpoints) -> None:
        self.charter: Charter = origin.standing
        self._origin, self._failpoints = origin, failpoints
        self._key = key
        kept = origin.kept(WITNESSED)
        self._known = SignedNote.parse(kept) if kept else None
        self.final = origin.kept(FINAL)
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """A witness waits to be asked."""

    async def stop(self) -> None:
        """All that was said is on disk already."""

    @property
    def note(self) -> bytes:
        """The last checkpoint that was cosigned here, with the log's signature and ours."""
        return self._known.data if self._known else b""

    async def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to a request of tlog-witness. Raises DiskError."""
        async with self._one_at_a_time:
            witness = Witness((self._key,), {self.charter.origin: (self.charter.log_key,)})
            answer = add_checkpoint(body, self._known, witness, now_ms() // 1000)
            if answer.kept is not None:
                path = self._origin.folder / WITNESSED
                await asyncio.to_thread(write_durably, path, answer.kept.data, self._failpoints)
                self._known = answer.kept
            return answer

    def take_statement(self, data: bytes) -> str:
        """Why another quorum or key is not taken up; empty where it is: a witness replays nothing, so it looks who has signed."""
        statement = Statement.parse(data)
        body = statement.said
        if body.origin != self.charter.origin:
            return ""
        match body:
            case QuorumChanged():
                return self._take_quorum(statement, body)
            case KeyRotated():
                return self._take_rotation(statement, body)
            case _:
                return ""  # nothing that concerns a witness

    def _take_quorum(self, statement: Statement, body: QuorumChanged) -> str:
        if lacking := self._lacking(statement):
            return lacking
        if body.decision > int(self._origin.kept(DECISION) or b"0"):
            self._keep(self.charter.under(body.policy))
            self._origin.keep(DECISION, str(body.decision).encode())
        return ""

    def _take_rotation(self, statement: Statement, body: KeyRotated) -> str:
        """A key by which a member is known is followed by another one: who signs with that counts from then on."""
        members, keys = self.charter.members, self._keys()
        name, old = keys.get(body.old, ("", b""))
        if not name or not body.new:
            return ""
        new = read_key(body.new)
        signed = statement.proven({body.old: old, key_number(new): new}).signatures
        if key_number(new) not in signed:
            return "the new key has not signed"
        if body.old not in signed and (
            lacking := self._lacking(statement) if body.decision else "it is not signed by the old key"
        ):
            return lacking
        member = structs.replace(members[name], submitters=(new, *members[name].submitters[1:]))
        self._keep(structs.replace(self.charter, members={**members, name: member}))
        return ""

    def _keys(self) -> dict[str, tuple[str, bytes]]:
        """The key by which each member is known, by its number: whose it is, and the key."""
        members = self.charter.members.items()
        return {key_number(key): (name, key) for name, each in members for key in each.submitters[:1]}

    def _lacking(self, statement: Statement) -> str:
        """What a statement lacks that the quorum decides; empty where it is decided."""
        keys, policy = self._keys(), self.charter.read_policy
        signed = structs.replace(statement, signatures={n: s for n, s in statement.signatures.items() if n in keys})
        if signed.unproven({number: key for number, (_, key) in keys.items()}):
            return "a signature under the statement does not hold"
        names = {keys[number][0] for number in signed.signatures}
        return policy.is_met_by({party.key for name, party in policy.witnesses.items() if name in names}).reason

    def _keep(self, charter: Charter) -> None:
        self.charter = charter
        self._origin.keep_standing(charter)

    def take_key(self, key: SignerKey) -> None:
        """Cosign with another key from now on."""
        self._key = key

    def take_final(self, note: bytes) -> bool:
        """Whether the policy believes a checkpoint; it is kept then."""
        if not self.charter.read_policy.believed(note).verdict:
            return False
        if not self.final or checkpoint_of(note).size > checkpoint_of(self.final).size:
            self.final = note
            self._origin.keep(FINAL, note)
        return True
