"""The public page on descriptions: do the words say what it is, which codes do they point to, do they fit the code."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.response import Template

from tidewaiter.quality.describing import describe
from tidewaiter.web import words
from tidewaiter.web.api.classifying import PACE, TEXT_MAX
from tidewaiter.web.house import House
from tidewaiter.web.pace import keep_pace
from tidewaiter.web.page import query, render

FIELDS: Final = ("description", "code", "details")
PROPOSALS: Final = 5
CODE_DIGITS: Final = range(4, 23)


@get("/classify", sync_to_thread=True)
def classify_page(request: Request[Any, Any, State], house: NamedDependency[House]) -> Template:
    """The form, and what is to be said of the description that stands in the address. Nothing is kept."""
    given = {name: request.query_params.get(name, "").strip()[:TEXT_MAX] for name in FIELDS}
    code = given["code"].replace(" ", "").replace(".", "")
    is_code = not code or (code.isascii() and code.isdigit() and len(code) in CODE_DIGITS)
    said = None
    if given["description"] and is_code:
        keep_pace(request, house.description_pace, house.settings.descriptions_a_minute_max, PACE)
        said = describe(given["description"], code, details=given["details"], limit=PROPOSALS)
    return render(
        request,
        "classify.html",
        section="classify",
        title=words.text("classify.title"),
        status=200 if is_code else 422,
        given=given,
        is_code=is_code,
        text_max=TEXT_MAX,
        said=said,
    )


def address(description: str, commodity_code: str) -> str:
    """The page's address for a declared line."""
    return "/classify" + query({"description": description[:TEXT_MAX], "code": commodity_code})
