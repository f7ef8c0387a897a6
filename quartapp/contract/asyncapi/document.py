"""The AsyncAPI document of the running app.

The document is generated from the event types that plugins registered, so it promises no event
without a handler. The format is AsyncAPI 3.0
(https://www.asyncapi.com/docs/reference/specification/v3.0.0) with these extensions: ``x-role``,
``x-answers`` and ``x-errors`` on messages from clients, ``x-audience`` on messages from the server,
``x-close-codes`` on the channel.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic.json_schema import models_json_schema

from quartapp.http.fields import exact_schema
from quartapp.parts import core
from quartapp.realtime.close_codes import (
    GOING_AWAY,
    INTERNAL_ERROR,
    INVALID_DATA,
    MESSAGE_TOO_BIG,
    POLICY_VIOLATION,
    PROTOCOL_ERROR,
    TRY_AGAIN_LATER,
)
from quartapp.realtime.events import FRAMES, PATH
from quartapp.realtime.messages import (
    FOREIGN_ORIGIN,
    INVALID_FORMAT,
    MOST_REF_CHARACTERS,
    TOO_MANY_SOCKETS,
    UNAUTHORIZED,
    UNKNOWN_EVENT,
)
from quartapp.realtime.tickets import TICKET
from quartapp.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel
    from quart import Quart

    from quartapp.encoding import JsonObject
    from quartapp.plugin import LoadedPlugin
    from quartapp.realtime.events import EventType, ServerMessage, SocketParameter

    Mode = Literal["validation", "serialization"]

CHANNEL = "live"
CLOSE_CODES = (
    (GOING_AWAY, "going away", "The server is shutting down."),
    (PROTOCOL_ERROR, "protocol error", "A frame was malformed."),
    (INVALID_DATA, "invalid data", "Text was no UTF-8, or compressed data could not be inflated."),
    (POLICY_VIOLATION, "policy violation", "The origin or the token is refused."),
    (MESSAGE_TOO_BIG, "message too big", "A frame was larger than 64 KiB."),
    (INTERNAL_ERROR, "internal error", "The server has a fault."),
    (TRY_AGAIN_LATER, "try again later", "Too many sockets, or frames taken too slowly."),
)
DESCRIPTION = """\
Every message, both ways, is one text frame with one JSON object:
`{"event": "NAME", "data": {...}}`.
An error goes to the sender alone, as `ERROR`, and the connection stays open.
"""


def asyncapi_document(app: Quart, only: LoadedPlugin | None = None) -> JsonObject:
    """Return the AsyncAPI 3.0 document of an app, with the events of its plugins.

    Args:
        app: The app, which need not be served.
        only: Plugin whose events to describe; None describes all events.
    """
    known = core(app).events
    events = list(known) if only is None else known.brought_by(str(only))
    parameters = known.parameters if only is None else []
    offers: list[EventType | SocketParameter] = [*events, *parameters]
    schemas = _Schemas(events, [answer for offer in offers for answer in offer.answers])
    received = _Keys("receive")
    sent = _Keys("send")
    messages: JsonObject = {}
    operations: JsonObject = {}
    answers: dict[ServerMessage, str] = {}
    for answer in (answer for offer in offers for answer in offer.answers):
        if answer not in answers:
            answers[answer] = sent.key(answer.name)
            messages[answers[answer]] = _sent_message(answer, schemas)
    error = sent.key("ERROR")
    own = [plugin.messages for plugin in core(app).plugins.loaded if only in (None, plugin)]
    refusals = [message for messages_of in own for message in messages_of]
    errors = [*_all_errors(events, parameters), *refusals]
    beside = {model for offer in offers for answer in offer.answers if (model := answer.beside)}
    messages[error] = _error_message(errors, [event.refusal for event in events], beside)
    for event in events:
        key = received.key(event.name)
        replies = [answers[answer] for answer in event.answers]
        messages[key] = _received_message(event, replies, schemas)
        operations[key] = _operation("receive", event.summary, [key], [*replies, error])
    for key in (*answers.values(), error):
        operations[key] = _operation("send", messages[key]["summary"], [key])
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "quartapp", "version": __version__, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {CHANNEL: _channel(messages, parameters)},
        "operations": operations,
        "components": {
            "securitySchemes": {
                "queryTicket": {"type": "httpApiKey", "in": "query", "name": TICKET},
                "queryToken": {"type": "httpApiKey", "in": "query", "name": "token"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "messages": messages,
            "schemas": schemas.definitions,
        },
    }


class _Keys:
    """Unique keys of messages, made from the names of events."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._taken: set[str] = set()

    def key(self, name: str) -> str:
        words = re.findall(r"[A-Za-z0-9]+", name)
        wanted = self._prefix + "".join(word.capitalize() for word in words)
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}{number}"
        self._taken.add(key)
        return key


class _Schemas:
    """The schemas of all data models, with different names for models of the same name."""

    def __init__(self, events: Iterable[EventType], answers: Iterable[ServerMessage]) -> None:
        models: dict[tuple[type[BaseModel], Mode], None] = {}
        for event in events:
            models[event.data, "validation"] = None
            if event.data_v1 is not None:
                models[event.data_v1, "validation"] = None
        for answer in answers:
            models[answer.data, "serialization"] = None
        found, definitions = models_json_schema(
            list(models), ref_template="#/components/schemas/{model}"
        )
        self._schemas = found
        self.definitions: JsonObject = exact_schema(definitions.get("$defs", {}))

    def of(self, model: type[BaseModel], mode: Mode) -> JsonObject:
        """Return a reference to the schema of ``model``."""
        schema: JsonObject = exact_schema(self._schemas[model, mode])
        return schema

    def requires_something(self, model: type[BaseModel]) -> bool:
        """Tell whether a frame has to have ``data`` to be valid for ``model``."""
        return any(field.is_required() for field in model.model_fields.values())


def _received_message(event: EventType, answers: Sequence[str], schemas: _Schemas) -> JsonObject:
    message: JsonObject = {
        "name": event.name,
        "summary": event.summary,
        "x-answers": list(answers),
        "x-errors": _errors(event),
        "payload": _open_frame(event.name, event.data, schemas),
    }
    if event.data_v1 is not None:
        message["x-payload-v1"] = _open_frame(event.name, event.data_v1, schemas)
    if event.role is not None:
        message["x-role"] = event.role
    if event.permission is not None:
        message["x-permission"] = event.permission
    return message


def _sent_message(message: ServerMessage, schemas: _Schemas) -> JsonObject:
    return {
        "name": message.name,
        "summary": message.summary,
        "x-audience": "concerned" if message.to_all else "sender",
        "payload": _closed_frame(
            message.name,
            schemas.of(message.data, "serialization"),
            [message.beside] if message.beside else [],
        ),
    }


def _error_message(
    errors: list[str],
    refusals: Iterable[type[BaseModel] | None],
    beside: Iterable[type[BaseModel]],
) -> JsonObject:
    known = {"type": "string", "enum": list(dict.fromkeys(errors))}
    data = {
        "type": "object",
        "required": ["message"],
        "properties": {"message": known, **_members(filter(None, refusals))},
        "additionalProperties": False,
    }
    return {
        "name": "ERROR",
        "summary": "A frame was refused.",
        "x-audience": "sender",
        "x-errors": [{"message": message} for message in errors],
        "payload": _closed_frame("ERROR", data, beside),
    }


def _open_frame(name: str, data: type[BaseModel], schemas: _Schemas) -> JsonObject:
    return {
        "type": "object",
        "required": ["event", "data"] if schemas.requires_something(data) else ["event"],
        "properties": {
            "event": {"type": "string", "const": name},
            "data": schemas.of(data, "validation"),
        },
    }


def _closed_frame(name: str, data: JsonObject, beside: Iterable[type[BaseModel]]) -> JsonObject:
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "const": name},
            "data": data,
            "ref": {"type": "string", "minLength": 1, "maxLength": MOST_REF_CHARACTERS},
            **_members(beside),
        },
        "additionalProperties": False,
    }


def _members(models: Iterable[type[BaseModel]]) -> JsonObject:
    """Return the schemas of the fields of some models, by name."""
    members: JsonObject = {}
    for model in models:
        schema: JsonObject = exact_schema(model.model_json_schema(mode="serialization"))
        members |= schema["properties"]
    return members


def _errors(event: EventType) -> list[str]:
    """Return the messages that can refuse ``event``, in the order of the checks."""
    role = [] if event.role is None else [event.wrong_role]
    data = [INVALID_FORMAT] if event.data.model_fields else []
    return [*role, *data, *event.messages]


def _all_errors(events: Sequence[EventType], parameters: Sequence[SocketParameter]) -> list[str]:
    """Return all error messages in the order of checks: the frame's format before the data's."""
    roles = [event.wrong_role for event in events if event.role is not None]
    offers: list[EventType | SocketParameter] = [*events, *parameters]
    own = [message for offer in offers for message in offer.messages]
    data = [INVALID_FORMAT] if any(event.data.model_fields for event in events) else []
    return [
        FOREIGN_ORIGIN,
        TOO_MANY_SOCKETS,
        UNAUTHORIZED,
        INVALID_FORMAT,
        UNKNOWN_EVENT,
        *dict.fromkeys(roles),
        *data,
        *dict.fromkeys(own),
    ]


def _operation(
    action: str, summary: str, messages: Sequence[str], replies: Sequence[str] = ()
) -> JsonObject:
    channel = {"$ref": f"#/channels/{CHANNEL}"}
    operation: JsonObject = {
        "action": action,
        "channel": channel,
        "summary": summary,
        "messages": _in_channel(messages),
    }
    if replies:
        operation["reply"] = {"channel": channel, "messages": _in_channel(replies)}
    return operation


def _in_channel(messages: Iterable[str]) -> list[JsonObject]:
    return [{"$ref": f"#/channels/{CHANNEL}/messages/{key}"} for key in messages]


def _channel(messages: Mapping[str, object], parameters: Iterable[SocketParameter]) -> JsonObject:
    query: JsonObject = {
        TICKET: {"type": "string"},
        "token": {"type": "string"},
        FRAMES: {"type": "string", "enum": ["v1"]},
    }
    for parameter in parameters:
        query[parameter.name] = {
            "type": "string",
            "pattern": f"^{parameter.pattern}$",
            "description": parameter.summary,
        }
    return {
        "address": PATH,
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages},
        "bindings": {
            "ws": {
                "bindingVersion": "0.1.0",
                "method": "GET",
                "query": {"type": "object", "properties": query},
                "headers": {"type": "object", "properties": {"Authorization": {"type": "string"}}},
            }
        },
        "x-close-codes": [
            {"code": code, "name": name, "when": when} for code, name, when in CLOSE_CODES
        ],
    }
