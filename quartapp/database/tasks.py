"""Periodic work of plugins: in every process, or in one process of the whole installation.

One process at a time holds the lease of a task that runs once per installation, in the collection
``leases``. The document says when the task is due, so a restart changes nothing about that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from bson import ObjectId
from prometheus_client import Counter, Gauge
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from quartapp.errors import DatabaseUnavailableError, QuartappError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from prometheus_client import CollectorRegistry
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.plugin import LoadedPlugin

log = structlog.get_logger("quartapp.tasks")

COLLECTION = "leases"
# A process that is killed is replaced when its lease has run out, and another one has looked.
LEASE_SECONDS = 15.0
LOOK_SECONDS = 5.0
CANCEL_SECONDS = 0.2


class LeaseLostError(Exception):
    """Another process may hold the lease of a task that is running here."""


@dataclass(frozen=True, slots=True)
class Task:
    """Work that is done again and again.

    Attributes:
        name: Unique within the app; ``<plugin>.<function>``.
        owner: The plugin whose work it is.
        seconds: Time from one run to the next, in seconds.
        function: What is called.
        once: Whether one process of the installation does it, and not each process.
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
    """The periodic work of one app.

    Args:
        database: Where leases are kept.
        clock: Says when a task is due.
        registry: Where runs and failures are counted.
        owner: Returns the plugin that is being built; None at any other time.

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
        self._process = ObjectId()
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
        """Call a function again and again while the app serves; for ``register_services``.

        The first call comes after every plugin has started; with ``once_per_installation``, when
        the task is due for the whole installation. A call that fails is logged, and the next one
        comes at its time. Calls of one task never overlap. When a process is killed during a call,
        another process repeats the call within ``2 * LEASE_SECONDS``: make it safe to repeat.

        Args:
            seconds: Time from the beginning of a call to the beginning of the next, in seconds;
                a call that takes longer is followed by the next at once.
            function: What to call; its name is the task's name.
            once_per_installation: Whether one process of all servers calls the function, and not
                each process.

        Raises:
            QuartappError: No plugin is being built, the plugin has such a task, or ``seconds`` is
                not positive.
        """
        owner = self._owner()
        label = getattr(function, "__name__", type(function).__name__).strip("_")
        if owner is None:
            raise QuartappError(f"the task {label} is declared too late: use register_services")
        name = f"{owner.name}.{label}"
        if seconds <= 0:
            raise QuartappError(f"plugin {owner}: the task {label} needs more than 0 seconds")
        if any(task.name == name for task in self.declared):
            raise QuartappError(f"plugin {owner}: two tasks are called {label}")
        self.declared.append(Task(name, owner, seconds, function, once_per_installation))
        self._runs.labels(name)
        self._failures.labels(name)

    def start(self) -> None:
        """Begin with all tasks, in the running event loop."""
        for task in self.declared:
            repeat = self._repeat_once(task) if task.once else self._repeat(task)
            self._running.append(asyncio.create_task(repeat))

    async def stop(self) -> None:
        """Cancel what runs, and give leases back, so that others go on at once."""
        if not self._running:
            return
        pending = set(self._running)
        while pending:
            # A cancellation that meets the end of what is awaited can be swallowed on the way, as
            # by asyncio.wait_for before Python 3.12: then it is asked for again.
            for running in pending:
                running.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)
        self._running.clear()
        if any(task.once for task in self.declared):
            with suppress(DatabaseUnavailableError, PyMongoError):
                async with self._database.operation():
                    await self._leases.update_many(
                        {"owner": self._process, "due": {"$exists": True}},
                        {"$unset": {"owner": 1}, "$set": {"until": self._clock.now()}},
                    )

    async def _repeat(self, task: Task) -> None:
        while True:
            began = self._clock.monotonic()
            await self._call(task)
            await self._clock.sleep(task.seconds - (self._clock.monotonic() - began))

    async def _repeat_once(self, task: Task) -> None:
        while True:
            pause, asked = LOOK_SECONDS, self._clock.monotonic()
            try:
                due = await self._hold(task)
                if self._clock.monotonic() - asked > LOOK_SECONDS:
                    continue  # the answer may be older than the lease: ask again
                if due is not None:
                    left = (due - self._clock.now()).total_seconds()
                    if left > 0:
                        pause = min(left, LOOK_SECONDS)
                    else:
                        await self._call_under_lease(task)
                        pause = 0
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("task waits for the database", task=task.name, reason=str(error))
            except LeaseLostError:
                log.warning("task ended, its lease is lost", task=task.name)
            await self._clock.sleep(pause)

    async def _call_under_lease(self, task: Task) -> None:
        following = self._clock.now() + timedelta(seconds=task.seconds)
        call = asyncio.create_task(self._call(task))
        try:
            await self._hold_during(task, call)
        finally:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        async with self._database.operation():
            await self._leases.update_one(
                {"_id": f"task:{task.name}", "owner": self._process}, {"$set": {"due": following}}
            )

    async def _hold_during(self, task: Task, call: asyncio.Task[None]) -> None:
        held_until = self._clock.monotonic() + LEASE_SECONDS
        while True:
            with suppress(TimeoutError):
                await self._clock.wait_for(asyncio.shield(call), LOOK_SECONDS)
            if call.done():
                return
            try:
                if await self._hold(task) is None:
                    raise LeaseLostError
                held_until = self._clock.monotonic() + LEASE_SECONDS
            except (DatabaseUnavailableError, PyMongoError) as error:
                if self._clock.monotonic() + LOOK_SECONDS > held_until:
                    raise LeaseLostError from error

    async def _hold(self, task: Task) -> datetime | None:
        """Take or renew the lease of a task; return when the task is due, None if others hold it.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        now = self._clock.now()
        free: list[dict[str, Any]] = [{"owner": self._process}, {"until": {"$lte": now}}]
        try:
            async with self._database.operation():
                # When neither is the case, the upsert meets the holder's document, and fails.
                found = await self._leases.find_one_and_update(
                    {"_id": f"task:{task.name}", "$or": free},
                    {
                        "$set": {
                            "owner": self._process,
                            "until": now + timedelta(seconds=LEASE_SECONDS),
                        },
                        "$setOnInsert": {"due": now},
                    },
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except DuplicateKeyError:
            return None
        due: datetime = found["due"] if found else now
        # A task that has become more frequent does not wait for its former time.
        return min(due, now + timedelta(seconds=task.seconds))

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

    @property
    def _leases(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]
