from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import Migration, Role, core, end_tasks, hookimpl
from quartapp_auth import BaseRole, People, RegistrationRule
from quartapp_classes import hookspecs
from quartapp_classes.administration.routes import class_administration
from quartapp_classes.audited import ACTIONS
from quartapp_classes.directory import StudentDirectory
from quartapp_classes.finding import EVERY_CLASS
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
    TeachersChanged,
)
from quartapp_classes.models import ClassRoom
from quartapp_classes.names import KEYS, give_keys
from quartapp_classes.paths import ClassConverter
from quartapp_classes.personal import personal_data
from quartapp_classes.rolls import Rolls
from quartapp_classes.routes import blueprint
from quartapp_classes.service import ClassService
from quartapp_classes.settings import ClassesSettings
from quartapp_classes.teacher_changes import TeacherChanges
from quartapp_classes.teacher_routes import teacher_routes
from quartapp_classes.teaching import Teaching
from quartapp_classes.watch import ClassWatch
from quartapp_classes.writing import ClassWriter

if TYPE_CHECKING:
    from quart import Blueprint, Quart

    from quartapp import Account, Database, Model
    from quartapp_classes.rolls import ClassInfo, Roll


class ClassesPlugin:
    """The plugin of classes and rolls, stored in the database."""

    name = "classes"
    requires = ("auth",)
    happenings = (
        ClassCreated,
        ClassChanged,
        TeachersChanged,
        ClassDeleted,
        StudentAdded,
        StudentRemoved,
    )
    hookspecs = hookspecs
    audited = ACTIONS
    migrations = (Migration(2, KEYS, give_keys),)

    def __init__(self) -> None:
        self._database: Database | None = None
        self._classes: ClassService | None = None
        self._rolls: Rolls | None = None
        self._watch: ClassWatch | None = None
        self._watching: asyncio.Task[None] | None = None

    @hookimpl
    def register_settings(self) -> type[ClassesSettings]:
        """Declare who sees which students, and whose addresses."""
        return ClassesSettings

    @hookimpl
    def register_roles(self) -> list[Role]:
        """Allow teachers to have classes, and administrators to manage all classes."""
        own = {"class:create", "class:read", "class:write", "roll:write", "students:read"}
        return [
            Role(BaseRole.TEACHER, own),
            Role(BaseRole.ADMIN, {EVERY_CLASS, "class:read", "class:write", "roll:write"}),
        ]

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of classes."""
        return [ClassRoom]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the services of classes and rolls."""
        parts = core(app)
        self._database = parts.database
        people = parts.services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
        self._watch = watch = ClassWatch(parts.database, parts.clock)
        self._rolls = Rolls(parts.database, parts.plugins, watch)
        teaching = Teaching(parts.database, watch, parts.local_day)
        writer = ClassWriter(parts.database, parts.plugins, watch)
        self._classes = classes = ClassService(
            *(parts.database, people, self._rolls, writer, parts.plugins),
            *(parts.roles, parts.grants, parts.local_day),
        )
        teachers = TeacherChanges(classes, people, writer, parts.local_day)
        # A plugin in place of the auth plugin need not have the rule.
        rule = parts.services.find(RegistrationRule)
        is_open = rule is not None and rule.is_open
        settings = parts.services.get(ClassesSettings)
        directory = StudentDirectory(people, classes, settings, is_open=is_open)
        for service in (self._rolls, teaching, classes, teachers, directory):
            parts.services.add(service)

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes under /class, and the list of all classes."""
        app.url_map.converters["class"] = ClassConverter
        return [blueprint, teacher_routes, class_administration]

    @hookimpl
    def clear_class(self, class_id: str) -> None:
        """Drop the copies of a class that is to be deleted."""
        if self._watch is not None:
            self._watch.forget(ObjectId(class_id))

    @hookimpl(trylast=True)
    async def roster(self, class_room: ClassInfo) -> Roll | None:
        """Return the roll in the database."""
        return await self._rolls.own(class_room) if self._rolls else None

    # A plugin in place of the auth plugin need not have the hook.
    @hookimpl(optionalhook=True)
    async def password_words(self, user: Account) -> list[str]:
        """Return the names of the person's classes."""
        return await self._classes.names_of(user.id) if self._classes else []

    @hookimpl
    async def erase_person(self, user_id: str, dry_run: bool) -> dict[str, int] | None:
        """Take a person off all rolls."""
        if self._classes is None:
            return None
        return {"rolls": await self._classes.leave_all(user_id, dry_run=dry_run)}

    @hookimpl
    async def personal_data(self, user_id: str) -> dict[str, object] | None:
        """Return the classes of a person."""
        if self._database is None:
            return None
        return await personal_data(self._database, user_id)

    @hookimpl
    def startup(self) -> None:
        """Start following the changes of classes."""
        if self._watch is not None:
            self._watching = asyncio.create_task(self._watch.run())

    @hookimpl
    async def shutdown(self) -> None:
        """Stop following the changes."""
        if self._watching is not None:
            await end_tasks([self._watching])
