"""`tidewaiter node`: a member of the shared record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import node_changes, output
from tidewaiter.cli.output import Output
from tidewaiter.ledger.contracts import Role

app = App(name="node")
app.command(node_changes.leave)
app.command(node_changes.rotate)
app.command(node_changes.quorum)
app.command(node_changes.hand_over, name="hand-over")
app.command(node_changes.countersign)

Folder = Annotated[Path, Parameter(help="The member's folder.")]


@app.command
def init(
    folder: Folder,
    *,
    label: Annotated[
        str, Parameter(help="How policies of the network call the member: lower-case letters, digits, dashes.")
    ],
    name: Annotated[str, Parameter(help="The name of its keys, a name of its own like member.example.")],
    roles: Annotated[tuple[Role, ...], Parameter(help="What it may write in the record.")] = (),
    listen: Annotated[str, Parameter(help="Where it listens.")] = "127.0.0.1:8600",
    url: Annotated[str, Parameter(help="Where others ask it, where that is another address.")] = "",
    database: Annotated[
        Literal["own", "none"],
        Parameter(help="A database of its own for what only it may know, or nothing of the kind."),
    ] = "own",
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Make a member's folder with its keys."""
    from tidewaiter.network.home import Home, MemberConfig

    config = MemberConfig(label=label, name=name, roles=roles, listen=listen, url=url, database=database)
    home = Home.make(folder, config)
    keys = {"cosigns with": home.keyring.cosigner.verifier.text}
    output.print_one({"member": label, "folder": str(folder), **keys}, output_as)
    return output.EXIT_OK


@app.command
def card(
    folder: Folder,
    *,
    part: Annotated[Literal["sequencer", "mirror", "witness"], Parameter(help="What it is to do.")] = "mirror",
) -> int:
    """Print what the others have to know of a member, on one line, for `network found` and for those who let it join."""
    from tidewaiter.network.home import Home, card_text

    home = Home(folder)
    output.out().print(card_text(home.config.label, home.card(part)), markup=False, soft_wrap=True)
    return output.EXIT_OK


@app.command
def join(
    folder: Folder,
    charter: Annotated[Path, Parameter(help="The charter of the origin, as another member has it.")],
    *,
    standing: Annotated[
        Path | None, Parameter(help="The charter as it stands by now, where members have changed it since.")
    ] = None,
) -> int:
    """Take part in an origin: keep its charter. A member that runs does so at once."""
    from tidewaiter.network.charter import Charter
    from tidewaiter.network.handing_over import joined
    from tidewaiter.network.home import Home

    joined(Home(folder), Charter.read(charter), Charter.read(standing) if standing else None)
    return output.EXIT_OK


@app.command
def meet(
    folder: Folder,
    card: Annotated[Path, Parameter(help="The file with the other member's card, as `node card` printed it there.")],
) -> int:
    """Keep the card of a member that joined after the charter was written: it can be told consignments' keys then."""
    from tidewaiter.network.founding import read_card
    from tidewaiter.network.home import Home
    from tidewaiter.network.operating import Card
    from tidewaiter.network.operator import Operator, runs

    home, (label, told) = Home(folder), read_card(card)
    if runs(home):
        with Operator(home) as operator:
            operator.ask("/cards", Card(label, told))
    else:
        home.latest.keep_standing(home.latest.standing.with_card(label, told))
    return output.EXIT_OK


@app.command
def run(folder: Folder) -> int:
    """Run a member until interrupted: sequencer, mirror or witness, as its origins' charters have it."""
    from tidewaiter.network import running
    from tidewaiter.network.home import Home

    config = Home(folder).config
    running.run(folder, lambda: output.err().print(f"{config.label} listens on {config.listen}", markup=False))
    return output.EXIT_OK


@app.command
def status(folder: Folder, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """Say how far a running member is in each origin."""
    from tidewaiter.network.home import Home
    from tidewaiter.network.operator import Operator

    with Operator(Home(folder)) as operator:
        said = operator.status()
    if output_as.json:
        output.print_json(said)
    else:
        output.print_rows([_row(each) for each in said["origins"]], output_as, title=said["member"])
    return output.EXIT_OK


@app.command
def stop(folder: Folder) -> int:
    """Have a running member leave: what is under way is answered, what was written is synced."""
    from tidewaiter.network.home import Home
    from tidewaiter.network.operator import Operator

    with Operator(Home(folder)) as operator:
        operator.stop()
    return output.EXIT_OK


@app.command
def view(
    folder: Folder,
    subject: Annotated[
        str, Parameter(help="What the member calls the consignment; its scope where it has no name here.")
    ],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show a consignment as this member sees it: what stands in the open, and what it can open; each receipt verified."""
    from tidewaiter.network.home import Home
    from tidewaiter.network.operator import Operator

    scope = subject if len(subject) == 32 and not subject.strip("0123456789abcdef") else ""
    with Operator(Home(folder)) as operator:
        said = operator.view(subject, scope)
    if output_as.json:
        output.print_json(said)
    else:
        output.print_rows([seen_row(each) for each in said["entries"]], output_as, title=said["scope"])
    return output.EXIT_OK


@app.command
def forget(
    folder: Folder,
    subject: Annotated[str, Parameter(help="What the member calls the consignment.")],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Erase what opens a consignment's entries at this member: its key, its fields, and what it is called here.

    The log stays as it is. Other members that were told the key have to forget it too.
    """
    from tidewaiter.network.home import Home
    from tidewaiter.network.operator import Operator

    with Operator(Home(folder)) as operator:
        forgotten = operator.erase(subject)
    output.print_one({"forgotten": subject, "entries it had fields of": forgotten}, output_as)
    return output.EXIT_OK


def seen_row(entry: dict[str, object]) -> dict[str, object]:
    """One entry of a view as a person reads it."""
    leaf, fields = entry["leaf"], entry["fields"]
    assert isinstance(leaf, dict)
    opened = "not to be opened here"
    if isinstance(fields, list):
        opened = "; ".join(f"{name} {value}" for name, value in fields) or "bound to nothing"
    facts = ", ".join(f"{name} {value}" for name, value in leaf["facts"].items())
    return {
        "entry": entry["index"], "type": leaf["type"], "by key": leaf["actor"][:8], "facts": facts, "opened": opened,
        "receipt": f"{entry['verdict']}, {entry['receipt_bytes']} bytes",
    }  # fmt: skip


def _row(origin: dict[str, object]) -> dict[str, object]:
    shown = ("origin", "role", "sequencer", "size", "final_size")
    trouble = [str(origin[name]) for name in ("frozen",) if origin.get(name)]
    trouble += ["its storage failed"] if origin.get("is_stopped") else []
    refusing = origin.get("refusing")
    trouble += [f"{name}: {why}" for name, why in refusing.items()] if isinstance(refusing, dict) else []
    return {**{name: origin.get(name, "") for name in shown}, "trouble": "; ".join(trouble)}
