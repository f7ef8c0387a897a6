from __future__ import annotations

from dataclasses import is_dataclass
from typing import TYPE_CHECKING

from quartapp import core, hookimpl
from quartapp_webhooks.commands import webhooks
from quartapp_webhooks.models import Delivery
from quartapp_webhooks.service import WebhookService
from quartapp_webhooks.settings import WebhooksSettings

if TYPE_CHECKING:
    import click
    from pydantic import BaseModel
    from quart import Quart

    from quartapp import Model


class WebhooksPlugin:
    """The plugin that tells other systems what happened."""

    name = "webhooks"
    requires = ("attendance",)

    def __init__(self) -> None:
        self._service: WebhookService | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the endpoints and the delivery settings."""
        return WebhooksSettings

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of deliveries."""
        return [Delivery]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the service, which receives events from here on, in commands too."""
        parts = core(app)
        settings = parts.services.get(WebhooksSettings)
        self._service = WebhookService(parts.database, settings, parts.clock)
        parts.services.add(self._service)

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp webhooks``."""
        return [webhooks]

    @hookimpl
    async def startup(self) -> None:
        """Start delivering."""
        if self._service is not None:
            await self._service.start()

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Put the event into the outbox."""
        if self._service is not None and is_dataclass(event) and not isinstance(event, type):
            await self._service.tell(event)

    @hookimpl
    async def shutdown(self) -> None:
        """Stop delivering; pending deliveries stay in the outbox."""
        if self._service is not None:
            await self._service.stop()
