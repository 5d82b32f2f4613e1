"""Envelopes between members: a consignment's key, told to those who follow the consignment, and to nobody else.

Who can be reached can be sent an envelope, and the key that it is sealed to is no secret. So what it holds is signed: only
whose key counts in the network tells another one under which key it records.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from tidewaiter.ledger.contracts.records import Key
from tidewaiter.ledger.envelopes import Payload, open_envelope, seal
from tidewaiter.ledger.keys import KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_base64, written_base64
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import Peer, PeerError
from tidewaiter.network.driving import now_ms
from tidewaiter.network.keyring import Keyring, submitter_number
from tidewaiter.network.service import Side
from tidewaiter.network.serving import OCTETS, Request, Response, Route, refused
from tidewaiter.network.standing import DECISIONS_PATH, Standing
from tidewaiter.network.vault import KeptError, Vault
from tidewaiter.network.witness_side import WitnessSide

ENVELOPES_PATH: Final = "/record/envelopes"
ENVELOPE_BYTES_MAX: Final = 2_000_000
SUBJECT: Final = "subject"
KEY: Final = "key"
SENDER: Final = "sender"
SIGNATURE: Final = "signature"


class Receiving(Protocol):
    """What the letter box needs of a running member."""

    @property
    def sides(self) -> dict[str, Side]:
        """What the member does in each origin, the oldest first."""


class Envelopes:
    """A member's letter box. What it cannot open was meant for others; what is opened is not kept but for the key in it."""

    def __init__(self, vault: Vault, keyring: Keyring, member: Receiving) -> None:
        self._vault, self._keyring, self._member = vault, keyring, member

    def routes(self) -> list[Route]:
        """Where envelopes are put in."""
        return [Route("POST", ENVELOPES_PATH, self.take, ENVELOPE_BYTES_MAX)]

    async def take(self, request: Request) -> Response:
        """An envelope: its key is kept under the subject that it names."""
        try:
            payload = open_envelope(request.body, self._keyring.envelope.private_bytes_raw())
            fields = dict(payload.fields)
            key, subject, sender = bytes.fromhex(fields[KEY]), fields[SUBJECT], fields[SENDER]
            signature = read_base64(fields[SIGNATURE], "the signature")
        except LedgerError as error:
            raise refused(422, "envelope.closed", error.detail, "Seal it to the key on this member's card.") from error
        except (KeyError, ValueError) as error:
            hint = "Send subject, key, sender and signature."
            raise refused(422, "envelope.content", "it does not hold what it takes", hint) from error
        public = await self._known(sender)
        verifier = VerifierKey(sender, KeyType.ED25519, public) if public else None
        if verifier is None or not verifier.has_signed(_message(subject, key), signature):
            why = f"it is not signed by the key {sender[:40]}, or that does not count"
            raise refused(403, "envelope.forged", why, "Sign it with a key to submit with that counts.")
        try:
            await self._vault.keep_key(key, subject)
        except KeptError as error:
            raise refused(409, "envelope.kept", error.detail, error.hint) from error
        return Response(b"", 204)

    async def _known(self, number: str) -> bytes:
        """The public key of this number, where it counts in the last origin; empty where it does not.

        A witness replays nothing: whom its charter does not tell it asks the mirrors for.
        """
        side = next(reversed(self._member.sides.values()), None)
        if side is None:
            return b""
        if not isinstance(side, WitnessSide):
            return _live(side.contract.state.keys.get(number))
        for member in side.charter.of_part("mirror").values():
            peer = Peer(member.url)
            try:
                answer = await peer.get(DECISIONS_PATH)
                known = msgspec.json.decode(answer.body, type=Standing).keys.get(number)
            except (PeerError, msgspec.DecodeError):
                continue
            finally:
                peer.close()
            return known.public if known is not None and known.is_live else b""
        return b""


def _live(key: Key | None) -> bytes:
    return key.public if key is not None and not key.ended and key.until > now_ms() // 1000 else b""


def _message(subject: str, key: bytes) -> bytes:
    """What whoever tells a key signs."""
    return f"tidewaiter consignment key v1\n{key.hex()}\n{subject}\n".encode()


async def share_key(subject: str, key: bytes, labels: Iterable[str], charter: Charter, own: SignerKey) -> list[str]:
    """Send a consignment's key to members, in one envelope that is the same for all, signed by `own`; who could not be reached."""
    parties = {label: charter.members[label] for label in labels}
    signature = written_base64(own.sign(_message(subject, key)))
    told = ((SUBJECT, subject), (KEY, key.hex()), (SENDER, submitter_number(own)), (SIGNATURE, signature))
    payload = Payload(told, secrets.token_bytes(32).hex())
    envelope = seal(payload, [member.envelope for member in parties.values()], secrets.token_bytes(32))
    missed = []
    for label, member in parties.items():
        peer = Peer(member.url)
        try:
            if (await peer.post(ENVELOPES_PATH, envelope, OCTETS)).status != 204:
                missed.append(label)
        except PeerError:
            missed.append(label)
        finally:
            peer.close()
    return missed
