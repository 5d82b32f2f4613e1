"""The interface against its own description: schemathesis makes up calls and checks what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from litestar.testing import TestClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import parcels
from api.conftest import Who
from tidewaiter.web import openapi
from tidewaiter.web.app import create_app, describe_only
from tidewaiter.web.house import House
from tidewaiter.web.problem import KINDS

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DESCRIBED = openapi.document(describe_only())
OPERATIONS = [(path, method) for path, methods in DESCRIBED["paths"].items() for method in methods]


@pytest.fixture
def described() -> Any:
    return DESCRIBED


@pytest.fixture(scope="module")
def schema(house: House, client: TestClient, who: Who) -> Any:
    """The running application as schemathesis sees it, with something to find."""
    client.post("/api/v1/messages", content=parcels.night(5001), headers=who.post)
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(house), headers={"Host": "127.0.0.1"})


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_described(schema: Any, who: Who, path: str, method: str) -> None:
    @given(case=schema[path][method.upper()].as_strategy())
    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def as_described(case: Any) -> None:
        for key in (who.officer, who.post):
            answer = case.call(headers={"Host": "127.0.0.1", **key}, base_url="http://127.0.0.1")
            case.validate_response(answer, checks=CHECKS)

    as_described()


class TestDescription:
    def test_every_operation_is_told_with_its_refusals(self, described: Any) -> None:
        for path, methods in described["paths"].items():
            for method, said in methods.items():
                where = f"{method} {path}"
                assert said["summary"], where
                assert said["description"], where
                assert said["operationId"], where
                open_to_all = said.get("security") == [{}]
                assert open_to_all or "401" in said["responses"], where
                for status, answer in said["responses"].items():
                    assert answer["description"], where
                    if int(status) >= 400 and status != "503":
                        assert "application/problem+json" in answer["content"], f"{where} {status}"

    def test_every_parameter_is_told(self, described: Any) -> None:
        untold = [
            f"{path} {parameter['name']}"
            for path, methods in described["paths"].items()
            for said in methods.values()
            for parameter in said.get("parameters", ())
            if not parameter.get("description")
        ]
        assert untold == []

    def test_every_path_is_under_version_one(self, described: Any) -> None:
        assert described["paths"]
        assert all(path.startswith("/api/v1/") for path in described["paths"])
        assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"

    def test_examples_of_problems_are_of_known_kinds(self, described: Any) -> None:
        codes = {
            example["value"]["code"]
            for methods in described["paths"].values()
            for said in methods.values()
            for answer in said["responses"].values()
            for content in (answer.get("content") or {}).values()
            for example in (content.get("examples") or {}).values()
        }
        assert codes <= KINDS.keys()
        assert {"not_found", "submission.conflict", "message.limit"} <= codes

    def test_rendering_it_twice_gives_the_same_text(self) -> None:
        assert openapi.render() == openapi.render()
        assert json.loads(openapi.render())["openapi"].startswith("3.1")
