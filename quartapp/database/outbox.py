"""The delivery of the outbox's entries: each at least once, and those of one key in order."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge
from pymongo.errors import PyMongoError

from quartapp.database.outbox_slots import Slots
from quartapp.database.outbox_store import LEASE_SECONDS, SET_BACK_SECONDS, OutboxStore
from quartapp.ending import end_tasks
from quartapp.errors import DatabaseUnavailableError, NotDeliveredError, PluginError, QuartappError
from quartapp.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bson import ObjectId
    from prometheus_client import CollectorRegistry

    from quartapp.clock import Clock
    from quartapp.database.database import Database
    from quartapp.database.documents import Document
    from quartapp.database.outbox_slots import Kind
    from quartapp.plugin import LoadedPlugin

    Deliver = Callable[[Document], Awaitable[None]]

log = structlog.get_logger("quartapp.outbox")

# An entry that another process stored, or a retry, is noticed after this time at the latest.
POLL_SECONDS = 1.0
RENEWAL_SECONDS = LEASE_SECONDS / 3
# After this number of entries of one lane, other kinds have their turn.
ENTRIES_PER_TURN = 50
PAUSES = Pauses(first=1, longest=600)
STOP_SECONDS = 1.0


class Outbox:
    """The outbox of one app.

    Args:
        database: Database that stores the entries.
        clock: Clock that decides when entries are due.
        registry: Registry of the metrics about the backlog and the deliveries.
        deliver: Function that calls the hook ``deliver`` of a plugin; its argument is the entry.
        plugins: Names of the plugins that deliver.
        owner: Function that returns the plugin that is being built; None at any other time.

    Attributes:
        store: The entries, for commands and tests.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: CollectorRegistry,
        deliver: Deliver,
        plugins: Sequence[str],
        owner: Callable[[], LoadedPlugin | None],
    ) -> None:
        self.store = OutboxStore(database, clock)
        self._clock = clock
        self._deliver = deliver
        self._plugins = plugins
        self._wake = asyncio.Event()
        self._owner = owner
        self._slots = Slots(plugins)
        self._lanes: set[asyncio.Task[None]] = set()
        # The lanes with a key that a task delivers now; a lane has one task at a time.
        self._busy: set[str] = set()
        # The entries that are delivered now. Their leases may run out meanwhile, as this process
        # may stand still and renew none; it never delivers an entry twice at the same time.
        self._under_way: set[ObjectId] = set()
        self._running: list[asyncio.Task[None]] = []
        self._waiting = Gauge(
            "quartapp_outbox_waiting",
            "Entries of the outbox that are not delivered yet.",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._dead = Gauge(
            "quartapp_outbox_dead",
            "Entries of the outbox that were given up.",
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
            "Tries to deliver an entry, by plugin, kind and outcome: delivered, failed, dead.",
            ("plugin", "kind", "outcome"),
            registry=registry,
        )

    def limit(self, kinds: Mapping[str, int], *, at_once: int | None = None) -> None:
        """Limit how many deliveries of a plugin run at once; for ``register_services``.

        Args:
            kinds: Largest number of simultaneous deliveries in one process, by kind. Entries of
                other kinds wait in the outbox, and are not tried.
            at_once: Largest number for all kinds together; None for no limit.

        Raises:
            PluginError: No plugin is being built.
        """
        owner = self._owner()
        if owner is None:
            raise PluginError("limit() of the outbox is for register_services alone")
        self._slots.limit(owner.name, kinds, at_once)

    def look(self) -> None:
        """Look for entries at once, because some were stored."""
        self._wake.set()

    def start(self) -> None:
        """Begin to deliver, in the running event loop."""
        if self._plugins:
            for work in (self._run(), self._renew()):
                self._running.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """Stop: wait shortly for running deliveries, and give unfinished entries back."""
        if not self._running:
            return
        await end_tasks(self._running[:1])
        with suppress(TimeoutError):
            if self._lanes:
                await self._clock.wait_for(asyncio.wait(self._lanes), STOP_SECONDS)
        await end_tasks([*self._lanes, *self._running[1:]])
        self._running.clear()
        with suppress(DatabaseUnavailableError, PyMongoError):  # their leases will run out
            await self.store.give_back()

    async def _run(self) -> None:
        # Unknown at the start, since the clock may have been set back while no server ran.
        seen = math.inf
        counted: float | None = None
        while True:
            # Cleared first: the search finds an entry that is stored from now on, or the entry sets
            # the event again.
            self._wake.clear()
            try:
                now = self._clock.time()
                if now < seen - SET_BACK_SECONDS:
                    if moved := await self.store.rewind():
                        log.warning("the clock was set back; entries wait no longer", entries=moved)
                    seen = now
                seen = max(seen, now)
                while await self._begin_due():
                    pass
                # Not at each look: counting costs more commands than a delivery.
                moment = self._clock.monotonic()
                if counted is None or moment - counted >= POLL_SECONDS:
                    counted = moment
                    await self._count()
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("outbox waits for the database", reason=str(error))
            with suppress(TimeoutError):
                await self._clock.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _count(self) -> None:
        count, dead, age = await self.store.backlog()
        self._waiting.set(count)
        self._dead.set(dead)
        self._oldest.set(age)

    async def _begin_due(self) -> bool:
        """Begin to deliver due entries in free slots; return whether there may be more."""
        open_to = self._slots.query()
        if open_to is None:
            return False
        heads = [
            ((head["plugin"], head["kind"]), head)
            for head in await self.store.due(open_to, list(self._busy))
        ]
        if any(self.store.is_own(head) and head["entry"] in self._under_way for _, head in heads):
            await self.store.renew()
            return True
        begun = False
        # Kinds take turns; otherwise old entries of one kind would delay all other kinds.
        for kind, head in sorted(heads, key=lambda found: self._slots.last_turn(found[0])):
            if self._slots.take(kind):
                lane, loose = head["_id"], head["key"] is None
                if not loose:
                    self._busy.add(lane)
                task = asyncio.create_task(self._deliver_lane(lane, kind, loose=loose))
                self._lanes.add(task)
                task.add_done_callback(self._lanes.discard)
                begun = True
        return begun

    async def _deliver_lane(self, lane: str, kind: Kind, *, loose: bool) -> None:
        try:
            for _ in range(ENTRIES_PER_TURN):
                entry = await self.store.claim(lane, loose=loose, but=list(self._under_way))
                if entry is None:
                    return
                self._under_way.add(entry["_id"])
                try:
                    is_delivered = await self._deliver_one(entry)
                finally:
                    self._under_way.discard(entry["_id"])
                if not (is_delivered or loose) or self._slots.is_full(kind[0]):
                    return
        except (DatabaseUnavailableError, PyMongoError) as error:
            log.warning("outbox waits for the database", reason=str(error))
            # Without a pause, the next try would follow at once while the database is away.
            await self._clock.sleep(POLL_SECONDS)
        finally:
            self._busy.discard(lane)
            self._slots.give_back(kind)
            self._wake.set()

    async def _deliver_one(self, entry: Document) -> bool:
        plugin, kind, attempts = entry["plugin"], entry["kind"], entry["attempts"]
        try:
            await self._deliver(entry)
        except NotDeliveredError as error:
            await self._note_failure(entry, error)
            return False
        except QuartappError as error:
            explained = NotDeliveredError(str(error), again_in=PAUSES.after(attempts + 1))
            await self._note_failure(entry, explained)
            return False
        self._deliveries.labels(plugin, kind, "delivered").inc()
        await self.store.delivered(entry)
        return True

    async def _note_failure(self, entry: Document, error: NotDeliveredError) -> None:
        plugin, kind, seconds = entry["plugin"], entry["kind"], error.again_in
        about = {"plugin": plugin, "kind": kind, **error.about, "attempts": entry["attempts"] + 1}
        self._deliveries.labels(plugin, kind, "dead" if seconds is None else "failed").inc()
        if seconds is None:
            log.error("given up", **about, reason=str(error))
            expires = self._clock.now() + timedelta(days=error.kept_days)
            await self.store.bury(entry, str(error), expires)
            return
        log.warning("not delivered", **about, reason=str(error), again_in=round(seconds, 1))
        due = self._clock.now() + timedelta(seconds=seconds)
        await self.store.postpone(entry, str(error), due)

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(RENEWAL_SECONDS)
            try:
                if self._lanes:
                    await self.store.renew()
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("deliveries not renewed", reason=str(error))
