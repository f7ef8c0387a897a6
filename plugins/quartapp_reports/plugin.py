from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import PluginError, Static, core, hookimpl
from quartapp_attendance import StatusRegistry
from quartapp_records import Registers, StudentRegisters
from quartapp_reports import hookspecs
from quartapp_reports.export_routes import export_routes
from quartapp_reports.print_page import HERE, STATIC_PREFIX, PrintPages
from quartapp_reports.routes import report_routes
from quartapp_reports.rules import RULES
from quartapp_reports.service import Reports
from quartapp_reports.settings import ReportsSettings
from quartapp_reports.student_routes import student_routes
from quartapp_reports.xlsx_file import XlsxFiles, can_write

if TYPE_CHECKING:
    from pydantic import BaseModel
    from quart import Blueprint, Quart

    from quartapp_reports.rules import PercentageRule


class ReportsPlugin:
    """The plugin of percentages, runs of absences and warnings."""

    name = "reports"
    requires = ("auth", "classes", "attendance", "records")
    hookspecs = hookspecs

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the rule for percentages, and when reports warn."""
        return ReportsSettings

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the reports."""
        services = core(app).services
        settings = services.get(ReportsSettings)
        rules = _rules(app)
        if settings.rule not in rules:
            raise PluginError(
                f"there is no rule {settings.rule} for percentages; there are "
                f"{', '.join(sorted(rules))}"
            )
        services.add(
            Reports(
                services.get(Registers),
                services.get(StudentRegisters),
                services.get(StatusRegistry),
                rules[settings.rule],
                settings,
            )
        )
        services.add(XlsxFiles())
        services.add(PrintPages())

    @hookimpl
    def register_capabilities(self, app: Quart) -> dict[str, str | bool]:
        """Tell clients the rule for percentages, and whether there are XLSX files."""
        return {"rule": core(app).services.get(ReportsSettings).rule, "xlsx": can_write()}

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """Return the routes of reports."""
        return [report_routes, student_routes, export_routes()]

    @hookimpl
    def register_static(self) -> list[Static]:
        """Return the stylesheet of pages to print."""
        return [Static(STATIC_PREFIX, HERE / "static")]


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
