"""How the EPCIS interface answers: its headers, its problems, its pages (GS1 EPCIS 2.0, section 12)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response

from tidewaiter.messages.epcis.fields import Wrong, pointer
from tidewaiter.messages.epcis.querying import PER_PAGE_DEFAULT, PER_PAGE_MAX
from tidewaiter.messages.epcis.reading import DOCUMENT_BYTES_MAX, EVENTS_MAX
from tidewaiter.model.errors import ConflictError, NotFoundError, TidewaiterError
from tidewaiter.model.finding import Finding
from tidewaiter.web.problem import MEDIA_TYPE
from tidewaiter.workflow.event_ports import StandingLimitError
from tidewaiter.workflow.subscribing import SubscriptionError

PREFIX: Final = "/api/epcis/v2"
VERSION: Final = "2.0.0"
_VERSIONS: Final = {
    "GS1-EPCIS-Version": VERSION, "GS1-EPCIS-Min": VERSION, "GS1-EPCIS-Max": VERSION, "GS1-CBV-Version": VERSION,
    "GS1-CBV-Min": VERSION, "GS1-CBV-Max": VERSION, "GS1-Extensions": "tidewaiter=https://tidewaiter.example/voc/",
    "GS1-EPC-Format": "Never_Translates",
}  # fmt: skip
LIMITS: Final = {
    "GS1-EPCIS-Capture-Limit": str(EVENTS_MAX),
    "GS1-EPCIS-Capture-File-Size-Limit": str(DOCUMENT_BYTES_MAX),
    "GS1-Capture-Error-Behaviour": "rollback",
}
JSON_TYPES: Final = frozenset(("application/json", "application/ld+json", "application/*", "*/*"))


class Refused(Exception):
    """A request that is not carried out: the kind of problem by the standard, its status, words and hint.

    `allowed` are the methods there are, where another one was asked for.
    """

    def __init__(
        self, kind: str, status: int, detail: str, hint: str = "", *, code: str = "", allowed: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.kind, self.status, self.detail, self.hint, self.code = kind, status, detail, hint, code
        self.allowed = tuple(allowed)


def of_error(error: Wrong | TidewaiterError) -> Refused:
    """The refusal that an error of ours is by the standard's words."""
    if isinstance(error, Wrong):
        is_query = error.code == "query"
        place = pointer(error.place)
        words = error.words + (f" (at {place})" if place and not is_query else "")
        return Refused("QueryParameterException" if is_query else "ValidationException", 400, words, error.hint)
    if isinstance(error, NotFoundError):
        return Refused("NoSuchNameException", 404, error.detail, error.hint)
    if isinstance(error, ConflictError):
        return Refused("ResourceAlreadyExistsException", 409, error.detail, error.hint)
    if isinstance(error, SubscriptionError):
        return Refused("SubscriptionControlsException", 400, error.detail, error.hint)
    if isinstance(error, StandingLimitError):
        return Refused("SecurityException", 403, error.detail, error.hint, code=error.code)
    return Refused("ImplementationException", 500, error.detail, error.hint)


def answer(
    body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None, media: str = "application/json"
) -> Response[bytes]:
    """A response with what every response of the interface says."""
    return Response(body, status_code=status, headers={**_VERSIONS, **(headers or {})}, media_type=media)


def problem(refused: Refused) -> Response[bytes]:
    """A refusal as RFC 9457 has it, under the standard's name of it."""
    body = problem_body(refused.kind, refused.status, refused.detail, refused.hint)
    body |= {"code": refused.code} if refused.code else {}
    headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else LIMITS if refused.status == 413 else {}
    if refused.allowed:
        headers = {"Allow": ", ".join(refused.allowed)}
    return answer(msgspec.json.encode(body), refused.status, headers, MEDIA_TYPE)


def problem_body(kind: str, status: int, detail: str, hint: str = "") -> dict[str, Any]:
    """What is said of one problem."""
    title = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip().capitalize()
    body: dict[str, Any] = {"type": f"epcisException:{kind}", "title": title, "status": status, "detail": detail}
    return body | ({"hint": hint} if hint else {})


def problem_of(finding: Finding) -> dict[str, Any]:
    """What is said of one thing that was wrong in a capture."""
    body = problem_body("ValidationException", 400, finding.words, finding.hint)
    return body | {"code": finding.rule_id, "place": finding.place or finding.pointer}


def agree(headers: Mapping[str, str]) -> None:
    """That what a client asks for can be given. Raises Refused."""
    accepted = headers.get("accept", "")
    kinds = {part.split(";")[0].strip() for part in accepted.split(",") if part.strip()}
    if kinds and not kinds & JSON_TYPES and not any(kind.endswith("/problem+json") for kind in kinds):
        raise Refused("NotAcceptableException", 406, f"{accepted[:80]} is not given", "accept application/json")
    for name in ("GS1-EPCIS-Min", "GS1-CBV-Min"):
        if _version(headers.get(name.lower(), "")) > (2, 0, 0):
            raise Refused("NotAcceptableException", 406, f"{name} is above {VERSION}, the one release spoken here")
    for name in ("GS1-EPCIS-Max", "GS1-CBV-Max"):
        if headers.get(name.lower()) and _version(headers[name.lower()]) < (2, 0, 0):
            raise Refused("NotAcceptableException", 406, f"{name} is below {VERSION}, the one release spoken here")
    if headers.get("gs1-epc-format", "Never_Translates") not in ("Never_Translates", "No_Preference"):
        raise Refused(
            "NotAcceptableException",
            406,
            "EPCs are given out as they came",
            "ask for Never_Translates or No_Preference",
        )


def _version(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    if not text:
        return 0, 0, 0
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise Refused("ValidationException", 400, f"“{text[:40]}” is no version", "like 2.0.0")
    return tuple(int(part) for part in [*parts, "0", "0"][:3])


class Page:
    """Which part of a list is asked for: how many, and behind what."""

    def __init__(self, parameters: Mapping[str, Sequence[str]]) -> None:
        text = parameters.get("perPage", [str(PER_PAGE_DEFAULT)])[-1]
        if not text.isascii() or not text.isdigit() or not int(text[:9]) > 0:
            raise Refused("QueryParameterException", 400, "perPage is a whole number above 0")
        self.size = min(int(text[:9]), PER_PAGE_MAX)
        self.after = read_token(parameters["nextPageToken"][-1]) if "nextPageToken" in parameters else {}


def token(place: dict[str, Any]) -> str:
    """What leads to the next page: where the last one ended. It holds as long as the events are kept."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_token(text: str) -> dict[str, Any]:
    """The place in a token. Raises Refused."""
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=dict[str, Any])
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError) as error:
        raise Refused("NoSuchNameException", 404, "there is no such page", "begin with the first one") from error
    after, left = place.get("after", ""), place.get("left")
    is_place = isinstance(after, str) or (isinstance(after, int) and 0 <= after < 2**62)
    if not is_place or isinstance(after, bool) or not (left is None or isinstance(left, int)) or "\0" in str(after):
        raise Refused("NoSuchNameException", 404, "there is no such page", "begin with the first one")
    return place


def next_link(path: str, parameters: Mapping[str, Sequence[str]], place: dict[str, Any]) -> dict[str, str]:
    """The header that leads to the next page."""
    kept = [(name, value) for name, values in parameters.items() if name != "nextPageToken" for value in values]
    return {"Link": f'<{path}?{urlencode([*kept, ("nextPageToken", token(place))])}>; rel="next"'}
