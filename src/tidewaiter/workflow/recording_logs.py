"""What is read of the record: its logs, the entries on a subject, what opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.policies import NONE, Party, Policy
from tidewaiter.workflow.records import Kept, Place


class Log(Struct, frozen=True, kw_only=True):
    """The log of one year: how many entries it has, and how far it is sealed by a signed checkpoint (`note`)."""

    origin_id: int
    origin: str
    year: int
    size: int
    is_closed: bool
    sealed_size: int
    root: bytes  # of the sealed part
    note: bytes  # empty where nothing is sealed yet
    sealed_at: datetime | None


class Recorded(Struct, frozen=True, kw_only=True):
    """An entry and where it stands."""

    origin_id: int
    index: int
    subject: str
    label: str
    entry: bytes


class Sealed(Struct, frozen=True):
    """What one round of sealing came to: entries put under a checkpoint, and checkpoints signed."""

    entries: int = 0
    checkpoints: int = 0


class RecordLogs(Protocol):
    """The record as readers have it. Every method is one transaction."""

    def logs(self) -> Sequence[Log]:
        """Every log, the oldest first."""

    def log(self, origin: str) -> Log:
        """The log of this name, or of this year. Raises NotFoundError."""

    def file(self, log: Log, path: str) -> bytes | None:
        """The tile or bundle at a path below a log's address, of its sealed part; None where there is none."""

    def of_subject(self, subject: str) -> Sequence[Recorded]:
        """The entries on a subject, the oldest first."""

    def after(self, origin_id: int, index: int, limit: int) -> Sequence[Recorded]:
        """Entries of a log from a number on."""

    def unrecorded(self, limit: int) -> Sequence[int]:
        """Declarations, the oldest first, that no entry was ever made on: decided before there was a record."""

    def missing(self) -> list[str]:
        """Decisions made since there is a record that have no entry, in words; empty when all is well."""

    def otherwise(self) -> list[str]:
        """Declarations that are kept in another state than their last entry says, in words; empty when all is well."""

    def key(self, subject: str) -> bytes | None:
        """The key that opens the entries on a subject; None where there is none, or it was erased."""

    def code(self, subject: str) -> str:
        """By which a buyer follows a parcel, made of the key; "" where there is none."""

    def codes(self, subjects: Sequence[str]) -> Mapping[str, str]:
        """The codes of those subjects that have one, in one question whatever their number."""

    def payload(self, subject: str, label: str) -> tuple[tuple[str, str], ...] | None:
        """The fields that were kept with an entry; None where they are in evidence, or were erased."""

    def decided(self, place: Place) -> Kept:
        """The decision on a record of a message. Raises NotFoundError."""

    def forget(self, subject: str, by: str, words: str, at: datetime) -> bool:
        """Erase what opens the entries on a subject, and on returns of it; False where there was nothing to erase."""

    def verifier(self, origin: str) -> VerifierKey:
        """The key that signs a log's checkpoints."""


def policy_of(logs: RecordLogs) -> Policy:
    """Whom who verifies has to believe: each year's log by its key, and nobody besides."""
    return Policy(tuple(Party(logs.verifier(each.origin)) for each in logs.logs()), {}, {}, NONE)
