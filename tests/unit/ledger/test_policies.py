"""Policies and receipts: whom one believes, and what can be shown to somebody who was not there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers import ORIGIN, entries, signed_log, signer
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import ALL_TYPES, KeyType, SignerKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.receipts import Receipt, issue, verify_receipt
from tidewaiter.ledger.signing import cosign, sign
from tidewaiter.ledger.verdict import LedgerError

LOG = signer(ORIGIN, KeyType.ED25519)
X = [signer(f"customs.example/{number}") for number in range(3)]
Y = [signer(f"courier.example/{number}") for number in range(3)]


def two_levels() -> bytes:
    """The example of the specification, with keys."""
    witnesses = "".join(
        f"witness {letter}{number} {key.verifier.text}\n"
        for letter, keys in (("X", X), ("Y", Y))
        for number, key in enumerate(keys, start=1)
    )
    return f"""# two of customs and any courier
log {LOG.verifier.text} https://record.example/2026/

{witnesses}
group X-witnesses 2 X1 X2 X3
\tgroup Y-witnesses any Y1\tY2  Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


POLICY = Policy.parse(two_levels())


def test_every_set_of_witnesses_is_judged_as_the_rule_says() -> None:
    for count in range(7):
        for chosen in itertools.combinations([*X, *Y], count):
            keys = {key.verifier for key in chosen}
            wanted = sum(key in X for key in chosen) >= 2 and any(key in Y for key in chosen)
            assert bool(POLICY.is_met_by(keys)) is wanted
    assert POLICY.is_met_by([key.verifier for key in (*X, X[0])]).reason == (
        "the quorum is not met: X-and-Y takes 2 of 2, 1 spoke, not Y-witnesses"
    )


def test_a_policy_is_read_as_it_is_written() -> None:
    assert Policy.parse(POLICY.text) == POLICY
    strange = two_levels().replace(b"X1", b"\xe2\x84\xaa").replace(b"X2", b"\xff\xfe")
    assert Policy.parse(Policy.parse(strange).text) == Policy.parse(strange)
    assert "\\xff\\xfe" in Policy.parse(strange.replace(b"quorum X-and-Y", b"quorum \xff\xfe")).is_met_by([]).reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"quorum X-and-Y\n", b"", "no line “quorum”"),
        (b"quorum X-and-Y\n", b"quorum Z\n", "line 14: “Z” is not defined above"),
        (b"quorum X-and-Y\n", b"quorum X-and-Y\nquorum none\n", "second line"),
        (b"quorum X-and-Y\n", b"quorum X-and-Y\nquorom none\n", "no line of a policy"),
        (b"group X-witnesses 2", b"group X-witnesses 4", "cannot need “4”"),
        (b"group X-witnesses 2", b"group X-witnesses 0", "cannot need “0”"),
        (b"group X-witnesses 2", b"group X-witnesses 02", "cannot need “02”"),
        (b"group X-witnesses 2", b"group X1 2", "“X1” is taken"),
        (b"group X-witnesses 2", b"group none 2", "“none” is taken"),
        (b"any Y1\tY2", b"any X1 Y2", "“X1” is in a group already"),
        (b"any Y1\tY2", b"any none Y2", "“none” is not defined above"),
        (b"any Y1\tY2  Y3", b"any", "no line of a policy"),
        (b"any Y1\tY2", b"any Y-witnesses Y2", "“Y-witnesses” is not defined above"),
        (b"witness X2", b"witness X1", "“X1” is taken"),
        (b"# two", b"# \x00two", "control character"),
        (b"# two", b"# two\r", "control character"),
        (X[1].verifier.text.encode(), X[0].verifier.text.encode(), "is there already"),
        (X[1].verifier.text.encode(), LOG.verifier.text.encode(), "does not cosign"),
        (X[1].verifier.text.encode(), b"key", "a key is"),
        (b"https://record.example/2026/", b"https://a https://b", "no line of a policy"),
        (b"# two", f"log {LOG.verifier.text}\n# two".encode(), "is there already"),
        (b"# two", b"#" * 1_000_001, "1000000 are the most"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_said(old: bytes, new: bytes, reason: str) -> None:
    assert old in two_levels()
    with pytest.raises(LedgerError, match=reason):
        Policy.parse(two_levels().replace(old, new))


def test_thirty_two_of_each_fit_and_not_any_number() -> None:
    def many(count: int) -> bytes:
        keys = [signer(f"w.example/{number}").verifier.text for number in range(count)]
        lines = [f"witness w{number} {key}" for number, key in enumerate(keys)]
        lines += [f"group g{number} 1 {'w' if number == 0 else 'g'}{max(0, number - 1)}" for number in range(count)]
        return "\n".join([*lines, f"quorum g{count - 1}", ""]).encode()

    deep = Policy.parse(many(256))
    assert deep.is_met_by([signer("w.example/0").verifier])
    assert not deep.is_met_by([signer("w.example/1").verifier])
    with pytest.raises(LedgerError, match="more than 256"):
        Policy.parse(many(257))


def test_checkpoints_are_believed_for_a_reason_or_refused_for_one() -> None:
    _, note = signed_log(9, X[0], X[2], Y[1])
    believed = POLICY.believed(note.data)
    assert believed.verdict
    assert believed.checkpoint == Checkpoint.parse(note.text)
    assert [signed.key.name for signed in believed.signed] == [ORIGIN, X[0].name, X[2].name, Y[1].name]
    assert {signed.signed_at for signed in believed.signed} == {None, 1_700_000_000}
    refused = {
        "is not met": SignedNote(note.text, note.signatures[:3]),
        "not signed by the log itself": SignedNote(note.text, note.signatures[1:]),
        "not signed by any known key": SignedNote(note.text, (cosign(note.text, signer("stranger.example"), 1),)),
        "knows no log “elsewhere.example”": SignedNote(note.text.replace(ORIGIN, "elsewhere.example"), note.signatures),
        "not by its key over this text": SignedNote(note.text.replace("\n9\n", "\n8\n"), note.signatures),
        "a checkpoint is": SignedNote("words\n", note.signatures),
    }
    for reason, altered in refused.items():
        assert reason in POLICY.believed(altered.data).verdict.reason
    assert "note" in POLICY.believed(b"\xff").verdict.reason


def test_a_log_by_itself_needs_nobody_else() -> None:
    alone = Policy.parse(b"quorum none")
    _, note = signed_log(2)
    assert "knows no log" in alone.believed(note.data).verdict.reason
    assert alone.with_log(LOG.verifier).believed(note.data).verdict


def receipt(size: int, index: int, *witnesses: SignerKey) -> bytes:
    log, note = signed_log(size, *witnesses)
    return issue(log.node, index, note, size).text


@settings(max_examples=60)
@given(st.integers(1, 300), st.data())
def test_a_receipt_shows_its_entry_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    text = receipt(size, index, X[0], X[1], Y[0])
    assert Receipt.parse(text).text == text
    assert verify_receipt(text, b"entry %d" % index, POLICY).verdict
    assert "another root" in verify_receipt(text, b"entry %d" % (index + 1), POLICY).verdict.reason


@settings(max_examples=200)
@given(st.data())
def test_one_bit_of_a_receipt_is_noticed(data: st.DataObject) -> None:
    text = bytearray(receipt(9, 4, X[0], X[1], Y[0]))
    text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    believed = verify_receipt(bytes(text), b"entry 4", POLICY)
    assert not believed.verdict
    assert believed.verdict.reason


@given(st.binary(max_size=300))
def test_any_bytes_are_a_receipt_or_refused(data: bytes) -> None:
    assert not verify_receipt(data, b"entry", POLICY).verdict
    assert not verify_receipt(b"c2sp.org/tlog-proof@v1\nindex 0\n" + data, b"entry", POLICY).verdict


def test_what_is_wrong_with_a_receipt_is_said() -> None:
    text = receipt(9, 4, X[0], X[1], Y[0])
    for old, new, reason in (
        (b"@v1", b"@v2", "begins with the line"),
        (b"index 4", b"index 04", "the index of a receipt"),
        (b"index 4\n", b"", "no line “index”"),
        (b"index 4", b"extra \nindex 4", "without anything extra"),
        (b"index 4", b"extra ???\nindex 4", "not base 64"),
        (b"index 4", b"index 9", "outside the entries"),
        (b"index 4\n", b"index 4\n" + b"A" * 44 + b"\n", "a hash of a receipt"),
        (b"index 4\n", b"index 4\n" + (b"A" * 43 + b"=\n") * 64, "63 are the most"),
        (b"index", "indéx".encode(), "not ASCII"),
    ):
        assert old in text
        assert reason in verify_receipt(text.replace(old, new), b"entry 4", POLICY).verdict.reason
    assert "are the most" in verify_receipt(b"x" * 1_100_001, b"entry 4", POLICY).verdict.reason
    extra = Receipt(0, (), signed_log(1)[1].data, b"more").text
    assert Receipt.parse(extra).extra == b"more"
    log, note = signed_log(3)
    with pytest.raises(LedgerError, match="is not in"):
        issue(log.node, 3, note, 3)


def test_a_receipt_of_a_large_log_with_four_witnesses_fits_two_and_a_half_kilobytes() -> None:
    hashes = tuple(bytes([number]) * 32 for number in range(30))  # the way up in a log of a thousand million entries
    _, note = signed_log(9, *X, Y[0])
    small = Receipt(0, hashes, note.data).text
    assert len(small) < 2_500
    safe = [signer(f"member.example/{number}", KeyType.COSIGNATURE_ML_DSA_44) for number in range(4)]
    assert len(Receipt(0, hashes, signed_log(9, *safe)[1].data).text) < 15_500


def test_members_may_cosign_with_ml_dsa_where_the_policy_asks_for_it() -> None:
    member = signer("member.example/q", KeyType.COSIGNATURE_ML_DSA_44)
    text = f"log {LOG.verifier.text}\nwitness q {member.verifier.text}\nquorum q\n".encode()
    with pytest.raises(LedgerError, match="line 2: keys of the type 06"):
        Policy.parse(text)
    policy = Policy.parse(text, ALL_TYPES)
    log, note = signed_log(5, member)
    assert verify_receipt(issue(log.node, 2, note, 5).text, b"entry 2", policy).verdict
    plain = SignedNote(note.text, (sign(note.text, LOG),))
    assert "q has not signed" in policy.believed(plain.data).verdict.reason
    assert entries(3)[2] == b"entry 2"
