"""`tidewaiter docs`: the parts of `docs/` that are made from the code, and the check that they are not stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output

app = App(name="docs")

Folder = Annotated[Path, Parameter(help="Root of the project, where `docs/` stands.")]


@app.command
def write(folder: Folder = Path()) -> int:
    """Write every generated page anew."""
    for path, render in generated(folder).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render(), encoding="utf-8")
        output.out().print(str(path), markup=False)
    return output.EXIT_OK


@app.command
def check(folder: Folder = Path()) -> int:
    """Compare every generated page with what would be written now; name the stale ones."""
    stale = [
        path
        for path, render in generated(folder).items()
        if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != render()
    ]
    for path in stale:
        output.err().print(f"stale: {path}; run `make docs` and commit it", markup=False)
    if not stale:
        output.out().print(f"{len(generated(folder))} generated pages are up to date")
    return output.EXIT_ERROR if stale else output.EXIT_OK


def generated(folder: Path) -> dict[Path, Callable[[], str]]:
    """Each generated page and what renders it; `folder` is the root of the project."""
    from tidewaiter.cli.conformance import regimes
    from tidewaiter.ledger.contracts.reference import render_contracts
    from tidewaiter.messages import partner_reference, reference, return_reference
    from tidewaiter.regimes.report import render_law
    from tidewaiter.revenue import report
    from tidewaiter.risk.controls import whose_controls
    from tidewaiter.risk.rules.reference import render_risk_rules
    from tidewaiter.workflow.connector_events import event_schema

    return {
        Path("docs/LAW.md"): lambda: render_law(regimes.oracles(folder / regimes.FOLDER), whose_controls()),
        Path("docs/reference/cli.md"): render_cli,
        Path("docs/reference/contracts.md"): render_contracts,
        Path("docs/reference/declaration.md"): reference.render_reference,
        Path("docs/reference/declaration.schema.json"): lambda: reference.json_schema().decode() + "\n",
        Path("docs/reference/limits.md"): reference.render_limits,
        Path("docs/reference/returns.md"): return_reference.render_returns,
        Path("docs/reference/return.schema.json"): lambda: return_reference.return_schema().decode() + "\n",
        Path("docs/reference/exit-event.schema.json"): lambda: return_reference.exit_event_schema().decode() + "\n",
        Path("docs/reference/connector-event.schema.json"): lambda: event_schema().decode() + "\n",
        Path("docs/reference/postal.md"): partner_reference.render_postal,
        Path("docs/reference/postal.schema.json"): lambda: partner_reference.postal_schema().decode() + "\n",
        Path("docs/reference/postal-answer.schema.json"): (
            lambda: partner_reference.postal_answer_schema().decode() + "\n"
        ),
        Path("docs/reference/marketplace.md"): partner_reference.render_marketplace,
        Path("docs/reference/marketplace.schema.json"): lambda: partner_reference.marketplace_schema().decode() + "\n",
        Path("docs/reference/edifact.md"): partner_reference.render_edifact,
        Path("docs/reference/models.md"): report.render_models,
        Path("docs/reference/risk-rules.md"): render_risk_rules,
        Path("docs/reference/rules.md"): render_rules,
        Path("docs/reference/states.md"): render_states,
        Path("docs/reference/openapi.json"): render_openapi,
        Path("docs/reference/settings.md"): render_settings,
    }


def render_cli() -> str:
    """The help of every command as Markdown."""
    from tidewaiter.cli.app import build

    text = build().generate_docs(output_format="markdown", recursive=True)
    lines = [line.rstrip() for line in text.splitlines()]
    return "<!-- made by `tidewaiter docs write` -->\n\n" + "\n".join(lines).strip() + "\n"


def render_openapi() -> str:
    """The REST interface as OpenAPI 3.1 JSON."""
    from tidewaiter.web.openapi import render

    return render()


def render_settings() -> str:
    """Every environment variable that is read, and what it does."""
    from tidewaiter.cli.conformance import SAMPLES_VARIABLE
    from tidewaiter.store.settings import (
        DATA_VARIABLE,
        DATABASE_URL_VARIABLE,
        QUOTES_KEY_VARIABLE,
        RECORD_KEY_VARIABLE,
        RECORD_NAME_VARIABLE,
    )
    from tidewaiter.store.settings import VARIABLES as STORE_VARIABLES
    from tidewaiter.web.settings import VARIABLES
    from tidewaiter.workflow.books import BOOKS_VARIABLE

    settings = {
        DATA_VARIABLE: "Folder of the embedded PostgreSQL; `var/postgres` below the current folder where unset.",
        DATABASE_URL_VARIABLE: "Connection string of a PostgreSQL server to use instead of the embedded one.",
        **{each: STORE_VARIABLES[each] for each in (QUOTES_KEY_VARIABLE, RECORD_KEY_VARIABLE, RECORD_NAME_VARIABLE)},
        BOOKS_VARIABLE: (
            "TOML file that names published schemas and rules to check messages by: `[[book]]` with `form`, "
            "`jurisdiction`, `folder` and perhaps `edition` (docs/reference/ens.md)."
        ),
        **VARIABLES,
        SAMPLES_VARIABLE: "Folder of outside samples that `tidewaiter conformance` and the tests read in place.",
    }
    lines = ["<!-- made by `tidewaiter docs write` -->", "# Settings", "", "| variable | what it does |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in settings.items()]
    return "\n".join(lines) + "\n"


def render_rules() -> str:
    """Every data-quality rule with its severity, scope, words and source."""
    from tidewaiter.quality.report import rows

    lines = [
        "<!-- made by `tidewaiter docs write` -->",
        "# Data-quality rules",
        "",
        "Errors reject the declaration; warnings lower its quality and may raise attention.",
        "",
        "| rule | severity | applies | what it says | source |",
        "|---|---|---|---|---|",
    ]
    cells = (tuple(text.replace("|", "\\|") for text in row.values()) for row in rows())
    lines += [
        f"| `{rule}` | {severity} | {scope} | {words} | {source} |" for rule, severity, scope, words, source in cells
    ]
    return "\n".join(lines) + "\n"


def render_states() -> str:
    """The state machine of a declaration as a diagram."""
    from tidewaiter.release import mermaid

    return (
        "<!-- made by `tidewaiter docs write` -->\n"
        "# The states of a declaration\n\n"
        "Arrows carry the triggers; what is not drawn is forbidden. The table itself is `release/states.py`.\n\n"
        f"```mermaid\n{mermaid()}```\n"
    )
