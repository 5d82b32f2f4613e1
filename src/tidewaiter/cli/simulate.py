"""`tidewaiter simulate`: worlds of parcels in which what is wrong is known."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from msgspec import to_builtins

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError

if TYPE_CHECKING:
    from tidewaiter.simulation.parameters import Parameters
    from tidewaiter.simulation.summary import Manifest

app = App(name="simulate")

WEEKS_MAX = 520
EXPERIMENT_WEEKS_MIN = 20  # a warm-up, weeks after a new scheme, and some that are calm
SEEDS_MAX = 100
PARCELS_MAX = 99_999_999  # the label has eight digits for the parcel's number

Folder = Annotated[Path, Parameter(help="A folder that `simulate world` made.")]


@app.command
def world(
    *,
    out: Annotated[Path, Parameter(help="The new folder to write.")],
    seed: Annotated[int, Parameter(help="Equal seeds and parameters give the same bytes on every machine.")] = 1,
    weeks: Annotated[int, Parameter(help="How many weeks.")] = 52,
    parcels: Annotated[int, Parameter(help="How many parcels in all.")] = 1_000_000,
    form: Annotated[str, Parameter(help="The wire form: json, csv, h7, wco-dm, postal, marketplace, ens …")] = "json",
    by: Annotated[Literal["day", "flight"], Parameter(help="What one file holds.")] = "day",
    identities: Annotated[
        Literal["clean", "noisy"], Parameter(help="Whether names, addresses and phones are written with mistakes.")
    ] = "noisy",
    parameters: Annotated[
        Path | None, Parameter(help="Other parameters: YAML like data/simulation/world.yaml.")
    ] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Make a world: messages by day or flight, `truth.csv` with what is wrong, `world.json` to cite and repeat it by."""
    from tidewaiter.simulation.world import Size, World
    from tidewaiter.workflow.simulating import By, publish, writable

    if not 1 <= weeks <= WEEKS_MAX or not 1 <= parcels <= PARCELS_MAX:
        raise UsageError(f"weeks go from 1 to {WEEKS_MAX}, parcels from 1 to {PARCELS_MAX}")
    figures = _parameters(parameters)
    made = World(Size(seed, weeks, parcels), figures, is_noisy=identities == "noisy")
    with output.progress() as bar:
        task = bar.add_task("parcels", total=parcels)
        manifest = publish(made, writable(form), By(by), out, lambda count: bar.advance(task, count))
    output.print_one(_cited(manifest), output_as)
    return output.EXIT_OK


@app.command
def describe(
    folder: Folder,
    *,
    by_week: Annotated[bool, Parameter(negative="", help="One row for each week and scheme instead.")] = False,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Say what is in a world: rates of each scheme, channels, countries, declared values, and how to cite it."""
    from tidewaiter.simulation.summary import bands
    from tidewaiter.workflow.simulating import opened

    manifest = opened(folder)
    if by_week:
        output.print_rows(_weekly(manifest), output_as)
        return output.EXIT_OK
    schemes = _schemes(folder, manifest)
    channels = [
        {"channel": name, "parcels": tally.parcels, "violative": tally.violative, "percent": _percent(tally.violative, tally.parcels)}
        for name, tally in manifest.channels.items()
    ]  # fmt: skip
    countries = [
        {"sent from": code, "parcels": count, "percent": _percent(count, manifest.parcels)}
        for code, count in sorted(manifest.countries.items(), key=lambda pair: -pair[1])
    ]
    values = [
        {
            "declared, EUR": band, "parcels": manifest.declared_bands[band],
            "percent": _percent(manifest.declared_bands[band], manifest.parcels),
        }
        for band in bands()
    ]  # fmt: skip
    if output_as.json:
        output.print_json({"world": _cited(manifest), "schemes": schemes, "channels": channels, "countries": countries, "values": values})  # fmt: skip
        return output.EXIT_OK
    if output_as.csv:
        output.print_rows(schemes, output_as)
        return output.EXIT_OK
    output.print_one(_cited(manifest), output_as, title=str(folder))
    for rows in (schemes, channels, countries, values):
        output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def inspect(
    folder: Folder,
    parcels: Annotated[
        Path, Parameter(help="A file with one parcel (its reference) a line; `-` reads standard input.")
    ],
    *,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Examine parcels: A1 or B1 for each, and the scheme where it is seen. Detection is imperfect, as in life.

    A study asks this for what it chose to examine and never reads `truth.csv`.
    """
    from tidewaiter.workflow.simulating import oracle_of

    text = sys.stdin.read() if str(parcels) == "-" else parcels.read_text(encoding="utf-8")
    outcomes = oracle_of(folder).inspect(text.split())
    rows = [{"parcel": each.parcel, "outcome": each.outcome, "finding": each.finding} for each in outcomes]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def trends(
    folder: Folder,
    *,
    brand: Annotated[str, Parameter(help="One brand; all of the world's where none is named.")] = "",
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show brands over the months: lines that name or veil them, routes, marketplaces, and words on the rise."""
    from tidewaiter.measures.brands import BrandTrends, WatchedBrand
    from tidewaiter.workflow.simulating import declarations, opened

    manifest = opened(folder)
    brands = [
        WatchedBrand(each.name, (each.code,), each.disguises)
        for each in manifest.parameters.brands
        if brand.lower() in ("", each.name.lower())
    ]
    if not brands:
        names = ", ".join(each.name for each in manifest.parameters.brands)
        raise UsageError(f"this world has no brand “{brand}”", hint=f"It has {names}.")
    measure = BrandTrends(brands)
    with output.progress() as bar:
        task = bar.add_task("declarations", total=manifest.parcels)
        for on, declaration in declarations(folder):
            measure.add(on, declaration)
            bar.advance(task)
    rows = [
        {
            "brand": each.brand, "month": each.month, "named": each.named, "veiled": each.veiled, "in 10,000": each.in_10000,
            "routes": [f"{route} {count}" for route, count in each.routes],
            "marketplaces": [f"{name} {count}" for name, count in each.marketplaces],
            "rising words": list(each.rising_words),
        }
        for each in measure.periods()
    ]  # fmt: skip
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def experiment(
    *,
    seeds: Annotated[str, Parameter(help="Seeds, as 1-10 or 1,4,7.")] = "1-10",
    weeks: Annotated[int, Parameter(help="How many weeks, at least 20.")] = 52,
    parcels: Annotated[int, Parameter(help="How many parcels a week.")] = 8000,
    plan: Annotated[tuple[str, ...], Parameter(help="Only these ways to select; all where none is named.")] = (),
    late: Annotated[str, Parameter(help="A scheme that is to begin in a later week, as gift_abuse=26.")] = "",
    parameters: Annotated[
        Path | None, Parameter(help="Other parameters: YAML like data/simulation/world.yaml.")
    ] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Select, examine and learn for a year on simulated parcels, and compare with an oracle (the extra `risk`).

    One of a hundred parcels is examined; only their outcomes are learnt from. See docs/reference/experiment.md.
    """
    try:
        from tidewaiter.cli.experiment.columns import prepared
        from tidewaiter.cli.experiment.measuring import WARM_UP, Figures, summary
        from tidewaiter.cli.experiment.plans import FULL, PLANS, compared
        from tidewaiter.simulation.world import Size
    except ImportError as error:
        raise UsageError(f"this needs the extra `risk`: {error}", hint="pip install 'tidewaiter[risk]'") from None
    numbers = _seeds(seeds)
    if not EXPERIMENT_WEEKS_MIN <= weeks <= WEEKS_MAX or not 1 <= parcels * weeks <= PARCELS_MAX:
        raise UsageError(
            f"weeks go from {EXPERIMENT_WEEKS_MIN} to {WEEKS_MAX}, parcels of a year from 1 to {PARCELS_MAX}"
        )
    plans = [each for each in PLANS if not plan or each.name in plan]
    if unknown := set(plan) - {each.name for each in plans}:
        names = "; ".join(each.name for each in PLANS)
        raise UsageError(f"there is no plan “{min(unknown)}”", hint=f"There are: {names}.")
    figures = _delayed(_parameters(parameters), late, weeks)
    found: dict[str, dict[int, Figures]] = {each.name: {} for each in plans}
    with output.progress() as bar:
        task = bar.add_task("worlds made and gone through", total=len(numbers) * (1 + len(plans)))
        for seed in numbers:
            made = prepared(Size(seed, weeks, weeks * parcels), figures)
            bar.advance(task)
            for name, told in compared(seed, made, figures, plans):
                found[name][seed] = told
                bar.advance(task)
    rows = [to_builtins(each) for each in summary({n: list(runs.values()) for n, runs in found.items()}, FULL)]
    if output_as.json:
        cited = {"weeks": weeks, "parcels a week": parcels, "parameters": figures.digest, "warm-up": WARM_UP}
        output.print_json({"world": cited, "summary": rows, "runs": to_builtins(found, str_keys=True)})
        return output.EXIT_OK
    output.print_rows(rows, output_as)
    return output.EXIT_OK


def _seeds(text: str) -> list[int]:
    """Seeds in order, each once; UsageError where the text names none."""
    found: dict[int, None] = {}
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            found |= dict.fromkeys(range(int(first), int(last if dash else first) + 1)[: SEEDS_MAX + 1])
    except ValueError:
        found = {}
    if not found or len(found) > SEEDS_MAX:
        raise UsageError(f"no seeds in {text!r}, or more than {SEEDS_MAX}", hint="Name them as 1-10 or 1,4,7.")
    return list(found)


def _delayed(figures: Parameters, late: str, weeks: int) -> Parameters:
    """The parameters with one scheme that begins in the week named, as they are where none is named."""
    from msgspec.structs import replace

    from tidewaiter.simulation.parameters import Kind

    if not late:
        return figures
    name, _, week = late.partition("=")
    if name not in [kind.value for kind in Kind] or not week.isdecimal() or not 0 < int(week) < weeks:
        hint = f"Write scheme=week, with one of {', '.join(Kind)} and a week before the last."
        raise UsageError(f"no scheme and week in {late!r}", hint=hint)
    scheme = replace(figures.schemes[Kind(name)], from_week=int(week))
    return replace(figures, schemes={**figures.schemes, Kind(name): scheme})


def _parameters(path: Path | None) -> Parameters:
    from tidewaiter.simulation.parameters import read, shipped

    return shipped() if path is None else read(path.read_bytes(), str(path))


def _cited(manifest: Manifest) -> dict[str, object]:
    """How a study names the world it used."""
    return {
        "simulator": manifest.simulator,
        "seed": manifest.seed,
        "weeks": manifest.weeks,
        "parcels": manifest.parcels,
        "identities": manifest.identities,
        "parameters": manifest.parameters_digest,
        "digest": manifest.parcels_digest,
        "violative": sum(tally.violative for tally in manifest.channels.values()),
        "declared EUR": sum((week.declared_eur for week in manifest.by_week), Decimal(0)),
        "evaded EUR": sum((week.evaded_eur for week in manifest.by_week), Decimal(0)),
    }


def _schemes(folder: Path, manifest: Manifest) -> list[dict[str, object]]:
    from tidewaiter.workflow.simulating import truths

    actors: dict[str, set[str]] = {}
    evaded: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    spans: dict[str, tuple[int, int]] = {}
    for row in truths(folder):
        scheme, week = row["scheme"], int(row["week"])
        actors.setdefault(scheme, set()).add(row["actor"])
        evaded[scheme] = evaded.get(scheme, Decimal(0)) + Decimal(row["evaded"])
        counts[scheme] = counts.get(scheme, 0) + 1
        first, last = spans.get(scheme, (week, week))
        spans[scheme] = min(first, week), max(last, week)
    return [
        {
            "scheme": scheme, "parcels": counts[scheme], "percent": _percent(counts[scheme], manifest.parcels),
            "actors": len(actors[scheme]), "first week": spans[scheme][0], "last week": spans[scheme][1],
            "evaded EUR": evaded[scheme],
        }
        for scheme in sorted(counts)
    ]  # fmt: skip


def _weekly(manifest: Manifest) -> list[dict[str, object]]:
    return [
        {
            "week": week.week, "parcels": week.parcels, "declared EUR": week.declared_eur, "scheme": scheme,
            "of it": count, "percent": _percent(count, week.parcels),
        }
        for week in manifest.by_week
        for scheme, count in week.schemes.items()
    ]  # fmt: skip


def _percent(part: int, whole: int) -> Decimal:
    """A share in per cent with three decimals."""
    return (Decimal(part * 100) / max(1, whole)).quantize(Decimal("0.001"))
