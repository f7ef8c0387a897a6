"""Outgoing frames, encoded once for all connections that receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quartapp.realtime.broadcast import Broadcast, Version

    Message = dict[str, Any]  # an ASGI message

# Name of our own ASGI extension, with which a server offers a :class:`Wire`.
WIRE_EXTENSION = "quartapp.websocket.wire"

_TEXT_IN_ONE_FRAME = b"\x81"
_LONGEST_SHORT, _LONGEST_MIDDLE = 125, 0xFFFF
_TWO_BYTES, _EIGHT_BYTES = b"\x7e", b"\x7f"


class Wire(Protocol):
    """Direct access to a socket's transport, without the cost of ASGI messages."""

    def write(self, frames: bytes) -> bool:
        """Send frames, if the transport can take them now.

        Args:
            frames: Complete frames, encoded for the wire.

        Returns:
            Whether the frames were sent. Otherwise the caller sends them as ASGI messages.
        """

    def abort(self) -> None:
        """Drop the connection at once, together with frames that are not sent yet."""


class NoWire:
    """A substitute for servers that offer no :class:`Wire`."""

    def write(self, _: bytes) -> bool:
        """Return False: all frames have to be sent as ASGI messages."""
        return False

    def abort(self) -> None:
        """Do nothing: the server's own timeouts end the connection."""


class Packed:
    """Frames in one form, ready for connections.

    Args:
        frames: The encoded frames, in order.

    Attributes:
        messages: An ASGI message for each frame.
        wire: All frames as a server sends them over the wire (RFC 6455, section 5.2).
    """

    __slots__ = ("messages", "wire")

    def __init__(self, frames: Iterable[str]) -> None:
        self.messages = [text_message(frame) for frame in frames]
        self.wire = b"".join(_on_the_wire(message["text"]) for message in self.messages)


class Parcel:
    """Frames that are sent together, to any number of connections.

    Each form is packed when a connection first needs the form.

    Args:
        frames: Encoded frames, which are the same for all connections, and broadcasts, in order.
    """

    __slots__ = ("_forms", "_frames", "_senders")

    def __init__(self, frames: Iterable[str | Broadcast]) -> None:
        self._frames = list(frames)
        self._forms: list[Packed | None] = [None, None]
        self._senders = {
            frame.sender
            for frame in self._frames
            if not isinstance(frame, str) and frame.ref is not None
        }

    def packed(self, connection: str, version: Version) -> Packed:
        """Return the frames for a connection.

        Args:
            connection: Id of the connection, which gets the references of its own frames.
            version: Version of the connection's frames.
        """
        if connection in self._senders:
            return self._pack(lambda broadcast: broadcast.answer(connection))
        form = self._forms[version]
        if form is None:
            form = self._pack(lambda broadcast: broadcast.frames(version))
            self._forms[version] = form
        return form

    def _pack(self, form_of: Callable[[Broadcast], Iterable[str]]) -> Packed:
        """Return the frames, each broadcast in the form that ``form_of`` chooses."""
        return Packed(
            text
            for frame in self._frames
            for text in ((frame,) if isinstance(frame, str) else form_of(frame))
        )


def text_message(frame: str) -> Message:
    """Return the ASGI message that sends ``frame``."""
    return {"type": "websocket.send", "text": frame, "bytes": None}


def _on_the_wire(frame: str) -> bytes:
    payload = frame.encode()
    size = len(payload)
    if size <= _LONGEST_SHORT:
        return _TEXT_IN_ONE_FRAME + size.to_bytes(1, "big") + payload
    if size <= _LONGEST_MIDDLE:
        return _TEXT_IN_ONE_FRAME + _TWO_BYTES + size.to_bytes(2, "big") + payload
    return _TEXT_IN_ONE_FRAME + _EIGHT_BYTES + size.to_bytes(8, "big") + payload
