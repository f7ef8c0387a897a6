"""Serving with Hypercorn: limits, deadlines, and a stop that finishes the frames in hand."""

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
from hypercorn.utils import LifespanFailureError

from quartapp.parts import core
from quartapp.realtime.channel import MAX_FRAME_BYTES
from quartapp.realtime.hub import SPREAD_SECONDS
from quartapp.server.forwarded import Forwarded
from quartapp.server.hypercorn import harden_hypercorn
from quartapp.server.listening import ACCEPTS_AT_ONCE, PatientConfig, ServerError, allow_open_files
from quartapp.server.tls import certificate_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart import Quart

    from quartapp.embedded.failures import MongodLostError
    from quartapp.server.workers.shares import Share

log = structlog.get_logger("quartapp.server")

DRAIN_SECONDS = 2.0
STOP_SECONDS = 1.5
# A probe of ``/healthz``, which commonly asks every ten seconds, hears why the server ends.
LAST_SECONDS = 15.0
# The whole stop, from the signal on: batches of sockets, the last sockets, Hypercorn and the app.
STOPPED_SECONDS = SPREAD_SECONDS + DRAIN_SECONDS + STOP_SECONDS + 1


def hypercorn_config(
    app: Quart, listener: socket.socket, share: Share | None = None
) -> PatientConfig:
    """Return Hypercorn's configuration.

    Args:
        app: App to serve; its settings have the deadlines for sockets.
        listener: Socket that listens for connections.
        share: This worker's share of the connections; None for a single process.

    Raises:
        ServerError: The TLS certificate in the settings cannot be used.
    """
    settings = core(app).settings
    config = PatientConfig()
    if (files := certificate_of(settings)) is not None:
        config.certfile, config.keyfile = files
    config.clock = core(app).clock
    config.share = share
    config.compression = settings.websocket_compression
    # A duplicate: Hypercorn closes its socket, and the caller closes the original.
    config.bind = [f"fd://{listener.dup().detach()}"]
    config.backlog = ACCEPTS_AT_ONCE
    config.alpn_protocols = ["http/1.1"]
    config.include_server_header = False
    config.accesslog = None  # the URL of a handshake can contain a token
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = STOP_SECONDS
    config.websocket_max_message_size = MAX_FRAME_BYTES
    # Hypercorn does not check for pongs. But a peer that answers pings sends bytes, so a peer that
    # sends no byte within the read timeout is gone.
    config.websocket_ping_interval = settings.websocket_ping_interval
    config.read_timeout = settings.websocket_silence  # type: ignore[assignment] # seconds, of any kind
    return config


def behind_proxies(app: Quart) -> Any:  # noqa: ANN401 - Hypercorn's union of application types
    """Return the ASGI app that believes the proxies in the settings."""
    trusted = core(app).settings.trusted_proxies
    return Forwarded(app, trusted) if trusted else app


async def serve_app(
    app: Quart,
    listener: socket.socket,
    ready: Callable[[], None] | None = None,
    share: Share | None = None,
) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, then stop cleanly.

    Each open socket finishes its current frame and is closed with 1001.

    Args:
        app: App to serve.
        listener: Socket that listens already: clients that connect early are served later.
        ready: Called when the server answers requests.
        share: This worker's share of the connections; None for a single process.

    Raises:
        ServerError: The app cannot start.
        MongodLostError: The embedded database ended, and nobody starts it again.
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
    losing = asyncio.create_task(_database_lost(app))
    try:
        await asyncio.wait({serving, stopping, losing}, return_when=asyncio.FIRST_COMPLETED)
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
            await app.shutdown()  # Hypercorn was cancelled before its own call
        if losing.done():
            raise losing.result()
    except LifespanFailureError as error:
        raise ServerError(start_failure(error)) from error
    finally:
        stopping.cancel()
        losing.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _database_lost(app: Quart) -> MongodLostError:
    """Wait until the embedded database is lost and ``/healthz`` has said so for a while."""
    error = await core(app).mongod.lost()
    await core(app).clock.sleep(LAST_SECONDS)
    return error


def _take_nobody_more(config: PatientConfig, listener: socket.socket) -> None:
    """Stop accepting connections, and leave them to the next server or the other workers.

    Args:
        config: Configuration of Hypercorn, which itself listens as long as it has connections.
        listener: Socket that listens for connections.
    """
    asyncio.get_running_loop().remove_reader(int(config.bind[0].removeprefix("fd://")))
    if config.share is not None:
        config.share.leave()
    else:
        # Closing is not enough, as Hypercorn has a duplicate; a shutdown refuses clients at once.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def start_failure(error: LifespanFailureError) -> str:
    """Return the app's own reason for a failed start, without Hypercorn's words around it."""
    said = re.fullmatch(r"Lifespan failure in \w+\. '(.*)'", str(error), re.DOTALL)
    return said[1] if said else str(error)


def _announcer(ready: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def announce() -> None:
        # Modules, routes and schemas stay for good. Frozen, they no longer lengthen the pauses of
        # the garbage collector, during which no request is served.
        gc.collect()
        gc.freeze()
        ready()

    return announce
