"""Events become entries of the outbox, and entries become requests to the endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import structlog

from quartapp import NotDeliveredError, OutboxEntry, Pauses
from quartapp_webhooks.addresses import Resolver
from quartapp_webhooks.message import body_of, message_of
from quartapp_webhooks.sender import Outcome, Sender, trusted
from quartapp_webhooks.switched_off import SwitchedOff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from quartapp import Clock, Database
    from quartapp_webhooks.settings import Endpoint, WebhooksSettings


log = structlog.get_logger("quartapp.webhooks")


class WebhookService:
    """The webhooks of one process.

    Args:
        settings: Endpoints and delivery settings.
        clock: Clock that limits and dates attempts.
        database: Database that remembers which endpoints are switched off.
        registry: Registry of the metric about them.
    """

    def __init__(
        self,
        settings: WebhooksSettings,
        clock: Clock,
        database: Database,
        registry: CollectorRegistry,
    ) -> None:
        self.settings = settings
        self.switched_off = SwitchedOff(settings.endpoints, database, clock, registry)
        self._clock = clock
        self._pauses = Pauses(settings.pause_seconds, settings.longest_pause_seconds)
        self._endpoints = {endpoint.key: endpoint for endpoint in settings.endpoints}
        self._senders: dict[str, Sender] = {}
        self._resolvers: list[Resolver] = []

    def entries(self, event: object) -> list[OutboxEntry]:
        """Return an entry of the outbox for each endpoint that is switched on and wants an event.

        The kind of an entry is the key of its endpoint. The entries have no key, so a message that
        the receiver does not take holds up no other message.

        Args:
            event: The event; what is no dataclass instance is told to nobody.
        """
        if not self._endpoints or not is_dataclass(event) or isinstance(event, type):
            return []
        try:
            message = message_of(event)
        except (TypeError, ValueError) as error:
            # An event without a form in JSON must not refuse the change that makes it happen.
            log.exception("event has no message", event_class=type(event).__name__, exc_info=error)
            return []
        data = {"message": message.id, "type": message.type, "data": message.data}
        return [
            OutboxEntry(endpoint.key, None, data)
            for endpoint in self._endpoints.values()
            if endpoint.wants(message.type) and endpoint.key not in self.switched_off
        ]

    async def start(self) -> None:
        """Make ready to deliver."""
        if not self._endpoints:
            log.warning("no endpoints: webhooks have nowhere to go")
            return
        trust = await asyncio.to_thread(trusted)
        for key, endpoint in self._endpoints.items():
            if endpoint.url.startswith("http:"):
                log.warning("messages go unencrypted", endpoint=endpoint.shown_url)
            # One for each endpoint: a name server that does not answer holds up no other endpoint.
            resolver = Resolver(self.settings.per_endpoint)
            self._resolvers.append(resolver)
            self._senders[key] = Sender(endpoint, self.settings, resolver, trust, self._clock)

    async def stop(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(sender.close() for sender in self._senders.values()))
        for resolver in self._resolvers:
            resolver.close()

    async def deliver(
        self, key: str, data: Mapping[str, Any], attempts: int, at: datetime, seq: int | None
    ) -> None:
        """Send a message once, unless its endpoint is switched off.

        Args:
            key: Key of the endpoint.
            data: Data of the entry.
            attempts: Number of attempts that have failed.
            at: Time at which the change was stored, in UTC.
            seq: Number of the change in its session; None for a change without a number.

        Raises:
            NotDeliveredError: The receiver did not take the message.
            DatabaseUnavailableError: The endpoint could not be switched off.
        """
        endpoint = self._endpoints[key]
        if key in self.switched_off:
            outcome = Outcome("the endpoint is switched off", gone=True)
            raise self._failure(endpoint, data, attempts + 1, outcome)
        try:
            outcome = await self._senders[key].send(data["message"], body_of(data, at, seq))
        except Exception as error:
            # Any failure counts as an attempt; otherwise the message would come back for ever.
            log.exception("unforeseen failure of a webhook", exc_info=error)
            outcome = Outcome(f"{type(error).__name__}: {error}")
        if outcome.gone:
            await self.switched_off.add(endpoint)
        if outcome.problem is not None:
            raise self._failure(endpoint, data, attempts + 1, outcome)

    def _failure(
        self, endpoint: Endpoint, data: Mapping[str, Any], attempts: int, outcome: Outcome
    ) -> NotDeliveredError:
        is_last = outcome.gone or attempts >= self.settings.tries
        return NotDeliveredError(
            str(outcome.problem),
            again_in=None if is_last else self._pause(attempts, outcome.wait_seconds),
            kept_days=self.settings.keep_dead_days,
            about={
                "endpoint": endpoint.shown_url,
                "message": data["message"],
                "type": data["type"],
            },
        )

    def _pause(self, attempts: int, asked_seconds: float) -> float:
        return max(self._pauses.after(attempts), min(asked_seconds, self._pauses.longest))
