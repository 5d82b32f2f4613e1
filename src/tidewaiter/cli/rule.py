"""`tidewaiter rule`: the rules that data is checked by, this project's and those that others publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output

app = App(name="rule")

Book = Annotated[Path, Parameter(help="Folder of rule files (JSON), as their publisher hands them out.")]


@app.command(name="list")
def list_(*, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List every rule with its severity, scope and source."""
    from tidewaiter.quality.report import rows

    output.print_rows(rows(), output_as)
    return output.EXIT_OK


@app.command
def book(folder: Book, *, output_as: Output = Output()) -> int:  # noqa: B008 (frozen)
    """List the asserts of a published rule book; a book with one fault is refused whole, every fault with its place."""
    from tidewaiter.messages.rulebooks import Rulebook

    rules = Rulebook.from_folder(folder)
    rows = [
        {
            "edition": edition,
            "file": rule.file_name,
            "element": "/" + "/".join(rule.element),
            "code": each.code,
            "words": each.words,
        }
        for edition in rules.editions
        for rule in rules.rules(edition)
        for each in rule.asserts
    ]
    output.print_rows(rows, output_as)
    return output.EXIT_OK


@app.command(name="try")
def try_(
    message: Annotated[Path, Parameter(help="A message: entry summary declarations (IE315, IE313), one or a batch.")],
    *,
    rules: Book,
    schemas: Annotated[Path | None, Parameter(help="Folder of the publisher's schemas, at any depth.")] = None,
    edition: Annotated[str, Parameter(help="Edition of rules and schemas; the base if not given.")] = "",
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Say what published schemas and rules find in a message, record by record; exit code 3 where they find anything."""
    from tidewaiter.messages import xml
    from tidewaiter.messages.ens import EnsForm
    from tidewaiter.messages.ens.form import document_of
    from tidewaiter.messages.ens.schemas import Schemas
    from tidewaiter.messages.ens.verdict import verdict
    from tidewaiter.messages.rulebooks import Rulebook

    loaded = Rulebook.from_folder(rules)
    known = Schemas.from_folder(schemas) if schemas is not None else Schemas({})
    with message.open("rb") as stream:
        rows = [
            {
                "record": record.position,
                "code": each.rule_id,
                "place": each.place,
                "value": each.value,
                "words": each.words,
            }
            for record in EnsForm().split(stream)
            for each in verdict(document_of(xml.parse(record.body)), known, loaded, edition)
        ]
    output.print_rows(rows, output_as)
    return output.EXIT_FINDINGS if any(row["code"] != "xsd.not_checked" for row in rows) else output.EXIT_OK
