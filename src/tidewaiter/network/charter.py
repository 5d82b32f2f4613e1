"""What members of an origin have to agree on before the first entry: the log's key, the quorum, and one another's keys.

A charter is a text that each member keeps and anybody can compare. Who submits under which key is told to members only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct, field, structs

from tidewaiter.ledger.contracts import VERSION_1, Founder, Genesis, Role
from tidewaiter.ledger.contracts.records import Realm
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import TidewaiterError

Part = Literal["sequencer", "mirror", "witness"]
CHARTER_BYTES_MAX: Final = 4_000_000


class CharterError(TidewaiterError):
    """What members agreed on does not hold together, or is not what it was."""

    code = "network.charter"


class Member(Struct, frozen=True, kw_only=True):
    """One member: what it does, where it is asked, the key it cosigns with, and those it is known to submit with.

    `envelope` is the public key of X25519 that payloads are encrypted to.
    """

    part: Part
    url: str
    key: str
    envelope: bytes = b""
    submitters: tuple[bytes, ...] = ()
    roles: tuple[Role, ...] = ()
    """What it may write in the record: customs, carrier, marketplace …"""


class Follows(Struct, frozen=True, kw_only=True):
    """The origin before, and its end as the quorum cosigned it.

    `settled` is the final checkpoint of just that place, where the last entries have changed who suffices: by it they count.
    """

    origin: str
    closing: bytes
    settled: bytes = b""


class Charter(Struct, frozen=True, kw_only=True):
    """One origin: since when (a quarter hour, in seconds since 1970), its log's key, its policy as a text, its members by
    name, and what it takes over. Of a member's keys to submit with, the first is the one it is known by.
    """

    origin: str
    at: int
    log: str
    policy: str
    members: dict[str, Member]
    numbers: dict[str, int] = field(default_factory=dict)
    follows: Follows | None = None

    @property
    def data(self) -> bytes:
        """The charter as it is kept and compared."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=1) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Charter:
        """The charter in these bytes. Raises CharterError, LedgerError."""
        try:
            charter = _CHARTER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CharterError(f"this is no charter: {error}") from error
        charter.check()
        return charter

    @classmethod
    def read(cls, file: Path) -> Charter:
        """The charter in a file. Raises CharterError with the file's name, OSError."""
        with file.open("rb") as opened:
            data = opened.read(CHARTER_BYTES_MAX + 1)
        try:
            if len(data) > CHARTER_BYTES_MAX:
                raise CharterError(f"a charter has {CHARTER_BYTES_MAX} bytes at most")
            return cls.parse(data)
        except (CharterError, LedgerError) as error:
            hint = error.hint or "take it again from another member"
            raise CharterError(error.detail, hint=hint, place=str(file)) from error

    def check(self) -> None:
        """Raises CharterError, LedgerError where it does not hold together."""
        if self.log_key.name != self.origin:
            raise CharterError(f"the log's key is of “{self.log_key.name}”, the origin is “{self.origin}”")
        if sum(member.part == "sequencer" for member in self.members.values()) != 1:
            raise CharterError("an origin has just one sequencer")
        witnesses = self.read_policy.witnesses
        for name, party in witnesses.items():
            if name not in self.members or self.members[name].key != party.key.text:
                raise CharterError(f"the policy names {name} with another key than the members have of it")

    @property
    def log_key(self) -> VerifierKey:
        """The key that checkpoints of this origin are signed with."""
        return VerifierKey.parse(self.log)

    @property
    def read_policy(self) -> Policy:
        """Whom one believes about this origin."""
        return Policy.parse(self.policy.encode()).with_log(self.log_key)

    @property
    def sequencer(self) -> str:
        """The name of the member that runs the log."""
        return next(name for name, member in self.members.items() if member.part == "sequencer")

    @property
    def genesis(self) -> Genesis:
        """The first statement of the network, for the contract."""
        founders = tuple(
            Founder(name, member.submitters[0], member.roles)
            for name, member in sorted(self.members.items())
            if member.submitters and member.roles
        )
        return Genesis(self.origin, self.at, founders, self.log_key.public, self.policy, VERSION_1.hash)

    def amended(self, realm: Realm) -> Charter:
        """The charter as it stands by what the contract has come to."""
        return self.under(realm.policy)

    def under(self, policy: str) -> Charter:
        """The charter under another policy, with the members that it names."""
        members: dict[str, Member] = {}
        for name, party in Policy.parse(policy.encode()).witnesses.items():
            known = self.members.get(name) or Member(part="mirror", url=party.url, key=party.key.text)
            members[name] = structs.replace(known, key=party.key.text, url=party.url or known.url)
        kept = {name: each for name, each in self.members.items() if each.part == "sequencer"}
        return structs.replace(self, policy=policy, members={**kept, **members})

    def with_card(self, label: str, card: Member) -> Charter:
        """The charter with what a member's card tells beside its part and address; of one that joined later only its key is known.

        Raises CharterError for a card of nobody here, or with another key than the members count.
        """
        known = self.members.get(label)
        if known is None:
            raise CharterError(
                f"nobody in “{self.origin}” is called {label[:80]}", hint="the quorum's policy names it first"
            )
        if known.key != card.key:
            raise CharterError(
                f"the members count another key of {label} than is on its card", hint="ask it for a new card"
            )
        told = structs.replace(known, envelope=card.envelope, submitters=card.submitters, roles=card.roles)
        return structs.replace(self, members={**self.members, label: told})

    def of_part(self, part: Part) -> dict[str, Member]:
        """The members that do this."""
        return {name: member for name, member in self.members.items() if member.part == part}

    def with_policy(self, quorum: str) -> Charter:
        """The charter with its members written into the policy, above these lines for groups and quorum."""
        lines = [f"witness {name} {member.key} {member.url}" for name, member in sorted(self.members.items())]
        return structs.replace(self, policy="".join(f"{line}\n" for line in (*lines, *quorum.strip().splitlines())))


_CHARTER: Final = msgspec.json.Decoder(Charter)
