"""The shared parts of the benchmarks: a roll call to measure, and clients that use little CPU.

The server, the database and the client share one machine, so the client takes its CPU time from the
server. WebSockets are therefore read through a selector, and only the headers of frames are parsed.
"""

from __future__ import annotations

import http.client
import json
import math
import resource
import secrets
import selectors
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANSWER_SECONDS = 30.0
PASSWORD = "correct horse"  # noqa: S105 - of accounts made for one run
SIGN_UPS_AT_ONCE = 4

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
# Short ASCII frames, such as broadcasts of marks, contain the first byte of a text frame only at
# their start. The number of these bytes is therefore the number of frames. This table deletes all
# other bytes of such frames.
_TEXT_FRAME = b"\x81"
_PLAIN = bytes(range(0x7E))


class BenchError(Exception):
    """The server did something that makes the figures worthless."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its ``_id``, e-mail address and token."""

    id: str
    email: str
    token: str


@dataclass(frozen=True, slots=True)
class RollCall:
    """A class with a live session."""

    class_id: str
    teacher: Person
    students: list[Person]


class Api:
    """The HTTP routes that prepare a measurement.

    Args:
        url: Base URL of the server, like ``http://127.0.0.1:3000``.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 80

    def call(self, method: str, path: str, token: str = "", **body: object) -> dict[str, Any]:
        """Send a request, and return the JSON of the answer.

        Args:
            method: HTTP method.
            path: Path of the route.
            token: Token of the caller; empty for none.
            body: Members of the JSON body.

        Raises:
            BenchError: The status is not 2xx.
        """
        status, answer = self._answer(method, path, token, body)
        if status >= http.client.MULTIPLE_CHOICES:
            raise BenchError(f"{method} {path}: {status} {answer.get('error')}")
        return answer

    def ask(self, path: str, token: str) -> None:
        """Send a GET that finds something or nothing.

        Args:
            path: Path of the route, with its query.
            token: Token of the caller.

        Raises:
            BenchError: The status is neither 200 nor 404.
        """
        status, answer = self._answer("GET", path, token, {})
        if status not in {http.client.OK, http.client.NOT_FOUND}:
            raise BenchError(f"GET {path}: {status} {answer.get('error')}")

    def _answer(
        self, method: str, path: str, token: str, body: dict[str, object]
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(
                method, f"/api/v1{path}", json.dumps(body) if body else None, headers
            )
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        return response.status, answer

    def sign_up(self, role: str) -> Person:
        """Register an account, and sign in.

        Args:
            role: Role of the account.
        """
        email = f"{secrets.token_hex(8)}@bench.example.org"
        user = self.call(
            "POST", "/auth/register", name="Bench", email=email, password=PASSWORD, role=role
        )["data"]
        signed_in = self.call("POST", "/auth/login", email=email, password=PASSWORD)
        return Person(user["_id"], email, signed_in["data"]["token"])

    def start_roll_call(self, students: int) -> RollCall:
        """Create a class with new students, and start its session.

        Args:
            students: Number of students on the roll.
        """
        teacher = self.sign_up("teacher")
        with ThreadPoolExecutor(SIGN_UPS_AT_ONCE) as pool:
            people = list(pool.map(self.sign_up, ["student"] * students))
        token = teacher.token
        class_id = self.call("POST", "/class", token, className="Bench")["data"]["_id"]
        for person in people:
            self.call("POST", f"/class/{class_id}/add-student", token, studentId=person.id)
        self.call("POST", "/attendance/start", token, classId=class_id)
        return RollCall(class_id, teacher, people)


class Socket:
    """An open WebSocket (RFC 6455) that counts the text frames received.

    Args:
        api: Routes of the server.
        token: Token of the socket's user.
        query: Query of the address, with its question mark.
        headers: Further lines of the handshake.

    Attributes:
        frames: Number of text frames.
        received: Number of bytes, after the handshake.
    """

    __slots__ = ("_rest", "_socket", "frames", "received")

    def __init__(self, api: Api, token: str, query: str = "", headers: str = "") -> None:
        self.frames = 0
        self._rest = b""
        self._socket = socket.create_connection((api.host, api.port), ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(
            (
                f"GET /ws{query} HTTP/1.1\r\nHost: {api.host}:{api.port}\r\n"
                f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"{headers}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Authorization: Bearer {token}\r\n\r\n"
            ).encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self._socket.recv(4096)
            if not chunk:
                raise BenchError("no WebSocket handshake")
            head += chunk
        if not head.startswith(b"HTTP/1.1 101"):
            raise BenchError(f"no WebSocket: {head[:60]!r}")
        self._rest = head.partition(b"\r\n\r\n")[2]
        self.received = len(self._rest)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """Return the file descriptor, for a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection without a close frame."""
        self._socket.close()

    def send(self, event: str, **data: object) -> None:
        """Send an event.

        The event has to fit into the kernel's buffer, so only a few may be unanswered.

        Args:
            event: Name of the event.
            data: Members of the event's data.
        """
        self._send(_TEXT, json.dumps({"event": event, "data": data}).encode())

    def read(self) -> None:
        """Read the received bytes, and count the frames.

        Raises:
            BenchError: The server answered with an error, or closed the socket.
        """
        arrived = self._socket.recv(65536)
        if not arrived:
            raise BenchError("the server closed a socket")
        self.received += len(arrived)
        data = self._rest + arrived
        if b'"ERROR"' in data:
            raise BenchError(f"the server refused: {data!r}")
        if len(data.translate(None, _PLAIN)) == (count := data.count(_TEXT_FRAME)):
            self._rest = _incomplete(data)
            self.frames += count - bool(self._rest)
        else:
            self._rest = self._walk(data)

    def _walk(self, data: bytes) -> bytes:
        """Parse frames one by one, and return the incomplete rest."""
        at, end = 0, len(data)
        while end - at >= 2:
            start, length = at + 2, data[at + 1]
            if length >= 126:  # the length is in the next two or eight bytes
                start = at + (4 if length == 126 else 10)
                length = int.from_bytes(data[at + 2 : start])
            if start + length > end:
                break
            if data[at] & 0x0F == _TEXT:
                self.frames += 1
            else:
                self._control(data[at] & 0x0F, data[start : start + length])
            at = start + length
        return data[at:]

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            raise BenchError(f"the server closed a socket with {int.from_bytes(payload[:2])}")
        if opcode == _PING:
            self._send(_PONG, payload)

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0xFE, size)
        # A masking key of zeros is valid, and leaves the payload unchanged.
        self._socket.sendall(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)


class Sockets:
    """Many sockets that are read by one selector."""

    def __init__(self) -> None:
        self.all: list[Socket] = []
        self._selector = selectors.DefaultSelector()

    def open(
        self, api: Api, tokens: Sequence[str], count: int, query: str = "", headers: str = ""
    ) -> None:
        """Open sockets up to a number, for the owners of the tokens in turn.

        Args:
            api: Routes of the server.
            tokens: Tokens of the users.
            count: Number of sockets to have open.
            query: Query of the address, with its question mark.
            headers: Further lines of the handshake.
        """
        allow_sockets(count)
        while len(self.all) < count:
            opened = Socket(api, tokens[len(self.all) % len(tokens)], query, headers)
            self._selector.register(opened, selectors.EVENT_READ, opened)
            self.all.append(opened)

    def readable(self, seconds: float) -> Iterator[Socket]:
        """Yield the sockets that have bytes to read.

        Args:
            seconds: Longest time to wait, in seconds.
        """
        for key, _ in self._selector.select(seconds):
            yield key.data

    def wait(self, frames: int) -> None:
        """Read until every socket has counted a number of frames.

        Args:
            frames: Number of frames.

        Raises:
            BenchError: A socket did not get them in time.
        """
        waiting = {one for one in self.all if one.frames < frames}
        deadline = time.perf_counter() + ANSWER_SECONDS
        while waiting:
            if time.perf_counter() > deadline:
                raise BenchError(f"{len(waiting)} sockets miss frames")
            for one in self.readable(1.0):
                one.read()
                if one.frames >= frames:
                    waiting.discard(one)

    def drop(self, one: Socket) -> None:
        """Read a socket no longer.

        Args:
            one: The socket, which the server has closed.
        """
        self._selector.unregister(one)

    def close(self) -> None:
        """Close all sockets."""
        for one in self.all:
            one.close()
        self._selector.close()


def _incomplete(frames: bytes) -> bytes:
    """Return the last of several short text frames if it is incomplete, else nothing."""
    last = frames.rfind(_TEXT_FRAME)
    if last < 0 or (last + 1 < len(frames) and last + 2 + frames[last + 1] <= len(frames)):
        return b""
    return frames[last:]


def allow_sockets(count: int) -> None:
    """Raise the limit of open files for a number of sockets, in this process and its children.

    Args:
        count: Number of sockets.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: the least value that a share of all values do not exceed.

    Args:
        values: At least one value.
        share: The share, from 0 to 1.
    """
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def milliseconds(values: Sequence[float]) -> dict[str, float]:
    """Return p50 and p99 in milliseconds.

    Args:
        values: Durations, in seconds.
    """
    return {f"p{n}_ms": round(percentile(values, n / 100) * 1000, 2) for n in (50, 99)}
