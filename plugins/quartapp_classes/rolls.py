"""The rolls of classes. Each mark reads a roll, so a copy saves most reads of the database."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from quartapp import HookFailedError, object_id
from quartapp_classes.errors import ClassNotFoundError
from quartapp_classes.teachers import CO_TEACHERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database, Plugins
    from quartapp_classes.models import ClassRoom
    from quartapp_classes.watch import ClassWatch


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class without its roll, for hooks.

    Attributes:
        id: ``_id`` of the class.
        name: Name of the class.
        teacher_id: Id of the teacher who owns the class.
        document: The stored document without the roll, including fields that plugins add.
    """

    id: str
    name: str
    teacher_id: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Roll:
    """The roll of a class.

    Attributes:
        student_ids: Ids of the students, each 24 hex digits.
        version: A number that changes whenever the roll does; None to compute it from the ids.
            :meth:`Rolls.now` returns a number that changes whenever the teachers do, too.
        class_version: Version of the stored class that has the roll; None for a roll that the
            database does not have. :meth:`Rolls.now` sets it.
    """

    student_ids: frozenset[str]
    version: int | None = None
    class_version: int | None = None


class Rolls:
    """The rolls of classes, from the first plugin that answers.

    Args:
        database: Database with the rolls of the classes plugin.
        plugins: The plugins that are asked.
        watch: Watch over the changes of classes.
    """

    def __init__(self, database: Database, plugins: Plugins, watch: ClassWatch) -> None:
        self._database = database
        self._plugins = plugins
        self._watch = watch
        self._kept: dict[ObjectId, Roll] = {}
        # The results of `now`.
        self._answers: dict[ObjectId, Roll] = {}
        watch.tell(self.forget)
        self._ours = len(plugins.dispatcher.implementations("roster")) <= 1

    async def now(self, class_id: ObjectId) -> Roll:
        """Return the present roll of a class.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            ClassNotFoundError: The class does not exist.
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        changes = self._watch.changes
        found = await self._database.one("classes", {"_id": class_id}, {"studentsIds": 0})
        if found is None:
            self.forget(class_id)
            raise ClassNotFoundError
        info = ClassInfo(str(class_id), found["className"], str(found["teacherId"]), found)
        answer = await self._plugins.dispatcher.first("roster", class_room=info)
        if answer is None:
            raise ClassNotFoundError
        owner, roll = answer
        if not isinstance(roll, Roll):
            raise HookFailedError(f"plugin {owner}: roster must return Roll or None")
        version = _fingerprint(roll.student_ids) if roll.version is None else roll.version
        # Whoever changes the teachers, by hand too, need not know of the roll's version.
        told = f"{version} {found['teacherId']} {found.get(CO_TEACHERS, [])}"
        answer_version = zlib.crc32(told.encode())
        if not self._ours:
            return Roll(roll.student_ids, answer_version)
        present = Roll(roll.student_ids, answer_version, roll.version)
        if changes == self._watch.changes:
            self._answers[class_id] = present
        return present

    def known(self, class_id: ObjectId) -> Roll | None:
        """Return a copy of what :meth:`now` returned, if it is at most two seconds old.

        The roll may have changed meanwhile. A write that relies on the copy has to find out by
        ``class_version``; see the hook ``members_changed``.

        Args:
            class_id: ``_id`` of the class.

        Returns:
            The roll; None without a copy, or where another plugin answers ``roster``.
        """
        return self._answers.get(class_id) if self._watch.is_fresh else None

    async def own(self, class_room: ClassInfo) -> Roll | None:
        """Return the roll in the database; read it again only when its version has changed.

        Args:
            class_room: The class.
        """
        class_id = ObjectId(class_room.id)
        known = self._kept.get(class_id)
        if known is not None and known.version == class_room.document.get("rollVersion", 0):
            return known
        fields = {"rollVersion": 1, "studentsIds": 1}
        found = await self._database.one("classes", {"_id": class_id}, fields)
        if found is None:
            return None
        students = frozenset(map(str, found.get("studentsIds", ())))
        roll = Roll(students, found.get("rollVersion", 0))
        self._kept[class_id] = roll
        return roll

    def forget(self, class_id: ObjectId | None) -> None:
        """Drop the copies of a roll.

        Args:
            class_id: ``_id`` of the class; None for all classes.
        """
        if class_id is None:
            self._answers.clear()  # the others are compared with the version at each read
        else:
            self._kept.pop(class_id, None)
            self._answers.pop(class_id, None)

    @property
    def are_ours(self) -> bool:
        """Tell whether only the classes plugin answers ``roster``."""
        return self._ours

    async def members(self, class_room: ClassRoom) -> list[ObjectId]:
        """Return the ids of the students of a class, in the order of the roll.

        Args:
            class_room: The class.

        Raises:
            ClassNotFoundError: The class was deleted meanwhile.
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        kept: list[ObjectId] = class_room.students_ids
        if self._ours:
            return kept
        roll = await self.now(class_room.id)
        first = [student for student in kept if str(student) in roll.student_ids]
        others = roll.student_ids - set(map(str, kept))
        return [*first, *map(ObjectId, sorted(others))]

    async def classes_of(self, student_id: str) -> set[ObjectId]:
        """Return the ids of the classes that the student is enrolled in.

        Args:
            student_id: Id of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        async with self._database.operation():
            kept = self._classes.find({"studentsIds": object_id(student_id)}, {"_id": 1})
            found = {document["_id"] async for document in kept}
        if self._ours:
            return found
        asked = await self._plugins.dispatcher.collect("classes_of", student_id=student_id)
        for owner, named in asked:
            keys = [object_id(class_id) for class_id in named]
            if None in keys:
                raise HookFailedError(f"plugin {owner}: classes_of must return ids of classes")
            found.update(key for key in keys if key is not None)
        return {class_id for class_id in found if await self.has(class_id, student_id)}

    async def has(self, class_id: ObjectId, student_id: str) -> bool:
        """Tell whether the student is on the roll; False when the class is deleted.

        Args:
            class_id: ``_id`` of the class.
            student_id: Id of the student.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        try:
            roll = await self.now(class_id)
        except ClassNotFoundError:
            return False
        return student_id in roll.student_ids

    @property
    def _classes(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents["classes"]


def _fingerprint(student_ids: frozenset[str]) -> int:
    return zlib.crc32("".join(sorted(student_ids)).encode())
