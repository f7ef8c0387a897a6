from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Role, core, hookimpl
from quartapp_attendance import (
    AttendanceService,
    Schemas,
    SessionDone,
    SessionExpired,
    SessionSuperseded,
    StatusRegistry,
)
from quartapp_auth import BaseRole, People
from quartapp_classes import ClassService, Rolls
from quartapp_records import hookspecs
from quartapp_records.access import OFFICE, READ, WRITE, Access
from quartapp_records.answers import Answers
from quartapp_records.audited import ACTIONS
from quartapp_records.changed import ChangedRecords
from quartapp_records.columns import Columns
from quartapp_records.commands import records
from quartapp_records.corrections import Corrections
from quartapp_records.day_records import DayRecords
from quartapp_records.days import Days
from quartapp_records.errors import SessionNotFoundError
from quartapp_records.happenings import (
    RecordCorrected,
    RecordsLocked,
    SessionAdded,
    SessionCancelled,
    SessionFinished,
)
from quartapp_records.history import Histories
from quartapp_records.later import LaterSessions
from quartapp_records.lock import Lock
from quartapp_records.lock_routes import lock_routes
from quartapp_records.missing import MissingColumns
from quartapp_records.models import (
    Column,
    ColumnsBuilt,
    OlderEntry,
    RecordLock,
    RegisterIndex,
)
from quartapp_records.personal import erase_person, personal_data
from quartapp_records.register import Registers
from quartapp_records.routes import blueprint
from quartapp_records.sessions import SessionRecords
from quartapp_records.settings import RecordsSettings
from quartapp_records.students import StudentRegisters

if TYPE_CHECKING:
    import click
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Database, Model


BUILD_SECONDS = 60.0
ENDED = (SessionDone, SessionSuperseded, SessionExpired, SessionAdded, SessionCancelled)


class RecordsPlugin:
    """The plugin of ended sessions and their records, which people correct."""

    name = "records"
    requires = ("auth", "classes", "attendance")
    happenings = (
        RecordCorrected,
        SessionFinished,
        SessionAdded,
        SessionCancelled,
        RecordsLocked,
    )
    # Marks are frequent, and none of them ends a session.
    hears = ENDED
    hookspecs = hookspecs
    audited = ACTIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._histories: Histories | None = None
        self._columns: Columns | None = None
        self._sessions: SessionRecords | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare until when teachers change records."""
        return RecordsSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow teachers to change the records of their classes, and administrators all."""
        return [
            Role(BaseRole.TEACHER, {READ, WRITE}),
            Role(BaseRole.ADMIN, {READ, WRITE, OFFICE}),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of histories, of the lock, and of registers."""
        return [OlderEntry, RecordLock, RegisterIndex, Column, ColumnsBuilt]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of records."""
        parts = core(app)
        self._database = parts.database
        services = parts.services
        statuses = services.get(StatusRegistry)
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        self._sessions = sessions = SessionRecords(parts.database)
        self._histories = histories = Histories(parts.database)
        access = Access(services.get(ClassService), parts.roles, statuses)
        lock = Lock(parts.database, parts.plugins, parts.clock, parts.local_day)
        edit_days = services.get(RecordsSettings).edit_days
        days = Days(edit_days, parts.settings, parts.local_day, lock)
        self._columns = columns = Columns(parts.database, parts.clock, days)
        registers = Registers(parts.database, columns)
        written = (parts.database, parts.plugins, parts.clock)
        corrections = Corrections(*written, sessions, histories, columns, access, days)
        later = LaterSessions(
            *written,
            services.get(Rolls),
            services.get(AttendanceService),
            statuses,
            corrections,
            columns,
            access,
            days,
        )
        answers = Answers(sessions, histories, people, statuses, days)
        students = StudentRegisters(parts.database, registers)
        offered = (sessions, histories, access, lock, days, columns, registers, students)
        offered_too = (DayRecords(parts.database), ChangedRecords(parts.database, columns))
        for service in (*offered, *offered_too, corrections, later, answers):
            services.add(service)
        missing = MissingColumns(parts.database, parts.clock, columns)
        parts.tasks.every(BUILD_SECONDS, missing.build, once_per_installation=True)

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes of sessions and records, and of the lock."""
        services = core(app).services
        return [blueprint(services.get(StatusRegistry), services.get(Schemas)), lock_routes]

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, int]:
        """Tell clients for how many days teachers correct records."""
        return {"editDays": core(app).services.get(RecordsSettings).edit_days}

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp records``."""
        return [records]

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Take the reasons out of what is left of histories."""
        if self._database is None:
            return None
        return await erase_person(self._database, user_id, dry_run=dry_run)

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return what is left of histories."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Build the column of a session that has ended."""
        if not isinstance(event, ENDED) or self._sessions is None or self._columns is None:
            return
        # A class may be deleted at once.
        with suppress(SessionNotFoundError):
            await self._columns.build(await self._sessions.get(event.session_id))

    @hookimpl
    async def clear_class(self, class_id: str, with_records: bool) -> None:
        """Delete what is kept of a class that is to be deleted."""
        if with_records and self._histories is not None:
            await self._histories.delete(ObjectId(class_id))
        if self._columns is not None:
            await self._columns.delete(ObjectId(class_id))
