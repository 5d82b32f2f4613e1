"""`tidewaiter network`: several members of the shared record, founded together; and a demonstration on this machine."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tidewaiter.cli import output, statement
from tidewaiter.cli.output import UsageError

app = App(name="network")
app.command(statement.app)


@app.command
def found(
    origin: Annotated[str, Parameter(help="The name of the first log, like record.example/2026.")],
    *members: Annotated[Path, Parameter(help="The members' folders, or files with their cards (`node card`).")],
    sequencer: Annotated[
        str, Parameter(help="The label of the member that runs the log; its folder has to be at hand.")
    ],
    quorum: Annotated[int, Parameter(help="How many of the others suffice.")],
    witness: Annotated[tuple[str, ...], Parameter(help="Labels of members that keep no entries.")] = (),
    replica: Annotated[
        tuple[str, ...],
        Parameter(
            help="Labels of replicas of the sequencer, itself among them: they share its key, and the quorum is of these (`intake replica`)."
        ),
    ] = (),
    out: Annotated[Path, Parameter(help="Where to write the charter, for members whose folders are elsewhere.")],
) -> int:
    """Found a network: make the log's key, write the charter, and keep it in every folder that is at hand."""
    from tidewaiter.network.charter import Part
    from tidewaiter.network.founding import log_key, read_card, split, threshold, written
    from tidewaiter.network.home import Home

    def part_of(label: str) -> Part:
        return "sequencer" if label == sequencer else "witness" if label in witness else "mirror"

    named = [Home(each) for each in members if each.is_dir()]
    homes = {home.config.label: home for home in named}
    listed = [(label, home.card(part_of(label))) for label, home in homes.items()]
    listed += [read_card(file) for file in members if not file.is_dir()]
    cards = dict(listed)
    if len(cards) != len(named) + sum(not each.is_dir() for each in members):
        raise UsageError("two members have one label, or one is named twice")
    if unknown := [each for each in witness if each not in cards or each == sequencer]:
        raise UsageError(f"--witness {', '.join(unknown)}: there is no such member beside the sequencer")
    if sequencer not in homes:
        raise UsageError(f"the folder of {sequencer}, which is to run the log, has to be among those named")
    if replica and (sequencer not in replica or not set(replica) <= set(cards)):
        raise UsageError(
            "replicas are members, and the sequencer is one of them",
            hint="--replica once for each, --sequencer names one of these",
        )
    counted = [label for label in cards if label in replica] or [label for label in cards if label != sequencer]
    if not 0 < quorum <= len(counted):
        among = "replicas" if replica else "members beside the sequencer"
        raise UsageError(f"{quorum} of {len(counted)} {among} are no quorum", hint="--quorum is their majority")
    log = log_key(homes[sequencer], origin)
    for label in set(replica) & set(homes) - {sequencer}:
        homes[label].keyring.take_log(log)
    lines = threshold("quorum", quorum, counted)
    charter = written(log.verifier, cards, lines, datetime.now(UTC))
    out.write_bytes(charter.data)
    for home in homes.values():
        home.begin(charter)
    for line in split(quorum, len(counted)):
        output.err().print(f"· {line}", markup=False, soft_wrap=True)
    output.err().print(f"founded {origin} with {len(cards)} members; the charter is in {out}", markup=False)
    return output.EXIT_OK


@app.command
def demo(
    *,
    show: Annotated[Literal["all", "parcels"], Parameter(help="Everything, or only what happens to parcels.")] = "all",
    json: Annotated[bool, Parameter(negative="", help="Print one JSON value.")] = False,
) -> int:
    """Start seven members as processes of their own, follow parcels through them, change the network, let members fail.

    Each has its own keys, files and database, and listens on loopback. Everything ends, and its folder is removed, when the
    account has been told: within some two minutes.
    """
    from tidewaiter.network.demo.faults import Faults
    from tidewaiter.network.demo.governing import Governing
    from tidewaiter.network.demo.parcels import Parcels
    from tidewaiter.network.demo.stage import Line, Stage

    scene = ""

    def say(line: Line) -> None:
        nonlocal scene
        if json:
            return
        if line.scene != scene:
            scene = line.scene
            output.out().print(f"\n[bold]{scene}[/]")
        output.out().print(f"  {line.who}: {line.what} → {line.result}", markup=False)

    folder = Path(tempfile.mkdtemp(prefix="tw-demo-"))
    try:
        stage = Stage(folder, say)
        with stage.network:
            stage.begin()
            parcels = Parcels(stage)
            parcels.run()
            views = parcels.views()
            if not json:
                _show_views(views)
            if show == "all":
                Governing(stage).run()
                Faults(stage).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if json:
        output.print_json({"lines": stage.lines, "views": views})
    return output.EXIT_OK


def _show_views(views: list[dict[str, Any]]) -> None:
    """One parcel's record as each member sees it: the same entries, opened where the member has what opens them."""
    first = views[0]
    rows = []
    for place, entry in enumerate(first["entries"]):
        row: dict[str, Any] = {
            "entry": entry["index"],
            "type": entry["leaf"]["type"],
            "by key": entry["leaf"]["actor"][:8],
        }
        for view in views:
            row[view["member"]] = _opened(view["entries"][place])
        rows.append(row)
    output.out().print()
    title = f"{first['subject']} as each member sees it (scope {first['scope']}): every receipt verified offline"
    output.print_rows(rows, output.Output(), title=title)


def _opened(entry: dict[str, Any]) -> str:
    if entry["verdict"] != "verified":
        return str(entry["verdict"])
    if entry["fields"] is None:
        return "·"
    return "; ".join(f"{name}={value}" for name, value in entry["fields"] if value)[:40]
