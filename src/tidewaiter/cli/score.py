"""`tidewaiter score`: train a score on inspection outcomes, score records, watch for drift."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.risk.scoring import ModelError, Recipe, ScoreModel, model_bytes, population_stability, read_model

app = App(name="score")


@app.command
def train(
    file: Path,
    *,
    recipe: Annotated[Path, Parameter(help="JSON: label, chains, numbers, propensity, group.")],
    to: Annotated[Path, Parameter(name="--out", help="Folder for model.json, card.md and card.json.")],
    seed: int = 1,
) -> int:
    """Learn a score from a CSV of inspected declarations; refused where shuffled labels can be foretold."""
    try:
        from tidewaiter.risk.scoring.card import card_of, card_text
        from tidewaiter.risk.scoring.training import Settings
        from tidewaiter.risk.scoring.training import train as learn

        trained = learn(_rows(file), _recipe(recipe), Settings(seed=seed))
    except ImportError as error:
        raise UsageError(f"training needs the extra `risk`: {error}", hint="pip install 'tidewaiter[risk]'") from None
    except ModelError as error:
        raise UsageError(str(error)) from None
    card = card_of(trained, hashlib.sha256(file.read_bytes()).hexdigest())
    to.mkdir(parents=True, exist_ok=True)
    (to / "model.json").write_bytes(model_bytes(trained.model))
    (to / "card.json").write_bytes(msgspec.json.encode(card))
    (to / "card.md").write_text(card_text(card), encoding="utf-8")
    output.out().print(card_text(card))
    return output.EXIT_OK


@app.command
def run(model: Path, file: Path, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Score each record of a CSV: probability in millionths and the reasons in words; a record that does not fit is told."""
    known = _model(model)
    rows = []
    for number, row in enumerate(_rows(file), 1):
        try:
            scored = known.score(row)
            reasons, probability, problem = "; ".join(r.words for r in scored.reasons), str(scored.probability), ""
        except ModelError as error:
            reasons, probability, problem = "", "", str(error)
        rows.append({"record": number, "probability": probability, "reasons": reasons, "problem": problem})
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if any(row["problem"] for row in rows) else output.EXIT_OK


@app.command
def drift(model: Path, before: Path, after: Path, *, output_as: Output = Output()) -> int:  # noqa: B008
    """Population stability of each feature and the score between two CSV files; exit code 3 where any shifted."""
    known = _model(model)
    names = [*(chain.name for chain in known.recipe.chains), *known.recipe.numbers, "score"]
    periods = []
    try:
        for file in (before, after):
            values = [known.features(row) for row in _rows(file)]
            if not values:
                raise ModelError(f"{file} has no records")
            periods.append(list(zip(*([*each, known.margin(each)] for each in values), strict=True)))
        pairs = zip(names, *periods, strict=True)
        found = [population_stability(name, old, new) for name, old, new in pairs]
    except ModelError as error:
        raise UsageError(str(error)) from None
    output.print_rows([msgspec.structs.asdict(each) for each in found], output_as)
    return output.EXIT_FINDINGS if any(each.shifted for each in found) else output.EXIT_OK


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            reader = csv.DictReader(opened, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read as CSV: {error}") from None
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise UsageError(f"{file}, record {number}: not as many values as the header has columns")
    return rows


def _recipe(file: Path) -> Recipe:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Recipe)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file} is no recipe: {error}") from None


def _model(file: Path) -> ScoreModel:
    try:
        return read_model(file.read_bytes())
    except (OSError, ModelError) as error:
        raise UsageError(f"{file}: {error}") from None


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
    model: Annotated[Path, Parameter(help="model.json, as `score train` wrote it.")],
    *,
    name: Annotated[str, Parameter(help="The score's name, as rules and the policy write it.")],
    by: Annotated[str, Parameter(help="Who registers it.")],
    why: Annotated[str, Parameter(help="Why, in words.")],
    approved_by: Annotated[str, Parameter(help="Who else approves it; not needed on trial.")] = "",
    on_trial: Annotated[bool, Parameter(negative="", help="Scores are kept and decide nothing.")] = False,
    jurisdiction: Annotated[str, Parameter(help="For one jurisdiction; everywhere if left out.")] = "",
) -> int:
    """Put a model in use: each decision from now on keeps its score and reasons, and names it by its digest."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.models import Said, use_model

    said = Said(by=by, approved_by=approved_by, words=why, at=datetime.now(UTC))
    with opened_store() as store:
        try:
            digest = use_model(
                store, name, model.read_bytes(), said, on_trial=on_trial, jurisdiction_code=jurisdiction.upper()
            )
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


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the models that decide, and those on trial."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.workflow.models import models_in_use

    with opened_store() as store:
        found = models_in_use(store)
    rows = [
        {
            "score": each.part.name,
            "jurisdiction": each.jurisdiction_code or "everywhere",
            "is": "on trial" if each.part.is_shadow else "in use",
            "since": f"{each.since:%Y-%m-%d %H:%M}",
            "by": each.actor,
            "why": each.words,
            "digest": each.part.digest[:12],
        }
        for each in found
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK
