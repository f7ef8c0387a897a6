"""What happened to sessions, told again from the database.

``on_event`` is called once, by the process that caused the event. When that process dies before,
nobody hears of it; but the session's document has it.
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
    """The beginnings and ends of sessions since a moment, each with its time, oldest first.

    Args:
        database: Where the sessions are.
        since: A time with a zone.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    # Said by state, as there is an index for that; a session has ended after it began.
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
