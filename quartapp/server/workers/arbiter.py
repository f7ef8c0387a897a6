"""gunicorn's arbiter, with workers that count as soon as they answer requests."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from quartapp.embedded.failures import EXIT_MONGOD_LOST
from quartapp.errors import EXIT_MISTAKE, QuartappError
from quartapp.pauses import Pauses
from quartapp.realtime.places import PlaceFiles
from quartapp.server.systemd import notify_systemd
from quartapp.server.workers.reports import ENDINGS, Failure, Reports
from quartapp.server.workers.shares import Shares

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from quartapp.server.workers.application import Application

log = structlog.get_logger("quartapp.workers")

_ENDED_EARLY = Failure("a worker process ended before it was ready")

PAUSES = Pauses(first=0.5, longest=15, random_part=0)


class KnownWorker(Protocol):
    """A worker, with the attributes that the arbiter reads.

    Attributes:
        pid: Process id.
        age: Number of the worker in the order of the forks.
    """

    pid: int
    age: int


class WorkerArbiter(Arbiter):  # type: ignore[misc] # untyped
    """An arbiter that keeps the wanted number of workers at work.

    Workers come in generations. The first worker of a new generation starts alone; the others
    follow when the first one answers requests. The former generation has to leave when all workers
    of the new one answer requests.

    Args:
        app: The gunicorn application.
        listener: Socket that listens for connections.
        ready: Called once, when the first generation is at work.

    Attributes:
        failure: Why the server could not start, or lost its database; None without a failure.
        reports: Reports from the workers.
        shares: Each worker's share of the connections.
        places: Places of users' sockets, which all workers share.
    """

    app: Application
    num_workers: int

    def __init__(
        self, app: Application, listener: socket.socket, ready: Callable[[], None]
    ) -> None:
        self.reports = Reports()
        self.shares = Shares()
        self.places = PlaceFiles()
        self.failure: Failure | None = None
        super().__init__(app)
        # gunicorn keeps both in its class. Given listeners, gunicorn opens none of its own.
        self.WORKERS: dict[int, KnownWorker] = {}
        self.LISTENERS = [listener]
        self._announce = ready
        self._announced = False
        self._ready: set[int] = set()
        self._leaving: set[int] = set()
        self._failures: dict[int, Failure] = {}
        self._before = 0  # workers of this age and under belong to a former generation
        self._undo: Callable[[], None] | None = None
        self._failed_starts = 0
        self._not_before = 0.0
        self._forced = False
        self._terminals = [number for number in range(3) if os.isatty(number)]

    def start(self) -> None:
        """Start, but hide the service manager, which gunicorn would tell too early of readiness."""
        address = os.environ.pop("NOTIFY_SOCKET", None)
        super().start()
        if address is not None:
            os.environ["NOTIFY_SOCKET"] = address

    def spawn_worker(self) -> Any:  # noqa: ANN401 - a process id
        """Fork a worker, with signals blocked until the worker has its own handlers."""
        arbiter = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            return super().spawn_worker()
        finally:
            if os.getpid() != arbiter:
                # A normal exit of the worker would close what belongs to its parent.
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def manage_workers(self) -> None:
        """Take the next step towards the wanted workers; gunicorn repeats the call."""
        self._hear()
        current = self._current()
        at_work = [worker for worker in current if worker.pid in self._ready]
        missing = self.num_workers - len(current)
        if missing > 0 and time.monotonic() >= self._not_before:
            for _ in range(missing if at_work else not current):
                self.spawn_worker()
        if len(at_work) >= self.num_workers:
            self._complete(at_work)

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal to a worker that has to leave.

        Args:
            pid: Process id of the worker.
            sig: Number of the signal.
        """
        self._leaving.add(pid)
        super().kill_worker(pid, sig)

    def worker_ended(self, worker: KnownWorker) -> None:
        """Note the end of a worker, and undo a replacement whose first worker could not start.

        Args:
            worker: The worker that has ended.

        Raises:
            HaltServer: The worker belonged to the first generation and could not start, or the
                embedded database is lost to all workers.
        """
        self._hear()
        pid = worker.pid
        expected, was_ready = pid in self._leaving, pid in self._ready
        self._leaving.discard(pid)
        self._ready.discard(pid)
        failure = self._failures.pop(pid, _ENDED_EARLY)
        if expected:
            return
        if failure.exit_status == EXIT_MONGOD_LOST:
            self.failure = failure
            raise HaltServer(None, failure.exit_status)
        if was_ready:
            log.error("a worker process ended by itself, another takes its place", worker=pid)
        elif not self._announced:
            self.failure = failure
            raise HaltServer(None, EXIT_MISTAKE)
        elif self._undo is not None and worker.age > self._before:
            log.error("the new workers do not start, the old ones stay", reason=failure.reason)
            self._undo()
        else:
            self._failed_starts += 1
            pause = PAUSES.after(self._failed_starts)
            self._not_before = time.monotonic() + pause
            log.error("a worker does not start", reason=failure.reason, again_in_seconds=pause)

    def handle_hup(self) -> None:
        """Read the settings again, and start a new generation of workers.

        Raises:
            StopIteration: The signal came because the terminal was closed; the server stops.
        """
        if not all(map(os.isatty, self._terminals)):
            _write_to_nobody(self._terminals)
            self.handle_term()
        if self._undo is not None or not self._announced:
            log.warning("SIGHUP ignored, as workers are still starting")
            return
        try:
            fresh = self.app.reread()
        except QuartappError as error:
            log.error("the settings have a mistake, the workers stay", reason=str(error))
            return
        log.info("replacing the workers", workers=fresh.workers)
        notify_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        settings, wanted, before = self.app.settings, self.num_workers, self._before

        def undo() -> None:
            self.app.settings, self.num_workers = settings, wanted
            for worker in self._current():
                self.kill_worker(worker.pid, signal.SIGTERM)
            self._before = before
            self._undo = None
            notify_systemd("READY=1")

        self._undo = undo
        self._before = self.worker_age
        self.app.settings, self.num_workers = fresh, fresh.workers

    def handle_int(self) -> None:
        """Stop as after SIGTERM, so that ctrl-C loses no work either."""
        self.handle_term()

    def handle_usr1(self) -> None:
        """Ignore the signal: the server has no log files to open again."""

    def handle_usr2(self) -> None:
        """Ignore the signal: a second server could not share the port and the data folder."""

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop all workers and exit.

        Args:
            reason: Unused; gunicorn logs it.
            exit_status: Exit status of the process; 0 becomes 1 when a worker had to be killed.

        Raises:
            SystemExit: Always.
        """
        notify_systemd("STOPPING=1")
        self.stop()
        raise SystemExit(exit_status or int(self._forced))

    def kill_workers(self, sig: int) -> None:
        """Send a signal to all workers; SIGKILL goes to workers that do not leave at a stop."""
        if sig == signal.SIGKILL and self.WORKERS:
            log.error("workers had to be killed", workers=sorted(self.WORKERS))
            self._forced = True
        super().kill_workers(sig)

    def _current(self) -> list[KnownWorker]:
        return [
            worker
            for pid, worker in self.WORKERS.items()
            if worker.age > self._before and pid not in self._leaving
        ]

    def _hear(self) -> None:
        for pid, failure in self.reports.heard():
            if failure is not None:
                self._failures[pid] = failure
            elif pid in self.WORKERS:
                self._ready.add(pid)
                self._failed_starts = 0
                log.info("a worker is ready", worker=pid)

    def _complete(self, at_work: list[KnownWorker]) -> None:
        at_work.sort(key=lambda worker: worker.age)
        surplus = at_work[: len(at_work) - self.num_workers]
        former = [worker for worker in self.WORKERS.values() if worker.age <= self._before]
        for worker in [*former, *surplus]:
            if worker.pid not in self._leaving:
                self.kill_worker(worker.pid, signal.SIGTERM)
        if self._undo is not None:
            self._undo = None
            log.info("the workers are replaced", workers=self.num_workers)
            notify_systemd("READY=1")
        if not self._announced:
            self._announced = True
            self._announce()


def _write_to_nobody(terminals: Iterable[int]) -> None:
    # Output to a closed terminal fails, and the failure at the exit would change Python's exit
    # status.
    nobody = os.open(os.devnull, os.O_RDWR)
    for number in terminals:
        os.dup2(nobody, number)
    os.close(nobody)
