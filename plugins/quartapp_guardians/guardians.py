"""Guardians of students, as the office keeps them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from quartapp import Attempt, PreconditionFailedError, object_id
from quartapp_auth import BaseRole, UserNotFoundError
from quartapp_classes import StudentNotFoundError
from quartapp_guardians.audited import ADDED, CHANGED, REMOVED
from quartapp_guardians.errors import (
    GuardianNotFoundError,
    SameAddressError,
    TooManyGuardiansError,
)
from quartapp_guardians.happenings import GuardianAdded, GuardianChanged, GuardianRemoved
from quartapp_guardians.models import GUARDIANS, NOTICES

if TYPE_CHECKING:
    from collections.abc import Collection

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins, Principal
    from quartapp_auth import People

MOST_GUARDIANS = 10


@dataclass(frozen=True, slots=True)
class GuardianFields:
    """What is known of a guardian.

    Attributes:
        name: Name as typed.
        email: Address for notices, in lower case.
        language: Language of notices, ``en`` or ``de``.
    """

    name: str
    email: str
    language: str


class Guardians:
    """The guardians of students.

    Args:
        database: The database that has the guardians.
        plugins: The plugins that receive events.
        clock: Clock for the times of changes.
        people: Names and roles of people.
    """

    def __init__(self, database: Database, plugins: Plugins, clock: Clock, people: People) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._people = people

    async def of(self, student_id: str) -> list[Document]:
        """Return the guardians of a student, in the order in which they were added.

        Args:
            student_id: ``_id`` of the student.

        Raises:
            StudentNotFoundError: There is no such student.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        student = await self._student(student_id)
        async with self._database.operation():
            return await self._stored.find({"studentId": student}).sort("_id", 1).to_list()

    async def get(self, student_id: str, guardian_id: str) -> Document:
        """Return a guardian of a student.

        Args:
            student_id: ``_id`` of the student.
            guardian_id: ``_id`` of the guardian.

        Raises:
            GuardianNotFoundError: The student has no such guardian.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query = {"_id": object_id(guardian_id), "studentId": object_id(student_id)}
        found = None
        if None not in query.values():
            found = await self._database.one(GUARDIANS, query)
        if found is None:
            raise GuardianNotFoundError
        return found

    async def add(
        self,
        principal: Principal,
        student_id: str,
        fields: GuardianFields,
        *,
        attempt: Attempt | None = None,
    ) -> Document:
        """Add a guardian to a student.

        Args:
            principal: Whoever adds the guardian, of the office.
            student_id: ``_id`` of the student.
            fields: What is known of the guardian.
            attempt: The try that this call is; None for the first and only one.

        Raises:
            StudentNotFoundError: There is no such student.
            TooManyGuardiansError: The student has ``MOST_GUARDIANS`` guardians.
            SameAddressError: Another guardian of the student has the address.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        student = await self._student(student_id)
        attempt = attempt or Attempt()
        if attempt.repeated:
            with suppress(GuardianNotFoundError):
                return await self.get(student_id, str(attempt.id))
        now = self._clock.now()
        guardian: Document = {
            "_id": attempt.id,
            "studentId": student,
            **_values(fields),
            "v": 1,
            "createdAt": now,
            "updatedAt": now,
        }
        event = GuardianAdded(str(attempt.id), str(student), principal.id)
        while True:
            guardian["place"] = await self._free_place(student, fields.email)
            # A colleague who takes the place at the same time sends this call back here.
            with suppress(DuplicateKeyError):
                await self._insert(guardian, event)
                return guardian

    async def _free_place(self, student: ObjectId, email: str) -> int:
        async with self._database.operation():
            found = await self._stored.find(
                {"studentId": student}, {"place": 1, "email": 1}
            ).to_list()
        if email in {one["email"] for one in found}:
            raise SameAddressError
        free = set(range(MOST_GUARDIANS)) - {one["place"] for one in found}
        if not free:
            raise TooManyGuardiansError
        return min(free)

    async def _insert(self, guardian: Document, event: GuardianAdded) -> None:
        async def insert() -> Document:
            await self._stored.insert_one(guardian)
            return guardian

        entry = ADDED.entry(event.by, about=_about(guardian))
        async with self._database.operation():
            await self._plugins.changes.stored([event], insert, audited=[entry])
        await self._plugins.on_event(event)

    async def change(
        self,
        principal: Principal,
        student_id: str,
        guardian_id: str,
        fields: GuardianFields,
        expected: Collection[str] | None = None,
    ) -> Document:
        """Change what is known of a guardian.

        Args:
            principal: Whoever makes the change, of the office.
            student_id: ``_id`` of the student.
            guardian_id: ``_id`` of the guardian.
            fields: What is known now.
            expected: Versions that the caller accepts; None for any.

        Raises:
            GuardianNotFoundError: The student has no such guardian.
            PreconditionFailedError: The guardian has none of the versions.
            SameAddressError: Another guardian of the student has the address.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        while True:
            found = await self._seen(student_id, guardian_id, expected)
            changes = {"$set": {**_values(fields), "updatedAt": self._clock.now()}}

            async def change(
                found: Document = found, changes: Document = changes
            ) -> Document | None:
                return await self._stored.find_one_and_update(
                    {"_id": found["_id"], "v": found["v"]},
                    {**changes, "$inc": {"v": 1}},
                    return_document=ReturnDocument.AFTER,
                )

            event = GuardianChanged(str(found["_id"]), str(found["studentId"]), principal.id)
            entry = CHANGED.entry(principal.id, about=_about(found))
            try:
                async with self._database.operation():
                    changed = await self._plugins.changes.stored([event], change, audited=[entry])
            except DuplicateKeyError as error:
                raise SameAddressError from error
            if changed is not None:
                await self._plugins.on_event(event)
                return changed

    async def remove(
        self,
        principal: Principal,
        student_id: str,
        guardian_id: str,
        expected: Collection[str] | None = None,
    ) -> Document:
        """Remove a guardian, and the address from what was sent to them.

        Args:
            principal: Whoever removes the guardian, of the office.
            student_id: ``_id`` of the student.
            guardian_id: ``_id`` of the guardian.
            expected: Versions that the caller accepts; None for any.

        Returns:
            The guardian as it was.

        Raises:
            GuardianNotFoundError: The student has no such guardian.
            PreconditionFailedError: The guardian has none of the versions.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        while True:
            found = await self._seen(student_id, guardian_id, expected)

            async def delete(found: Document = found) -> Document | None:
                deleted: Document | None = await self._stored.find_one_and_delete(
                    {"_id": found["_id"], "v": found["v"]}
                )
                if deleted is not None:
                    notices = self._database.documents[NOTICES]
                    await notices.update_many({"guardianId": found["_id"]}, {"$unset": {"to": ""}})
                return deleted

            event = GuardianRemoved(str(found["_id"]), str(found["studentId"]), principal.id)
            entry = REMOVED.entry(principal.id, about=_about(found))
            async with self._database.operation():
                removed = await self._plugins.changes.stored([event], delete, audited=[entry])
            if removed is not None:
                await self._plugins.on_event(event)
                return removed

    async def _seen(
        self, student_id: str, guardian_id: str, expected: Collection[str] | None
    ) -> Document:
        found = await self.get(student_id, guardian_id)
        if expected is not None and str(found["v"]) not in expected:
            raise PreconditionFailedError
        return found

    async def _student(self, student_id: str) -> ObjectId:
        try:
            user = await self._people.get(student_id)
        except UserNotFoundError as error:
            raise StudentNotFoundError from error
        if user.role != BaseRole.STUDENT:
            raise StudentNotFoundError
        return user.id

    @property
    def _stored(self) -> AsyncCollection[Document]:
        # In a transaction, the database is another one.
        return self._database.documents[GUARDIANS]


def _values(fields: GuardianFields) -> dict[str, str]:
    return {"name": fields.name, "email": fields.email, "language": fields.language}


def _about(guardian: Document) -> Document:
    return {"guardian": guardian["_id"], "student": guardian["studentId"]}
