from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import core, hookimpl
from quartapp_attendance import AttendanceService, Schemas
from quartapp_checkin.events import events
from quartapp_checkin.routes import blueprint
from quartapp_checkin.service import COLLECTION, CheckinService
from quartapp_checkin.settings import CheckinSettings

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import EventType


class CheckinPlugin:
    """The plugin with which students check themselves in."""

    name = "checkin"
    requires = ("attendance",)

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the lifetime of codes, and the networks that may use them."""
        return CheckinSettings

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the check-in service."""
        parts = core(app)
        secret = parts.settings.jwt_secret
        if secret is None:
            raise RuntimeError("an app has a secret by now")
        parts.services.add(
            CheckinService(
                parts.database,
                parts.services.get(AttendanceService),
                parts.services.get(CheckinSettings),
                secret.get_secret_value(),
                parts.clock,
            )
        )

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes that answer the code as text and as a QR code."""
        return [blueprint]

    @hookimpl
    def register_events(self, app: Quart) -> list[EventType]:
        """Return the event CHECK_IN."""
        return events(core(app).services.get(Schemas))

    @hookimpl
    async def startup(self, app: Quart) -> None:
        """Create the index that makes counted attempts expire."""
        database = core(app).database
        async with database.operation():
            await database.documents[COLLECTION].create_index("until", expireAfterSeconds=0)
