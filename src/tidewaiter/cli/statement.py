"""`tidewaiter network statement`: what members decide together, written by one, signed by each in its own folder, and handed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError

STATEMENT_BYTES_MAX: Final = 4_000_000

app = App(name="statement", help="Write, sign, gather and hand in what members decide together.")

File = Annotated[Path, Parameter(help="The statement's file.")]
Folder = Annotated[Path, Parameter(help="The member's folder.")]


@app.command
def write(
    body: Annotated[Path, Parameter(help="The body as JSON: `type`, `origin` and what the type asks for.")],
    *,
    out: Annotated[Path, Parameter(help="Where to write the statement, which nobody has signed yet.")],
) -> int:
    """Write a statement from its body: one writing, whatever blanks and order the body has."""
    import msgspec

    from tidewaiter.ledger.contracts.statements import Body, Statement

    try:
        read = msgspec.json.decode(_content(body), type=Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{body} is no body of a statement: {error}; docs/reference/contracts.md lists them"
        ) from error
    statement = Statement.of(read)
    out.write_bytes(statement.data)
    output.err().print(f"written to {out}; {statement.commitment} is what members sign", markup=False, soft_wrap=True)
    return output.EXIT_OK


@app.command
def sign(
    file: File,
    folder: Folder,
    *,
    key: Annotated[str, Parameter(help="The number of one of its keys; the oldest without it.")] = "",
) -> int:
    """Add a member's signature, by a key in its folder. What it says is shown first by `statement show`."""
    from tidewaiter.network.deciding import read_statement
    from tidewaiter.network.home import Home
    from tidewaiter.network.keyring import submitter_number

    keys = {submitter_number(each): each for each in Home(folder).keyring.submitters()}
    number = key or next(iter(keys), "")
    if number not in keys:
        raise UsageError(f"{folder.name} has no key {number}; it has {', '.join(keys) or 'none'}")
    file.write_bytes(read_statement(file).signed(keys[number]).data)
    output.err().print(f"signed with {number}", markup=False)
    return output.EXIT_OK


@app.command
def gather(
    file: File, *signed: Annotated[Path, Parameter(help="Copies of the same statement that others have signed.")]
) -> int:
    """Put the signatures of several copies under one statement."""
    from tidewaiter.network.deciding import read_statement

    others = [read_statement(each) for each in signed]
    gathered = read_statement(file).merged(others)
    file.write_bytes(gathered.data)
    output.err().print(f"{len(gathered.signatures)} signatures", markup=False)
    return output.EXIT_OK


@app.command
def show(file: File, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Show what a statement says and which keys have signed it. Who is known by a key is told by the charter."""
    import msgspec

    from tidewaiter.network.deciding import read_statement

    statement = read_statement(file)
    said = {
        **msgspec.json.decode(statement.body),
        "commitment": statement.commitment,
        "signed by": ", ".join(sorted(statement.signatures)) or "nobody yet",
    }
    output.print_one(said, output_as)
    return output.EXIT_OK


@app.command(name="hand-in")
def hand_in(file: File, folder: Folder, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Hand in a statement by a member that runs, with the entry that stands for it; why, where the log does not take it."""
    from tidewaiter.network.deciding import read_statement
    from tidewaiter.network.home import Home
    from tidewaiter.network.operator import Operator

    with Operator(Home(folder)) as operator:
        placed = operator.state(read_statement(file).data)
    if placed.refuse is not None:
        refuse = placed.refuse
        output.print_one({"refused": refuse.code, "why": refuse.why, "hint": refuse.hint}, output_as)
        return output.EXIT_FINDINGS
    output.print_one({"entry": placed.index}, output_as)
    return output.EXIT_OK


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(STATEMENT_BYTES_MAX + 1)
