"""The use cases of classes and rolls. This module knows no requests and no status codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from quartapp_classes.errors import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassNameError,
    ClassNotFoundError,
    NotEnrolledError,
    NotOwnerError,
    StudentNotFoundError,
)
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
)
from quartapp_classes.models import ClassRoom
from quartapp_classes.versions import in_version, version_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from quartapp import Database, Grants, Plugins, Principal
    from quartapp_auth import Contact, People
    from quartapp_classes.rolls import Rolls


LONGEST_NAME = 100


class ClassService:
    """The classes in the database.

    Args:
        database: The database that has the classes.
        people: Names and roles of teachers and students.
        rolls: Rolls of the classes.
        plugins: The plugins that receive events.
        grants: Permissions that plugins give to people who do not own a class.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        rolls: Rolls,
        plugins: Plugins,
        grants: Grants,
    ) -> None:
        self._database = database
        self._people = people
        self._rolls = rolls
        self._plugins = plugins
        self._grants = grants

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
        _check_name(name)
        attempt = attempt or Attempt()
        now = utc_now()
        class_room = ClassRoom(
            id=attempt.id,
            class_name=name,
            name_key=name_key(name),
            teacher_id=object_id(teacher.id),
            created_at=now,
            updated_at=now,
        )

        async def insert() -> ClassRoom:
            await self._database.insert(class_room)
            return class_room

        created = ClassCreated(str(class_room.id), teacher.id)
        try:
            await self._plugins.changes.stored([created], insert)
        except DuplicateKeyError as error:
            key = class_room.id
            earlier = await self._database.by_id(ClassRoom, key) if attempt.repeated else None
            if earlier is None:
                raise ClassExistsError from error
            class_room = earlier
        await self._plugins.on_event(created)
        return class_room

    async def get(self, class_id: str) -> ClassRoom:
        """Return a class.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            ClassNotFoundError: The class does not exist.
        """
        key = object_id(class_id)
        found: ClassRoom | None = None
        if key is not None:
            found = await self._database.by_id(ClassRoom, key)
        if found is None:
            raise ClassNotFoundError
        return await self._with_roll(found)

    async def _with_roll(self, class_room: ClassRoom) -> ClassRoom:
        """Return the class with its current roll, which a plugin may keep in another system."""
        if not self._rolls.are_ours:
            class_room.students_ids = await self._rolls.members(class_room)
        return class_room

    async def allowed(self, class_id: str, principal: Principal, permission: str) -> ClassRoom:
        """Return a class for which the principal has a permission.

        Args:
            class_id: ``_id`` of the class.
            principal: The teacher of the class, or somebody whom a plugin grants the permission.
            permission: Name of the permission, such as ``class:write``.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The class belongs to another teacher, and no plugin grants the
                permission.
        """
        class_room = await self.get(class_id)
        if not await self._may(class_room, principal, permission):
            raise NotOwnerError
        return class_room

    async def readable(self, class_id: str, principal: Principal) -> ClassRoom:
        """Return a class that the principal teaches, is enrolled in, or is granted to read.

        Args:
            class_id: ``_id`` of the class.
            principal: The signed-in user.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotEnrolledError: The principal is a student, but not of this class.
            NotOwnerError: The principal is not a student and has no right to read the class.
        """
        class_room = await self.get(class_id)
        if object_id(principal.id) in class_room.students_ids:
            return class_room
        if await self._may(class_room, principal, "class:read"):
            return class_room
        raise NotEnrolledError if principal.role == BaseRole.STUDENT else NotOwnerError

    async def _may(self, class_room: ClassRoom, principal: Principal, permission: str) -> bool:
        if str(class_room.teacher_id) == principal.id:
            return True
        return await self._grants.allow(principal, permission, {"class_id": str(class_room.id)})

    async def owned_by_name(self, name: str, teacher: Principal) -> ClassRoom:
        """Return the class of a teacher that has a name.

        Args:
            name: Name of the class; case and Unicode's forms are ignored.
            teacher: Owner of the class.

        Raises:
            ClassNotFoundError: The teacher has no class with that name.
        """
        query = {"teacherId": object_id(teacher.id), "nameKey": name_key(name)}
        found = await self._database.first(ClassRoom, query)
        if found is None:
            raise ClassNotFoundError
        return await self._with_roll(found)

    async def enrolled(self, class_id: str, student: Principal) -> ClassRoom:
        """Return a class whose roll has the student.

        Args:
            class_id: ``_id`` of the class.
            student: The student.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotEnrolledError: The student is not on the roll.
        """
        class_room = await self.get(class_id)
        if object_id(student.id) not in class_room.students_ids:
            raise NotEnrolledError
        return class_room

    async def of(self, principal: Principal) -> list[ClassRoom]:
        """Return a teacher's own classes, or the classes of a student; newest first."""
        key = object_id(principal.id)
        if principal.role == BaseRole.TEACHER:
            query: dict[str, Any] = {"teacherId": key}
        elif self._rolls.are_ours:
            query = {"studentsIds": key}
        else:
            query = {"_id": {"$in": list(await self._rolls.classes_of(principal.id))}}
        found = await self._database.run(
            lambda: list(ClassRoom.objects(__raw__=query).order_by("-created_at", "-id"))
        )
        return [await self._with_roll(class_room) for class_room in found]

    async def people(self, class_room: ClassRoom) -> tuple[Contact | None, list[Contact]]:
        """Return the teacher and the students of a class, the students in the order of the roll."""
        ids = [class_room.teacher_id, *class_room.students_ids]
        found = await self._people.contacts(ids)
        students = [found[key] for key in class_room.students_ids if key in found]
        return found.get(class_room.teacher_id), students

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
            NotOwnerError: The class belongs to another teacher.
            ClassNameError: The name is empty, too long, or has blanks around it.
            ClassExistsError: The teacher has another class with that name.
            PreconditionFailedError: The class has none of the expected versions.
        """
        _check_name(name)
        class_room = await self.allowed(class_id, teacher, "class:write")
        _check(class_room, expected)
        # A new name raises the number too: two changes may happen in one millisecond.
        changes = {
            "$set": {"className": name, "nameKey": name_key(name), "updatedAt": utc_now()},
            "$inc": {"rollVersion": 1},
        }
        try:
            renamed = await self._update(
                {"_id": class_room.id, **in_version(expected)}, changes, ClassChanged(class_id)
            )
        except DuplicateKeyError as error:
            raise ClassExistsError from error
        if renamed is None:
            _check(await self.get(class_id), expected)
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
            NotOwnerError: The class belongs to another teacher.
            ClassInUseError: A plugin forbids the deletion.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, "class:write")
        _check(class_room, expected)
        kept = await self._plugins.dispatcher.decide(
            "check_deletion", class_id=class_id, with_records=with_records
        )
        if kept is not None:
            raise ClassInUseError(kept.reason)
        if expected is not None:
            # After this write, no other request that expects the same version can change the class.
            bumped = {"$inc": {"rollVersion": 1}}
            if await self._update({"_id": class_room.id, **in_version(expected)}, bumped) is None:
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
        await self._plugins.changes.stored([deleted], delete)
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
            NotOwnerError: The class belongs to another teacher.
            StudentNotFoundError: The user does not exist or is not a student.
            AlreadyEnrolledError: The student is on the roll already.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, "roll:write")
        if attempt and attempt.repeated and object_id(student_id) in class_room.students_ids:
            await self._plugins.on_event(StudentAdded(class_id, student_id))
            return class_room
        _check(class_room, expected)
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
            _check(await self.get(class_id), expected)
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
            NotOwnerError: The class belongs to another teacher.
            StudentNotFoundError: The student is not on the roll.
            PreconditionFailedError: The class has none of the expected versions.
        """
        class_room = await self.allowed(class_id, teacher, "roll:write")
        _check(class_room, expected)
        key = object_id(student_id)
        changed = key and await self._change_roll(
            {"_id": class_room.id, "studentsIds": key, **in_version(expected)},
            {"$pull": {"studentsIds": key}},
            StudentRemoved(class_id, student_id),
        )
        if not changed:
            _check(await self.get(class_id), expected)
            raise StudentNotFoundError
        return changed

    async def _change_roll(
        self, query: dict[str, Any], changes: dict[str, Any], event: StudentAdded | StudentRemoved
    ) -> ClassRoom | None:
        """Change a roll together with the version and the time of the class."""
        also = {"$inc": {"rollVersion": 1}, "$set": {"updatedAt": utc_now()}}
        return await self._update(query, {**changes, **also}, event)

    async def _update(
        self, query: dict[str, Any], changes: dict[str, Any], event: object = None
    ) -> ClassRoom | None:
        """Change a class, and tell of it if it was changed.

        Args:
            query: Finds the class.
            changes: Update operators.
            event: What the change makes happen; None if plugins need not know.
        """
        events = [] if event is None else [event]
        changed = await self._plugins.changes.stored(
            events, lambda: self._database.change(ClassRoom, query, changes)
        )
        if changed is None:
            return None
        with_roll = await self._with_roll(changed)
        for happened in events:
            await self._plugins.on_event(happened)
        return with_roll


def _check_name(name: str) -> None:
    # The routes have checked the name by the rules of their dialects; names from plugins are
    # unchecked.
    if name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
        raise ClassNameError(name)


def _check(class_room: ClassRoom, expected: Collection[str] | None) -> None:
    if expected is not None and version_of(class_room) not in expected:
        raise PreconditionFailedError
