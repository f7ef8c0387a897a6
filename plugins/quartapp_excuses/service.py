"""Excuses, from their hand-in to the decision."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo import ReturnDocument

from quartapp import Attempt, DatabaseUnavailableError, object_id
from quartapp_excuses.audited import DECIDED, HANDED_IN, WITHDRAWN
from quartapp_excuses.errors import (
    ExcuseDecidedError,
    ExcuseNotFoundError,
    FromAfterToError,
    NotAuthorError,
    TooLongError,
    TooManyExcusesError,
)
from quartapp_excuses.happenings import ExcuseDecided, ExcuseHandedIn, ExcuseWithdrawn
from quartapp_excuses.models import EXCUSES, ExcuseState

if TYPE_CHECKING:
    from datetime import date

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins, Principal
    from quartapp_excuses.access import ExcuseAccess
    from quartapp_excuses.applying import Applying
    from quartapp_excuses.files import ExcuseFiles, Upload

# A year, and both ends of it.
MOST_DAYS = 367
LISTED = 100


class Excuses:
    """The excuses.

    Args:
        database: The database that has the excuses.
        plugins: The plugins that receive events.
        clock: Clock for the times of excuses.
        access: Who may do what.
        files: The files of excuses.
        applying: What makes records excused.
        most_open: Open excuses that a student has at most.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        access: ExcuseAccess,
        files: ExcuseFiles,
        applying: Applying,
        most_open: int,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._access = access
        self._files = files
        self._applying = applying
        self._most_open = most_open

    async def hand_in(
        self,
        principal: Principal,
        student_id: str | None,
        first: date,
        last: date,
        reason: str,
        upload: Upload | None = None,
        *,
        attempt: Attempt | None = None,
    ) -> Document:
        """Hand in an excuse.

        Args:
            principal: The student, a teacher of one of their classes, or the office.
            student_id: Id of the student; None for the principal.
            first: First local day.
            last: Last local day.
            reason: Reason, trimmed.
            upload: File; None without one.
            attempt: The try that this call is; None for the first and only one.

        Returns:
            The excuse.

        Raises:
            FromAfterToError: The first day lies behind the last.
            TooLongError: The excuse is longer than a year.
            StudentNotFoundError: There is no such student, or the student is not the principal's.
            TooManyExcusesError: The student has too many open excuses.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if first > last:
            raise FromAfterToError
        if (last - first).days >= MOST_DAYS:
            raise TooLongError
        attempt = attempt or Attempt()
        student = await self._access.student(principal, student_id)
        if attempt.repeated:
            with suppress(ExcuseNotFoundError):
                return await self._get(attempt.id)
        open_ones = {"studentId": student, "state": ExcuseState.OPEN}
        async with self._database.operation():
            if await self._stored.count_documents(open_ones) >= self._most_open:
                raise TooManyExcusesError
        excuse: Document = {
            "_id": attempt.id,
            "studentId": student,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "reason": reason,
            "state": ExcuseState.OPEN,
            "handedInAt": self._clock.now(),
            "handedInBy": ObjectId(principal.id),
        }
        if upload is not None:
            excuse["file"] = {"type": upload.type, "bytes": len(upload.content)}
            await self._files.keep(attempt.id, upload)
        event = ExcuseHandedIn(
            *(str(attempt.id), str(student), excuse["from"], excuse["to"], principal.id)
        )
        days = {"from": excuse["from"], "to": excuse["to"], "file": upload is not None}
        await self._plugins.changes.stored(
            [event],
            lambda: self._inserted(excuse),
            audited=[HANDED_IN.entry(principal.id, about=_about(excuse), after=days)],
        )
        await self._plugins.on_event(event)
        return excuse

    async def get(self, principal: Principal, excuse_id: str) -> Document:
        """Return an excuse.

        Args:
            principal: The author, the student, a teacher of one of their classes, or the office.
            excuse_id: ``_id`` of the excuse.

        Raises:
            ExcuseNotFoundError: The excuse does not exist, or does not concern the principal.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self._get(object_id(excuse_id))
        await self._access.check_reading(principal, found)
        return found

    async def page(
        self,
        principal: Principal,
        query: Document,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        """Return excuses that somebody may read, sorted by ``_id``, which is the order of hand-in.

        Args:
            principal: Whoever reads.
            query: Further query of MongoDB.
            limit: Largest number of excuses; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        wanted = [query, await self._access.listed(principal)]
        if after is not None:
            wanted.append({"_id": {"$gt": object_id(after)}})
        async with self._database.operation():
            found = self._stored.find({"$and": wanted}).sort("_id", 1).limit(limit or LISTED)
            return await found.to_list()

    async def withdraw(self, principal: Principal, excuse_id: str) -> Document:
        """Delete an open excuse, with its file, in the name of its author.

        Args:
            principal: The author.
            excuse_id: ``_id`` of the excuse.

        Returns:
            The excuse as it was.

        Raises:
            ExcuseNotFoundError: The excuse does not exist, or does not concern the principal.
            NotAuthorError: Somebody else handed the excuse in.
            ExcuseDecidedError: Somebody has decided the excuse.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self.get(principal, excuse_id)
        if str(found["handedInBy"]) != principal.id:
            raise NotAuthorError
        event = ExcuseWithdrawn(str(found["_id"]), str(found["studentId"]), principal.id)
        deleted = await self._plugins.changes.stored(
            [event],
            lambda: self._deleted(found["_id"]),
            audited=[WITHDRAWN.entry(principal.id, about=_about(found))],
        )
        if deleted is None:
            raise ExcuseDecidedError(await self._get(found["_id"]))
        # The excuse is gone, and with it everybody's way to the file, which goes within the hour.
        with suppress(DatabaseUnavailableError):
            await self._files.delete(found["_id"])
        await self._plugins.on_event(event)
        return deleted

    async def decide(
        self, principal: Principal, excuse_id: str, state: ExcuseState, word: str | None
    ) -> Document:
        """Accept or refuse an open excuse; what is accepted is carried into records at once.

        Args:
            principal: A teacher of one of the student's classes, or the office.
            excuse_id: ``_id`` of the excuse.
            state: ``accepted`` or ``refused``.
            word: Word to the student; None without one.

        Returns:
            The excuse. It has ``pending`` while records still have to become excused.

        Raises:
            ExcuseNotFoundError: The excuse does not exist, or does not concern the principal.
            ExcuseDecidedError: Somebody else was faster.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = await self._get(object_id(excuse_id))
        if not await self._access.knows(principal, found["studentId"]):
            raise ExcuseNotFoundError
        now = self._clock.now()
        values: Document = {
            "state": state,
            "decidedAt": now,
            "decidedBy": ObjectId(principal.id),
            "office": self._access.is_office(principal),
        }
        if word is not None:
            values["word"] = word
        if state == ExcuseState.ACCEPTED:
            values["pending"] = {"since": now, "all": True, "sessions": []}
        event = ExcuseDecided(str(found["_id"]), str(found["studentId"]), str(state), principal.id)
        decided = await self._plugins.changes.stored(
            [event],
            lambda: self._changed(found["_id"], values),
            audited=[DECIDED.entry(principal.id, about=_about(found), after={"state": str(state)})],
        )
        if decided is None:
            raise ExcuseDecidedError(await self._get(found["_id"]))
        await self._plugins.on_event(event)
        if state != ExcuseState.ACCEPTED:
            return decided
        # The decision is stored, so the records follow, now or as soon as MongoDB answers.
        with suppress(DatabaseUnavailableError):
            await self._applying.apply(decided)
            return await self._get(found["_id"])
        return decided

    @property
    def _stored(self) -> AsyncCollection[Document]:
        # In a transaction, the database is another one.
        return self._database.documents[EXCUSES]

    async def _get(self, key: ObjectId | None) -> Document:
        found = None if key is None else await self._database.one(EXCUSES, {"_id": key})
        if found is None:
            raise ExcuseNotFoundError
        return found

    async def _inserted(self, excuse: Document) -> bool:
        async with self._database.operation():
            # A repetition after an answer that was lost finds its own excuse.
            await self._stored.update_one(
                {"_id": excuse["_id"]}, {"$setOnInsert": excuse}, upsert=True
            )
        return True

    async def _deleted(self, key: ObjectId) -> Document | None:
        async with self._database.operation():
            return await self._stored.find_one_and_delete({"_id": key, "state": ExcuseState.OPEN})

    async def _changed(self, key: ObjectId, values: Document) -> Document | None:
        async with self._database.operation():
            return await self._stored.find_one_and_update(
                {"_id": key, "state": ExcuseState.OPEN},
                {"$set": values},
                return_document=ReturnDocument.AFTER,
            )


def _about(excuse: Document) -> Document:
    return {"excuse": excuse["_id"], "student": excuse["studentId"]}
