"""`tidewaiter classify`: which subheadings a description points to, and what would make it plainer."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError


def classify(
    *text: Annotated[str, Parameter(help="The description, as on the label or the invoice.")],
    code: Annotated[str, Parameter(help="The commodity code declared for it, to be held against the words.")] = "",
    details: Annotated[str, Parameter(help="Materials and wearers that stand apart from it.")] = "",
    category: Annotated[str, Parameter(help="The category a marketplace put the goods in.")] = "",
    limit: Annotated[int, Parameter(help="How many candidates at most.")] = 3,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Show the subheadings of the Harmonized System that a description points to, best first, with the words that do.

    A candidate is a proposal, not a ruling. What the rules find wrong with the words, or with the code beside them, is
    told with what to write instead. Exit code 3 where they find anything, or no word of the description is known.
    """
    from tidewaiter.quality.describing import describe

    description = " ".join(text).strip()
    if not description or limit < 1:
        raise UsageError(
            "there is nothing to classify", hint='tidewaiter classify "wireless earbuds with charging case"'
        )
    said = describe(description, code, details=details, category=category, limit=limit)
    rows = [
        {"hs_code": each.hs_code, "share_percent": each.share_percent, "because_of": ", ".join(each.because_of) or "single words",
         "such_as": ", ".join(each.such_as)}
        for each in said.proposals
    ]  # fmt: skip
    output.print_rows(rows, output_as, title=description)
    if not said.proposals:
        output.err().print("no word of it is known", markup=False)
    for finding in said.findings:
        output.err().print(f"{finding.rule_id}: {finding.words} {finding.hint}", markup=False)
    return output.EXIT_OK if said.proposals and not said.findings else output.EXIT_FINDINGS
