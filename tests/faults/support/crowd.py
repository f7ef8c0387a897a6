"""Many WebSocket clients that cost little: one selector, and nothing decoded but frame headers.

Run as a program it is a crowd in a process of its own, which a test can stop with a signal:
``python crowd.py URL`` with one token per line on standard input. It says ``open`` when all are in,
and reads what comes until it is killed.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OPEN_SECONDS = 120.0
ABNORMAL_CLOSURE = 1006  # no close frame came (RFC 6455, section 7.4.1)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
_ESTABLISHED = "01"


class Member:
    """One client.

    Args:
        address: Host and port of the server.
        token: Whose it is.
        options: Of the TCP socket, as ``setsockopt`` takes them, set before it connects.

    Attributes:
        opened_at: When the handshake was done, on the clock of ``time.perf_counter``.
        refusal: What the server answered instead of a handshake.
        frames: How many text frames came.
        texts: The text frames themselves; kept only once somebody has made it a list.
        close_code: The server's, or 1006; None while the socket is open.
        closed_at: When that came.
    """

    __slots__ = (
        *("_rest", "close_code", "closed_at", "frames", "opened_at", "port", "refusal"),
        *("request", "socket", "texts"),
    )

    def __init__(
        self, address: tuple[str, int], token: str, options: Iterable[tuple[int, int, int]] = ()
    ) -> None:
        self.opened_at: float | None = None
        self.refusal: str | None = None
        self.frames = 0
        self.texts: list[bytes] | None = None
        self.close_code: int | None = None
        self.closed_at = 0.0
        self._rest = b""
        self.request = (
            f"GET /ws HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        for option in ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), *options):
            self.socket.setsockopt(*option)
        self.socket.connect_ex(address)
        self.port: int = self.socket.getsockname()[1]

    def send(self, event: str, **data: object) -> None:
        """Send an event; the kernel's buffer has to have room for it."""
        self.send_frame(TEXT, json.dumps({"event": event, "data": data}).encode())

    def send_frame(self, opcode: int, payload: bytes = b"") -> None:
        """Send one frame."""
        self.socket.sendall(frame(opcode, payload))

    def begin(self) -> None:
        """Ask for the WebSocket, now that the connection is there."""
        try:
            self.socket.sendall(self.request)
        except OSError as error:
            self._end(str(error), ABNORMAL_CLOSURE)

    def read(self) -> None:
        """Take what is there."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error), ABNORMAL_CLOSURE)
            return
        if not data:
            self._end("nothing", ABNORMAL_CLOSURE)
            return
        data = self._rest + data
        if self.opened_at is None:
            head, end, data_after = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._end(head.partition(b"\r\n")[0].decode(), ABNORMAL_CLOSURE)
                return
            self.opened_at = time.perf_counter()
            data = data_after
        self._take(data)

    def _take(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            start, length = at + 2, data[at + 1]
            if length == 126:
                start, length = at + 4, int.from_bytes(data[at + 2 : at + 4])
            elif length == 127:
                start, length = at + 10, int.from_bytes(data[at + 2 : at + 10])
            if start + length > end:
                break
            opcode = data[at] & 0x0F
            if opcode == TEXT:
                self.frames += 1
                if self.texts is not None:
                    self.texts.append(data[start : start + length])
            elif opcode == PING:
                self.send_frame(PONG, data[start : start + length])
            elif opcode == CLOSE:
                code = int.from_bytes(data[start : start + 2]) if length else 1005
                self._end("", code)
                return
            at = start + length
        self._rest = data[at:]

    def _end(self, refusal: str, code: int) -> None:
        if self.opened_at is None:
            self.refusal = refusal
        self.close_code = code
        self.closed_at = time.perf_counter()


class Crowd:
    """Clients of one server, read by one selector in the caller's thread.

    Args:
        url: Where the server is, like ``http://127.0.0.1:3000``.

    Attributes:
        members: All there ever were.
        opened: How many of them came in.
        ended: How many are out again, or never came in.
        frames: How many text frames all of them got.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.members: list[Member] = []
        self.opened = self.ended = self.frames = 0
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.socket.close()
        self._selector.close()

    def invite(
        self, tokens: Sequence[str], options: Iterable[tuple[int, int, int]] = ()
    ) -> list[Member]:
        """Begin to connect one client for each token; see :meth:`turn`."""
        allow_sockets(len(self.members) + len(tokens))
        options = tuple(options)
        new = []
        for token in tokens:
            member = Member(self.address, token, options)
            self._selector.register(member.socket, selectors.EVENT_WRITE, member)
            new.append(member)
        self.members += new
        return new

    def open(
        self, tokens: Sequence[str], options: Iterable[tuple[int, int, int]] = ()
    ) -> list[Member]:
        """Connect one client for each token, all at once, and wait until all are in."""
        wanted = self.opened + len(tokens)
        new = self.invite(tokens, options)
        self.until(lambda: self.opened + self.ended >= wanted, OPEN_SECONDS)
        refused = [member.refusal for member in new if member.opened_at is None]
        assert not refused, f"{len(refused)} were not let in: {refused[0]}"
        return new

    def until(self, question: Callable[[], bool], seconds: float) -> None:
        """Read what comes until ``question`` has a true answer.

        Raises:
            AssertionError: It has none in time.
        """
        deadline = time.perf_counter() + seconds
        while not question():
            left = deadline - time.perf_counter()
            assert left > 0, (
                f"waited {seconds} s; {self.opened} came in, {self.ended} are out, "
                f"{self.frames} frames came"
            )
            self.turn(min(left, 0.05))

    def turn(self, seconds: float) -> list[tuple[Member, int]]:
        """Read what is there, or comes within ``seconds``.

        Returns:
            The clients that got text frames, each with how many.
        """
        served = []
        for key, events in self._selector.select(seconds):
            member: Member = key.data
            if events & selectors.EVENT_WRITE:
                self._selector.modify(member.socket, selectors.EVENT_READ, member)
                member.begin()
            else:
                before, was_open = member.frames, member.opened_at is not None
                member.read()
                self.opened += not was_open and member.opened_at is not None
                if new := member.frames - before:
                    self.frames += new
                    served.append((member, new))
            if member.close_code is not None:
                self.ended += 1
                self._selector.unregister(member.socket)
                member.socket.close()
        return served

    def freeze(self, members: Iterable[Member]) -> None:
        """Read nothing more from ``members``."""
        for member in members:
            self._selector.unregister(member.socket)

    def dismiss(self, frozen: Iterable[Member]) -> None:
        """Let those leave who were frozen; the server finds their connections reset."""
        for member in frozen:
            member.socket.close()


def frame(opcode: int, payload: bytes = b"", *, first: int = 0x80) -> bytes:
    """Return a client's frame (RFC 6455, section 5.2).

    Args:
        opcode: What kind.
        payload: As it is: a masking key of zeros is valid, and changes nothing.
        first: The other bits of the first byte; the highest says that the message ends here.
    """
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = struct.pack("!BH", 0x80 | 126, size)
    else:
        length = struct.pack("!BQ", 0x80 | 127, size)
    return bytes([first | opcode]) + length + bytes(4) + payload


def allow_sockets(count: int) -> None:
    """Let this process have ``count`` open sockets, and some more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 512 if hard == resource.RLIM_INFINITY else min(count + 512, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process (``VmRSS`` of proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process is gone")


def server_ends(server_port: int) -> dict[int, int]:
    """Return the server's ends of open connections that a process holds on this machine.

    Returns:
        For each, by the client's port, how many bytes the kernel still has to send.
    """
    found = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        # proc_pid_net(5): sl, local, remote, state, queues, timer, retransmits, uid, timeout,
        # inode.
        fields = line.split()
        own, peer = (int(field.split(":")[1], 16) for field in fields[1:3])
        if own == server_port and fields[3] == _ESTABLISHED and fields[9] != "0":
            found[peer] = int(fields[4].split(":")[0], 16)
    return found


def main() -> None:
    """Be a crowd until killed."""
    tokens = sys.stdin.read().split()
    with Crowd(sys.argv[1]) as crowd:
        members = crowd.open(tokens)
        print("open", *(member.port for member in members), flush=True)
        while True:
            crowd.turn(1.0)


if __name__ == "__main__":
    main()
