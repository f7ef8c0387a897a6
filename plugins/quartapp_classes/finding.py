"""The finding of classes, and who may do what with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import name_key, object_id
from quartapp_auth import BaseRole
from quartapp_classes.errors import ClassNotFoundError, NotEnrolledError, NotOwnerError
from quartapp_classes.models import ClassRoom
from quartapp_classes.teachers import co_taught_by, taught_by

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from quartapp import Database, Document, Grants, Principal, Roles
    from quartapp_auth import Contact, People
    from quartapp_classes.rolls import Rolls

# Only the primary teacher renames and deletes a class, and changes its teachers.
PRIMARY_ALONE = "class:write"
READ = "class:read"
ROLL = "roll:write"
# Whoever has this by role may do with any class and its roll what its primary teacher may.
EVERY_CLASS = "class:manage"
OF_EVERY_CLASS = frozenset({PRIMARY_ALONE, READ, ROLL})
LISTED = 100
# Behind every text with the same beginning.
_LAST = "\U0010ffff"


class ClassFinder:
    """The classes in the database, to be found.

    Args:
        database: The database that has the classes.
        people: Names and roles of teachers and students.
        rolls: Rolls of the classes.
        roles: Roles of the app, which decide who manages every class.
        grants: Permissions that plugins give to people who do not teach a class.
        today: Function that returns the local day, which decides whether a substitute teaches.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        rolls: Rolls,
        roles: Roles,
        grants: Grants,
        today: Callable[[], date],
    ) -> None:
        self._database = database
        self._people = people
        self._rolls = rolls
        self._roles = roles
        self._grants = grants
        self._today = today

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
            principal: A teacher of the class, somebody who manages every class, or somebody whom a
                plugin grants the permission.
            permission: Name of the permission. Of the teachers, only the primary one has
                ``class:write``; those who manage every class have it too, with ``class:read`` and
                ``roll:write``.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The principal has no such permission for this class.
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
        if await self._may(class_room, principal, READ):
            return class_room
        raise NotEnrolledError if principal.role == BaseRole.STUDENT else NotOwnerError

    async def _may(self, class_room: ClassRoom, principal: Principal, permission: str) -> bool:
        if str(class_room.teacher_id) == principal.id:
            return True
        if permission in OF_EVERY_CLASS and self.manages(principal):
            return True
        if permission != PRIMARY_ALONE and principal.id in self._teachers_now(class_room):
            return True
        return await self._grants.allow(principal, permission, {"class_id": str(class_room.id)})

    def manages(self, principal: Principal) -> bool:
        """Tell whether the principal's role manages every class."""
        return EVERY_CLASS in self._roles.permissions_of(principal.role)

    def _teachers_now(self, class_room: ClassRoom) -> frozenset[str]:
        return class_room.teachers.on(self._today())

    async def taught_by_name(self, name: str, teacher: Principal) -> ClassRoom:
        """Return the class of a teacher that has a name.

        Args:
            name: Name of the class; case and Unicode's forms are ignored.
            teacher: Teacher of the class. A class of their own comes before a class of which they
                are a co-teacher; of several such classes, the newest counts.

        Raises:
            ClassNotFoundError: The teacher has no class with that name.
        """
        key = object_id(teacher.id)
        named = {"nameKey": name_key(name)}
        found = await self._database.first(ClassRoom, {"teacherId": key, **named})
        if found is None and key is not None:
            query = {**co_taught_by(key, self._today()), **named}
            found = await self._database.run(
                lambda: ClassRoom.objects(__raw__=query).order_by("-created_at", "-id").first()
            )
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
        """Return the classes that a teacher teaches, or those of a student; newest first."""
        key = object_id(principal.id)
        query: Document
        # An administrator may be a co-teacher.
        teaches = principal.role == BaseRole.TEACHER or self.manages(principal)
        if teaches and key is not None:
            query = taught_by(key, self._today())
        else:
            query = await self._enrolling(principal.id)
        found = await self._database.run(
            lambda: list(ClassRoom.objects(__raw__=query).order_by("-created_at", "-id"))
        )
        return [await self._with_roll(class_room) for class_room in found]

    async def names_of(self, user_id: str) -> list[str]:
        """Return the names of all classes that a person teaches or is enrolled in.

        Args:
            user_id: ``_id`` of the person's account.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin with rolls raised, hung, or returned a wrong type.
        """
        key = object_id(user_id)
        if key is None:
            return []
        query = {"$or": [taught_by(key, self._today()), await self._enrolling(user_id)]}
        async with self._database.operation():
            found = self._database.documents["classes"].find(query, {"className": 1})
            return [document["className"] async for document in found]

    async def class_names(self, class_ids: Collection[ObjectId]) -> dict[ObjectId, str]:
        """Return the names of classes by their ids; classes that do not exist are left out.

        Args:
            class_ids: ``_id`` of each class, a thousand at most.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            found = await self._database.by_ids("classes", {*class_ids}, ("className",))
        return {document["_id"]: document["className"] for document in found.values()}

    async def names_permitted(
        self, class_ids: Collection[ObjectId], principal: Principal, permission: str
    ) -> dict[ObjectId, str]:
        """Return the names of those classes for which the principal has a permission, by id.

        Args:
            class_ids: ``_id`` of each class, a thousand at most.
            principal: A teacher, somebody who manages every class, or somebody whom a plugin grants
                the permission.
            permission: Name of the permission, as for :meth:`allowed`.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned no bool.
        """
        query = {"_id": {"$in": list(class_ids)}}
        # Without the rolls, which may be long.
        fields = ("class_name", "teacher_id", "co_teachers")
        found = await self._database.run(
            lambda: list(ClassRoom.objects(__raw__=query).only(*fields))
        )
        return {
            class_room.id: class_room.class_name
            for class_room in found
            if await self._may(class_room, principal, permission)
        }

    async def taught_ids(self, teacher: Principal) -> list[ObjectId]:
        """Return the ids of the classes that a person teaches now.

        Args:
            teacher: The person.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = object_id(teacher.id)
        if key is None:
            return []
        async with self._database.operation():
            query = taught_by(key, self._today())
            return await self._database.documents["classes"].distinct("_id", query)

    async def _enrolling(self, user_id: str) -> Document:
        """Return the query for the classes that a person is enrolled in."""
        if self._rolls.are_ours:
            return {"studentsIds": object_id(user_id)}
        return {"_id": {"$in": list(await self._rolls.classes_of(user_id))}}

    async def page(
        self, search: str | None = None, limit: int | None = None, after: str | None = None
    ) -> list[ClassRoom]:
        """Return classes of all teachers, sorted by ``_id``.

        Args:
            search: Start of the name; case and Unicode's forms are ignored. None for every class.
            limit: Largest number of classes; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.
        """
        query: Document = {"_id": {"$gt": ObjectId(after)}} if after else {}
        if search:
            begin = name_key(search)
            query["nameKey"] = {"$gte": begin, "$lt": begin + _LAST}
        found = await self._database.run(
            lambda: list(ClassRoom.objects(__raw__=query).order_by("id").limit(limit or LISTED))
        )
        return [await self._with_roll(class_room) for class_room in found]

    async def people(self, class_room: ClassRoom) -> tuple[Contact | None, list[Contact]]:
        """Return the primary teacher and the students of a class, the students in roll order."""
        ids = [class_room.teacher_id, *class_room.students_ids]
        found = await self._people.contacts(ids)
        students = [found[key] for key in class_room.students_ids if key in found]
        return found.get(class_room.teacher_id), students
