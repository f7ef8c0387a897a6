"""Listening sockets, and the acceptance of connections."""

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


# Thousands of clients connect within a minute at the same time of day; the usual backlog of 100
# would refuse most of them.
BACKLOG = 4096
ACCEPTS_AT_ONCE = 4
# Time after which the kernel gives up a peer that acknowledges nothing (TCP_USER_TIMEOUT).
UNACKNOWLEDGED_MILLISECONDS = 30_000


class ServerError(QuartappError):
    """A failure to listen or to start the app."""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: Address or name to listen on.
        port: TCP port; 0 takes a free one.

    Raises:
        ServerError: The address is unknown, in use or not permitted.
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
    """A listening socket with a long queue, from which a worker accepts only its share.

    Attributes:
        share: The worker's share of the connections; None for a single process.
    """

    share: Share | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            BlockingIOError: No connection waits, or another worker should accept it.
        """
        if self.share is None:
            return super().accept()
        if not self.share.may_take():
            raise BlockingIOError
        accepted = super().accept()
        self.share.opened()
        return accepted

    def listen(self, backlog: int = BACKLOG, /) -> None:
        """Listen with the full backlog, even when a smaller one is asked for."""
        super().listen(max(backlog, BACKLOG))


class PatientConfig(Config):
    """A Hypercorn configuration that accepts ``ACCEPTS_AT_ONCE`` connections at a time.

    asyncio accepts up to ``backlog`` connections in one turn of its loop. In a storm of thousands,
    connected clients would wait for the whole turn, and the first of several processes to wake up
    would take all connections. A small number leaves time for clients, and spreads the load.

    Attributes:
        share: The worker's share of the connections; None for a single process.
        clock: Clock of the app.
        compression: Whether messages are compressed for clients that offer it.
    """

    share: Share | None = None
    clock: Clock = SYSTEM_CLOCK
    compression: bool = False

    def create_sockets(self) -> Sockets:
        """Return Hypercorn's sockets, replaced by :class:`FullBacklog` sockets."""
        made = super().create_sockets()
        patient = replace(
            made,
            secure_sockets=[self._patient(one) for one in made.secure_sockets],
            insecure_sockets=[self._patient(one) for one in made.insecure_sockets],
        )
        if self.share is not None:
            self.share.begin()
        return patient

    def _patient(self, given: socket.socket) -> socket.socket:
        one = FullBacklog(fileno=given.detach())
        one.share = self.share
        return one


def allow_open_files() -> None:
    """Raise the limit on open files to the system's maximum, as each socket is an open file."""
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
