"""One WebSocket client by hand, for what no library would send."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from tests.faults.support.crowd import CLOSE

LIMIT = 64 * 1024
GONE_SECONDS = 60.0
FLOOD_SECONDS = 120.0
NO_CODE = 1006  # no close frame came (RFC 6455, section 7.4.1)


def address_of(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


class Attacker:
    """A client by hand, that blocks; for use in a thread.

    Args:
        url: Which server to attack.
        token: Whose it is.
        headers: Further lines of the handshake.
    """

    def __init__(self, url: str, token: str, headers: str = "") -> None:
        host, port = address_of(url)
        self.socket = socket.create_connection((host, port), GONE_SECONDS)
        self._rest = b""
        self.socket.sendall(
            (
                f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{headers}"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Authorization: Bearer {token}\r\n\r\n"
            ).encode()
        )
        while b"\r\n\r\n" not in self._rest:
            data = self.socket.recv(4096)
            assert data, "no handshake"
            self._rest += data
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.head = head.decode().lower()
        assert self.head.startswith("http/1.1 101"), self.head

    def __enter__(self) -> Attacker:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flood(self, first: bytes, then: bytes) -> None:
        """Send ``first``, and ``then`` without end, until the server has had enough."""
        chunk = then * max(LIMIT // len(then), 1)
        self.socket.settimeout(FLOOD_SECONDS)
        with suppress(ConnectionError):
            self.socket.sendall(first)
            while True:
                self.socket.sendall(chunk)

    def closed(self, seconds: float = GONE_SECONDS) -> int:
        """Read up to the end of the connection; the close code, or 1006.

        Raises:
            TimeoutError: The server keeps it open.
        """
        code, deadline = NO_CODE, time.monotonic() + seconds
        while True:
            opcode, payload = self._frame(deadline)
            if opcode is None:
                return code
            if opcode == CLOSE and code == NO_CODE:
                code = int.from_bytes(payload[:2])

    def _frame(self, deadline: float) -> tuple[int | None, bytes]:
        while True:
            data = self._rest
            if len(data) >= 2:
                start, length = 2, data[1]
                if length == 126:
                    start, length = 4, int.from_bytes(data[2:4])
                if len(data) >= start + length:
                    self._rest = data[start + length :]
                    return data[0] & 0x0F, data[start : start + length]
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(LIMIT)
            except ConnectionError:
                return None, b""
            if not data:
                return None, b""
            self._rest += data
