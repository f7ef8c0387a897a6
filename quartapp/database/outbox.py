"""Delivers the entries of the outbox: at least once, those of one key in order, others beside."""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Tally
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge
from pymongo.errors import PyMongoError

from quartapp.database.outbox_store import LEASE_SECONDS, OutboxStore
from quartapp.errors import DatabaseUnavailableError, QuartappError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from prometheus_client import CollectorRegistry

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document

log = structlog.get_logger("quartapp.outbox")

# How long an entry of another process, or a retry, may be overlooked.
POLL_SECONDS = 1.0
RENEWAL_SECONDS = LEASE_SECONDS / 3
# Deliveries of one kind at a time, in one process; a receiver that hangs holds up no other kind.
SLOTS_PER_KIND = 8
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 600.0
HIGHEST_DOUBLING = 20
STOP_SECONDS = 1.0
CANCEL_SECONDS = 0.2


class Outbox:
    """The outbox of one app.

    Args:
        database: Where entries are.
        clock: Decides when entries are due.
        registry: Where the backlog is shown.
        deliver: Calls the hook ``deliver`` of a plugin, with kind, key and data.
        plugins: Names of the plugins that deliver.

    Attributes:
        store: The entries, for commands and tests.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: CollectorRegistry,
        deliver: Callable[[str, str, str, Document], Awaitable[None]],
        plugins: Sequence[str],
    ) -> None:
        self.store = OutboxStore(database, clock)
        self._clock = clock
        self._deliver = deliver
        self._plugins = plugins
        self._wake = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._kinds: Tally[tuple[str, str]] = Tally()
        self._running: list[asyncio.Task[None]] = []
        self._waiting = Gauge(
            "quartapp_outbox_waiting",
            "Entries of the outbox that are not delivered yet.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._oldest = Gauge(
            "quartapp_outbox_oldest_seconds",
            "Age of the oldest entry that is not delivered yet.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._deliveries = Counter(
            "quartapp_outbox_deliveries",
            "Tries to deliver an entry, by plugin, kind and outcome (delivered, failed).",
            ("plugin", "kind", "outcome"),
            registry=registry,
        )

    def look(self) -> None:
        """Look for entries now, as some were stored."""
        self._wake.set()

    def start(self) -> None:
        """Begin to deliver, in the running event loop."""
        if self._plugins:
            for work in (self._run(), self._renew()):
                self._running.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """End what is under way; what is not finished soon is given back."""
        if not self._running:
            return
        await self._end(self._running[:1])
        with suppress(TimeoutError):
            if self._lanes:
                await self._clock.wait_for(asyncio.wait(self._lanes.values()), STOP_SECONDS)
        await self._end([*self._lanes.values(), *self._running[1:]])
        self._running.clear()
        with suppress(DatabaseUnavailableError, PyMongoError):  # then their leases run out
            await self.store.give_back()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        pending = set(tasks)
        while pending:
            # A cancellation that meets the end of what is awaited can be swallowed on the way.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)

    async def _run(self) -> None:
        while True:
            # Cleared first: what is stored from here on is either found, or wakes again.
            self._wake.clear()
            try:
                while await self._begin_due():
                    pass
                count, age = await self.store.backlog()
                self._waiting.set(count)
                self._oldest.set(age)
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("outbox waits for the database", reason=str(error))
            with suppress(TimeoutError):
                await self._clock.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _begin_due(self) -> bool:
        """Begin to deliver what is due and has a slot; return whether there may be more."""
        full = [kind for kind, count in self._kinds.items() if count >= SLOTS_PER_KIND]
        begun = False
        for head in await self.store.due(self._plugins, list(self._lanes), full):
            kind = (head["plugin"], head["kind"])
            if self._kinds[kind] < SLOTS_PER_KIND:
                self._kinds[kind] += 1
                lane = head["_id"]
                self._lanes[lane] = asyncio.create_task(self._deliver_lane(lane, kind))
                begun = True
        return begun

    async def _deliver_lane(self, lane: str, kind: tuple[str, str]) -> None:
        try:
            while True:
                entry = await self.store.claim(lane)
                if entry is None or not await self._deliver_one(entry):
                    return
        except (DatabaseUnavailableError, PyMongoError) as error:
            log.warning("outbox waits for the database", reason=str(error))
            # Else a database that is away would be asked again at once.
            await self._clock.sleep(POLL_SECONDS)
        finally:
            del self._lanes[lane]
            self._kinds[kind] -= 1
            if not self._kinds[kind]:
                del self._kinds[kind]
            self._wake.set()

    async def _deliver_one(self, entry: Document) -> bool:
        plugin, kind, key = entry["plugin"], entry["kind"], entry["key"]
        try:
            await self._deliver(plugin, kind, key, entry["data"])
        except QuartappError as error:
            self._deliveries.labels(plugin, kind, "failed").inc()
            seconds = _pause(entry["attempts"])
            about = {"plugin": plugin, "kind": kind, "attempts": entry["attempts"] + 1}
            log.warning("not delivered", **about, reason=str(error), again_in=round(seconds, 1))
            due = self._clock.now() + timedelta(seconds=seconds)
            await self.store.postpone(entry, str(error), due)
            return False
        self._deliveries.labels(plugin, kind, "delivered").inc()
        await self.store.delivered(entry)
        return True

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(RENEWAL_SECONDS)
            try:
                if self._lanes:
                    await self.store.renew()
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("deliveries not renewed", reason=str(error))


def _pause(attempts: int) -> float:
    doubled = FIRST_PAUSE_SECONDS * 2.0 ** min(attempts, HIGHEST_DOUBLING)
    # Half of it is chance, so that what failed together does not come back together.
    return min(doubled, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1)  # noqa: S311 - no secret
