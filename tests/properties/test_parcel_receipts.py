"""Receipts of parcels: whatever was recorded, each entry is shown by its own, and by nothing that was altered."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.commitments import commit, entry_seed, scope_id
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import NONE, Party, Policy
from tidewaiter.ledger.receipts import issue
from tidewaiter.ledger.signing import sign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.workflow.recording import Recording, leaf_of
from tidewaiter.workflow.recording_receipts import ParcelReceipt, ReceiptEntry, verify

LOG = SignerKey("record.example/2026", KeyType.ED25519, bytes(range(32)))
POLICY = Policy((Party(LOG.verifier),), {}, {}, NONE)
AT = datetime(2026, 11, 28, 3, 7, tzinfo=UTC)
KEY = bytes(32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FIELDS = st.dictionaries(st.text("abc_", min_size=1, max_size=4), TEXTS, min_size=1, max_size=5)


def receipt_of(histories: list[dict[str, str]], wanted: list[int]) -> ParcelReceipt:
    """The receipt of some of the entries of a log, all fields told."""
    made = []
    for number, fields in enumerate(histories):
        recording = Recording(
            "decided", "declaration:1", f"record:1:{number}", tuple(fields.items()), {"state": "released"}, AT
        )
        commitment = commit(entry_seed(KEY, recording.label), recording.fields)
        made.append((leaf_of(recording, "0" * 32, scope_id(KEY), commitment.root).entry(), commitment, fields))
    log = MemoryLog(leaf_hash(entry) for entry, _, _ in made)
    text = Checkpoint(LOG.name, log.size, log.root).text
    note = SignedNote(text, (sign(text, LOG),))
    entries = [
        ReceiptEntry(
            entry=made[index][0].decode(),
            proof=issue(log.node, index, note, log.size).text.decode(),
            fields=tuple(made[index][1].disclose(name) for name in made[index][2]),
        )
        for index in wanted
    ]
    return ParcelReceipt(about="any", entries=tuple(entries))


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=40), st.data())
def test_any_history_is_shown(histories: list[dict[str, str]], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(histories) - 1), min_size=1, max_size=4, unique=True))
    found = receipt_of(histories, wanted)
    assert ParcelReceipt.parse(found.text) == found
    shown = verify(found.text, POLICY)
    assert [each.index for each in shown if each.verdict] == wanted
    assert [dict(each.fields) for each in shown] == [histories[index] for index in wanted]


@settings(max_examples=150, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=12), st.data())
def test_what_was_altered_anywhere_shows_nothing_else(histories: list[dict[str, str]], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(histories) - 1))
    text = bytearray(receipt_of(histories, [index]).text)
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    try:
        (shown,) = verify(bytes(text), POLICY)
    except (LedgerError, ValueError):
        return
    if shown.verdict:  # it was white space, the note beside it, or the same byte: what is shown is what was recorded
        assert (shown.index, dict(shown.fields)) == (index, histories[index])
