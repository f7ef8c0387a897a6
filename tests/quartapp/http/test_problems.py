"""Errors for programs: code, request id, and invalid fields."""

from __future__ import annotations

import json
import re
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field
from quart import Blueprint

from quartapp import PUBLIC, Body, DomainError, Operation, Refusal, hookimpl

CANARY = "c4nary"
PROBLEM = "application/problem+json"
REGISTRATION = {"name": "Ada", "email": "ada@example.org", "password": "secret1", "role": "teacher"}


def outspoken(value: str) -> str:
    if value == CANARY:
        raise ValueError(f"the shelf {value} is full")
    if value == "far":
        raise ValueError("shelves end at Z")
    return value


class Book(Body):
    """A book."""

    title: Annotated[str, Field(min_length=1)]
    shelf: Annotated[str, AfterValidator(outspoken)] = "A"
    pages: Annotated[list[dict[str, int]], Field(default_factory=list)]


class BurntError(DomainError):
    """The book is there no more."""


class Library:
    """Routes inside and outside the base path, with all members of errors and without."""

    name = "library"

    @hookimpl
    def register_blueprints(self, app):
        blueprint = Blueprint("library", __name__)
        invalid = Refusal(400, "No such book", code="no-book")
        for name, plain in (("rich", False), ("plain", True)):

            async def view(body: Book):
                if body.title == "Ashes":
                    raise BurntError
                return {"title": body.title}

            operation = Operation(
                id=f"{name}Book",
                access=PUBLIC,
                tags=("library",),
                body=Book,
                data=dict[str, str],
                invalid=invalid,
                errors={BurntError: Refusal(409, "Book has burnt", field="title")},
                plain_errors=plain,
            )
            blueprint.add_url_rule(f"/books/{name}", name, operation(view), methods=["POST"])
        return [blueprint]


@pytest.fixture
async def library(serve):
    return await serve(beside=[Library])


async def send(server, body, name="rich", **headers):
    return await server.api.post(f"{server.url}/books/{name}", json=body, headers=headers)


async def test_an_error_has_a_code_and_the_id_of_its_request(server):
    answer = await server.api.get("/class", headers={"X-Request-Id": "a.b_c-1"})
    assert answer.json() == {
        "success": False,
        "error": "please send jwt token",
        "code": "token-missing",
        "requestId": "a.b_c-1",
    }
    assert answer.headers["x-request-id"] == "a.b_c-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", 'a"b'])
async def test_harmful_request_id_is_replaced(server, given):
    answer = await server.api.get(f"{server.url}/healthz", headers={"X-Request-Id": given.encode()})
    assert answer.status_code == 200
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/nowhere", "/api/v1/class"])
async def test_every_answer_keeps_browsers_from_guessing_and_telling(server, path):
    headers = (await server.api.get(server.url + path)).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]


async def test_each_field_that_does_not_fit_is_named_and_no_value_is_repeated(server):
    wrong = {**REGISTRATION, "email": CANARY, "password": 5, "role": CANARY}
    del wrong["name"]
    answer = await server.api.post("/auth/register", json=wrong)
    found = {error["field"]: error["code"] for error in answer.json()["errors"]}
    assert found == {
        "name": "missing",
        "email": "string-pattern-mismatch",
        "password": "string-type",
        "role": "literal-error",
    }
    assert CANARY not in answer.text
    assert all(error["message"] for error in answer.json()["errors"])


async def test_invalid_query_names_its_parameter(server):
    teacher = await server.person("teacher")
    answer = await server.api.get("/class/students?limit=x", headers=teacher.headers)
    assert [error["field"] for error in answer.json()["errors"]] == ["limit"]


async def test_refusal_names_the_field_that_caused_it(library):
    answer = await send(library, {"title": "Ashes"})
    told = {"field": "title", "code": "book-has-burnt", "message": "Book has burnt"}
    assert (answer.status_code, answer.json()["errors"]) == (409, [told])
    described = (await library.api.get(f"{library.url}/openapi.json")).json()
    refused = described["paths"]["/books/rich"]["post"]["responses"]["409"]
    schema = refused["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert "errors" in schema["properties"]
    plain = await send(library, {"title": "Ashes"}, "plain")
    assert plain.json() == {"success": False, "error": "Book has burnt"}


async def test_a_place_inside_a_list_is_written_as_a_path(library):
    answer = await send(library, {"title": "x", "pages": [{}, {"no": "x"}]})
    assert [error["field"] for error in answer.json()["errors"]] == ["pages[1].no"]
    assert answer.json()["code"] == "no-book"


@pytest.mark.parametrize(
    ("shelf", "message"), [(CANARY, "Value does not fit"), ("far", "shelves end at Z")]
)
async def test_message_of_a_model_is_shown_unless_it_contains_the_value(library, shelf, message):
    answer = await send(library, {"title": "x", "shelf": shelf})
    assert answer.json()["errors"] == [
        {"field": "shelf", "code": "value-error", "message": message}
    ]


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"{", "application/json", "json-invalid"),
        (b"[]", "application/json", "model-type"),
        (b"{}", "text/plain", "content-type"),
    ],
)
async def test_a_body_as_a_whole_has_the_empty_field(library, content, content_type, code):
    answer = await library.api.post(
        f"{library.url}/books/rich", content=content, headers={"Content-Type": content_type}
    )
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("", code)]


async def test_no_more_than_twenty_fields_are_named(library):
    answer = await send(library, {"title": "x", "pages": ["x"] * 5000})
    assert len(answer.json()["errors"]) == 20


async def test_problem_details_have_the_same_facts_as_plain_errors(library):
    usual = await send(library, {}, **{"X-Request-Id": "same"})
    answer = await send(library, {}, Accept=PROBLEM, **{"X-Request-Id": "same"})
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "No such book",
        "instance": "/books/rich",
        **usual.json(),
    }
    lost = await library.api.get("/nowhere", headers={"Accept": PROBLEM})
    assert (lost.headers["content-type"], lost.json()["code"]) == (PROBLEM, "not-found")


@pytest.mark.parametrize(
    ("accept", "problem"),
    [
        ("*/*", False),
        ("application/*", False),
        (f"{PROBLEM};q=0, */*", False),
        (f"application/json, {PROBLEM};q=0.5", False),
        (f"application/json, {PROBLEM}", True),
        (f"{PROBLEM}, application/json;q=0.9", True),
    ],
)
async def test_wildcard_accept_does_not_ask_for_problem_details(library, accept, problem):
    answer = await send(library, {}, Accept=accept)
    assert answer.headers["content-type"] == (PROBLEM if problem else "application/json")


async def test_plain_errors_stay_as_they_were_for_everybody(library):
    answer = await send(library, {}, "plain", Accept=PROBLEM)
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content) == {"success": False, "error": "No such book"}
    outside = await library.api.get(f"{library.url}/nowhere", headers={"Accept": PROBLEM})
    assert outside.json() == {"success": False, "error": "Not Found"}


@pytest.mark.parametrize("around", ["\x1c", "\x1f", "\x85", "\xa0", "\u3000", " \t\n"])
async def test_all_white_space_of_the_contract_is_trimmed(server, around):
    teacher = await server.person("teacher")
    answer = await server.api.post(
        "/class", json={"className": f"{around}Logic{around}"}, headers=teacher.headers
    )
    assert answer.json()["data"]["className"] == "Logic"
