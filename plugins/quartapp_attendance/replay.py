"""The events of sessions, read from the database.

The process that causes an event calls ``on_event`` once. When that process dies first, no plugin
hears of the event, but the session's document still shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp_attendance.happenings import SessionDone, SessionStarted, SessionSuperseded
from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp import Database, Document


SessionEvent = SessionStarted | SessionDone | SessionSuperseded

_FIELDS = ("classId", "teacherId", "state", "startedAt", "endedAt", "summary")


async def session_events(
    database: Database, since: datetime
) -> list[tuple[datetime, SessionEvent]]:
    """Return the starts and ends of sessions since a time, oldest first.

    Args:
        database: The database that has the sessions.
        since: Earliest time, with a time zone.

    Returns:
        Events, each with its time.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    # The query selects by state, since state has an index; a session ends after it starts.
    query = {
        "$or": [
            {"state": {"$in": [SessionState.ACTIVE, SessionState.CLOSING]}},
            {
                "state": {"$in": [SessionState.CLOSED, SessionState.SUPERSEDED]},
                "endedAt": {"$gte": since},
            },
        ]
    }
    async with database.operation():
        found = await database.documents["sessions"].find(query, _FIELDS).to_list()
    told = [happening for document in found for happening in _of(document)]
    return sorted(
        (happening for happening in told if happening[0] >= since), key=lambda told: told[0]
    )


def _of(document: Document) -> list[tuple[datetime, SessionEvent]]:
    session_id, class_id = str(document["_id"]), str(document["classId"])
    begun = SessionStarted(session_id, class_id, str(document["teacherId"]))
    told: list[tuple[datetime, SessionEvent]] = [(document["startedAt"], begun)]
    if document["state"] == SessionState.CLOSED:
        counts = document["summary"]
        numbers = (counts["present"], counts["absent"], counts["total"])
        told.append((document["endedAt"], SessionDone(session_id, class_id, *numbers)))
    elif document["state"] == SessionState.SUPERSEDED:
        told.append((document["endedAt"], SessionSuperseded(session_id, class_id)))
    return told
