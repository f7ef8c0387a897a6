"""What a server says of its WebSocket: which events there are, and which frames fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from quartapp_contract_suite.documents.additions import follow, messages

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject

# What the contract says a server reads; see "Frames" in asyncapi.yaml.
NESTING_LEVELS = 200


class Document:
    """A server's AsyncAPI document, beside the authority.

    Args:
        raw: What the server says.
        authority: What asyncapi.yaml says.

    Attributes:
        raw: All of it.
        roles: Role by event, of what clients send; None where anybody may.
        broadcasts: Events that go to everybody the session concerns.
        frames: By event of the authority, the schema of a client's frame, without references.
        added: By event that only this server has, the whole message, its payload likewise.
        statuses: What a teacher may send as a status.
        counted: The statuses that summaries count one by one; none on a plain server.
    """

    def __init__(self, raw: JsonObject, authority: JsonObject) -> None:
        self.raw = raw
        self.roles: dict[str, str | None] = {}
        self.frames: dict[str, JsonObject] = {}
        self.added: dict[str, JsonObject] = {}
        self.broadcasts: set[str] = set()
        self._from_client: dict[str, jsonschema_rs.Validator] = {}
        self._from_server: dict[str, jsonschema_rs.Validator] = {}
        self._base_fields = _fields_of_data(authority)
        base = {message["name"] for action, message in messages(authority) if action == "receive"}
        for action, message in messages(raw):
            name, payload = message["name"], self.without_references(message["payload"])
            if action == "send":
                self._from_server[name] = self._validator(message["payload"])
                if message["x-audience"] == "concerned":
                    self.broadcasts.add(name)
                continue
            self.roles[name] = message.get("x-role")
            self._from_client[name] = self._validator(message["payload"])
            if name in base:
                self.frames[name] = payload
            else:
                self.added[name] = {**message, "payload": payload}
        mark = self.frames["ATTENDANCE_MARKED"]["properties"]["data"]["properties"]
        self.statuses = tuple(mark["status"]["enum"])
        summary = _fields_of_data(raw)["TODAY_SUMMARY"]
        counts = self.without_references(summary.get("statuses", {}))
        self.counted = tuple(counts.get("properties", ()))

    def base_part(self, frame: JsonObject) -> JsonObject:
        """A frame of the server without what plugins add to it."""
        data: JsonObject = frame["data"]
        known = self._base_fields.get(frame["event"], data)
        return {**frame, "data": {name: data[name] for name in data if name in known}}

    def without_references(self, node: Any) -> Any:  # noqa: ANN401 - any part of the document
        """``node`` with everything that it refers to written out."""
        node = follow(self.raw, node)
        if isinstance(node, dict):
            return {name: self.without_references(value) for name, value in node.items()}
        if isinstance(node, list):
            return [self.without_references(value) for value in node]
        return node

    def check_server_frame(self, text: str) -> dict[str, Any]:
        """A frame of the server, parsed.

        Raises:
            AssertionError: It is none that the document knows.
        """
        frame = json.loads(text)
        validator = self._from_server.get(frame.get("event"))
        assert validator is not None, f"the document has no such server event: {text}"
        for error in validator.iter_errors(frame):
            raise AssertionError(f"{text} does not fit the document: {error.message}")
        return dict(frame)

    def client_frame_fits(self, name: str, data: dict[str, Any]) -> bool:
        """Whether a frame of event ``name`` with ``data`` fits its schema."""
        # What is in unknown fields never counts, and not every validator takes every number.
        known = self.frames[name]["properties"]["data"]["properties"]
        plain = {key: _plain(value) for key, value in data.items() if key in known}
        return self._from_client[name].is_valid({"event": name, "data": plain})

    def _validator(self, payload: dict[str, Any]) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for({**payload, "components": self.raw["components"]})


def _fields_of_data(document: JsonObject) -> dict[str, JsonObject]:
    """The fields of ``data``, by event of the server."""
    fields = {}
    for action, message in messages(document):
        if action == "send":
            payload = follow(document, message["payload"])
            data = follow(document, payload["properties"]["data"])
            fields[message["name"]] = data["properties"]
    return fields


def _plain(value: object) -> object:
    return value if isinstance(value, (str, bool)) or value is None else {}


def read(frame: str | bytes) -> tuple[str, dict[str, Any]] | None:
    """Event and data of a client's frame; None when it is none by the document's rules."""
    if isinstance(frame, bytes):
        return None
    try:
        message = json.loads(frame, parse_constant=_no_constant)
        # A lone surrogate has no UTF-8.
        json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or _levels(message) > NESTING_LEVELS:
        return None
    name, data = message.get("event"), message.get("data", {})
    if not isinstance(name, str) or not isinstance(data, dict):
        return None
    return name, data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _levels(value: object) -> int:
    levels = 0
    layer = [value]
    while layer := [inner for outer in layer for inner in _inside(outer)]:
        levels += 1
    return levels


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.values(), None]
    if isinstance(value, list):
        return [*value, None]
    return []
