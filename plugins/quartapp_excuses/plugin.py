from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import PluginError, Role, core, hookimpl
from quartapp_attendance import (
    AttendanceService,
    SessionStarted,
    Status,
    StatusRegistry,
)
from quartapp_auth import BaseRole, People
from quartapp_classes import Rolls, Teaching
from quartapp_excuses.access import DECIDE, HAND_IN, OFFICE, ExcuseAccess
from quartapp_excuses.applying import OVERDUE, Applying
from quartapp_excuses.audited import ACTIONS
from quartapp_excuses.beforehand import Beforehand
from quartapp_excuses.files import MOST_BYTES, ExcuseFiles
from quartapp_excuses.happenings import ExcuseDecided, ExcuseHandedIn, ExcuseWithdrawn
from quartapp_excuses.known import excuses_on
from quartapp_excuses.models import EXCUSES, ChunkDocument, ExcuseDocument, FileDocument
from quartapp_excuses.personal import erase_person, personal_data
from quartapp_excuses.routes import excuse_routes
from quartapp_excuses.service import MOST_DAYS, Excuses
from quartapp_excuses.settings import EXCUSED, ExcusesSettings
from quartapp_records import Corrections, Orders, SessionAdded, SessionFinished

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Database, Model
    from quartapp_attendance import SessionInfo
    from quartapp_records import KnownExcuse

FINISH_SECONDS = 5.0
CLEAN_SECONDS = 3600.0


class ExcusesPlugin:
    """The plugin of excuses, which teachers and the office accept or refuse."""

    name = "excuses"
    requires = ("auth", "classes", "attendance", "records")
    happenings = (ExcuseHandedIn, ExcuseDecided, ExcuseWithdrawn)
    hears = (SessionStarted, SessionFinished, SessionAdded)
    audited = ACTIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._files: ExcuseFiles | None = None
        self._beforehand: Beforehand | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the status of excused students, and how many excuses may be open."""
        return ExcusesSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow students to hand in, teachers to decide for their classes, the office for all."""
        return [
            Role(BaseRole.STUDENT, {HAND_IN}),
            Role(BaseRole.TEACHER, {HAND_IN, DECIDE}),
            Role(BaseRole.ADMIN, {HAND_IN, DECIDE, OFFICE}),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of excuses, and of their files."""
        return [ExcuseDocument, FileDocument, ChunkDocument]

    @hookimpl
    def register_statuses(self) -> list[Status]:
        """Bring the status ``excused``, unless another plugin has its own."""
        return [
            Status(
                code=EXCUSED,
                label="Excused",
                counts_as="absent",
                points=None,
                key="e",
                yields=True,
            )
        ]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of excuses."""
        parts = core(app)
        self._database = parts.database
        services = parts.services
        settings, statuses = services.get(ExcusesSettings), services.get(StatusRegistry)
        if settings.status not in statuses:
            raise PluginError(
                f"plugin excuses: the status {settings.status} is none of "
                f"{', '.join(statuses.codes)}"
            )
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        rolls = services.get(Rolls)
        self._files = files = ExcuseFiles(parts.database, parts.clock)
        orders = Orders(
            *(parts.database, parts.clock, EXCUSES, OVERDUE),
            what="excuse",
            logger="quartapp.excuses",
        )
        applying = Applying(
            parts.database,
            orders,
            services.get(AttendanceService),
            services.get(Corrections),
            rolls,
            statuses,
            settings.status,
        )
        self._beforehand = Beforehand(parts.database, parts.clock, rolls, applying, settings.status)
        access = ExcuseAccess(people, rolls, services.get(Teaching), parts.roles)
        services.add(files)
        services.add(applying)
        services.add(
            Excuses(
                parts.database,
                parts.plugins,
                parts.clock,
                access,
                files,
                applying,
                settings.most_open,
            )
        )
        parts.tasks.every(FINISH_SECONDS, applying.finish, once_per_installation=True)
        parts.tasks.every(CLEAN_SECONDS, files.delete_orphans, once_per_installation=True)

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes of excuses."""
        return [excuse_routes]

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, str | int | bool]:
        """Tell clients which status an excuse gives, and how much fits into one."""
        return {
            "status": core(app).services.get(ExcusesSettings).status,
            "mostBytes": MOST_BYTES,
            "mostDays": MOST_DAYS,
        }

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Delete the excuses of a person, with their files."""
        if self._database is None or self._files is None:
            return None
        return await erase_person(self._database, self._files, user_id, dry_run=dry_run)

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the excuses of a person."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)

    @hookimpl
    async def final_status(self, session: SessionInfo, student_id: str) -> str | None:
        """Excuse unmarked students with an accepted excuse."""
        if self._beforehand is None:
            return None
        return await self._beforehand.status_of(session, student_id)

    @hookimpl
    async def excuses_on(
        self, day: date, student_ids: Collection[str]
    ) -> dict[str, KnownExcuse] | None:
        """Tell which students have an excuse for a day."""
        if self._database is None:
            return None
        return await excuses_on(self._database, day, student_ids)

    @hookimpl
    async def on_event(self, event: object) -> None:
        """Bring accepted excuses into a session that begins, and into records made later."""
        if self._beforehand is None:
            return
        if isinstance(event, SessionStarted):
            await self._beforehand.begun(event.session_id)
        elif isinstance(event, SessionFinished | SessionAdded):
            await self._beforehand.recorded(event.session_id)
