"""Whose attendance a person reads over time, and in which classes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from quartapp import object_id
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes import NotOwnerError, StudentNotFoundError

if TYPE_CHECKING:
    from bson import ObjectId

    import quartapp_records
    from quartapp import Principal
    from quartapp_auth import People
    from quartapp_classes import ClassService, Rolls
    from quartapp_records import StudentRegisters

READ = "records:read"


class StudentAccess:
    """The access to the attendance of single students.

    Args:
        people: Names and roles of people.
        classes: Service of the classes.
        rolls: Rolls of the classes.
        registers: Records of single students.
        access: Access to the records of classes.
    """

    def __init__(
        self,
        people: People,
        classes: ClassService,
        rolls: Rolls,
        registers: StudentRegisters,
        access: quartapp_records.Access,
    ) -> None:
        self._people = people
        self._classes = classes
        self._rolls = rolls
        self._registers = registers
        self._access = access

    async def classes_of_other(
        self, student_id: str, principal: Principal
    ) -> tuple[ObjectId, dict[ObjectId, str]]:
        """Return a student's ``_id``, and the names of their classes whose records a person reads.

        Args:
            student_id: Id of the student, as a client has sent it.
            principal: A teacher of some of the classes, somebody whom a plugin grants them, or the
                office.

        Raises:
            StudentNotFoundError: There is no such student.
            NotOwnerError: The principal reads no class of the student.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = object_id(student_id)
        if key is None:
            raise StudentNotFoundError
        classes = await self._classes_of(key)
        if not classes and not await self._is_student(student_id):
            raise StudentNotFoundError
        names = await self._access.classes_for(classes, principal, READ)
        if not names and not self._access.is_office(principal):
            raise NotOwnerError
        return key, names

    async def classes_of_self(self, student_id: ObjectId) -> dict[ObjectId, str]:
        """Return the names of all classes of a student, by their ``_id``.

        Args:
            student_id: ``_id`` of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        return await self._classes.class_names(await self._classes_of(student_id))

    async def _classes_of(self, student_id: ObjectId) -> set[ObjectId]:
        """Return the ids of classes in which a student has records, or is enrolled."""
        kept, enrolled = await asyncio.gather(
            self._registers.classes_of(student_id), self._rolls.classes_of(str(student_id))
        )
        return {*kept, *enrolled}

    async def _is_student(self, user_id: str) -> bool:
        try:
            return (await self._people.get(user_id)).role == BaseRole.STUDENT
        except UserNotFoundError:
            return False
