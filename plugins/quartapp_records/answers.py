"""Sessions, records and histories as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_records.sessions import version_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bson import ObjectId

    from quartapp import Document
    from quartapp_attendance import StatusRegistry
    from quartapp_auth import Contact, People
    from quartapp_records.days import Days
    from quartapp_records.history import Histories
    from quartapp_records.sessions import SessionRecords

ENTRIES = 100


class Answers:
    """The maker of answers.

    Args:
        sessions: The ended sessions.
        histories: The histories of records.
        people: Names of people.
        statuses: Statuses of the app, which count as present or absent.
        days: The rules about days, which know the date of a session.
    """

    def __init__(
        self,
        sessions: SessionRecords,
        histories: Histories,
        people: People,
        statuses: StatusRegistry,
        days: Days,
    ) -> None:
        self._sessions = sessions
        self._histories = histories
        self._people = people
        self._statuses = statuses
        self._days = days

    async def listed(self, sessions: Iterable[Document]) -> list[dict[str, Any]]:
        """Return sessions with their counts.

        Args:
            sessions: The sessions as stored.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found = list(sessions)
        counts = await self._sessions.counts([session["_id"] for session in found])
        names = await self._people.contacts({one for each in found for one in _people_of(each)})
        return [self._session(each, counts.get(each["_id"], {}), names) for each in found]

    async def session(self, session: Document) -> dict[str, Any]:
        """Return one session with its counts.

        Args:
            session: The session as stored.
        """
        (answer,) = await self.listed([session])
        return answer

    async def with_records(
        self, session: Document, class_name: str, student: ObjectId | None = None
    ) -> dict[str, Any]:
        """Return a session with its records, sorted by name.

        Args:
            session: The session as stored.
            class_name: Name of the class.
            student: The student whose record alone is shown; None for all, with those who are still
                unmarked.
        """
        wanted = None if student is None else [student]
        records = await self._sessions.records(session["_id"], wanted)
        known = {record["studentId"] for record in records}
        roll = [] if "finishedAt" in session else session.get("roll", [])
        unmarked = [one for one in roll if one not in known and student in (None, one)]
        names = await self._people.contacts({*known, *unmarked})
        shown = [*map(record_answer, records), *map(unmarked_answer, unmarked)]
        for one in shown:
            one["displayName"] = _name(names, one["studentId"])
        shown.sort(key=_by_name)
        return {**await self.session(session), "className": class_name, "records": shown}

    async def history(
        self, record: Document, limit: int | None, after: int | None
    ) -> list[dict[str, Any]]:
        """Return entries of a record's history, the original first.

        Args:
            record: The record, with its last entries.
            limit: Largest number of entries; None for ``ENTRIES``.
            after: Version behind which the list starts; None for the beginning.
        """
        entries = await self._histories.of(record, limit or ENTRIES, after)
        names = await self._people.contacts({one["by"] for one in entries if one["by"]})
        return [
            {
                "v": entry["v"],
                "at": entry["at"],
                "by": _named(names, entry["by"]),
                "from": entry["from"],
                "to": entry["to"],
                "reason": entry["reason"],
                "via": entry["via"],
            }
            for entry in entries
        ]

    def _session(
        self, session: Document, counts: Mapping[str, int], names: Mapping[ObjectId, Contact]
    ) -> dict[str, Any]:
        tally = {"present": 0, "absent": 0}
        for code, number in counts.items():
            tally[self._statuses.counts_as(code)] += number
        return {
            "_id": session["_id"],
            "classId": session["classId"],
            "date": self._days.of(session),
            # The time of a lesson that was entered after the event is not known.
            "startedAt": None if is_without_time(session) else session["startedAt"],
            "endedAt": session["endedAt"],
            "outcome": session["outcome"],
            "startedBy": _named(names, session["teacherId"]),
            "endedBy": _named(names, session.get("endedBy")),
            "finishedAt": session.get("finishedAt"),
            "finishedBy": _named(names, session.get("finishedBy")),
            "counts": {
                **tally,
                "total": tally["present"] + tally["absent"],
                "statuses": dict(sorted(counts.items())),
            },
            "note": session.get("note"),
        }


def is_without_time(session: Document) -> bool:
    """Tell whether a session was entered after the event, so that nobody knows its time.

    Args:
        session: The session as stored.
    """
    return bool(session.get("added"))


def record_answer(record: Document) -> dict[str, Any]:
    """Return a record as the API answers it, without the name of its student.

    Args:
        record: The record as stored.
    """
    return {
        "studentId": record["studentId"],
        "status": record["status"],
        "at": record.get("markedAt"),
        "by": record.get("markedBy"),
        "via": record.get("via"),
        "note": record.get("note"),
        "minutesLate": record.get("minutesLate"),
        "office": bool(record.get("office")),
        "v": version_of(record),
    }


def unmarked_answer(student_id: ObjectId) -> dict[str, Any]:
    """Return what stands for the record of a student who has none yet.

    Args:
        student_id: ``_id`` of the student.
    """
    nothing = dict.fromkeys(("status", "at", "by", "via", "note", "minutesLate"))
    return {"studentId": student_id, **nothing, "office": False, "v": 0}


def _people_of(session: Document) -> list[ObjectId]:
    ids = (session.get(name) for name in ("teacherId", "endedBy", "finishedBy"))
    return [one for one in ids if one is not None]


def _name(names: Mapping[ObjectId, Contact], user_id: ObjectId) -> str | None:
    return names[user_id].display_name if user_id in names else None


def _named(names: Mapping[ObjectId, Contact], user_id: ObjectId | None) -> dict[str, Any] | None:
    return None if user_id is None else {"_id": user_id, "displayName": _name(names, user_id)}


def _by_name(record: dict[str, Any]) -> tuple[str, str]:
    return (record["displayName"] or "").casefold(), str(record["studentId"])
