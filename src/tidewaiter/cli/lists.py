"""`tidewaiter list`: whom, where and what to look for; see docs/how-to/lists.md."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output
from tidewaiter.cli.session import opened_store
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.lists import ListKind, PublishedList
from tidewaiter.workflow.lists import Lists

app = App(name="list")
PROBLEMS_TOLD = 100  # of one file

Name = Annotated[str, Parameter(help="The list's name, as rules write it: small letters, digits and _.")]
Jurisdiction = Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")]
By = Annotated[str, Parameter(help="Who says so.")]
Why = Annotated[str, Parameter(help="Why, in words.")]


@app.command
def propose(
    name: Name,
    file: Annotated[
        Path,
        Parameter(
            help="CSV with the columns id, values (between |), words, lane, from, until, source; of operators status, senders."
        ),
    ],
    *,
    kind: Annotated[ListKind, Parameter(help="What it is a list of.")],
    title: Annotated[str, Parameter(help="What an officer reads before each hit.")],
    source: Annotated[str, Parameter(help="Where it comes from.")],
    by: By,
    why: Why,
    lane: Annotated[Lane, Parameter(help="Where hits go; an entry may say otherwise.")] = Lane.YELLOW,
    threshold: Annotated[
        Decimal | None, Parameter(help="How alike names must be, to 1: the same; as was measured if left out.")
    ] = None,
    lifts: Annotated[tuple[str, ...], Parameter(help="Of an allow-list: lists whose hits it lifts.")] = (),
    jurisdiction: Jurisdiction = "",
) -> int:
    """Propose a version of a list. It decides nothing until somebody else approves it."""
    from tidewaiter.risk.lists.files import ListFileError, read_entries

    try:
        entries = read_entries(file.read_text("utf-8-sig"), kind)
    except ListFileError as error:
        for each in error.problems[1:PROBLEMS_TOLD]:  # the first is told as every error is, last
            output.err().print(str(each), markup=False)
        raise
    return _propose(
        PublishedList(
            name=name,
            kind=kind,
            title=title,
            source=source,
            entries=entries,
            lane=lane,
            threshold=threshold,
            lifts=lifts,
        ),
        (jurisdiction.upper(), by, why),
    )


@app.command
def propose_ofac(
    sdn: Annotated[Path, Parameter(help="sdn.csv, as OFAC gives it out.")],
    *,
    by: By,
    why: Why,
    alt: Annotated[Path | None, Parameter(help="alt.csv beside it: other names.")] = None,
    name: Name = "ofac_sdn",
    jurisdiction: Jurisdiction = "",
) -> int:
    """Propose OFAC's list of specially designated nationals."""
    from tidewaiter.risk.lists.ofac import SOURCE, read_sdn

    entries = read_sdn(sdn.read_text("utf-8", "replace"), alt.read_text("utf-8", "replace") if alt is not None else "")
    listed = PublishedList(
        name=name, kind=ListKind.PARTIES, title="OFAC sanctions", source=SOURCE, entries=entries, lane=Lane.RED
    )
    return _propose(listed, (jurisdiction.upper(), by, why))


@app.command
def propose_end(name: Name, *, by: By, why: Why, jurisdiction: Jurisdiction = "") -> int:
    """Propose that a list goes out of use; refused while rules in use name it."""
    with opened_store() as store:
        found = Lists(store, _now).propose_end(name, jurisdiction.upper(), by, why)
    output.out().print(f"version {found.version_id} of {name} waits for a second person's answer")
    return output.EXIT_OK


@app.command
def approve(version: Annotated[int, Parameter(help="The version's number.")], *, by: By) -> int:
    """Approve a version: it decides from now on."""
    return _answer(version, by, is_approved=True)


@app.command
def refuse(version: Annotated[int, Parameter(help="The version's number.")], *, by: By) -> int:
    """Refuse a version."""
    return _answer(version, by, is_approved=False)


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the lists in use."""
    with opened_store() as store:
        found = Lists(store, _now).in_use()
    today = _now().date()
    rows = [
        {
            "list": each.name,
            "jurisdiction": code or "everywhere",
            "kind": each.kind.value,
            "lane": each.lane.value,
            "entries": len(each.entries),
            "in force": len([entry for entry in each.entries if entry.is_in_force(today)]),
            "source": each.source,
            "title": each.title,
        }
        for code, each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def versions(
    name: Annotated[str, Parameter(help="One list; all if left out.")] = "",
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """List the versions of lists, who proposed and who answered them."""
    with opened_store() as store:
        found = store.lists.versions(name)
    rows = [
        {
            "version": each.version_id,
            "list": each.name,
            "entries": each.entry_count if each.digest else "goes out of use",
            "proposed by": each.proposed_by,
            "at": f"{each.proposed_at:%Y-%m-%d %H:%M}",
            "answer": _ANSWERS[each.is_approved],
            "by": each.answered_by or "",
            "why": each.words,
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def show(
    version: Annotated[int, Parameter(help="The version's number.")],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show a version before it is answered: its entries, and which would come or be written otherwise (+, ~; gone: -)."""
    with opened_store() as store:
        lists = Lists(store, _now)
        found = lists.version(version)
        changes, proposed = lists.changes(found), lists.proposed(found)
    marks = dict.fromkeys(changes.added, "+") | dict.fromkeys(changes.changed, "~")
    rows = [
        {
            "": marks.get(each.entry_id, ""),
            "entry": each.entry_id,
            "values": " | ".join(each.values),
            "until": f"{each.effective_until or ''}",
            "words": each.words,
            "source": each.source,
        }
        for each in (proposed.entries if proposed is not None else ())
    ]
    empty = dict.fromkeys(("values", "until", "words", "source"), "")
    output.print_rows([*rows, *({"": "-", "entry": entry_id} | empty for entry_id in changes.removed)], output_as)
    return output.EXIT_OK


@app.command
def export(name: Name, *, jurisdiction: Jurisdiction = "") -> int:
    """Write the version in use as CSV."""
    from tidewaiter.risk.lists.files import write_entries

    with opened_store() as store:
        found = Lists(store, _now).content(name, jurisdiction.upper())
    print(write_entries(found.entries), end="")  # noqa: T201 (the file itself)
    return output.EXIT_OK


@app.command
def screen(
    name: Name,
    text: Annotated[str, Parameter(help="A name, as it is written.")],
    *,
    jurisdiction: Jurisdiction = "",
    on: Annotated[date | None, Parameter(help="As of a day; today if left out.")] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Hold a name against a list of parties or sellers: which entries it is like, and which words speak for it."""
    from tidewaiter.risk.lists.screened import whom

    with opened_store() as store:
        found = Lists(store, _now).content(name, jurisdiction.upper())
    rows = [
        {"entry": match.entry_id, "alike": f"{match.score:.2f}", "because": match.words, "words": entry.words}
        for match, entry in whom(found, text, on or _now().date())
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if rows else output.EXIT_OK


def _propose(listed: PublishedList, said: tuple[str, str, str]) -> int:
    with opened_store() as store:
        found = Lists(store, _now).propose(listed, *said)
    output.out().print(
        f"version {found.version_id} of {listed.name}: waits for a second person's answer; entries: {found.entry_count:,}"
    )
    return output.EXIT_OK


def _answer(version: int, by: str, *, is_approved: bool) -> int:
    with opened_store() as store:
        found = Lists(store, _now).answer(version, by, is_approved=is_approved)
    output.out().print(f"version {found.version_id} of {found.name}: {_ANSWERS[found.is_approved]}")
    return output.EXIT_OK


def _now() -> datetime:
    return datetime.now(UTC)


_ANSWERS = {None: "waits for an answer", True: "approved", False: "refused"}
