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
    """Tells other systems what happened."""

    name = "webhooks"
    requires = ("attendance",)

    def __init__(self) -> None:
        self._service: WebhookService | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Where to send."""
        return WebhooksSettings

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare what waits to be delivered."""
        return [Delivery]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Offer the service, which from here on hears events, also in commands."""
        parts = core(app)
        settings = parts.services.get(WebhooksSettings)
        self._service = WebhookService(parts.database, settings, parts.clock)
        parts.services.add(self._service)

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """The command ``quartapp webhooks``."""
        return [webhooks]

    @hookimpl
    async def startup(self) -> None:
        """Begin to deliver."""
        if self._service is not None:
            await self._service.start()

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Put what happened into the outbox."""
        if self._service is not None and is_dataclass(event) and not isinstance(event, type):
            await self._service.tell(event)

    @hookimpl
    async def shutdown(self) -> None:
        """Stop delivering; the rest stays in the outbox."""
        if self._service is not None:
            await self._service.stop()
