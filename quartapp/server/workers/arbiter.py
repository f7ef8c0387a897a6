"""gunicorn's arbiter, for workers that count from when they answer requests."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from quartapp.errors import EXIT_MISTAKE, QuartappError
from quartapp.server.systemd import notify_systemd
from quartapp.server.workers.reports import ENDINGS, Reports
from quartapp.server.workers.shares import Shares

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from quartapp.server.workers.application import Application

log = structlog.get_logger("quartapp.workers")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


class KnownWorker(Protocol):
    """A worker, as far as the arbiter looks at it.

    Attributes:
        pid: Process id.
        age: Number of the worker, in the order of their forks.
    """

    pid: int
    age: int


class WorkerArbiter(Arbiter):  # type: ignore[misc] # untyped
    """Keeps as many workers at work as were asked for.

    Workers come in generations. Of a new one the first worker goes alone: only when that answers
    requests do the others follow, and only when all do, the generation before is asked to go.

    Args:
        app: What to serve.
        listener: Where connections arrive.
        ready: Called once, when the first generation is at work.

    Attributes:
        failure: Why the server could not start.
        reports: For the workers.
        shares: Of the connections, of each worker.
    """

    app: Application
    num_workers: int

    def __init__(
        self, app: Application, listener: socket.socket, ready: Callable[[], None]
    ) -> None:
        self.reports = Reports()
        self.shares = Shares()
        self.failure: str | None = None
        super().__init__(app)
        # Of this instance: gunicorn's are of the class. And with listeners it makes none.
        self.WORKERS: dict[int, KnownWorker] = {}
        self.LISTENERS = [listener]
        self._announce = ready
        self._announced = False
        self._ready: set[int] = set()
        self._leaving: set[int] = set()
        self._failures: dict[int, str] = {}
        self._before = 0  # workers of this age and under belong to a former generation
        self._undo: Callable[[], None] | None = None
        self._pauses = _pauses()
        self._not_before = 0.0
        self._forced = False
        self._terminals = [number for number in range(3) if os.isatty(number)]

    def start(self) -> None:
        """Begin; gunicorn would tell the service manager that all is ready, which it is not yet."""
        address = os.environ.pop("NOTIFY_SOCKET", None)
        super().start()
        if address is not None:
            os.environ["NOTIFY_SOCKET"] = address

    def spawn_worker(self) -> Any:  # noqa: ANN401 - a process id
        """Fork a worker, in which a signal that comes at once finds its own handlers."""
        arbiter = os.getpid()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            return super().spawn_worker()
        finally:
            if os.getpid() != arbiter:
                # Nothing of what its parent has open is the worker's to close.
                os._exit(1)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def manage_workers(self) -> None:
        """Bring the workers to what is wanted, one step at a time; called again and again."""
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
        """Send ``sig`` to a worker, which from now on is on its way out."""
        self._leaving.add(pid)
        super().kill_worker(pid, sig)

    def worker_ended(self, worker: KnownWorker) -> None:
        """A worker has gone: one that was to go, one that was at work, or one that never was.

        Raises:
            HaltServer: It was of the first generation, and could not start.
        """
        self._hear()
        pid = worker.pid
        expected, was_ready = pid in self._leaving, pid in self._ready
        self._leaving.discard(pid)
        self._ready.discard(pid)
        failure = self._failures.pop(pid, "a worker process ended before it was ready")
        if expected:
            return
        if was_ready:
            log.error("a worker process ended by itself, another takes its place", worker=pid)
        elif not self._announced:
            self.failure = failure
            raise HaltServer(None, EXIT_MISTAKE)
        elif self._undo is not None and worker.age > self._before:
            log.error("the new workers do not start, the old ones stay", reason=failure)
            self._undo()
        else:
            pause = next(self._pauses)
            self._not_before = time.monotonic() + pause
            log.error("a worker does not start", reason=failure, again_in_seconds=pause)

    def handle_hup(self) -> None:
        """Read the settings again, and begin a new generation with them.

        Raises:
            StopIteration: It came because the terminal was closed, which ends the server.
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
        """Stop like SIGTERM does: whoever presses ctrl-C wants nothing lost either."""
        self.handle_term()

    def handle_usr1(self) -> None:
        """Nothing: there are no log files of ours to open again."""

    def handle_usr2(self) -> None:
        """Nothing: another program cannot have the port and the data directory beside us."""

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop every worker, and leave.

        Raises:
            SystemExit: Always; with 1 when a worker had to be killed.
        """
        notify_systemd("STOPPING=1")
        self.stop()
        raise SystemExit(exit_status or int(self._forced))

    def kill_workers(self, sig: int) -> None:
        """Send ``sig`` to every worker; SIGKILL is for those who do not leave at a stop."""
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
                self._pauses = _pauses()
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
    # Whatever is still said fails where the terminal was, and the last of it would be Python's
    # reason for another exit status.
    nobody = os.open(os.devnull, os.O_RDWR)
    for number in terminals:
        os.dup2(nobody, number)
    os.close(nobody)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
