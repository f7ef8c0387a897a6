"""HTTP/1.1 and nothing else, read to the letter.

Hypercorn 0.18 changes to HTTP/2 whenever a client asks, and no setting prevents that: requests in
HTTP/2 would pass the rules of a proxy that speaks HTTP/1.1 to the server. Its parser, h11, accepts
messages that proxies read in another way, and such a difference lets a client smuggle a request
past a proxy (RFC 9112, section 11.2). So a request that leaves any doubt is refused, and its
connection is closed.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import h11
from h11._receivebuffer import ReceiveBuffer
from hypercorn.events import Closed, RawData
from hypercorn.protocol.h11 import H11Protocol

from quartapp.http.browsers.headers import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypercorn.events import Event

VERSIONS = frozenset({b"1.0", b"1.1"})
WEBSOCKET_VERSION = b"13"

_CRLF = b"\r\n"
_CR = _CRLF[0]
_END_OF_HEAD = _CRLF + _CRLF
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTINUED = re.compile(rb"\n[ \t]")
# Fields that tell where a body ends; the group finds a list of lengths.
_FRAMING = re.compile(rb"\n(?:content-length:[^\r,]*(,?)|transfer-encoding:)", re.IGNORECASE)
_CHUNK_HEAD = re.compile(rb"[0-9A-Fa-f]{1,16}(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
# Sixteen bytes in base64 (RFC 6455, section 4.1).
_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")


class Http1(H11Protocol):
    """A connection that speaks HTTP/1.1, and upgrades to WebSockets alone.

    Args:
        arguments: Arguments of Hypercorn's ``ProtocolWrapper``; the last is the protocol that TLS
            has agreed on, and the server offers none but HTTP/1.1.
    """

    _refused = False

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - Hypercorn's
        super().__init__(*arguments[:-1])
        cast("Any", self.connection)._receive_buffer = StrictBuffer()  # noqa: SLF001 - h11 has no parameter

    async def handle(self, event: Event) -> None:
        """Handle an event of the connection; after a refusal, ignore what still arrives."""
        if self._refused and isinstance(event, RawData):
            return
        await super().handle(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Stay with HTTP/1.1: a server may ignore an upgrade (RFC 9110, section 7.8)."""

    async def _create_stream(self, request: h11.Request) -> None:
        status = refusal(request)
        if status is None:
            await super()._create_stream(request)
            return
        self._refused = True
        await self._send_error_response(status)
        await self.send(Closed())

    async def _send_error_response(self, status_code: int) -> None:
        headers = [
            (b"content-length", b"0"),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in REFUSED.items()),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(headers=headers, status_code=status_code))
        await self._send_h11_event(h11.EndOfMessage())


class StrictBuffer(ReceiveBuffer):
    """A receive buffer that accepts no lines that another program may read differently."""

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Return the lines of a head or of trailers, or None until they are complete.

        Raises:
            h11.LocalProtocolError: A line is doubtful, or the fields disagree about the body.
        """
        data = self._data
        if data.startswith(_CRLF):
            return super().maybe_extract_lines()
        end = data.find(_END_OF_HEAD)
        size = len(data) if end < 0 else end + len(_CRLF)
        if _is_doubtful(data, size):
            raise h11.LocalProtocolError("doubtful characters in a line")
        if end < 0:
            return None
        found = _FRAMING.findall(data, 0, size)
        if len(found) > 1 or b"," in found:
            raise h11.LocalProtocolError("several fields describe the body")
        return super().maybe_extract_lines()

    def maybe_extract_next_line(self) -> bytearray | None:
        """Return the line before a chunk, or None until the line is complete.

        Raises:
            h11.LocalProtocolError: The line is not the size of a chunk with its extensions.
        """
        line = super().maybe_extract_next_line()
        if line is not None and _CHUNK_HEAD.fullmatch(line) is None:
            raise h11.LocalProtocolError("malformed size of a chunk")
        return line


def _is_doubtful(data: bytearray, size: int) -> bool:
    # Counting takes a tenth of the time of a regular expression for line ends.
    pairs = data.count(_CRLF, 0, size)
    returns = data.count(b"\r", 0, size)
    if size and data[size - 1] == _CR:  # the LF may still come
        returns -= 1
    return (
        not pairs == returns == data.count(b"\n", 0, size)
        or _CONTROL.search(data, 0, size) is not None
        or _CONTINUED.search(data, 0, size) is not None
    )


def refusal(request: h11.Request) -> HTTPStatus | None:
    """Return the status that refuses a request whatever its path; None for proper requests.

    Args:
        request: Head of the request.
    """
    if request.http_version not in VERSIONS:
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    if request.method == b"CONNECT":
        return HTTPStatus.NOT_IMPLEMENTED
    fields = dict(request.headers)
    if request.http_version == b"1.0" and b"transfer-encoding" in fields:
        return HTTPStatus.BAD_REQUEST
    if fields.get(b"upgrade", b"").lower() == b"websocket" and not _is_handshake(request, fields):
        return HTTPStatus.BAD_REQUEST
    return None


def _is_handshake(request: h11.Request, fields: Mapping[bytes, bytes]) -> bool:
    names = [name for name, _ in request.headers]
    return (
        request.method == b"GET"
        and request.http_version == b"1.1"
        and names.count(b"sec-websocket-key") == 1
        and names.count(b"sec-websocket-version") == 1
        and fields[b"sec-websocket-version"] == WEBSOCKET_VERSION
        and _KEY.fullmatch(fields[b"sec-websocket-key"]) is not None
        # What follows a handshake are frames, and no body.
        and b"transfer-encoding" not in fields
        and fields.get(b"content-length", b"0") == b"0"
    )
