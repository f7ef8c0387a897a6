"""Who teaches each class at this moment, in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from quartapp import DatabaseUnavailableError, Pauses, changed_ids, object_id
from quartapp_classes.teachers import CO_TEACHERS, Teachers, taught_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database


log = structlog.get_logger("quartapp.classes")

# Copies count only if the stream has been heard within this time.
TRUSTED_SECONDS = 2.0
POLL_SECONDS = 1.0
PAUSES = Pauses(first=0.1, longest=2, random_part=0)
# Some 10 MB. A process that meets more classes forgets all, and reads each again.
REMEMBERED_CLASSES = 20_000


class Teaching:
    """The teachers of classes, as the class documents name them now.

    A change stream tells each process which classes have changed, so a copy of a class's teachers
    is at most two seconds old; while the stream is silent, each question reads the database.

    Args:
        database: The database that has the classes.
        clock: Clock that measures the silence of the stream, and the pauses after a failure.
        today: Function that returns the local day, which decides whether a substitute teaches.
    """

    def __init__(self, database: Database, clock: Clock, today: Callable[[], date]) -> None:
        self._database = database
        self._clock = clock
        self._today = today
        self._reads = database.joint_reads(self._read)
        self._known: dict[ObjectId, Teachers] = {}
        self._heard = float("-inf")
        # The number grows with each change: teachers that were read before may be out of date.
        self._changes = 0

    async def teaches(self, class_id: ObjectId, user_id: str) -> bool:
        """Tell whether a user teaches a class now.

        A copy can only say yes; a no is read from the database, so that a new teacher never waits.

        Args:
            class_id: ``_id`` of the class.
            user_id: Id of the user.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        known = self._known.get(class_id) if self._is_fresh else None
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
        changes = self._changes
        teachers = await self._reads.get(class_id)
        if teachers is None:
            return frozenset()
        if changes == self._changes:
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

    def forget(self, class_id: ObjectId) -> None:
        """Drop the copy of a class's teachers, who have changed.

        Args:
            class_id: ``_id`` of the class.
        """
        self._changes += 1
        self._known.pop(class_id, None)

    async def run(self) -> None:
        """Keep the copies up to date, until cancelled."""
        failures = 0
        while True:
            try:
                await (self._follow() if self._database.change_streams else self._poll())
            except DatabaseUnavailableError as error:
                log.warning("teachers of classes interrupted", reason=str(error))
            except Exception as error:
                log.exception("teachers of classes failed", exc_info=error)
            recovered = self._heard != float("-inf")
            self._heard = float("-inf")
            failures = 1 if recovered else failures + 1
            await self._clock.sleep(PAUSES.after(failures))

    async def _follow(self) -> None:
        async for ids in changed_ids(self._database, "classes"):
            if self._heard == float("-inf"):
                # What happened before the watch began may be anything.
                self._forget_all()
            for class_id in ids:
                self.forget(class_id)
            self._heard = self._clock.monotonic()

    async def _poll(self) -> None:
        while True:
            self._forget_all()
            self._heard = self._clock.monotonic()
            await self._clock.sleep(POLL_SECONDS)

    def _forget_all(self) -> None:
        self._changes += 1
        self._known.clear()

    @property
    def _is_fresh(self) -> bool:
        return self._clock.monotonic() - self._heard <= TRUSTED_SECONDS

    @property
    def _classes(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents["classes"]

    async def _read(self, keys: set[ObjectId]) -> dict[ObjectId, Teachers]:
        found = await self._database.by_ids("classes", {*keys}, ("teacherId", CO_TEACHERS))
        return {document["_id"]: Teachers.of(document) for document in found.values()}
