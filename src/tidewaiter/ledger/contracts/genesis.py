"""With what a network begins: its members and their keys, who suffices for a decision, and the rules."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.contracts.records import SEAL
from tidewaiter.ledger.contracts.statements import read_key
from tidewaiter.ledger.contracts.vocabulary import Role
from tidewaiter.ledger.leaves import BUCKET_SECONDS, WHOLE_MAX, key_number
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64

FOREVER: Final = WHOLE_MAX - WHOLE_MAX % BUCKET_SECONDS
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


class Founder(Struct, frozen=True):
    """A member from the beginning: its name, as the quorum's policy names its witness, its public key and roles.

    The key is one of Ed25519, 32 bytes: statements and batches are signed with it. Checkpoints are cosigned with
    another one, that of the policy.
    """

    name: str
    public: bytes
    roles: tuple[Role, ...]


class Genesis(Struct, frozen=True):
    """The first statement of a network. `at` is seconds since 1970 of a quarter hour; `rules` is the rule set's hash."""

    origin: str
    at: int
    founders: tuple[Founder, ...]
    sequencer: bytes
    policy: str
    rules: str

    def check(self) -> None:
        """Raises LedgerError for what no network can begin with."""
        if not self.origin or self.at < 0 or self.at % BUCKET_SECONDS:
            raise LedgerError("a network begins with an origin and a quarter hour")
        Policy.parse(self.policy.encode())
        names = {check_member(each.name) for each in self.founders}
        numbers = {key_number(check_public(each.public)) for each in self.founders}
        numbers.add(key_number(check_public(self.sequencer)))
        if any(Role.SEQUENCER in each.roles or not each.roles for each in self.founders):
            raise LedgerError("a member has at least one role, and the sequencer is none of its roles")
        if not names or len(names) != len(self.founders) or len(numbers) != len(self.founders) + 1:
            raise LedgerError("a network begins with members that have a name and a key of their own each")


def check_member(name: str) -> str:
    """The name, if a member may have it. Raises LedgerError."""
    if not _NAME.fullmatch(name) or name == SEAL or re.fullmatch(r"[0-9a-f]{32}", name):
        raise LedgerError(f"no member may have the name “{name[:80]}”")
    return name


def check_public(public: bytes) -> bytes:
    """The key, if it is one of Ed25519. Raises LedgerError."""
    return read_key(written_base64(public))
