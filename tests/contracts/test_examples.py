"""Every example of the documents fits its schema, and a request is never without one.

The docs pages fill requests with these examples, and the fuzz sends them.
"""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from quartapp.contract.files import read_document
from quartapp.contract.openapi.normal_form import METHODS
from quartapp.contract.schemas import kept_by_servers, target

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "openapi.yaml", *sorted(ROOT.glob("plugins/*/openapi.yaml"))]
JSON = "application/json"
# A document is an example of itself.
DOCUMENTS = ("getOpenapi", "getAsyncapi")


def resolved(document, node):
    """Return what a reference leads to."""
    while "$ref" in node:
        node = target(document, node["$ref"])
    return node


def contents(document):
    """Yield the operation, ``request`` or the status, and each JSON content."""
    for item in document["paths"].values():
        for operation in (item[method] for method in METHODS if method in item):
            holders = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for place, holder in holders.items():
                content = resolved(document, holder).get("content", {})
                if JSON in content:
                    yield operation["operationId"], place, content[JSON]


def examples(document, content):
    """Return the examples of a content."""
    if "example" in content:
        return [content["example"]]
    named = content.get("examples", {}).values()
    return [resolved(document, one)["value"] for one in named]


def problems(document):
    """Return the contents without an example, and the examples that do not fit."""
    found = []
    for operation, place, content in contents(document):
        told = examples(document, content)
        if not told and operation not in DOCUMENTS:
            found.append(f"{operation} {place} has no example")
        schema = {**content["schema"], "components": document["components"]}
        validator = jsonschema_rs.validator_for(schema)
        for number, example in enumerate(told, 1):
            wrong = next(iter(validator.iter_errors(example)), None)
            if wrong is not None:
                found.append(f"{operation} {place}, example {number}: {wrong.message}")
    return found


@pytest.fixture(params=FILES, ids=lambda path: str(path.relative_to(ROOT)))
def document(request):
    return kept_by_servers(read_document(request.param))


def test_every_request_and_answer_has_examples_that_fit(document) -> None:
    assert problems(document) == []


def test_examples_tell_one_story_with_one_account_of_each_role(document) -> None:
    people = {
        (example["email"], example["password"])
        for operation, place, content in contents(document)
        if place == "request"
        for example in examples(document, content)
        if {"email", "password"} <= example.keys()
        and operation in ("registerUser", "login", "assignmentSignUp", "assignmentLogin")
    }
    # Whoever registers by an example signs in by an example.
    assert len({email for email, _ in people}) == len(people)


def test_an_example_that_does_not_fit_is_told() -> None:
    document = kept_by_servers(read_document(FILES[0]))
    body = document["components"]["requestBodies"]["ClassName"]["content"][JSON]
    body["example"] = {"className": "M"}
    found = problems(
        {
            **document,
            "paths": {
                "/c": {
                    "post": {
                        "operationId": "createClass",
                        "requestBody": {"$ref": "#/components/requestBodies/ClassName"},
                        "responses": {"200": {"content": {JSON: {"schema": {}}}}},
                    }
                }
            },
        }
    )

    assert found[0].startswith("createClass request, example 1: ")
    assert found[1] == "createClass 200 has no example"
