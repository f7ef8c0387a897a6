from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Role, core, hookimpl
from quartapp_attendance import TakenSessions
from quartapp_auth import BaseRole
from quartapp_calendar.audited import ACTIONS
from quartapp_calendar.commands import calendar
from quartapp_calendar.happenings import HolidaysChanged, MeetingsChanged, TermsChanged
from quartapp_calendar.holidays import Holidays
from quartapp_calendar.meeting_routes import WRITING, class_routes, not_taken_routes
from quartapp_calendar.meetings import Meetings
from quartapp_calendar.models import HolidaysDocument, MeetingDocument, TermsDocument
from quartapp_calendar.planning import Planning
from quartapp_calendar.reading import CalendarReader, can_read
from quartapp_calendar.routes import MANAGING, calendar_routes
from quartapp_calendar.terms import Terms
from quartapp_classes import ClassService

if TYPE_CHECKING:
    import click
    from quart import Blueprint, Quart

    from quartapp import Model


class CalendarPlugin:
    """The plugin of terms, holidays, and the meetings of classes."""

    name = "calendar"
    requires = ("auth", "classes", "attendance")
    happenings = (TermsChanged, HolidaysChanged, MeetingsChanged)
    audited = ACTIONS

    def __init__(self) -> None:
        self._meetings: Meetings | None = None

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow administrators to change everything, and teachers the meetings of their classes."""
        return [
            Role(BaseRole.TEACHER, {WRITING}),
            Role(BaseRole.ADMIN, {MANAGING, WRITING}),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collections of terms, holidays and meetings."""
        return [TermsDocument, HolidaysDocument, MeetingDocument]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of the calendar."""
        parts = core(app)
        services, zone = parts.services, parts.settings.timezone
        classes = services.get(ClassService)
        terms = Terms(parts.database, parts.plugins)
        holidays = Holidays(parts.database, parts.plugins, parts.clock)
        meetings = Meetings(parts.database, parts.plugins, parts.clock, classes, terms)
        self._meetings = meetings
        taken = services.get(TakenSessions)
        offered = (
            terms,
            holidays,
            meetings,
            Planning(terms, holidays, meetings, classes, taken, zone),
            CalendarReader(zone, parts.local_day),
        )
        for service in offered:
            services.add(service)

    @hookimpl
    def register_capabilities(self) -> dict[str, bool]:
        """Tell clients whether the server reads iCalendar files."""
        return {"imports": can_read()}

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes of the calendar, and those under /class and /attendance."""
        return [calendar_routes, class_routes, not_taken_routes]

    @hookimpl
    def register_commands(self) -> list[click.Command]:
        """Return the command ``quartapp calendar``."""
        return [calendar]

    @hookimpl
    async def clear_class(self, class_id: str) -> None:
        """Delete the meetings of a class that is to be deleted."""
        if self._meetings is not None:
            await self._meetings.clear(ObjectId(class_id))
