from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Migration, Role, core, hookimpl
from quartapp_auth import BaseRole, People
from quartapp_classes import hookspecs
from quartapp_classes.models import ClassRoom
from quartapp_classes.names import KEYS, give_keys
from quartapp_classes.paths import ClassConverter
from quartapp_classes.rolls import Rolls
from quartapp_classes.routes import blueprint
from quartapp_classes.service import ClassService

if TYPE_CHECKING:
    from quart import Blueprint, Quart

    from quartapp import Model
    from quartapp_classes.rolls import ClassInfo, Roll


class ClassesPlugin:
    """The plugin of classes and rolls, stored in the database."""

    name = "classes"
    requires = ("auth",)
    hookspecs = hookspecs
    migrations = (Migration(2, KEYS, give_keys),)

    def __init__(self) -> None:
        self._rolls: Rolls | None = None

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow teachers to have classes."""
        return [
            Role(BaseRole.TEACHER, {"class:create", "class:write", "roll:write", "students:read"})
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of classes."""
        return [ClassRoom]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of classes and rolls."""
        parts = core(app)
        people = parts.services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        self._rolls = Rolls(parts.database, parts.plugins)
        parts.services.add(self._rolls)
        parts.services.add(
            ClassService(parts.database, people, self._rolls, parts.plugins, parts.grants)
        )

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes under /class."""
        app.url_map.converters["class"] = ClassConverter
        return [blueprint]

    @hookimpl
    def clear_class(self, class_id: str) -> None:
        """Drop the copy of the roll of a class that is to be deleted."""
        if self._rolls is not None:
            self._rolls.forget(ObjectId(class_id))

    @hookimpl(trylast=True)
    async def roster(self, class_room: ClassInfo) -> Roll | None:
        """Return the roll in the database."""
        return await self._rolls.own(class_room) if self._rolls else None
