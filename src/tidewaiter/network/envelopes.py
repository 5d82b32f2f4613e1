"""Envelopes between members: a consignment's key, told to those who follow the consignment, and to nobody else."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final

from tidewaiter.ledger.envelopes import Payload, open_envelope, seal
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.charter import Charter
from tidewaiter.network.client import Peer, PeerError
from tidewaiter.network.keyring import Keyring
from tidewaiter.network.serving import OCTETS, Request, Response, Route, refused
from tidewaiter.network.vault import Vault

ENVELOPES_PATH: Final = "/record/envelopes"
ENVELOPE_BYTES_MAX: Final = 2_000_000
SUBJECT: Final = "subject"
KEY: Final = "key"


class Envelopes:
    """A member's letter box. What it cannot open was meant for others, and is not kept."""

    def __init__(self, vault: Vault, keyring: Keyring) -> None:
        self._vault, self._keyring = vault, keyring

    def routes(self) -> list[Route]:
        """Where envelopes are put in."""
        return [Route("POST", ENVELOPES_PATH, self.take, ENVELOPE_BYTES_MAX)]

    async def take(self, request: Request) -> Response:
        """An envelope: its key is kept under the subject that it names."""
        try:
            payload = open_envelope(request.body, self._keyring.envelope.private_bytes_raw())
            fields = dict(payload.fields)
            key = bytes.fromhex(fields[KEY])
            subject = fields[SUBJECT]
        except LedgerError as error:
            raise refused(422, "envelope.closed", error.detail, "Seal it to the key on this member's card.") from error
        except (KeyError, ValueError) as error:
            raise refused(422, "envelope.content", "it holds no subject and key", "Send both.") from error
        await self._vault.keep_envelope(hashlib.sha256(request.body).digest(), request.body)
        await self._vault.keep_key(key, subject)
        return Response(b"", 204)


async def share_key(subject: str, key: bytes, labels: Iterable[str], charter: Charter) -> list[str]:
    """Send a consignment's key to members, in one envelope that is the same for all; who could not be reached."""
    parties = {label: charter.members[label] for label in labels}
    payload = Payload(((SUBJECT, subject), (KEY, key.hex())), secrets.token_bytes(32).hex())
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
