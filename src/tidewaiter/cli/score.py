"""`tidewaiter score`: train a score on inspection outcomes, score records, watch for drift."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli import score_registry as registry
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.risk.scoring import (
    Drift,
    ModelError,
    Recipe,
    ScoreModel,
    model_bytes,
    population_stability,
    read_model,
)
from tidewaiter.risk.scoring.scorer import Scorer

if TYPE_CHECKING:
    from tidewaiter.risk.scoring.training import Settings
    from tidewaiter.workflow.learning import Lessons

app = App(name="score")

OWED = "owed"  # the column of what was found to be owed, as `workflow.learning` names it
RiskTypeName = Literal[
    "undervaluation", "misdescription", "classification", "origin", "quantity", "splitting", "gift", "prohibited", "ipr",
    "security", "other",
]  # fmt: skip


@app.command
def train(
    file: Annotated[Path | None, Parameter(help="CSV of inspected declarations; none with --from-kept.")] = None,
    *,
    to: Annotated[Path, Parameter(name="--out", help="Folder for model.json, card.md and card.json.")],
    recipe: Annotated[
        Path | None, Parameter(help="JSON: label, chains, numbers, propensity, group; the usual one with --from-kept.")
    ] = None,
    from_kept: Annotated[bool, Parameter(negative="", help="Learn from examinations that are kept here.")] = False,
    risk_type: Annotated[
        RiskTypeName | None,
        Parameter(help="What the score is of, with --from-kept; anything not in order if left out."),
    ] = None,
    since: Annotated[date | None, Parameter(name="--from", help="The first day of examination (UTC).")] = None,
    until: Annotated[date | None, Parameter(name="--to", help="The last day of examination.")] = None,
    jurisdiction: Annotated[str, Parameter(help="Of one jurisdiction alone.")] = "",
    how: Annotated[
        Path | None, Parameter(help="JSON: rounds, leaves, rate, strength, folds, least, share, ridge, rising.")
    ] = None,
    seed: int = 1,
) -> int:
    """Learn a score from inspected declarations, of a CSV or as kept; refused where shuffled labels can be foretold."""
    try:
        from tidewaiter.risk.scoring.card import Source, card_of, card_text
        from tidewaiter.risk.scoring.training import train as learn

        if not from_kept:
            if file is None or recipe is None or risk_type or since or until or jurisdiction:
                raise UsageError("give a CSV and --recipe, or --from-kept with --from and --to")
            source = Source(file.name, hashlib.sha256(file.read_bytes()).hexdigest())
            wanted = _recipe(recipe)
            taught = [(number, row) for number, row in enumerate(_rows(file), 1) if row.get(wanted.label) != ""]
            wanted.check_taught(taught)  # by the numbers that they have in the file
            rows: Sequence[Mapping[str, str]] = [row for _, row in taught]
            settings = _how(how, seed)
        else:
            if file is not None or since is None or until is None or until < since:
                raise UsageError("--from-kept takes --from and --to, in this order, and no file")
            lessons = _lessons(since, until, risk_type, jurisdiction.upper())
            of = (risk_type or "anything not in order") + (f" in {jurisdiction.upper()}" if jurisdiction else "")
            source = Source(
                f"examinations from {since} to {until}, {of}", lessons.digest, dict(lessons.left_out), until.isoformat()
            )
            wanted, rows = _usual(recipe), lessons.rows
            settings = msgspec.structs.replace(_how(how, seed), amount=OWED, currency=lessons.currency)
        trained = learn(rows, wanted, settings)
    except ImportError as error:
        raise UsageError(f"training needs the extra `risk`: {error}", hint="pip install 'tidewaiter[risk]'") from None
    except ModelError as error:
        raise UsageError(str(error), hint=error.hint) from None
    card = card_of(trained, source)
    to.mkdir(parents=True, exist_ok=True)
    (to / "model.json").write_bytes(model_bytes(trained.model))
    (to / "card.json").write_bytes(msgspec.json.encode(card))
    (to / "card.md").write_text(card_text(card), encoding="utf-8")
    output.out().print(card_text(card), markup=False)
    return output.EXIT_OK


def _lessons(since: date, until: date, risk_type: str | None, jurisdiction_code: str) -> Lessons:
    """What examinations of these days teach; ModelError where they teach nothing."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.model.outcome import RiskType
    from tidewaiter.workflow.learning import kept_lessons

    first, last = datetime.combine(since, time(), UTC), datetime.combine(until + timedelta(1), time(), UTC)
    wanted = RiskType(risk_type) if risk_type else None
    with opened_store() as store:
        lessons = kept_lessons(store, first, last, wanted, jurisdiction_code)
    if not lessons.rows:
        left = "; ".join(f"{count} {why}" for why, count in lessons.left_out.items()) or "nothing was examined"
        raise ModelError(f"no examination of these days teaches anything: {left}")
    return lessons


def _usual(file: Path | None) -> Recipe:
    """The recipe for what is kept: the usual one, or that of a file, whose labels and propensities are those kept."""
    from tidewaiter.risk.scoring.usual import usual_recipe
    from tidewaiter.workflow.learning import LABEL, PROPENSITY

    if file is None:
        return usual_recipe(LABEL, PROPENSITY)
    return msgspec.structs.replace(_recipe(file), label=LABEL, propensity=PROPENSITY)


@app.command
def run(model: Path, file: Path, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Score each record of a CSV: probability in millionths, expected revenue, reasons; a record that does not fit is told."""
    known = Scorer(_model(model))
    rows = []
    for number, row in enumerate(_rows(file), 1):
        told = {"record": number, "probability": "", "expected": "", "reasons": "", "problem": ""}
        try:
            scored = known.score(row)
        except ModelError as error:
            rows.append(told | {"problem": str(error)})
            continue
        reasons = "; ".join(each.words for each in scored.reasons)
        expected = str(money) if (money := known.model.expected(scored)) is not None else ""
        rows.append(told | {"probability": str(scored.probability), "expected": expected, "reasons": reasons})
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if any(row["problem"] for row in rows) else output.EXIT_OK


@app.command
def drift(
    model: Annotated[Path | None, Parameter(help="model.json, where two files are compared.")] = None,
    before: Annotated[Path | None, Parameter(help="CSV of the earlier period.")] = None,
    after: Annotated[Path | None, Parameter(help="CSV of the later period.")] = None,
    *,
    kept: Annotated[int | None, Parameter(help="A registered model: compare decisions that are kept.")] = None,
    since: Annotated[date | None, Parameter(name="--from", help="The later period's first legal day.")] = None,
    until: Annotated[date | None, Parameter(name="--to", help="Its last.")] = None,
    against_from: Annotated[date | None, Parameter(help="The earlier period's first legal day.")] = None,
    against_to: Annotated[date | None, Parameter(help="Its last.")] = None,
    risk_type: Annotated[RiskTypeName | None, Parameter(help="What the score is of; by its name if left out.")] = None,
    by: Annotated[str, Parameter(help="Who looks; kept with what came out.")] = "tidewaiter score drift",
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Compare two periods by a model: stability of features and score, with --kept also what was found by likelihood.

    The periods are two CSV files, or kept decisions. Exit code 3 where any shifted, or was found otherwise than promised.
    """
    try:
        if kept is not None:
            if model or before or after:
                raise UsageError("--kept takes days, and no files")
            report = registry.drift_of_kept(kept, (since, until, against_from, against_to), risk_type, by)
            output.print_rows(registry.drift_rows(report), output_as)
            return output.EXIT_OK if report.is_calm else output.EXIT_FINDINGS
        if model is None or before is None or after is None:
            raise UsageError("give a model and two CSV files, or --kept with days")
        found = _between_files(_model(model), before, after)
    except ModelError as error:
        raise UsageError(str(error)) from None
    output.print_rows([msgspec.structs.asdict(each) for each in found], output_as)
    return output.EXIT_FINDINGS if any(each.shifted for each in found) else output.EXIT_OK


def _between_files(known: ScoreModel, before: Path, after: Path) -> list[Drift]:
    names = [*(chain.name for chain in known.recipe.chains), *known.recipe.numbers, "score"]
    periods = []
    for file in (before, after):
        values = [known.features(row) for row in _rows(file)]
        if not values:
            raise ModelError(f"{file} has no records")
        periods.append(list(zip(*([*each, known.margin(each)] for each in values), strict=True)))
    pairs = zip(names, *periods, strict=True)
    return [population_stability(name, old, new) for name, old, new in pairs]


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            reader = csv.DictReader(opened, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        hint = "a header of columns, then a record a line, in UTF-8, with commas"
        raise UsageError(f"{file} cannot be read as CSV: {_why(error)}", hint=hint) from None
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise UsageError(f"{file}, record {number}: not as many values as the header has columns")
    return rows


def _recipe(file: Path) -> Recipe:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Recipe)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file} is no recipe: {_why(error)}", hint=_RECIPE) from None


def _how(file: Path | None, seed: int) -> Settings:
    from tidewaiter.risk.scoring.training import Settings

    try:
        chosen = Settings() if file is None else msgspec.json.decode(file.read_bytes(), type=Settings)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file} does not say how to learn: {_why(error)}", hint=_HOW) from None
    return msgspec.structs.replace(chosen, seed=seed)


def _model(file: Path) -> ScoreModel:
    try:
        return read_model(file.read_bytes())
    except (OSError, ModelError) as error:
        raise UsageError(f"{file}: {_why(error)}", hint="model.json, as tidewaiter score train wrote it") from None


def _why(error: Exception) -> str:
    """What is wrong with a file, without its name."""
    return (error.strerror or "") if isinstance(error, OSError) else str(error)


_RECIPE = 'JSON such as {"label": "bad", "chains": [], "numbers": ["price"]}; docs/how-to/score.md writes one'
_HOW = 'JSON such as {"rounds": 250, "leaves": 15}; all of it may be left out, and --how with it'


@app.command
def export(
    model: Path,
    *,
    onnx: Annotated[Path, Parameter(help="The ONNX file to write.")],
    check: Annotated[
        Path | None, Parameter(help="CSV: score its records by ONNX Runtime, too, and compare to the last digit.")
    ] = None,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Write a model as an ONNX graph for other systems; 3 where ONNX Runtime comes to anything else than we do."""
    known = _model(model)
    try:
        from tidewaiter.cli.score_parity import compared
        from tidewaiter.risk.scoring.onnx_form import onnx_bytes

        content = onnx_bytes(known)
        onnx.write_bytes(content)
        if check is None:
            output.out().print(f"{onnx}: {len(content):,} bytes", markup=False)
            return output.EXIT_OK
        found = compared(known, content, _rows(check))
    except ImportError as error:
        raise UsageError(f"this needs the extra `onnx`: {error}", hint="pip install 'tidewaiter[onnx]'") from None
    except ModelError as error:
        raise UsageError(str(error)) from None
    output.print_rows([msgspec.structs.asdict(each) for each in found], output_as)
    return output.EXIT_FINDINGS if any(each.different for each in found) else output.EXIT_OK


@app.command
def columns(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the columns that a declaration gives, for recipes: only models of these can decide."""
    from tidewaiter.risk.history import definitions
    from tidewaiter.risk.scoring.declared import DECLARED

    known = definitions()
    rows = [{"column": name, "words": "as declared, of the dearest line where lines differ"} for name in DECLARED]
    rows += [{"column": name, "words": each.words} for name, each in known.items()]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command
def use(
    model: Annotated[
        Path, Parameter(help="model.json, as `score train` wrote it; card.json beside it is kept with it.")
    ],
    *,
    name: Annotated[str, Parameter(help="The score's name, as rules and the policy write it.")],
    by: Annotated[str, Parameter(help="Who registers it.")],
    why: Annotated[str, Parameter(help="Why, in words.")],
    approved_by: Annotated[str, Parameter(help="Who else approves it; not needed on trial.")] = "",
    on_trial: Annotated[bool, Parameter(negative="", help="Scores are kept and decide nothing.")] = False,
    jurisdiction: Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")] = "",
) -> int:
    """Register a model and put it in use at once: each decision from now on keeps its score and names it by its digest."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.models import Said, use_model

    said = Said(by=by, approved_by=approved_by, words=why, at=datetime.now(UTC))
    with opened_store() as store:
        try:
            digest = use_model(
                store, name, model.read_bytes(), said, on_trial=on_trial, jurisdiction_code=jurisdiction.upper(),
                card=_card_beside(model),
            )  # fmt: skip
        except ModelError as error:
            raise UsageError(str(error), hint="tidewaiter score columns lists what a declaration gives") from None
    output.out().print(f"{name} is {'on trial' if on_trial else 'in use'} as {digest[:12]}")
    return output.EXIT_OK


@app.command
def retire(
    name: Annotated[str, Parameter(help="The score's name.")],
    *,
    by: Annotated[str, Parameter(help="Who says so.")],
    why: Annotated[str, Parameter(help="Why, in words.")],
    on_trial: Annotated[bool, Parameter(negative="", help="The one on trial.")] = False,
    jurisdiction: Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")] = "",
) -> int:
    """Take a model out of use; refused while rules in use name its score."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.models import Said, retire_model

    said = Said(by=by, approved_by="", words=why, at=datetime.now(UTC))
    with opened_store() as store:
        retire_model(store, name, said, on_trial=on_trial, jurisdiction_code=jurisdiction.upper())
    return output.EXIT_OK


def _card_beside(model: Path) -> bytes:
    """The card that `score train` wrote beside the model; empty where there is none."""
    card = model.with_name("card.json")
    return card.read_bytes() if card.is_file() else b""


for command in (registry.register, registry.step, registry.list_, registry.show):
    app.command(command, name=command.__name__.rstrip("_"))
