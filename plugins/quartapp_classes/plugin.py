from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.core import core
from quartapp.hookspecs import hookimpl
from quartapp_auth.service import UserService
from quartapp_classes import hookspecs
from quartapp_classes.models import ClassRoom
from quartapp_classes.paths import ClassConverter
from quartapp_classes.routes import blueprint
from quartapp_classes.service import ClassService

if TYPE_CHECKING:
    from quart import Blueprint, Quart

    from quartapp_classes.service import ClassInfo, Roll


class ClassesPlugin:
    """Classes and their rolls, kept here."""

    name = "classes"
    requires = ("auth",)
    hookspecs = hookspecs

    def __init__(self) -> None:
        self._service: ClassService | None = None

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """The routes under /class."""
        parts = core(app)
        parts.database.models.append(ClassRoom)
        users = parts.services.get(UserService)
        app.url_map.converters["class"] = ClassConverter
        self._service = ClassService(parts.database, users, parts.plugins)
        parts.services.add(self._service)
        return [blueprint]

    @hookimpl(trylast=True)
    async def roster(self, class_room: ClassInfo) -> Roll | None:
        """The roll that is kept here."""
        return await self._service.own_roll(class_room) if self._service else None
