"""asyncapi.yaml as the tests use it: which events there are, and which frames fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

PATH = Path(__file__).parent / "asyncapi.yaml"

# What the document says a server reads; see "Frames" there.
NESTING_LEVELS = 200


class Document:
    """The AsyncAPI document beside this file.

    Attributes:
        raw: All of it.
        roles: Role by event, of what clients send.
        broadcasts: Events that go to everybody the session concerns.
        frames: By event, the schema of a client's frame, without references.
    """

    def __init__(self) -> None:
        self.raw: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
        self.roles: dict[str, str] = {}
        self.frames: dict[str, dict[str, Any]] = {}
        self.broadcasts: set[str] = set()
        self._from_client: dict[str, jsonschema_rs.Validator] = {}
        self._from_server: dict[str, jsonschema_rs.Validator] = {}
        for operation in self.raw["operations"].values():
            for reference in operation["messages"]:
                message = self.follow(reference)
                if operation["action"] == "receive":
                    self.roles[message["name"]] = message["x-role"]
                    self.frames[message["name"]] = self.without_references(message["payload"])
                    self._from_client[message["name"]] = self._validator(message["payload"])
                else:
                    self._from_server[message["name"]] = self._validator(message["payload"])
                    if message["x-audience"] == "session":
                        self.broadcasts.add(message["name"])

    def follow(self, node: Any) -> Any:  # noqa: ANN401 - any part of the document
        """``node``, or what it refers to.

        Raises:
            KeyError: It refers to nothing.
        """
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.raw
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def without_references(self, node: Any) -> Any:  # noqa: ANN401 - any part of the document
        """``node`` with everything that it refers to written out."""
        node = self.follow(node)
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
