"""A mail a day to each teacher about the warnings that were raised since the one before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from pymongo.errors import DuplicateKeyError

from quartapp import timestamp
from quartapp_reports.models import OpenWarnings, WarningDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime, tzinfo

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Changes, Clock, Database, Document
    from quartapp_auth import Letters, People
    from quartapp_classes import ClassService, Teaching

log = structlog.get_logger("quartapp.reports")

KIND = "reports.digest"
# The document that says on which day all teachers were thought of; the others are teachers'.
EVERYBODY = "everybody"
# What the first digest of a teacher looks back to.
FIRST = timedelta(days=1)
# A teacher without news keeps the place; older warnings are no news.
LONGEST = timedelta(days=7)
SUBJECT = "Attendance warnings"
# Texts, and not names of rules, for those that this plugin brings.
TOLD = {
    "low-percentage": "low percentage",
    "absences-in-a-row": "absences in a row",
}


class Digests:
    """Orders the mails, and writes them when they are sent.

    Args:
        database: The database that has warnings and digests.
        changes: Store of orders, each together with the note that it was made.
        clock: Clock that tells the hour.
        zone: Time zone of the hour; None for that of the machine.
        local_day: Function that returns the present local date.
        hour: Local hour from which on a day's mails are sent, from 0 to 23; None for no mails.
        letters: Function that returns the mail; None without a mail server.
        teaching: The present teachers of classes.
        classes: Service of classes, for their names.
        people: Accounts, for names of students.
    """

    def __init__(
        self,
        database: Database,
        changes: Changes,
        clock: Clock,
        zone: tzinfo | None,
        local_day: Callable[[], date],
        hour: int | None,
        letters: Callable[[], Letters | None],
        teaching: Teaching,
        classes: ClassService,
        people: People,
    ) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock
        self._zone = zone
        self._local_day = local_day
        self._hour = hour
        self._letters = letters
        self._teaching = teaching
        self._classes = classes
        self._people = people

    def start(self) -> None:
        """Write the mails that are ordered from now on."""
        if self._hour is None:
            return
        letters = self._letters()
        if letters is None:
            log.warning("no mail server: digest_hour has no effect")
        else:
            letters.write(KIND, self.write)

    async def send(self) -> None:
        """Order the mails of a day, once its hour has come; another call on the day does nothing.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        letters, now = self._letters(), self._clock.now()
        day = self._local_day().isoformat()
        if letters is None or self._hour is None or now.astimezone(self._zone).hour < self._hour:
            return
        done = await self._database.one(WarningDigest.collection(), {"_id": EVERYBODY})
        if done is not None and done["day"] >= day:
            return
        for teacher, newest in (await self._news(now)).items():
            await self._order(letters, teacher, newest, day, now)
        async with self._database.operation():
            await self._documents.update_one(
                {"_id": EVERYBODY}, {"$max": {"day": day}, "$set": {"at": now}}, upsert=True
            )

    async def write(self, account: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
        """Write the mail of a teacher; None if none of its warnings holds any more.

        Args:
            account: ``_id`` of the teacher.
            data: Data of the order.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        since, until = data["since"], data["until"]
        mine = await self._teaching.classes_of(account)
        new = {
            class_id: [one for one in found if since < timestamp(one["raisedAt"]) <= until]
            for class_id, found in (await self._open(mine)).items()
        }
        new = {class_id: found for class_id, found in new.items() if found}
        if not new:
            return None
        names = await self._classes.class_names(list(new))
        students = {one["studentId"] for found in new.values() for one in found}
        people = await self._people.contacts(students)
        lines = ["Warnings that were raised since the last mail, and hold:"]
        for class_id in sorted(new, key=lambda one: names.get(one, "").casefold()):
            lines += ["", _one_line(names.get(class_id, "A class"))]
            shown = []
            for one in new[class_id]:
                person = people.get(one["studentId"])
                name = "A student" if person is None else _one_line(person.display_name)
                shown.append(f"* {name}: {TOLD.get(one['warning'], one['warning'])}")
            lines += sorted(shown, key=str.casefold)
        return SUBJECT, "\n".join(lines) + "\n"

    async def of_person(self, user_id: str) -> list[Document]:
        """Return when a person was last mailed: ``day`` and ``at``; an empty list for never.

        Args:
            user_id: Id of the person.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self._database.one(WarningDigest.collection(), {"_id": user_id}, {"_id": 0})
        return [] if found is None else [found]

    async def erase(self, user_id: str, *, dry_run: bool) -> int:
        """Forget when a person was mailed.

        Args:
            user_id: Id of the person.
            dry_run: Whether to change nothing, and only to count.

        Returns:
            1 if there is something to forget, and else 0.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        number = len(await self.of_person(user_id))
        if not dry_run:
            async with self._database.operation():
                await self._documents.delete_one({"_id": user_id})
        return number

    async def _news(self, now: datetime) -> dict[str, datetime]:
        """Return the time of the newest warning of each teacher."""
        recent: Document = {"open": {"$elemMatch": {"raisedAt": {"$gt": now - LONGEST}}}}
        async with self._database.operation():
            warnings = self._database.documents[OpenWarnings.collection()]
            found = await warnings.find(recent, {"open.raisedAt": 1}).to_list()
        newest: dict[str, datetime] = {}
        for one in found:
            last = max(warning["raisedAt"] for warning in one["open"])
            for teacher in await self._teaching.now(one["_id"]):
                newest[teacher] = max(last, newest.get(teacher, last))
        return newest

    async def _order(
        self, letters: Letters, teacher: str, newest: datetime, day: str, now: datetime
    ) -> None:
        before = await self._database.one(WarningDigest.collection(), {"_id": teacher})
        since = now - FIRST if before is None else max(before["at"], now - LONGEST)
        if newest <= since or (before is not None and before["day"] >= day):
            return
        data = {"day": day, "since": timestamp(since), "until": timestamp(now)}

        async def note() -> bool | None:
            # Of two servers, and of two tries after a death, one makes the note, with the order.
            if before is None:
                await self._documents.insert_one({"_id": teacher, "day": day, "at": now})
                return True
            noted = await self._documents.update_one(
                {"_id": teacher, "day": before["day"]}, {"$set": {"day": day, "at": now}}
            )
            return True if noted.matched_count else None

        try:
            async with self._database.operation():
                await self._changes.together([letters.order(KIND, teacher, data)], note)
        except DuplicateKeyError:
            return

    async def _open(self, class_ids: set[ObjectId]) -> dict[ObjectId, list[Document]]:
        async with self._database.operation():
            warnings = self._database.documents[OpenWarnings.collection()]
            found = warnings.find({"_id": {"$in": sorted(class_ids)}}, {"open": 1})
            return {one["_id"]: one["open"] async for one in found}

    @property
    def _documents(self) -> AsyncCollection[Document]:
        # Never kept: in a transaction, the database is another one.
        return self._database.documents[WarningDigest.collection()]


def _one_line(text: str) -> str:
    return " ".join(text.split())
