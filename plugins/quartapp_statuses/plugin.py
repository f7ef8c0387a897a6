from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from quartapp import core, hookimpl
from quartapp_statuses.settings import StatusesSettings

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Quart

    from quartapp import Clock
    from quartapp_attendance import Mark, SessionInfo, Status


class StatusesPlugin:
    """The plugin of configured statuses: late, excused, left early, and others."""

    name = "statuses"
    requires = ("attendance",)

    def __init__(self) -> None:
        self._clock: Clock | None = None
        self._grace: timedelta | None = None
        self._late = "late"

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the statuses and the grace period."""
        return StatusesSettings

    @hookimpl
    def register_statuses(self, app: Quart) -> list[Status]:
        """Return the configured statuses."""
        self._clock = core(app).clock
        settings = core(app).services.get(StatusesSettings)
        if settings.grace_minutes is not None:
            self._grace = timedelta(minutes=settings.grace_minutes)
            self._late = settings.late_status
        return [setting.status() for setting in settings.statuses]

    @hookimpl
    def attendance_status(
        self, session: SessionInfo, mark: Mark, before: Mark | None
    ) -> str | None:
        """Turn a first present mark into a late one after the grace period.

        A later present is a correction, or a client that repeats what it sent before a reconnect.
        """
        if self._clock is None or self._grace is None or mark.status != "present":
            return None
        if before is not None:
            return None
        return self._late if self._clock.now() - session.started_at > self._grace else None
