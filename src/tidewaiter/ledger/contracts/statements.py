"""Statements of members on the network itself: one body in canonical JSON, signed by as many keys as it takes.

An entry of governance commits to the body; body and signatures travel beside it, and are public. They say who belongs to the
network, whose keys count, who suffices for a decision, which rules apply, how an origin ended, what was settled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, structs

from tidewaiter.ledger.contracts.vocabulary import Role
from tidewaiter.ledger.jcs import canonical_json
from tidewaiter.ledger.keys import KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.leaves import WHOLE_MAX, key_number
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_base64, written_base64

STATEMENT_BYTES_MAX: Final = 4_000_000
SIGNATURES_MAX: Final = 256
POSITIONS_MAX: Final = 65_536
"""Payments that one settlement covers."""
_HEAD: Final = b"tidewaiter statement v1\n"

_Number = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Public = Annotated[str, Meta(min_length=44, max_length=44)]
_Count = Annotated[int, Meta(ge=0, le=WHOLE_MAX)]
_Roles = Annotated[tuple[Role, ...], Meta(max_length=len(Role))]


class _Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """A body says for which origin it is, so that it counts nowhere else."""

    origin: str


class MemberJoined(_Body, frozen=True, tag="member_joined"):
    """A new member, its roles and first key (32 bytes of Ed25519 in base 64); its key signs too. `decision` is the running
    number of what the quorum decides."""

    decision: _Count
    name: str
    roles: _Roles
    key: _Public


class MemberLeft(_Body, frozen=True, tag="member_left"):
    """A member that is none any more; none of its keys counts."""

    decision: _Count
    name: str


class KeyRotated(_Body, frozen=True, tag="key_rotated"):
    """The key with the number `old` is followed by `new`, or by none where that is empty.

    The old key signs, or who vouched for it; with a `decision` above 0 the quorum does, where a key was stolen or lost. The new key signs too.
    """

    old: _Number
    new: str = ""
    decision: _Count = 0


class KeyRegistered(_Body, frozen=True, tag="key_registered"):
    """A further key with some roles until a moment: of a member, which signs; or of nobody who is named, for whom an
    authority signs. The key itself signs too."""

    key: _Public
    roles: _Roles
    until: _Count
    member: str = ""


class QuorumChanged(_Body, frozen=True, tag="quorum_changed"):
    """Another policy (c2sp.org/tlog-policy, its witnesses named as the members are)."""

    decision: _Count
    policy: str


class RulesChanged(_Body, frozen=True, tag="rules_changed"):
    """The rule set with this hash applies from a position on."""

    decision: _Count
    rules: _Hash
    position: _Count


class EpochClosed(_Body, frozen=True, tag="epoch_closed"):
    """The origin `closed` ended with a size, root and state root; `key` signs as sequencer of this one, `origin`."""

    decision: _Count
    closed: str
    size: _Count
    root: _Hash
    state: _Hash
    key: _Public


class Settled(_Body, frozen=True, tag="settled"):
    """Two parties have settled the payments at the positions `covers`, each from first to last. A side is a member's name, or
    the number of a key that names nobody.

    `root` is the Merkle root over the commitments of the entries there, in order; `settlement` commits to what is owed, which only the two can open. Both sign.
    """

    sides: tuple[str, str]
    covers: tuple[tuple[_Count, _Count], ...]
    root: _Hash
    settlement: _Hash


Body = MemberJoined | MemberLeft | KeyRotated | KeyRegistered | QuorumChanged | RulesChanged | EpochClosed | Settled
_BODIES: Final = msgspec.json.Decoder(Body)


class Statement(Struct, frozen=True):
    """A body with signatures, by the number of the key."""

    body: bytes
    signatures: dict[str, bytes] = {}

    @classmethod
    def of(cls, body: Body) -> Statement:
        """The statement with this body, which nobody has signed yet. Raises LedgerError where it has no canonical form."""
        return cls(canonical_json(_plain(body)))

    @property
    def commitment(self) -> str:
        """What the entry is bound to: SHA-256 in hexadecimal."""
        return hashlib.sha256(_HEAD + self.body).hexdigest()

    @property
    def said(self) -> Body:
        """The body. Raises LedgerError where it is none, or not in canonical form."""
        try:
            body: Body = _BODIES.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LedgerError(f"the body of a statement cannot be read: {error}") from error
        if canonical_json(_plain(body)) != self.body:
            raise LedgerError("the body of a statement is not in its canonical form")
        return body

    @property
    def data(self) -> bytes:
        """The statement as it travels: canonical JSON."""
        signatures = {number: written_base64(each) for number, each in self.signatures.items()}
        return canonical_json({"body": msgspec.json.decode(self.body), "signatures": signatures})

    @classmethod
    def parse(cls, data: bytes) -> Statement:
        """The statement in these bytes. Raises LedgerError for anything but its one writing."""
        if len(data) > STATEMENT_BYTES_MAX:
            raise LedgerError(f"a statement has {len(data)} bytes; {STATEMENT_BYTES_MAX} are the most")
        try:
            read = msgspec.json.decode(data, type=_Travelling)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LedgerError(f"this is no statement: {error}") from error
        signatures = {number: read_base64(each, "a signature") for number, each in read.signatures.items()}
        statement = cls(canonical_json(msgspec.json.decode(read.body)), signatures)
        statement.said  # noqa: B018 - raises for what is none
        if statement.data != data:
            raise LedgerError("a statement is written otherwise than RFC 8785 writes it")
        return statement

    def signed(self, key: SignerKey) -> Statement:
        """The statement with one more signature, by a key of Ed25519."""
        number = key_number(key.verifier.public)
        return structs.replace(self, signatures={**self.signatures, number: key.sign(_HEAD + self.body)})

    def merged(self, others: Iterable[Statement]) -> Statement:
        """The statement with the signatures of others of the same body. Raises LedgerError for another body."""
        signatures = dict(self.signatures)
        for each in others:
            if each.body != self.body:
                raise LedgerError("these are signatures on another statement")
            signatures |= each.signatures
        return structs.replace(self, signatures=signatures)

    def proven(self, keys: Mapping[str, bytes]) -> Statement:
        """The statement with those of its signatures that are by these keys and hold."""
        alone = {number: structs.replace(self, signatures={number: each}) for number, each in self.signatures.items()}
        return structs.replace(
            self, signatures={n: self.signatures[n] for n, each in alone.items() if not each.unproven(keys)}
        )

    def unproven(self, keys: Mapping[str, bytes]) -> str:
        """The number of a key whose signature does not hold, or that is none of these; empty where all hold."""
        message = _HEAD + self.body
        for number, signature in self.signatures.items():
            public = keys.get(number)
            if public is None or not VerifierKey(number, KeyType.ED25519, public).has_signed(message, signature):
                return number
        return ""


class _Travelling(Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    signatures: Annotated[dict[_Number, str], Meta(max_length=SIGNATURES_MAX)]


def read_key(text: str) -> bytes:
    """The public key of Ed25519 in base 64. Raises LedgerError for what is none."""
    public = read_base64(text, "the key")
    if len(public) != 32:
        raise LedgerError(f"a key of Ed25519 has 32 bytes, not {len(public)}")
    VerifierKey.parse(VerifierKey("key", KeyType.ED25519, public).text)
    return public


def _plain(body: Body) -> Any:
    return msgspec.to_builtins(body)
