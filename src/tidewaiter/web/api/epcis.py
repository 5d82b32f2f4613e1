"""EPCIS 2.0 over HTTP: capture, query, named queries and subscriptions, below `/api/epcis/v2`.

The paths are those of GS1's OpenAPI of release 2.0. Numbers in them are URIs whose slashes are escaped, which is why they
are taken apart here and not by the framework.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import anyio.to_thread
from litestar import Request, Response, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from msgspec import Struct

from tidewaiter.messages.epcis.fields import Wrong
from tidewaiter.messages.epcis.reading import DOCUMENT_BYTES_MAX
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.web.api import epcis_queries as queries
from tidewaiter.web.api import epcis_resources as resources
from tidewaiter.web.api.epcis_answers import LIMITS, PREFIX, Refused, agree, answer, of_error, problem
from tidewaiter.web.api.epcis_asked import Asked
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN, Principal

Handler = Callable[[House, Asked], Response[bytes]]
BODY_TYPES: Final = ("application/json", "application/ld+json", "")


class Path(Struct, frozen=True):
    """A path of the interface, with what is done there by method; None in `steps` is a name or number."""

    steps: tuple[str | None, ...]
    handlers: dict[str, Handler]


def _resource(name: str) -> list[Path]:
    return [
        Path((name,), {"GET": resources.listed}),
        Path((name, None), {"GET": resources.one}),
        Path((name, None, "events"), {"GET": resources.events_of}),
    ]


PATHS: Final = (
    Path((), {"GET": resources.top}),
    Path(("capture",), {"GET": resources.captures, "POST": resources.capture}),
    Path(("capture", None), {"GET": resources.one_capture}),
    Path(("events",), {"GET": resources.events, "POST": resources.add_event}),
    Path(("events", None), {"GET": resources.one_event}),
    *(path for name in resources.PARAMETERS for path in _resource(name)),
    Path(("queries",), {"GET": queries.listed, "POST": queries.name_query}),
    Path(("queries", None), {"GET": queries.one, "DELETE": queries.forget}),
    Path(("queries", None, "events"), {"GET": queries.events}),
    Path(("queries", None, "subscriptions"), {"GET": queries.subscriptions, "POST": queries.subscribe}),
    Path(("queries", None, "subscriptions", None), {"GET": queries.subscription, "DELETE": queries.unsubscribe}),
    Path(("nextPageToken", None), {"DELETE": resources.drop_token}),
)
"""Every path."""


# Told to the framework one by one: the web socket's path among them hides them from the path that takes all.
OF_QUERIES: Final = tuple(
    f"{PREFIX}/queries{rest}"
    for rest in (
        "",
        "/{name:str}",
        "/{name:str}/events",
        "/{name:str}/subscriptions",
        "/{name:str}/subscriptions/{one:str}",
    )
)


@route(
    path=[PREFIX, f"{PREFIX}/{{rest:path}}", *OF_QUERIES],
    http_method=["GET", "POST", "DELETE", "OPTIONS"],
    opt=FOR_THE_KNOWN,
    include_in_schema=False,
)
async def epcis(request: Request[Principal, Any, State], house: NamedDependency[House]) -> Response[bytes]:
    """Whatever is asked of the interface."""
    try:
        agree(request.headers)
        asked, path = _asked(request)
        if request.method == "OPTIONS":
            limits = LIMITS if path.steps == ("capture",) else {}
            return answer(status=204, headers={"Allow": ", ".join(["OPTIONS", *path.handlers]), **limits})
        handler = path.handlers.get(request.method)
        if handler is None:
            words = f"{request.method} is not done here"
            raise Refused("ImplementationException", 405, words, allowed=["OPTIONS", *path.handlers])
        if request.method == "POST":
            asked = await _with_body(request, asked)
        return await anyio.to_thread.run_sync(_carry_out, handler, house, asked)
    except Refused as refused:
        return problem(refused)


def _carry_out(handler: Handler, house: House, asked: Asked) -> Response[bytes]:
    try:
        return handler(house, asked)
    except (Wrong, TidewaiterError) as error:
        raise of_error(error) from error


def _asked(request: Request[Principal, Any, State]) -> tuple[Asked, Path]:
    raw = (request.scope.get("raw_path") or request.scope["path"].encode()).partition(b"?")[0]
    steps = tuple(unquote(step) for step in raw.decode("ascii", "replace").removeprefix(PREFIX).strip("/").split("/"))
    steps = () if steps == ("",) else steps
    path = find(steps)
    if path is None:
        raise Refused("NoSuchResourceException", 404, f"there is nothing at /{'/'.join(steps)[:100]}")
    names = [step for step, fixed in zip(steps, path.steps, strict=True) if fixed is None]
    if any("\0" in name or not name for name in names):
        raise Refused("NoSuchNameException", 404, "a name is empty, or holds what no name has")
    parameters = _parameters(request.scope.get("query_string", b""))
    return Asked(request.user, steps, tuple(names), parameters, dict(request.headers.items())), path


def find(steps: Sequence[str]) -> Path | None:
    """The path that some steps are."""
    for path in PATHS:
        if len(path.steps) == len(steps) and all(a in (None, b) for a, b in zip(path.steps, steps, strict=True)):
            return path
    return None


def _parameters(query: bytes) -> Mapping[str, list[str]]:
    """The parameters of an address; several values are separated by “|”, or the parameter stands several times."""
    found: dict[str, list[str]] = {}
    for name, text in parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=1_000):
        if "\0" in name or "\0" in text:
            raise Refused("QueryParameterException", 400, "a parameter holds what no text has")
        found.setdefault(name, []).extend(text.split("|") if "|" in text else [text])
    return found


async def _with_body(request: Request[Principal, Any, State], asked: Asked) -> Asked:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in BODY_TYPES:
        words = f"{kind[:60]} is not read"
        raise Refused(
            "UnsupportedMediaTypeException", 415, words, "send JSON or JSON-LD; the XML binding is not served"
        )
    length = request.headers.get("content-length", "")
    too_large = Refused("CaptureLimitExceededException", 413, f"a body has {DOCUMENT_BYTES_MAX} bytes at most")
    if length.isdigit() and int(length[:15]) > DOCUMENT_BYTES_MAX:
        raise too_large
    body = await request.body()
    if len(body) > DOCUMENT_BYTES_MAX:
        raise too_large
    return asked.with_body(body)
