from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from quartapp import Static, core, hookimpl
from quartapp_auth import SetupNotice
from quartapp_web import hookspecs
from quartapp_web.account_page import blueprint as account_page
from quartapp_web.audit_page import blueprint as audit_page
from quartapp_web.calendar_pages import blueprint as calendar_pages
from quartapp_web.class_changes import blueprint as class_changes
from quartapp_web.class_meetings import blueprint as class_meetings
from quartapp_web.code_pages import blueprint as code_pages
from quartapp_web.error_pages import page_of_error
from quartapp_web.every_class_pages import blueprint as every_class_pages
from quartapp_web.invitation_pages import blueprint as invitation_pages
from quartapp_web.later_page import blueprint as later_page
from quartapp_web.office_page import blueprint as office_page
from quartapp_web.offline import blueprint as offline
from quartapp_web.own_sections import SECTIONS
from quartapp_web.people_pages import blueprint as people_pages
from quartapp_web.record_page import blueprint as record_page
from quartapp_web.register_page import blueprint as register_page
from quartapp_web.rendering import Pages, has_accounts
from quartapp_web.report_page import blueprint as report_page
from quartapp_web.roll_page import blueprint as roll_page
from quartapp_web.sections import Section, Sections
from quartapp_web.settings_page import blueprint as settings_page
from quartapp_web.sign_in_pages import blueprint as sign_in_pages
from quartapp_web.start_page import blueprint as start_page
from quartapp_web.student_page import blueprint as student_page
from quartapp_web.student_pages import blueprint as student_pages
from quartapp_web.today_page import blueprint as today_page

if TYPE_CHECKING:
    from quart import Blueprint, Quart, Response

ACCOUNTS_PAGES = (
    account_page,
    code_pages,
    invitation_pages,
    people_pages,
    every_class_pages,
    class_changes,
    class_meetings,
    audit_page,
)
"""Pages about the accounts that this server keeps."""
STATIC = Path(__file__).parent / "static"


class WebPlugin:
    """The plugin of the pages under ``/app``."""

    name = "web"
    requires = ("auth", "classes", "attendance", "records", "calendar", "reports")
    hookspecs = hookspecs

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the templates in all languages, and the navigation."""
        services = core(app).services
        services.add(Pages())
        services.add(Sections(app))
        # Another plugin may keep the accounts, and has pages of its own for them.
        notice = services.find(SetupNotice)
        if notice is not None:
            notice.lead_to("/app/setup")

    @hookimpl
    def register_sections(self) -> list[Section]:
        """Return the entries of the bundled pages."""
        return SECTIONS

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the pages."""
        return [
            *(start_page, sign_in_pages),
            *(ACCOUNTS_PAGES if has_accounts(app) else ()),
            *(today_page, roll_page, student_pages, offline),
            *(register_page, record_page, later_page, report_page, student_page),
            *(office_page, calendar_pages, settings_page),
        ]

    @hookimpl
    def register_static(self) -> list[Static]:
        """Return the stylesheet, the scripts and the icon."""
        return [Static("/app/static", STATIC)]

    @hookimpl
    async def error_page(self, status: int, message: str) -> Response | None:
        """Show refusals under ``/app`` as pages; lead strangers to the sign-in."""
        return page_of_error(status, message)
