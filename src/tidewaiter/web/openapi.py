"""The interface for machines described in OpenAPI 3.1: as configuration, as text, and arranged for a page."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from msgspec import Struct

import tidewaiter

PREFIX: Final = "/api/v1"
METHODS: Final = ("get", "post")
ABOUT: Final = """Clears cross-border e-commerce parcels on data sent before they arrive.

Amounts are decimal texts with an ISO 4217 currency; moments are UTC; days are ISO dates. Every refusal is an RFC 9457
problem with a `code` and a `hint`. Keys are sent as `Authorization: Bearer …`. A declarant's key sees the sender's own
declarations; lanes and reasons of risk are for officers. The key of an administration's own system tells events, and no more.
"""


def config() -> OpenAPIConfig:
    """What the framework cannot read off the handlers."""
    return OpenAPIConfig(
        title="Tidewaiter",
        version=tidewaiter.__version__,
        description=ABOUT,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        path=PREFIX,
        servers=[Server(url="/")],
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        security=[{"key": []}],
        components=Components(
            security_schemes={
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="An API key, shown once when it is made"
                )
            }
        ),
        tags=[
            Tag(name="Submission", description="Handing in messages"),
            Tag(name="Reading", description="Declarations, explanations, notices"),
            Tag(
                name="Returns", description="Goods that go back, the proof that they have left, and what is given back"
            ),
            Tag(
                name="Movement",
                description="Where goods are by what was told, readings of devices; events as EPCIS 2.0 has them: /api/epcis/v2",
            ),
            Tag(
                name="Stock",
                description="Goods in free zones and warehouses: what came, what left, what is suspended; statements",
            ),
            Tag(name="Quotes", description="What a basket will cost: open to anyone"),
            Tag(name="Descriptions", description="Do words say what goods are, and which code: open to anyone"),
            Tag(
                name="Record",
                description="What stands in the shared record on a parcel, and receipts that are verified offline",
            ),
            Tag(name="Accounts", description="What is owed, secured and stated"),
            Tag(name="Connectors", description="An administration's own declaration system tells what happened there"),
            Tag(
                name="Examinations", description="What examinations found, and parcels tied to a seizure: for officers"
            ),
            Tag(name="Lists", description="Whom, where and what to look for, by two persons' will: for officers"),
            Tag(name="Rules", description="Targeting rules through their life, back-tests: for officers"),
            Tag(
                name="Selection",
                description="Policies through their life, work beside budgets, how much of all is not in order: for officers",
            ),
            Tag(name="Models", description="What was learnt from examinations, approved and watched: for officers"),
            Tag(name="Service", description="Law, schema, health: open to anyone"),
        ],
    )


def render() -> str:
    """The description as JSON text, the same for the same software."""
    from tidewaiter.web.app import describe_only

    text = msgspec.json.format(msgspec.json.encode(document(describe_only())), indent=2)
    return text.decode() + "\n"


def document(app: Litestar) -> dict[str, Any]:
    """The description of a running application."""
    return app.openapi_schema.to_schema()


class Named(Struct, frozen=True):
    """A parameter or an answer: its name, what it is, and where it stands."""

    name: str
    description: str
    place: str = ""


class Operation(Struct, frozen=True):
    """One call, arranged to be read."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Named, ...]
    body: str
    answers: tuple[Named, ...]


def operations(described: dict[str, Any]) -> list[Operation]:
    """Every call in the order of its tag and path."""
    order = [tag["name"] for tag in described["tags"]]
    found = [
        (order.index(said["tags"][0]), _operation(method, path, said))
        for path, methods in described["paths"].items()
        for method, said in methods.items()
        if method in METHODS
    ]
    return [operation for _, operation in sorted(found, key=lambda pair: (pair[0], pair[1].path))]


def _operation(method: str, path: str, said: dict[str, Any]) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        parameters=tuple(
            Named(parameter["name"], parameter.get("description", ""), parameter["in"])
            for parameter in said.get("parameters", ())
        ),
        body=said.get("requestBody", {}).get("description", ""),
        answers=tuple(Named(status, answer["description"]) for status, answer in sorted(said["responses"].items())),
    )
