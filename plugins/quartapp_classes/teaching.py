"""Who teaches each class at this moment, in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp import object_id
from quartapp_classes.teachers import CO_TEACHERS, Teachers, taught_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Database
    from quartapp_classes.watch import ClassWatch


# Some 10 MB. A process that meets more classes forgets all, and reads each again.
REMEMBERED_CLASSES = 20_000


class Teaching:
    """The teachers of classes, as the class documents name them now.

    A copy of a class's teachers is at most two seconds old; while the watch hears nothing, each
    question reads the database.

    Args:
        database: The database that has the classes.
        watch: Watch over the changes of classes.
        today: Function that returns the local day, which decides whether a substitute teaches.
    """

    def __init__(self, database: Database, watch: ClassWatch, today: Callable[[], date]) -> None:
        self._database = database
        self._watch = watch
        self._today = today
        self._reads = database.joint_reads(self._read)
        self._known: dict[ObjectId, Teachers] = {}
        watch.tell(self.forget)

    async def teaches(self, class_id: ObjectId, user_id: str) -> bool:
        """Tell whether a user teaches a class now.

        A copy can only say yes; a no is read from the database, so that a new teacher never waits.

        Args:
            class_id: ``_id`` of the class.
            user_id: Id of the user.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        known = self._known.get(class_id) if self._watch.is_fresh else None
        # Asked for each mark, of the primary teacher most of the time, who needs no date.
        if known is not None and (
            user_id == str(known.primary) or user_id in known.on(self._today())
        ):
            return True
        return user_id in await self.now(class_id)

    async def now(self, class_id: ObjectId) -> frozenset[str]:
        """Return the ids of a class's present teachers, read from the database.

        Args:
            class_id: ``_id`` of the class.

        Returns:
            The ids; none when the class does not exist.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        changes = self._watch.changes
        teachers = await self._reads.get(class_id)
        if teachers is None:
            return frozenset()
        if changes == self._watch.changes:
            if len(self._known) >= REMEMBERED_CLASSES:
                self._known.clear()
            self._known[class_id] = teachers
        return teachers.on(self._today())

    async def classes_of(self, user_id: str) -> set[ObjectId]:
        """Return the ids of the classes that a user teaches now, read from the database.

        Args:
            user_id: Id of the user.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = object_id(user_id)
        if key is None:
            return set()
        async with self._database.operation():
            found = self._classes.find(taught_by(key, self._today()), {"_id": 1})
            return {document["_id"] async for document in found}

    def forget(self, class_id: ObjectId | None) -> None:
        """Drop the copy of a class's teachers.

        Args:
            class_id: ``_id`` of the class; None for all classes.
        """
        if class_id is None:
            self._known.clear()
        else:
            self._known.pop(class_id, None)

    @property
    def _classes(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents["classes"]

    async def _read(self, keys: set[ObjectId]) -> dict[ObjectId, Teachers]:
        found = await self._database.by_ids("classes", {*keys}, ("teacherId", CO_TEACHERS))
        return {document["_id"]: Teachers.of(document) for document in found.values()}
