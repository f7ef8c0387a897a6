"""Which warnings hold: raised once, kept while they hold, and withdrawn then.

Whoever assesses a class reads its stored warnings first, then the register, and then writes the
warnings only if nobody else has written meanwhile. So each stored state follows from records that
were read after the state before, and of two servers at once, one begins anew.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from quartapp import DatabaseUnavailableError, end_tasks
from quartapp_classes import ClassNotFoundError
from quartapp_records import asked_days
from quartapp_reports.happenings import WarningRaised, WarningWithdrawn
from quartapp_reports.models import OpenWarnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Clock, Database, Document, Plugins
    from quartapp_classes import Rolls
    from quartapp_records import ChangedRecords
    from quartapp_reports.service import Reports, StudentReport
    from quartapp_reports.warning_rules import WarningRules

log = structlog.get_logger("quartapp.reports")

READER = "reports"
# A burst of corrections is assessed once in a while, and not each by itself.
PAUSE_SECONDS = 0.5
# In a burst of changes on several servers, a later look finishes what these tries did not.
TRIES = 10
AT_ONCE = 100
# No settings have this fingerprint, so a server assesses the class.
LEFT = ""


class Assessing:
    """Assesses classes whose records have changed.

    Args:
        database: The database that has the warnings.
        plugins: The plugins that receive events.
        clock: Clock for the times of warnings, and for pauses.
        local_day: Function that returns the present local date.
        rolls: Rolls of the classes.
        changed: The changes of records that have yet to be read.
        reports: The reports, which tell what holds.
        rules: Rules for warnings, with their names.
        fingerprint: Text that differs when other settings could lead to other warnings.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        local_day: Callable[[], date],
        rolls: Rolls,
        changed: ChangedRecords,
        reports: Reports,
        rules: WarningRules,
        fingerprint: str,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._local_day = local_day
        self._rolls = rolls
        self._changed = changed
        self._reports = reports
        self._names = rules.names
        self._fingerprint = fingerprint
        # Classes that something has happened to, in the order in which it has.
        self._waiting: dict[ObjectId, None] = {}
        self._worker: asyncio.Task[None] | None = None

    def look(self, class_id: str) -> None:
        """Assess a class soon, in the background.

        Args:
            class_id: ``_id`` of the class.
        """
        self._waiting[ObjectId(class_id)] = None
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def leave(self, class_ids: Iterable[str]) -> None:
        """Leave the assessment of classes with warnings to :meth:`catch_up` of a server.

        Args:
            class_ids: ``_id`` of each class.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        async with self._database.operation():
            await self._documents.update_many(
                {"_id": {"$in": [ObjectId(one) for one in class_ids]}},
                {"$set": {"rules": LEFT}, "$inc": {"v": 1}},
            )

    async def stop(self) -> None:
        """Stop; what waits is assessed by the next server."""
        if self._worker is not None:
            await end_tasks([self._worker])

    async def catch_up(self) -> None:
        """Assess classes with changes that nobody has read, or that other settings have assessed.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        classes = dict.fromkeys(await self._changed.classes(READER, AT_ONCE))
        async with self._database.operation():
            former = self._documents.find({"rules": {"$ne": self._fingerprint}}, {"_id": 1})
            classes |= {one["_id"]: None async for one in former.limit(AT_ONCE)}
        for class_id in classes:
            await self._assess_safely(class_id)

    async def assess(self, class_id: ObjectId) -> bool:
        """Raise and withdraw warnings of the students of a class.

        Args:
            class_id: ``_id`` of the class.

        Returns:
            Whether the stored warnings are those that hold. If not, others wrote each time
            meanwhile, and :meth:`catch_up` assesses the class again.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        seen = await self._changed.seen(READER, class_id)
        for _ in range(TRIES):
            if await self._try(class_id):
                await self._changed.read(READER, seen)
                return True
        return False

    async def _work(self) -> None:
        while self._waiting:
            classes, self._waiting = self._waiting, {}
            for class_id in classes:
                try:
                    await self._assess_safely(class_id)
                except DatabaseUnavailableError as error:
                    log.warning("warnings wait for the database", reason=str(error))
            await self._clock.sleep(PAUSE_SECONDS)

    async def _assess_safely(self, class_id: ObjectId) -> None:
        try:
            await self.assess(class_id)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            # One class must not hold up the others.
            log.exception("class not assessed", class_id=str(class_id), exc_info=error)

    async def _try(self, class_id: ObjectId) -> bool:
        stored = await self._database.one(OpenWarnings.collection(), {"_id": class_id})
        try:
            roll = await self._rolls.now(class_id)
        except ClassNotFoundError:
            async with self._database.operation():
                await self._documents.delete_one({"_id": class_id})
            return True
        first, last = asked_days(None, None, self._local_day())
        _, found = await self._reports.of_class(class_id, first, last)
        reports = {one: found[one] for one in found if str(one) in roll.student_ids}
        before = [] if stored is None else stored["open"]
        after = self._open(before, reports)
        return await self._stored(class_id, stored, before, after)

    def _open(
        self, before: list[Document], reports: Mapping[ObjectId, StudentReport]
    ) -> list[Document]:
        raised = {(one["studentId"], one["warning"]): one for one in before}
        now = self._clock.now()
        after = []
        for student, report in reports.items():
            for name in self._names:
                known = raised.get((student, name))
                # Nobody knows what a rule that has failed would say.
                if name in report.warnings or (known is not None and name in report.unknown):
                    made = {"studentId": student, "warning": name, "raisedAt": now}
                    after.append(known or made)
        return after

    async def _stored(
        self,
        class_id: ObjectId,
        stored: Document | None,
        before: list[Document],
        after: list[Document],
    ) -> bool:
        events: list[object] = [
            WarningWithdrawn(str(class_id), str(one["studentId"]), one["warning"])
            for one in before
            if one not in after
        ]
        events += [
            WarningRaised(str(class_id), str(one["studentId"]), one["warning"])
            for one in after
            if one not in before
        ]
        values: Document = {"open": after, "rules": self._fingerprint}

        async def change() -> bool | None:
            if stored is None:
                await self._documents.insert_one({"_id": class_id, "v": 1, **values})
                return True
            written = await self._documents.update_one(
                # Also when nothing changes: somebody may be about to store what held before.
                {"_id": class_id, "v": stored["v"]},
                {"$set": values, "$inc": {"v": 1}},
            )
            return True if written.matched_count else None

        try:
            async with self._database.operation():
                made = await self._plugins.changes.stored(events, change)
        except DuplicateKeyError:
            return False
        if made is None:
            return False
        await self._plugins.on_events(events)
        return True

    @property
    def _documents(self) -> AsyncCollection[Document]:
        # Never kept: in a transaction, the database is another one.
        return self._database.documents[OpenWarnings.collection()]
