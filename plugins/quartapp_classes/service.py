"""The changes of classes and rolls. This module knows no requests and no status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from quartapp import (
    Attempt,
    DatabaseUnavailableError,
    PreconditionFailedError,
    name_key,
    object_id,
    utc_now,
)
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes.audited import entries_of
from quartapp_classes.errors import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassNameError,
    ClassNotFoundError,
    StudentNotFoundError,
    TeacherNotFoundError,
)
from quartapp_classes.finding import ROLL, ClassFinder
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
)
from quartapp_classes.models import ClassRoom
from quartapp_classes.versions import in_version
from quartapp_classes.writing import check

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from quartapp import Database, Document, Grants, Plugins, Principal, Roles
    from quartapp_auth import People
    from quartapp_classes.rolls import Rolls
    from quartapp_classes.writing import ClassWriter


LONGEST_NAME = 100


class ClassService(ClassFinder):
    """The classes in the database, to be found and changed.

    Args:
        database: The database that has the classes.
        people: Names and roles of teachers and students.
        rolls: Rolls of the classes.
        writer: Writer of changes of classes.
        plugins: The plugins that receive events.
        roles: Roles of the app, which decide who manages every class.
        grants: Permissions that plugins give to people who do not teach a class.
        today: Function that returns the local day, which decides whether a substitute teaches.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        rolls: Rolls,
        writer: ClassWriter,
        plugins: Plugins,
        roles: Roles,
        grants: Grants,
        today: Callable[[], date],
    ) -> None:
        super().__init__(database, people, rolls, roles, grants, today)
        self._plugins = plugins
        self._writer = writer

    async def create(
        self, teacher: Principal, name: str, attempt: Attempt | None = None
    ) -> ClassRoom:
        """Create a class.

        Args:
            teacher: The teacher who is to own the class.
            name: Name of the class.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            ClassNameError: The name is empty, too long, or has blanks around it.
            ClassExistsError: The teacher has a class with that name, ignoring case and form.
        """
        return await self._create(teacher.id, name, attempt)

    async def create_for(
        self, teacher_id: str, name: str, attempt: Attempt | None = None
    ) -> ClassRoom:
        """Create a class of somebody else.

        Args:
            teacher_id: ``_id`` of the teacher who is to own the class.
            name: Name of the class.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            TeacherNotFoundError: There is no teacher with that id.
            ClassNameError: The name is empty, too long, or has blanks around it.
            ClassExistsError: The teacher has a class with that name, ignoring case and form.
        """
        try:
            teacher = await self._people.get(teacher_id)
        except UserNotFoundError as error:
            raise TeacherNotFoundError from error
        if teacher.role != BaseRole.TEACHER:
            raise TeacherNotFoundError
        return await self._create(str(teacher.id), name, attempt)

    async def _create(self, teacher_id: str, name: str, attempt: Attempt | None) -> ClassRoom:
        _check_name(name)
        attempt = attempt or Attempt()
        now = utc_now()
        class_room = ClassRoom(
            id=attempt.id,
            class_name=name,
            name_key=name_key(name),
            teacher_id=object_id(teacher_id),
            created_at=now,
            updated_at=now,
        )

        async def insert() -> ClassRoom:
            await self._database.insert(class_room)
            return class_room

        created = ClassCreated(str(class_room.id), teacher_id)
        try:
            await self._plugins.changes.stored([created], insert, audited=entries_of(created))
        except DuplicateKeyError as error:
            key = class_room.id
            earlier = await self._database.by_id(ClassRoom, key) if attempt.repeated else None
            if earlier is None:
                raise ClassExistsError from error
            class_room = earlier
        await self._plugins.on_event(created)
        return class_room

    async def rename(
        self,
        class_id: str,
        teacher: Principal,
        name: str,
        *,
        expected: Collection[str] | None = None,
    ) -> ClassRoom:
        """Rename a class.

        Args:
            class_id: The ``_id`` of the class.
            teacher: User who makes the request.
            name: The new name, trimmed.
            expected: Versions that the change accepts; None accepts any version.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user has no such permission for this class.
            ClassNameError: The name is empty, too long, or has blanks around it.
            ClassExistsError: The teacher has another class with that name.
            PreconditionFailedError: The class has none of the expected versions.
        """
        _check_name(name)
        class_room = await self.allowed(class_id, teacher, "class:write")
        check(class_room, expected)
        # A new name raises the number too: two changes may happen in one millisecond.
        changes = {
            "$set": {"className": name, "nameKey": name_key(name), "updatedAt": utc_now()},
            "$inc": {"rollVersion": 1},
        }
        try:
            renamed = await self._changed(
                {"_id": class_room.id, **in_version(expected)}, changes, ClassChanged(class_id)
            )
        except DuplicateKeyError as error:
            raise ClassExistsError from error
        if renamed is None:
            check(await self.get(class_id), expected)
            raise ClassNotFoundError
        return renamed

    async def delete(
        self,
        class_id: str,
        teacher: Principal,
        *,
        with_records: bool,
        expected: Collection[str] | None = None,
    ) -> ClassRoom:
        """Delete a class.

        Args:
            class_id: The ``_id`` of the class.
            teacher: User who makes the request.
            with_records: Whether to delete the records that depend on the class too.
            expected: Versions that the change accepts; None accepts any version.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user has no such permission for this class.
            ClassInUseError: A plugin forbids the deletion.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, "class:write")
        check(class_room, expected)
        kept = await self._plugins.dispatcher.decide(
            "check_deletion", class_id=class_id, with_records=with_records
        )
        if kept is not None:
            raise ClassInUseError(kept.reason)
        if expected is not None:
            # After this write, no other request that expects the same version can change the class.
            bumped = {"$inc": {"rollVersion": 1}}
            query = {"_id": class_room.id, **in_version(expected)}
            if await self._writer.update(query, bumped) is None:
                raise PreconditionFailedError
        # Before the class itself: a process that dies in between leaves a class that can be deleted
        # again.
        await self._plugins.dispatcher.collect(
            "clear_class",
            passing=(DatabaseUnavailableError,),
            class_id=class_id,
            with_records=with_records,
        )

        async def delete() -> bool | None:
            async with self._database.operation():
                classes = self._database.documents[ClassRoom.collection()]
                return (await classes.delete_one({"_id": class_room.id})).deleted_count > 0 or None

        deleted = ClassDeleted(class_id, with_records)
        await self._plugins.changes.stored([deleted], delete, audited=entries_of(deleted))
        await self._plugins.on_event(deleted)
        return class_room

    async def add_student(
        self,
        class_id: str,
        teacher: Principal,
        student_id: str,
        *,
        expected: Collection[str] | None = None,
        attempt: Attempt | None = None,
    ) -> ClassRoom:
        """Put a student on the roll.

        Args:
            class_id: The ``_id`` of the class.
            teacher: User who makes the request.
            student_id: The ``_id`` of the student.
            expected: Versions that the change accepts; None accepts any version.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user has no such permission for this class.
            StudentNotFoundError: The user does not exist or is not a student.
            AlreadyEnrolledError: The student is on the roll already.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, ROLL)
        if attempt and attempt.repeated and object_id(student_id) in class_room.students_ids:
            await self._plugins.on_event(StudentAdded(class_id, student_id))
            return class_room
        check(class_room, expected)
        try:
            user = await self._people.get(student_id)
        except UserNotFoundError as error:
            raise StudentNotFoundError from error
        if user.role != BaseRole.STUDENT:
            raise StudentNotFoundError
        changed = await self._change_roll(
            {"_id": class_room.id, "studentsIds": {"$ne": user.id}, **in_version(expected)},
            {"$push": {"studentsIds": user.id}},
            StudentAdded(class_id, str(user.id)),
        )
        if changed is None:
            check(await self.get(class_id), expected)
            raise AlreadyEnrolledError
        return changed

    async def remove_student(
        self,
        class_id: str,
        teacher: Principal,
        student_id: str,
        *,
        expected: Collection[str] | None = None,
    ) -> ClassRoom:
        """Take a student off the roll; the student's records stay.

        Args:
            class_id: The ``_id`` of the class.
            teacher: User who makes the request.
            student_id: The ``_id`` of the student.
            expected: Versions that the change accepts; None accepts any version.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user has no such permission for this class.
            StudentNotFoundError: The student is not on the roll.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, ROLL)
        check(class_room, expected)
        key = object_id(student_id)
        changed = key and await self._change_roll(
            {"_id": class_room.id, "studentsIds": key, **in_version(expected)},
            {"$pull": {"studentsIds": key}},
            StudentRemoved(class_id, student_id),
        )
        if not changed:
            check(await self.get(class_id), expected)
            raise StudentNotFoundError
        return changed

    async def leave_all(self, student_id: str, *, dry_run: bool) -> int:
        """Take a student off the rolls of all classes; return their number.

        Args:
            student_id: The ``_id`` of the student.
            dry_run: Whether to change nothing, and only to count.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = object_id(student_id)
        async with self._database.operation():
            classes = self._database.documents["classes"]
            found = await classes.distinct("_id", {"studentsIds": key})
        if not dry_run:
            for class_id in found:
                await self._change_roll(
                    {"_id": class_id, "studentsIds": key},
                    {"$pull": {"studentsIds": key}},
                    StudentRemoved(str(class_id), student_id),
                )
        return len(found)

    async def _change_roll(
        self, query: Document, changes: Document, event: StudentAdded | StudentRemoved
    ) -> ClassRoom | None:
        """Change a roll together with the version and the time of the class."""
        also = {"$inc": {"rollVersion": 1}, "$set": {"updatedAt": utc_now()}}
        return await self._changed(query, {**changes, **also}, event)

    async def _changed(self, query: Document, changes: Document, event: object) -> ClassRoom | None:
        changed = await self._writer.update(query, changes, event)
        return None if changed is None else await self._with_roll(changed)


def _check_name(name: str) -> None:
    # The routes have checked the name by the rules of their dialects; names from plugins are
    # unchecked.
    if name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
        raise ClassNameError(name)
