"""`tidewaiter classify`: which subheadings a description points to, and what would make it plainer."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError


def classify(
    *text: Annotated[str, Parameter(help="The description, as on the label or the invoice.")],
    details: Annotated[str, Parameter(help="Materials and wearers that stand apart from it.")] = "",
    category: Annotated[str, Parameter(help="The category a marketplace put the goods in.")] = "",
    limit: Annotated[int, Parameter(help="How many candidates at most.")] = 3,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show the subheadings of the Harmonized System that a description points to, best first, with the words that do.

    A candidate is a proposal, not a ruling. Exit code 3 where no word of the description is known, or it is vague.
    """
    from tidewaiter.classification.agreement import names_of
    from tidewaiter.classification.candidates import candidates
    from tidewaiter.quality.wording import fault

    description = " ".join(text).strip()
    if not description or limit < 1:
        raise UsageError(
            "there is nothing to classify", hint='tidewaiter classify "wireless earbuds with charging case"'
        )
    found = candidates(description, details=details, category=category, limit=limit)
    rows = [
        {"hs_code": each.hs_code, "share_percent": each.share_percent, "because_of": ", ".join(each.words) or "single words",
         "such_as": ", ".join(names_of(each.hs_code))}
        for each in found
    ]  # fmt: skip
    vague = fault(description)
    output.print_rows(rows, output_as, title=description)
    if not found:
        output.err().print("no word of it is known", markup=False)
    if vague:
        output.err().print(f"the description is {vague}: say what it is, what it is made of and what for", markup=False)
    return output.EXIT_OK if found and not vague else output.EXIT_FINDINGS
