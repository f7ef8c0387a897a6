"""One worker process: our server, from fork to end."""

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
from quartapp.server.serving import STOPPED_SECONDS, serve_app
from quartapp.server.workers.reports import ENDINGS

if TYPE_CHECKING:
    from quartapp.server.workers.reports import Reports
    from quartapp.server.workers.shares import Share
    from quartapp.settings.core import Settings

log = structlog.get_logger("quartapp.workers")

# A worker whose loop has stood still for so long is replaced.
HANG_SECONDS = 30
HEARTBEAT_SECONDS = 1.0
# And ends by itself a little later, should nobody be there to replace it.
ALONE_SECONDS = HANG_SECONDS + 5
# A little longer than a worker's own deadlines for a stop.
STOP_SECONDS = math.ceil(STOPPED_SECONDS) + 1
_NOT_FOR_WORKERS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Serves(Protocol):
    """What a worker is told to serve with."""

    settings: Settings


class ServerWorker(Worker):  # type: ignore[misc] # untyped
    """One process: our server, from fork to end."""

    app: Serves
    reports: Reports
    share: Share

    def init_process(self) -> None:
        """Serve, and end the process without a step back into what it was forked from."""
        status = 1
        try:
            self._take_signals()
            _end_in(ALONE_SECONDS)
            structlog.contextvars.bind_contextvars(worker=os.getpid())
            status = self._serve()
        except BaseException as error:
            log.exception("the worker failed", exc_info=error)
        finally:
            with suppress(OSError):  # where a terminal was closed, nobody reads it
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)  # until the server has its own
        for number in _NOT_FOR_WORKERS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(1))
        # The arbiter's word to a worker that hangs: the log shows where.
        faulthandler.enable()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)

    def _serve(self) -> int:
        try:
            asyncio.run(self._serve_until_told())
        except QuartappError as error:
            self.reports.tell(str(error))
        return 0

    async def _serve_until_told(self) -> None:
        app = create_app(self.app.settings)
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
        # What it gets at a child's end makes it look around, and harms nothing.
        if os.getppid() == self.ppid:
            os.kill(self.ppid, signal.SIGCHLD)


def _end_in(seconds: float) -> None:
    # Also where the loop, or Python itself, stands still; the log shows where. A call takes the
    # place of the one before.
    faulthandler.dump_traceback_later(seconds, exit=True)
