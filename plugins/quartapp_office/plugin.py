from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import Role, core, hookimpl
from quartapp_attendance import (
    AttendanceService,
    Schemas,
    SessionDone,
    SessionStarted,
    StatusRegistry,
)
from quartapp_auth import BaseRole, People
from quartapp_classes import ClassService, Rolls
from quartapp_office.absences import Absences
from quartapp_office.audited import ACTIONS
from quartapp_office.carrying import OVERDUE, Carrying
from quartapp_office.entries import DayEntries
from quartapp_office.happenings import AbsencesEntered, AbsencesWithdrawn
from quartapp_office.models import ENTRIES, EntryDocument
from quartapp_office.personal import erase_person, personal_data
from quartapp_office.routes import DAY, blueprint
from quartapp_office.standing import Standing
from quartapp_records import Corrections, DayRecords, Orders, SessionAdded, SessionFinished

if TYPE_CHECKING:
    from quart import Blueprint, Quart

    from quartapp import Database, Model

FINISH_SECONDS = 15.0


class OfficePlugin:
    """The plugin of the office's day: absences of all classes, and statuses for many students."""

    name = "office"
    requires = ("auth", "classes", "attendance", "records")
    happenings = (AbsencesEntered, AbsencesWithdrawn)
    hears = (SessionStarted, SessionDone, SessionFinished, SessionAdded)
    audited = ACTIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._standing: Standing | None = None

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow administrators what the office does."""
        return [Role(BaseRole.ADMIN, {DAY})]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of entries."""
        return [EntryDocument]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of the office."""
        parts = core(app)
        services = parts.services
        self._database = parts.database
        statuses, rolls = services.get(StatusRegistry), services.get(Rolls)
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        orders = Orders(
            *(parts.database, parts.clock, ENTRIES, OVERDUE),
            what="entry",
            logger="quartapp.office",
        )
        carrying = Carrying(
            parts.database,
            orders,
            services.get(AttendanceService),
            services.get(Corrections),
            rolls,
            statuses,
            parts.settings.timezone,
        )
        self._standing = Standing(parts.database, orders, rolls, carrying)
        services.add(
            Absences(
                services.get(DayRecords),
                services.get(ClassService),
                people,
                statuses,
                parts.plugins,
            )
        )
        services.add(carrying)
        services.add(
            DayEntries(
                parts.database, parts.plugins, parts.clock, people, carrying, parts.local_day
            )
        )
        parts.tasks.every(FINISH_SECONDS, carrying.finish, once_per_installation=True)

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes of the office."""
        services = core(app).services
        return [blueprint(services.get(StatusRegistry), services.get(Schemas))]

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Take a person out of entries."""
        if self._database is None:
            return None
        return await erase_person(self._database, user_id, dry_run=dry_run)

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the entries about a person."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Bring entries into a session that begins, and into records as they are made."""
        if self._standing is None:
            return
        if isinstance(event, SessionStarted):
            await self._standing.begun(event.session_id)
        elif isinstance(event, SessionDone | SessionFinished | SessionAdded):
            await self._standing.recorded(event.session_id)
