"""The authority (openapi.yaml and asyncapi.yaml), and served documents with its links."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from quartapp.contract.files import asyncapi_file, openapi_file, read_document
from quartapp.contract.openapi.normal_form import METHODS
from quartapp.contract.schemas import kept_by_servers
from quartapp.testing.fuzz import left_out_of
from quartapp_contract_suite.documents.additions import follow

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject
    from quartapp.testing.fuzz import LeftOut

LINKED_BODY = "x-request-body"


def openapi_authority() -> JsonObject:
    """Return the document openapi.yaml, with what it asks of servers alone."""
    document: JsonObject = kept_by_servers(read_document(openapi_file()))
    return document


def asyncapi_authority() -> JsonObject:
    """Return the document asyncapi.yaml."""
    return read_document(asyncapi_file())


def with_links_and_examples(authority: JsonObject, served: JsonObject) -> JsonObject:
    """Return the served OpenAPI document with the links and examples of the authority.

    A server's document has no links between operations and no examples; both let a fuzzer reach
    more states, and neither restricts an operation.
    """
    document = deepcopy(served)
    for path, item in authority["paths"].items():
        for method in METHODS:
            if method in item and method in document["paths"].get(path, {}):
                target = document["paths"][path][method]
                _add_links_and_examples(authority, item[method], target)
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def not_fuzzed(authority: JsonObject, served: JsonObject) -> list[LeftOut]:
    """Return the operations that the fuzz leaves out, with their reasons.

    A server says so of what its plugins add. Of the operations of the contract, the authority alone
    says so: a server cannot take one of them out of the proof.
    """
    ours = left_out_of(authority)
    contracted = {
        f"{method.upper()} {path}"
        for path, item in authority["paths"].items()
        for method in METHODS
        if method in item
    }
    return [*ours, *(one for one in left_out_of(served) if one.route not in contracted)]


def _add_links_and_examples(
    authority: JsonObject, written: JsonObject, operation: JsonObject
) -> None:
    for status, answer in written["responses"].items():
        links = follow(authority, answer).get("links")
        if links and str(status) in operation["responses"]:
            operation["responses"][str(status)]["links"] = {
                name: _with_body(link) for name, link in _written_out(authority, links).items()
            }
    body = follow(authority, written.get("requestBody", {}))
    for kind, content in body.get("content", {}).items():
        target = operation.get("requestBody", {}).get("content", {}).get(kind, {})
        target |= {
            name: _written_out(authority, content[name])
            for name in ("example", "examples")
            if name in content
        }


def _with_body(link: JsonObject) -> JsonObject:
    """Return a link with its body where OpenAPI has it; some generators refuse an object there."""
    body = {"requestBody": link[LINKED_BODY]} if LINKED_BODY in link else {}
    return {**link, **body}


def _written_out(document: JsonObject, node: Any) -> Any:  # noqa: ANN401 - any part of a document
    node = follow(document, node)
    if isinstance(node, dict):
        return {name: _written_out(document, value) for name, value in node.items()}
    return [_written_out(document, one) for one in node] if isinstance(node, list) else node
