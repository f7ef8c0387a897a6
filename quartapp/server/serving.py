"""Hypercorn, set up for this: limits, deadlines, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import signal
import socket
from typing import TYPE_CHECKING, Any

import hypercorn.asyncio
import structlog
from hypercorn.middleware import ProxyFixMiddleware
from hypercorn.utils import LifespanFailureError

from quartapp.parts import core
from quartapp.realtime.channel import MAX_FRAME_BYTES
from quartapp.realtime.hub import SPREAD_SECONDS
from quartapp.server.hypercorn import harden_hypercorn
from quartapp.server.listening import ACCEPTS_AT_ONCE, PatientConfig, ServerError, allow_open_files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart import Quart

    from quartapp.server.workers.shares import Share

log = structlog.get_logger("quartapp.server")

DRAIN_SECONDS = 2.0
STOP_SECONDS = 1.5
# All of it, from the signal on: sockets in batches, the last of them, then Hypercorn and the app.
STOPPED_SECONDS = SPREAD_SECONDS + DRAIN_SECONDS + STOP_SECONDS + 1


def hypercorn_config(
    app: Quart, listener: socket.socket, share: Share | None = None
) -> PatientConfig:
    """How Hypercorn is to serve.

    Args:
        app: What to serve; its settings have the deadlines for sockets.
        listener: Where connections arrive.
        share: What the process takes of them; all if left out.
    """
    settings = core(app).settings
    config = PatientConfig()
    config.clock = core(app).clock
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
    stop, drained = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if ready is not None:
        app.before_serving(_announcer(ready))
    config = hypercorn_config(app, listener, share)
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
            with contextlib.suppress(TimeoutError):
                await core(app).clock.wait_for(asyncio.wait({serving}), STOP_SECONDS + 1)
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
