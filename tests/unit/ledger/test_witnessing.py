"""A witness answers as c2sp.org/tlog-witness has it: each status, and what is kept before an answer."""

from __future__ import annotations

import pytest
from msgspec import structs

from ledgers import ORIGIN, entries, signer
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.epochs import Closing
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.merkle import EMPTY_ROOT, MemoryLog, leaf_hash
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.proving import prove_consistency
from tidewaiter.ledger.signing import check, sign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64
from tidewaiter.ledger.witnessing import Answer, Request, Witness, add_checkpoint, origin_of, parse_request

LOG = signer(ORIGIN, KeyType.ED25519)
KEYS = (signer("w.example"), signer("w.example", KeyType.COSIGNATURE_ML_DSA_44))
WITNESS = Witness(KEYS, {ORIGIN: (LOG.verifier,)})
NOW = 1_700_000_000
TREE = MemoryLog(map(leaf_hash, entries(70)))


def note(size: int, *, root: bytes | None = None, key: object = LOG, origin: str = ORIGIN) -> SignedNote:
    log = MemoryLog(map(leaf_hash, entries(size)))
    text = Checkpoint(origin, size, root or log.root).text
    return SignedNote(text, (sign(text, key),))  # type: ignore[arg-type]


def request(old: int, new: SignedNote, *, proof: tuple[bytes, ...] | None = None) -> bytes:
    size = int(new.text.split("\n")[1])
    if proof is None:
        proof = tuple(prove_consistency(TREE.node, old, size)) if 0 < old <= size else ()
    return Request(old, proof, new).body


def asked(body: bytes, known: SignedNote | None = None) -> Answer:
    return add_checkpoint(body, known, WITNESS, NOW)


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 70), (1, 2), (7, 7), (7, 8), (31, 64), (64, 70), (33, 65)])
def test_a_log_that_grew_is_cosigned_by_all_keys_and_kept_first(old: int, new: int) -> None:
    answer = asked(request(old, note(new)), note(old) if old else None)
    assert answer.status == 200
    assert answer.kept is not None
    lines = answer.body.decode().splitlines()
    both = note(new).with_signatures(*map(NoteSignature.parse, lines))
    checked = check(both, [key.verifier for key in KEYS])
    assert {signed.signed_at for signed in checked.signed} == {NOW}
    assert len(checked.signed) == 2
    assert answer.kept == both


WRONG = {
    "nothing": (b"", None, 400),
    "no old line": (b"new 0\n\n" + note(1).data, None, 400),
    "a size with a leading zero": (b"old 00\n\n" + note(1).data, None, 400),
    "a hash that is none": (b"old 1\nAAAA\n\n" + note(2).data, note(1), 400),
    "more than 63 hashes": (request(0, note(1), proof=(bytes(32),) * 64), None, 400),
    "an old size that is larger": (request(9, note(8), proof=()), note(9), 400),
    "another log": (request(0, note(1, origin="another.example", key=signer("another.example", KeyType.ED25519))), None, 404),
    "another key": (request(0, note(1, key=structs.replace(LOG, seed=bytes(32)))), None, 403),
    "a false signature": (request(0, SignedNote(note(1).text, note(2).signatures)), None, 403),
    "a proof from an empty log": (request(0, note(3), proof=(bytes(32),)), None, 422),
    "a proof that proves nothing": (request(5, note(8), proof=(bytes(32),)), note(5), 422),
    "no proof": (request(5, note(8), proof=()), note(5), 422),
    "another root of the same size": (request(5, note(5, root=bytes(32))), note(5), 422),
    "another root": (request(5, note(8, root=bytes(32))), note(5), 422),
    "a proof where the size is the same": (request(5, note(5), proof=(bytes(32),)), note(5), 422),
}  # fmt: skip


@pytest.mark.parametrize(("body", "known", "status"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_not_cosigned(body: bytes, known: SignedNote | None, status: int) -> None:
    answer = asked(body, known)
    assert (answer.status, answer.kept) == (status, None)
    assert answer.body.strip()


@pytest.mark.parametrize(("old", "known"), [(0, 5), (4, 5), (6, 5), (3, 0)])
def test_another_old_size_is_answered_with_the_own(old: int, known: int) -> None:
    answer = asked(request(old, note(8)), note(known) if known else None)
    assert (answer.status, answer.body, answer.content_type) == (409, b"%d\n" % known, "text/x.tlog.size")


def test_an_empty_log_has_the_root_of_the_empty_tree() -> None:
    text = f"{ORIGIN}\n0\n{written_base64(bytes(32))}\n"
    wrong = SignedNote(text, (sign(text, LOG),))
    assert asked(Request(0, (), wrong).body).status == 422
    text = Checkpoint(ORIGIN, 0, EMPTY_ROOT).text
    empty = SignedNote(text, (sign(text, LOG),))
    answer = asked(Request(0, (), empty).body)
    assert answer.status == 200
    assert asked(request(0, note(3)), answer.kept).status == 200


def test_signatures_of_others_are_passed_over_and_not_kept() -> None:
    text = note(3).text
    crowded = note(3).with_signatures(sign(text, signer("other.example", KeyType.ED25519)))
    answer = asked(request(0, crowded))
    assert answer.status == 200
    assert answer.kept is not None
    assert {each.name for each in answer.kept.signatures} == {ORIGIN, "w.example"}


def test_a_request_is_read_as_it_is_written() -> None:
    body = request(31, note(64))
    read = parse_request(body)
    assert read.body == body
    assert origin_of(body) == ORIGIN
    with pytest.raises(LedgerError):
        parse_request(body.replace(b"old 31", b"old  31"))


def test_the_end_of_an_origin_is_not_a_witness_s_to_cosign() -> None:
    following = signer("record.example/2027", KeyType.ED25519).verifier
    text = Closing(Checkpoint.parse(note(3).text), following).checkpoint.text
    assert asked(Request(0, (), SignedNote(text, (sign(text, LOG),))).body).status == 422
    text = Checkpoint(ORIGIN, 3, MemoryLog(map(leaf_hash, entries(3))).root, ("something else",)).text
    assert asked(Request(0, (), SignedNote(text, (sign(text, LOG),))).body).status == 200
