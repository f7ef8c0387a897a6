"""The changes of a class's teachers, and what clients are told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from quartapp import object_id, utc_now
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes.audited import of_teachers
from quartapp_classes.errors import (
    ClassExistsError,
    PrimaryTeacherError,
    TeacherNotFoundError,
    UntilPassedError,
)
from quartapp_classes.finding import PRIMARY_ALONE, READ
from quartapp_classes.happenings import TeachersChanged
from quartapp_classes.teachers import CO_TEACHERS, others_without
from quartapp_classes.versions import in_version
from quartapp_classes.writing import check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import date

    from bson import ObjectId

    from quartapp import Document, Principal
    from quartapp_auth import Contact, People
    from quartapp_classes.finding import ClassFinder
    from quartapp_classes.models import ClassRoom
    from quartapp_classes.writing import ClassWriter


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher of a class.

    Attributes:
        contact: Name and address.
        primary: Whether this is the primary teacher.
        until: Last local day of a substitute, as an ISO date; None without an end.
    """

    contact: Contact
    primary: bool
    until: str | None = None


class TeacherChanges:
    """The teachers of classes, to be listed and changed.

    Args:
        classes: The classes, to be found.
        people: Names and roles of teachers.
        writer: Writer of classes.
        today: Function that returns the local day.
    """

    def __init__(
        self,
        classes: ClassFinder,
        people: People,
        writer: ClassWriter,
        today: Callable[[], date],
    ) -> None:
        self._classes = classes
        self._people = people
        self._writer = writer
        self._today = today

    async def listed(self, class_id: str, principal: Principal) -> list[Teacher]:
        """Return the present teachers of a class: the primary one, then the co-teachers.

        Args:
            class_id: ``_id`` of the class.
            principal: User who makes the request.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user does not teach the class, and manages no classes.
        """
        return await self.of(await self._classes.allowed(class_id, principal, READ))

    async def add(
        self,
        class_id: str,
        principal: Principal,
        user_id: str,
        *,
        until: date | None = None,
        expected: Collection[str] | None = None,
    ) -> list[Teacher]:
        """Make a user a co-teacher of a class, or change a co-teacher's last day.

        Args:
            class_id: ``_id`` of the class.
            principal: User who makes the request.
            user_id: ``_id`` of the co-teacher.
            until: Last local day of a substitute; None for no end.
            expected: Versions that the change accepts; None accepts any version.

        Returns:
            The teachers after the change.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user who asks is not the primary teacher, and manages no classes.
            TeacherNotFoundError: There is no teacher with that id, nor is it that of the user who
                asks and manages every class.
            PrimaryTeacherError: The user is the primary teacher.
            UntilPassedError: ``until`` lies in the past.
            PreconditionFailedError: The class has none of the expected versions.
        """

        async def with_another(class_room: ClassRoom) -> Document:
            key = await self._co_teacher(user_id, principal)
            if until is not None and until < self._today():
                raise UntilPassedError
            if key == class_room.teacher_id:
                raise PrimaryTeacherError
            last = until.isoformat() if until is not None else None
            new = [{"userId": key, "until": {"$literal": last}}]
            return {CO_TEACHERS: {"$concatArrays": [others_without(key, self._today()), new]}}

        return await self._changed(class_id, principal, expected, with_another)

    async def hand_over(
        self,
        class_id: str,
        principal: Principal,
        user_id: str,
        *,
        expected: Collection[str] | None = None,
    ) -> list[Teacher]:
        """Make a user the primary teacher of a class; the present one teaches it no longer.

        Args:
            class_id: ``_id`` of the class.
            principal: User who makes the request.
            user_id: ``_id`` of the new primary teacher.
            expected: Versions that the change accepts; None accepts any version.

        Returns:
            The teachers after the change.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user who asks is not the primary teacher, and manages no classes.
            TeacherNotFoundError: There is no teacher with that id.
            ClassExistsError: The new primary teacher has a class with the same name.
            PreconditionFailedError: The class has none of the expected versions.
        """

        async def with_other_primary(class_room: ClassRoom) -> Document | None:
            key = await self._teacher(user_id)
            if key == class_room.teacher_id:
                return None
            return {"teacherId": key, CO_TEACHERS: others_without(key, self._today())}

        try:
            return await self._changed(class_id, principal, expected, with_other_primary)
        except DuplicateKeyError as error:
            raise ClassExistsError from error

    async def remove(
        self,
        class_id: str,
        principal: Principal,
        user_id: str,
        *,
        expected: Collection[str] | None = None,
    ) -> list[Teacher]:
        """Take a co-teacher off a class.

        Args:
            class_id: ``_id`` of the class.
            principal: User who makes the request.
            user_id: ``_id`` of the co-teacher.
            expected: Versions that the change accepts; None accepts any version.

        Returns:
            The teachers after the change.

        Raises:
            ClassNotFoundError: The class does not exist.
            NotOwnerError: The user who asks is not the primary teacher, and manages no classes.
            TeacherNotFoundError: The user is no co-teacher of the class.
            PrimaryTeacherError: The user is the primary teacher.
            PreconditionFailedError: The class has none of the expected versions.
        """

        async def without(class_room: ClassRoom) -> Document:
            key, today = object_id(user_id), self._today()
            if key == class_room.teacher_id:
                raise PrimaryTeacherError
            if key is None or key not in {o.user_id for o in class_room.teachers.others_on(today)}:
                raise TeacherNotFoundError
            return {CO_TEACHERS: others_without(key, today)}

        return await self._changed(class_id, principal, expected, without)

    async def _changed(
        self,
        class_id: str,
        principal: Principal,
        expected: Collection[str] | None,
        fields_of: Callable[[ClassRoom], Awaitable[Document | None]],
    ) -> list[Teacher]:
        """Change a class by the fields that a function returns for it; None changes nothing.

        If the class has another primary teacher by the time of the write, all is asked anew: the
        permission of whoever asks may be gone.
        """
        while True:
            class_room = await self._classes.allowed(class_id, principal, PRIMARY_ALONE)
            check(class_room, expected)
            fields = await fields_of(class_room)
            if fields is None:
                return await self.of(class_room)
            changed = await self._change(class_room, fields, expected)
            if changed is not None:
                return await self.of(changed)

    async def _co_teacher(self, user_id: str, principal: Principal) -> ObjectId:
        own = object_id(principal.id)
        if own is not None and own == object_id(user_id) and self._classes.manages(principal):
            return own
        return await self._teacher(user_id)

    async def _teacher(self, user_id: str) -> ObjectId:
        try:
            user = await self._people.get(user_id)
        except UserNotFoundError as error:
            raise TeacherNotFoundError from error
        if user.role != BaseRole.TEACHER:
            raise TeacherNotFoundError
        return user.id

    async def _change(
        self, class_room: ClassRoom, fields: Document, expected: Collection[str] | None
    ) -> ClassRoom | None:
        """Write fields of a class, or do nothing when it has another primary teacher by now."""
        query = {"_id": class_room.id, "teacherId": class_room.teacher_id, **in_version(expected)}
        version = {"$add": [{"$ifNull": ["$rollVersion", 0]}, 1]}
        stage = {"$set": {**fields, "rollVersion": version, "updatedAt": utc_now()}}
        return await self._writer.update(
            query,
            [stage],
            TeachersChanged(str(class_room.id)),
            lambda after: of_teachers(class_room, after),
        )

    async def of(self, class_room: ClassRoom) -> list[Teacher]:
        """Return the present teachers of a class: the primary one, then the co-teachers."""
        (teachers,) = await self.of_each([class_room])
        return teachers

    async def of_each(self, class_rooms: Sequence[ClassRoom]) -> list[list[Teacher]]:
        """Return the present teachers of each class, with one read for all classes.

        Args:
            class_rooms: The classes.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        today = self._today()
        others = [class_room.teachers.others_on(today) for class_room in class_rooms]
        asked = {class_room.teacher_id for class_room in class_rooms}
        asked |= {other.user_id for each in others for other in each}
        found = await self._people.contacts(asked)
        return [
            [
                *([Teacher(found[primary], primary=True)] if primary in found else []),
                *(
                    Teacher(found[other.user_id], primary=False, until=other.until)
                    for other in each
                    if other.user_id in found
                ),
            ]
            for primary, each in zip((room.teacher_id for room in class_rooms), others, strict=True)
        ]
