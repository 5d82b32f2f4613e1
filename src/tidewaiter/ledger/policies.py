"""Whom one believes: c2sp.org/tlog-policy. Which logs, which witnesses, and which of them together suffice.

A policy is read from a text and asked of checkpoints. Names in it are octets without further meaning; they are held
as text in which bytes that are not UTF-8 are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from msgspec import Struct, structs

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import ALL_TYPES, CLASSICAL_TYPES, COSIGNATURE_TYPES, KeyType, VerifierKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import Signed, check
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict

POLICY_BYTES_MAX: Final = 1_000_000
MEMBERS_MAX: Final = 256
"""Logs, witnesses and groups each; the specification asks for 32."""
NONE: Final = "none"
_OCTETS: Final = re.compile(rb"[\x09\x0a\x20-\x7e\x80-\xff]*")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Party(Struct, frozen=True):
    """A log or witness: its key, and where it is asked, if that is said."""

    key: VerifierKey
    url: str = ""


class Group(Struct, frozen=True):
    """How many of these witnesses and groups have to speak for a checkpoint."""

    threshold: int
    members: tuple[str, ...]


class Believed(Struct, frozen=True):
    """What became of a checkpoint: whether it is to be believed, what it says, and who spoke for it."""

    verdict: Verdict
    checkpoint: Checkpoint | None = None
    signed: tuple[Signed, ...] = ()


class Policy(Struct, frozen=True):
    """Logs, witnesses by name, groups by name in the order they were defined, and the name that has to be met."""

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    groups: dict[str, Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes, types: frozenset[KeyType] = CLASSICAL_TYPES) -> Policy:
        """The policy in a text. Raises LedgerError, with the line, where it is none."""
        return _Reader(types).read(data)

    @property
    def text(self) -> bytes:
        """The policy as a text, in one order."""
        lines = [f"log {log.key.text} {log.url}".rstrip(" ") for log in self.logs]
        lines += [f"witness {name} {each.key.text} {each.url}".rstrip(" ") for name, each in self.witnesses.items()]
        lines += [f"group {name} {each.threshold} {' '.join(each.members)}" for name, each in self.groups.items()]
        return "".join(f"{line}\n" for line in (*lines, f"quorum {self.quorum}")).encode(errors="surrogateescape")

    def with_log(self, key: VerifierKey) -> Policy:
        """The policy with one more log, for those who know their log from elsewhere."""
        return structs.replace(self, logs=(*self.logs, Party(key)))

    @property
    def counted(self) -> set[str]:
        """The names of the witnesses whose word can count for the quorum."""
        found, ahead = set[str](), [self.quorum]
        while ahead:
            name = ahead.pop()
            if name in self.witnesses:
                found.add(name)
            elif name in self.groups:
                ahead += self.groups[name].members
        return found

    def is_met_by(self, keys: Collection[VerifierKey]) -> Verdict:
        """Whether the cosignatures of these keys suffice; where not, who is missing."""
        met = {name for name, witness in self.witnesses.items() if witness.key in keys}
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(name)
        if self.quorum == NONE or self.quorum in met:
            return PROVED
        return Verdict(f"the quorum is not met: {self._missing(self.quorum, met)}")

    def _missing(self, name: str, met: set[str]) -> str:
        group = self.groups.get(name)
        if group is None:
            return f"{_shown(name)} has not signed"
        spoke = [member for member in group.members if member in met]
        silent = ", ".join(_shown(member) for member in group.members if member not in met)
        return f"{_shown(name)} takes {group.threshold} of {len(group.members)}, {len(spoke)} spoke, not {silent}"

    def believed(self, data: bytes) -> Believed:
        """Whether a signed checkpoint, as it is served, is to be believed. Never raises for what it is given."""
        try:
            note = SignedNote.parse(data)
            checkpoint = Checkpoint.parse(note.text)
        except LedgerError as error:
            return Believed(Verdict(error.detail))
        logs = {log.key for log in self.logs if log.key.name == checkpoint.origin}
        if not logs:
            return Believed(Verdict(f"the policy knows no log “{checkpoint.origin[:200]}”"), checkpoint)
        checked = check(note, logs | {witness.key for witness in self.witnesses.values()})
        if not checked.verdict:
            return Believed(checked.verdict, checkpoint)
        keys = {signed.key for signed in checked.signed}
        if not keys & logs:
            return Believed(Verdict("the checkpoint is not signed by the log itself"), checkpoint, checked.signed)
        return Believed(self.is_met_by(keys), checkpoint, checked.signed)


def _shown(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


class _Reader:
    """Reads a policy line by line."""

    def __init__(self, types: frozenset[KeyType]) -> None:
        self.types = types
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, Group] = {}
        self.quorum = ""
        self.grouped: set[str] = set()

    def read(self, data: bytes) -> Policy:
        if len(data) > POLICY_BYTES_MAX:
            raise LedgerError(f"a policy has {len(data)} bytes; {POLICY_BYTES_MAX} are the most")
        if not _OCTETS.fullmatch(data):
            raise LedgerError("a policy holds a control character")
        for number, line in enumerate(data.decode(errors="surrogateescape").split("\n"), start=1):
            words = [word for word in re.split("[ \t]+", line) if word]
            if words and not words[0].startswith("#"):
                try:
                    self.take(*words)
                except LedgerError as error:
                    raise LedgerError(f"line {number}: {error.detail}", place=f"line {number}") from error
        if not self.quorum:
            raise LedgerError("a policy has no line “quorum”")
        return Policy(tuple(self.logs), self.witnesses, self.groups, self.quorum)

    def take(self, keyword: str, *words: str) -> None:
        match keyword, words:
            case "log", (key, *url) if len(url) <= 1:
                party = self.party(key, url, ALL_TYPES)
                self.refuse_twice(party, self.logs)
                self.logs.append(party)
            case "witness", (name, key, *url) if len(url) <= 1:
                party = self.party(key, url, COSIGNATURE_TYPES)
                self.refuse_twice(party, self.witnesses.values())
                self.refuse_taken(name)
                self.witnesses[name] = party
            case "group", (name, threshold, *members) if members:
                self.group(name, threshold, members)
            case "quorum", (name,):
                if self.quorum:
                    raise LedgerError("there is a second line “quorum”")
                if name != NONE:
                    self.refuse_unknown(name)
                self.quorum = name
            case _:
                raise LedgerError(f"this is no line of a policy: “{_shown(keyword)[:40]}” with {len(words)} more words")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > MEMBERS_MAX:
            raise LedgerError(f"there are more than {MEMBERS_MAX} logs, witnesses or groups")

    def group(self, name: str, threshold: str, members: list[str]) -> None:
        self.refuse_taken(name)
        for member in members:
            self.refuse_unknown(member)
            if member in self.grouped:
                raise LedgerError(f"“{_shown(member)}” is in a group already")
            self.grouped.add(member)
        number = {"any": 1, "all": len(members)}.get(threshold) or (
            int(threshold) if _NUMBER.fullmatch(threshold) else 0
        )
        if not 1 <= number <= len(members):
            raise LedgerError(f"a group of {len(members)} cannot need “{_shown(threshold)[:20]}”")
        self.groups[name] = Group(number, tuple(members))

    def party(self, key: str, url: list[str], fitting: frozenset[KeyType]) -> Party:
        read = VerifierKey.parse(key, self.types)
        if read.type not in fitting:
            raise LedgerError(f"the key of {read.name} does not cosign")
        return Party(read, url[0] if url else "")

    def refuse_twice(self, party: Party, others: Collection[Party]) -> None:
        if any(other.key.public == party.key.public for other in others):
            raise LedgerError(f"the key of {party.key.name} is there already")

    def refuse_taken(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise LedgerError(f"the name “{_shown(name)}” is taken")

    def refuse_unknown(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise LedgerError(f"“{_shown(name)}” is not defined above")
