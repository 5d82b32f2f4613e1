"""`tidewaiter conformance`: how the readers, rules and sequences fare on files that no one here wrote."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec import Struct

from tidewaiter.cli import output
from tidewaiter.cli.conformance.case import Case
from tidewaiter.model.errors import TidewaiterError

SAMPLES_VARIABLE = "TIDEWAITER_SAMPLES"
SuiteName = Literal[
    "wco-dm", "h7", "ens", "ceb", "cargo", "tariff", "regimes", "descriptions", "kcs", "ledger", "epcis"
]


class Report(Struct, frozen=True):
    """What a suite found: the JSON object that `--json` prints."""

    suite: str
    cases: int
    passed: int
    failed: list[Case]
    information: list[str]


def conformance(
    suite: Annotated[SuiteName, Parameter(help="Which suite.")],
    *,
    samples: Annotated[Path | None, Parameter(help="Folder of outside samples (else TIDEWAITER_SAMPLES).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON object.")] = False,
) -> int:
    """Run one suite over a folder of outside samples; exit code 0 only if every case passes."""
    folder = _folder(suite, samples)
    cases, information = SUITES[suite]()
    results = list(_with_progress(suite, cases(folder)))
    report = Report(
        suite=suite,
        cases=len(results),
        passed=sum(case.passed for case in results),
        failed=[case for case in results if not case.passed],
        information=information(folder),
    )
    if json:
        output.print_json(report)
    else:
        _print(report)
    return output.EXIT_OK if not report.failed and report.cases else output.EXIT_ERROR


def _folder(suite: str, samples: Path | None) -> Path:
    """The folder a suite reads: that of worked amounts is part of the project, the others come from outside."""
    if suite == "regimes":
        from tidewaiter.cli.conformance import regimes

        return regimes.folder_of(samples)
    folder = samples or Path(os.environ.get(SAMPLES_VARIABLE, ""))
    if not folder.is_dir() or folder == Path():
        raise TidewaiterError(f"no folder of samples: {folder}", hint="name it with --samples DIR")
    return folder


Cases = Callable[[Path], Iterator[Case]]
Information = Callable[[Path], list[str]]


def _wco_dm() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import scenarios, wco_dm

    def cases(folder: Path) -> Iterator[Case]:
        yield from wco_dm.round_trip_cases(folder)
        yield from scenarios.scenario_cases(folder)

    return cases, scenarios.information


def _h7() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import h7, wco_dm

    def cases(folder: Path) -> Iterator[Case]:
        yield from h7.cases(folder)
        yield from wco_dm.h7_round_trip_cases(folder)

    return cases, h7.information


def _ceb() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import ceb

    return ceb.cases, ceb.information


def _regimes() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import regimes

    return regimes.cases, regimes.information


def _cargo() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import cargo

    run = cargo.Run()
    return run.cases, run.information


def _tariff() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import tariff, tariff_files

    def cases(folder: Path) -> Iterator[Case]:
        yield from tariff.cases(folder)
        yield from tariff_files.cases(folder)

    def information(folder: Path) -> list[str]:
        return [*tariff.information(folder), *tariff_files.information(folder)]

    return cases, information


def _ens() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import ens

    run = ens.Run()
    return run.cases, run.information


def _descriptions() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import descriptions

    return descriptions.cases, descriptions.information


def _epcis() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import epcis

    run = epcis.Run()
    return run.cases, run.information


def _kcs() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance.kcs import Suite

    suite = Suite()
    return suite.cases, suite.information


def _ledger() -> tuple[Cases, Information]:
    from tidewaiter.cli.conformance import ledger

    run = ledger.Run()
    return run.cases, run.information


SUITES: dict[str, Callable[[], tuple[Cases, Information]]] = {
    "wco-dm": _wco_dm, "h7": _h7, "ens": _ens, "ceb": _ceb, "cargo": _cargo, "tariff": _tariff, "regimes": _regimes,
    "descriptions": _descriptions, "kcs": _kcs, "ledger": _ledger, "epcis": _epcis,
}  # fmt: skip


def _with_progress(suite: str, cases: Iterator[Case]) -> Iterator[Case]:
    with output.progress() as bar:
        task = bar.add_task(suite, total=None)
        for case in cases:
            bar.advance(task)
            yield case


def _print(report: Report) -> None:
    console = output.out()
    for case in report.failed:
        console.print(f"failed  {case.name}: {case.reason}", markup=False)
    for line in report.information:
        console.print(line, markup=False)
    console.print(f"{report.suite}: {report.passed} of {report.cases} cases passed", markup=False)
