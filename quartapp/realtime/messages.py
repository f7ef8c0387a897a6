"""Messages as they travel: frames parsed and encoded, and the error frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import from_json

from quartapp.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping


INVALID_FORMAT = "Invalid message format"
UNKNOWN_EVENT = "Unknown event"
UNAUTHORIZED = "Unauthorized or invalid token"
INTERNAL = "Internal Server Error"


class EventError(Exception):
    """Answers the sender, and nobody else, with an ``ERROR``; the socket stays open.

    Args:
        message: The string under ``message``; part of the contract.
    """

    @property
    def message(self) -> str:
        """What the sender is told."""
        return str(self)


def parse(frame: str | bytes | None) -> tuple[str, Mapping[str, object]]:
    """The event and data of a client's frame.

    Args:
        frame: As received: text, or bytes (None when empty) for a binary frame.

    Raises:
        EventError: It is not a text frame with a JSON object that has a string ``event`` and, if
            any, an object ``data``.
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
    """A frame to send."""
    return to_json({"event": name, "data": data})


def encode_error(message: str) -> str:
    """The ``ERROR`` frame with ``message``."""
    return encode("ERROR", {"message": message})
