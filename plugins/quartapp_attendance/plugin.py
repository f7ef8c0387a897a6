from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Deny, Migration, Role, core, end_tasks, hookimpl
from quartapp_attendance import hookspecs
from quartapp_attendance.audiences import Members
from quartapp_attendance.audited import ACTIONS
from quartapp_attendance.choice import EVERY_MARK, MARKS
from quartapp_attendance.closing import Closing
from quartapp_attendance.earlier import DATES, give_dates
from quartapp_attendance.events import events
from quartapp_attendance.expiry import Expiry
from quartapp_attendance.happenings import (
    AttendanceMarked,
    SessionDone,
    SessionExpired,
    SessionStarted,
    SessionSuperseded,
)
from quartapp_attendance.hook_calls import AttendanceHooks
from quartapp_attendance.live.projector import Projector
from quartapp_attendance.live.roll_seen import members_changed
from quartapp_attendance.live.session_log import SessionLog
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.live.stream import SessionStream
from quartapp_attendance.metrics import AttendanceMetrics
from quartapp_attendance.models import AttendanceRecord, Session
from quartapp_attendance.personal import erase_person, personal_data
from quartapp_attendance.records import Records
from quartapp_attendance.resume import since_parameters
from quartapp_attendance.routes import blueprint
from quartapp_attendance.schemas import Schemas, schemas_of
from quartapp_attendance.service import AttendanceService
from quartapp_attendance.settings import AttendanceSettings
from quartapp_attendance.taken import TakenSessions
from quartapp_auth import BaseRole
from quartapp_classes import ClassService, Rolls, Teaching

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Database, EventType, Model, SocketParameter

SWEEP_SECONDS = 2.0


class AttendancePlugin:
    """The plugin of live roll calls."""

    name = "attendance"
    requires = ("auth", "classes")
    happenings = (
        SessionStarted,
        AttendanceMarked,
        SessionDone,
        SessionExpired,
        SessionSuperseded,
    )
    hookspecs = hookspecs
    audited = ACTIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._service: AttendanceService | None = None
        self._local_day: Callable[[datetime], date] | None = None
        self.migrations = (Migration(2, DATES, self._give_dates),)

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare how many sessions may be live, and for how long."""
        return AttendanceSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow teachers to call rolls, students to read their attendance, administrators all."""
        return [
            Role(BaseRole.TEACHER, {"session:start", MARKS}),
            Role(BaseRole.STUDENT, {"attendance:read"}),
            # The first two only as a teacher of the class.
            Role(BaseRole.ADMIN, {"session:start", MARKS, EVERY_MARK}),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of sessions and of attendance records."""
        return [Session, AttendanceRecord]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of roll calls."""
        parts = core(app)
        self._database = parts.database
        self._local_day = parts.local_day
        services = parts.services
        metrics = AttendanceMetrics(parts.metrics.registry)
        classes, rolls = services.get(ClassService), services.get(Rolls)
        teaching = services.get(Teaching)
        members = Members(rolls, teaching)
        hooks = AttendanceHooks(parts.plugins, app, members)
        settings = services.get(AttendanceSettings)
        scope = settings.scope
        live = LiveSessions(parts.clock)
        projector = Projector(
            *(parts.database, live, parts.hub, hooks.statuses, metrics),
            members.of_class if scope == "class" else None,
            parts.local_day,
        )
        sessions = SessionLog(
            *(parts.database, rolls, projector, metrics, parts.traces, parts.clock),
            parts.plugins.changes,
            parts.local_day,
        )
        records = Records(parts.database)
        closing = Closing(records, rolls, sessions, hooks, parts.clock, metrics)
        expiry = Expiry(settings.session_hours, parts.clock, parts.local_day, closing)
        self._service = AttendanceService(
            *(records, closing, expiry, classes, rolls, teaching, sessions, live, hooks, scope),
            *(parts.roles, parts.grants),
        )
        offered = (
            hooks.statuses,
            schemas_of(hooks.statuses),
            metrics,
            live,
            projector,
            self._service,
            TakenSessions(parts.database),
        )
        for service in offered:
            services.add(service)

        async def sweep() -> None:
            metrics.live(live)
            await closing.finish_abandoned()

        async def expire() -> None:
            await expiry.end_those_of(live)

        # The tasks run in each process, not on a lease: sessions are closed within seconds, and a
        # lease takes longer to change hands. What a process knows decides which sessions have
        # expired, so that nobody asks the database.
        parts.tasks.every(SWEEP_SECONDS, sweep)
        parts.tasks.every(SWEEP_SECONDS, expire)

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, str]:
        """Tell clients whether several sessions may be live at the same time."""
        return {"scope": core(app).services.get(AttendanceSettings).scope}

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes under /attendance."""
        return [blueprint(core(app).services.get(Schemas))]

    @hookimpl
    def register_events(self, app: Quart) -> list[EventType]:
        """Return the events of a roll call."""
        return events(core(app).services.get(Schemas))

    @hookimpl
    def register_socket_parameters(self, app: Quart) -> list[SocketParameter]:
        """Return the parameters with which a client resumes after a lost connection."""
        return since_parameters(core(app).services.get(Schemas))

    @hookimpl
    async def check_deletion(self, class_id: str, with_records: bool) -> Deny | None:
        """Forbid the deletion of a class with a live session, or with records to keep."""
        service = self._service
        reason = await service.kept_by(class_id, with_records=with_records) if service else None
        return Deny(reason) if reason else None

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Take the notes and reasons out of the records of a person."""
        if self._database is None:
            return None
        return await erase_person(self._database, user_id, dry_run=dry_run)

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the records of a person, and the roll calls that they started."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)

    @hookimpl
    async def members_changed(self, class_ids: list[str]) -> None:
        """Let no mark rely on an earlier copy of a roll."""
        if self._database is not None:
            await members_changed(self._database, class_ids)

    @hookimpl
    async def startup(self, app: Quart) -> None:
        """Start reading the change stream."""
        parts = core(app)
        projector, metrics = parts.services.get(Projector), parts.services.get(AttendanceMetrics)
        if parts.database.change_streams:
            stream = SessionStream(parts.database, projector, metrics, parts.clock)
            self._tasks.append(asyncio.create_task(stream.run()))
            await stream.ready.wait()
        else:
            await projector.reload()

    @hookimpl
    async def clear_class(self, class_id: str, with_records: bool) -> None:
        """Delete the records of a class that is to be deleted, if requested."""
        if with_records and self._service is not None:
            await self._service.records.delete(ObjectId(class_id))

    @hookimpl
    async def shutdown(self) -> None:
        """Finish the closing of sessions, then stop the stream."""
        if self._service is not None:
            await self._service.closing.settle()
        await end_tasks(self._tasks)
        self._tasks.clear()

    async def _give_dates(self, database: Database) -> None:
        if self._local_day is None:
            raise RuntimeError("migrations come after register_services")
        await give_dates(database, self._local_day)
