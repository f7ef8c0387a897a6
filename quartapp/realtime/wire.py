"""Outgoing frames, encoded once for all connections that receive them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from quartapp.realtime.broadcast import Broadcast, Version

    Message = dict[str, Any]  # an ASGI message

# Name of our own ASGI extension, with which a server offers a :class:`Wire`.
WIRE_EXTENSION = "quartapp.websocket.wire"

_TEXT_IN_ONE_FRAME = b"\x81"
_DEFLATED_TEXT_IN_ONE_FRAME = b"\xc1"  # with the first reserved bit (RFC 7692, section 6)
_LONGEST_SHORT, _LONGEST_MIDDLE = 125, 0xFFFF
_TWO_BYTES, _EIGHT_BYTES = b"\x7e", b"\x7f"

# Frames repeat what is near, such as names of members, so the smallest window that zlib has makes
# large frames smaller than the largest does. A client may ask for a window as small as this.
_WINDOW_BITS = 9
_MEMORY_LEVEL = 5
_SENDERS_LEAVE_OUT = b"\x00\x00\xff\xff"
# Key of an ASGI message under which its compressed frame is kept for the other sockets.
_DEFLATED = "quartapp.deflated"


class Wire(Protocol):
    """Direct access to a socket's transport, without the cost of ASGI messages."""

    def write(self, packed: Packed) -> bool:
        """Send frames, if the transport can take them now.

        Args:
            packed: Complete frames, encoded for the wire.

        Returns:
            Whether the frames were sent. Otherwise the caller sends them as ASGI messages.
        """

    def abort(self) -> None:
        """Drop the connection at once, together with frames that are not sent yet."""


class NoWire:
    """A substitute for servers that offer no :class:`Wire`."""

    def write(self, _: Packed) -> bool:
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

    __slots__ = ("_deflated", "messages", "wire")

    def __init__(self, frames: Iterable[str]) -> None:
        self.messages = [text_message(frame) for frame in frames]
        self.wire = b"".join(_on_the_wire(message["text"]) for message in self.messages)
        self._deflated: bytes | None = None

    @property
    def deflated(self) -> bytes:
        """All frames for peers that take compressed ones, made when the first such peer is met."""
        if self._deflated is None:
            self._deflated = b"".join(map(deflated, self.messages))
        return self._deflated


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


def deflated(message: Message) -> bytes:
    """Return a text message as one frame for a peer that takes compressed frames (RFC 7692).

    The message keeps the frame, so all sockets that send the message share one compression.

    Args:
        message: What :func:`text_message` returned.

    Returns:
        The compressed frame; the plain one, which such a peer takes too, if it is not longer.
    """
    made: bytes | None = message.get(_DEFLATED)
    if made is None:
        made = message[_DEFLATED] = _deflated(message["text"].encode())
    return made


def _deflated(payload: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-_WINDOW_BITS, memLevel=_MEMORY_LEVEL)
    small = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
    small = small.removesuffix(_SENDERS_LEAVE_OUT)
    if len(small) < len(payload):
        return _framed(_DEFLATED_TEXT_IN_ONE_FRAME, small)
    return _framed(_TEXT_IN_ONE_FRAME, payload)


def _on_the_wire(frame: str) -> bytes:
    return _framed(_TEXT_IN_ONE_FRAME, frame.encode())


def _framed(head: bytes, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _LONGEST_SHORT:
        return head + size.to_bytes(1, "big") + payload
    if size <= _LONGEST_MIDDLE:
        return head + _TWO_BYTES + size.to_bytes(2, "big") + payload
    return head + _EIGHT_BYTES + size.to_bytes(8, "big") + payload
