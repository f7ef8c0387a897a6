"""Who hands in, reads and decides the excuses of which students."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp import object_id
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes import StudentNotFoundError
from quartapp_excuses.errors import ExcuseNotFoundError

if TYPE_CHECKING:
    from quartapp import Document, Principal, Roles
    from quartapp_auth import People
    from quartapp_classes import Rolls, Teaching

HAND_IN = "excuses:hand-in"
DECIDE = "excuses:decide"
# Whoever has this by role is the office: every student is theirs.
OFFICE = "excuses:manage"


@dataclass(frozen=True, slots=True)
class ExcuseAccess:
    """The access to excuses.

    Attributes:
        people: Names and roles of people.
        rolls: Rolls of the classes.
        teaching: Teachers of the classes.
        roles: Roles of the app.
    """

    people: People
    rolls: Rolls
    teaching: Teaching
    roles: Roles

    def is_office(self, principal: Principal) -> bool:
        """Tell whether the principal's role is of the office."""
        return OFFICE in self.roles.permissions_of(principal.role)

    def decides(self, principal: Principal) -> bool:
        """Tell whether the principal's role decides excuses at all."""
        return DECIDE in self.roles.permissions_of(principal.role)

    async def student(self, principal: Principal, student_id: str | None) -> ObjectId:
        """Return the student for whom somebody may hand in an excuse.

        Args:
            principal: A student, a teacher of one of the student's classes, or the office.
            student_id: Id of the student; None for the principal.

        Raises:
            StudentNotFoundError: There is no such student, or the student is not the principal's.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        named = object_id(student_id or principal.id)
        if named is None:
            raise StudentNotFoundError
        if str(named) != principal.id and not await self.knows(principal, named):
            raise StudentNotFoundError
        try:
            user = await self.people.get(str(named))
        except UserNotFoundError as error:
            raise StudentNotFoundError from error
        if user.role != BaseRole.STUDENT:
            raise StudentNotFoundError
        return named

    async def knows(self, principal: Principal, student_id: ObjectId) -> bool:
        """Tell whether the principal decides excuses of a student.

        Args:
            principal: A teacher of one of the student's classes, or the office.
            student_id: ``_id`` of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self.is_office(principal):
            return True
        if not self.decides(principal):
            return False
        taught = await self.teaching.classes_of(principal.id)
        return bool(taught and taught & await self.rolls.classes_of(str(student_id)))

    async def check_reading(self, principal: Principal, excuse: Document) -> None:
        """Refuse somebody whom an excuse does not concern.

        Args:
            principal: Whoever wants to read the excuse.
            excuse: The excuse.

        Raises:
            ExcuseNotFoundError: The principal is not the author, the student, or who decides.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if principal.id in (str(excuse["studentId"]), str(excuse["handedInBy"])):
            return
        if not await self.knows(principal, excuse["studentId"]):
            raise ExcuseNotFoundError

    async def listed(self, principal: Principal) -> Document:
        """Return the query for the excuses that somebody may read.

        Args:
            principal: Whoever reads.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if self.is_office(principal):
            return {}
        own = ObjectId(principal.id)
        if not self.decides(principal):
            return {"$or": [{"studentId": own}, {"handedInBy": own}]}
        students: set[ObjectId] = set()
        for class_id in await self.teaching.classes_of(principal.id):
            roll = await self.rolls.now(class_id)
            students.update(map(ObjectId, roll.student_ids))
        return {"$or": [{"studentId": {"$in": sorted(students)}}, {"handedInBy": own}]}
