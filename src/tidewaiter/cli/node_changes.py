"""`tidewaiter node leave`, `rotate`, `hand-over`, `countersign`: what a member's operator decides with the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError

if TYPE_CHECKING:
    from tidewaiter.network.deciding import Deciding, Progress
    from tidewaiter.network.handing_over import Closed
    from tidewaiter.network.home import Home

Folder = Annotated[Path, Parameter(help="The member's folder. The member has to run.")]
Quorum = Annotated[int, Parameter(help="How many of the members that are left suffice; as many as before without it.")]
PolicyFile = Annotated[
    Path | None, Parameter(name="--policy", help="The policy of those left, where it is no plain number of members.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Countersigning:
    """Where what is to be decided lies, and who signs it here or has signed a copy."""

    out: Annotated[
        Path | None,
        Parameter(name="--out", help="Where the files for the others go; a folder `decisions` in the member's."),
    ] = None
    at_hand: Annotated[
        tuple[Path, ...],
        Parameter(
            name="--with", negative="", help="Folders of other members that are at hand here: they countersign at once."
        ),
    ] = ()
    signed: Annotated[
        tuple[Path, ...],
        Parameter(name="--signed", negative="", help="Copies of the files that others have countersigned."),
    ] = ()

    def deciding(self, folder: Path) -> Deciding:
        """The side of the member in a folder. Raises HomeError where that, or one at hand, is no member's folder."""
        from tidewaiter.network.deciding import Deciding
        from tidewaiter.network.handing_over import read_note
        from tidewaiter.network.home import Home

        homes = [Home(each) for each in (folder, *self.at_hand)]
        for home in homes:
            _ = home.config
        statements = [each for each in self.signed if read_note(each) is None]
        return Deciding(homes[0], self.out or folder / "decisions", homes[1:], statements, _say)


def leave(
    folder: Folder,
    *,
    having: Countersigning = Countersigning(),
    quorum: Quorum = 0,
    policy: PolicyFile = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Leave the network: the others count without this member, then none of its keys counts. The quorum countersigns both.

    Writes what is to be decided, signs it, hands it in once enough have signed, and says who still has to. Ask again with the
    copies that came back. Exit code 3 while it is not decided.
    """
    from tidewaiter.network.leaving import leaving

    deciding = having.deciding(folder)
    steps = leaving(deciding.home, quorum, _policy(policy))
    told = deciding.carry(steps)
    done = [
        f"{deciding.home.config.label} is no member any more: tidewaiter node stop {folder}",
        "keep the folder: its receipts are verified without the network as long as anybody asks",
    ]
    return _told(folder, told, done, output_as)


def rotate(
    folder: Folder,
    *,
    key: Annotated[
        Literal["submitter", "cosigner"],
        Parameter(help="The key it signs batches and statements with, or the one it cosigns checkpoints with."),
    ] = "submitter",
    lost: Annotated[
        str, Parameter(help="The number of a key to submit with that was lost or stolen: the quorum decides then.")
    ] = "",
    having: Countersigning = Countersigning(),
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Let a key of the member be followed by a new one, and go on under that.

    A key to submit with signs itself that another one follows it: nobody else has to. What the member cosigns with is part of
    the quorum, which countersigns. Exit code 3 while it is not decided.
    """
    from tidewaiter.network.leaving import check_lost, cosigner_following, go_on, submitter_following

    if lost and key != "submitter":
        raise UsageError("--lost names a key to submit with")
    deciding = having.deciding(folder)
    if lost:
        check_lost(deciding.standing(), deciding.home, lost)
    old, steps = (
        submitter_following(deciding.home, lost) if key == "submitter" else ("", cosigner_following(deciding.home))
    )
    told = deciding.carry(steps)
    done: list[str] = []
    if all(each.state in {"done", "decided"} for each in told):
        changed = go_on(deciding.home, old)
        done = [f"{deciding.home.config.label} {how} {now} from now on" for how, now in changed.items()]
        done.append("the old key lies in its folder under another name, and counts no more")
    return _told(folder, told, done, output_as)


def quorum(
    folder: Folder,
    *,
    count: Annotated[int, Parameter(help="How many of the members suffice from now on.")],
    of: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="The labels of the members that count; all but the sequencer without it. Others are sent the log as before.",
        ),
    ] = (),
    having: Countersigning = Countersigning(),
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Decide how many members, and which, have to cosign before anything is final, and decide such things as this.

    The quorum as it is now countersigns. Choose one of which any two have members in common. Exit code 3 while it is not decided.
    """
    from tidewaiter.network.founding import split
    from tidewaiter.network.leaving import counting

    deciding = having.deciding(folder)
    if count < 1:
        raise UsageError("--count says how many members suffice: 1 at least")
    told = deciding.carry(counting(deciding.home, count, of))
    done = ["it counts from the next block on; nothing is to be started again"]
    apart = split(count, len(of) or len(deciding.home.latest.standing.members) - 1)
    return _told(folder, told, [*done, *apart], output_as, first=apart)


def hand_over(
    folder: Folder,
    *,
    to: Annotated[
        str,
        Parameter(
            help="The name of the next log, like record.example/2; without it, this member ends the log that it runs."
        ),
    ] = "",
    gone: Annotated[
        bool, Parameter(negative="", help="The sequencer is gone for good: its mirrors end its log.")
    ] = False,
    having: Countersigning = Countersigning(),
    quorum: Quorum = 0,
    policy: PolicyFile = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Hand the log over to another sequencer: first asked at the one that runs it, then, with --to, at the one that takes over.

    The mirrors countersign how the old log ends, the quorum how the new one begins. Exit code 3 while it has not begun.
    """
    from tidewaiter.network.handing_over import end

    deciding = having.deciding(folder)
    if not to:
        return _ended(deciding.home, end(deciding.home), output_as)
    closed = None
    if deciding.home.latest.charter.origin != to:
        closed = _closed(deciding, to, having.signed, gone)
        if closed.missing:
            return _closing_told(deciding, closed, output_as)
    return _begun(deciding, to, quorum, _policy(policy), output_as)


def countersign(
    folder: Folder,
    *files: Annotated[Path, Parameter(help="What another member wrote: a statement, or the end of a log.")],
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Countersign what another member wants decided: the file is signed where it lies, and goes back to that member.

    A statement is signed by the oldest key that counts. Of the end of a log the member's mirror has to hold just that, and
    cosigns nothing more of it afterwards. What it says is shown.
    """
    import msgspec

    from tidewaiter.network.deciding import Deciding, countersigned
    from tidewaiter.network.files import write_durably
    from tidewaiter.network.handing_over import closed_at, read_note
    from tidewaiter.network.home import Home

    home, rows = Home(folder), []
    for file in files:
        note = read_note(file)
        if note is not None:
            closed = closed_at(home, note)
            write_durably(file, closed.data)
            rows.append(
                {"file": str(file), "says": f"the end of a log: {' '.join(note.text.split())}", "by": home.config.label}
            )
            continue
        statement = countersigned(file, home, Deciding(home, file.parent, (), (), _say).standing())
        write_durably(file, statement.data)
        said = msgspec.json.decode(statement.body)
        rows.append(
            {
                "file": str(file),
                "says": "; ".join(f"{name} {each}" for name, each in said.items()),
                "by": home.config.label,
            }
        )
    output.print_rows(rows, output_as, title="countersigned; hand the files back to whoever wrote them")
    return output.EXIT_OK


def _policy(file: Path | None) -> str:
    """The policy in a file; empty without one. Raises UsageError for what is no text."""
    from tidewaiter.ledger.policies import POLICY_BYTES_MAX, Policy
    from tidewaiter.ledger.verdict import LedgerError

    if file is None:
        return ""
    with file.open("rb") as opened:
        data = opened.read(POLICY_BYTES_MAX + 1)
    try:
        Policy.parse(data)
        return data.decode()
    except (LedgerError, UnicodeDecodeError) as error:
        why = error.detail if isinstance(error, LedgerError) else "it is not UTF-8"
        raise UsageError(f"{file} is no policy: {why}", hint="it is written as c2sp.org/tlog-policy has it") from error


def _ended(home: Home, size: int, output_as: Output) -> int:
    done = [
        "whoever takes over asks: tidewaiter node hand-over FOLDER --to NAME-OF-THE-NEXT-LOG",
        "then keep the charter that comes back: tidewaiter node join FOLDER charter.json",
    ]
    ended = {"log": home.latest.standing.origin, "ended with": f"{size} entries, all of them final"}
    if output_as.json:
        output.print_json({**ended, "next": done})
        return output.EXIT_OK
    output.print_one(ended, output_as)
    _lines(done)
    return output.EXIT_OK


def _closed(deciding: Deciding, to: str, signed: tuple[Path, ...], gone: bool) -> Closed:  # noqa: FBT001 (as it was asked)
    """The end of the log with all cosignatures at hand; where they suffice, the next one's charter is kept wherever it can be."""
    from tidewaiter.network import handing_over
    from tidewaiter.network.bringing import level
    from tidewaiter.network.files import write_durably

    home = deciding.home
    handing_over.check_successor(home)
    _end_at_hand(deciding)
    size = None if gone else handing_over.ended_size(home.latest.standing)
    level(home.latest.standing)
    key = handing_over.log_key(home, to)
    deciding.files.mkdir(parents=True, exist_ok=True)
    note = handing_over.closing(home, key, size)
    standing = deciding.own_standing()
    by = handing_over.quorums(home.latest.standing, standing)
    closed = handing_over.gathered(note, deciding.files, signed, (home, *deciding.at_hand), by)
    if not closed.missing:
        following = handing_over.following(home, closed.note, key, standing)
        write_durably(deciding.files / handing_over.CHARTER, following.data)
        for each in (home, *(each for each in deciding.at_hand if each.config.label in following.members)):
            handing_over.joined(each, following)
    return closed


def _end_at_hand(deciding: Deciding) -> None:
    """End the log by its sequencer, where that is at hand."""
    from tidewaiter.network.handing_over import end

    sequencer = deciding.home.latest.standing.sequencer
    for home in deciding.at_hand:
        if home.config.label == sequencer:
            end(home)


def _begun(deciding: Deciding, to: str, quorum: int, policy: str, output_as: Output) -> int:
    from tidewaiter.network.handing_over import CHARTER, beginning

    home = deciding.home
    told = deciding.carry(beginning(home, home.keyring.log(to), quorum, policy))
    charter = deciding.files / CHARTER
    passed_on = f"whoever has not yet, keeps the charter: tidewaiter node join FOLDER {charter}"
    if all(each.state in {"done", "decided"} for each in told):
        return _told(home.folder, told, [f"{home.config.label} runs “{to}”", passed_on], output_as)
    return _told(home.folder, told, [], output_as, first=[passed_on])


def _closing_told(deciding: Deciding, closed: Closed, output_as: Output) -> int:
    from tidewaiter.network.handing_over import CLOSING

    file = deciding.files / CLOSING
    row = {"file": str(file), "says": "how the log ends", "state": "waiting", "signed by": ", ".join(closed.signed)}
    lines = [
        f"the end is not decided: {closed.missing}",
        f"hand {', '.join(closed.could_sign)} copies, in which each signs: tidewaiter node countersign FOLDER {file.name}",
        "then ask again with --signed and the copies that came back",
    ]
    return _shown([row], lines, output_as)


def _told(
    folder: Path, told: list[Progress], done: list[str], output_as: Output, first: list[str] | None = None
) -> int:
    """Say how far it is, and what happens next."""
    rows = [_row(each) for each in told]
    if all(each.state in {"done", "decided"} for each in told):
        _shown(rows, done, output_as)
        return output.EXIT_OK
    lines = list(first or ())
    waiting = [each for each in told if each.state == "waiting"]
    unsigned = [each for each in waiting if each.could_sign]
    lines += [
        f"{each.name} is refused: {each.refuse.why} ({each.refuse.code}); {each.refuse.hint}"
        for each in told
        if each.refuse
    ]
    if unsigned:
        for each in unsigned:
            lines.append(f"{Path(each.file).name}: {each.missing}; {', '.join(each.could_sign)} could countersign")
        files = " ".join(Path(each.file).name for each in unsigned)
        lines += [
            f"hand them copies, in which each signs: tidewaiter node countersign FOLDER {files}",
            "then ask again with --signed and the copies that came back",
        ]
    elif waiting and not any(each.refuse for each in told):
        lines += [
            f"{waiting[0].name}: {waiting[0].missing}",
            f"a member that has one hands it in: tidewaiter network statement hand-in {Path(waiting[0].file).name} FOLDER",
        ]
    elif any(each.refuse for each in told):
        lines.append(f"nothing has changed by what was refused; put it right, and ask again: {folder}")
    return _shown(rows, lines, output_as)


def _row(progress: Progress) -> dict[str, Any]:
    state = progress.state if progress.entry is None else f"final as entry {progress.entry}"
    return {"file": progress.file, "says": progress.says, "state": state, "signed by": ", ".join(progress.signed)}


def _shown(rows: list[dict[str, Any]], lines: list[str], output_as: Output) -> int:
    if output_as.json:
        output.print_json({"steps": rows, "next": lines})
    else:
        output.print_rows(rows, output_as)
        _lines(lines)
    return output.EXIT_FINDINGS


def _lines(lines: list[str]) -> None:
    for each in lines:
        output.err().print(f"· {each}", markup=False, soft_wrap=True)


def _say(text: str) -> None:
    output.err().print(text, markup=False)
