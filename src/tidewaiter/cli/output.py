"""How the command line answers: as a table for people, JSON or CSV for programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import TidewaiterError

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_FINDINGS = 3
PIPED_WIDTH = 160  # columns of a table that goes to a file or another program


class UsageError(TidewaiterError):
    """The command was not called as it has to be."""

    code = "usage"


@Parameter(name="*")
@dataclass(frozen=True)
class Output:
    """How to print; a table where nothing else is asked for."""

    json: Annotated[bool, Parameter(negative="", help="Print one JSON value.")] = False
    csv: Annotated[bool, Parameter(negative="", help="Print CSV with a header line.")] = False
    table: Annotated[bool, Parameter(negative="", help="Print a table for people (the default).")] = False


def out() -> Console:
    """Where answers go."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def err() -> Console:
    """Where progress, warnings and errors go, so that answers can be piped."""
    return Console(stderr=True, highlight=False)


def print_rows(rows: Sequence[Mapping[str, Any]], output: Output, *, title: str = "") -> None:
    """Print rows that share their keys, in the way `output` asks for."""
    if output.json:
        print_json(rows)
    elif output.csv:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: text(value) for key, value in row.items()} for row in rows)
    else:
        _print_table(rows, title)


def print_one(record: Mapping[str, Any], output: Output, *, title: str = "") -> None:
    """Print one record: JSON or CSV as a row, else its fields below one another."""
    if output.json:
        print_json(record)
    elif output.csv:
        print_rows([record], output)
    else:
        _print_table([{"": key, " ": value} for key, value in record.items()], title)


def print_json(value: object) -> None:
    """Print any record of ours as indented JSON; decimals as strings."""
    sys.stdout.write(msgspec.json.format(canonical_bytes(value), indent=2).decode() + "\n")


def write(text: str) -> None:
    """Print text as it is: a CSV that was written elsewhere."""
    sys.stdout.write(text)


def say(what: str, detail: str, *, hint: str = "", place: str = "", code: str = "") -> None:
    """Say on standard error what went wrong, where, and what to do about it.

    Only a terminal gets lines of its width: what a file or another program reads keeps paths and names whole.
    """
    console = err()
    is_piped = not console.is_terminal
    console.print(f"[bold red]{what}[/]{f' [dim]{code}[/]' if code else ''} ", end="")
    console.print(detail, markup=False, soft_wrap=is_piped)
    if place:
        console.print(f"  at    {place}", markup=False, soft_wrap=is_piped)
    if hint:
        console.print(f"  hint  {hint}", markup=False, soft_wrap=is_piped)


def text(value: object) -> str:
    """A value as a person reads it in a table cell."""
    match value:
        case None:
            return ""
        case True:
            return "yes"
        case False:
            return "no"
        case list() | tuple():
            return ", ".join(text(part) for part in value)
        case _:
            return str(value)


def progress() -> Progress:
    """A progress bar on standard error that goes away when the work is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
    )


def _print_table(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    if not rows:
        out().print("[dim]nothing to show[/dim]")
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for key in rows[0]:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(_escape(text(value)) for value in row.values()))
    out().print(table)


def _escape(value: str) -> str:
    return value.replace("[", r"\[")
