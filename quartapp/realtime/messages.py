"""Parsing and encoding of frames, with the frame for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import from_json

from quartapp.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping


_NOTHING: Mapping[str, object] = {}

ERROR = "ERROR"
INVALID_FORMAT = "Invalid message format"
UNKNOWN_EVENT = "Unknown event"
UNAUTHORIZED = "Unauthorized or invalid token"
INTERNAL = "Internal Server Error"
TOO_MANY_SOCKETS = "Too many sockets"
FOREIGN_ORIGIN = "Forbidden, origin not allowed"


MOST_REF_CHARACTERS = 64


class EventError(Exception):
    """An error that only the sender is told, with the event ``ERROR``; the socket stays open.

    Args:
        message: Value of ``message`` in the error frame; part of the contract.
        data: Further members of the error frame's ``data``.
        beside: Further members of the error frame, for sockets of version 1.
        ref: Reference of the refused frame; None without one.
    """

    def __init__(
        self,
        message: str,
        data: Mapping[str, object] = _NOTHING,
        beside: Mapping[str, object] = _NOTHING,
        ref: str | None = None,
    ) -> None:
        super().__init__(message)
        self.data = data
        self.beside = beside
        self.ref = ref

    @property
    def message(self) -> str:
        """Error message for the sender."""
        return str(self)


class ClientFrame(NamedTuple):
    """A client's frame.

    Attributes:
        name: Value of ``event``.
        data: Value of ``data``.
        ref: Reference of the frame; None without one.
    """

    name: str
    data: Mapping[str, object]
    ref: str | None


def parse(frame: str | bytes | None, *, with_ref: bool = False) -> ClientFrame:
    """Return the parts of a client's frame.

    Args:
        frame: The received frame: text, or bytes (None when empty) for a binary frame.
        with_ref: Whether the frame may have a reference; otherwise ``ref`` is ignored.

    Raises:
        EventError: The frame is binary, or its text is not a JSON object with a string ``event``,
            an optional object ``data``, and a ``ref`` that is no text of 1 to 64 characters.
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
    ref = message.get("ref") if with_ref else None
    if ref is not None and not (isinstance(ref, str) and 0 < len(ref) <= MOST_REF_CHARACTERS):
        raise EventError(INVALID_FORMAT)
    if not isinstance(name, str) or not isinstance(data, dict):
        raise EventError(INVALID_FORMAT, ref=ref)
    return ClientFrame(name, data, ref)


def encode(name: str, data: Mapping[str, object], beside: Mapping[str, object] = _NOTHING) -> str:
    """Return the frame of an event.

    Args:
        name: Value of ``event``.
        data: Value of ``data``.
        beside: Further members of the frame.
    """
    return to_json({"event": name, "data": data, **beside})


def encode_error(message: str) -> str:
    """Return the frame of the event ``ERROR`` with a message."""
    return encode(ERROR, {"message": message})
