"""A server's AsyncAPI document: its events, and the frames that fit their schemas."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from quartapp_contract_suite.documents.additions import follow, messages

if TYPE_CHECKING:
    from quartapp.encoding import JsonObject

# The limit of the contract; see "Frames" in asyncapi.yaml.
NESTING_LEVELS = 200
# The limit of the contract; see "Version 1" in asyncapi.yaml.
REFERENCE_CHARACTERS = 64


class Document:
    """A server's AsyncAPI document, compared with the authority.

    Args:
        raw: The document of the server.
        authority: The document asyncapi.yaml.

    Attributes:
        raw: The document of the server.
        roles: Role that may send each client event; None for every role.
        broadcasts: Events that go to everybody whom the session concerns.
        frames: Schema of a client's frame by event of the authority, without references.
        frames_v1: The same for frames from sockets of version 1.
        added: Message by event that only this server has, its payload without references.
        statuses: The statuses that a teacher may send.
        counted: The statuses that summaries count one by one; none on a plain server.
    """

    def __init__(self, raw: JsonObject, authority: JsonObject) -> None:
        self.raw = raw
        self.roles: dict[str, str | None] = {}
        self.frames: dict[str, JsonObject] = {}
        self.frames_v1: dict[str, JsonObject] = {}
        self.added: dict[str, JsonObject] = {}
        self.broadcasts: set[str] = set()
        self._from_client: dict[str, jsonschema_rs.Validator] = {}
        self._from_client_v1: dict[str, jsonschema_rs.Validator] = {}
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
            in_v1: JsonObject = message.get("x-payload-v1") or message["payload"]
            self._from_client_v1[name] = self._validator(in_v1)
            if name in base:
                self.frames[name] = payload
                self.frames_v1[name] = self.without_references(in_v1)
            else:
                self.added[name] = {**message, "payload": payload}
        mark = self.frames["ATTENDANCE_MARKED"]["properties"]["data"]["properties"]
        self.statuses = tuple(mark["status"]["enum"])
        summary = _fields_of_data(raw)["TODAY_SUMMARY"]
        counts = self.without_references(summary.get("statuses", {}))
        self.counted = tuple(counts.get("properties", ()))

    def base_part(self, frame: JsonObject) -> JsonObject:
        """Return a frame of the server without the fields that plugins add."""
        data: JsonObject = frame["data"]
        known = self._base_fields.get(frame["event"], data)
        return {**frame, "data": {name: data[name] for name in data if name in known}}

    def without_references(self, node: Any) -> Any:  # noqa: ANN401 - any part of the document
        """Return ``node`` with the target in place of each reference."""
        node = follow(self.raw, node)
        if isinstance(node, dict):
            return {name: self.without_references(value) for name, value in node.items()}
        if isinstance(node, list):
            return [self.without_references(value) for value in node]
        return node

    def check_server_frame(self, text: str) -> dict[str, Any]:
        """Return the parsed frame of the server.

        Raises:
            AssertionError: The frame does not fit the document.
        """
        frame = json.loads(text)
        validator = self._from_server.get(frame.get("event"))
        assert validator is not None, f"the document has no such server event: {text}"
        for error in validator.iter_errors(frame):
            raise AssertionError(f"{text} does not fit the document: {error.message}")
        return dict(frame)

    def client_frame_fits(self, name: str, data: dict[str, Any], version: int = 0) -> bool:
        """Tell whether a frame fits the event's schema.

        Args:
            name: The event.
            data: Value of ``data``.
            version: Version of the socket that sends the frame; 0 for none.
        """
        frames, validators = (
            (self.frames_v1, self._from_client_v1) if version else (self.frames, self._from_client)
        )
        # Unknown fields never count, and not every validator accepts every number in them.
        known = frames[name]["properties"]["data"]["properties"]
        plain = {key: _plain(value) for key, value in data.items() if key in known}
        return validators[name].is_valid({"event": name, "data": plain})

    def _validator(self, payload: dict[str, Any]) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for({**payload, "components": self.raw["components"]})


def _fields_of_data(document: JsonObject) -> dict[str, JsonObject]:
    """Return the schemas of the fields of ``data`` by server event."""
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
    """Return event and data of a client's frame; None if the frame breaks the document's rules."""
    message = _parsed(frame)
    if message is None:
        return None
    name, data = message.get("event"), message.get("data", {})
    if not isinstance(name, str) or not isinstance(data, dict):
        return None
    return name, data


def reference(frame: str | bytes) -> str | None:
    """Return the ``ref`` of a client's frame in version 1; None without one.

    Raises:
        ValueError: The ``ref`` is no text of 1 to 64 characters.
    """
    ref = (_parsed(frame) or {}).get("ref")
    if ref is not None and not (isinstance(ref, str) and 1 <= len(ref) <= REFERENCE_CHARACTERS):
        raise ValueError("the reference is malformed")
    return ref


def _parsed(frame: str | bytes) -> dict[str, Any] | None:
    if isinstance(frame, bytes):
        return None
    try:
        message = json.loads(frame, parse_constant=_no_constant)
        # A lone surrogate cannot be encoded as UTF-8.
        json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or _levels(message) > NESTING_LEVELS:
        return None
    return message


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
