"""The answer of everything here that verifies, and the one error of what cannot be read."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError


class LedgerError(TidewaiterError):
    """A text or file of the record is not as its specification has it, or what was asked of the record makes no sense."""

    code = "ledger.malformed"


class Verdict(Struct, frozen=True):
    """Whether something was proved; where it was not, `reason` says why, in words for whoever sent it."""

    reason: str = ""

    def __bool__(self) -> bool:
        """True where it was proved."""
        return not self.reason


PROVED: Final = Verdict()
