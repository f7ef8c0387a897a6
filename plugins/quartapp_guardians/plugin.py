from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import PluginError, Role, core, hookimpl
from quartapp_attendance import StatusRegistry
from quartapp_auth import BaseRole, People
from quartapp_classes import ClassService
from quartapp_guardians.audited import ACTIONS
from quartapp_guardians.guardians import Guardians
from quartapp_guardians.happenings import (
    GuardianAdded,
    GuardianChanged,
    GuardianRemoved,
    NoticeDropped,
    NoticeSent,
)
from quartapp_guardians.models import GuardianDocument, NoticeDocument
from quartapp_guardians.notices import NOTICE, Notices
from quartapp_guardians.personal import erase_person, personal_data
from quartapp_guardians.routes import MANAGE, guardian_routes, notice_routes
from quartapp_guardians.settings import GuardiansSettings
from quartapp_mail import Mailer
from quartapp_records import DayRecords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Database, Model

ORDER_SECONDS = 30.0
MAILS_AT_ONCE = 4


class GuardiansPlugin:
    """The plugin of guardians, who get a mail on the day on which a student is absent."""

    name = "guardians"
    requires = ("auth", "classes", "attendance", "records", "mail")
    happenings = (GuardianAdded, GuardianChanged, GuardianRemoved, NoticeSent, NoticeDropped)
    audited = ACTIONS

    def __init__(self) -> None:
        self._database: Database | None = None
        self._notices: Notices | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare whether and when notices are sent."""
        return GuardiansSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow administrators to keep guardians."""
        return [Role(BaseRole.ADMIN, {MANAGE})]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of guardians and notices."""
        return [GuardianDocument, NoticeDocument]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide guardians and notices."""
        parts = core(app)
        services, self._database = parts.services, parts.database
        settings, statuses = services.get(GuardiansSettings), services.get(StatusRegistry)
        mailer = services.find(Mailer)
        if settings.notices and mailer is None:
            raise PluginError(
                "plugin guardians: notices need a mail server: set smtp_host of the plugin mail"
            )
        for code in settings.notice_statuses:
            if settings.notices and code not in statuses:
                known = ", ".join(statuses.codes)
                raise PluginError(f"plugin guardians: the status {code} is none of {known}")
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        services.add(Guardians(parts.database, parts.plugins, parts.clock, people))
        self._notices = notices = Notices(
            parts.database,
            parts.plugins,
            parts.clock,
            services.get(DayRecords),
            services.get(ClassService),
            people,
            mailer,
            settings,
            parts.settings,
            parts.local_day,
        )
        services.add(notices)
        # Without a mail server, what waits in the outbox waits for one.
        parts.outbox.limit({} if mailer is None else {NOTICE: MAILS_AT_ONCE})
        if settings.notices:
            parts.tasks.every(ORDER_SECONDS, notices.order_due, once_per_installation=True)

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes of guardians and notices."""
        return [guardian_routes, notice_routes]

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, bool]:
        """Tell clients whether guardians get notices."""
        return {"notices": core(app).services.get(GuardiansSettings).notices}

    @hookimpl
    async def deliver(self, kind: str, data: Mapping[str, Any], attempts: int) -> None:
        """Send a notice."""
        if self._notices is not None and kind == NOTICE:
            await self._notices.deliver(data["notice"], attempts)

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Delete the guardians of a student, and the notices about the student."""
        if self._database is None:
            return None
        return await erase_person(self._database, user_id, dry_run=dry_run)

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the guardians of a student, and the notices about the student."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)
