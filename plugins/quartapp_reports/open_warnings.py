"""The warnings that were raised and hold, as they are read, exported and erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_reports.models import OpenWarnings

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp import Database, Document
    from quartapp_classes import Rolls


class RaisedWarnings:
    """The warnings that were raised, and hold.

    Args:
        database: The database that has the warnings.
        rolls: Rolls of the classes.
    """

    def __init__(self, database: Database, rolls: Rolls) -> None:
        self._database = database
        self._rolls = rolls

    async def of_class(self, class_id: ObjectId) -> dict[ObjectId, dict[str, datetime]]:
        """Return the warnings of a class: when each was raised, by student and name.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        stored = await self._database.one(OpenWarnings.collection(), {"_id": class_id}, {"open": 1})
        found: dict[ObjectId, dict[str, datetime]] = {}
        for one in [] if stored is None else stored["open"]:
            found.setdefault(one["studentId"], {})[one["warning"]] = one["raisedAt"]
        return found

    async def of_person(self, user_id: str) -> list[Document]:
        """Return the warnings of a person: ``classId``, ``warning`` and ``raisedAt`` of each.

        Args:
            user_id: Id of the person.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = ObjectId(user_id)
        # A warning is withdrawn when its student leaves the class.
        classes = sorted(await self._rolls.classes_of(user_id))
        async with self._database.operation():
            stored = self._database.documents[OpenWarnings.collection()].find(
                {"_id": {"$in": classes}, "open.studentId": key}
            )
            found = await stored.sort("_id", 1).to_list()
        return [
            {"classId": each["_id"], "warning": one["warning"], "raisedAt": one["raisedAt"]}
            for each in found
            for one in each["open"]
            if one["studentId"] == key
        ]

    async def erase(self, user_id: str, *, dry_run: bool) -> int:
        """Erase the warnings of a person, without a word to anybody.

        Args:
            user_id: Id of the person.
            dry_run: Whether to change nothing, and only to count.

        Returns:
            Number of warnings that are erased.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        key = ObjectId(user_id)
        about = {"open.studentId": key}
        async with self._database.operation():
            # Not by the rolls: somebody may have taken the person off them already.
            documents = self._database.documents[OpenWarnings.collection()]
            found = await documents.find(about, {"open": 1}).to_list()
            if not dry_run:
                change = {"$pull": {"open": {"studentId": key}}, "$inc": {"v": 1}}
                await documents.update_many(about, change)
        return sum(one["studentId"] == key for each in found for one in each["open"])

    async def delete(self, class_id: ObjectId) -> None:
        """Delete the warnings of a class.

        Args:
            class_id: ``_id`` of the class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            documents = self._database.documents[OpenWarnings.collection()]
            await documents.delete_one({"_id": class_id})
