"""A worker process of gunicorn that runs the server."""

from __future__ import annotations

import asyncio
import faulthandler
import math
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import structlog
from gunicorn.workers.base import Worker

from quartapp.app import create_app
from quartapp.errors import QuartappError
from quartapp.parts import core
from quartapp.server.serving import STOPPED_SECONDS, serve_app
from quartapp.server.workers.reports import ENDINGS, Failure

if TYPE_CHECKING:
    from quartapp.realtime.places import PlaceFiles
    from quartapp.server.workers.reports import Reports
    from quartapp.server.workers.shares import Share
    from quartapp.settings.core import Settings

log = structlog.get_logger("quartapp.workers")

# The arbiter replaces a worker whose event loop has stood still for this time.
HANG_SECONDS = 30
HEARTBEAT_SECONDS = 1.0
# The worker ends by itself a little later, in case the arbiter is gone.
ALONE_SECONDS = HANG_SECONDS + 5
# A stop takes a little longer than the worker's own deadlines.
STOP_SECONDS = math.ceil(STOPPED_SECONDS) + 1
_NOT_FOR_WORKERS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Serves(Protocol):
    """The part of the gunicorn application that a worker reads."""

    settings: Settings


class ServerWorker(Worker):  # type: ignore[misc] # untyped
    """A process that runs the server, from its fork to its end."""

    app: Serves
    reports: Reports
    share: Share
    places: PlaceFiles

    def init_process(self) -> None:
        """Serve, then end the process without returning into the arbiter's code."""
        status = 1
        try:
            self._take_signals()
            _end_in(ALONE_SECONDS)
            structlog.contextvars.bind_contextvars(worker=os.getpid())
            status = self._serve()
        except BaseException as error:
            log.exception("the worker failed", exc_info=error)
        finally:
            with suppress(OSError):  # the terminal may be closed
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)  # until the server installs its handlers
        for number in _NOT_FOR_WORKERS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(1))
        # The arbiter sends SIGABRT to a worker that hangs, and the log shows where it hangs.
        faulthandler.enable()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)

    def _serve(self) -> int:
        try:
            asyncio.run(self._serve_until_told())
        except QuartappError as error:
            self.reports.tell(Failure(str(error), error.exit_status))
        return 0

    async def _serve_until_told(self) -> None:
        app = create_app(self.app.settings)
        core(app).hub.share(self.places)
        beating = asyncio.create_task(self._beat())
        try:
            await serve_app(app, self.sockets[0], self._is_ready, self.share)
        finally:
            beating.cancel()

    def _is_ready(self) -> None:
        self.reports.tell(None)
        self._wake_arbiter()

    async def _beat(self) -> None:
        while os.getppid() == self.ppid:
            self.notify()
            _end_in(ALONE_SECONDS)
            await asyncio.sleep(HEARTBEAT_SECONDS)
        _end_in(STOP_SECONDS)
        log.error("the manager of the workers is gone, stopping")
        os.kill(os.getpid(), signal.SIGTERM)

    def _wake_arbiter(self) -> None:
        # SIGCHLD makes the arbiter check its workers, and is harmless when none has ended.
        if os.getppid() == self.ppid:
            os.kill(self.ppid, signal.SIGCHLD)


def _end_in(seconds: float) -> None:
    # Works even when the event loop or Python itself stands still, and logs the place. Each call
    # replaces the timer of the call before.
    faulthandler.dump_traceback_later(seconds, exit=True)
