from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.core import core
from quartapp.hookspecs import hookimpl
from quartapp_auth.service import UserService
from quartapp_classes.models import ClassRoom
from quartapp_classes.routes import blueprint
from quartapp_classes.service import ClassService

if TYPE_CHECKING:
    from quart import Blueprint, Quart


class ClassesPlugin:
    """Classes and their rolls, kept here."""

    name = "classes"
    requires = ("auth",)

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """The routes under /class."""
        parts = core(app)
        parts.database.models.append(ClassRoom)
        users = parts.services.get(UserService)
        parts.services.add(ClassService(parts.database, users, parts.plugins))
        return [blueprint]
