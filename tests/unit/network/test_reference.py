"""What docs/reference/network.md says of limits is what the program holds to."""

from __future__ import annotations

import re
from pathlib import Path

from tidewaiter.ledger.admitting import AHEAD_SECONDS, CLOSED_AHEAD_SECONDS
from tidewaiter.ledger.batches import BATCH_BYTES_MAX, ENTRIES_MAX
from tidewaiter.ledger.contracts.statements import STATEMENT_BYTES_MAX
from tidewaiter.ledger.following import WINDOW
from tidewaiter.ledger.notes import NOTE_BYTES_MAX
from tidewaiter.ledger.sequencing import Limits
from tidewaiter.ledger.tiles import ENTRY_BYTES_MAX
from tidewaiter.network.envelopes import ENVELOPE_BYTES_MAX
from tidewaiter.network.listening import CONNECTIONS_MAX
from tidewaiter.network.outbox import GROUP_MAX
from tidewaiter.network.service import BLOCKS_BYTES_MAX, FINAL_SECONDS_MAX, WAITING_MAX
from tidewaiter.network.serving import BODIES_BYTES_MAX, BODY_BYTES_FREE, BODY_SECONDS

PAGE = (Path(__file__).parents[3] / "docs/reference/network.md").read_text()


def numbers(begins: str) -> list[int]:
    """The numbers in the row of a table that begins so."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {begins}")]
    return [int(each.replace(",", "")) for each in re.findall(r"(?<![-\w])\d[\d,]*", row)]


def test_the_limits_are_as_they_are_told() -> None:
    limits = Limits()
    assert numbers("entries of a batch and of a block") == [ENTRIES_MAX]
    assert numbers("bytes of an entry") == [ENTRY_BYTES_MAX]
    assert numbers("a block is sealed after") == [limits.entries, limits.seal_ms]
    assert numbers("entries that are not final") == [limits.unfinal_max]
    assert numbers("an entry's moment ahead") == [AHEAD_SECONDS]
    assert numbers("the log's own time ahead") == [CLOSED_AHEAD_SECONDS]
    assert numbers("blocks under way to one mirror") == [WINDOW]
    assert numbers("connections to a member") == [CONNECTIONS_MAX]
    assert numbers("bytes of all bodies under way") == [BODY_BYTES_FREE, BODIES_BYTES_MAX]
    assert numbers("of these, who wait") == [WAITING_MAX]
    assert f"whole within {BODY_SECONDS} seconds" in PAGE


def test_so_are_those_of_bodies() -> None:
    assert numbers("`POST /record/batch`") == [BATCH_BYTES_MAX * 3 // 2]
    assert numbers("`POST /record/statements`")[0] == STATEMENT_BYTES_MAX
    assert numbers("`POST /record/blocks`") == [GROUP_MAX, BLOCKS_BYTES_MAX]
    assert numbers("`GET /record/final?after=SIZE`") == [FINAL_SECONDS_MAX]
    assert numbers("`POST /record/final`")[0] == NOTE_BYTES_MAX
    assert numbers("`POST /record/envelopes`")[0] == ENVELOPE_BYTES_MAX
