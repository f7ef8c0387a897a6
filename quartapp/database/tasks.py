"""Periodic tasks of plugins, in every process or in one process of the whole installation.

A task that runs once per installation has a lease in the collection ``leases``, which one process
at a time holds. The document stores the time of the next run, so a restart does not change it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge
from pymongo.errors import PyMongoError

from quartapp.database.named_lease import LOOK_SECONDS, LeaseLostError, NamedLease
from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError, QuartappError
from quartapp.kinds import ASYNC, NUMBER, check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client import CollectorRegistry

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.tasks")


@dataclass(frozen=True, slots=True)
class Task:
    """A periodic task.

    Attributes:
        name: Name of the task, unique within the app: ``<plugin>.<function>``.
        owner: The plugin that declared the task.
        seconds: Time from one run to the next, in seconds.
        function: The function to call.
        once: Whether one process of the installation calls the function, and not each process.
    """

    name: str
    owner: LoadedPlugin
    seconds: float
    function: Callable[[], Awaitable[object]]
    once: bool

    def __str__(self) -> str:
        where = "once per installation" if self.once else "in each process"
        return f"{self.name.partition('.')[2]} every {self.seconds:g} s, {where}"


class Tasks:
    """The periodic tasks of one app.

    Args:
        database: Database that stores the leases.
        clock: Clock that decides when a task is due.
        registry: Registry of the metrics about runs and failures.
        owner: Function that returns the plugin that is being built; None at any other time.

    Attributes:
        declared: All tasks, in the order in which plugins declared them.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: CollectorRegistry,
        owner: Callable[[], LoadedPlugin | None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._leases: list[NamedLease] = []
        self._running: list[asyncio.Task[None]] = []
        self.declared: list[Task] = []
        self._runs = Counter(
            "quartapp_task_runs", "Runs of a periodic task.", ("task",), registry=registry
        )
        self._failures = Counter(
            "quartapp_task_failures", "Runs that failed.", ("task",), registry=registry
        )
        self._last_run = Gauge(
            "quartapp_task_last_run_timestamp_seconds",
            "The time at which a periodic task last ended.",
            ("task",),
            multiprocess_mode="max",
            registry=registry,
        )

    def every(
        self,
        seconds: float,
        function: Callable[[], Awaitable[object]],
        *,
        once_per_installation: bool = False,
    ) -> None:
        """Call a function periodically while the app serves; for ``register_services``.

        The first call comes after every plugin has started; with ``once_per_installation``, when
        the task is due for the whole installation. A failed call is logged, and the next call
        comes at its usual time. Calls of one task never overlap. If a process is killed during a
        call, another process repeats the call within ``2 * LEASE_SECONDS``, so the function has to
        be safe to repeat.

        Args:
            seconds: Time from the beginning of a call to the beginning of the next, in seconds;
                after a call that takes longer, the next call comes at once.
            function: The function to call; its name is the task's name.
            once_per_installation: Whether one process of all servers calls the function, and not
                each process.

        Raises:
            QuartappError: No plugin is being built, the plugin has a task of the same name,
                ``seconds`` is not positive, or the function is not async.
        """
        owner = self._owner()
        label = getattr(function, "__name__", type(function).__name__).strip("_")
        if owner is None:
            raise QuartappError(f"the task {label} is declared too late: use register_services")
        name = f"{owner.name}.{label}"
        try:
            check(f"plugin {owner}: the task {label}", function, ASYNC)
            check(f"plugin {owner}: the interval of the task {label}", seconds, NUMBER)
        except TypeError as error:
            raise QuartappError(str(error)) from error
        if seconds <= 0:
            raise QuartappError(f"plugin {owner}: the task {label} needs more than 0 seconds")
        if any(task.name == name for task in self.declared):
            raise QuartappError(f"plugin {owner}: two tasks are called {label}")
        self.declared.append(Task(name, owner, seconds, function, once_per_installation))
        self._runs.labels(name)
        self._failures.labels(name)

    def start(self) -> None:
        """Start all tasks in the running event loop."""
        for task in self.declared:
            if task.once:
                due = {"due": self._clock.now()}
                lease = NamedLease(self._database, self._clock, f"task:{task.name}", due)
                self._leases.append(lease)
                self._running.append(asyncio.create_task(self._repeat_once(task, lease)))
            else:
                self._running.append(asyncio.create_task(self._repeat(task)))

    async def stop(self) -> None:
        """Cancel all tasks, and give leases back, so that other processes take over at once."""
        if not self._running:
            return
        await end_tasks(self._running)
        self._running.clear()
        for lease in self._leases:
            await lease.give_back()
        self._leases.clear()

    async def _repeat(self, task: Task) -> None:
        while True:
            began = self._clock.monotonic()
            await self._call(task)
            await self._clock.sleep(task.seconds - (self._clock.monotonic() - began))

    async def _repeat_once(self, task: Task, lease: NamedLease) -> None:
        while True:
            pause, asked = LOOK_SECONDS, self._clock.monotonic()
            try:
                document = await lease.take()
                if self._clock.monotonic() - asked > LOOK_SECONDS:
                    continue  # a late answer may be older than the lease
                if document is not None:
                    now, span = self._clock.now(), timedelta(seconds=task.seconds)
                    # After its interval was shortened, a task does not wait for its former time.
                    left = (min(document["due"], now + span) - now).total_seconds()
                    pause = min(max(left, 0), LOOK_SECONDS)
                    if left <= 0:
                        await lease.kept_during(self._call(task))
                        await lease.note({"due": now + span})
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("task waits for the database", task=task.name, reason=str(error))
            except LeaseLostError:
                log.warning("task ended, its lease is lost", task=task.name)
            await self._clock.sleep(pause)

    async def _call(self, task: Task) -> None:
        try:
            await task.function()
        except DatabaseUnavailableError as error:
            self._failures.labels(task.name).inc()
            log.warning("task failed, MongoDB is away", task=task.name, reason=str(error))
        except Exception as error:
            self._failures.labels(task.name).inc()
            log.exception("task failed", task=task.name, plugin=str(task.owner), exc_info=error)
        self._runs.labels(task.name).inc()
        self._last_run.labels(task.name).set(self._clock.time())
