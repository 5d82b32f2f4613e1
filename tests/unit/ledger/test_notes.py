"""Keys, notes, checkpoints and cosignatures: published ones verify, and anything altered is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers import ORIGIN, signed_log, signer
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import ALL_TYPES, KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.merkle import EMPTY_ROOT, leaf_hash
from tidewaiter.ledger.notes import NOTE_BYTES_MAX, NoteSignature, SignedNote
from tidewaiter.ledger.signing import Signed, check, cosign, cosigned_message, sign
from tidewaiter.ledger.verdict import LedgerError

# https://github.com/C2SP/C2SP/blob/main/signed-note.md, “Example”, read on 2026-11-28.
PUBLISHED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
PUBLISHED_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
# https://github.com/transparency-dev/tessera, the key and a checkpoint of its test data, read on 2026-11-28.
LOG_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
LOG_CHECKPOINT = """example.com/log/testdata
0
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=

— example.com/log/testdata M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqjOq89wVvTA60eubCc4oufo5BvIVEgtQc=
""".encode()
TEXT = Checkpoint(ORIGIN, 3, leaf_hash(b"root")).text
MEMBER = signer("member.example/a")
QUANTUM_SAFE = signer("member.example/q", KeyType.COSIGNATURE_ML_DSA_44)
AT = 1_679_315_147


def test_published_notes_are_verified_and_written_as_they_are() -> None:
    for key, note in ((PUBLISHED_KEY, PUBLISHED_NOTE), (LOG_KEY, LOG_CHECKPOINT)):
        verifier = VerifierKey.parse(key)
        assert verifier.text == key
        read = SignedNote.parse(note)
        assert read.data == note
        assert check(read, [verifier]).signed == (Signed(verifier),)
    assert Checkpoint.parse(SignedNote.parse(LOG_CHECKPOINT).text) == Checkpoint(
        "example.com/log/testdata", 0, EMPTY_ROOT
    )


def test_the_message_of_a_cosignature_is_the_one_of_the_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosigned_message(text, MEMBER.verifier, AT) == f"cosignature/v1\ntime 1679315147\n{text}".encode()
    message = cosigned_message(text, QUANTUM_SAFE.verifier, AT)
    name = b"member.example/q"
    origin = b"example.com/behind-the-sofa"
    assert message == (
        b"subtree/v1\n\0" + bytes([len(name)]) + name + AT.to_bytes(8, "big") + bytes([len(origin)]) + origin
        + bytes(8) + (20852163).to_bytes(8, "big") + Checkpoint.parse(text).root
    )  # fmt: skip


@pytest.mark.parametrize("key", [MEMBER, QUANTUM_SAFE, signer(ORIGIN, KeyType.ED25519)], ids=lambda key: key.type.name)
def test_keys_are_read_as_they_are_written(key: SignerKey) -> None:
    assert SignerKey.parse(key.text, ALL_TYPES) == key
    assert VerifierKey.parse(key.verifier.text, ALL_TYPES) == key.verifier
    assert key.seed.hex() not in repr(key)
    assert str(key.seed) not in repr(key)


def test_the_same_material_has_another_id_for_another_use() -> None:
    ids = {VerifierKey(ORIGIN, each, MEMBER.verifier.public).key_id for each in KeyType}
    assert len(ids) == len(KeyType)


def test_ml_dsa_is_read_only_where_it_is_asked_for() -> None:
    with pytest.raises(LedgerError, match="type 06 are not read here"):
        VerifierKey.parse(QUANTUM_SAFE.verifier.text)
    with pytest.raises(LedgerError, match="type 06 are not read here"):
        SignerKey.parse(QUANTUM_SAFE.text)


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "a+b", "example.com/foo+530d903b" + PUBLISHED_KEY[24:], PUBLISHED_KEY[:-1], PUBLISHED_KEY + "=",
        PUBLISHED_KEY.replace("foo", "fo o"), PUBLISHED_KEY.replace("530d903a", "530D903A"), PUBLISHED_KEY[15:],
        "example.com/foo+530d903a+", "example.com/foo+530d903a+Aekg", PUBLISHED_KEY.replace("foo", "f\u00a0"),
        PUBLISHED_KEY.replace("foo", "\udcff"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    for parse in (VerifierKey.parse, SignerKey.parse):
        with pytest.raises(LedgerError):
            parse(text)
    with pytest.raises(LedgerError):
        SignerKey.parse("PRIVATE+KEY+" + text)


def test_a_note_is_signed_and_cosigned() -> None:
    note = SignedNote(TEXT, (sign(TEXT, signer(ORIGIN, KeyType.ED25519)),))
    note = note.with_signatures(cosign(TEXT, MEMBER, AT), cosign(TEXT, QUANTUM_SAFE, AT + 1))
    note = SignedNote.parse(note.data)
    keys = [signer(ORIGIN, KeyType.ED25519).verifier, MEMBER.verifier, QUANTUM_SAFE.verifier]
    assert check(note, keys).signed == (Signed(keys[0]), Signed(keys[1], AT), Signed(keys[2], AT + 1))
    assert check(note, keys[1:2]).signed == (Signed(keys[1], AT),)
    assert len(note.signatures[2].signature) == 2428
    assert note.with_signatures(*note.signatures) == note


def test_keys_sign_only_what_they_are_for() -> None:
    with pytest.raises(LedgerError, match="needs a moment"):
        sign(TEXT, MEMBER)
    with pytest.raises(LedgerError, match="does not cosign"):
        cosign(TEXT, signer(ORIGIN, KeyType.ED25519), AT)
    with pytest.raises(LedgerError, match="checkpoint"):
        cosign("no checkpoint\n", MEMBER, AT)
    with pytest.raises(LedgerError, match="no moment"):
        cosign(TEXT, MEMBER, -1)
    with pytest.raises(LedgerError, match="too long"):
        cosign(Checkpoint("o" * 256, 0, EMPTY_ROOT).text, QUANTUM_SAFE, AT)


def test_unknown_signatures_are_passed_over_and_false_ones_spoil() -> None:
    _, note = signed_log(3, MEMBER)
    known = MEMBER.verifier
    stranger = NoteSignature("stranger.example", b"abcd", b"anything")
    other_id = NoteSignature(known.name, b"abcd", b"anything")
    assert check(note.with_signatures(stranger, other_id), [known]).verdict
    assert (
        check(note, [signer("stranger.example").verifier]).verdict.reason == "the note is not signed by any known key"
    )
    false = NoteSignature(known.name, known.key_id, bytes(72))
    checked = check(note.with_signatures(false), [known])
    assert (checked.signed, "not by its key" in checked.verdict.reason) == ((), True)
    for short in (b"x", bytes(8), b"\xff" * 72):
        assert not check(note.with_signatures(NoteSignature(known.name, known.key_id, short)), [known]).verdict


@pytest.mark.parametrize("key", [MEMBER, QUANTUM_SAFE], ids=lambda key: key.type.name)
def test_a_moment_beyond_what_is_allowed_is_refused_though_it_is_signed(key: SignerKey) -> None:
    for at, holds in ((2**63 - 1, True), (2**63, False)):
        signature = at.to_bytes(8, "big") + key.sign(cosigned_message(TEXT, key.verifier, at))
        note = SignedNote(TEXT, (NoteSignature(key.name, key.verifier.key_id, signature),))
        assert bool(check(note, [key.verifier]).verdict) is holds


def test_two_keys_of_one_name_and_id_are_told_apart_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda self: b"same"))
    keys = [VerifierKey("a", KeyType.ED25519, bytes([each]) * 32) for each in (1, 2)]
    _, note = signed_log(1)
    assert "two keys" in check(note, keys).verdict.reason


def read_if_note(data: bytes) -> SignedNote | None:
    """The note, or None where it was refused; any other exception fails."""
    try:
        return SignedNote.parse(data)
    except LedgerError:
        return None


@settings(max_examples=150)
@given(st.data())
def test_one_bit_of_a_signed_note_is_noticed(data: st.DataObject) -> None:
    _, note = signed_log(3, MEMBER)
    keys = [signer(ORIGIN, KeyType.ED25519).verifier, MEMBER.verifier]
    altered = bytearray(note.data)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read = read_if_note(bytes(altered))
    if read is not None and (checked := check(read, keys)).verdict:
        assert len(checked.signed) == 1, "an altered line may only hide who signed it"
        assert read.text == note.text


@given(st.binary(max_size=400))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    note = read_if_note(data)
    assert note is None or note.data == data


@pytest.mark.parametrize(
    "data",
    [
        b"", b"text\n", b"text\n\n", b"text\n\n\xe2\x80\x94 a abcd", PUBLISHED_NOTE[:-1], PUBLISHED_NOTE[:-2] + b"\n",
        PUBLISHED_NOTE.replace(b"This", b"\tThis"), PUBLISHED_NOTE.replace(b".", b"\xff", 1), b"x\n" + PUBLISHED_NOTE[:28],
        "text\n\n— a  Uw2QOg==\n".encode(), "text\n\n— a+b Uw2QOkk=\n".encode(), b"text\n\n- a Uw2QOkk=\n",
        "text\n\n— a Uw2QOg==\n".encode(), "text\n\n— a Uw2QOkl=\n".encode(), "text\n\n— Uw2QOkk=\n".encode(),
        b"text\n\n" + "— a Uw2QOkk=\n".encode() * 129, b"x" * (NOTE_BYTES_MAX + 1),
    ],
    ids=range(17),
)  # fmt: skip
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        SignedNote.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "a\n1\n", TEXT[:-1], TEXT.replace("\n3\n", "\n03\n"), TEXT.replace("\n3\n", "\n-3\n"),
        TEXT.replace("\n3\n", "\n0\n"), TEXT.replace("\n3\n", "\n3 \n"), TEXT.replace("\n3\n", f"\n{2**63}\n"),
        TEXT.replace("\n3\n", "\n٣\n"), TEXT.replace(ORIGIN, ""), TEXT.replace("=", ""), TEXT + "\n", TEXT + "ext\n\n",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        Checkpoint.parse(text)


def test_extensions_of_a_checkpoint_are_kept() -> None:
    checkpoint = Checkpoint(ORIGIN, 3, leaf_hash(b"x"), ("one", "two"))
    assert Checkpoint.parse(checkpoint.text) == checkpoint
    for size, root in ((-1, EMPTY_ROOT), (1, b"x"), (2**63, EMPTY_ROOT)):
        with pytest.raises(LedgerError):
            Checkpoint(ORIGIN, size, root)
