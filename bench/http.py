"""HTTP: requests per second of ``/auth/me``, a class's details and ``/auth/login``.

``python bench/http.py --url http://127.0.0.1:3000``
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

# A script's own folder comes first on the path, where this file would hide Python's http.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.client import ANSWER_SECONDS, PASSWORD, Api, BenchError, milliseconds  # noqa: E402

# Warm-up, not counted: just-in-time compilers and caches need it.
WARM_UP_SECONDS = 1.0


class Caller:
    """A kept-alive connection that repeats one request.

    Args:
        api: Routes of the server.
        request: The encoded request.
        selector: Selector with which the connection registers.
    """

    def __init__(self, api: Api, request: bytes, selector: selectors.BaseSelector) -> None:
        self._address = (api.host, api.port)
        self._request = request
        self._selector = selector
        self._answer = b""
        self._sent = 0.0
        self._socket = self._connect()

    def send(self) -> None:
        """Send the request."""
        self._sent = time.perf_counter()
        self._socket.sendall(self._request)

    def read(self) -> float | None:
        """Read the received bytes.

        Returns:
            Time since the request, in seconds, when the answer is complete; otherwise None.

        Raises:
            BenchError: The status of the answer is not 200.
        """
        chunk = self._socket.recv(65536)
        if not chunk and not self._answer:
            # Servers end a connection after a number of requests; the cost is part of the figure.
            self.close()
            self._socket = self._connect()
            self._socket.sendall(self._request)
            return None
        self._answer += chunk
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not chunk or (end and not head.startswith(b"HTTP/1.1 200")):
            raise BenchError(f"unexpected answer: {self._answer[:200]!r}")
        if not end or len(body) < _content_length(head):
            return None
        self._answer = b""
        return time.perf_counter() - self._sent

    def close(self) -> None:
        """Close the connection."""
        self._selector.unregister(self._socket)
        self._socket.close()

    def _connect(self) -> socket.socket:
        connected = socket.create_connection(self._address, ANSWER_SECONDS)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connected, selectors.EVENT_READ, self)
        return connected


def _content_length(head: bytes) -> int:
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])


def requests(api: Api) -> dict[str, bytes]:
    """Return the requests to measure, by name, for a class of 30."""
    roll_call = api.start_roll_call(30)
    teacher = roll_call.teacher
    credentials = json.dumps({"email": teacher.email, "password": PASSWORD})
    head = f"Host: {api.host}:{api.port}\r\nAuthorization: Bearer {teacher.token}\r\n"
    return {
        "me": f"GET /api/v1/auth/me HTTP/1.1\r\n{head}\r\n".encode(),
        "class": f"GET /api/v1/class/{roll_call.class_id} HTTP/1.1\r\n{head}\r\n".encode(),
        "login": (
            f"POST /api/v1/auth/login HTTP/1.1\r\nHost: {api.host}:{api.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(credentials)}\r\n\r\n"
            f"{credentials}"
        ).encode(),
    }


def measure(api: Api, request: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Repeat a request on several connections, with one request at a time on each.

    Args:
        api: Routes of the server.
        request: The encoded request.
        connections: Number of connections.
        seconds: Duration, in seconds.
    """
    taken: list[float] = []
    selector = selectors.DefaultSelector()
    callers = [Caller(api, request, selector) for _ in range(connections)]
    for caller in callers:
        caller.send()
    begun = time.perf_counter() + WARM_UP_SECONDS
    client, started = time.process_time(), time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds:
        ready = selector.select(ANSWER_SECONDS)
        if not ready:
            raise BenchError("no answer")
        for key, _ in ready:
            duration = key.data.read()
            if duration is None:
                continue
            if now >= begun:
                taken.append(duration)
            key.data.send()
    for caller in callers:
        caller.close()
    selector.close()
    if not taken:
        raise BenchError("no answer in time")
    return {
        "requests_per_second": round(len(taken) / (now - begun)),
        **milliseconds(taken),
        "client_cpu": round((time.process_time() - client) / (now - started), 2),
    }


def line(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures as text."""
    return " | ".join(
        f"{name}: "
        + ", ".join(
            f"{at['requests_per_second']:g}/s at {connections} (p99 {at['p99_ms']} ms)"
            for connections, at in by_connections.items()
        )
        for name, by_connections in figures.items()
    )


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:3000")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    api = Api(options.url)
    try:
        figures: dict[str, dict[str, Any]] = {
            name: {
                str(connections): measure(api, request, connections, options.seconds)
                for connections in options.connections
            }
            for name, request in requests(api).items()
        }
    except (BenchError, OSError) as error:
        parser.exit(1, f"{error}\n")
    print(json.dumps(figures) if options.json else line(figures))


if __name__ == "__main__":
    main()
