from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Role, core, hookimpl
from quartapp_attendance import AttendanceService, Schemas, StatusRegistry
from quartapp_auth import BaseRole, People
from quartapp_classes import ClassService, Rolls
from quartapp_records.access import OFFICE, READ, WRITE, Access
from quartapp_records.answers import Answers
from quartapp_records.audited import ACTIONS
from quartapp_records.corrections import Corrections
from quartapp_records.days import Days
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
from quartapp_records.models import OlderEntry, RecordLock
from quartapp_records.routes import blueprint
from quartapp_records.sessions import SessionRecords
from quartapp_records.settings import RecordsSettings

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Model


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
    audited = ACTIONS

    def __init__(self) -> None:
        self._histories: Histories | None = None

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
        """Declare the collections of older entries of histories, and of the lock."""
        return [OlderEntry, RecordLock]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of records."""
        parts = core(app)
        services = parts.services
        statuses = services.get(StatusRegistry)
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        sessions = SessionRecords(parts.database)
        self._histories = histories = Histories(parts.database)
        access = Access(services.get(ClassService), parts.roles, statuses)
        lock = Lock(parts.database, parts.plugins, parts.clock, parts.local_day)
        edit_days = services.get(RecordsSettings).edit_days
        days = Days(edit_days, parts.settings, parts.local_day, lock)
        written = (parts.database, parts.plugins, parts.clock)
        corrections = Corrections(*written, sessions, histories, access, days)
        later = LaterSessions(
            *written,
            services.get(Rolls),
            services.get(AttendanceService),
            statuses,
            corrections,
            access,
            days,
        )
        answers = Answers(sessions, histories, people, statuses, days)
        for service in (sessions, histories, access, lock, days, corrections, later, answers):
            services.add(service)

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes of sessions and records, and of the lock."""
        services = core(app).services
        return [blueprint(services.get(StatusRegistry), services.get(Schemas)), lock_routes]

    @hookimpl
    async def clear_class(self, class_id: str, with_records: bool) -> None:
        """Delete the older entries of a class that is to be deleted, if requested."""
        if with_records and self._histories is not None:
            await self._histories.delete(ObjectId(class_id))
