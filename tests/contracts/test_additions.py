"""The contract suite takes additions for what they are, and finds what is none."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from quartapp.app import unconnected_app
from quartapp.contract import openapi_document
from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.settings.core import load_settings
from quartapp_contract_suite.documents.additions import (
    added_events,
    added_statuses,
    asyncapi_problems,
    openapi_problems,
)
from quartapp_contract_suite.documents.documents import (
    asyncapi_authority,
    left_out_of,
    not_fuzzed,
    openapi_authority,
)
from tests.support.plugins import OPTIONAL


@pytest.fixture(scope="module")
def served():
    """Both documents of a server with every bundled plugin."""
    app = unconnected_app(load_settings(extra_plugins=OPTIONAL))
    return tuple(
        json.loads(json.dumps(made(app))) for made in (openapi_document, asyncapi_document)
    )


def test_all_bundled_plugins_are_additions(served):
    openapi, asyncapi = served
    statuses = added_statuses(asyncapi)
    assert statuses == {"late", "excused", "left_early"}
    assert [event["name"] for event in added_events(asyncapi_authority(), asyncapi)] == ["CHECK_IN"]
    assert asyncapi_problems(asyncapi_authority(), asyncapi) == []
    assert openapi_problems(openapi_authority(), openapi, statuses) == []


def _without(*path):
    """Return a change that removes the node at ``path``."""

    def change(document):
        *above, last = path
        for step in above:
            document = document[step]
        del document[last]

    return change


def _with(value, *path):
    """Return a change that puts ``value`` at ``path``, or at the end of the list at ``path``."""

    def change(document):
        *above, last = path
        for step in above:
            document = document[step]
        if isinstance(document.get(last), list):
            document[last].append(value)
        else:
            document[last] = value

    return change


SCHEMAS = ("components", "schemas")
MESSAGES = ("components", "messages")
ANSWERS = ("paths", "/api/v1/auth/me", "get", "responses")
STATUS = {"type": "string"}
ONE = ("properties", "status")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("paths", "/api/v1/auth/me"), "GET /api/v1/auth/me only in openapi.yaml"),
        (_without(*ANSWERS, "404"), "404 only in openapi.yaml"),
        (_with({"description": "Busy"}, *ANSWERS, "429"), "429"),
        (_with(STATUS, *SCHEMAS, "SessionAnswer", "properties", "room"), "room"),
        (_with("room", *SCHEMAS, "SessionAnswer", "required"), "room"),
        (_with({"enum": ["ill"]}, *SCHEMAS, "MyAttendanceAnswer", *ONE), "ill"),
    ],
    ids=["path", "answer gone", "answer more", "field", "required", "status"],
)
def test_forbidden_differences_of_the_openapi_document_are_found(served, change, said):
    openapi, asyncapi = served
    changed = deepcopy(openapi)
    change(changed)

    problems = openapi_problems(openapi_authority(), changed, added_statuses(asyncapi))

    assert any(said in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("operations", "receiveDone"), "DONE from the client"),
        (_with("Not today", *MESSAGES, "receiveDone", "x-errors"), "Not today"),
        (_with({"message": "Not today"}, *MESSAGES, "sendError", "x-errors"), "Not today"),
        (_with("student", *MESSAGES, "receiveDone", "x-role"), "DONE from the client, role"),
        (_with("sender", *MESSAGES, "sendDone", "x-audience"), "DONE from the server, audience"),
        (_with(STATUS, *SCHEMAS, "MarkMessage", "properties", "room"), "room"),
        (_with("classId", *SCHEMAS, "MarkEvent", "required"), "classId"),
        (_without(*SCHEMAS, "CountsByStatus", "properties", "late"), "statuses"),
        (_with(STATUS, *SCHEMAS, "CountsByStatus", "properties", "late"), "statuses"),
        (_with(STATUS, *SCHEMAS, "CountsByStatus", "additionalProperties"), "statuses"),
    ],
    ids=[
        "event",
        "refusal of an event",
        "refusal of none",
        "role",
        "audience",
        "field",
        "required",
        "a status not counted",
        "a count that is none",
        "a further count that is none",
    ],
)
def test_forbidden_differences_of_the_asyncapi_document_are_found(served, change, said):
    changed = deepcopy(served[1])
    change(changed)

    problems = asyncapi_problems(asyncapi_authority(), changed)

    assert any(said in problem for problem in problems), problems


def test_an_answer_that_does_not_know_a_status_is_found(served):
    openapi, asyncapi = deepcopy(served)
    own = asyncapi["components"]["schemas"]["MyAttendanceMessage"]["properties"]["status"]
    marks = openapi["components"]["schemas"]["SessionAnswer"]["properties"]["attendance"]
    for status in (own["anyOf"][0], marks["additionalProperties"]):
        status["x-extensible-enum"].remove("late")

    for problems in (
        asyncapi_problems(asyncapi_authority(), asyncapi),
        openapi_problems(openapi_authority(), openapi, added_statuses(asyncapi)),
    ):
        (problem,) = problems
        assert problem.endswith("the statuses late are not among those it can have")


def test_an_answer_with_a_closed_enumeration_is_found(served):
    openapi, asyncapi = deepcopy(served)
    closed = {"type": "string", "enum": ["present", "absent", "late", "excused", "left_early"]}
    asyncapi["components"]["schemas"]["RollMessage"]["properties"]["status"] = closed
    openapi["components"]["schemas"]["SessionAnswer"]["properties"]["attendance"] = {
        "type": "object",
        "additionalProperties": closed,
    }

    assert asyncapi_problems(asyncapi_authority(), asyncapi) != []
    assert openapi_problems(openapi_authority(), openapi, added_statuses(asyncapi)) != []


def test_a_server_takes_what_it_adds_out_of_the_fuzz_and_nothing_of_the_contract(served):
    openapi = deepcopy(served[0])
    openapi["paths"]["/api/v1/auth/me"]["get"]["x-not-fuzzed"] = "it is slow"
    added = {"operationId": "leave", "x-not-fuzzed": "it leads elsewhere"}
    openapi["paths"]["/leave"] = {"parameters": [], "get": added}
    openapi["paths"]["/api/v1/auth/me"]["put"] = {**added, "operationId": "leave2"}
    ours = {str(one) for one in left_out_of(openapi_authority())}
    found = {str(one) for one in not_fuzzed(openapi_authority(), openapi)} - ours
    assert found - {one for one in found if one.startswith("POST /api/v1/excuses: ")} == {
        "GET /leave: it leads elsewhere",
        "PUT /api/v1/auth/me: it leads elsewhere",
    }


def test_the_contract_takes_an_operation_of_its_own_out_of_the_fuzz(served):
    authority = openapi_authority()
    ours = not_fuzzed(authority, served[0])
    authority["paths"]["/api/v1/auth/me"]["get"]["x-not-fuzzed"] = "it is slow"
    (left_out,) = (one for one in not_fuzzed(authority, served[0]) if one not in ours)
    assert (left_out.id, left_out.why) == ("getMe", "it is slow")
