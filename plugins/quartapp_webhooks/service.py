"""The way of events into the outbox, and of their messages out of it."""

from __future__ import annotations

import asyncio
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import structlog

from quartapp import NotDeliveredError, OutboxEntry, Pauses
from quartapp_webhooks.addresses import Resolver
from quartapp_webhooks.message import message_of
from quartapp_webhooks.sender import Outcome, Sender, trusted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp import Clock
    from quartapp_webhooks.settings import Endpoint, WebhooksSettings


log = structlog.get_logger("quartapp.webhooks")


class WebhookService:
    """The webhooks of one process.

    Args:
        settings: Endpoints and delivery settings.
        clock: Clock that dates events, and limits attempts.
    """

    def __init__(self, settings: WebhooksSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._pauses = Pauses(settings.pause_seconds, settings.longest_pause_seconds)
        self._endpoints = {endpoint.key: endpoint for endpoint in settings.endpoints}
        self._senders: dict[str, Sender] = {}
        self._resolver: Resolver | None = None

    def entries(self, event: object) -> list[OutboxEntry]:
        """Return an entry of the outbox for every endpoint that wants an event.

        The kind of an entry is the key of its endpoint. The entries have no key, so a message that
        the receiver does not take holds up no other message.

        Args:
            event: The event; what is no dataclass instance is told to nobody.
        """
        if not self._endpoints or not is_dataclass(event) or isinstance(event, type):
            return []
        try:
            message = message_of(event, self._clock.now())
        except (TypeError, ValueError) as error:
            # An event without a form in JSON must not refuse the change that makes it happen.
            log.exception("event has no message", event_class=type(event).__name__, exc_info=error)
            return []
        data = {"message": message.id, "type": message.type, "body": message.body}
        return [
            OutboxEntry(endpoint.key, None, data)
            for endpoint in self._endpoints.values()
            if endpoint.wants(message.type)
        ]

    async def start(self) -> None:
        """Make ready to deliver."""
        if not self._endpoints:
            log.warning("no endpoints: webhooks have nowhere to go")
            return
        self._resolver = Resolver()
        trust = await asyncio.to_thread(trusted)
        for key, endpoint in self._endpoints.items():
            if endpoint.url.startswith("http:"):
                log.warning("messages go unencrypted", endpoint=endpoint.shown_url)
            self._senders[key] = Sender(endpoint, self.settings, self._resolver, trust, self._clock)

    async def stop(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(sender.close() for sender in self._senders.values()))
        if self._resolver is not None:
            self._resolver.close()

    async def deliver(self, key: str, data: Mapping[str, Any], attempts: int) -> None:
        """Send a message once.

        Args:
            key: Key of the endpoint.
            data: Data of the entry.
            attempts: Number of attempts that have failed.

        Raises:
            NotDeliveredError: The receiver did not take the message.
        """
        try:
            outcome = await self._senders[key].send(data["message"], data["body"].encode())
        except Exception as error:
            # Any failure counts as an attempt; otherwise the message would come back for ever.
            log.exception("unforeseen failure of a webhook", exc_info=error)
            outcome = Outcome(f"{type(error).__name__}: {error}")
        if outcome.problem is not None:
            raise self._failure(self._endpoints[key], data, attempts + 1, outcome)

    def _failure(
        self, endpoint: Endpoint, data: Mapping[str, Any], attempts: int, outcome: Outcome
    ) -> NotDeliveredError:
        is_last = attempts >= self.settings.tries
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
