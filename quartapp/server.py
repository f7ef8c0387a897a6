"""Hypercorn, set up for this: limits, deadlines, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import socket
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio
import structlog
from hypercorn.config import Config
from hypercorn.middleware import ProxyFixMiddleware
from hypercorn.utils import LifespanFailureError

from quartapp._hypercorn import harden_hypercorn
from quartapp.core import core
from quartapp.errors import QuartappError
from quartapp.realtime.socket import MAX_FRAME_BYTES

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart import Quart

    from quartapp.settings import Settings

log = structlog.get_logger("quartapp.server")

# A class opens its sockets in one minute, at the bell; the usual 100 would refuse most of them.
BACKLOG = 4096
# How long the kernel keeps trying with a peer that takes nothing.
UNACKNOWLEDGED_MILLISECONDS = 30_000
DRAIN_SECONDS = 2.0
STOP_SECONDS = 1.5


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


def hypercorn_config(settings: Settings, listener: socket.socket) -> Config:
    """How Hypercorn is to serve.

    Args:
        settings: Deadlines for sockets.
        listener: Where connections arrive.
    """
    config = Config()
    # A duplicate, as Hypercorn closes what it is given, and the caller closes its own.
    config.bind = [f"fd://{listener.dup().detach()}"]
    config.backlog = BACKLOG
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
    application: Any = app
    return ProxyFixMiddleware(application, trusted_hops=hops) if hops else application


def allow_open_files() -> None:
    """Take as many open files as the system grants: each socket is one, and 1,024 are few."""
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def serve_app(
    app: Quart, listener: socket.socket, ready: Callable[[], None] | None = None
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, then stop cleanly.

    Every open socket finishes the frame in hand and gets close 1001.

    Args:
        app: What to serve.
        listener: Where; it listens already, so that whoever connects from now on is served.
        ready: Called when requests are answered.

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
    config = hypercorn_config(settings, listener)
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
            await core(app).hub.drain(DRAIN_SECONDS)
            drained.set()
            listener.close()  # nobody new is left waiting for an answer
            await asyncio.wait({serving}, timeout=STOP_SECONDS + 1)
        if not serving.done():
            log.warning("connections left open at the end")
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    except LifespanFailureError as error:
        raise ServerError(start_failure(error)) from error
    finally:
        stopping.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def start_failure(error: LifespanFailureError) -> str:
    """What an app that does not start said, without the words that Hypercorn puts around it."""
    said = re.fullmatch(r"Lifespan failure in \w+\. '(.*)'", str(error), re.DOTALL)
    return said[1] if said else str(error)


def _announcer(ready: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def announce() -> None:
        ready()

    return announce
