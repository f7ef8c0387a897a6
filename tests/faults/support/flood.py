"""One client that sends as fast as it can, in a process of its own.

``python flood.py URL KIND`` with a token on standard input says ``open`` and sends until the server
ends it; then it prints what became of it, as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from crowd import TEXT, Member, frame

OPEN_SECONDS = 60.0
BLOCK_BYTES = 64 * 1024

SHORT = json.dumps({"event": "HELLO"}).encode()
LONG = json.dumps({"event": "HELLO", "data": {"text": "x" * 60_000}}).encode()

# What is sent without end, and whether the answers are read.
KINDS = {
    "frames": (frame(TEXT, SHORT), True),
    "frames, deaf": (frame(TEXT, SHORT), False),
    "long frames": (frame(TEXT, LONG), True),
    "long frames, deaf": (frame(TEXT, LONG), False),
}


class Sender(Member):
    """A client that answers no ping: its answer could get into the middle of another frame."""

    __slots__ = ()

    def send_frame(self, opcode: int, payload: bytes = b"") -> None:
        """Send nothing."""


def flood(url: str, kind: str, token: str) -> dict[str, object]:
    """Send frames of a kind until it is over.

    Args:
        url: Where the server is.
        kind: One of :data:`KINDS`.
        token: Whose the socket is.

    Returns:
        What became of it.
    """
    frames, reads = KINDS[kind]
    parts = urlsplit(url)
    member = Sender((parts.hostname or "", parts.port or 80), token)
    member.texts = []
    _open(member)
    print("open", flush=True)
    begun, sent = time.perf_counter(), 0
    reading = threading.Thread(target=_read_on, args=[member], daemon=True)
    if reads:
        reading.start()
    block = frames * max(1, BLOCK_BYTES // len(frames))
    with suppress(OSError):
        while member.close_code is None:
            member.socket.sendall(block)
            sent += len(block)
    lasted = time.perf_counter() - begun
    if reads:
        reading.join(OPEN_SECONDS)
    else:
        _read_on(member)
    answers = sum(b'"ERROR"' in text for text in member.texts)
    return {"MiB": sent / 2**20, "answers": answers, "code": member.close_code, "s": lasted}


def _open(member: Member) -> None:
    select.select([], [member.socket], [], OPEN_SECONDS)  # it began to connect when it was made
    member.socket.settimeout(OPEN_SECONDS)
    member.begin()
    while member.opened_at is None:
        assert member.close_code is None, member.refusal
        member.read()
    member.socket.settimeout(None)


def _read_on(member: Member) -> None:
    while member.close_code is None:
        member.read()
    with suppress(OSError):
        member.socket.shutdown(socket.SHUT_RDWR)  # which wakes whoever is sending


def main() -> None:
    """Send until the server ends it."""
    print(json.dumps(flood(sys.argv[1], sys.argv[2], sys.stdin.readline().strip())), flush=True)


if __name__ == "__main__":
    main()
