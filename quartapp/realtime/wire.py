"""Frames on their way out: what is sent to many is made ready once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    Message = dict[str, Any]  # of ASGI

# An ASGI extension of ours: under this name a server may offer a :class:`Wire`.
WIRE_EXTENSION = "quartapp.websocket.wire"

_TEXT_IN_ONE_FRAME = b"\x81"
_LONGEST_SHORT, _LONGEST_MIDDLE = 125, 0xFFFF
_TWO_BYTES, _EIGHT_BYTES = b"\x7e", b"\x7f"


class Wire(Protocol):
    """A shorter way to a socket than ASGI's messages."""

    def write(self, frames: bytes) -> bool:
        """Send whole frames; False where they have to take the long way, in their turn."""

    def abort(self) -> None:
        """Drop the connection, with everything that is on its way."""


class NoWire:
    """What there is with servers that offer none."""

    def write(self, _: bytes) -> bool:
        """Nothing can be sent this way."""
        return False

    def abort(self) -> None:
        """The server has to find out by itself."""


class Parcel:
    """Frames that are sent together, to any number of connections.

    Args:
        frames: The encoded frames, in order.

    Attributes:
        messages: One ASGI message for each.
        wire: All of them as they go over the wire from a server (RFC 6455, section 5.2).
    """

    __slots__ = ("messages", "wire")

    def __init__(self, frames: Iterable[str]) -> None:
        self.messages = [text_message(frame) for frame in frames]
        self.wire = b"".join(_on_the_wire(message["text"]) for message in self.messages)


def text_message(frame: str) -> Message:
    """``frame`` as ASGI sends it."""
    return {"type": "websocket.send", "text": frame, "bytes": None}


def _on_the_wire(frame: str) -> bytes:
    payload = frame.encode()
    size = len(payload)
    if size <= _LONGEST_SHORT:
        return _TEXT_IN_ONE_FRAME + size.to_bytes(1, "big") + payload
    if size <= _LONGEST_MIDDLE:
        return _TEXT_IN_ONE_FRAME + _TWO_BYTES + size.to_bytes(2, "big") + payload
    return _TEXT_IN_ONE_FRAME + _EIGHT_BYTES + size.to_bytes(8, "big") + payload
