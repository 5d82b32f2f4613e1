"""Handing a log over: its members end the origin, and another one runs the next; from the side of whoever takes it over.

1. The sequencer takes nothing more, and all it has becomes final (`end`). Where it is gone, that is left out.
2. The next one's mirror freezes, and writes with which checkpoint the origin ends; each mirror freezes and cosigns that (`closed_at`).
3. With a quorum of mirrors the next origin has a charter, which each member keeps.
4. Its first entry is a statement, which the quorum signs, on how the origin before ended; the next one counts the members anew.

Each step leaves a file that can be passed on; asking again goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct, structs

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts.statements import Body, EpochClosed, QuorumChanged
from tidewaiter.ledger.epochs import Closing, is_closed
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import bucket
from tidewaiter.ledger.notes import NOTE_BYTES_MAX, NoteSignature, SignedNote
from tidewaiter.ledger.signing import check
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.bringing import level
from tidewaiter.network.charter import Charter, Follows, Member
from tidewaiter.network.deciding import DecidingError, Step, counted
from tidewaiter.network.files import write_durably
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import KeyringError
from tidewaiter.network.operating import Joining
from tidewaiter.network.operator import Operator, runs
from tidewaiter.network.standing import Standing

CLOSING: Final = "closing.note"
CHARTER: Final = "charter.json"
ENDED_SECONDS_MAX: Final = 20


class Closed(Struct, frozen=True):
    """How far the end of an origin is: the note, whether the quorum has cosigned it, what is missing, and whose it could be."""

    note: SignedNote
    missing: str
    signed: tuple[str, ...]
    could_sign: tuple[str, ...]


class _Said(Struct, frozen=True):
    """What a mirror says that has frozen."""

    size: int
    root: str
    settled: bytes = b""


class _Frozen(Struct, frozen=True):
    """What a mirror holds that has frozen, and the final checkpoint of that where it is kept since who suffices has changed there."""

    held: Checkpoint
    settled: bytes


def check_successor(home: Home) -> None:
    """Raises DecidingError where a member could not run the next log: nobody cosigns a log that it runs itself."""
    charter, label = home.latest.standing, home.config.label
    if label not in charter.of_part("mirror"):
        raise DecidingError(f"{label} mirrors no log that it could take over", hint="only a mirror holds all entries")
    others = {party.key for name, party in charter.read_policy.witnesses.items() if name != label}
    if missing := charter.read_policy.is_met_by(others).reason:
        raise DecidingError(
            f"nothing would become final in a log of {label}, which does not cosign that: {missing}",
            hint="decide first on a quorum that the others reach: tidewaiter node quorum",
        )


def end(home: Home) -> int:
    """Have a sequencer take nothing more, and wait until all it has is final: how many entries.

    Raises DecidingError where another member runs the log; UnavailableError.
    """
    origin, sequencer = home.latest.standing.origin, home.latest.standing.sequencer
    if sequencer != home.config.label:
        raise DecidingError(
            f"{sequencer} runs the log of “{origin}”, and not {home.config.label}",
            hint="its operator ends it; whoever takes it over names the next log with --to",
        )
    with Operator(home) as operator:
        operator.ask(f"/end?origin={quote(origin)}")
    return ended_size(home.latest.standing)


def ended_size(charter: Charter) -> int:
    """How many entries an origin has whose sequencer takes nothing more, once all of them are final.

    Raises DecidingError where it goes on; UnavailableError where it does not answer, or not all becomes final.
    """
    url, until = charter.members[charter.sequencer].url, time.monotonic() + ENDED_SECONDS_MAX
    while time.monotonic() < until:
        said = _state_of(url, charter)
        if not said.get("is_closed"):
            raise DecidingError(
                f"{charter.sequencer} still runs the log of “{charter.origin}”",
                hint="its operator ends it with: tidewaiter node hand-over FOLDER; where it will not, say --gone",
            )
        if said["size"] == said["final_size"]:
            return int(said["size"])
        time.sleep(0.05)
    raise UnavailableError("not everything becomes final", hint="do a quorum of members run?")


def _state_of(url: str, charter: Charter) -> dict[str, Any]:
    try:
        said = httpx.get(url, timeout=10, trust_env=False).json()
        return next(each for each in said["origins"] if each["origin"] == charter.origin)
    except (httpx.HTTPError, ValueError, KeyError, StopIteration) as error:
        raise UnavailableError(
            f"{charter.sequencer}, which runs the log, does not answer",
            hint="start it; where it is gone for good, say --gone",
        ) from error


def log_key(home: Home, origin: str) -> SignerKey:
    """The key of the next origin's log, which is made where there is none yet."""
    try:
        return home.keyring.log(origin)
    except KeyringError:
        return home.keyring.make_log(origin)


def closing(home: Home, key: SignerKey, size: int | None) -> SignedNote:
    """With which checkpoint the origin ends that a mirror takes part in, as that mirror holds it; it freezes.

    `size` is what the sequencer ended with, where it told. Raises DecidingError where the mirror holds something else.
    """
    origin = home.latest.standing.origin
    held = _freeze(home, origin).held
    if size is not None and held.size != size:
        raise DecidingError(
            f"{home.config.label} holds {held.size} entries, the log ended with {size}",
            hint="ask again in a second; one that stays behind cannot take over",
        )
    return SignedNote(Closing(held, key.verifier).checkpoint.text, ())


def closed_at(home: Home, note: SignedNote) -> SignedNote:
    """The end of an origin with the cosignatures of one more mirror, which freezes; it is brought what it lacks.

    Raises DecidingError, DeclinedError.
    """
    read = Closing.parse(note.text)
    held = _freeze(home, read.last.origin).held
    if held.size < read.last.size and (charter := _going_by(home, read.last.origin)) is not None:
        level(charter)
        held = _freeze(home, read.last.origin).held
    if (held.size, held.root) != (read.last.size, read.last.root):
        raise DecidingError(
            f"{home.config.label} holds {held.size} entries with the root {held.root.hex()[:16]}…, "
            f"the end is said to be at {read.last.size} with {read.last.root.hex()[:16]}…",
            hint="the member with the most final entries writes the end; sign nothing that leaves out what you hold",
        )
    with Operator(home) as operator:
        lines = operator.ask(f"/close?origin={quote(read.last.origin)}", note.text.encode()).decode()
    return note.with_signatures(*map(NoteSignature.parse, lines.splitlines()))


def _going_by(home: Home, origin: str) -> Charter | None:
    """The charter of an origin as a member goes by it; None where it takes no part in it."""
    return next((each.standing for each in home.origins() if each.charter.origin == origin), None)


def _freeze(home: Home, origin: str) -> _Frozen:
    with Operator(home) as operator:
        said = msgspec.json.decode(operator.ask(f"/freeze?origin={quote(origin)}"), type=_Said)
    return _Frozen(Checkpoint(origin, said.size, bytes.fromhex(said.root)), said.settled)


def quorums(charter: Charter, standing: Standing) -> list[Charter]:
    """The charters by whose quorums the end of an origin is to be cosigned: by the one that a member goes by, and where the origin
    ends behind a decision on who suffices that the member does not know to be final, by the one decided on too."""
    return [charter] if standing.policy == charter.policy else [charter, charter.under(standing.policy)]


def gathered(
    note: SignedNote, files: Path, copies: Sequence[Path], at_hand: Sequence[Home], by: Sequence[Charter]
) -> Closed:
    """The end of an origin with all cosignatures that there are: in its file, in copies, and by mirrors at hand; `by` are
    the charters by whose quorums it is to be cosigned."""
    path, lines = files / CLOSING, list(note.signatures)
    for each in (path, *copies):
        other = read_note(each) if each.exists() else None
        if other is not None and other.text == note.text:
            lines += other.signatures
    lines = _sound(note.text, lines, by)
    names = {
        charter.members[label].key.partition("+")[0]: label for charter in by for label in charter.of_part("mirror")
    }
    for home in at_hand:
        label = home.config.label
        if label in names.values() and all(names.get(each.name) != label for each in lines):
            lines += closed_at(home, note).signatures
    note = SignedNote(note.text, tuple(_sound(note.text, lines, by)))
    write_durably(path, note.data)
    signed = {names[each.name] for each in note.signatures if each.name in names}
    missing = next((why for each in by if (why := is_closed(note.data, each.read_policy).reason)), "")
    return Closed(note, missing, tuple(sorted(signed)), tuple(sorted(set(names.values()) - signed)))


def _sound(text: str, lines: Sequence[NoteSignature], by: Sequence[Charter]) -> list[NoteSignature]:
    """Of these lines, each once, the cosignatures of those who count: one that does not hold would spoil the others'."""
    keys = {party.key for charter in by for party in charter.read_policy.witnesses.values()}
    checked = [(line, check(SignedNote(text, (line,)), keys)) for line in dict.fromkeys(lines)]
    return [line for line, each in checked if each.verdict and each.signed]


def read_note(path: Path) -> SignedNote | None:
    """The end of an origin in a file; None where it holds something else."""
    with path.open("rb") as file:
        data = file.read(NOTE_BYTES_MAX + 1)
    if data.startswith(b"{"):
        return None
    try:
        note = SignedNote.parse(data)
        Closing.parse(note.text)
    except LedgerError as error:
        why = f"this is neither a statement nor the end of a log: {error.detail}"
        raise LedgerError(why, hint="name a file that another member wrote or signed", place=str(path)) from error
    return note


def following(home: Home, note: SignedNote, key: SignerKey, standing: Standing) -> Charter:
    """The charter of the next origin: the same members with the keys that count, of whom this one runs the log."""
    before, label = quorums(home.latest.standing, standing)[-1], home.config.label
    members: dict[str, Member] = {}
    for name, member in before.members.items():
        part = "sequencer" if name == label else "mirror" if member.part == "sequencer" else member.part
        live = [each.public for each in standing.keys.values() if each.is_live and each.member == name]
        known = [each for each in member.submitters if each in live]
        submitters = (*known, *(each for each in live if each not in known)) or member.submitters
        members[name] = structs.replace(member, part=part, submitters=submitters)
    with Operator(home) as operator:
        numbers = operator.numbers(before.origin)
    charter = Charter(
        origin=key.name, at=bucket(datetime.now(UTC)), log=key.verifier.text, policy=before.policy, members=members,
        numbers=numbers, follows=Follows(origin=before.origin, closing=note.data, settled=_freeze(home, before.origin).settled),
    )  # fmt: skip
    charter.check()
    return charter


def joined(home: Home, charter: Charter, standing: Charter | None = None) -> None:
    """Have a member take part in an origin, at once where it runs; what it lacks of the origin before it is brought.

    `standing` is the charter as it stands by now. Raises DecidingError where only a member that runs could take what it lacks.
    """
    if runs(home):
        before = _going_by(home, charter.follows.origin) if charter.follows is not None else None
        if before is not None:
            level(before)
        with Operator(home) as operator:
            operator.ask("/origins", Joining(charter, standing))
        return
    own = charter.members.get(home.config.label)
    if charter.follows is not None and own is not None and own.part != "witness":
        raise DecidingError(
            f"{home.config.label} does not run, and may lack some of “{charter.follows.origin}”, which this log follows",
            hint=f"start it first, as what it lacks is brought to it: tidewaiter node run {home.folder}",
        )
    home.begin(charter, standing)


def beginning(home: Home, key: SignerKey, quorum: int, policy: str) -> list[Step]:
    """The steps by which the next origin begins: how the one before ended, and who counts from now on. Raises DecidingError."""
    charter, label = home.latest.standing, home.config.label
    assert charter.follows is not None, "an origin that was handed over follows another one"
    last = Closing.parse(SignedNote.parse(charter.follows.closing).text).last
    others = [name for name in charter.members if name != label]
    text = policy or counted(charter, others, quorum)

    def ended(number: int) -> Body:
        with Operator(home) as operator:
            state = operator.state_root()
        return EpochClosed(
            origin=charter.origin, decision=number, closed=last.origin, size=last.size, root=last.root.hex(),
            state=state, key=written_base64(key.verifier.public),
        )  # fmt: skip

    return [
        Step(
            name="1-epoch", says=f"“{last.origin}” ended with {last.size} entries; {label} runs “{charter.origin}”",
            body=ended, is_done=lambda standing: not standing.is_to_begin, keys=(key,),
        ),
        Step(
            name="2-quorum", says=f"all but {label} count",
            body=lambda number: QuorumChanged(origin=charter.origin, decision=number, policy=text),
            is_done=lambda standing: standing.policy == text,
        ),
    ]  # fmt: skip
