"""Messages of plugins' refusals: declared in documents, or found at the first use."""

from __future__ import annotations

import structlog

from quartapp import OWN_MESSAGE, Deny, DomainError, EventData, EventType, hookimpl
from quartapp.contract import openapi_document
from quartapp.contract.plugin_documents import openapi_of_plugin, plugin_of
from quartapp_classes.testing import class_room

CLOSED = "Come back in the morning"
KEPT = "class has books"
INTERNAL_FRAME = {"event": "ERROR", "data": {"message": "Internal Server Error"}}


class Night:
    """Refuses whatever it is asked, with its own words."""

    name = "night"

    @hookimpl
    def authorize(self, principal, action):
        return Deny(CLOSED) if action in {"getMe", "login", "TODAY_SUMMARY"} else None

    @hookimpl
    def check_deletion(self):
        return Deny(KEPT)

    @hookimpl
    def register_events(self):
        async def knock(connection, data):
            raise DomainError(CLOSED)

        return [
            EventType(
                name="KNOCK", data=EventData, handler=knock, errors={DomainError: OWN_MESSAGE}
            )
        ]


class Declared(Night):
    messages = (CLOSED, KEPT)


async def refused(server):
    """Return statuses and messages of all kinds of refusals by the plugin."""
    teacher = await server.person("teacher")
    room = await class_room(server, teacher)
    socket = await server.socket(teacher)
    answers = [
        await server.api.get("/auth/me", headers=teacher.headers),
        await server.api.delete(f"/class/{room['_id']}", headers=teacher.headers),
    ]
    frames = [await socket.ask("TODAY_SUMMARY"), await socket.ask("KNOCK")]
    return [
        *((answer.status_code, answer.json()["error"]) for answer in answers),
        *(frame["data"]["message"] for frame in frames),
    ]


TOLD = [(403, CLOSED), (409, KEPT), CLOSED, CLOSED]


async def test_declared_messages_are_told(serve):
    with structlog.testing.capture_logs() as logs:
        assert await refused(await serve(beside=[Declared])) == TOLD
    assert not [line for line in logs if line["log_level"] in {"warning", "error"}]


async def test_an_undeclared_message_fails_in_tests_and_the_log_says_why(serve):
    server = await serve(beside=[Night])
    with structlog.testing.capture_logs() as logs:
        found = await refused(server)
    internal = "Internal Server Error"
    assert found == [(500, internal), (500, internal), internal, internal]
    said = " ".join(f"{line.get('reason')} {line.get('exc_info')}" for line in logs)
    for message in (CLOSED, KEPT):
        assert f"plugin night (given): {message!r} is told to clients, and is none of" in said


async def test_an_undeclared_message_is_told_in_production_and_logged_once(serve):
    server = await serve(beside=[Night], strict_messages=False)
    with structlog.testing.capture_logs() as logs:
        assert [await refused(server), await refused(server)] == [TOLD, TOLD]
    lines = [line["reason"] for line in logs if line["event"] == "undeclared message"]
    assert len(lines) == 2
    assert CLOSED in lines[0]
    assert KEPT in lines[1]


def messages_of(document, path, method, status):
    """Return the messages of one answer in an OpenAPI document."""
    found = []

    def walk(node):
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            if "$ref" in node:
                walk(document["components"]["schemas"][node["$ref"].rpartition("/")[2]])
            if "error" in node.get("properties", {}):
                error = node["properties"]["error"]
                found.extend(error.get("enum", [error.get("const")]))
            for key, value in node.items():
                if key != "properties":
                    walk(value)

    walk(document["paths"][path][method]["responses"].get(status, {}))
    return found


async def test_document_lists_declared_messages_with_their_answers(serve):
    server = await serve(beside=[Declared])
    document = openapi_document(server.app)
    deletion = "/api/v1/class/{class_id}"
    for message in (CLOSED, KEPT):
        assert message in messages_of(document, "/api/v1/auth/me", "get", "403")
        assert message in messages_of(document, deletion, "delete", "403")
        assert message in messages_of(document, deletion, "delete", "409")
        assert message not in messages_of(document, deletion, "get", "404")
    assert "class has attendance records" in messages_of(document, deletion, "delete", "409")
    assert messages_of(document, "/healthz", "get", "403") == []
    piece = openapi_of_plugin(server.app, plugin_of(server.app, "classes"))
    assert KEPT in messages_of(piece, deletion, "delete", "409")


async def test_without_messages_of_plugins_the_document_is_the_same(serve):
    plain, asked = await serve(), await serve(beside=[Night], strict_messages=False)
    assert openapi_document(plain.app) == openapi_document(asked.app)
