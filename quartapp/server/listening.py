"""Listening sockets, and how connections are taken from them."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypercorn.config import Config, Sockets

from quartapp.clock import SYSTEM_CLOCK, Clock
from quartapp.errors import QuartappError

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from quartapp.server.workers.shares import Share


# A class opens its sockets in one minute, at the bell; the usual 100 would refuse most of them.
BACKLOG = 4096
ACCEPTS_AT_ONCE = 4
# How long the kernel keeps trying with a peer that takes nothing.
UNACKNOWLEDGED_MILLISECONDS = 30_000


class ServerError(QuartappError):
    """The server cannot listen, or the app cannot start."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: Address or name to listen on.
        port: Port; 0 for a free one.

    Raises:
        ServerError: The address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                listener.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MILLISECONDS
                )
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; "
            "choose another with --host and --port"
        ) from error
    return listener


class FullBacklog(socket.socket):
    """A listening socket whose queue stays long, and from which a worker takes its share.

    Attributes:
        share: The worker's; None where there is one process.
    """

    share: Share | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection.

        Raises:
            BlockingIOError: There is none, or it is for another worker.
        """
        if self.share is None:
            return super().accept()
        if not self.share.may_take():
            raise BlockingIOError
        accepted = super().accept()
        self.share.opened()
        return accepted

    def listen(self, backlog: int = BACKLOG, /) -> None:
        """Listen with the full backlog, whatever was asked for."""
        super().listen(max(backlog, BACKLOG))


class PatientConfig(Config):
    """Connections are taken a few at a time, however many are waiting.

    asyncio takes as many connections in one go as the backlog is long. In a storm of thousands,
    those who are in already would wait until all of it is served; and of several processes the one
    that wakes up first would have it for itself. A few at a time leave room, and spread by load.

    Attributes:
        share: The worker's; None where there is one process.
        clock: The app's.
    """

    share: Share | None = None
    clock: Clock = SYSTEM_CLOCK

    def create_sockets(self) -> Sockets:
        """Hypercorn's sockets, with a queue longer than what is taken at once."""
        made = super().create_sockets()
        patient: list[socket.socket] = []
        for given in made.insecure_sockets:
            one = FullBacklog(fileno=given.detach())
            one.share = self.share
            patient.append(one)
        if self.share is not None:
            self.share.begin()
        return replace(made, insecure_sockets=patient)


def allow_open_files() -> None:
    """Take as many open files as the system grants: each socket is one, and 1,024 are few."""
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
