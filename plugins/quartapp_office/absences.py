"""The absences of a day: one list of all classes, by student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp import HookFailedError
from quartapp_records import KnownExcuse

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from bson import ObjectId

    from quartapp import Document, Plugins
    from quartapp_attendance import StatusRegistry
    from quartapp_auth import People
    from quartapp_classes import ClassService
    from quartapp_records import DayRecords

LISTED = 100
PRESENT = "present"


@dataclass(frozen=True, slots=True)
class SeenAbsence:
    """The record of a student who was not simply present.

    Attributes:
        session: The session as stored: ``_id``, ``classId``, ``startedAt``, ``added``.
        class_name: Name of the class; None for a class that is just being deleted.
        record: The record as stored, with the last entry of its history.
    """

    session: Document
    class_name: str | None
    record: Document


@dataclass(frozen=True, slots=True)
class AbsentStudent:
    """A student with absences on a day.

    Attributes:
        student_id: ``_id`` of the student.
        display_name: Name of the student; None for a deleted account.
        absences: The records, in the order of the sessions.
        excuse: The excuse that a plugin knows of; None without one.
    """

    student_id: ObjectId
    display_name: str | None
    absences: Sequence[SeenAbsence]
    excuse: KnownExcuse | None


class Absences:
    """Tells who was absent on a day.

    Args:
        records: The records of days.
        classes: Service of the classes.
        people: Names of people.
        statuses: Statuses of the app.
        plugins: The plugins that know of excuses.
    """

    def __init__(
        self,
        records: DayRecords,
        classes: ClassService,
        people: People,
        statuses: StatusRegistry,
        plugins: Plugins,
    ) -> None:
        self._records = records
        self._classes = classes
        self._people = people
        self._statuses = statuses
        self._plugins = plugins

    async def on(
        self,
        day: date,
        status: str | None = None,
        limit: int | None = None,
        after: ObjectId | None = None,
    ) -> list[AbsentStudent]:
        """Return the absences of a day, by the ``_id`` of the student.

        The number of queries does not depend on the number of classes.

        Args:
            day: The local day.
            status: Code of a status; None for all but ``present``.
            limit: Largest number of students; None for ``LISTED``.
            after: ``_id`` of the student behind whom the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        codes = {status} if status else set(self._statuses.codes) - {PRESENT}
        sessions = await self._records.sessions(day.isoformat())
        marked = await self._records.marked(sessions, codes) if sessions else {}
        page = sorted(one for one in marked if after is None or one > after)[: limit or LISTED]
        wanted = set().union(*(marked[student] for student in page))
        records = [
            record
            for record in await self._records.records(wanted, page)
            # A record may have been corrected since.
            if record["status"] in codes
        ]
        names = await self._people.contacts(page)
        classes = await self._classes.class_names({one["classId"] for one in records})
        excuses = await self._excuses(day, {record["studentId"] for record in records})
        found: dict[ObjectId, list[SeenAbsence]] = {}
        for record in records:
            session = sessions[record["sessionId"]]
            absence = SeenAbsence(session, classes.get(session["classId"]), record)
            found.setdefault(record["studentId"], []).append(absence)
        return [
            AbsentStudent(
                student,
                names[student].display_name if student in names else None,
                sorted(found[student], key=_by_time),
                excuses.get(str(student)),
            )
            for student in page
            if student in found
        ]

    async def _excuses(
        self, day: date, students: Collection[ObjectId]
    ) -> Mapping[str, KnownExcuse]:
        if not students:
            return {}
        found: dict[str, KnownExcuse] = {}
        answers = await self._plugins.dispatcher.collect(
            "excuses_on", day=day, student_ids=frozenset(map(str, students))
        )
        for owner, known in answers:
            if not isinstance(known, Mapping) or not all(
                isinstance(excuse, KnownExcuse) for excuse in known.values()
            ):
                raise HookFailedError(
                    f"plugin {owner}: excuses_on must return KnownExcuse by student"
                )
            found = {**known, **found}
        return found


def _by_time(absence: SeenAbsence) -> tuple[object, object]:
    return absence.session["startedAt"], absence.session["_id"]
