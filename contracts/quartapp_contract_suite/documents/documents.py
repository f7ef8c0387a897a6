"""The two documents: as they are written, which is the authority, and as a server offers them."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from quartapp.contract.files import asyncapi_file, openapi_file, read_document
from quartapp.contract.openapi.normal_form import METHODS
from quartapp_contract_suite.documents.additions import follow

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject


def openapi_authority() -> JsonObject:
    """Return what openapi.yaml says."""
    return read_document(openapi_file())


def asyncapi_authority() -> JsonObject:
    """Return what asyncapi.yaml says."""
    return read_document(asyncapi_file())


def to_walk(authority: JsonObject, served: JsonObject) -> JsonObject:
    """The served OpenAPI document, with what helps to walk through it and restricts nothing.

    A server says what its operations are, but not which follow one another, and gives no examples.
    Links and examples come from the authority, for the operations that are in it.
    """
    document = deepcopy(served)
    for path, item in authority["paths"].items():
        for method in METHODS:
            if method in item and method in document["paths"].get(path, {}):
                _help(authority, item[method], document["paths"][path][method])
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def _help(authority: JsonObject, written: JsonObject, operation: JsonObject) -> None:
    for status, answer in written["responses"].items():
        links = follow(authority, answer).get("links")
        if links and str(status) in operation["responses"]:
            operation["responses"][str(status)]["links"] = _written_out(authority, links)
    body = follow(authority, written.get("requestBody", {}))
    for kind, content in body.get("content", {}).items():
        target = operation.get("requestBody", {}).get("content", {}).get(kind, {})
        target |= {
            name: _written_out(authority, content[name])
            for name in ("example", "examples")
            if name in content
        }


def _written_out(document: JsonObject, node: Any) -> Any:  # noqa: ANN401 - any part of a document
    node = follow(document, node)
    if isinstance(node, dict):
        return {name: _written_out(document, value) for name, value in node.items()}
    return [_written_out(document, one) for one in node] if isinstance(node, list) else node
