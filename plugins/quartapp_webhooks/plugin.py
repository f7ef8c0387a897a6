from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import Migration, core, hookimpl
from quartapp_webhooks.commands import webhooks
from quartapp_webhooks.earlier import move_into_outbox
from quartapp_webhooks.service import WebhookService
from quartapp_webhooks.settings import WebhooksSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click
    from pydantic import BaseModel
    from quart import Quart

    from quartapp import OutboxEntry


class WebhooksPlugin:
    """The plugin that tells other systems what happened."""

    name = "webhooks"
    migrations = (Migration(2, "what waits moves into the outbox", move_into_outbox),)

    def __init__(self) -> None:
        self._service: WebhookService | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the endpoints and the delivery settings."""
        return WebhooksSettings

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the service, which receives events from here on, in commands too."""
        parts = core(app)
        settings = parts.services.get(WebhooksSettings)
        self._service = WebhookService(settings, parts.clock)
        parts.services.add(self._service)
        slots = {endpoint.key: settings.per_endpoint for endpoint in settings.endpoints}
        parts.outbox.limit(slots, at_once=settings.concurrency)

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp webhooks``."""
        return [webhooks]

    @hookimpl
    async def startup(self) -> None:
        """Make ready to deliver."""
        if self._service is not None:
            await self._service.start()

    @hookimpl
    def outbox_entries(self, event: object) -> list[OutboxEntry]:
        """Ask for the delivery of the event's message."""
        return self._service.entries(event) if self._service is not None else []

    @hookimpl
    async def deliver(self, kind: str, data: Mapping[str, Any], attempts: int) -> None:
        """Send a message to the endpoint that ``kind`` is the key of."""
        if self._service is not None:
            await self._service.deliver(kind, data, attempts)

    @hookimpl
    async def shutdown(self) -> None:
        """Close the connections; pending deliveries stay in the outbox."""
        if self._service is not None:
            await self._service.stop()
