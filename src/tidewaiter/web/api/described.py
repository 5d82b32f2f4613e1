"""What OpenAPI says beyond the types: raw bodies, refusals, examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, Reference, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.openapi.spec.example import Example

from tidewaiter.web.api.shapes import ReceiptShape
from tidewaiter.web.problem import KINDS, MEDIA_TYPE, Kind, Problem

EXAMPLE_DECLARATION: Final = {
    "functional_reference_id": "MP-2026-4450",
    "jurisdiction_code": "GB",
    "goods_items": [
        {
            "line_no": 1,
            "description": "Cotton T-shirts, short sleeve, printed",
            "commodity_code": "6109100010",
            "origin_country_code": "TR",
            "invoice_price": {"amount": "65.00", "currency": "GBP"},
        }
    ],
}
BODY_TYPES: Final = (
    "application/json",
    "application/xml",
    "text/csv",
    "application/gzip",
    "application/zip",
    "application/octet-stream",
)


@dataclass
class RawBody(Operation):
    """An operation whose body is a message as bytes."""

    def __post_init__(self) -> None:
        """Say that any of the forms may be sent."""
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        example: dict[str, Example | Reference] = {
            "json": Example(summary="One declaration as JSON", value=EXAMPLE_DECLARATION)
        }
        content = {kind: OpenAPIMediaType(schema=binary) for kind in BODY_TYPES}
        content["application/json"] = OpenAPIMediaType(schema=Schema(), examples=example)
        self.request_body = RequestBody(
            content=content,
            required=True,
            description="The message, in any form; recognised by its content, not by its type",
        )


EXAMPLE_RETURN: Final = {
    "return_id": "R-2026-0710",
    "reason": "returned to seller",
    "waybill": "LX999004075TR",
    "return_waybill": "RX999000011GB",
    "items": [{"quantity": "1", "line_no": 2}],
    "documents": [{"kind": "return order", "reference": "RO-5512"}],
}


@dataclass
class RawReturns(Operation):
    """An operation whose body is a message with returns or exit events."""

    def __post_init__(self) -> None:
        """Say that JSON or CSV may be sent."""
        example: dict[str, Example | Reference] = {
            "json": Example(summary="One return of a part, as JSON", value=EXAMPLE_RETURN)
        }
        content = {
            "application/json": OpenAPIMediaType(schema=Schema(), examples=example),
            "text/csv": OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)),
        }
        self.request_body = RequestBody(
            content=content, required=True, description="JSON or CSV, told by its content; docs/reference/returns.md"
        )


EXAMPLE_ORDER: Final = {
    "order_id": "Q-00017",
    "buyer": {
        "name": "Layla Haddad", "address": {"line": "5 Palm Street", "city": "Dubai", "country_code": "AE"}
    },
    "transport_document_id": "QF000000017",
    "lines": [{"goods_id": "TEE-BLUE-M", "quantity": "1", "price": {"amount": "79.00", "currency": "AED"}}],
}  # fmt: skip


@dataclass
class RawStock(Operation):
    """An operation whose body is a message to a stock account."""

    def __post_init__(self) -> None:
        """Say that JSON may be sent."""
        example: dict[str, Example | Reference] = {"json": Example(summary="One order", value=EXAMPLE_ORDER)}
        content = {"application/json": OpenAPIMediaType(schema=Schema(), examples=example)}
        self.request_body = RequestBody(
            content=content, required=True, description="JSON: one, a list, or one a line; docs/reference/stock.md"
        )


def refusals(*codes: str) -> dict[int, ResponseSpec]:
    """What OpenAPI says of these kinds of problem; those with one status are told together."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {status: _spec(same) for status, same in by_status.items()}


def _spec(codes: list[str]) -> ResponseSpec:
    return ResponseSpec(
        data_container=Problem,
        description="; ".join(KINDS[code].title for code in codes),
        media_type=MEDIA_TYPE,
        generate_examples=False,
        examples=[Example(summary=KINDS[code].title, value=_example(code, KINDS[code])) for code in codes],
    )


def _example(code: str, kind: Kind) -> dict[str, object]:
    return {
        "type": f"/problems#{code}", "title": kind.title, "status": kind.status, "detail": kind.title + ".", "code": code,
        "hint": kind.hint,
    }  # fmt: skip


def _receipt(description: str) -> ResponseSpec:
    return ResponseSpec(data_container=ReceiptShape, description=description, generate_examples=False)


RECEIPTS: Final = {
    200: _receipt("Received before under this key: the answer given then"),
    202: _receipt("Kept, and being worked through: ask GET /messages/{message_id}"),
}
CODES_OF_SUBMISSION: Final = (
    "request.invalid", "auth.required", "auth.forbidden", "not_found", "submission.conflict", "message.limit",
    "message.unreadable", "store.database",
)  # fmt: skip
