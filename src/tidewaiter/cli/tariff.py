"""`tidewaiter tariff`: import published tariffs, and ask what they say of a code on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from msgspec import to_builtins
from msgspec.structs import asdict

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.cli.session import LOCAL_SENDER, opened_store
from tidewaiter.model.errors import NotFoundError
from tidewaiter.tariff.coverage import thin_in_words
from tidewaiter.tariff.importing import Heading, imported
from tidewaiter.tariff.records import Measure
from tidewaiter.tariff.tariff import Tariff

if TYPE_CHECKING:
    from tidewaiter.tariff.comparing import Difference
    from tidewaiter.workflow.tariffs import Brought

app = App(name="tariff")

Jurisdiction = Annotated[str, Parameter(help="ISO 3166-1 alpha-2 code, or EU: whose tariff it is.")]
Column = Annotated[str, Parameter(help="Which column of a table of rates to take, where it has several.")]
GAPS_SHOWN = 20
DIFFERENCES_SHOWN = 100


@app.command(name="import")
def import_(
    *files: Annotated[Path, Parameter(help="Published files, together one tariff; gzip and zip are unpacked.")],
    jurisdiction: Jurisdiction,
    from_: Annotated[date, Parameter(name="--from", help="The first day it is in force, YYYY-MM-DD.")],
    by: Annotated[str, Parameter(help="Who imports it; the name is kept.")] = LOCAL_SENDER,
    column: Column = "",
    partial: Annotated[
        bool,
        Parameter(negative="", help="The files are a part: their chapters change, all others stay as they were."),
    ] = False,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Import a tariff, whole or not at all, and state what could not be understood; exit code 3 where there is any.

    Files that hold far less than the edition before (or than the Harmonized System, where there was none) are refused,
    unless --partial says that they are meant so.
    """
    from tidewaiter.workflow.batching import now
    from tidewaiter.workflow.tariffs import import_files, sources_of

    if not files:
        raise UsageError("no file was named", hint="tidewaiter tariff import FILE… --jurisdiction GB --from 2026-01-01")
    if not by.strip():
        raise UsageError("nobody is named who imports it", hint="--by NAME")
    heading = Heading(_jurisdiction(jurisdiction), from_, column, is_partial=partial)
    with opened_store() as store:
        brought = import_files(sources_of(files), heading, store.tariffs, by, now())
        edition = brought.edition
        tariff = Tariff.from_content(store.tariffs.content(edition.digest))
    gaps = tariff.held.gaps
    if output_as.json:
        output.print_json({**to_builtins(brought), "edition": edition, "gaps": gaps})
        return output.EXIT_FINDINGS if gaps else output.EXIT_OK
    title = (
        f"edition {edition.edition_id}: {edition.jurisdiction_code} from {edition.in_force_from}, {edition.digest[:12]}"
    )
    rows = [
        {"file": each.file.name, "taken for": each.file.layout, "lines": each.file.lines, "measures": each.file.measures,
         "groups": each.file.areas, "not understood": each.file.gaps, "notes": "; ".join(each.file.notes)}
        for each in edition.sources
    ]  # fmt: skip
    output.print_rows(rows, output_as, title=title)
    if not output_as.csv:
        _print_coverage(brought)
    if gaps and not output_as.csv:
        output.print_rows(_gaps(tariff), output_as, title=f"not understood: {len(gaps)}")
    return output.EXIT_FINDINGS if gaps else output.EXIT_OK


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008
    """List the editions that were imported."""
    with opened_store() as store:
        editions = store.tariffs.all()
    rows = [
        {"edition": each.edition_id, "jurisdiction": each.jurisdiction_code, "in force from": each.in_force_from,
         "digest": each.digest[:12], "imported": f"{each.imported_at:%Y-%m-%d %H:%M}", "by": each.imported_by,
         "files": len(each.sources), "not understood": each.gap_count}
        for each in editions
    ]  # fmt: skip
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def show(
    code: Annotated[str, Parameter(help="A commodity code of 2 to 10 digits.")],
    *,
    jurisdiction: Jurisdiction,
    on: Annotated[date, Parameter(help="The legal day, YYYY-MM-DD.")],
    origin: Annotated[str, Parameter(help="Country of origin; without it, the measures for all.")] = "",
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Show what a code stands for on a day, whether goods can be declared under it, and the measures on it."""
    from tidewaiter.workflow.tariffs import tariff_on

    with opened_store() as store:
        edition, tariff = tariff_on(store.tariffs, _jurisdiction(jurisdiction), on)
    described = tariff.describe(code, on)
    origin = origin.upper()
    measures = tariff.measures(code, origin, on) if origin else tariff.all_measures(code, on)
    unmatched = tariff.unmatched(code, on)
    if output_as.json:
        output.print_json(
            {
                "code": described.line.code, "declarable": described.is_declarable, "path": described.path,
                "edition": edition.edition_id, "digest": edition.digest, "in_force_from": edition.in_force_from,
                "measures": [_as_json(each, tariff) for each in measures],
                "unmatched": [_as_json(each, tariff) for each in unmatched], "gaps": tariff.held.gaps,
            }
        )  # fmt: skip
        return output.EXIT_OK
    if not output_as.csv:
        _print_path(tariff, code, on)
    rows = [_row(each) for each in measures]
    title = f"measures on {on}" + (f" for goods of {origin}" if origin else "")
    output.print_rows(rows, output_as, title=title)
    if not output_as.csv:
        _print_unmatched(unmatched, output_as, is_all_shown=not origin)
    return output.EXIT_OK


@app.command
def diff(
    before: Annotated[str, Parameter(help="An edition by its number, or a file.")],
    *after: Annotated[str, Parameter(help="An edition by its number, or the files of one.")],
    column: Column = "",
    limit: Annotated[int | None, Parameter(help="How many to show; 100 in a table, all as JSON or CSV.")] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Compare two editions, or an edition with files: lines and measures added, gone, ended and changed.

    A table ends with the totals.
    """
    from tidewaiter.tariff.comparing import differences

    if not after:
        raise UsageError("name two editions, or an edition and files", hint="tidewaiter tariff diff 1 2")
    with opened_store() as store:
        old = _named((before,), store.tariffs, column, None)
        new = _named(after, store.tariffs, column, old)
    if limit is not None and limit < 0:
        raise UsageError(f"--limit {limit}: that is no number of differences", hint="--limit 0 prints the totals alone")
    found = list(differences(old, new))
    is_table = not (output_as.json or output_as.csv)
    shown = found[: DIFFERENCES_SHOWN if limit is None and is_table else limit]
    rows = [
        {"what": each.what, "change": each.change.value, "code": each.code, "name": each.name, "before": each.before,
         "after": each.after}
        for each in shown
    ]  # fmt: skip
    if rows or not is_table:
        output.print_rows(rows, output_as)
    if is_table:
        left = (
            f" {len(found) - len(shown):,} are not shown: --limit {len(found)} shows all."
            if len(shown) < len(found)
            else ""
        )
        output.out().print(f"{_totals(found)}.{left}", markup=False)
    return output.EXIT_OK


def _totals(found: Sequence[Difference]) -> str:
    """How many of what: 3 differences: 2 lines added, 1 measure changed."""
    counts = Counter((each.what, each.change) for each in found)
    parts = [f"{count:,} {what}{'' if count == 1 else 's'} {change.value}" for (what, change), count in counts.items()]
    total = f"{len(found):,} difference{'' if len(found) == 1 else 's'}"
    return f"{total}: {', '.join(parts)}" if parts else "No differences"


def _print_coverage(brought: Brought) -> None:
    console, before = output.out(), brought.before
    words = (
        f"The files cover chapters {brought.covered.chapters}: goods can be declared under {brought.covered.total:,} codes; "
        f"{brought.measured_by} has {before.total:,}, in chapters {before.chapters}."
    )
    missing = thin_in_words(brought.left_out)
    less = f"{missing[:1].upper()}{missing[1:]}." if missing else ""
    for line in filter(None, (words, less, *brought.words)):
        console.print(line, markup=False)


def _named(names: tuple[str, ...], editions: Any, column: str, like: Tariff | None) -> Tariff:
    """The tariff of an edition by number, or of files."""
    from tidewaiter.workflow.tariffs import sources_of

    if len(names) == 1 and names[0].isdecimal():
        found = next((each for each in editions.all() if each.edition_id == int(names[0])), None)
        if found is None:
            raise NotFoundError(f"there is no edition {names[0]}", hint="tidewaiter tariff list shows them")
        return Tariff.from_content(editions.content(found.digest))
    heading = Heading(like.jurisdiction_code, like.in_force_from, column) if like else Heading("ZZ", date.min, column)
    return imported(sources_of([Path(name) for name in names]), heading).tariff


def _jurisdiction(code: str) -> str:
    if len(code) != 2 or not code.isalpha() or not code.isascii():
        raise UsageError(f"{code!r} is no jurisdiction", hint="two letters, as GB, US or EU")
    return code.upper()


def _print_path(tariff: Tariff, code: str, on: date) -> None:
    described = tariff.describe(code, on)
    console = output.out()
    for depth, line in enumerate(described.path):
        mark = "" if line.suffix == "80" else f" (gathers only, suffix {line.suffix})"
        text = line.description or "(the imported files have no text for it)"
        console.print(f"{'  ' * depth}{line.code}{mark}  {text}", markup=False)
    words = "goods can be declared under it" if described.is_declarable else "goods cannot be declared under it: "
    if not described.is_declarable:
        below = tariff.declarable(described.line.code[: max(described.line.digits, 2)], on)
        words += f"{len(below)} codes below it can" if below else "it only gathers others"
    console.print(f"{words}\n", markup=False)


def _print_unmatched(unmatched: tuple[Measure, ...], output_as: Output, *, is_all_shown: bool) -> None:
    if not unmatched:
        return
    if is_all_shown:
        areas = ", ".join(sorted({each.area for each in unmatched}))
        output.out().print(f"\nwho belongs to these areas is not known here: {areas}", markup=False)
        return
    rows = [_row(each) for each in unmatched]
    output.print_rows(rows, output_as, title="\nfor areas whose members are not known here, so not matched")


def _row(measure: Measure) -> dict[str, Any]:
    from tidewaiter.tariff.telling import told

    return {name.replace("_", " "): words for name, words in asdict(told(measure)).items()}


def _as_json(measure: Measure, tariff: Tariff) -> dict[str, Any]:
    return {"measure": measure, "duty": tariff.held.duties.get(measure.duty)}


def _gaps(tariff: Tariff) -> list[dict[str, Any]]:
    gaps = tariff.held.gaps
    rows = [{"where": gap.place, "what": gap.words} for gap in gaps[:GAPS_SHOWN]]
    left = len(gaps) - len(rows)
    return [*rows, {"where": "", "what": f"and {left} more: --json lists them all"}] if left else rows
