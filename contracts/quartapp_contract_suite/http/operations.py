"""The operations of openapi.yaml, for tests that run for every operation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from quartapp_contract_suite.documents.documents import openapi_authority
from quartapp_contract_suite.http.scene import MISSING_ID

PARAMETER = re.compile(r"\{\w+\}")
METHODS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        id: The operationId.
        method: HTTP method in capitals.
        template: Path with parameters in braces, as in the document.
        path: Path with ids in place of the parameters.
        role: ``public``, ``any``, ``teacher`` or ``student``.
        has_body: Whether the operation takes a body.
        body_required: Whether a request without a body is refused.
        query: Names of the parameters of the query.
    """

    id: str
    method: str
    template: str
    path: str
    role: str
    has_body: bool
    body_required: bool
    query: tuple[str, ...]

    def __str__(self) -> str:
        return self.id

    @property
    def invalid(self) -> tuple[int, str]:
        """Status and message for an invalid body."""
        if self.path.startswith("/api/v1/auth/"):
            return 422, "Invalid request Schema"
        return 400, "Invalid request schema"


def methods(item: dict[str, Any]) -> set[str]:
    """Return the HTTP methods of a path, in capitals."""
    return {method.upper() for method in METHODS if method in item}


def parameters(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where each parameter of an operation stands, and its name."""
    found = []
    for parameter in operation.get("parameters", ()):
        reference = parameter.get("$ref", "").rsplit("/", 1)[-1]
        described = document["components"]["parameters"][reference] if reference else parameter
        found.append((described["in"], described["name"]))
    return found


def with_header(name: str) -> list[str]:
    """Return the operationIds of the operations that take the header ``name``."""
    document = openapi_authority()
    return sorted(
        item[method.lower()]["operationId"]
        for item in document["paths"].values()
        for method in methods(item)
        if ("header", name) in parameters(document, item[method.lower()])
    )


def operations() -> list[Operation]:
    """Return all operations of openapi.yaml, sorted by id."""
    document = openapi_authority()
    found = []
    for template, item in document["paths"].items():
        path = PARAMETER.sub(MISSING_ID, template)
        for method in methods(item):
            operation = item[method.lower()]
            has_body = "requestBody" in operation
            body_required = has_body and operation["requestBody"].get("required", True)
            role = operation["x-role"]
            identifier = operation["operationId"]
            query = tuple(
                name for place, name in parameters(document, operation) if place == "query"
            )
            found.append(
                Operation(identifier, method, template, path, role, has_body, body_required, query)
            )
    return sorted(found, key=lambda operation: operation.id)
