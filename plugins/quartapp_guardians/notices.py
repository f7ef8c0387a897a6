"""Notices of absence: who is told what on a day, and that nobody is told anything twice.

One process of the installation looks for absences, and orders a notice for each guardian who has
none for the day. The order and its entry in the outbox are one transaction. Before the mail is
sent, the records are read again: what was corrected meanwhile is not told, and a notice without
anything to tell is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from quartapp import NotDeliveredError, OutboxEntry, object_id
from quartapp_guardians.audited import DROPPED, ORDERED, SENT
from quartapp_guardians.happenings import NoticeDropped, NoticeSent
from quartapp_guardians.models import GUARDIANS, NOTICES, NoticeState
from quartapp_guardians.texts import Told, notice_text
from quartapp_mail import Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import AuditEntry, Clock, Database, Document, Plugins, Settings
    from quartapp_auth import People
    from quartapp_classes import ClassService
    from quartapp_guardians.settings import GuardiansSettings
    from quartapp_mail import Mailer
    from quartapp_records import DayRecords

    Lessons = dict[ObjectId, Told]

PLUGIN = "guardians"
NOTICE = "notice"
LISTED = 100
# The office has entered these absences, so it knows of them.
ENTERED = "office"
CORRECTED, DAY_OVER, REMOVED = "corrected", "day is over", "guardian was removed"
UNSENT = [NoticeState.ORDERED, NoticeState.FAILED]


class Notices:
    """The notices of absence.

    Args:
        database: The database that has guardians and notices.
        plugins: The plugins that receive events.
        clock: Clock that tells when notices are due.
        records: The records of days.
        classes: Service of the classes.
        people: Names of people.
        mailer: Sender of mail; None without a mail server, where nothing is ordered.
        settings: Settings of the plugin.
        app_settings: Settings of the app, with the time zone.
        local_day: Function that returns the local date of a moment; without one, of the present.
    """

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        clock: Clock,
        records: DayRecords,
        classes: ClassService,
        people: People,
        mailer: Mailer | None,
        settings: GuardiansSettings,
        app_settings: Settings,
        local_day: Callable[..., date],
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._clock = clock
        self._records = records
        self._classes = classes
        self._people = people
        self._mailer = mailer
        self._settings = settings
        self._zone = app_settings.timezone
        self._local_day = local_day

    async def page(
        self,
        day: date,
        student_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        """Return the notices of a day, in the order in which they were ordered.

        Args:
            day: The local day.
            student_id: ``_id`` of a student; None for all.
            limit: Largest number of notices; None for ``LISTED``.
            after: ``_id`` of the notice behind which the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        query: Document = {"date": day.isoformat()}
        if student_id is not None:
            query["studentId"] = object_id(student_id)
        if after is not None:
            query["_id"] = {"$gt": object_id(after)}
        async with self._database.operation():
            return await self._stored.find(query).sort("_id", 1).limit(limit or LISTED).to_list()

    async def order_due(self) -> None:
        """Order the notices that are due and that nobody has ordered.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        local = self._clock.now().astimezone(self._zone)
        if f"{local:%H:%M}" < self._settings.notice_from:
            return
        day = self._local_day()
        async with self._database.operation():
            guarded = set(await self._database.documents[GUARDIANS].distinct("studentId"))
        if not guarded:
            return
        absent = await self._absences(day.isoformat(), guarded)
        known = await self._people.contacts(absent)
        query = {"date": day.isoformat(), "once": True}
        async with self._database.operation():
            told = set(await self._stored.distinct("guardianId", query))
            found = self._database.documents[GUARDIANS].find({"studentId": {"$in": sorted(known)}})
            guardians = await found.sort("_id", 1).to_list()
        for guardian in guardians:
            if guardian["_id"] not in told:
                await self._order(guardian, day.isoformat())

    async def deliver(self, notice_id: str, attempts: int) -> None:
        """Send a notice, or drop it if there is nothing to tell any more.

        Args:
            notice_id: ``_id`` of the notice.
            attempts: Number of attempts that have failed.

        Raises:
            NotDeliveredError: The mail server did not take the mail.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        notice = await self._database.one(NOTICES, {"_id": ObjectId(notice_id)})
        if notice is None or notice["state"] not in UNSENT or self._mailer is None:
            return
        student, day = notice["studentId"], notice["date"]
        guardian = await self._database.one(GUARDIANS, {"_id": notice["guardianId"]})
        names = await self._people.contacts([student])
        if guardian is None or student not in names:
            await self._drop(notice, REMOVED)
            return
        if self._local_day().isoformat() != day:
            await self._drop(notice, DAY_OVER)
            return
        lessons = (await self._absences(day, [student])).get(student)
        if not lessons:
            await self._drop(notice, CORRECTED)
            return
        letter = self._letter(notice, guardian, names[student].display_name, lessons)
        try:
            await self._mailer.send(letter, attempts, {"notice": notice_id})
        except NotDeliveredError as error:
            if error.again_in is None:
                await self._end(notice, {"state": NoticeState.FAILED, "why": str(error)})
            raise
        await self._sent(notice, list(lessons), guardian["email"])

    def _letter(
        self, notice: Document, guardian: Document, student: str, lessons: Lessons
    ) -> Letter:
        subject, text = notice_text(
            guardian["language"],
            guardian["name"],
            student,
            date.fromisoformat(notice["date"]),
            list(lessons.values()),
            self._settings.school,
        )
        return Letter(
            id=f"absence-{notice['_id']}",
            to=guardian["email"],
            name=guardian["name"],
            subject=subject,
            text=text,
            language=guardian["language"],
        )

    async def _sent(self, notice: Document, told: list[ObjectId], to: str) -> None:
        event = NoticeSent(*_ids(notice), notice["date"])
        entry = SENT.entry(
            about=_about(notice), after={"date": notice["date"], "sessions": len(told)}
        )
        values = {"state": NoticeState.SENT, "sessions": told, "to": to, "why": None}
        if await self._end(notice, values, event, entry):
            await self._plugins.on_event(event)

    async def _drop(self, notice: Document, why: str) -> None:
        event = NoticeDropped(*_ids(notice), notice["date"], why)
        entry = DROPPED.entry(about=_about(notice), after={"date": notice["date"], "why": why})
        values = {"state": NoticeState.DROPPED, "why": why, "once": False}
        if await self._end(notice, values, event, entry):
            await self._plugins.on_event(event)

    async def _end(
        self,
        notice: Document,
        values: Document,
        event: object = None,
        entry: AuditEntry | None = None,
    ) -> bool:
        values = {**values, "endedAt": self._clock.now()}

        async def change() -> bool | None:
            async with self._database.operation():
                ended = await self._stored.update_one(
                    {"_id": notice["_id"], "state": {"$in": UNSENT}}, {"$set": values}
                )
            return ended.matched_count > 0 or None

        events = [] if event is None else [event]
        audited = [] if entry is None else [entry]
        return await self._plugins.changes.stored(events, change, audited=audited) is not None

    async def _order(self, guardian: Document, day: str) -> None:
        notice: Document = {
            "_id": ObjectId(),
            "studentId": guardian["studentId"],
            "guardianId": guardian["_id"],
            "date": day,
            "once": True,
            "state": NoticeState.ORDERED,
            "orderedAt": self._clock.now(),
        }

        async def insert() -> bool:
            await self._stored.insert_one(notice)
            return True

        order = (PLUGIN, OutboxEntry(NOTICE, None, {"notice": str(notice["_id"])}))
        entry = ORDERED.entry(about=_about(notice), after={"date": day})
        # Another process may have ordered it, as it goes on with a lease that has ended.
        with suppress(DuplicateKeyError):
            async with self._database.operation():
                await self._plugins.changes.together([order], insert, audited=[entry])

    async def _absences(self, day: str, students: Collection[ObjectId]) -> dict[ObjectId, Lessons]:
        """Return the lessons of a day that are told of students, in the order of the sessions."""
        settled = self._clock.now() - timedelta(minutes=self._settings.notice_minutes)
        sessions = {
            key: session
            for key, session in (await self._records.sessions(day)).items()
            if session["endedAt"] <= settled
        }
        marked = await self._records.marked(sessions, self._settings.notice_statuses)
        records = await self._records.records(sessions, set(students) & marked.keys())
        told = [
            (sessions[record["sessionId"]], record["studentId"])
            for record in records
            if record["status"] in self._settings.notice_statuses and record.get("via") != ENTERED
        ]
        told.sort(key=lambda one: (one[0]["startedAt"], one[0]["_id"]))
        names = await self._classes.class_names({session["classId"] for session, _ in told})
        found: dict[ObjectId, Lessons] = defaultdict(dict)
        for session, student in told:
            if name := names.get(session["classId"]):
                # The time of a lesson that was entered after the event is not known.
                local = None if session.get("added") else session["startedAt"]
                time = None if local is None else f"{local.astimezone(self._zone):%H:%M}"
                found[student][session["_id"]] = Told(name, time)
        return dict(found)

    @property
    def _stored(self) -> AsyncCollection[Document]:
        # In a transaction, the database is another one.
        return self._database.documents[NOTICES]


def _ids(notice: Document) -> tuple[str, str, str]:
    return str(notice["_id"]), str(notice["studentId"]), str(notice["guardianId"])


def _about(notice: Document) -> Document:
    return {
        "notice": notice["_id"],
        "guardian": notice["guardianId"],
        "student": notice["studentId"],
    }
