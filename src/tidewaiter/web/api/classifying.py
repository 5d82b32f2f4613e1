"""Descriptions of goods: do the words say what it is, which codes do they point to, do they fit the code declared."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import Body
from msgspec import Meta, Struct

from tidewaiter.messages.limits import DESCRIPTION_BYTES_MAX, DESCRIPTIONS_MAX
from tidewaiter.quality.describing import Agreement, Described, EmptyWord, Proposal, describe
from tidewaiter.web.api.described import refusals
from tidewaiter.web.api.shapes import FindingShape
from tidewaiter.web.house import House
from tidewaiter.web.pace import keep_pace

TEXT_MAX: Final = 512  # characters, as of a declared description
CANDIDATES_MAX: Final = 10
PACE: Final = "requests a minute about descriptions are answered"


class AskedDescription(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One description, as it stands or will stand in a declaration."""

    description: Annotated[
        str, Meta(min_length=1, max_length=TEXT_MAX, description="What the goods are", examples=["gift for mum"])
    ]
    commodity_code: Annotated[
        str, Meta(pattern="^([0-9]{4,22})?$", description="The code declared for it, if any", examples=["691200"])
    ] = ""
    details: Annotated[str, Meta(max_length=TEXT_MAX, description="Materials and wearers that stand apart from it")] = (
        ""
    )
    category: Annotated[str, Meta(max_length=TEXT_MAX, description="Category a marketplace put the goods in")] = ""


class ClassificationRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Descriptions to be looked at, each by itself. All languages are read at once; none has to be named."""

    descriptions: Annotated[list[AskedDescription], Meta(min_length=1, max_length=DESCRIPTIONS_MAX)]
    limit: Annotated[int, Meta(ge=1, le=CANDIDATES_MAX, description="Codes proposed for each at most")] = 3


class DescribedShape(Struct, frozen=True, kw_only=True):
    """What is to be said of one description."""

    description: str
    commodity_code: str
    is_vague: Annotated[bool, Meta(description="The words do not say what the goods are")]
    refused_by: Annotated[
        list[str],
        Meta(
            description="Advance cargo programmes that refuse this wording where it stands alone", examples=[["ICS2"]]
        ),
    ]
    empty_words: Annotated[
        list[EmptyWord],
        Meta(description="Words that say nothing of goods, with the languages on whose lists they stand"),
    ]
    findings: Annotated[list[FindingShape], Meta(description="What a declaration with these words would be told")]
    better: Annotated[
        list[str], Meta(description="Names of goods of the code, to write instead where the code is right")
    ]
    candidates: Annotated[list[Proposal], Meta(description="Subheadings the words point to, best first; no ruling")]
    agreement: Annotated[Agreement, Meta(description="Whether the words fit the code; told only where they are plain")]
    heading_percent: Annotated[
        int | None, Meta(description="Of all that the words point to, how much lies in the code's heading")
    ]
    chapter_percent: Annotated[int | None, Meta(description="… and in its chapter")]

    @classmethod
    def of(cls, said: Described) -> DescribedShape:
        """The answer as it travels."""
        return cls(
            description=said.description,
            commodity_code=said.commodity_code,
            is_vague=said.is_vague,
            refused_by=list(said.refused_by),
            empty_words=list(said.empty_words),
            findings=[FindingShape.of(each) for each in said.findings],
            better=list(said.better),
            candidates=list(said.proposals),
            agreement=said.agreement,
            heading_percent=said.heading_percent,
            chapter_percent=said.chapter_percent,
        )


class Classification(Struct, frozen=True):
    """The answers, in the order asked."""

    descriptions: list[DescribedShape]


@post(
    "/classifications",
    sync_to_thread=True,
    status_code=200,
    summary="Do these words say what the goods are, and which codes do they point to",
    operation_id="classifyDescriptions",
    security=[{}],
    tags=["Descriptions"],
    request_max_body_size=DESCRIPTION_BYTES_MAX,
    responses=refusals("request.invalid", "message.limit", "auth.slow_down"),
)
def classify(
    request: Request[Any, Any, State],
    house: NamedDependency[House],
    data: Annotated[ClassificationRequest, Body(description="The descriptions")],
) -> Classification:
    """For each description: whether it is vague and what to write instead, codes with the words they rest on, and whether
    it fits the code declared. Nothing is kept."""
    keep_pace(request, house.description_pace, house.settings.descriptions_a_minute_max, PACE)
    return Classification(
        [
            DescribedShape.of(
                describe(
                    each.description,
                    each.commodity_code,
                    details=each.details,
                    category=each.category,
                    limit=data.limit,
                )
            )
            for each in data.descriptions
        ]
    )
