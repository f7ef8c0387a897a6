"""Parsing and encoding of frames, with the frame for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import from_json

from quartapp.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping


ERROR = "ERROR"
INVALID_FORMAT = "Invalid message format"
UNKNOWN_EVENT = "Unknown event"
UNAUTHORIZED = "Unauthorized or invalid token"
INTERNAL = "Internal Server Error"


class EventError(Exception):
    """An error that only the sender is told, with the event ``ERROR``; the socket stays open.

    Args:
        message: Value of ``message`` in the error frame; part of the contract.
    """

    @property
    def message(self) -> str:
        """Error message for the sender."""
        return str(self)


def parse(frame: str | bytes | None) -> tuple[str, Mapping[str, object]]:
    """Return the event's name and the data of a client's frame.

    Args:
        frame: The received frame: text, or bytes (None when empty) for a binary frame.

    Raises:
        EventError: The frame is binary, or its text is not a JSON object with a string ``event``
            and an optional object ``data``.
    """
    if not isinstance(frame, str):
        raise EventError(INVALID_FORMAT)
    try:
        message = from_json(frame, allow_inf_nan=False)
    except ValueError as error:
        raise EventError(INVALID_FORMAT) from error
    if not isinstance(message, dict):
        raise EventError(INVALID_FORMAT)
    name, data = message.get("event"), message.get("data", {})
    if not isinstance(name, str) or not isinstance(data, dict):
        raise EventError(INVALID_FORMAT)
    return name, data


def encode(name: str, data: Mapping[str, object]) -> str:
    """Return the frame of an event.

    Args:
        name: Value of ``event``.
        data: Value of ``data``.
    """
    return to_json({"event": name, "data": data})


def encode_error(message: str) -> str:
    """Return the frame of the event ``ERROR`` with a message."""
    return encode(ERROR, {"message": message})
