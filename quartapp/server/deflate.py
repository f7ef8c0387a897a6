"""Compression of WebSocket messages (permessage-deflate, RFC 7692) that keeps no memory.

Neither side keeps a window from message to message (``no_context_takeover``): an open socket costs
no memory, and a broadcast is compressed once for all sockets. What a client sends is inflated part
by part, and only up to the size limit of a message.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

from quartapp.realtime.channel import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsproto.frame_protocol import FrameDecoder, FrameProtocol

NAME = "permessage-deflate"
# Both always, as the server may ask for either without an offer of it (RFC 7692, section 7.1.1).
_ANSWER = f"{NAME}; server_no_context_takeover; client_no_context_takeover"

# Parameters of an offer (RFC 7692, section 7.1). A client that inflates with 256 bytes gets no
# compression: zlib has no window that small.
_OFFERED = re.compile(
    r"(?P<name>server_no_context_takeover|client_no_context_takeover"
    r'|server_max_window_bits(?==)|client_max_window_bits)(?:=(?P<bits>"?(?:[89]|1[0-5])"?))?'
)
_NEEDS_NO_VALUE = ("server_no_context_takeover", "client_no_context_takeover")
_SMALLEST_WINDOW_BITS = 9

_LARGEST_WINDOW_BITS = 15
# No compressor makes a message twice as long. Without this limit a client could send, without end,
# compressed data that inflates to nothing.
_MOST_RECEIVED_BYTES = 2 * MAX_FRAME_BYTES
# What a sender leaves out at the end of a message (RFC 7692, section 7.2.1), and an empty last
# block: only where the message's data is whole, the stream ends there.
_TAIL = b"\x00\x00\xff\xff" + b"\x01\x00\x00\xff\xff"
# What follows a last block that a sender has set itself (RFC 7692, section 7.2.3.4).
_AFTER_LAST_BLOCK = b"\x00"


def answer_to(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Choose the first offer of compression in a handshake that the server can meet.

    Args:
        headers: Names in lower case and values of the handshake's headers.

    Returns:
        The server's ``Sec-WebSocket-Extensions``; None without an offer that can be met, in which
        case frames are not compressed.
    """
    offers = [value for name, value in headers if name == b"sec-websocket-extensions"]
    for offer in b",".join(offers).decode("latin-1").split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name == NAME and (answer := _answer_to(parameters)) is not None:
            return answer
    return None


def _answer_to(parameters: list[str]) -> str | None:
    given: dict[str, str | None] = {}
    for parameter in parameters:
        found = _OFFERED.fullmatch(parameter)
        if found is None or found["name"] in given:
            return None
        if found["name"] in _NEEDS_NO_VALUE and found["bits"]:
            return None
        given[found["name"]] = found["bits"]
    bits = given.get("server_max_window_bits")
    if bits is None:
        return _ANSWER
    size = int(bits.strip('"'))
    if size < _SMALLEST_WINDOW_BITS:
        return None
    return f"{_ANSWER}; server_max_window_bits={size}"


def agree(answers: list[str], extensions: list[Extension]) -> bytes:
    """Put the server's extension into a handshake, in place of wsproto's function of negotiation.

    Args:
        answers: The answer of :func:`answer_to`.
        extensions: Extensions of the connection, which become ours.

    Returns:
        The server's ``Sec-WebSocket-Extensions``.
    """
    extensions[:] = [Inflating()]
    return answers[0].encode("ascii")


class Inflating(Extension):
    """The receiving side of the extension; :func:`~quartapp.realtime.wire.deflated` is the sending.

    A message that inflates to more than the size limit closes its sender with 1009, and data that
    is no DEFLATE closes its sender with 1007.
    """

    name = NAME

    def __init__(self) -> None:
        self._message: _Message | None = None
        self._is_data = False

    def enabled(self) -> bool:
        """Return whether the extension was agreed on."""
        return True

    def offer(self) -> str:
        """Return the parameters of a client's offer, of which a server makes none."""
        return ""

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,
    ) -> RsvBits:
        """Begin a frame.

        Returns:
            The reserved bits that the frame may have: the first one on the first frame of a
            message, and on no fragment or control frame after it.
        """
        self._is_data = not opcode.iscontrol()
        if opcode not in (Opcode.TEXT, Opcode.BINARY):
            return RsvBits(False, False, False)
        self._message = _Message() if rsv.rsv1 else None
        return RsvBits(True, False, False)

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,
        data: bytes,
    ) -> bytes | CloseReason:
        """Return a part of a frame as it was before its compression, or the code of a refusal."""
        if self._message is None or not self._is_data:
            return data
        return self._message.inflate(data)

    def frame_inbound_complete(
        self,
        proto: FrameDecoder | FrameProtocol,
        fin: bool,
    ) -> bytes | CloseReason | None:
        """Return what the end of a frame adds to its message, or the code of a refusal."""
        if self._message is None or not self._is_data or not fin:
            return None
        message, self._message = self._message, None
        return message.end()


class _Message:
    """A compressed message that is being received."""

    __slots__ = ("_left", "_received", "_stream")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-_LARGEST_WINDOW_BITS)
        self._left = MAX_FRAME_BYTES
        self._received = 0

    def inflate(self, data: bytes) -> bytes | CloseReason:
        """Return what a part inflates to, or the code of a refusal."""
        self._received += len(data)
        if self._received > _MOST_RECEIVED_BYTES:
            return CloseReason.MESSAGE_TOO_BIG
        try:
            inflated = self._stream.decompress(data, self._left + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        if not _AFTER_LAST_BLOCK.startswith(self._stream.unused_data):
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._left -= len(inflated)
        return inflated if self._left >= 0 else CloseReason.MESSAGE_TOO_BIG

    def end(self) -> bytes | CloseReason:
        """Return what the end of the message adds, or the code of a refusal."""
        if self._stream.eof:
            return b""
        inflated = self.inflate(_TAIL)
        return inflated if self._stream.eof else CloseReason.INVALID_FRAME_PAYLOAD_DATA
