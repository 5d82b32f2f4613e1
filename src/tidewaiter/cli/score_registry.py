"""The register of models by command: registered, tried, approved by another, shown with its card and drift."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.risk.scoring import ModelError

if TYPE_CHECKING:
    from tidewaiter.workflow.drifting import DriftReport
    from tidewaiter.workflow.model_records import ModelVersion

Number = Annotated[int, Parameter(help="Which model: tidewaiter score list.")]
By = Annotated[str, Parameter(help="Who does it.")]
Why = Annotated[str, Parameter(help="Why, in words.")]


def register(
    model: Annotated[
        Path, Parameter(help="model.json, as `score train` wrote it; card.json beside it is kept with it.")
    ],
    *,
    name: Annotated[str, Parameter(help="The score's name, as rules and the policy write it.")],
    by: By,
    why: Why,
    jurisdiction: Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")] = "",
) -> int:
    """Keep a model until another person approves it; it may be tried meanwhile."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.models import Model, Models, Who

    card = model.with_name("card.json")
    registered = Model(
        name=name, content=model.read_bytes(), card=card.read_bytes() if card.is_file() else b"",
        jurisdiction_code=jurisdiction.upper(),
    )  # fmt: skip
    with opened_store() as store:
        try:
            version = Models(store, _now).register(registered, Who(by, why))
        except ModelError as error:
            raise UsageError(str(error), hint="tidewaiter score columns lists what a declaration gives") from None
    output.out().print(f"model {version.version_id}: {version.name} {version.digest[:12]}, {_stands(version)}")
    return output.EXIT_OK


def step(
    number: Number,
    step: Annotated[
        Literal["trial", "end_trial", "approve", "refuse", "retire"],
        Parameter(help="approve: it decides from now on; trial: its scores are kept and decide nothing."),
    ],
    *,
    by: By,
    why: Why = "",
) -> int:
    """Try, approve, refuse or retire a registered model; whoever registered it does not approve it."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.model_records import ModelStep
    from tidewaiter.workflow.models import Models, Who

    with opened_store() as store:
        version = Models(store, _now).take(number, ModelStep(step), Who(by, why))
    output.out().print(f"model {number}: {_stands(version)}")
    return output.EXIT_OK


def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List every model that was registered, the latest first, and how it stands."""
    from tidewaiter.cli.session import opened_store

    with opened_store() as store:
        found = store.models.versions()
    output.print_rows([_row(each) for each in found], output_as)
    return output.EXIT_OK


def show(number: Number, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Show one model: its card, what its trees ask for, every step, and whether it fitted when last looked at."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.risk.scoring.telling import looked_at
    from tidewaiter.workflow.models import Models

    with opened_store() as store:
        models = Models(store, _now)
        version = models.one(number)
        card, model = models.card(version), models.model(version)
        events, looks = store.models.events(number), models.looks(version)
    told = _row(version)
    if card is not None:
        told |= {
            "learnt from": card.source, "rows": f"{card.rows}, as {card.effective_rows} alike", "base rate": card.base_rate,
            "AUC held out": f"{card.auc:.4f} ({card.interval[0]:.4f} to {card.interval[1]:.4f})",
            "AUC shuffled": f"{card.shuffled_auc:.4f}", "owed": card.amount,
        }  # fmt: skip
    told["asks for"] = ", ".join(f"{each.feature} {each.share:.0%}" for each in looked_at(model)[:8])
    told |= {f"step {n}": f"{e.step} by {e.actor}, {e.at:%Y-%m-%d %H:%M}: {e.words}" for n, e in enumerate(events, 1)}
    if looks:
        kept, report = looks[0]
        told["drift"] = (
            f"{'calm' if report.is_calm else 'shifted'}, {report.examined} examined, looked at {kept.at:%Y-%m-%d %H:%M} by {kept.actor}"
        )
    output.print_one(told, output_as)
    return output.EXIT_OK


def drift_of_kept(number: int, days: tuple[date | None, ...], risk_type: str | None, by: str) -> DriftReport:
    """Compare two kept periods by a registered model, and keep it. Raises UsageError where a day is not given."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.model.outcome import RiskType
    from tidewaiter.workflow.drifting import Between, risk_type_of
    from tidewaiter.workflow.models import Models, Who
    from tidewaiter.workflow.trying import Period

    since, until, against_since, against_until = days
    if since is None or until is None or against_since is None or against_until is None:
        raise UsageError("--kept takes --from and --to, --against-from and --against-to")
    with opened_store() as store:
        models = Models(store, _now)
        version = models.one(number)
        code = version.jurisdiction_code
        between = Between(
            Period(against_since, against_until, code), Period(since, until, code),
            RiskType(risk_type) if risk_type else risk_type_of(version.name),
        )  # fmt: skip
        return models.look(version, between, Who(by))


def drift_rows(report: DriftReport) -> list[dict[str, Any]]:
    """The report as rows: features and the score by their stability, bands by what was promised and found."""
    rows: list[dict[str, Any]] = [
        {"of": each.feature, "index": f"{each.index:.4f}", "promised": "", "found": "", "from": "", "to": "", "examined": "",
         "told": "shifted" if each.shifted else ""}
        for each in report.features
    ]  # fmt: skip
    for band in report.bands:
        low, high = band.interval or (None, None)
        rows.append({
            "of": f"likelihood {band.low / 1e6:.3f} to {min(band.high, 1_000_000) / 1e6:.3f}", "index": "",
            "promised": _share(band.promised), "found": _share(band.found), "from": _share(low), "to": _share(high),
            "examined": str(band.examined), "told": "off" if band.is_off else "",
        })  # fmt: skip
    return rows


def _share(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"


def _stands(version: ModelVersion) -> str:
    return version.state.value + (", on trial" if version.is_on_trial else "")


def _row(version: ModelVersion) -> dict[str, Any]:
    return {
        "model": version.version_id,
        "score": version.name,
        "jurisdiction": version.jurisdiction_code or "everywhere",
        "stands": _stands(version),
        "registered by": version.registered_by,
        "at": f"{version.registered_at:%Y-%m-%d %H:%M}",
        "why": version.words,
        "digest": version.digest[:12],
    }


def _now() -> datetime:
    return datetime.now(UTC)
