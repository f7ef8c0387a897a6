from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from pydantic import BaseModel, Field

from quartapp.app import create_app
from quartapp.contract.asyncapi.compare import AsyncapiError, differences, normalised
from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.errors import DomainError
from quartapp.hooks.discovery import discover
from quartapp.hooks.specs import hookimpl
from quartapp.realtime.events import EventData, EventType, ServerMessage
from quartapp.settings.core import load_settings

AUTHORITY = Path(__file__).parents[4] / "contracts" / "asyncapi.yaml"


class HandsDownError(DomainError):
    """The error for a question at the wrong time."""


class Hand(EventData):
    question: str = Field(max_length=200)


class Raised(BaseModel):
    student_id: str = Field(alias="studentId")


class Seen(BaseModel):
    by: str


async def ignore(*_: object) -> None:
    """Do nothing."""


RAISED = ServerMessage(name="HAND_RAISED", data=Raised, to_all=True, summary="A hand is up.")
SEEN = ServerMessage(name="HAND_SEEN", data=Seen, to_all=False, summary="It was seen.")


class RaiseHandPlugin:
    name = "raise-hand"

    @hookimpl
    def register_events(self) -> list[EventType]:
        return [
            EventType(
                name="RAISE HAND",
                role="student",
                data=Hand,
                handler=ignore,
                answers=(RAISED, SEEN),
                errors={HandsDownError: "Hands are down"},
                summary="Raise a hand.",
            ),
            EventType(
                name="RAISE_HAND",
                data=EventData,
                handler=ignore,
                answers=(RAISED,),
                database=False,
            ),
        ]


def document_of(*plugins: object) -> dict[str, Any]:
    settings = load_settings(mongodb_uri="mongodb://127.0.0.1:1/none", jwt_secret="x" * 32)
    return asyncapi_document(create_app(settings, [*discover(), *plugins]))


@pytest.fixture(scope="module")
def authority() -> dict[str, Any]:
    return yaml.safe_load(AUTHORITY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    return document_of()


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy of ``document`` with ``value`` at ``path``."""
    document = copy.deepcopy(document)
    *above, last = path.split("/")
    node = document
    for part in above:
        node = node[part]
    node[last] = value
    return document


def references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for value in node.values() for found in references(value)]


# The two documents agree.


def test_the_running_app_keeps_to_the_committed_document(
    authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    assert differences(authority, generated) == []


PLANTED = [
    (
        "components/messages/finishSession/x-role",
        "student",
        "DONE from the client, role: the document says 'student', the running app 'teacher'",
    ),
    (
        "components/messages/myAttendance/x-audience",
        "concerned",
        "MY_ATTENDANCE from the server, audience: "
        "the document says 'concerned', the running app 'sender'",
    ),
    (
        "components/messages/requestMyAttendance/x-errors",
        [
            "Invalid message format",
            "Forbidden, student event only",
            "No active attendance session",
            "Service Unavailable",
        ],
        "MY_ATTENDANCE from the client, errors: the document says ['Invalid message format', "
        "'Forbidden, student event only', 'No active attendance session', 'Service Unavailable'], "
        "the running app ['Forbidden, student event only', 'Invalid message format', "
        "'No active attendance session', 'Service Unavailable']",
    ),
    (
        "components/messages/finishSession/x-answers",
        ["todaySummary"],
        "DONE from the client, answers: "
        "the document says ['TODAY_SUMMARY'], the running app ['DONE']",
    ),
    (
        "components/schemas/ObjectIdInput/pattern",
        "^[0-9a-f]{24}$",
        "ATTENDANCE_MARKED from the client, payload, properties, data, properties, studentId, "
        "pattern: the document says '^[0-9a-f]{24}$', the running app '^[0-9a-fA-F]{24}$'",
    ),
    (
        "components/schemas/AttendanceMarked/properties/data/required",
        ["studentId"],
        "ATTENDANCE_MARKED from the server, payload, properties, data, required: "
        "the document says ['studentId'], the running app ['status', 'studentId']",
    ),
    (
        "components/schemas/TodaySummary/properties/data/properties/late",
        {"type": "integer"},
        "TODAY_SUMMARY from the server, payload, properties, data, properties, late: "
        "only in the document",
    ),
    (
        "components/schemas/SessionDone/properties/data/properties/message/const",
        "Saved",
        "DONE from the server, payload, properties, data, properties, message, const: "
        "the document says 'Saved', the running app 'Attendance persisted'",
    ),
    (
        "components/messages/requestTodaySummary/name",
        "SUMMARY",
        "SUMMARY from the client: only in the document",
    ),
    (
        "channels/live/address",
        "/live",
        "addresses: the document says ['/live'], the running app ['/ws']",
    ),
    (
        "channels/live/x-close-codes",
        [{"code": 1008}],
        "close codes: the document says [1008], "
        "the running app [1001, 1002, 1007, 1008, 1009, 1011, 1013]",
    ),
    (
        "components/securitySchemes/queryToken/name",
        "jwt",
        "security: the document says ['http bearer', 'httpApiKey query jwt', "
        "'httpApiKey query ticket'], the running app ['http bearer', "
        "'httpApiKey query ticket', 'httpApiKey query token']",
    ),
]


@pytest.mark.parametrize(("path", "value", "told"), PLANTED, ids=[path for path, *_ in PLANTED])
def test_a_difference_is_found_and_named(
    path: str, value: object, told: str, authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    assert told in differences(changed(authority, path, value), generated)


def test_prose_keys_and_order_are_no_difference(
    authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    told = changed(authority, "info/description", "Other words.")
    told = changed(told, "components/schemas/AttendanceStatusInput/enum", ["absent", "present"])
    told = changed(told, "components/schemas/Count/description", "How many.")
    told["operations"] = dict(reversed(told["operations"].items()))
    assert differences(told, generated) == []


def test_an_event_of_a_plugin_is_named_as_not_in_the_document(authority: dict[str, Any]) -> None:
    found = differences(authority, document_of(RaiseHandPlugin()))
    assert "RAISE HAND from the client: only in the running app" in found
    assert "HAND_RAISED from the server: only in the running app" in found
    assert "HAND_SEEN from the server: only in the running app" in found
    assert any("Hands are down" in line and line.startswith("ERROR from") for line in found)


# What cannot be read.


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("operations/sendDone/messages", [{"$ref": "#/nowhere"}], "#/nowhere leads nowhere"),
        ("operations/sendDone/messages", [{"$ref": "other.yaml#/x"}], "yaml#/x leads out of it"),
        ("components/schemas/Count", {"$ref": "#/components/nothing"}, "nothing leads nowhere"),
        (
            "components/messages/error",
            {"$ref": "#/components/messages/error"},
            "refers in a circle at #/components/messages/error",
        ),
        ("operations/sendDone", {"action": "send"}, "cannot be read: KeyError: 'messages'"),
        ("operations", [], "cannot be read"),
        ("components/messages/sessionDone/name", "ERROR", "ERROR from the server twice"),
    ],
)
def test_unreadable_document_names_the_place(
    path: str, value: object, told: str, authority: dict[str, Any]
) -> None:
    with pytest.raises(AsyncapiError, match=told.replace(".", r"\.")):
        normalised(changed(authority, path, value))


def test_a_schema_that_contains_itself_is_compared_all_the_same(
    authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    tree = {"properties": {"next": {"$ref": "#/components/schemas/Count"}}}
    recursive = changed(authority, "components/schemas/Count", tree)
    assert differences(recursive, recursive) == []
    assert differences(recursive, generated) != []


# Both are what they say they are.


def test_every_reference_leads_somewhere(
    authority: dict[str, Any], generated: dict[str, Any]
) -> None:
    for document in (authority, generated, document_of(RaiseHandPlugin())):
        assert references(document)
        for reference in references(document):
            node = document
            for part in reference.removeprefix("#/").split("/"):
                node = node[part]


def test_every_message_has_examples_and_all_fit_its_payload(authority: dict[str, Any]) -> None:
    for key, message in authority["components"]["messages"].items():
        schema = {**message["payload"], "components": authority["components"]}
        validator = jsonschema_rs.validator_for(schema)
        assert message["examples"], key
        for example in message["examples"]:
            validator.validate(example["payload"])


def test_answers_and_replies_of_the_document_agree(authority: dict[str, Any]) -> None:
    for place, facts in normalised(authority).items():
        if place.endswith("from the client"):
            assert facts["replies"] == sorted([*facts["answers"], "ERROR"]), place


# The document of an app with a plugin.


def test_a_plugins_events_join_the_document() -> None:
    facts = normalised(document_of(RaiseHandPlugin()))
    raised = facts["RAISE HAND from the client"]
    assert raised["role"] == "student"
    assert raised["answers"] == ["HAND_RAISED", "HAND_SEEN"]
    assert raised["errors"] == [
        "Forbidden, student event only",
        "Invalid message format",
        "Hands are down",
        "Service Unavailable",
    ]
    assert raised["payload"]["required"] == ["data", "event"]
    question = raised["payload"]["properties"]["data"]["properties"]["question"]
    assert question == {"type": "string", "maxLength": 200}
    assert facts["HAND_RAISED from the server"]["audience"] == "concerned"
    assert facts["HAND_SEEN from the server"]["audience"] == "sender"
    assert "Hands are down" in facts["ERROR from the server"]["errors"]


def test_an_event_without_fields_or_role_promises_no_check_of_either() -> None:
    facts = normalised(document_of(RaiseHandPlugin()))["RAISE_HAND from the client"]
    assert facts["role"] is None
    assert facts["errors"] == []
    assert facts["payload"]["required"] == ["event"]
