"""The upper limit of the client: deliveries per second from a sender that does nothing else.

``python -m bench.ceiling --sockets 200 --at-once 1 8``
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bench.client import Api, Sockets, allow_sockets
from bench.fanout import GATHERING_SECONDS

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PAYLOAD = b'{"event":"ATTENDANCE_MARKED","data":{"studentId":"%024x","status":"present"}}' % 0
_FRAME = b"\x81" + len(_PAYLOAD).to_bytes(1, "big") + _PAYLOAD
_UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def _send(port: Connection, count: int, at_once: int) -> None:
    """Accept sockets, and write frames to them in turn until they close.

    Args:
        port: Connection on which the number of the listening port is reported.
        count: Number of sockets.
        at_once: Number of frames in each write.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port.send(listener.getsockname()[1])
        connections = [_accepted(listener) for _ in range(count)]
    with suppress(OSError):
        while True:
            for connection in connections:
                connection.sendall(_FRAME * at_once)


def _accepted(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.recv(4096)  # the client's request is short enough to arrive in one piece
    connection.sendall(_UPGRADED)
    return connection


def ceiling(count: int, at_once: int, seconds: float) -> dict[str, float]:
    """Measure how much the client can read.

    Args:
        count: Number of sockets.
        at_once: Number of frames in each write.
        seconds: Duration, in seconds.
    """
    allow_sockets(count)
    port, theirs = multiprocessing.Pipe()
    sender = multiprocessing.Process(target=_send, args=(theirs, count, at_once), daemon=True)
    sender.start()
    sockets = Sockets()
    try:
        sockets.open(Api(f"http://127.0.0.1:{port.recv()}"), ["-"], count)
        begun, client = time.perf_counter(), time.process_time()
        while (taken := time.perf_counter() - begun) < seconds:
            time.sleep(GATHERING_SECONDS)
            for one in sockets.readable(1.0):
                one.read()
        used = time.process_time() - client
    finally:
        sender.kill()
        sender.join()
        sockets.close()
    return {
        "deliveries_per_second": round(sum(one.frames for one in sockets.all) / taken),
        "client_cpu": round(used / taken, 2),
    }


def main() -> None:
    """Measure, and print a line for each value of ``--at-once``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    for at_once in options.at_once:
        figures = ceiling(options.sockets, at_once, options.seconds)
        print(
            f"{options.sockets} sockets, {at_once} frames at once: "
            f"{figures['deliveries_per_second']:,} deliveries/s, "
            f"client {figures['client_cpu']:.0%} of a core"
        )


if __name__ == "__main__":
    main()
