"""The way of events into the outbox, and of deliveries out of it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from pymongo.errors import PyMongoError

from quartapp import DatabaseUnavailableError
from quartapp_attendance import session_events
from quartapp_webhooks.addresses import Resolver
from quartapp_webhooks.journal import Journal
from quartapp_webhooks.message import message_of
from quartapp_webhooks.outbox import Outbox, delivery_of
from quartapp_webhooks.sender import Outcome, Sender, trusted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from quartapp import Clock, Database, Document
    from quartapp_webhooks.settings import Endpoint, WebhooksSettings


log = structlog.get_logger("quartapp.webhooks")

# Longest time, in seconds, that a delivery of another process or a retry may stay unnoticed.
POLL_SECONDS = 2.0
# Longer than an attempt and its note may take.
LEASE_MARGIN_SECONDS = 30.0
STOP_SECONDS = 1.5
RECOVERY_SECONDS = 300.0
FIRST_LOOK_BACK = timedelta(days=1)
LATER_LOOK_BACK = timedelta(seconds=2 * RECOVERY_SECONDS)
HIGHEST_DOUBLING = 30


class WebhookService:
    """The webhooks of one process.

    Args:
        database: The database with the outbox.
        settings: Endpoints and delivery settings.
        clock: Clock that decides when to try, and when to stop.
    """

    def __init__(self, database: Database, settings: WebhooksSettings, clock: Clock) -> None:
        self.outbox = Outbox(database, clock)
        self._clock = clock
        self.settings = settings
        self._database = database
        self._journal = Journal(self.outbox.add, self._wake, clock)
        self._wakes = {endpoint.key: asyncio.Event() for endpoint in settings.endpoints}
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._stopping = False
        self._senders: dict[str, Sender] = {}
        self._resolver: Resolver | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._recovery: asyncio.Task[None] | None = None

    async def tell(self, event: DataclassInstance, at: datetime | None = None) -> None:
        """Put an event into the outbox for every endpoint that wants it.

        Args:
            event: The event.
            at: Time of the event, in UTC; None for now.
        """
        deliveries = self._deliveries(event, at or self._clock.now(), self.settings.endpoints)
        if deliveries:
            await self._journal.record(deliveries)

    async def start(self) -> None:
        """Start delivering.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if not self.settings.endpoints:
            log.warning("no endpoints: webhooks have nowhere to go")
            return
        since = await self.outbox.known_since(list(self._wakes))
        self._resolver = Resolver()
        trust = await asyncio.to_thread(trusted)
        for endpoint in self.settings.endpoints:
            if endpoint.url.startswith("http:"):
                log.warning("messages go unencrypted", endpoint=endpoint.shown_url)
            sender = Sender(endpoint, self.settings, self._resolver, trust, self._clock)
            self._senders[endpoint.key] = sender
            for _ in range(self.settings.per_endpoint):
                self._workers.add(asyncio.create_task(self._work(endpoint, sender)))
        self._recovery = asyncio.create_task(self._recover(since))

    async def stop(self) -> None:
        """Stop delivering; unfinished deliveries go back to the outbox after a short wait."""
        self._stopping = True
        for wake in self._wakes.values():
            wake.set()
        if self._recovery is not None:
            self._recovery.cancel()
        try:
            if self._workers:
                with suppress(TimeoutError):
                    await self._clock.wait_for(asyncio.wait(self._workers), STOP_SECONDS)
        finally:
            for worker in self._workers:
                worker.cancel()
            tasks = [*self._workers, *([self._recovery] if self._recovery else ())]
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(sender.close() for sender in self._senders.values()))
            if self._resolver is not None:
                self._resolver.close()
            await self._journal.close(STOP_SECONDS)

    def _deliveries(
        self, event: DataclassInstance, at: datetime, endpoints: tuple[Endpoint, ...]
    ) -> list[Document]:
        if not endpoints:
            return []
        message = message_of(event, at)
        return [
            delivery_of(message, endpoint.key, self._clock.now())
            for endpoint in endpoints
            if endpoint.wants(message.type)
        ]

    def _wake(self, deliveries: list[Document]) -> None:
        for key in {delivery["endpoint"] for delivery in deliveries}:
            self._wakes[key].set()

    async def _work(self, endpoint: Endpoint, sender: Sender) -> None:
        wake = self._wakes[endpoint.key]
        while not self._stopping:
            # Clear the event first: a delivery stored from here on is either found below, or sets
            # the event again.
            wake.clear()
            pause = POLL_SECONDS
            try:
                await self._deliver_due(endpoint, sender)
                pause = await self._pause(endpoint)
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("deliveries wait for the database", reason=str(error))
            except Exception as error:
                # A delivery that cannot be handled becomes due again when its lease ends.
                log.exception("delivery failed", endpoint=endpoint.shown_url, exc_info=error)
            if not self._stopping:
                with suppress(TimeoutError):
                    await self._clock.wait_for(wake.wait(), pause)

    async def _deliver_due(self, endpoint: Endpoint, sender: Sender) -> None:
        lease = self.settings.timeout_seconds + LEASE_MARGIN_SECONDS
        while not self._stopping:
            # Take the slot first: a claimed delivery must not wait while its lease runs.
            async with self._slots:
                delivery = await self.outbox.claim(endpoint.key, lease)
                if delivery is None:
                    return
                try:
                    outcome = await sender.send(delivery["message"], delivery["body"].encode())
                except asyncio.CancelledError:
                    await self.outbox.give_back(delivery)
                    raise
                except Exception as error:
                    # Any failure counts as an attempt; otherwise the delivery would come back for
                    # ever.
                    log.exception("unforeseen failure of a webhook", exc_info=error)
                    outcome = Outcome(f"{type(error).__name__}: {error}")
                await self._note(endpoint, delivery, outcome)

    async def _note(self, endpoint: Endpoint, delivery: Document, outcome: Outcome) -> None:
        if outcome.problem is None:
            await self.outbox.delivered(delivery)
            return
        attempts = delivery["attempts"] + 1
        about = {
            "endpoint": endpoint.shown_url,
            "message": delivery["message"],
            "type": delivery["type"],
            "attempts": attempts,
            "reason": outcome.problem,
        }
        if attempts >= self.settings.tries:
            log.error("webhook is dead", **about)
            kept = timedelta(days=self.settings.keep_dead_days)
            await self.outbox.bury(delivery, outcome.problem, kept)
            return
        seconds = self._backoff(attempts, outcome.wait_seconds)
        log.warning("webhook not delivered", **about, again_in=round(seconds, 1))
        due = self._clock.now() + timedelta(seconds=seconds)
        await self.outbox.postpone(delivery, outcome.problem, due)

    def _backoff(self, attempts: int, asked_seconds: float) -> float:
        doubled = self.settings.pause_seconds * 2.0 ** min(attempts - 1, HIGHEST_DOUBLING)
        pause = min(doubled, self.settings.longest_pause_seconds)
        # Half of the pause is random, so that deliveries that failed together are not retried
        # together.
        jittered = pause * random.uniform(0.5, 1)  # noqa: S311 - no secret
        return max(jittered, min(asked_seconds, self.settings.longest_pause_seconds))

    async def _pause(self, endpoint: Endpoint) -> float:
        due = await self.outbox.next_due(endpoint.key)
        if due is None:
            return POLL_SECONDS
        return min(max((due - self._clock.now()).total_seconds(), 0.001), POLL_SECONDS)

    async def _recover(self, since: dict[str, datetime]) -> None:
        look_back = FIRST_LOOK_BACK
        while True:
            try:
                await self._tell_again(self._clock.now() - look_back, since)
                look_back = LATER_LOOK_BACK
            except (DatabaseUnavailableError, PyMongoError) as error:
                log.warning("looking for lost events postponed", reason=str(error))
            except Exception as error:
                log.exception("looking for lost events failed", exc_info=error)
            await self._clock.sleep(RECOVERY_SECONDS)

    async def _tell_again(self, after: datetime, since: dict[str, datetime]) -> None:
        """Record events of sessions whose process died before it could record them."""
        found: dict[str, Document] = {}
        for at, event in await session_events(self._database, after):
            # An endpoint gets no events from before it was configured.
            listening = tuple(e for e in self.settings.endpoints if since[e.key] <= at)
            found |= {d["_id"]: d for d in self._deliveries(event, at, listening)}
        lost = await self.outbox.unknown(found)
        if lost:
            log.warning("events found that nobody was told of", count=len(lost))
            await self._journal.record([found[key] for key in found if key in lost])
