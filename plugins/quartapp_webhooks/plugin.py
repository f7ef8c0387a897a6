from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import Migration, core, hookimpl
from quartapp_webhooks.commands import webhooks
from quartapp_webhooks.earlier import move_into_outbox
from quartapp_webhooks.names import check_names
from quartapp_webhooks.service import WebhookService
from quartapp_webhooks.settings import WebhooksSettings
from quartapp_webhooks.switched_off import REFRESH_SECONDS, SwitchedOffEndpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import click
    from pydantic import BaseModel
    from quart import Quart

    from quartapp import Model, OutboxEntry


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
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of the endpoints that are switched off."""
        return [SwitchedOffEndpoint]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the service, which receives events from here on, in commands too."""
        parts = core(app)
        settings = parts.services.get(WebhooksSettings)
        check_names(settings.endpoints, parts.plugins.loaded)
        self._service = WebhookService(
            settings, parts.clock, parts.database, parts.metrics.registry
        )
        parts.services.add(self._service)
        # No limit of all together: endpoints that hang would take it up.
        parts.outbox.limit({endpoint.key: settings.per_endpoint for endpoint in settings.endpoints})
        if settings.endpoints:
            parts.tasks.every(REFRESH_SECONDS, self._service.switched_off.refresh)

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
        """Return an entry for each endpoint that wants the event."""
        return self._service.entries(event) if self._service is not None else []

    @hookimpl
    async def deliver(
        self, kind: str, data: Mapping[str, Any], attempts: int, at: datetime, seq: int | None
    ) -> None:
        """Send a message to the endpoint that ``kind`` is the key of."""
        if self._service is not None:
            await self._service.deliver(kind, data, attempts, at, seq)

    @hookimpl
    async def shutdown(self) -> None:
        """Close the connections; pending deliveries stay in the outbox."""
        if self._service is not None:
            await self._service.stop()
