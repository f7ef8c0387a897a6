"""Several worker processes on one port, managed by gunicorn's arbiter.

gunicorn forks workers, replaces workers that die, and ends workers that hang. A worker runs
Hypercorn in one process, with its own event loop, database clients and change stream.
:mod:`quartapp.server.workers.arbiter` decides from when on a worker counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.database.address import address_of
from quartapp.embedded.failures import EXIT_MONGOD_LOST, MongodLostError
from quartapp.embedded.forkable import forkable_mongod
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

    SIGHUP reads the settings again and replaces all workers. SIGTTIN adds a worker, and SIGTTOU
    removes one.

    Args:
        settings: Settings as they were read.
        listener: Socket that listens for connections.
        reread: Function that reads the settings again.
        ready: Called once with the address of the database, when all workers answer requests.

    Returns:
        Exit status: 0 when all workers ended by themselves.

    Raises:
        QuartappError: The database or the first worker cannot start, or the embedded database
            ended and nobody starts it again.
    """
    # All workers share this socket. A worker that makes its copy blocking makes the socket blocking
    # for all; a worker that comes late for a connection would then wait in accept() for the next.
    listener.setblocking(False)
    with metrics_shared(), launched(settings, forkable_mongod) as complete:
        uri = complete.mongodb_uri.get_secret_value() if complete.mongodb_uri else ""
        address = address_of(uri)
        application = Application(complete, reread, _equip, _bury)
        arbiter = WorkerArbiter(application, listener, lambda: ready(address))
        try:
            arbiter.run()
        except SystemExit as end:
            if arbiter.failure is None:
                return int(end.code or 0)
        if arbiter.failure is None:
            raise ServerError("the manager of the workers ended by itself")
        reason, status = arbiter.failure
        raise MongodLostError(reason) if status == EXIT_MONGOD_LOST else ServerError(reason)


def _equip(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    worker.reports = arbiter.reports
    worker.share = arbiter.shares.add()
    worker.places = arbiter.places


def _bury(arbiter: WorkerArbiter, worker: ServerWorker) -> None:
    process_ended(worker.pid)
    worker.share.give_back()
    arbiter.worker_ended(worker)
