"""Hypercorn, set up for this: limits, deadlines, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import re
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio
import structlog
from hypercorn.config import Config, Sockets
from hypercorn.middleware import ProxyFixMiddleware
from hypercorn.utils import LifespanFailureError

from quartapp.core import core
from quartapp.errors import QuartappError
from quartapp.realtime.channel import MAX_FRAME_BYTES
from quartapp.realtime.hub import SPREAD_SECONDS
from quartapp.server.hypercorn import harden_hypercorn

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart import Quart

    from quartapp.server.workers.shares import Share
    from quartapp.settings.core import Settings

log = structlog.get_logger("quartapp.server")

# A class opens its sockets in one minute, at the bell; the usual 100 would refuse most of them.
BACKLOG = 4096
ACCEPTS_AT_ONCE = 4
# How long the kernel keeps trying with a peer that takes nothing.
UNACKNOWLEDGED_MILLISECONDS = 30_000
DRAIN_SECONDS = 2.0
STOP_SECONDS = 1.5
# All of it, from the signal on: sockets in batches, the last of them, then Hypercorn and the app.
STOPPED_SECONDS = SPREAD_SECONDS + DRAIN_SECONDS + STOP_SECONDS + 1


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
    """

    share: Share | None = None

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


def hypercorn_config(
    settings: Settings, listener: socket.socket, share: Share | None = None
) -> PatientConfig:
    """How Hypercorn is to serve.

    Args:
        settings: Deadlines for sockets.
        listener: Where connections arrive.
        share: What the process takes of them; all if left out.
    """
    config = PatientConfig()
    config.share = share
    # A duplicate, as Hypercorn closes what it is given, and the caller closes its own.
    config.bind = [f"fd://{listener.dup().detach()}"]
    config.backlog = ACCEPTS_AT_ONCE
    config.alpn_protocols = ["http/1.1"]
    config.include_server_header = False
    config.accesslog = None  # the handshake's URL has a token in it
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = STOP_SECONDS
    config.websocket_max_message_size = MAX_FRAME_BYTES
    # Hypercorn does not miss a pong. But a peer that answers pings sends bytes, and one that sends
    # none for this long is gone, frozen or cut off.
    config.websocket_ping_interval = settings.websocket_ping_interval
    config.read_timeout = settings.websocket_silence  # type: ignore[assignment] # seconds, of any kind
    return config


def behind_proxies(app: Quart) -> Any:  # noqa: ANN401 - Hypercorn's union of application types
    """``app``, believing as many forwarding proxies as the settings say."""
    hops = core(app).settings.trusted_proxies
    if not hops:
        return app

    async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        if scope["type"] == "websocket":
            # Proxies forward the scheme of the handshake, which is HTTP's, and by that no
            # WebSocket would find its route.
            scheme = {"http": "ws", "https": "wss"}.get(scope["scheme"], scope["scheme"])
            scope = {**scope, "scheme": scheme}
        await app(scope, receive, send)

    return ProxyFixMiddleware(application, trusted_hops=hops)


def allow_open_files() -> None:
    """Take as many open files as the system grants: each socket is one, and 1,024 are few."""
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def notify_systemd(state: str) -> None:
    """Tell the service manager how we are, if it asked for that (sd_notify(3)).

    Args:
        state: Such as ``READY=1``.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
        try:
            notifying.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError as error:
            log.warning("the service manager cannot be told", reason=str(error))


async def serve_app(
    app: Quart,
    listener: socket.socket,
    ready: Callable[[], None] | None = None,
    share: Share | None = None,
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, then stop cleanly.

    Every open socket finishes the frame in hand and gets close 1001.

    Args:
        app: What to serve.
        listener: Where; it listens already, so that whoever connects from now on is served.
        ready: Called when requests are answered.
        share: What the process takes of the connections; all if left out.

    Raises:
        ServerError: The app cannot start.
    """
    harden_hypercorn()
    allow_open_files()
    settings = core(app).settings
    stop, drained = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if ready is not None:
        app.before_serving(_announcer(ready))
    config = hypercorn_config(settings, listener, share)
    serving = asyncio.create_task(
        hypercorn.asyncio.serve(
            behind_proxies(app), config, shutdown_trigger=drained.wait, mode="asgi"
        )
    )
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            log.info("stopping")
            _take_nobody_more(config, listener)
            await core(app).hub.drain(DRAIN_SECONDS)
            drained.set()
            await asyncio.wait({serving}, timeout=STOP_SECONDS + 1)
        if not serving.done():
            log.warning("connections left open at the end")
            serving.cancel()
        try:
            await serving
        except asyncio.CancelledError:
            await app.shutdown()  # which Hypercorn has not come to
    except LifespanFailureError as error:
        raise ServerError(start_failure(error)) from error
    finally:
        stopping.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _take_nobody_more(config: PatientConfig, listener: socket.socket) -> None:
    """Leave new connections to others: to the next server, or the other workers.

    Args:
        config: What Hypercorn was given; it goes on listening for as long as it has connections.
        listener: Where they arrive.
    """
    asyncio.get_running_loop().remove_reader(int(config.bind[0].removeprefix("fd://")))
    if config.share is not None:
        config.share.leave()
    else:
        # Closing would not do, as Hypercorn has a duplicate; this refuses at once.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def start_failure(error: LifespanFailureError) -> str:
    """What an app that does not start said, without the words that Hypercorn puts around it."""
    said = re.fullmatch(r"Lifespan failure in \w+\. '(.*)'", str(error), re.DOTALL)
    return said[1] if said else str(error)


def _announcer(ready: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def announce() -> None:
        # What is there now stays: modules, routes, schemas. The collector would look at all of it
        # again and again, and nobody is served meanwhile.
        gc.collect()
        gc.freeze()
        ready()

    return announce
