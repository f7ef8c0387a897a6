from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from bson import ObjectId

from quartapp.core import core
from quartapp.errors import DatabaseUnavailableError
from quartapp.hooks.specs import hookimpl
from quartapp_attendance import hookspecs
from quartapp_attendance.events import events
from quartapp_attendance.hook_calls import AttendanceHooks
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.live.session_log import SessionLog
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.live.stream import SessionStream
from quartapp_attendance.metrics import AttendanceMetrics
from quartapp_attendance.models import AttendanceRecord, Session
from quartapp_attendance.resume import since_parameter
from quartapp_attendance.routes import blueprint
from quartapp_attendance.schemas import Schemas
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.settings import AttendanceSettings
from quartapp_classes.happenings import ClassDeleted
from quartapp_classes.rolls import Rolls
from quartapp_classes.service import ClassService

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp.realtime.events import EventType

log = structlog.get_logger("quartapp.attendance")

SWEEP_SECONDS = 2.0


class AttendancePlugin:
    """The live roll call."""

    name = "attendance"
    requires = ("auth", "classes")

    hookspecs = hookspecs

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._hooks: AttendanceHooks | None = None
        self._service: AttendanceService | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """How many sessions may be live."""
        return AttendanceSettings

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """The routes under /attendance."""
        parts = core(app)
        parts.database.models += [Session, AttendanceRecord]
        statuses = self._called(app).statuses
        schemas = Schemas(statuses)
        parts.services.add(statuses)
        parts.services.add(schemas)
        parts.services.add(AttendanceMetrics(parts.metrics.registry))
        return [blueprint(schemas)]

    @hookimpl
    def register_events(self, app: Quart) -> list[EventType]:
        """The four events, and how to come back to them."""
        parts = core(app)
        schemas = parts.services.get(Schemas)
        parts.events.add_parameter(since_parameter(schemas), self.name)
        return events(schemas)

    @hookimpl
    async def startup(self, app: Quart) -> None:
        """Open the stream, and finish what was left half closed."""
        parts = core(app)
        settings = parts.services.get(AttendanceSettings)
        classes = parts.services.get(ClassService)
        rolls = parts.services.get(Rolls)
        live = LiveSessions()
        of_class = settings.scope == "class"
        hooks = self._called(app)
        metrics = parts.services.get(AttendanceMetrics)
        projector = Projector(
            *(parts.database, live, parts.hub, hooks.statuses, metrics),
            rolls.now if of_class else None,
        )
        streaming = parts.database.change_streams
        echo = None if streaming else projector
        sessions = SessionLog(parts.database, rolls.now, echo, metrics, parts.traces)
        service = AttendanceService(
            parts.database, classes, rolls, sessions, live, hooks, settings.scope
        )
        parts.services.add(service)
        parts.services.add(live)
        classes.deletion_guards.append(service.guard_deletion)
        self._service = service
        if streaming:
            stream = SessionStream(parts.database, projector, metrics)
            self._tasks.append(asyncio.create_task(stream.run()))
            await stream.ready.wait()
        else:
            await projector.reload()
        self._tasks.append(asyncio.create_task(_sweep(service, live, metrics)))

    @hookimpl
    async def on_event(self, event: object) -> None:
        """A class was deleted: so are its records, if that was asked for."""
        if isinstance(event, ClassDeleted) and self._service is not None:
            await self._service.class_deleted(ObjectId(event.class_id), with_records=event.records)

    @hookimpl
    async def shutdown(self) -> None:
        """Close what is closing, then the stream."""
        if self._service is not None:
            await self._service.closing.settle()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _called(self, app: Quart) -> AttendanceHooks:
        if self._hooks is None:
            self._hooks = AttendanceHooks(core(app).plugins, app)
        return self._hooks


async def _sweep(
    service: AttendanceService, live: LiveSessions, metrics: AttendanceMetrics
) -> None:
    while True:
        metrics.live(live)
        try:
            await service.closing.finish_abandoned()
        except DatabaseUnavailableError as error:
            log.warning("sweep postponed", reason=str(error))
        except Exception as error:
            # One session that cannot be finished must not end the sweep for all others.
            log.exception("sweep failed", exc_info=error)
        await asyncio.sleep(SWEEP_SECONDS)
