from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import PluginError, Static, core, hookimpl
from quartapp_attendance import SessionDone, SessionExpired, SessionSuperseded, StatusRegistry
from quartapp_auth import Letters, People
from quartapp_classes import ClassService, Rolls, StudentAdded, StudentRemoved, Teaching
from quartapp_records import (
    Access,
    ChangedRecords,
    RecordCorrected,
    Registers,
    SessionAdded,
    SessionCancelled,
    SessionFinished,
    StudentRegisters,
)
from quartapp_reports import hookspecs
from quartapp_reports.assessing import READER, Assessing
from quartapp_reports.digests import Digests
from quartapp_reports.export_routes import export_routes
from quartapp_reports.happenings import WarningRaised, WarningWithdrawn
from quartapp_reports.models import OpenWarnings, WarningDigest
from quartapp_reports.open_warnings import RaisedWarnings
from quartapp_reports.print_page import HERE, STATIC_PREFIX, PrintPages
from quartapp_reports.routes import report_routes
from quartapp_reports.rules import RULES
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings
from quartapp_reports.student_access import StudentAccess
from quartapp_reports.student_routes import student_routes
from quartapp_reports.warning_routes import warning_routes
from quartapp_reports.warning_rules import WarningRules, own_rules
from quartapp_reports.xlsx_file import XlsxFiles, can_write

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp import Model
    from quartapp_reports.rules import PercentageRule
    from quartapp_reports.warning_rules import WarningRule


FINGERPRINT_DIGITS = 16
WARNING_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
CATCH_UP_SECONDS = 10.0
DIGEST_SECONDS = 60.0
HEARD = (
    SessionDone,
    SessionSuperseded,
    SessionExpired,
    SessionAdded,
    SessionFinished,
    SessionCancelled,
    RecordCorrected,
    StudentAdded,
    StudentRemoved,
)


class ReportsPlugin:
    """The plugin of percentages, runs of absences and warnings."""

    name = "reports"
    requires = ("auth", "classes", "attendance", "records")
    hookspecs = hookspecs
    happenings = (WarningRaised, WarningWithdrawn)
    hears = HEARD

    def __init__(self) -> None:
        self._raised: RaisedWarnings | None = None
        self._assessing: Assessing | None = None
        self._digests: Digests | None = None
        self._is_serving = False

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the rule for percentages, and when reports warn."""
        return ReportsSettings

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the reports."""
        parts = core(app)
        services = parts.services
        settings = services.get(ReportsSettings)
        rules = _rules(app)
        if settings.rule not in rules:
            raise PluginError(
                f"there is no rule {settings.rule} for percentages; there are "
                f"{', '.join(sorted(rules))}"
            )
        statuses, rolls = services.get(StatusRegistry), services.get(Rolls)
        warnings = WarningRules(_warning_rules(app, settings))
        reports = Reports(
            services.get(Registers),
            services.get(StudentRegisters),
            statuses,
            rules[settings.rule],
            warnings,
        )
        changed = services.get(ChangedRecords)
        changed.add_reader(READER)
        self._raised = RaisedWarnings(parts.database, rolls)
        self._assessing = Assessing(
            parts.database,
            parts.plugins,
            parts.clock,
            parts.local_day,
            rolls,
            changed,
            reports,
            warnings,
            _fingerprint(settings, warnings, statuses),
        )
        people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        access = StudentAccess(
            people,
            services.get(ClassService),
            rolls,
            services.get(StudentRegisters),
            services.get(Access),
        )
        for service in (reports, warnings, self._raised, self._assessing, access):
            services.add(service)
        parts.tasks.every(CATCH_UP_SECONDS, self._assessing.catch_up, once_per_installation=True)
        self._digests = Digests(
            parts.database,
            parts.plugins.changes,
            parts.clock,
            parts.settings.timezone,
            parts.local_day,
            settings.digest_hour,
            lambda: services.find(Letters),  # type: ignore[type-abstract] # as above
            services.get(Teaching),
            services.get(ClassService),
            people,
        )
        services.add(self._digests)
        if settings.digest_hour is not None:
            parts.tasks.every(DIGEST_SECONDS, self._digests.send, once_per_installation=True)
        services.add(XlsxFiles())
        services.add(PrintPages())

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, str | bool]:
        """Tell clients the rule for percentages, and whether there are XLSX files."""
        return {"rule": core(app).services.get(ReportsSettings).rule, "xlsx": can_write()}

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes of reports."""
        return [report_routes, warning_routes, student_routes, export_routes()]

    @hookimpl
    def register_static(self) -> list[Static]:
        """Return the stylesheet of pages to print."""
        return [Static(STATIC_PREFIX, HERE / "static")]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of warnings."""
        return [OpenWarnings, WarningDigest]

    @hookimpl
    async def startup(self) -> None:
        """Assess classes from now on, and write mails: this is a server, and no command."""
        self._is_serving = True
        if self._digests is not None:
            self._digests.start()

    @hookimpl
    async def on_events(self, events: list[object]) -> None:
        """Assess classes whose sessions have ended, or whose records or rolls have changed."""
        classes = {event.class_id for event in events if isinstance(event, HEARD)}
        if self._assessing is None or not classes:
            return
        if not self._is_serving:
            # A command ends before an assessment would.
            await self._assessing.leave(classes)
            return
        for class_id in classes:
            self._assessing.look(class_id)

    @hookimpl
    async def shutdown(self) -> None:
        """Stop assessing; what is left is caught up with."""
        if self._assessing is not None:
            await self._assessing.stop()

    @hookimpl
    async def clear_class(self, class_id: str) -> None:
        """Delete the warnings of a class that is to be deleted."""
        if self._raised is not None:
            await self._raised.delete(ObjectId(class_id))

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Erase the warnings of a person, and when the person was mailed."""
        if self._raised is None or self._digests is None:
            return None
        return {
            "warnings": await self._raised.erase(user_id, dry_run=dry_run),
            "digests": await self._digests.erase(user_id, dry_run=dry_run),
        }

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the warnings of a person, and when the person was last mailed."""
        if self._raised is None or self._digests is None:
            return None
        return {
            "warnings": await self._raised.of_person(user_id),
            "digests": await self._digests.of_person(user_id),
        }


def _warning_rules(app: Quart, settings: ReportsSettings) -> dict[str, WarningRule]:
    rules = own_rules(settings)
    dispatcher = core(app).plugins.dispatcher
    for owner, brought in dispatcher.collect_now("register_warnings", app=app):
        if not isinstance(brought, dict) or not all(map(callable, brought.values())):
            raise PluginError(f"plugin {owner}: register_warnings must return a dict of functions")
        for name, rule in brought.items():
            if not isinstance(name, str) or not WARNING_NAME.fullmatch(name):
                raise PluginError(
                    f"plugin {owner}: the name {name!r} of a warning must have small letters, "
                    "digits and hyphens"
                )
            if name in rules:
                raise PluginError(f"plugin {owner}: the warning {name} is taken")
            rules[name] = rule
    return rules


def _fingerprint(
    settings: ReportsSettings, warnings: WarningRules, statuses: StatusRegistry
) -> str:
    """Return a text that differs when other settings could lead to other warnings."""
    worth = {status.code: (status.counts_as, str(status.points)) for status in statuses.all}
    # When teachers are mailed changes no warning.
    rules = settings.model_dump(mode="json", exclude={"digest_hour"})
    told = repr((rules, warnings.names, sorted(worth.items())))
    return hashlib.sha256(told.encode()).hexdigest()[:FINGERPRINT_DIGITS]


def _rules(app: Quart) -> dict[str, PercentageRule]:
    rules = dict(RULES)
    dispatcher = core(app).plugins.dispatcher
    for owner, brought in dispatcher.collect_now("register_percentages", app=app):
        if not isinstance(brought, dict) or not all(map(callable, brought.values())):
            raise PluginError(
                f"plugin {owner}: register_percentages must return a dict of functions"
            )
        for name, rule in brought.items():
            if name in rules:
                raise PluginError(f"plugin {owner}: the rule {name} for percentages is taken")
            rules[name] = rule
    return rules
