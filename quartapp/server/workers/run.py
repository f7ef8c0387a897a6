"""Several processes on one port: gunicorn's arbiter, with a worker that is our server.

gunicorn forks the workers, reaps and replaces those that die, and ends those that hang. What is
ours is when a worker counts (see :mod:`quartapp.server.workers.arbiter`), and that a worker is
Hypercorn in one process, with its own loop, database clients and change stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.database.database import address_of
from quartapp.embedded.keeper import kept_mongod
from quartapp.server.launch import launched
from quartapp.server.listening import ServerError
from quartapp.server.workers.application import Application
from quartapp.server.workers.arbiter import WorkerArbiter
from quartapp.telemetry.metrics import metrics_shared, process_ended

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from quartapp.server.workers.worker import ServerWorker
    from quartapp.settings.core import Settings


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
        application = Application(complete, reread, _equip, _bury)
        arbiter = WorkerArbiter(application, listener, lambda: ready(address))
        try:
            arbiter.run()
        except SystemExit as end:
            if arbiter.failure is None:
                return int(end.code or 0)
        raise ServerError(arbiter.failure or "the manager of the workers ended by itself")


def _equip(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    worker.reports = arbiter.reports
    worker.share = arbiter.shares.add()


def _bury(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    process_ended(worker.pid)
    worker.share.give_back()
    arbiter.worker_ended(worker)
