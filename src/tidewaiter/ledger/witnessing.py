"""A witness: c2sp.org/tlog-witness, `add-checkpoint`, as a function of the request and of what the witness knows.

A witness keeps no entries. It sees that a log only grew, and says when. How it is driven, under a lock by origin:

    known = kept.get(origin_of(body))
    answer = add_checkpoint(body, known, witness, now)
    if answer.kept is not None: …                     # write it, sync, and only then
    respond(answer.status, answer.content_type, answer.body)

`known` is the last checkpoint of each origin that was cosigned, as a note with both signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.epochs import CLOSED
from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.merkle import EMPTY_ROOT
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.proving import verify_consistency
from tidewaiter.ledger.signing import check, cosign
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import read_decimal, read_hash, written_base64

HASHES_MAX: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
_OLD: Final = "old "


class Request(Struct, frozen=True):
    """What a log asks: the size it believes the witness to know, the proof from there on, and its checkpoint."""

    old_size: int
    proof: tuple[bytes, ...]
    note: SignedNote

    @property
    def body(self) -> bytes:
        """The request as it is sent."""
        lines = [f"{_OLD}{self.old_size}", *map(written_base64, self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note.data


class Answer(Struct, frozen=True):
    """What is answered; where `kept` is set, that note is to be on disk before the answer is sent."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    kept: SignedNote | None = None


class Witness(Struct, frozen=True):
    """The witness's keys, and the keys of each log that it is to cosign, by origin."""

    keys: tuple[SignerKey, ...]
    logs: Mapping[str, tuple[VerifierKey, ...]]


def parse_request(body: bytes) -> Request:
    """The request in this body. Raises LedgerError where it is none."""
    head, blank, note = body.partition(b"\n\n")
    if not blank:
        raise LedgerError("a request is a line “old”, hashes, an empty line and a checkpoint")
    try:
        old, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise LedgerError("the head of a request is not ASCII") from error
    if not old.startswith(_OLD):
        raise LedgerError("a request begins with the line “old” and a size")
    if len(lines) > HASHES_MAX:
        raise LedgerError(f"a request has {len(lines)} hashes; {HASHES_MAX} are the most")
    old_size = read_decimal(old.removeprefix(_OLD), "the old size")
    proof = tuple(read_hash(line, "a hash of the proof") for line in lines)
    return Request(old_size, proof, SignedNote.parse(note))


def add_checkpoint(body: bytes, known: SignedNote | None, witness: Witness, now: int) -> Answer:
    """The answer to a request; `known` is what was cosigned last of the origin it names, `now` seconds since 1970.

    The origin can be read beforehand with `origin_of`. Never raises for what it is sent.
    """
    try:
        request = parse_request(body)
    except LedgerError as error:
        return _said(400, error.detail)
    lines = request.note.text.split("\n")
    keys = witness.logs.get(lines[0])
    if keys is None:
        return _said(404, f"this witness knows no log “{lines[0][:200]}”")
    if not check(request.note, keys).verdict:
        return _said(403, "the checkpoint is not signed by the log's key, or has a false signature of it")
    if len(lines) > 2 and lines[1] == "0" and lines[2] != written_base64(EMPTY_ROOT):
        return _said(422, "a log without entries has the root of the empty tree")
    try:
        checkpoint = Checkpoint.parse(request.note.text)
    except LedgerError as error:
        return _said(400, error.detail)
    if CLOSED in checkpoint.extensions:
        return _said(422, "the end of an origin is cosigned by mirrors, which hold its entries, and not by witnesses")
    return _refused(request, checkpoint, known) or _cosigned(request.note, checkpoint, witness, now)


def origin_of(body: bytes) -> str:
    """The origin that a request names, to look up what is known of it; empty where it is none."""
    _, _, note = body.partition(b"\n\n")
    return note.partition(b"\n")[0].decode(errors="replace")


def _refused(request: Request, checkpoint: Checkpoint, known: SignedNote | None) -> Answer | None:
    kept = Checkpoint.parse(known.text) if known is not None else None
    size = kept.size if kept is not None else 0
    if request.old_size > checkpoint.size:
        return _said(400, "the old size is larger than the checkpoint's")
    if request.old_size != size:
        return Answer(409, f"{size}\n".encode(), SIZE_TYPE)
    if kept is None or size == 0:
        return _said(422, "from an empty log no proof is needed, and none is taken") if request.proof else None
    if checkpoint.size == size and checkpoint.root != kept.root:
        return _said(422, "the log has signed another root of this size before")
    verdict = verify_consistency((size, kept.root), (checkpoint.size, checkpoint.root), request.proof)
    return None if verdict else _said(422, f"the log did not only grow: {verdict.reason}")


def _cosigned(note: SignedNote, checkpoint: Checkpoint, witness: Witness, now: int) -> Answer:
    cosignatures = [cosign(note.text, key, now) for key in witness.keys]
    logs = {(key.name, key.key_id) for key in witness.logs[checkpoint.origin]}
    own = tuple(each for each in note.signatures if (each.name, each.key_id) in logs)
    kept = SignedNote(note.text, own).with_signatures(*cosignatures)
    return Answer(200, "".join(each.line for each in cosignatures).encode(), kept=kept)


def _said(status: int, reason: str) -> Answer:
    return Answer(status, f"{reason}\n".encode())
