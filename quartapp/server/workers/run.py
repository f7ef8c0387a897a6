"""Several processes on one port: gunicorn's arbiter, with a worker that is our server.

gunicorn forks the workers, reaps and replaces those that die, and ends those that hang. What is
ours is when a worker counts (see :mod:`quartapp.server.workers.arbiter`), and that a worker is
Hypercorn in one process, with its own loop, database clients and change stream.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import math
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from quartapp.app import create_app
from quartapp.database.database import address_of
from quartapp.embedded.keeper import kept_mongod
from quartapp.errors import QuartappError
from quartapp.server.launch import launched
from quartapp.server.listening import ServerError
from quartapp.server.serving import STOPPED_SECONDS, serve_app
from quartapp.server.workers.arbiter import WorkerArbiter
from quartapp.server.workers.reports import ENDINGS
from quartapp.telemetry.metrics import metrics_shared, process_ended

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

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


def serve_workers(
    settings: Settings,
    listener: socket.socket,
    reread: Callable[[], Settings],
    ready: Callable[[str], None],
) -> int:
    """Serve with ``settings.workers`` processes until SIGINT or SIGTERM.

    SIGHUP replaces all workers by new ones with the settings read again, SIGTTIN and SIGTTOU ask
    for one worker more or less.

    Args:
        settings: As they were read.
        listener: Where connections arrive; it listens already.
        reread: Reads the settings again.
        ready: Called once, when all workers answer requests, with the address of the database.

    Returns:
        The exit status: 0 when every worker ended by itself.

    Raises:
        QuartappError: The database or the first worker cannot start.
    """
    # All workers share this one, and a new one's copies must not make it blocking for the others:
    # who is late for a connection would wait in accept() for the next.
    listener.setblocking(False)
    with metrics_shared(), launched(settings, kept_mongod) as complete:
        uri = complete.mongodb_uri.get_secret_value() if complete.mongodb_uri else ""
        address = address_of(uri)
        arbiter = WorkerArbiter(Application(complete, reread), listener, lambda: ready(address))
        try:
            arbiter.run()
        except SystemExit as end:
            if arbiter.failure is None:
                return int(end.code or 0)
        raise ServerError(arbiter.failure or "the manager of the workers ended by itself")


class ArbiterLog(Logger):  # type: ignore[misc] # untyped
    """gunicorn's own lines, where all lines go: those that warn."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn's
        """Take no handler; the root logger has one."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Application(BaseApplication):  # type: ignore[misc] # untyped
    """What gunicorn has to know of us.

    Args:
        settings: Complete.
        reread: Reads them again.

    Attributes:
        settings: What new workers serve with.
    """

    def __init__(self, settings: Settings, reread: Callable[[], Settings]) -> None:
        self.settings = settings
        self._reread = reread
        super().__init__()

    def load_config(self) -> None:
        """Configure gunicorn; neither its file nor its environment is read."""
        self.cfg.set("workers", self.settings.workers)
        self.cfg.set("worker_class", ServerWorker)
        self.cfg.set("logger_class", ArbiterLog)
        self.cfg.set("timeout", HANG_SECONDS)
        self.cfg.set("graceful_timeout", STOP_SECONDS)
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("pre_fork", _reports_to)
        self.cfg.set("child_exit", _has_ended)

    def reread(self) -> Settings:
        """The settings as they are now; an embedded database stays the one there is.

        Raises:
            QuartappError: They have a mistake.
        """
        fresh = self._reread()
        if fresh.mongodb_uri is not None:
            return fresh
        kept = {
            "mongodb_uri": self.settings.mongodb_uri,
            "jwt_secret": fresh.jwt_secret or self.settings.jwt_secret,
        }
        return fresh.model_copy(update=kept)


class ServerWorker(Worker):  # type: ignore[misc] # untyped
    """One process: our server, from fork to end."""

    app: Application
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


def _reports_to(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    worker.reports = arbiter.reports
    worker.share = arbiter.shares.add()


def _has_ended(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    process_ended(worker.pid)
    worker.share.give_back()
    arbiter.worker_ended(worker)
